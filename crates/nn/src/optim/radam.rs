//! RAdam: Adam that does not trust its estimate of the gradient's size at first.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::{Running, correction};
use super::walk::walk;

/// Rectified Adam (Liu et al. 2020, algorithm 2; PyTorch's form).
///
/// ```text
/// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
/// ρ∞ = 2 / (1 − β₂) − 1          ρ = ρ∞ − 2t β₂ᵗ / (1 − β₂ᵗ)
/// θ ← θ − γ m̂ r √(1 − β₂ᵗ) / (√v + ε)    if ρ > 5, r² = (ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ)
/// θ ← θ − γ m̂                             before that
/// ```
///
/// ρ is how many gradients the mean of squares amounts to; of few, its inverse root has no finite
/// variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// β₁: how long the mean is remembered.
    pub beta1: f64,
    /// β₂: how long the size is remembered.
    pub beta2: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
}

impl Default for RAdam {
    /// The paper's values: 0.9, 0.999, 1e-8.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl RAdam {
    /// What the adaptive step is multiplied with, once there is one.
    fn rectification(&self, step: u64) -> Option<f64> {
        let longest = 2.0 / (1.0 - self.beta2) - 1.0;
        let power = self.beta2.powf(step as f64);
        let length = longest - 2.0 * step as f64 * power / (1.0 - power);
        let shape = |length: f64| (length - 4.0) * (length - 2.0) / length;
        (length > 5.0).then(|| (shape(length) / shape(longest)).sqrt())
    }
}

impl UpdateRule for RAdam {
    fn name(&self) -> &'static str {
        "radam"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let (mean, size) = (Running::new(self.beta1), Running::new(self.beta2));
        let rate = learning_rate * correction(self.beta1, step);
        let Some(rectification) = self.rectification(step) else {
            let rate = T::from_f64(rate);
            return walk(parameter, gradient, state, move |p, g, [m, v]| {
                mean.take(m, g);
                size.take(v, g * g);
                p - rate * *m
            });
        };
        let root = correction(self.beta2, step).sqrt().recip();
        let rate = T::from_f64(rate * rectification * root);
        let epsilon = T::from_f64(self.epsilon);
        walk(parameter, gradient, state, move |p, g, [m, v]| {
            mean.take(m, g);
            size.take(v, g * g);
            p - rate * *m / (v.sqrt() + epsilon)
        });
    }
}
