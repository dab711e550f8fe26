//! Batch normalisation: each channel brought to mean 0 and variance 1 over the batch, then scaled and
//! shifted by what is learnt (Ioffe and Szegedy 2015).
//!
//! ```text
//! training     y = (x − m) / √(v + ε) · weight + bias     m, v: mean and variance of the batch
//!              running mean ← (1 − momentum)·running mean + momentum·m
//!              running var  ← (1 − momentum)·running var  + momentum·v·n/(n − 1)
//! evaluation   the running ones in place of m and v
//! ```
//!
//! n counts the numbers of a channel in the batch, so the running variance is the unbiased one, as in
//! PyTorch, though the batch is divided by the other. The running ones are buffers: saved and loaded,
//! not trained.

use retrograd_autograd::{Mode, Var};
use retrograd_tensor::Tensor;

use super::affine::Affine;
use super::refusal::refuse;
use super::running::Running;
use crate::buffer::may_change;
use crate::module::{Module, Visitor};

/// Batch normalisation of `[batch, channels]` or `[batch, channels, positions]`.
pub type BatchNorm1d = BatchNorm<1>;

/// Batch normalisation of images, `[batch, channels, rows, columns]`.
pub type BatchNorm2d = BatchNorm<2>;

/// Batch normalisation over `N` axes: [`BatchNorm1d`] or [`BatchNorm2d`].
///
/// ```
/// use retrograd_autograd::{Mode, Tape};
/// use retrograd_nn::{BatchNorm1d, Module};
/// use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};
///
/// let norm = BatchNorm1d::new(1).to(DType::F64);
/// let x = Tensor::from_vec(vec![3.0, 5.0], [2, 1]);
/// let y = norm.forward(&Tape::new().constant(x.clone()));
/// assert_abs_diff_eq!(y.value().to_vec()[..], [-1.0, 1.0][..], epsilon = 1e-5);
///
/// // The mean of the batch is 4 and its unbiased variance 2, of which a tenth went into the running ones.
/// let running = norm.running.as_ref().unwrap();
/// assert_relative_eq!(running.mean.value().item(), 0.4);
/// assert_relative_eq!(running.variance.value().item(), 1.1);
/// let tape = Tape::with(Mode::Evaluation, random::rng(0));
/// let y = norm.forward(&tape.constant(x));
/// let expected = 2.6 / (1.1_f64 + 1e-5).sqrt();
/// assert_relative_eq!(y.value().at(&[0, 0]), expected, max_relative = 1e-12);
/// ```
#[doc(alias = "BatchNormalization")]
#[derive(Clone, Debug)]
pub struct BatchNorm<const N: usize> {
    /// Scale and shift of each channel, `[channels]`; 1 and 0 at first.
    pub affine: Affine,
    /// Mean and variance over the batches that were seen.
    pub running: Option<Running>,
    /// Added to the variance.
    pub epsilon: f64,
    channels: usize,
}

impl<const N: usize> BatchNorm<N> {
    /// Of so many channels, with PyTorch's constants: ε is 10⁻⁵ and a batch counts 0.1 in the running
    /// ones.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self {
            affine: Affine::new([channels]),
            running: Some(Running::new(channels)),
            epsilon: 1e-5,
            channels,
        }
    }

    /// The same with another number added to the variance.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same with another share of a batch in the running ones, 0 to 1. Keras's momentum is 1
    /// minus this one.
    ///
    /// # Panics
    /// If the momentum is not between 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.running = self.running.map(|running| running.with_momentum(momentum));
        self
    }

    /// The same with running ones that are the means over all batches, each counting the same:
    /// PyTorch's momentum of `None`.
    #[must_use]
    pub fn cumulative(mut self) -> Self {
        self.running = self.running.map(Running::cumulative);
        self
    }

    /// The same without running ones: in evaluation, too, a batch is normalised by itself.
    #[must_use]
    pub fn without_running(self) -> Self {
        Self {
            running: None,
            ..self
        }
    }

    /// The same without learnt scale and shift.
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self {
            affine: Affine::none(),
            ..self
        }
    }

    #[track_caller]
    fn check(&self, x: &Var) {
        let shape = x.shape();
        let (fits, expected) = if N == 1 {
            let fits = matches!(x.rank(), 2 | 3);
            (fits, "[batch, channels] or [batch, channels, positions]")
        } else {
            (x.rank() == 4, "[batch, channels, rows, columns]")
        };
        if !fits || shape[1] != self.channels {
            let expected = format_args!("{expected} with {} channels", self.channels);
            let kind = format_args!("batch norm {N}d");
            refuse(kind, self.affine.weight.as_ref(), x, expected)
        }
    }
}

impl<const N: usize> Module for BatchNorm<N> {
    fn forward(&self, x: &Var) -> Var {
        const { assert!(N == 1 || N == 2, "batches of signals or of images") };
        self.check(x);
        let (weight, bias) = self.affine.beside(x);
        let (weight, bias) = (weight.as_ref(), bias.as_ref());
        if let (Some(running), Mode::Evaluation) = (&self.running, x.mode()) {
            let (mean, variance) = (running.mean.beside(x), running.variance.beside(x));
            return x.batch_norm_by(&mean, &variance, weight, bias, self.epsilon);
        }
        let count = x.elements() / self.channels.max(1);
        assert!(
            count > 1 || self.channels == 0,
            "batch norm {N}d: {}: {count} number a channel; a variance in training needs at least 2: \
             take a larger batch",
            x.shape()
        );
        let (y, mean, variance) = x.batch_norm(weight, bias, self.epsilon);
        if let Some(running) = self.running.as_ref().filter(|_| may_change(x)) {
            running.add(&mean, &unbiased(&variance, count));
        }
        y
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.affine.visit(visitor);
        if let Some(running) = &self.running {
            running.visit(visitor);
        }
    }
}

/// v·n/(n − 1): the variance that is right on average, of the variance of n numbers.
pub(super) fn unbiased(variance: &Tensor, count: usize) -> Tensor {
    variance.scale(count as f64 / (count as f64 - 1.0))
}
