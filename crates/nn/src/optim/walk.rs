//! The loop of an update rule over a parameter, its gradient and its state.

use retrograd_tensor::Float;
use retrograd_tensor::simd::{Kernel, Math};

/// p ← `f(p, g, state)` for every element, with its `N` numbers of state, which `f` may change; one
/// pass, compiled for every instruction set.
///
/// `f` owns its constants (`move`): behind references they could change with every store, and the
/// loop would go number by number.
pub(super) fn walk<T: Float, const N: usize>(
    parameter: &mut [T],
    gradient: &[T],
    state: &mut [&mut [T]],
    f: impl Fn(T, T, &mut [T; N]) -> T,
) {
    let mut slots = state.iter_mut();
    let state = [(); N].map(|()| {
        let slot = slots.next().expect("as many slots as were asked for");
        &mut **slot
    });
    T::dispatch(Walk {
        parameter,
        gradient,
        state,
        f,
    });
}

struct Walk<'a, T, F, const N: usize> {
    parameter: &'a mut [T],
    gradient: &'a [T],
    state: [&'a mut [T]; N],
    f: F,
}

impl<T: Float, F: Fn(T, T, &mut [T; N]) -> T, const N: usize> Kernel<T> for Walk<'_, T, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        // One length for all, so that no index is checked in the loop.
        let len = self.parameter.len();
        let (parameter, gradient, f) = (self.parameter, &self.gradient[..len], self.f);
        let state = self.state.map(|slot| &mut slot[..len]);
        for i in 0..len {
            let mut numbers = std::array::from_fn(|slot| state[slot][i]);
            parameter[i] = f(parameter[i], gradient[i], &mut numbers);
            for (slot, number) in numbers.into_iter().enumerate() {
                state[slot][i] = number.without_subnormal();
            }
        }
    }
}
