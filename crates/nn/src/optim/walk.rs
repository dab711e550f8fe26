//! The loop of an update rule over a parameter, its gradient and its state.

use retrograd_tensor::Float;
use retrograd_tensor::simd::{Kernel, Math};

use super::clip::{Bounds, Clipped};

/// p ← `f(p, g, state)` for every element, with g clipped and its `N` numbers of state, which `f` may
/// change; one pass, compiled for every instruction set.
///
/// `f` owns its constants (`move`): behind references they could change with every store, and the
/// loop would go number by number.
pub(super) fn walk<T: Float, const N: usize>(
    parameter: &mut [T],
    gradient: Clipped<'_, T>,
    state: &mut [&mut [T]],
    f: impl Fn(T, T, &mut [T; N]) -> T,
) {
    let mut slots = state.iter_mut();
    let state = [(); N].map(|()| {
        let slot = slots.next().expect("as many slots as were asked for");
        &mut **slot
    });
    let (gradient, bounds) = gradient.parts();
    T::dispatch(Walk {
        parameter,
        gradient,
        bounds,
        state,
        f,
    });
}

struct Walk<'a, T, F, const N: usize> {
    parameter: &'a mut [T],
    gradient: &'a [T],
    bounds: Bounds<T>,
    state: [&'a mut [T]; N],
    f: F,
}

impl<T: Float, F: Fn(T, T, &mut [T; N]) -> T, const N: usize> Kernel<T> for Walk<'_, T, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        // One length for all, so that no index is checked in the loop.
        let len = self.parameter.len();
        let (parameter, gradient) = (self.parameter, &self.gradient[..len]);
        let (bounds, f) = (self.bounds, self.f);
        let state = self.state.map(|slot| &mut slot[..len]);
        for i in 0..len {
            let mut numbers = std::array::from_fn(|slot| state[slot][i]);
            parameter[i] = f(parameter[i], bounds.hold(gradient[i]), &mut numbers);
            for (slot, number) in numbers.into_iter().enumerate() {
                state[slot][i] = number.without_subnormal();
            }
        }
    }
}
