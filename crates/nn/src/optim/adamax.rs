//! Adamax: Adam with the largest gradient in place of the mean square.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::{Running, correction};
use super::walk::walk;

/// Adamax (Kingma and Ba 2015, algorithm 2; PyTorch's place of ε).
///
/// ```text
/// m ← β₁ m + (1 − β₁) g          u ← max(β₂ u, |g| + ε)
/// θ ← θ − γ / (1 − β₁ᵗ) · m / u
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax {
    /// β₁: how long the mean is remembered.
    pub beta1: f64,
    /// β₂: how long a large gradient is remembered.
    pub beta2: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
}

impl Default for Adamax {
    /// The paper's values: 0.9, 0.999, 1e-8.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl UpdateRule for Adamax {
    fn name(&self) -> &'static str {
        "adamax"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["m", "u"]
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let rate = T::from_f64(learning_rate * correction(self.beta1, step));
        let (beta2, epsilon) = (T::from_f64(self.beta2), T::from_f64(self.epsilon));
        let mean = Running::new(self.beta1);
        walk(parameter, gradient, state, move |p, g, [m, u]| {
            mean.take(m, g);
            *u = (beta2 * *u).maximum(g.abs() + epsilon);
            p - rate * *m / *u
        });
    }
}
