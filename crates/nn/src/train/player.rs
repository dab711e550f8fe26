//! Who takes part in a training: what moves, how, when, and what for.

use std::sync::Arc;

use retrograd_autograd::Var;
use retrograd_tensor::random::{self, Rng};

use super::evaluation::{Evaluation, Place, samples};
use super::metrics::Averages;
use super::step::Step;
use super::{Batch, Metrics, Terms, TrainError};
use crate::optim::Optimizer;
use crate::schedule::{Moment, Plateau, Schedule};

/// What happens after a player's update.
type After<'a> = dyn FnMut(&Step, &mut Rng, &mut Optimizer) + 'a;

/// A part of a model that is trained for an objective of its own: the parameters of its optimiser.
///
/// In its turn all other parameters are constants, whatever the objective depends on: an adversary's
/// step costs no gradients of the encoder. Its turn has a tape and a random stream of its own.
///
/// ```
/// use retrograd_autograd::Var;
/// use retrograd_nn::{Adam, Linear, Module, Optimizer, Player, Reduction, Step, Terms, loss};
/// use retrograd_nn::{Schedule, Span};
/// use retrograd_tensor::random;
///
/// let model = Linear::new(3, 3, &mut random::rng(0));
/// let warm_up = Schedule::Linear { from: 0.0, to: 1.0, over: Span::Epochs(5) };
/// let player = Player::new(
///     "autoencoder",
///     Optimizer::new(Adam::default(), 1e-3, model.params()),
///     |x: &Var, step: &Step| {
///         let y = model.forward(x);
///         Terms::new("mse", loss::mse(&y, x, Reduction::Mean))
///             .weighted("l1", y.abs().mean(..), step.schedule(&warm_up, 0.1))
///     },
/// );
/// # drop(player);
/// ```
pub struct Player<'a, V = Var> {
    pub(super) evaluation: Evaluation<'a, V>,
    pub(super) optimizer: Optimizer,
    /// The optimiser's rate before any schedule.
    learning_rate: f64,
    pub(super) schedule: Schedule,
    pub(super) plateau: Option<Plateau>,
    every: u64,
    repeats: usize,
    pub(super) whole_batch: bool,
    after: Option<Box<After<'a>>>,
}

impl<'a, V> Player<'a, V> {
    /// A player of this name that moves what `optimizer` moves.
    pub fn new(
        name: impl Into<Arc<str>>,
        optimizer: Optimizer,
        objective: impl Fn(&V, &Step) -> Terms + 'a,
    ) -> Self {
        Self {
            evaluation: Evaluation {
                name: name.into(),
                number: 0,
                seed: 0,
                objective: Box::new(objective),
                params: optimizer.params().cloned().collect(),
                held: Vec::new(),
            },
            learning_rate: optimizer.learning_rate,
            optimizer,
            schedule: Schedule::Constant,
            plateau: None,
            every: 1,
            repeats: 1,
            whole_batch: false,
            after: None,
        }
    }

    /// The same with a learning rate that changes during the run.
    #[must_use]
    pub fn scheduled(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// The same with a learning rate that falls when a figure no longer gets better, on top of the
    /// schedule.
    #[must_use]
    pub fn falling(self, plateau: Plateau) -> Self {
        Self {
            plateau: Some(plateau),
            ..self
        }
    }

    /// The same, moving in every `steps`-th step only: the first time in step `steps`.
    ///
    /// # Panics
    /// If `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn every(self, steps: u64) -> Self {
        assert!(steps > 0, "every: a player moves every 1 step or more");
        Self {
            every: steps,
            ..self
        }
    }

    /// The same, moving so many times in a step, each time on the same batch with other random numbers.
    ///
    /// # Panics
    /// If `repeats` is 0.
    #[track_caller]
    #[must_use]
    pub fn repeated(self, repeats: usize) -> Self {
        assert!(repeats > 0, "repeated: a player moves 1 time or more");
        Self { repeats, ..self }
    }

