//! How a variant is trained when nothing else is asked for.

use std::fmt;

use retrograd_nn::{Adadelta, Adam, Optimizer, Param, RmsProp, Schedule, Sgd};
use retrograd_tensor::Float;

use super::compiled::Compiled;

/// Samples in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// This many.
    Of(usize),
    /// The whole training set.
    Full,
}

/// The optimisers that recipes name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizerKind {
    /// [`Sgd`] without momentum.
    Sgd,
    /// [`Adam`] with the paper's settings.
    Adam,
    /// [`Adadelta`] with Keras's settings.
    Adadelta,
    /// [`RmsProp`] with PyTorch's settings.
    RmsProp,
}

impl OptimizerKind {
    /// An optimiser of this kind for these parameters.
    #[must_use]
    pub fn build<T: Compiled>(
        self,
        learning_rate: f64,
        params: Vec<(String, Param<T>)>,
    ) -> Optimizer<T> {
        T::optimizer(self, learning_rate, params)
    }

    pub(super) fn optimizer<T: Float>(
        self,
        learning_rate: f64,
        params: Vec<(String, Param<T>)>,
    ) -> Optimizer<T> {
        match self {
            Self::Sgd => Optimizer::new(Sgd::default(), learning_rate, params),
            Self::Adam => Optimizer::new(Adam::default(), learning_rate, params),
            Self::Adadelta => Optimizer::new(Adadelta::default(), learning_rate, params),
            Self::RmsProp => Optimizer::new(RmsProp::default(), learning_rate, params),
        }
    }
}

impl fmt::Display for OptimizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::Adadelta => "adadelta",
            Self::RmsProp => "rmsprop",
        })
    }
}

/// How a variant is trained when nothing else is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Passes over the training set.
    pub epochs: u64,
    /// Samples in a step.
    pub batch_size: BatchSize,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// Its step size.
    pub learning_rate: f64,
    /// How the step size changes.
    pub schedule: Schedule,
}

impl Recipe {
    /// A recipe in batches of `batch_size`, at one rate throughout.
    pub(crate) fn new(
        epochs: u64,
        batch_size: usize,
        optimizer: OptimizerKind,
        learning_rate: f64,
    ) -> Self {
        Self {
            epochs,
            batch_size: BatchSize::Of(batch_size),
            optimizer,
            learning_rate,
            schedule: Schedule::Constant,
        }
    }
}
