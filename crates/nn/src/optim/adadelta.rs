//! Adadelta: steps in the units of the parameter, with hardly a learning rate.

use retrograd_tensor::Float;
use retrograd_tensor::simd::{Kernel, Math};

use super::UpdateRule;

/// Adadelta (Zeiler 2012, algorithm 1), with PyTorch's learning rate as a factor.
///
/// ```text
/// v ← ρ v + (1 − ρ) g²
/// d = g √(u + ε) / √(v + ε)
/// u ← ρ u + (1 − ρ) d²
/// θ ← θ − γ d
/// ```
///
/// State below the smallest normal number becomes 0: arithmetic on subnormal numbers is slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta {
    /// ρ: how long squares are remembered.
    pub rho: f64,
    /// ε: starts the motion and keeps the division finite.
    pub epsilon: f64,
}

impl Default for Adadelta {
    /// Keras's values, 0.95 and 1e-7, for use with a learning rate of 1.
    fn default() -> Self {
        Self {
            rho: 0.95,
            epsilon: 1e-7,
        }
    }
}

impl<T: Float> UpdateRule<T> for Adadelta {
    fn slots(&self) -> usize {
        2
    }

    fn update(
        &self,
        _step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        let [v, u] = state else {
            unreachable!("two slots are asked for")
        };
        T::dispatch(Step {
            rho: T::from_f64(self.rho),
            rest: T::from_f64(1.0 - self.rho),
            epsilon: T::from_f64(self.epsilon),
            rate: T::from_f64(learning_rate),
            parameter,
            gradient,
            v,
            u,
        });
    }
}

/// The loop, compiled for every instruction set.
struct Step<'a, T> {
    rho: T,
    /// 1 − ρ
    rest: T,
    epsilon: T,
    rate: T,
    parameter: &'a mut [T],
    gradient: &'a [T],
    v: &'a mut [T],
    u: &'a mut [T],
}

impl<T: Float> Kernel<T> for Step<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        let Self {
            rho, rest, epsilon, ..
        } = self;
        let state = self.v.iter_mut().zip(self.u);
        let gradient = self.gradient.iter().zip(state);
        for (p, (&g, (v, u))) in self.parameter.iter_mut().zip(gradient) {
            *v = (rho * *v + rest * g * g).without_subnormal();
            let d = g * (*u + epsilon).sqrt() / (*v + epsilon).sqrt();
            *u = (rho * *u + rest * d * d).without_subnormal();
            *p = *p - self.rate * d;
        }
    }
}
