//! Gradient descent, plain or with momentum.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::walk::walk;

/// Stochastic gradient descent with momentum (Polyak 1964; Nesterov 1983; PyTorch's form).
///
/// ```text
/// g ← g + λ θ
/// b₁ = g,  bₜ = μ bₜ₋₁ + (1 − τ) g
/// θ ← θ − γ b            (plain: μ = 0, b = g)
/// θ ← θ − γ (g + μ b)    (Nesterov)
/// ```
///
/// State below the smallest normal number becomes 0: arithmetic on subnormal numbers is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// μ: how much of the last step is kept; 0 for none.
    pub momentum: f64,
    /// τ: how much less of a gradient than all of it adds to the momentum.
    pub dampening: f64,
    /// Look ahead along the momentum.
    pub nesterov: bool,
    /// λ: the slope of ½λθ², added to the gradient.
    pub weight_decay: f64,
}

impl UpdateRule for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["b"] }
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let (rate, decay) = (T::from_f64(learning_rate), T::from_f64(self.weight_decay));
        if self.momentum == 0.0 {
            return walk(parameter, gradient, state, move |p, g, []| {
                p - rate * (g + decay * p)
            });
        }
        let momentum = T::from_f64(self.momentum);
        // The first gradient counts in full.
        let share = T::from_f64(if step == 1 { 1.0 } else { 1.0 - self.dampening });
        let nesterov = self.nesterov;
        walk(parameter, gradient, state, move |p, g, [b]| {
            let g = g + decay * p;
            *b = momentum * *b + share * g;
            p - rate * if nesterov { g + momentum * *b } else { *b }
        });
    }

    fn with_weight_decay(&self, weight_decay: f64) -> Option<Self> {
        Some(Self {
            weight_decay,
            ..*self
        })
    }
}
