//! Running means that forget what is long ago.

use retrograd_tensor::Float;

/// A running mean that forgets by a factor β a step.
#[derive(Clone, Copy)]
pub(super) struct Running<T> {
    beta: T,
    /// 1 − β
    rest: T,
}

impl<T: Float> Running<T> {
    pub(super) fn new(beta: f64) -> Self {
        Self {
            beta: T::from_f64(beta),
            rest: T::from_f64(1.0 - beta),
        }
    }

    /// `mean` ← β `mean` + (1 − β) `x`
    #[inline(always)]
    pub(super) fn take(self, mean: &mut T, x: T) {
        *mean = self.beta * *mean + self.rest * x;
    }
}

/// 1 / (1 − βᵗ): what makes a running mean that started at 0 a mean of what it has seen.
pub(super) fn correction(beta: f64, step: u64) -> f64 {
    (1.0 - beta.powf(step as f64)).recip()
}
