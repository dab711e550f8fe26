//! Watching a run.

use super::terms::Metrics;

/// What is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Number of epochs.
    pub epochs: u64,
    /// Batches in an epoch.
    pub batches: usize,
    /// Samples in an epoch.
    pub samples: usize,
}

/// What happened in an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRecord {
    /// Which epoch, from 1.
    pub epoch: u64,
    /// Mean over the samples, each measured just before the step it took part in.
    pub train: Metrics,
    /// Mean over the held-out samples, after the epoch.
    pub held_out: Option<Metrics>,
    /// Time of the training steps and their batches, in seconds.
    pub seconds: f64,
    /// Training samples a second.
    pub samples_per_second: f64,
}

/// Told what happens while it happens.
pub trait Observer {
    /// Before the first epoch.
    fn begin(&mut self, _plan: &Plan) {}

    /// After a step; `so_far` is the mean over the epoch up to now.
    fn batch(&mut self, _epoch: u64, _so_far: &Metrics) {}

    /// After an epoch.
    ///
    /// # Errors
    /// An error stops the training and is handed on.
    fn epoch(
        &mut self,
        _record: &EpochRecord,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    /// After the last epoch, and after whatever ended the training early.
    fn end(&mut self) {}
}

/// Nobody is watching.
impl Observer for () {}
