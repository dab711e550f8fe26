//! Retrograd: reverse-mode automatic differentiation from scratch, and a family of autoencoders.
//!
//! This crate is the front door: it gathers the others under one name and holds the command-line
//! program. Use it for everything, or the crates it names for a part.
//!
//! ```
//! use retrograd::prelude::*;
//!
//! let tape = Tape::new();
//! let x = tape.leaf(Tensor::from_vec(vec![1.0, 2.0, 3.0], [3]));
//! let y = x.square().sum(..);
//! assert_eq!(y.backward().of(&x).unwrap().to_vec(), [2.0, 4.0, 6.0]);
//! ```
//!
//! | module | what is there |
//! |---|---|
//! | [`tensor`] | n-dimensional arrays and their kernels |
//! | [`autograd`] | the tape, the rules, the calculus of elementwise formulas, gradient checks |
//! | [`nn`] | layers, losses, optimisers, data loading, checkpoints, training |
//! | [`autoencoders`] | every variant |
//! | [`datasets`] | built-in data and readers |
//! | [`report`] | pictures, charts and pages |
//! | [`run`] | trainings that leave a folder, and what can be done with it: the program as a library |

#[cfg(feature = "cli")]
extern crate self as retrograd;

#[cfg(feature = "cli")]
mod program;
#[cfg(feature = "cli")]
pub mod run;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub use program::main as program;
pub use retrograd_autoencoders as autoencoders;
pub use retrograd_autograd as autograd;
pub use retrograd_datasets as datasets;
pub use retrograd_nn as nn;
pub use retrograd_report as report;
pub use retrograd_tensor as tensor;

/// What most programs use: `use retrograd::prelude::*`.
pub mod prelude {
    pub use crate::autoencoders::{
        Autoencoder, Body, Card, Corruption, DataShape, Deterministic, Input, Likelihood, Output,
        Penalty, Settings, Variational,
    };
    pub use crate::autograd::{Expr, Pointwise, Tape, Var, grad};
    pub use crate::nn::{
        Activation, Adadelta, Adam, AdamW, DataLoader, EarlyStopping, Init, Linear, Module,
        Optimizer, Param, Reduction, RmsProp, Sequential, Sgd, Terms, Trainer, loss,
    };
    pub use crate::nn::{
        AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d, Conv2d,
        ConvTranspose1d, ConvTranspose2d, Dropout, Dropout2d, Embedding, Flatten, GaussianNoise,
        GroupNorm, LayerNorm, MaxPool1d, MaxPool2d, Reshape, Residual, Unflatten, Upsample,
    };
    pub use crate::nn::{
        AttentionMasks, Gru, Lstm, MultiheadAttention, RecurrentOptions, Rnn,
        TransformerEncoderLayer, TransformerOptions,
    };
    pub use crate::nn::{
        Averaging, Clip, Group, Lbfgs, Plateau, Schedule, Span, Stateful, WeightAverage,
        regulariser,
    };
    pub use crate::tensor::{Array, DType, Float, Shape, Slice, Tensor, keep, random};
}

/// The README and the guided tour, so that their programs are tested like any example.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/00-scalars.md")]
    mod scalars {}
    #[doc = include_str!("../../../docs/01-tensor.md")]
    mod tensor {}
    #[doc = include_str!("../../../docs/02-pointwise.md")]
    mod pointwise {}
    #[doc = include_str!("../../../docs/03-tape.md")]
    mod tape {}
    #[doc = include_str!("../../../docs/04-calculus.md")]
    mod calculus {}
    #[doc = include_str!("../../../docs/05-backward.md")]
    mod backward {}
    #[doc = include_str!("../../../docs/06-checking.md")]
    mod checking {}
    #[doc = include_str!("../../../docs/07-training.md")]
    mod training {}
    #[doc = include_str!("../../../docs/08-autoencoders.md")]
    mod autoencoders {}
    #[doc = include_str!("../../../docs/09-kernels.md")]
    mod kernels {}
    #[doc = include_str!("../../../docs/10-seeing.md")]
    mod seeing {}
    #[doc = include_str!("../../../docs/11-data.md")]
    mod data {}
    #[doc = include_str!("../../../docs/13-codes.md")]
    mod codes {}
    #[doc = include_str!("../../../docs/residuals.md")]
    mod residuals {}
    #[doc = include_str!("../../../docs/forward.md")]
    mod forward {}
    #[doc = include_str!("../../../docs/batching.md")]
    mod batching {}
    #[doc = include_str!("../../../docs/implicit.md")]
    mod implicit {}
}
