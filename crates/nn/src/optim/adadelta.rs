//! Adadelta: steps in the units of the parameter, with hardly a learning rate.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::Running;
use super::walk::walk;

/// Adadelta (Zeiler 2012, algorithm 1), with PyTorch's learning rate as a factor.
///
/// ```text
/// v ← ρ v + (1 − ρ) g²
/// d = g √(u + ε) / √(v + ε)
/// u ← ρ u + (1 − ρ) d²
/// θ ← θ − γ d
/// ```
///
/// State below the smallest normal number becomes 0: arithmetic on subnormal numbers is slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta {
    /// ρ: how long squares are remembered.
    pub rho: f64,
    /// ε: starts the motion and keeps the division finite.
    pub epsilon: f64,
}

impl Default for Adadelta {
    /// Keras's values, 0.95 and 1e-7, for use with a learning rate of 1.
    fn default() -> Self {
        Self {
            rho: 0.95,
            epsilon: 1e-7,
        }
    }
}

impl UpdateRule for Adadelta {
    fn name(&self) -> &'static str {
        "adadelta"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["v", "u"]
    }

    fn update<T: Float>(
        &self,
        _step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let (rate, epsilon) = (T::from_f64(learning_rate), T::from_f64(self.epsilon));
        let running = Running::new(self.rho);
        walk(parameter, gradient, state, move |p, g, [v, u]| {
            running.take(v, g * g);
            let d = g * (*u + epsilon).sqrt() / (*v + epsilon).sqrt();
            running.take(u, d * d);
            p - rate * d
        });
    }
}
