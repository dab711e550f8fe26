//! AdamW: Adam whose weights decay apart from the gradient.

use retrograd_tensor::Float;

use super::adam::Adam;
use super::clip::Clipped;
use super::rule::UpdateRule;

/// Adam with a decay of its own (Loshchilov and Hutter 2019, algorithm 2; PyTorch's form).
///
/// ```text
/// θ ← (1 − γλ) θ − γ m̂ / (√v̂ + ε)
/// ```
///
/// with m̂ and v̂ of the plain gradient. The decay is the same for every weight, while a penalty in
/// the loss ([`Adam::weight_decay`]) is divided by the gradient's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// β₁: how long the mean is remembered.
    pub beta1: f64,
    /// β₂: how long the size is remembered.
    pub beta2: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
    /// λ: the share of the parameter that a step of rate 1 would take away.
    pub weight_decay: f64,
    /// Divide by the largest size so far.
    pub amsgrad: bool,
}

impl Default for AdamW {
    /// PyTorch's values: those of [`Adam`], and a decay of 0.01.
    fn default() -> Self {
        let Adam {
            beta1,
            beta2,
            epsilon,
            amsgrad,
            ..
        } = Adam::default();
        Self {
            beta1,
            beta2,
            epsilon,
            weight_decay: 0.01,
            amsgrad,
        }
    }
}

impl AdamW {
    fn adam(&self) -> Adam {
        Adam {
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            weight_decay: 0.0,
            amsgrad: self.amsgrad,
        }
    }
}

impl UpdateRule for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn slots(&self) -> &'static [&'static str] {
        UpdateRule::slots(&self.adam())
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let keep = 1.0 - learning_rate * self.weight_decay;
        self.adam()
            .update_keeping(keep, step, learning_rate, parameter, gradient, state);
    }

    fn with_weight_decay(&self, weight_decay: f64) -> Option<Self> {
        Some(Self {
            weight_decay,
            ..*self
        })
    }
}
