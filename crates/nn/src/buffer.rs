//! Values that belong to a layer, are saved with it, and are not trained.
//!
//! Running means, and the vectors of a power iteration, change from step to step without being
//! minimised over. So they are no [`Param`](crate::Param), but a file that left them out would not
//! bring the layer back.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use retrograd_autograd::{Mode, Var};
use retrograd_tensor::{DType, Shape, Tensor};

/// A shared handle to a tensor that is saved and loaded but not trained; clones are the same one.
#[doc(alias = "register_buffer")]
#[derive(Clone)]
pub struct Buffer(Arc<RwLock<Tensor>>);

impl Buffer {
    /// A buffer with this start value.
    #[must_use]
    pub fn new(value: Tensor) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }

    /// The current value.
    #[must_use]
    pub fn value(&self) -> Tensor {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Size along each axis.
    #[must_use]
    pub fn shape(&self) -> Shape {
        *self.value().shape()
    }

    /// Makes the elements ones of another type, rounded to nearest.
    pub fn cast(&self, dtype: DType) {
        let mut value = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *value = value.cast(dtype);
    }

    /// Replaces the value by one of the same shape, rounded to the type of this buffer.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn set(&self, value: Tensor) {
        let mut old = self.0.write().unwrap_or_else(PoisonError::into_inner);
        assert!(
            value.shape() == old.shape(),
            "buffer: a value of shape {} for {}",
            value.shape(),
            old.shape()
        );
        *old = value.cast(old.dtype());
    }

    /// The buffer as an operand beside `x`: a constant.
    #[must_use]
    pub fn beside(&self, x: &Var) -> Var {
        match x.tape() {
            Some(tape) => tape.constant(self.value()),
            None => Var::constant(self.value()),
        }
    }

    /// Whether both handles are of one buffer.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({})", self.shape())
    }
}

/// A shared whole number that is saved and loaded, such as how many batches a layer has seen;
/// in files a scalar of 64-bit integers, as PyTorch's `num_batches_tracked`.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// A counter at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The current count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Replaces the count.
    pub fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// One more; the new count.
    pub fn increment(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether both handles are of one counter.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Whether a layer that computes on `x` may change its buffers: in training, and not when the step
/// is only computed again ([`Tape::is_recomputing`](retrograd_autograd::Tape::is_recomputing)), so
/// that every batch counts once.
#[must_use]
pub fn may_change(x: &Var) -> bool {
    x.mode() == Mode::Training && x.tape().is_some_and(|tape| !tape.is_recomputing())
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::{Tape, checkpoint};
    use retrograd_tensor::random;

    #[test]
    fn clones_are_the_same_buffer() {
        let (buffer, counter) = (Buffer::new(Tensor::zeros([2], DType::F64)), Counter::new());
        buffer.clone().set(Tensor::ones([2], DType::F64));
        assert_eq!(buffer.value().to_vec(), [1.0, 1.0]);
        assert_eq!(counter.clone().increment(), 1);
        assert_eq!(counter.get(), 1);
        assert!(buffer.is(&buffer.clone()) && !buffer.is(&Buffer::new(buffer.value())));
        assert!(counter.is(&counter.clone()) && !counter.is(&Counter::new()));
    }

    #[test]
    #[should_panic(expected = "buffer: a value of shape [3] for [2]")]
    fn another_shape_is_refused() {
        Buffer::new(Tensor::zeros([2], DType::F64)).set(Tensor::zeros([3], DType::F64));
    }

    #[test]
    fn a_region_that_is_computed_again_counts_once() {
        let counter = Counter::new();
        let tape = Tape::new();
        let x = tape.leaf(Tensor::scalar(2.0));
        let count = counter.clone();
        let y = checkpoint(&[&x], move |x| {
            if may_change(&x[0]) {
                count.increment();
            }
            x[0].square()
        });
        assert_eq!(y.backward().of(&x).unwrap().item(), 4.0);
        assert_eq!(counter.get(), 1);
        let evaluation = Tape::with(Mode::Evaluation, random::rng(0));
        assert!(!may_change(&evaluation.constant(Tensor::scalar(1.0))));
        assert!(!may_change(&Var::constant(Tensor::scalar(1.0))));
    }
}
