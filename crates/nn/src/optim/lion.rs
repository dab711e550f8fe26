//! Lion: steps of one size, along the sign of the momentum.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::Running;
use super::walk::walk;

/// Lion (Chen et al. 2023, algorithm 2).
///
/// ```text
/// c = β₁ m + (1 − β₁) g
/// θ ← (1 − γλ) θ − γ sign(c)
/// m ← β₂ m + (1 − β₂) g
/// ```
///
/// Its learning rate is best a third to a tenth of Adam's, and λ larger by as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// β₁: how much the momentum counts in a step.
    pub beta1: f64,
    /// β₂: how long the momentum is remembered.
    pub beta2: f64,
    /// λ: the share of the parameter that a step of rate 1 would take away.
    pub weight_decay: f64,
}

impl Default for Lion {
    /// The paper's values: 0.9, 0.99; no decay.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.99,
            weight_decay: 0.0,
        }
    }
}

impl UpdateRule for Lion {
    fn name(&self) -> &'static str {
        "lion"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["m"]
    }

    fn update<T: Float>(
        &self,
        _step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let rate = T::from_f64(learning_rate);
        let keep = T::from_f64(1.0 - learning_rate * self.weight_decay);
        let (step, kept) = (Running::new(self.beta1), Running::new(self.beta2));
        walk(parameter, gradient, state, move |p, g, [m]| {
            let mut direction = *m;
            step.take(&mut direction, g);
            kept.take(m, g);
            keep * p - rate * direction.sign()
        });
    }

    fn with_weight_decay(&self, weight_decay: f64) -> Option<Self> {
        Some(Self {
            weight_decay,
            ..*self
        })
    }
}
