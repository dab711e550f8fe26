//! One step of one parameter, in parallel stretches.

use retrograd_tensor::parallel;
use smallvec::SmallVec;

use super::clip::Clipped;
use super::rule::{DynUpdateRule, Stretch, Updated};

/// Elements updated as one unit of parallel work.
const CHUNK: usize = 1 << 15;

/// State slots of a stretch, inline.
pub(crate) type Slots<'a, T> = SmallVec<[&'a mut [T]; 4]>;

/// One step of one parameter.
#[derive(Clone, Copy)]
pub(crate) struct Update<'a> {
    pub(crate) rule: &'a dyn DynUpdateRule,
    pub(crate) step: u64,
    pub(crate) learning_rate: f64,
}

impl Update<'_> {
    /// Halves a stretch of the parameter until it is a chunk; the halves are updated in parallel.
    pub(crate) fn apply<T: Updated>(
        self,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        mut state: Slots<'_, T>,
    ) {
        if parameter.len() <= CHUNK {
            let stretch = Stretch {
                step: self.step,
                learning_rate: self.learning_rate,
                parameter,
                gradient,
                state: &mut state,
            };
            return T::update(self.rule, stretch);
        }
        let half = (parameter.len() / 2).next_multiple_of(CHUNK);
        let (first, second) = parameter.split_at_mut(half);
        let (first_gradient, second_gradient) = gradient.split_at(half);
        let halves = state.into_iter().map(|slot| slot.split_at_mut(half));
        let (first_state, second_state) = halves.unzip();
        parallel::join(
            || self.apply(first, first_gradient, first_state),
            || self.apply(second, second_gradient, second_state),
        );
    }
}
