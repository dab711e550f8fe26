//! Gradient descent, plain or with momentum.

use retrograd_tensor::Float;

use super::UpdateRule;

/// Stochastic gradient descent with momentum (Polyak 1964; Nesterov 1983; PyTorch's form).
///
/// ```text
/// b₁ = g,  bₜ = μ bₜ₋₁ + g
/// θ ← θ − γ b            (plain: μ = 0)
/// θ ← θ − γ (g + μ b)    (Nesterov)
/// ```
///
/// State below the smallest normal number becomes 0: arithmetic on subnormal numbers is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// μ: how much of the last step is kept; 0 for none.
    pub momentum: f64,
    /// Look ahead along the momentum.
    pub nesterov: bool,
}

impl<T: Float> UpdateRule<T> for Sgd {
    fn slots(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    fn update(
        &self,
        _step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        let rate = T::from_f64(learning_rate);
        let [velocity] = state else {
            return parameter
                .iter_mut()
                .zip(gradient)
                .for_each(|(p, &g)| *p = *p - rate * g);
        };
        // The buffer starts at 0, so the first step gives b₁ = g.
        let momentum = T::from_f64(self.momentum);
        for ((p, &g), b) in parameter.iter_mut().zip(gradient).zip(velocity.iter_mut()) {
            *b = (momentum * *b + g).without_subnormal();
            let direction = if self.nesterov { g + momentum * *b } else { *b };
            *p = *p - rate * direction;
        }
    }
}
