//! What came of a row, as its file in the folder keeps it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::row::{Row, Target};
use super::table;
use crate::program::config::{full, is_full};
use crate::program::failure::Failure;

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
    /// Whether the row is another now than when this was trained.
    #[serde(skip)]
    pub(super) is_older: bool,
}

/// What decides a result: another run under the same conditions gives the same figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conditions {
    pub(super) recipe: String,
    /// The precision of matrix products in training steps.
    #[serde(default = "full", skip_serializing_if = "is_full")]
    pub(super) precision: String,
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
    /// `variances` is what the data say, where nothing else is published.
    pub(super) fn new(target: &Target, variances: Option<f64>, ours: f64) -> Self {
        let against = target.published.against(variances);
        Self {
            figure: target.figure.name(),
            published: table::published(target.published, variances),
            against,
            ours: ours.is_finite().then_some(ours),
            met: against.is_none_or(|against| target.figure.is_met(ours, against)),
        }
    }
}

impl Outcome {
    /// Whether every figure is met; never of a run cut short or of another recipe.
    pub(super) fn is_met(&self) -> bool {
        !self.conditions.quick && !self.is_older && self.figures.iter().all(|figure| figure.met)
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
        let mut outcome: Self =
            serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        if outcome.row != row.id {
            return Err(refused(format!("it is of row {}", outcome.row)));
        }
        outcome.judge(row)?;
        Ok(Some(outcome))
    }

    /// Holds its figures against what the row says now, unless the row is another now.
    fn judge(&mut self, row: &Row) -> Result<(), Failure> {
        let epochs = if self.conditions.quick { 1 } else { row.epochs };
        let names = row.targets.iter().map(|target| target.figure.name());
        let is_same = self.figures.iter().map(|one| one.figure.clone()).eq(names);
        self.is_older = !is_same || self.conditions.recipe != row.recipe(epochs);
        if !self.is_older {
            for (figure, target) in self.figures.iter_mut().zip(row.targets) {
                let ours = figure.ours.unwrap_or(f64::NAN);
                *figure = Compared::new(target, figure.against, ours);
            }
        }
        Ok(())
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
