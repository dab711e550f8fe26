//! Where a run stands, and lengths of time in it.

use std::fmt;

/// Where a run stands when a step begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Steps made before this one, in all epochs.
    pub step: u64,
    /// Epochs finished before this one.
    pub epoch: u64,
    /// Steps in an epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the whole run.
    pub epochs: u64,
}

/// A length of time, from the beginning of a run or of a part of it.
///
/// The unit says what is counted: what lasts some epochs changes when an epoch begins, what lasts
/// some steps or a share of the run changes at every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    /// So many steps.
    Steps(u64),
    /// So many epochs.
    Epochs(u64),
    /// This share of the run's steps; in a part of a chain, of what was left when it began.
    Share(f64),
}

impl Span {
    /// All of the run.
    pub const RUN: Self = Self::Share(1.0);
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted =
            |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        match *self {
            Self::Steps(count) => f.write_str(&counted(count, "step")),
            Self::Epochs(count) => f.write_str(&counted(count, "epoch")),
            Self::Share(1.0) => f.write_str("the run"),
            Self::Share(share) => write!(f, "{:.0} % of the run", share * 100.0),
        }
    }
}

/// A moment counted from the beginning of a part of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    step: u64,
    epoch: u64,
    steps_per_epoch: u64,
    /// Steps from the beginning of the part to the end of the run.
    total: u64,
}

impl From<Moment> for Time {
    fn from(moment: Moment) -> Self {
        Self {
            step: moment.step,
            epoch: moment.epoch,
            steps_per_epoch: moment.steps_per_epoch,
            total: moment.epochs * moment.steps_per_epoch,
        }
    }
}

impl Time {
    /// What has passed and how long the span is, in the span's unit.
    pub(super) fn of(self, span: Span) -> (f64, f64) {
        match span {
            Span::Steps(count) => (self.step as f64, count as f64),
            Span::Epochs(count) => (self.epoch as f64, count as f64),
            Span::Share(share) => (self.step as f64, share * self.total as f64),
        }
    }

    /// How many times the span has passed; one of no length counts as one unit.
    pub(super) fn periods(self, span: Span) -> f64 {
        let (passed, length) = self.of(span);
        passed / if length > 0.0 { length } else { 1.0 }
    }

    /// The share of the span that has passed, at most 1.
    pub(super) fn share(self, span: Span) -> f64 {
        let (passed, length) = self.of(span);
        if passed >= length {
            1.0
        } else {
            passed / length
        }
    }

    /// Whether the span is over.
    pub(super) fn is_past(self, span: Span) -> bool {
        let (passed, length) = self.of(span);
        passed >= length
    }

    /// The same moment counted from the end of the span, which is over.
    pub(super) fn after(self, span: Span) -> Self {
        let steps = match span {
            Span::Steps(count) => count,
            Span::Epochs(count) => count * self.steps_per_epoch,
            Span::Share(_) => self.of(span).1.ceil() as u64,
        };
        let step = self.step.saturating_sub(steps);
        Self {
            step,
            epoch: match span {
                Span::Epochs(count) => self.epoch.saturating_sub(count),
                _ => step / self.steps_per_epoch.max(1),
            },
            total: self.total.saturating_sub(steps),
            ..self
        }
    }
}
