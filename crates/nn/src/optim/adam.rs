//! Adam: steps scaled by running estimates of the gradient's mean and size.

use retrograd_tensor::Float;
use retrograd_tensor::simd::{Kernel, Math};

use super::UpdateRule;

/// Adam (Kingma and Ba 2015, algorithm 1).
///
/// ```text
/// m ← β₁ m + (1 − β₁) g          m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²         v̂ = v / (1 − β₂ᵗ)
/// θ ← θ − γ m̂ / (√v̂ + ε)
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
}

impl Default for Adam {
    /// The paper's values: 0.9, 0.999, 1e-8.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl<T: Float> UpdateRule<T> for Adam {
    fn slots(&self) -> usize {
        2
    }

    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        let [m, v] = state else {
            unreachable!("two slots are asked for")
        };
        // The corrections depend on the step alone: folded into two factors, in f64.
        let correction1 = 1.0 - self.beta1.powf(step as f64);
        let correction2 = 1.0 - self.beta2.powf(step as f64);
        T::dispatch(Step {
            beta1: T::from_f64(self.beta1),
            beta2: T::from_f64(self.beta2),
            one_minus_beta1: T::from_f64(1.0 - self.beta1),
            one_minus_beta2: T::from_f64(1.0 - self.beta2),
            rate: T::from_f64(learning_rate / correction1),
            inverse_root: T::from_f64(correction2.sqrt().recip()),
            epsilon: T::from_f64(self.epsilon),
            parameter,
            gradient,
            m,
            v,
        });
    }
}

/// The loop, compiled for every instruction set.
struct Step<'a, T> {
    beta1: T,
    beta2: T,
    one_minus_beta1: T,
    one_minus_beta2: T,
    /// γ / (1 − β₁ᵗ)
    rate: T,
    /// 1 / √(1 − β₂ᵗ)
    inverse_root: T,
    epsilon: T,
    parameter: &'a mut [T],
    gradient: &'a [T],
    m: &'a mut [T],
    v: &'a mut [T],
}

impl<T: Float> Kernel<T> for Step<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        let state = self.m.iter_mut().zip(self.v);
        let gradient = self.gradient.iter().zip(state);
        for (p, (&g, (m, v))) in self.parameter.iter_mut().zip(gradient) {
            *m = (self.beta1 * *m + self.one_minus_beta1 * g).without_subnormal();
            *v = (self.beta2 * *v + self.one_minus_beta2 * g * g).without_subnormal();
            *p = *p - self.rate * *m / (v.sqrt() * self.inverse_root + self.epsilon);
        }
    }
}
