//! One step of one parameter, in parallel stretches.

use retrograd_tensor::Float;
use smallvec::SmallVec;

use super::clip::Clipped;
use super::rule::UpdateRule;

/// Elements updated as one unit of parallel work.
const CHUNK: usize = 1 << 15;

/// State slots of a stretch, inline.
pub(crate) type Slots<'a, T> = SmallVec<[&'a mut [T]; 4]>;

/// One step of one parameter.
#[derive(Clone, Copy)]
pub(crate) struct Update<'a, T: Float> {
    pub(crate) rule: &'a dyn UpdateRule<T>,
    pub(crate) step: u64,
    pub(crate) learning_rate: f64,
}

impl<T: Float> Update<'_, T> {
    /// Halves a stretch of the parameter until it is a chunk; the halves are updated in parallel.
    pub(crate) fn apply(
        self,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        mut state: Slots<'_, T>,
    ) {
        if parameter.len() <= CHUNK {
            let (step, rate) = (self.step, self.learning_rate);
            return self
                .rule
                .update(step, rate, parameter, gradient, &mut state);
        }
        let half = (parameter.len() / 2).next_multiple_of(CHUNK);
        let (first, second) = parameter.split_at_mut(half);
        let (first_gradient, second_gradient) = gradient.split_at(half);
        let halves = state.into_iter().map(|slot| slot.split_at_mut(half));
        let (first_state, second_state) = halves.unzip();
        rayon::join(
            || self.apply(first, first_gradient, first_state),
            || self.apply(second, second_gradient, second_state),
        );
    }
}
