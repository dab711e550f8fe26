//! How a variant is trained when nothing else is asked for.

use std::fmt;

use retrograd_nn::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, Optimizer, Param, RAdam, RmsProp,
    Schedule, Sgd,
};

use super::word::{Word, words};

/// Samples in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// This many.
    Of(usize),
    /// The whole training set.
    Full,
}

/// The optimisers that recipes name, with the settings of their sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizerKind {
    /// [`Sgd`] without momentum.
    Sgd,
    /// [`Sgd`] with a momentum of 0.9.
    Momentum,
    /// [`Adam`] with the paper's settings.
    Adam,
    /// [`AdamW`] with the paper's settings.
    AdamW,
    /// [`NAdam`] with PyTorch's settings.
    NAdam,
    /// [`RAdam`] with the paper's settings.
    RAdam,
    /// [`Adamax`] with the paper's settings.
    Adamax,
    /// [`Adagrad`] with PyTorch's settings.
    Adagrad,
    /// [`Adadelta`] with Keras's settings.
    Adadelta,
    /// [`RmsProp`] with PyTorch's settings.
    RmsProp,
    /// [`Lion`] with the paper's settings.
    Lion,
}

words!(OptimizerKind {
    Sgd = "sgd",
    Momentum = "momentum",
    Adam = "adam",
    AdamW = "adamw",
    NAdam = "nadam",
    RAdam = "radam",
    Adamax = "adamax",
    Adagrad = "adagrad",
    Adadelta = "adadelta",
    RmsProp = "rmsprop",
    Lion = "lion",
});

impl OptimizerKind {
    /// An optimiser of this kind for these parameters.
    #[must_use]
    pub fn build(self, learning_rate: f64, params: Vec<(String, Param)>) -> Optimizer {
        /// Of the method that goes by this name alone.
        const MOMENTUM: f64 = 0.9;
        match self {
            Self::Sgd => Optimizer::new(Sgd::default(), learning_rate, params),
            Self::Momentum => {
                let rule = Sgd {
                    momentum: MOMENTUM,
                    ..Sgd::default()
                };
                Optimizer::new(rule, learning_rate, params)
            }
            Self::Adam => Optimizer::new(Adam::default(), learning_rate, params),
            Self::AdamW => Optimizer::new(AdamW::default(), learning_rate, params),
            Self::NAdam => Optimizer::new(NAdam::default(), learning_rate, params),
            Self::RAdam => Optimizer::new(RAdam::default(), learning_rate, params),
            Self::Adamax => Optimizer::new(Adamax::default(), learning_rate, params),
            Self::Adagrad => Optimizer::new(Adagrad::default(), learning_rate, params),
            Self::Adadelta => Optimizer::new(Adadelta::default(), learning_rate, params),
            Self::RmsProp => Optimizer::new(RmsProp::default(), learning_rate, params),
            Self::Lion => Optimizer::new(Lion::default(), learning_rate, params),
        }
    }

    /// Whether it has a weight decay.
    #[must_use]
    pub fn has_weight_decay(self) -> bool {
        matches!(
            self,
            Self::Sgd | Self::Momentum | Self::Adam | Self::AdamW | Self::Lion
        )
    }
}

impl fmt::Display for OptimizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
