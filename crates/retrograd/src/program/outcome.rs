//! What a training has come to, as `result.json` keeps it beside the epochs of `metrics.jsonl`.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::program::failure::Failure;
use crate::program::folder::{MODEL, RESULT, RunFolder};

/// What a training has come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Whether there is nothing left to do.
    pub(crate) finished: bool,
    /// Whether it ended before its last epoch, for want of progress.
    #[serde(default)]
    pub(crate) stopped_early: bool,
    /// The epoch, counted from 1 through all phases, that the saved weights are of.
    pub(crate) kept: u64,
    /// What 99 % of the training samples score below, by the error of their reconstruction, by the bound
    /// on their likelihood, and by the model's own measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error_threshold: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound_threshold: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) own_threshold: Option<f64>,
}

impl Outcome {
    /// That of the run in this folder; of one that left none, by whether it left weights.
    pub(crate) fn read(run: &Path) -> Result<Self, Failure> {
        let path = run.join(RESULT);
        if !path.exists() {
            return Ok(Self {
                finished: run.join(MODEL).is_file(),
                ..Self::default()
            });
        }
        let failure = |problem: String| Failure::run(format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| failure(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failure(error.to_string()))
    }

    pub(crate) fn write(&self, folder: &RunFolder) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(Failure::run)?;
        folder.write(RESULT, text + "\n")
    }

    /// The position, among so many epochs, of the one that the weights are of: the last, if it is not
    /// known.
    pub(crate) fn position(&self, epochs: usize) -> usize {
        let last = epochs.saturating_sub(1);
        match self.kept {
            0 => last,
            kept => (kept as usize - 1).min(last),
        }
    }
}
