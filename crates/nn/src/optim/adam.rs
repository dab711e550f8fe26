//! Adam: steps scaled by running estimates of the gradient's mean and size.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::{Running, correction};
use super::walk::walk;

/// Adam (Kingma and Ba 2015, algorithm 1), and AMSGrad (Reddi, Kale and Kumar 2018).
///
/// ```text
/// g ← g + λ θ
/// m ← β₁ m + (1 − β₁) g          m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²         v̂ = v / (1 − β₂ᵗ)
/// θ ← θ − γ m̂ / (√v̂ + ε)         (AMSGrad: with the largest v so far)
/// ```
///
/// State below the smallest normal number becomes 0: arithmetic on subnormal numbers is slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// β₁: how long the mean is remembered.
    pub beta1: f64,
    /// β₂: how long the size is remembered.
    pub beta2: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
    /// λ: the slope of ½λθ², added to the gradient. [`AdamW`](super::AdamW) decays apart from it.
    pub weight_decay: f64,
    /// Divide by the largest size so far, so that steps never grow again.
    pub amsgrad: bool,
}

impl Default for Adam {
    /// The paper's values: 0.9, 0.999, 1e-8; no decay.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            amsgrad: false,
        }
    }
}

impl UpdateRule for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad {
            &["m", "v", "largest"]
        } else {
            &["m", "v"]
        }
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        self.update_keeping(1.0, step, learning_rate, parameter, gradient, state);
    }

    fn with_weight_decay(&self, weight_decay: f64) -> Option<Self> {
        Some(Self {
            weight_decay,
            ..*self
        })
    }
}

impl Adam {
    /// A step from `keep` times the parameter.
    pub(super) fn update_keeping<T: Float>(
        &self,
        keep: f64,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let (keep, decay) = (T::from_f64(keep), T::from_f64(self.weight_decay));
        let mean = Running::new(self.beta1);
        let size = Running::new(self.beta2);
        // The corrections depend on the step alone: folded into two factors, in f64.
        let rate = T::from_f64(learning_rate * correction(self.beta1, step));
        let inverse_root = T::from_f64(correction(self.beta2, step).sqrt());
        let epsilon = T::from_f64(self.epsilon);
        let moved =
            move |p: T, m: T, v: T| keep * p - rate * m / (v.sqrt() * inverse_root + epsilon);
        if self.amsgrad {
            walk(parameter, gradient, state, move |p, g, [m, v, largest]| {
                let g = g + decay * p;
                mean.take(m, g);
                size.take(v, g * g);
                *largest = largest.maximum(*v);
                moved(p, *m, *largest)
            });
        } else {
            walk(parameter, gradient, state, move |p, g, [m, v]| {
                let g = g + decay * p;
                mean.take(m, g);
                size.take(v, g * g);
                moved(p, *m, *v)
            });
        }
    }
}
