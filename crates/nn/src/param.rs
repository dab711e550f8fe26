//! A value that training changes.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Shape, Tensor};

/// A shared handle to a trainable tensor.
///
/// Clones are the same parameter: a layer that holds a clone of another layer's weight has tied
/// weights, and its gradient is the sum of both uses.
#[doc(alias = "Parameter")]
#[doc(alias = "Variable")]
#[derive(Clone)]
pub struct Param(Arc<Inner>);

struct Inner {
    id: u64,
    name: RwLock<Arc<str>>,
    value: RwLock<Tensor>,
    trainable: AtomicBool,
}

impl Param {
    /// A trainable parameter with this start value.
    #[must_use]
    pub fn new(value: Tensor) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: RwLock::new("parameter".into()),
            value: RwLock::new(value),
            trainable: AtomicBool::new(true),
        }))
    }

    /// The number that tells this parameter from all others of the process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Its path in the model, once an [`Optimizer`](crate::Optimizer) of the model has met it.
    #[must_use]
    pub fn name(&self) -> String {
        self.shared_name().to_string()
    }

    /// The name for tapes, each of which would otherwise copy it.
    fn shared_name(&self) -> Arc<str> {
        let name = self.0.name.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&name)
    }

    pub(crate) fn set_name(&self, name: &str) {
        *self.0.name.write().unwrap_or_else(PoisonError::into_inner) = name.into();
    }

    /// The current value.
    #[must_use]
    pub fn value(&self) -> Tensor {
        self.0
            .value
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Size along each axis.
    #[must_use]
    pub fn shape(&self) -> Shape {
        *self.value().shape()
    }

    /// The type of the elements.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.value().dtype()
    }

    /// Replaces the value by one of the same shape, rounded to the type of this parameter.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn set(&self, value: Tensor) {
        assert!(
            *value.shape() == self.shape(),
            "{}: a value of shape {} for {}",
            self.name(),
            value.shape(),
            self.shape()
        );
        self.update(|old| *old = value.cast(old.dtype()));
    }

    /// Makes the elements ones of another type, rounded to nearest.
    pub fn cast(&self, dtype: DType) {
        self.update(|value| *value = value.cast(dtype));
    }

    /// Panics unless what belongs to the parameter has its type, as it has not if the model was cast since.
    #[track_caller]
    pub(crate) fn expect_type_of(&self, kept: &Tensor, keeper: &str) {
        let (now, then) = (self.dtype(), kept.dtype());
        assert!(
            now == then,
            "{keeper}: {} is {now} and was {then} when the {keeper} was made; cast a model (Module::to) before \
             what is made for it",
            self.name()
        );
    }

    /// Changes the value; in place if nobody else holds its buffer.
    pub(crate) fn update<V>(&self, change: impl FnOnce(&mut Tensor) -> V) -> V {
        change(&mut self.0.value.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether optimisers move it.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Freezes it (`false`) or lets it be trained.
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Relaxed);
    }

    /// The parameter as an operand beside `x`: a leaf of the tape that `x` belongs to, the same
    /// one at every use; a constant if frozen or if there is no tape.
    #[track_caller]
    #[must_use]
    pub fn beside(&self, x: &Var) -> Var {
        match x.tape() {
            Some(tape) if self.is_trainable() => {
                tape.keyed_leaf(self.id(), self.shared_name(), self.value())
            }
            Some(tape) => tape.constant(self.value()),
            None => Var::constant(self.value()),
        }
    }
}

impl fmt::Debug for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frozen = if self.is_trainable() { "" } else { ", frozen" };
        write!(f, "Param({} {}{frozen})", self.name(), self.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::Tape;

    #[test]
    fn two_uses_are_one_leaf_and_a_frozen_one_is_none() {
        let param = Param::new(Tensor::scalar(3.0));
        let tape = Tape::new();
        let x = tape.constant(Tensor::scalar(2.0));
        let y = &x * param.beside(&x) * param.clone().beside(&x);
        assert_eq!(y.backward().of_key(param.id()).unwrap().item(), 12.0);
        param.set_trainable(false);
        assert!(!param.beside(&x).is_tracked());
    }

    #[test]
    fn an_update_is_in_place_once_the_step_is_over() {
        let param = Param::new(Tensor::zeros([3], DType::F64));
        let tape = Tape::new();
        let y = param
            .beside(&tape.constant(Tensor::zeros([3], DType::F64)))
            .square()
            .sum(..);
        let gradients = y.backward();
        assert!(gradients.of_key(param.id()).is_some());
        assert!(
            param.update(|value| value.is_unique()),
            "the sweep let go of the parameter"
        );
    }
}
