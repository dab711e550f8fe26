//! Adagrad: a rate for every weight, smaller the more it has moved.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::walk::walk;

/// Adagrad (Duchi, Hazan and Singer 2011; PyTorch's form).
///
/// ```text
/// s ← s + g²
/// θ ← θ − γ / (1 + (t − 1) η) · g / (√(s + s₀) + ε)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// η: how the rate falls with the steps.
    pub rate_decay: f64,
    /// s₀: the sum of squares to start from.
    pub initial_sum: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
}

impl Default for Adagrad {
    /// PyTorch's values: no decay, a sum from 0, 1e-10.
    fn default() -> Self {
        Self {
            rate_decay: 0.0,
            initial_sum: 0.0,
            epsilon: 1e-10,
        }
    }
}

impl UpdateRule for Adagrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let steps_before = (step - 1) as f64;
        let rate = T::from_f64(learning_rate / (1.0 + steps_before * self.rate_decay));
        let (initial, epsilon) = (T::from_f64(self.initial_sum), T::from_f64(self.epsilon));
        walk(parameter, gradient, state, move |p, g, [sum]| {
            *sum += g * g;
            p - rate * g / ((*sum + initial).sqrt() + epsilon)
        });
    }
}