    /// The same with an objective that is one of the batch as a whole and no mean over its samples, such
    /// as a distance between distributions: steps of [several
    /// batches](super::Trainer::accumulating), whose gradients would be others, are refused.
    ///
    /// Its held-out value is then one of measuring batches of their size.
    #[must_use]
    pub fn of_whole_batches(self) -> Self {
        Self {
            whole_batch: true,
            ..self
        }
    }

    /// The same with something to do after each of its updates, such as projecting parameters, moving
    /// an average that is a buffer, or setting rows anew together with [what the optimiser remembers of
    /// them](Optimizer::reset_rows).
    ///
    /// `act` is given the step, a random stream that is a function of it, and the optimiser. What it
    /// remembers from step to step belongs into buffers of the model, which a resumed run has again.
    #[must_use]
    pub fn after(self, act: impl FnMut(&Step, &mut Rng, &mut Optimizer) + 'a) -> Self {
        Self {
            after: Some(Box::new(act)),
            ..self
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.evaluation.name
    }

    /// Whether it is the first, whose loss is the run's.
    pub(super) fn is_first(&self) -> bool {
        self.evaluation.number == 0
    }

    /// How often it moves in this step.
    pub(super) fn turns(&self, moment: Moment) -> usize {
        if (moment.step + 1).is_multiple_of(self.every) {
            self.repeats
        } else {
            0
        }
    }

    /// Sets the rate to that of a moment.
    pub(super) fn set_rate(&mut self, moment: Moment) {
        let plateau = self.plateau.as_ref().map_or(1.0, Plateau::value);
        self.optimizer.learning_rate = self.schedule.at(self.learning_rate, moment) * plateau;
    }

    /// Adds the player's figures to those of a step: the first one's as they are.
    pub(super) fn report(&self, own: Metrics, all: &mut Metrics) {
        if self.is_first() {
            *all = own;
        } else {
            all.add_player(&self.evaluation.name, own);
        }
    }

    /// Its updates of a step on several batches as if they were one. Returns the mean of its figures, each
    /// before an update.
    pub(super) fn play<B: Batch<Vars = V>>(
        &mut self,
        batches: &[B],
        place: Place,
    ) -> Result<Metrics, TrainError> {
        let turns = self.turns(place.moment);
        let mut averages = Averages::default();
        for repeat in 0..turns {
            let place = Place { repeat, ..place };
            let metrics = self.update(batches, place)?;
            self.finish(place);
            if turns == 1 {
                return Ok(metrics);
            }
            averages.add(&metrics, batches.iter().map(samples).sum());
        }
        Ok(averages.metrics())
    }

    fn update<B: Batch<Vars = V>>(
        &mut self,
        batches: &[B],
        place: Place,
    ) -> Result<Metrics, TrainError> {
        let evaluation = &self.evaluation;
        if self.optimizer.is_rule() {
            let (metrics, gradients) = evaluation.over(batches, place, false)?;
            let step = self.optimizer.try_step(&gradients);
            return step.map(|()| metrics).map_err(|norm| TrainError::Norm {
                epoch: place.epoch,
                batch: place.position + 1,
                norm,
            });
        }
        let mut first = None;
        self.optimizer.minimize(|| {
            let (metrics, gradients) = evaluation.over(batches, place, first.is_some())?;
            let loss = metrics.total();
            first.get_or_insert(metrics);
            Ok::<_, TrainError>((loss, gradients))
        })?;
        Ok(first.unwrap_or_default())
    }

    /// What follows an update.
    fn finish(&mut self, place: Place) {
        let Some(after) = &mut self.after else { return };
        let step = self
            .evaluation
            .step(place, retrograd_autograd::Mode::Training);
        let at = [
            place.epoch,
            place.position as u64,
            self.evaluation.number as u64,
            place.repeat as u64,
        ];
        let mut rng = random::stream(self.evaluation.seed, "after", &at);
        after(&step, &mut rng, &mut self.optimizer);
    }
}

impl<V> std::fmt::Debug for Player<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Player({}, {:?})", self.evaluation.name, self.optimizer)
    }
}
