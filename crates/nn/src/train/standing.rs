//! Where a training stands: what it has done and measured.

use serde::{Deserialize, Serialize};

use super::metrics::Averages;
use super::observer::EpochRecord;

/// How far a training has come. With the weights and what the optimiser remembers it decides all
/// that follows, since the order of the data and all random numbers are functions of the seed and of
/// the place in the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Whole epochs done.
    pub epochs: u64,
    /// Batches done of the epoch after those.
    pub batches: usize,
    /// Steps made in all.
    pub steps: u64,
    /// What has been measured in the epoch that is not over.
    pub(super) averages: Averages,
    /// How long that epoch has taken, in seconds.
    pub(super) seconds: f64,
    /// Whether what is done between epochs has ended the training.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_over: bool,
    /// The whole epochs.
    pub records: Vec<EpochRecord>,
}

impl Standing {
    /// The number of the epoch that is not over, from 1.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epochs + 1
    }

    /// Ends the epoch that is not over.
    pub(super) fn finish(&mut self, record: EpochRecord) {
        self.records.push(record);
        self.epochs += 1;
        self.batches = 0;
        self.averages = Averages::default();
        self.seconds = 0.0;
    }
}
