//! Why a training ends with an error.

use retrograd_autograd::{Anomaly, Summary};

use crate::checkpoint::CheckpointError;
use crate::data::SourceError;

/// Why training stopped before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The loss or a gradient became infinite or NaN, though the data is finite.
    #[error(
        "epoch {epoch}, batch {batch}: {}; a smaller learning rate or other data may help",
        anomaly.as_ref().map_or_else(|| "the loss is not finite".to_owned(), ToString::to_string)
    )]
    NotFinite {
        /// Epoch, from 1.
        epoch: u64,
        /// Batch within the epoch (or of the held-out data after it), from 1.
        batch: usize,
        /// The operation that first produced the value.
        anomaly: Option<Box<Anomaly>>,
    },
    /// Gradients are clipped by their norm, which is too large for a number, though they are finite.
    #[error(
        "epoch {epoch}, batch {batch}: the gradients are finite, but their norm is {norm}, so that they cannot be clipped by it; a smaller learning rate or other data may help"
    )]
    Norm {
        /// Epoch, from 1.
        epoch: u64,
        /// Batch within the epoch, from 1.
        batch: usize,
        /// The norm.
        norm: f64,
    },
    /// The data itself is infinite or NaN.
    #[error("epoch {epoch}, batch {batch}: the data is not finite ({data})")]
    Data {
        /// Epoch, from 1.
        epoch: u64,
        /// Batch within the epoch, from 1.
        batch: usize,
        /// What is in the batch.
        data: Box<Summary>,
    },
    /// A batch cannot be read.
    #[error("epoch {epoch}: a batch cannot be read: {source}")]
    Source {
        /// Epoch, from 1.
        epoch: u64,
        /// Why.
        source: SourceError,
    },
    /// An update made a parameter infinite or NaN, though its gradient was finite.
    #[error(
        "epoch {epoch}: an update made {parameter} infinite or NaN ({value}); a smaller learning rate may help"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: u64,
        /// The parameter's path.
        parameter: String,
        /// What is in it.
        value: Box<Summary>,
    },
    /// A loss does not depend on any parameter that its optimiser may move.
    #[error("the loss depends on no trainable parameter: are all of them frozen?")]
    NothingToTrain,
    /// The run is judged by something that is not there.
    #[error("no figure of the epoch is called `{name}`; there are {known}")]
    NoFigure {
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Batches are accumulated, and a loss is not a mean over samples.
    #[error(
        "the loss of `{player}` is one of whole batches, so that the gradients of {accumulated} accumulated batches are not those of one large batch; use larger batches without accumulating"
    )]
    WholeBatch {
        /// Whose loss.
        player: String,
        /// Batches in a step.
        accumulated: usize,
    },
    /// A checkpoint could not be written.
    #[error("{0}; the training stopped, and the checkpoint before is whole")]
    Save(CheckpointError),
    /// Whoever watches could not go on, for example because the disk is full.
    #[error("{0}")]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}

impl TrainError {
    pub(super) fn source(epoch: u64) -> impl Fn(SourceError) -> Self {
        move |source| Self::Source { epoch, source }
    }

    /// Whether it is the training that went wrong: a smaller learning rate may help.
    #[must_use]
    pub fn is_divergence(&self) -> bool {
        matches!(
            self,
            Self::NotFinite { .. } | Self::Norm { .. } | Self::Diverged { .. }
        )
    }
}
