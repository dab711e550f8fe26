//! Watching a run, and ending it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::metrics::Metrics;

/// What is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Number of epochs, those that are done already included.
    pub epochs: u64,
    /// Batches in an epoch.
    pub batches: usize,
    /// Samples in an epoch.
    pub samples: usize,
    /// Epochs that were done before.
    pub done_epochs: u64,
    /// Batches that were done before of the epoch after those.
    pub done_batches: usize,
}

/// What happened up to the end of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRecord<'a> {
    /// Which epoch, from 1.
    pub epoch: u64,
    /// Batches done in it.
    pub batch: usize,
    /// Steps made in all epochs.
    pub step: u64,
    /// The figures on the batch, or the batches, of this step, before it.
    pub terms: &'a Metrics,
    /// The mean over the epoch up to now.
    pub so_far: &'a Metrics,
    /// The first player's rate of this step.
    pub learning_rate: f64,
    /// The norm of the first player's gradient before clipping, if it was measured.
    pub gradient_norm: Option<f64>,
}

/// What happened in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// Which epoch, from 1.
    pub epoch: u64,
    /// Mean over the samples, each measured just before the step it took part in.
    pub train: Metrics,
    /// Mean over the held-out samples, after the epoch.
    pub held_out: Option<Metrics>,
    /// Figures that are not those of objectives: metrics on the held-out samples, norms, other players'
    /// rates.
    pub measures: Metrics,
    /// The first player's rate of the last step.
    pub learning_rate: f64,
    /// Time of the training steps and their batches, in seconds.
    pub seconds: f64,
    /// Training samples a second.
    pub samples_per_second: f64,
    /// Memory of the process, in bytes, where the system tells.
    pub memory: Option<u64>,
}

impl EpochRecord {
    /// The metrics that were asked for, of [all that was measured](Self::measures).
    pub fn metrics(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        let measures = self.measures.iter();
        measures.filter(|(name, _)| !super::judge::is_added(name))
    }
}

/// A held-out sample whose loss is infinite or NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// Which sample, counted from 0 in the order of the loader.
    pub row: usize,
    /// Where its largest number is, its sign aside.
    pub column: usize,
    /// That number.
    pub value: f64,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    #[default]
    Continue,
    /// Stop here, with everything saved that is to be saved.
    Stop,
}

impl Flow {
    /// Stops if one of the two does.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == Self::Stop { self } else { other }
    }
}

/// What an observer could not do, such as write to a full disk.
pub type ObserverError = Box<dyn std::error::Error + Send + Sync>;

/// Told what happens while it happens. Two observers are a pair; a pair is an observer.
pub trait Observer {
    /// Before the first step.
    ///
    /// # Errors
    /// An error stops the training and is handed on; so for the other events.
    fn begin(&mut self, _plan: &Plan) -> Result<(), ObserverError> {
        Ok(())
    }

    /// After a step.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    fn step(&mut self, _record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        Ok(Flow::Continue)
    }

    /// After an epoch and its measurements.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    fn epoch(&mut self, _record: &EpochRecord) -> Result<Flow, ObserverError> {
        Ok(Flow::Continue)
    }

    /// Before the first step, if a loss depends on parameters of these names, and nobody moves them
    /// though they are not frozen.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    fn unmoved(&mut self, _parameters: &[&str]) -> Result<(), ObserverError> {
        Ok(())
    }

    /// Before the end of an epoch, if held-out samples are left out of its figures.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    fn outliers(&mut self, _epoch: u64, _outliers: &[Outlier]) -> Result<(), ObserverError> {
        Ok(())
    }

    /// After a checkpoint is safe on the disk.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    fn saved(&mut self, _file: &Path) -> Result<(), ObserverError> {
        Ok(())
    }

    /// After the last epoch, and after whatever ended the training early.
    fn end(&mut self) {}
}

/// Nobody is watching.
impl Observer for () {}

/// Who points to an observer is one.
macro_rules! points_to_observer {
    ($pointer:ty) => {
        impl<O: Observer + ?Sized> Observer for $pointer {
            fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
                (**self).begin(plan)
            }

            fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
                (**self).step(record)
            }

            fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
                (**self).epoch(record)
            }

            fn unmoved(&mut self, parameters: &[&str]) -> Result<(), ObserverError> {
                (**self).unmoved(parameters)
            }

            fn outliers(&mut self, epoch: u64, outliers: &[Outlier]) -> Result<(), ObserverError> {
                (**self).outliers(epoch, outliers)
            }

            fn saved(&mut self, file: &Path) -> Result<(), ObserverError> {
                (**self).saved(file)
            }

            fn end(&mut self) {
                (**self).end();
            }
        }
    };
}

points_to_observer!(&mut O);
points_to_observer!(Box<O>);

impl<A: Observer, B: Observer> Observer for (A, B) {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.0.begin(plan)?;
        self.1.begin(plan)
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        Ok(self.0.step(record)?.and(self.1.step(record)?))
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        Ok(self.0.epoch(record)?.and(self.1.epoch(record)?))
    }

    fn unmoved(&mut self, parameters: &[&str]) -> Result<(), ObserverError> {
        self.0.unmoved(parameters)?;
        self.1.unmoved(parameters)
    }

    fn outliers(&mut self, epoch: u64, outliers: &[Outlier]) -> Result<(), ObserverError> {
        self.0.outliers(epoch, outliers)?;
        self.1.outliers(epoch, outliers)
    }

    fn saved(&mut self, file: &Path) -> Result<(), ObserverError> {
        self.0.saved(file)?;
        self.1.saved(file)
    }

    fn end(&mut self) {
        self.0.end();
        self.1.end();
    }
}

impl<O: Observer> Observer for Option<O> {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.as_mut()
            .map_or(Ok(()), |observer| observer.begin(plan))
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        self.as_mut()
            .map_or(Ok(Flow::Continue), |observer| observer.step(record))
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        self.as_mut()
            .map_or(Ok(Flow::Continue), |observer| observer.epoch(record))
    }

    fn unmoved(&mut self, parameters: &[&str]) -> Result<(), ObserverError> {
        self.as_mut()
            .map_or(Ok(()), |observer| observer.unmoved(parameters))
    }

    fn outliers(&mut self, epoch: u64, outliers: &[Outlier]) -> Result<(), ObserverError> {
        self.as_mut()
            .map_or(Ok(()), |observer| observer.outliers(epoch, outliers))
    }

    fn saved(&mut self, file: &Path) -> Result<(), ObserverError> {
        self.as_mut()
            .map_or(Ok(()), |observer| observer.saved(file))
    }

    fn end(&mut self) {
        if let Some(observer) = self {
            observer.end();
        }
    }
}
