//! Instance normalisation: each channel of each sample brought to mean 0 and variance 1 over its
//! positions (Ulyanov et al. 2016).
//!
//! ```text
//! y = (x − m) / √(v + ε) · weight + bias      m, v: over the positions of one channel of one sample
//! ```
//!
//! As in PyTorch nothing is learnt and nothing is kept unless asked for. Where running statistics are
//! kept, they are the means over samples of m and v·n/(n − 1), and evaluation goes by them.

use retrograd_autograd::{Mode, Var};

use super::affine::Affine;
use super::batch_norm::unbiased;
use super::refusal::refuse;
use super::running::Running;
use crate::buffer::may_change;
use crate::module::{Module, Visitor};

/// Instance normalisation of signals, `[batch, channels, positions]`.
pub type InstanceNorm1d = InstanceNorm<1>;

/// Instance normalisation of images, `[batch, channels, rows, columns]`.
pub type InstanceNorm2d = InstanceNorm<2>;

/// Instance normalisation over `N` axes, 1 or 2: [`InstanceNorm1d`] or [`InstanceNorm2d`].
#[derive(Clone, Debug)]
pub struct InstanceNorm<const N: usize> {
    /// Scale and shift of each channel, `[channels]`, if there are any.
    pub affine: Affine,
    /// Mean and variance over the samples that were seen, if they are kept.
    pub running: Option<Running>,
    /// Added to the variance.
    pub epsilon: f64,
    channels: usize,
}

impl<const N: usize> InstanceNorm<N> {
    /// Of so many channels, with nothing to learn; ε is 10⁻⁵.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self {
            affine: Affine::none(),
            running: None,
            epsilon: 1e-5,
            channels,
        }
    }

    /// The same with another number added to the variance.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same with a learnt scale and shift of each channel.
    #[must_use]
    pub fn with_affine(self) -> Self {
        Self {
            affine: Affine::new([self.channels]),
            ..self
        }
    }

    /// The same with running statistics, in which a batch counts `momentum`.
    ///
    /// # Panics
    /// If the momentum is not between 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn with_running(self, momentum: f64) -> Self {
        Self {
            running: Some(Running::new(self.channels).with_momentum(momentum)),
            ..self
        }
    }

    /// Positions of a channel.
    #[track_caller]
    fn positions(&self, x: &Var) -> usize {
        let shape = x.shape();
        let expected = [
            "[batch, channels, positions]",
            "[batch, channels, rows, columns]",
        ][N - 1];
        if x.rank() != N + 2 || shape[1] != self.channels {
            let expected = format_args!("{expected} with {} channels", self.channels);
            let kind = format_args!("instance norm {N}d");
            refuse(kind, self.affine.weight.as_ref(), x, expected)
        }
        shape[2..].iter().product()
    }

    /// Takes the means over the samples into the running ones.
    fn note(&self, x: &Var, positions: usize) {
        let Some(running) = self.running.as_ref().filter(|_| may_change(x)) else {
            return;
        };
        if x.shape()[0] == 0 {
            return;
        }
        let axes: Vec<isize> = (2..x.rank() as isize).collect();
        let x = x.stop_gradient();
        let mean = x.mean(&axes[..]).mean(0);
        let variance = x.var(&axes[..], 0.0).mean(0);
        running.add(mean.value(), &unbiased(variance.value(), positions));
    }
}

impl<const N: usize> Module for InstanceNorm<N> {
    fn forward(&self, x: &Var) -> Var {
        const { assert!(N == 1 || N == 2, "signals or images") };
        let positions = self.positions(x);
        let (weight, bias) = self.affine.beside(x);
        let (weight, bias) = (weight.as_ref(), bias.as_ref());
        if let (Some(running), Mode::Evaluation) = (&self.running, x.mode()) {
            let (mean, variance) = (running.mean.beside(x), running.variance.beside(x));
            return x.batch_norm_by(&mean, &variance, weight, bias, self.epsilon);
        }
        assert!(
            positions > 1,
            "instance norm {N}d: {}: {positions} position a channel; a variance needs at least 2",
            x.shape()
        );
        self.note(x, positions);
        x.instance_norm(weight, bias, self.epsilon)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.affine.visit(visitor);
        if let Some(running) = &self.running {
            running.visit(visitor);
        }
    }
}
