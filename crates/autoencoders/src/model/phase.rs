//! A stretch of training: what is minimised, and what moves meanwhile.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_nn::{Param, Terms};
use retrograd_tensor::Array;

use super::target::Target;

/// What is minimised on a batch and, where there are such, its labels, compared with a target.
type PhaseObjective<'a> = dyn Fn(&Var, Option<&Array<i64>>, &Target) -> Terms + 'a;

/// A stretch of training.
///
/// An optimiser of [`params`](Self::params) moves these and no others, whatever the objective
/// depends on.
pub struct Phase<'a> {
    /// What it is called in tables.
    pub name: &'static str,
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
        name: &'static str,
        share: f64,
        params: Vec<(String, Param)>,
        objective: impl Fn(&Var, Option<&Array<i64>>, &Target) -> Terms + 'a,
    ) -> Self {
        Self {
            name,
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

    /// What the phase minimises on a batch `[batch, features]`, compared with `target`, term by term.
    ///
    /// # Panics
    /// If the model needs labels `[batch]` and there are none.
    #[track_caller]
    #[must_use]
    pub fn objective(&self, x: &Var, labels: Option<&Array<i64>>, target: &Target) -> Terms {
        (self.objective)(x, labels, target)
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
/// use retrograd_autoencoders::{GreedyAutoencoder, Autoencoder, epochs_of};
/// use retrograd_tensor::random;
///
/// let model = GreedyAutoencoder::images(784, &mut random::rng(0));
/// let phases = model.phases();
/// let names: Vec<&str> = phases.iter().map(|phase| phase.name).collect();
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
            Phase::new("a phase", share, Vec::new(), |x, _, _| {
                Terms::new("x", x.clone())
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
