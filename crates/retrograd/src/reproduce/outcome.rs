//! What came of a row, as its file in the folder keeps it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::row::{Figure, Row};
use crate::failure::Failure;

/// The result of a row that is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub(super) row: String,
    /// The version of the program.
    pub(super) version: String,
    pub(super) conditions: Conditions,
    /// Threads that computed; the values do not depend on them, the time does.
    pub(super) threads: usize,
    /// The median over all epochs, training steps alone.
    pub(super) seconds_per_epoch: f64,
    /// One a target of the row.
    pub(super) figures: Vec<Compared>,
}

/// What decides a result: another run under the same conditions gives the same figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conditions {
    pub(super) recipe: String,
    pub(super) seed: u64,
    pub(super) train_samples: usize,
    pub(super) held_out_samples: usize,
    /// Whether the row was cut short to see whether all works; its values then mean nothing.
    pub(super) quick: bool,
}

/// A figure beside its published value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compared {
    pub(super) figure: String,
    /// As published.
    pub(super) published: String,
    /// The number that ours is held against, if it is.
    pub(super) against: Option<f64>,
    /// `None` if it is not a number.
    pub(super) ours: Option<f64>,
    pub(super) met: bool,
}

impl Compared {
    pub(super) fn new(figure: Figure, published: String, against: Option<f64>, ours: f64) -> Self {
        Self {
            figure: figure.name(),
            published,
            against,
            ours: ours.is_finite().then_some(ours),
            met: against.is_none_or(|against| figure.is_met(ours, against)),
        }
    }
}

impl Outcome {
    /// Whether every figure is met; never of a run cut short.
    pub(super) fn is_met(&self) -> bool {
        !self.conditions.quick && self.figures.iter().all(|figure| figure.met)
    }

    /// That of a row in a folder, if it is there.
    ///
    /// # Errors
    /// If its file cannot be read or is none of ours.
    pub(super) fn read(folder: &Path, row: &Row) -> Result<Option<Self>, Failure> {
        let file = folder.join(file(row));
        if !file.exists() {
            return Ok(None);
        }
        let refused = |error: String| {
            Failure::run(format!(
                "{}: no result of a row ({error}); remove it, or choose another folder with --out",
                file.display()
            ))
        };
        let text = fs::read_to_string(&file).map_err(|error| refused(error.to_string()))?;
        let outcome: Self =
            serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        if outcome.row == row.id && outcome.figures.len() == row.targets.len() {
            Ok(Some(outcome))
        } else {
            Err(refused(format!("it is of row {}", outcome.row)))
        }
    }
}

/// The name of a row's file.
pub(super) fn file(row: &Row) -> String {
    format!("row-{}.json", row.id)
}

/// The name of the folder that a row is trained in.
pub(super) fn workplace(row: &Row) -> String {
    format!("row-{}", row.id)
}
