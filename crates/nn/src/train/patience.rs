//! Ending a training that no longer gets better.

use crate::snapshot::{Snapshot, SnapshotError, Stateful};

/// Stops when the held-out loss (without held-out data, the training loss), or another figure that a run
/// is [judged by](crate::Trainer::judged_by), has not got better for a number of epochs (Prechelt 1998).
///
/// ```
/// use retrograd_nn::EarlyStopping;
///
/// let mut stopping = EarlyStopping::after(2);
/// let stops = [3.0, 2.0, 2.5, 2.1].map(|loss| stopping.observe(loss));
/// assert_eq!(stops, [false, false, false, true]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    patience: u64,
    min_delta: f64,
    best: Option<f64>,
    idle: u64,
}

impl EarlyStopping {
    /// Stops after `patience` epochs in a row without any progress.
    #[must_use]
    pub fn after(patience: u64) -> Self {
        Self {
            patience,
            min_delta: 0.0,
            best: None,
            idle: 0,
        }
    }

    /// The same, where a loss must be below the best by this much to be progress.
    #[must_use]
    pub fn min_delta(self, min_delta: f64) -> Self {
        Self { min_delta, ..self }
    }

    /// The best loss up to now.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Takes note of an epoch's loss; whether to stop.
    pub fn observe(&mut self, loss: f64) -> bool {
        // A loss that is NaN is no progress.
        let goal = self
            .best
            .map_or(f64::INFINITY, |best| best - self.min_delta);
        if loss < goal {
            self.best = Some(loss);
            self.idle = 0;
        } else {
            self.idle += 1;
        }
        self.is_over()
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.idle >= self.patience
    }
}

impl Stateful for EarlyStopping {
    fn snapshot(&self) -> Snapshot {
        let best = self.best.into_iter().collect::<Vec<_>>();
        Snapshot::new().with("best", best).with("idle", self.idle)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let mut reader = snapshot.reader();
        let best = reader.numbers("best")?.first().copied();
        let idle = reader.count("idle")?;
        reader.finish()?;
        (self.best, self.idle) = (best, idle);
        Ok(())
    }
}
