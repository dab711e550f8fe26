//! A stretch of training: what is minimised, and what moves meanwhile.

use std::borrow::Cow;
use std::fmt;

use retrograd_nn::{Param, Terms};

use super::input::Input;

/// What is minimised on a batch.
type PhaseObjective<'a> = dyn Fn(&Input) -> Terms + 'a;

/// A stretch of training.
///
/// An optimiser of [`params`](Self::params) moves these and no others, whatever the objective
/// depends on.
pub struct Phase<'a> {
    /// What it is called in tables.
    pub name: Cow<'static, str>,
    /// Its share of the epochs; the shares of a model's phases sum to 1.
    pub share: f64,
    /// What the learning rate is multiplied by.
    pub rate: f64,
    /// What moves, by path.
    pub params: Vec<(String, Param)>,
    objective: Box<PhaseObjective<'a>>,
}

impl<'a> Phase<'a> {
    /// A phase in which `params` minimise `objective`.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        share: f64,
        params: Vec<(String, Param)>,
        objective: impl Fn(&Input) -> Terms + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            share,
            rate: 1.0,
            params,
            objective: Box::new(objective),
        }
    }

    /// The same at another learning rate, `factor` times the recipe's.
    #[must_use]
    pub fn at_rate(self, factor: f64) -> Self {
        Self {
            rate: factor,
            ..self
        }
    }

    /// What the phase minimises on a batch, term by term.
    #[track_caller]
    #[must_use]
    pub fn objective(&self, input: &Input) -> Terms {
        (self.objective)(input)
    }
}

impl fmt::Debug for Phase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            share,
            params,
            ..
        } = self;
        write!(f, "Phase({name}, {} parameters, {share})", params.len())
    }
}

/// How many of `total` epochs each phase gets: its share, at least one, and all of them together
/// `total` unless there are more phases than epochs.
///
/// ```
/// use retrograd_autoencoders::{Card, DataShape, Settings, epochs_of};
/// use retrograd_tensor::random;
///
/// let greedy = Card::named("greedy").unwrap();
/// let data = DataShape::images([1, 28, 28]);
/// let model = greedy.build(&Settings::new(), data, &mut random::rng(0)).unwrap();
/// let phases = model.phases();
/// let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_ref()).collect();
/// assert_eq!(names, ["layer 1", "layer 2", "fine-tuning"]);
/// assert_eq!(epochs_of(&phases, 10), [4, 4, 2]);
/// ```
#[must_use]
pub fn epochs_of(phases: &[Phase<'_>], total: u64) -> Vec<u64> {
    let mut share = 0.0;
    let mut spent = 0;
    let mut epochs = Vec::new();
    for (position, phase) in phases.iter().enumerate() {
        share += phase.share;
        let after = (phases.len() - 1 - position) as u64;
        let end = ((total as f64 * share).round() as u64).min(total.saturating_sub(after));
        let own = end.saturating_sub(spent).max(1);
        spent += own;
        epochs.push(own);
    }
    epochs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_is_in_one_phase() {
        let phase = |share| {
            Phase::new("a phase", share, Vec::new(), |input: &Input| {
                Terms::new("x", input.x.clone())
            })
        };
        let phases = [0.4, 0.4, 0.2].map(phase);
        for (total, epochs) in [
            (10, [4, 4, 2]),
            (3, [1, 1, 1]),
            (4, [2, 1, 1]),
            (7, [3, 3, 1]),
            (1, [1, 1, 1]),
        ] {
            assert_eq!(epochs_of(&phases, total), epochs, "{total}");
        }
    }
}
