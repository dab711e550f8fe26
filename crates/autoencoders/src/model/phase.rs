//! A stretch of training: who moves what in it, and what for.

use std::borrow::Cow;
use std::fmt;

use retrograd_nn::{Module, Moment, Optimizer, Param, Player, Schedule, Step, Terms, Trainer};
use retrograd_tensor::random::Rng;

use super::Input;

/// What is minimised on a batch at a step.
type RoleObjective<'a> = dyn Fn(&Input, &Step) -> Terms + 'a;
/// What happens after an update.
type After<'a> = dyn FnMut(&Step, &mut Rng, &mut Optimizer) + 'a;

/// A part of a model that is trained for an objective of its own: a [`Player`] whose optimiser is still to
/// be chosen.
///
/// It moves [`params`](Self::params) and no others, whatever the objective depends on.
pub struct Role<'a> {
    /// What it is called in tables.
    pub name: Cow<'static, str>,
    /// What moves, by path.
    pub params: Vec<(String, Param)>,
    /// What the learning rate is multiplied by.
    pub rate: f64,
    every: u64,
    repeats: usize,
    is_of_whole_batches: bool,
    objective: Box<RoleObjective<'a>>,
    after: Option<Box<After<'a>>>,
}

impl<'a> Role<'a> {
    /// A role in which `params` minimise `objective`.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        params: Vec<(String, Param)>,
        objective: impl Fn(&Input, &Step) -> Terms + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            params,
            rate: 1.0,
            every: 1,
            repeats: 1,
            is_of_whole_batches: false,
            objective: Box::new(objective),
            after: None,
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

    /// The same, moving in every so many steps only.
    #[must_use]
    pub fn every(self, steps: u64) -> Self {
        Self {
            every: steps,
            ..self
        }
    }

    /// The same, moving so many times in a step.
    #[must_use]
    pub fn repeated(self, repeats: usize) -> Self {
        Self { repeats, ..self }
    }

    /// The same with an objective that is one of the batch as a whole: see
    /// [`Player::of_whole_batches`].
    #[must_use]
    pub fn of_whole_batches(self) -> Self {
        Self {
            is_of_whole_batches: true,
            ..self
        }
    }

    /// The same with something to do after each update: see [`Player::after`].
    #[must_use]
    pub fn after(self, act: impl FnMut(&Step, &mut Rng, &mut Optimizer) + 'a) -> Self {
        Self {
            after: Some(Box::new(act)),
            ..self
        }
    }

    /// What the role minimises on a batch, term by term.
    #[track_caller]
    #[must_use]
    pub fn objective(&self, input: &Input, step: &Step) -> Terms {
        (self.objective)(input, step)
    }

    /// The player of this role, moved by `optimizer`, on batches that can be read as inputs.
    #[must_use]
    pub fn player<V>(self, optimizer: Optimizer) -> Player<'a, V>
    where
        Input: for<'b> From<&'b V>,
    {
        let Self {
            name,
            every,
            repeats,
            objective,
            is_of_whole_batches,
            after,
            ..
        } = self;
        let objective = move |batch: &V, step: &Step| objective(&batch.into(), step);
        let mut player = Player::new(&*name, optimizer, objective)
            .every(every)
            .repeated(repeats);
        if is_of_whole_batches {
            player = player.of_whole_batches();
        }
        match after {
            Some(act) => player.after(act),
            None => player,
        }
    }
}

impl fmt::Debug for Role<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({}, {} parameters)", self.name, self.params.len())
    }
}

/// What is done between epochs is given this.
pub struct Pause<'b> {
    /// Where the run stands: `epoch` epochs are finished, none before the first.
    pub moment: Moment,
    /// A random stream that is a function of the seed and the epoch.
    pub rng: &'b mut Rng,
    /// All training samples, in the order of the data, on a tape for measuring.
    pub batches: &'b mut dyn Iterator<Item = Input>,
    is_over: bool,
    /// Rows of parameters that start anew.
    resets: Vec<(Param, Vec<usize>)>,
}

impl Pause<'_> {
    /// Ends the phase with the epoch that has just been trained: see
    /// [`Between::finish`](retrograd_nn::train::Between::finish).
    pub fn finish(&mut self) {
        self.is_over = true;
    }

    /// Makes the optimiser that moves a parameter forget what it has learnt of some of its rows: see
    /// [`Optimizer::reset_rows`]. It happens at the end of the pause; nothing moves a frozen parameter, and
    /// nothing is forgotten.
    pub fn reset_rows(&mut self, param: &Param, rows: &[usize]) {
        self.resets.push((param.clone(), rows.to_vec()));
    }
}

impl fmt::Debug for Pause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pause(after epoch {})", self.moment.epoch)
    }
}

