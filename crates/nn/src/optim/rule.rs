//! What an update rule is.

use retrograd_tensor::Float;

use super::clip::Clipped;

/// A recurrence that moves parameters against their gradient.
///
/// Pure: everything it remembers is in the state slots it is handed, each of the size of the
/// parameter and 0 at first.
pub trait UpdateRule<T: Float>: Send + Sync {
    /// Its name, such as `adam`: the state of one rule does not fit another.
    fn name(&self) -> &'static str;

    /// The names of the state slots a parameter needs, as in the paper.
    fn slots(&self) -> &'static [&'static str];

    /// One step, the parameter's `step`-th (from 1), of a stretch of it, in a single pass.
    ///
    /// The gradient is clipped as it is read. The loop is best a
    /// [`Kernel`](retrograd_tensor::simd::Kernel): as plain code it is compiled for the oldest
    /// machines of the target. The rules of this crate show how.
    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    );

    /// The same rule with another weight decay, or `None` if it has none: what a
    /// [`Group`](super::Group) of its own decay needs.
    fn with_weight_decay(&self, _decay: f64) -> Option<Box<dyn UpdateRule<T>>> {
        None
    }
}

/// A rule that is chosen while the program runs.
impl<T: Float> UpdateRule<T> for Box<dyn UpdateRule<T>> {
    fn name(&self) -> &'static str {
        self.as_ref().name()
    }

    fn slots(&self) -> &'static [&'static str] {
        self.as_ref().slots()
    }

    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        self.as_ref()
            .update(step, learning_rate, parameter, gradient, state);
    }

    fn with_weight_decay(&self, decay: f64) -> Option<Box<dyn UpdateRule<T>>> {
        self.as_ref().with_weight_decay(decay)
    }
}
