//! Means over the batches that a layer has seen.
//!
//! ```text
//! running ← (1 − share)·running + share·batch      share = momentum, or 1/k at batch k
//! ```

use retrograd_tensor::{DType, Tensor};

use crate::buffer::{Buffer, Counter};
use crate::module::Visitor;

/// Running mean and variance of channels, under PyTorch's names `running_mean`, `running_var` and
/// `num_batches_tracked`.
#[derive(Clone, Debug)]
pub struct Running {
    /// `[channels]`; 0 at first.
    pub mean: Buffer,
    /// `[channels]`; 1 at first.
    pub variance: Buffer,
    /// How many batches have been seen.
    pub batches: Counter,
    /// The share of the last batch; `None` if all batches count the same.
    pub momentum: Option<f64>,
}

impl Running {
    /// Of so many channels; a batch counts 0.1.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self {
            mean: Buffer::new(Tensor::zeros([channels], DType::default())),
            variance: Buffer::new(Tensor::ones([channels], DType::default())),
            batches: Counter::new(),
            momentum: Some(0.1),
        }
    }

    #[track_caller]
    pub(super) fn with_momentum(self, momentum: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&momentum),
            "running statistics: a momentum of {momentum}; it is the share of the last batch, 0 to 1"
        );
        Self {
            momentum: Some(momentum),
            ..self
        }
    }

    pub(super) fn cumulative(self) -> Self {
        Self {
            momentum: None,
            ..self
        }
    }

    /// Takes the mean and the variance of a batch in.
    pub(super) fn add(&self, mean: &Tensor, variance: &Tensor) {
        let seen = self.batches.increment();
        let share = self.momentum.unwrap_or(1.0 / seen as f64);
        let mix = |old: &Tensor, new: &Tensor| &old.scale(1.0 - share) + &new.scale(share);
        self.mean.set(mix(&self.mean.value(), mean));
        self.variance.set(mix(&self.variance.value(), variance));
    }

    /// Back to the start: nothing seen.
    pub fn reset(&self) {
        let (mean, variance) = (self.mean.value(), self.variance.value());
        self.mean.set(mean.full_like(*mean.shape(), 0.0));
        self.variance
            .set(variance.full_like(*variance.shape(), 1.0));
        self.batches.set(0);
    }

    pub(super) fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.buffer("running_mean", &self.mean);
        visitor.buffer("running_var", &self.variance);
        visitor.counter("num_batches_tracked", &self.batches);
    }
}
