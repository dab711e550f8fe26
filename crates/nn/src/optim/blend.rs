//! A mean that moves towards what it sees.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::walk::walk;

/// θ̄ ← θ̄ + s (θ − θ̄), with s for the learning rate and θ for the gradient: the pass of an average.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blend;

impl UpdateRule for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    fn update<T: Float>(
        &self,
        _step: u64,
        share: f64,
        average: &mut [T],
        newest: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        // Written so that a share of 1 gives the newest to the bit.
        let (kept, share) = (T::from_f64(1.0 - share), T::from_f64(share));
        walk(average, newest, state, move |average, newest, []| {
            kept * average + share * newest
        });
    }
}
