//! Gradient descent, plain or with momentum.

use retrograd_tensor::Float;
use retrograd_tensor::simd::{Kernel, Math};

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
            return T::dispatch(Plain {
                rate,
                parameter,
                gradient,
            });
        };
        T::dispatch(WithMomentum {
            rate,
            momentum: T::from_f64(self.momentum),
            nesterov: self.nesterov,
            parameter,
            gradient,
            velocity,
        });
    }
}

/// The loop without momentum, compiled for every instruction set.
struct Plain<'a, T> {
    rate: T,
    parameter: &'a mut [T],
    gradient: &'a [T],
}

impl<T: Float> Kernel<T> for Plain<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        for (p, &g) in self.parameter.iter_mut().zip(self.gradient) {
            *p = *p - self.rate * g;
        }
    }
}

/// The loop with momentum. The buffer b starts at 0, so the first step gives b₁ = g.
struct WithMomentum<'a, T> {
    rate: T,
    momentum: T,
    nesterov: bool,
    parameter: &'a mut [T],
    gradient: &'a [T],
    velocity: &'a mut [T],
}

impl<T: Float> Kernel<T> for WithMomentum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        let momentum = self.momentum;
        let gradient = self.gradient.iter().zip(self.velocity);
        for (p, (&g, b)) in self.parameter.iter_mut().zip(gradient) {
            *b = (momentum * *b + g).without_subnormal();
            let direction = if self.nesterov { g + momentum * *b } else { *b };
            *p = *p - self.rate * direction;
        }
    }
}