/// What is done between epochs.
type Between<'a> = dyn FnMut(&mut Pause<'_>) + 'a;

/// A stretch of training, in which one role is played or several take turns.
pub struct Phase<'a> {
    /// What it is called in tables.
    pub name: Cow<'static, str>,
    /// Its share of the epochs; the shares of a model's phases sum to 1.
    pub share: f64,
    /// Who takes part: the loss of the first is the loss of the run.
    pub roles: Vec<Role<'a>>,
    /// What its loss is measured in, where that is not the model's [unit](crate::Autoencoder::unit).
    pub unit: Option<&'static str>,
    between: Option<Box<Between<'a>>>,
}

impl<'a> Phase<'a> {
    /// A phase in which `params` minimise `objective`.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        share: f64,
        params: Vec<(String, Param)>,
        objective: impl Fn(&Input, &Step) -> Terms + 'a,
    ) -> Self {
        let name = name.into();
        let role = Role::new(name.clone(), params, objective);
        Self::of(name, share, vec![role])
    }

    /// A phase in which these roles take turns.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn of(name: impl Into<Cow<'static, str>>, share: f64, roles: Vec<Role<'a>>) -> Self {
        assert!(!roles.is_empty(), "a phase has a role");
        Self {
            name: name.into(),
            share,
            roles,
            unit: None,
            between: None,
        }
    }

    /// The same with a loss that is measured in this, and not in the model's unit.
    #[must_use]
    pub fn measured_in(self, unit: &'static str) -> Self {
        Self {
            unit: Some(unit),
            ..self
        }
    }

    /// The same with every role at another learning rate, `factor` times the recipe's.
    #[must_use]
    pub fn at_rate(mut self, factor: f64) -> Self {
        self.roles.iter_mut().for_each(|role| role.rate *= factor);
        self
    }

    /// The same with something to do before the first epoch and after each: see
    /// [`Trainer::between_epochs`].
    #[must_use]
    pub fn between_epochs(self, act: impl FnMut(&mut Pause<'_>) + 'a) -> Self {
        Self {
            between: Some(Box::new(act)),
            ..self
        }
    }

    /// All that moves, by path.
    pub fn params(&self) -> impl Iterator<Item = &(String, Param)> + '_ {
        self.roles.iter().flat_map(|role| &role.params)
    }

    /// What the first role minimises on a batch, term by term.
    #[track_caller]
    #[must_use]
    pub fn objective(&self, input: &Input, step: &Step) -> Terms {
        self.roles[0].objective(input, step)
    }

    /// The trainer of this phase of `model`, on batches that can be read as inputs. Each role is moved by
    /// the optimiser that is made for its parameters and for so many times the recipe's rate, which
    /// follows the schedule.
    ///
    /// # Errors
    /// If an optimiser cannot be made.
    pub fn trainer<V: 'a, E>(
        self,
        model: &'a dyn Module,
        seed: u64,
        schedule: &Schedule,
        optimizer: impl Fn(Vec<(String, Param)>, f64) -> Result<Optimizer, E>,
    ) -> Result<Trainer<'a, V>, E>
    where
        Input: for<'b> From<&'b V>,
    {
        let names: Vec<String> = self
            .roles
            .iter()
            .map(|role| role.name.to_string())
            .collect();
        let player = |role: Role<'a>| {
            let optimizer = optimizer(role.params.clone(), role.rate)?;
            Ok(role.player(optimizer).scheduled(schedule.clone()))
        };
        let players: Vec<_> = self
            .roles
            .into_iter()
            .map(player)
            .collect::<Result<_, E>>()?;
        let trainer = Trainer::of(model, players, seed);
        let Some(mut act) = self.between else {
            return Ok(trainer);
        };
        Ok(trainer.between_epochs(move |between| {
            let mut batches = (&mut *between.batches).map(|batch| Input::from(&batch));
            let mut pause = Pause {
                moment: between.moment,
                rng: &mut *between.rng,
                batches: &mut batches,
                is_over: false,
                resets: Vec::new(),
            };
            act(&mut pause);
            let Pause {
                is_over, resets, ..
            } = pause;
            for (param, rows) in resets {
                for name in &names {
                    let Some(optimizer) = between.optimizer(name) else {
                        continue;
                    };
                    if optimizer.params().any(|own| own.id() == param.id()) {
                        optimizer.reset_rows(&param, &rows);
                    }
                }
            }
            if is_over {
                between.finish();
            }
        }))
    }
}

impl fmt::Debug for Phase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phase({}, {}, {:?})", self.name, self.share, self.roles)
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
            Phase::new("a phase", share, Vec::new(), |input: &Input, _: &Step| {
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
