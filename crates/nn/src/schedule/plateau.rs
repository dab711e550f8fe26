//! A coefficient that falls when a metric no longer gets better.

use std::borrow::Cow;

use crate::snapshot::{Snapshot, SnapshotError, Stateful};
use crate::train::Metrics;

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    /// Downwards, as a loss.
    #[default]
    Lower,
    /// Upwards, as an accuracy.
    Higher,
}

/// By how much a metric must be better than the best to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// By this share of the best's absolute value.
    Relative(f64),
    /// By this much.
    Absolute(f64),
}

/// When a value is lowered, and by how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauRule {
    /// What the value is multiplied with on a plateau.
    pub factor: f64,
    /// How many observations without progress are forgiven.
    pub patience: u64,
    /// What progress is.
    pub threshold: Threshold,
    /// Which way it goes.
    pub better: Better,
    /// How many observations after a fall do not count.
    pub cooldown: u64,
    /// The value, as a factor of its base value, that is never undercut.
    pub floor: f64,
}

impl Default for PlateauRule {
    /// PyTorch's settings: a tenth, after 10 observations that are not better by a share of 1e-4.
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            better: Better::Lower,
            cooldown: 0,
            floor: 0.0,
        }
    }
}

/// Lowers a factor when a metric has not got better for a while (PyTorch's `ReduceLROnPlateau`).
///
/// ```
/// use retrograd_nn::{Plateau, PlateauRule};
///
/// let mut plateau = Plateau::new(PlateauRule { patience: 1, factor: 0.5, ..PlateauRule::default() });
/// let factors = [3.0, 2.0, 2.0, 2.0, 1.0].map(|loss| plateau.observe(loss));
/// assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5]);
/// ```
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Clone, Debug, PartialEq)]
pub struct Plateau {
    rule: PlateauRule,
    figure: Cow<'static, str>,
    memory: Memory,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Memory {
    value: f64,
    best: Option<f64>,
    /// Observations in a row that were no progress.
    idle: u64,
    /// Observations that do not count yet.
    cooling: u64,
}

impl Plateau {
    /// A value that starts at its base value.
    #[must_use]
    pub fn new(rule: PlateauRule) -> Self {
        let memory = Memory {
            value: 1.0,
            best: None,
            idle: 0,
            cooling: 0,
        };
        Self {
            rule,
            figure: Metrics::LOSS.into(),
            memory,
        }
    }

    /// The same, following in a training the figure of this name, such as `accuracy` or `critic/loss`,
    /// and not the loss.
    #[must_use]
    pub fn following(self, figure: impl Into<Cow<'static, str>>) -> Self {
        Self {
            figure: figure.into(),
            ..self
        }
    }

    pub(crate) fn figure(&self) -> &str {
        &self.figure
    }

    /// The value now, as a factor of its base value.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.memory.value
    }

    /// Takes note of a metric, mostly the held-out loss of an epoch, and gives the value from now on.
    ///
    /// A metric that is NaN is no progress.
    pub fn observe(&mut self, metric: f64) -> f64 {
        let progress = self.is_progress(metric);
        let Self { rule, memory, .. } = self;
        if progress {
            memory.best = Some(metric);
            memory.idle = 0;
        } else {
            memory.idle += 1;
        }
        if memory.cooling > 0 {
            memory.cooling -= 1;
            memory.idle = 0;
        }
        if memory.idle > rule.patience {
            memory.value = (memory.value * rule.factor).max(rule.floor);
            memory.cooling = rule.cooldown;
            memory.idle = 0;
        }
        memory.value
    }

    fn is_progress(&self, metric: f64) -> bool {
        let Some(best) = self.memory.best else {
            return !metric.is_nan();
        };
        // A share of an infinite loss would be infinite, and everything finite is progress.
        let margin = match self.rule.threshold {
            _ if best.is_infinite() => 0.0,
            Threshold::Relative(share) => share * best.abs(),
            Threshold::Absolute(margin) => margin,
        };
        match self.rule.better {
            Better::Lower => metric < best - margin,
            Better::Higher => metric > best + margin,
        }
    }
}

impl Stateful for Plateau {
    fn snapshot(&self) -> Snapshot {
        let Memory {
            value,
            best,
            idle,
            cooling,
        } = self.memory;
        Snapshot::new()
            .with("value", value)
            .with("best", best.map_or_else(Vec::new, |best| vec![best]))
            .with("idle", idle)
            .with("cooling", cooling)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let mut reader = snapshot.reader();
        let memory = Memory {
            value: reader.number("value")?,
            best: reader.numbers("best")?.first().copied(),
            idle: reader.count("idle")?,
            cooling: reader.count("cooling")?,
        };
        reader.finish()?;
        self.memory = memory;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values after each metric, stopped and restored in the middle.
    fn values(rule: PlateauRule, metrics: &[f64]) -> Vec<f64> {
        let mut whole = Plateau::new(rule);
        let expected: Vec<f64> = metrics.iter().map(|&m| whole.observe(m)).collect();
        for stop in 0..metrics.len() {
            let (mut first, mut second) = (Plateau::new(rule), Plateau::new(rule));
            metrics[..stop].iter().for_each(|&m| {
                first.observe(m);
            });
            let snapshot: Snapshot = first.snapshot();
            second.restore(&snapshot).unwrap();
            let rest: Vec<f64> = metrics[stop..].iter().map(|&m| second.observe(m)).collect();
            assert_eq!(rest, expected[stop..], "stopped after {stop}");
        }
        expected
    }

    #[test]
    fn falls_after_patience_and_rests_after_a_fall() {
        let rule = PlateauRule {
            factor: 0.5,
            patience: 2,
            cooldown: 2,
            floor: 0.2,
            ..PlateauRule::default()
        };
        let stuck = [1.0; 16];
        // The first is the best; three idle ones lower it; two do not count; and so on.
        let expected = [
            1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2,
        ];
        assert_eq!(values(rule, &stuck), expected);
    }

    #[test]
    fn thresholds_decide_what_progress_is() {
        let lowered = |threshold, better, metrics: &[f64]| {
            let rule = PlateauRule {
                factor: 0.5,
                patience: 0,
                threshold,
                better,
                ..PlateauRule::default()
            };
            values(rule, metrics)
        };
        let (relative, absolute) = (Threshold::Relative(0.1), Threshold::Absolute(0.1));
        assert_eq!(
            lowered(relative, Better::Lower, &[10.0, 9.1, 8.9]),
            [1.0, 0.5, 0.5]
        );
        assert_eq!(
            lowered(absolute, Better::Lower, &[10.0, 9.95, 9.8]),
            [1.0, 0.5, 0.5]
        );
        // A log-likelihood below 0: better by a tenth of its size is upwards.
        assert_eq!(
            lowered(relative, Better::Higher, &[-10.0, -9.1, -8.9]),
            [1.0, 0.5, 0.5]
        );
        assert_eq!(
            lowered(absolute, Better::Higher, &[f64::NAN, 1.0, 1.05, f64::NAN]),
            [0.5, 0.5, 0.25, 0.125]
        );
    }
}
