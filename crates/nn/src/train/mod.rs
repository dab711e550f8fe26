//! The training loop: epochs of batches, each batch a step.

mod batch;
mod best;
mod between;
mod checkpoint;
mod error;
mod evaluation;
mod finder;
mod fit;
mod interrupt;
mod judge;
mod memory;
mod metric;
mod metrics;
mod observer;
mod patience;
mod player;
mod progress;
mod shelf;
mod standing;
mod step;
mod tensorboard;
mod terms;
mod undo;

use std::sync::Arc;

use retrograd_autograd::Var;
use retrograd_tensor::Precision;

use crate::averaging::WeightAverage;
use crate::module::{Module, State};
use crate::optim::Optimizer;
use crate::param::Param;
use crate::schedule::{Moment, Plateau, Schedule};
pub use batch::{Batch, SampleVars};
use best::Best;
pub use between::Between;
pub use checkpoint::Checkpoint;
pub use error::TrainError;
pub use evaluation::Objective;
pub use finder::{RateCurve, RateFinder};
pub use interrupt::Interrupt;
pub use judge::Goal;
use metric::Measures;
pub use metric::{Accuracy, ActiveUnits, Metric, Prediction, Psnr, RSquared, Similarity};
pub use metrics::{Figure, Metrics};
pub use observer::{EpochRecord, Flow, Observer, ObserverError, Outlier, Plan, StepRecord};
pub use patience::EarlyStopping;
pub use player::Player;
pub use progress::Progress;
pub use shelf::{Every, Latest, Shelf};
pub use standing::Standing;
pub use step::Step;
pub use tensorboard::TensorBoard;
pub use terms::{Terms, Watched};

/// Minimises objectives over the batches of a loader.
///
/// A training is a list of [players](Player), whose turns make a step; mostly it is one, who moves all of
/// a model. Figures of the first player have the names that its objective gives them, and its loss is
/// the run's; those of the player `critic` are called `critic/loss` and `critic/TERM`.
///
/// Everything random in a step comes from a stream that is a function of the seed, the epoch and
/// the batch, so two runs with one seed are the same run, and a run that was stopped and
/// [resumed](Self::resume) is the same as one that was not, to the bit.
///
/// Large products and updates are shared out among the threads of rayon's pool. A thread outside of
/// the pool waits for them, and every time is woken again; a program whose main thread becomes one
/// of the pool (`rayon::ThreadPoolBuilder::use_current_thread`) spares small steps much of their
/// time, and the steps, once they have run a few times, allocate nothing (on several threads, now and
/// then a few bytes to share work).
///
/// `V` is what the objective is a function of: a `Var` for batches that are tensors, a pair for
/// batches of inputs and targets or labels (see [`Batch`]).
pub struct Trainer<'a, V = Var> {
    model: &'a dyn Module,
    /// Buffers and counters of the model.
    buffers: Vec<State>,
    players: Vec<Player<'a, V>>,
    /// What any of them moves.
    params: Vec<Param>,
    seed: u64,
    goal: Goal,
    stopping: Option<EarlyStopping>,
    /// The model after its best epoch, if that is wanted in the end.
    best: Option<Best>,
    /// The epoch that the model was set back to.
    kept: Option<u64>,
    /// What it was before that, after the last epoch, from where another training goes on.
    last: Option<best::States>,
    average: Option<WeightAverage>,
    /// Batches in a step.
    accumulated: usize,
    precision: Precision,
    measures: Vec<Measures<'a, V>>,
    between: Option<Box<between::Hook<'a, V>>>,
    observer: Option<Box<dyn Observer + 'a>>,
    saving: Option<Shelf>,
    /// That of the best epoch, until it is written.
    best_checkpoint: Option<Arc<Checkpoint>>,
    /// That of the last epoch, until one is written: what is left if the next one diverges.
    last_checkpoint: Option<Arc<Checkpoint>>,
    standing: Standing,
    /// That of the last step.
    moment: Moment,
    /// Whether parameters that nobody moves have been looked for.
    has_warned: bool,
    before: undo::Before,
    stopped: Option<Stopped>,
}

/// Why a training ended before its last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// An observer asked for it; the epoch may not be over.
    Asked,
    /// What it is judged by no longer got better, or what is done between epochs
    /// [has ended it](Between::finish).
    NoProgress,
}

impl<'a, V> Trainer<'a, V> {
    /// A trainer of what `optimizer` moves of `model`, for a single objective.
    ///
    /// ```
    /// use retrograd_autograd::Var;
    /// use retrograd_nn::{Adam, DataLoader, Linear, Module, Optimizer, Reduction, Terms, Trainer, loss};
    /// use retrograd_tensor::{DType, Tensor, random};
    ///
    /// let model = Linear::new(3, 3, &mut random::rng(0));
    /// let optimizer = Optimizer::new(Adam::default(), 0.05, model.params());
    /// let mse = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    /// let data = Tensor::normal([40, 3], 0.0, 1.0, &mut random::rng(1), DType::F32);
    /// let loader = DataLoader::new(data, 8)?.shuffled(2);
    /// let records = Trainer::new(&model, optimizer, mse, 3).fit(5, &loader, None, &mut ())?;
    /// assert!(records[4].train.total() < records[0].train.total());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        model: &'a dyn Module,
        optimizer: Optimizer,
        objective: impl Fn(&V) -> Terms + 'a,
        seed: u64,
    ) -> Self {
        let objective = move |batch: &V, _: &Step| objective(batch);
        Self::of(model, [Player::new("model", optimizer, objective)], seed)
    }

    /// A trainer of players, who take turns in this order in every step.
    ///
    /// # Panics
    /// If there are no players, or two of one name.
    #[track_caller]
    pub fn of(
        model: &'a dyn Module,
        players: impl IntoIterator<Item = Player<'a, V>>,
        seed: u64,
    ) -> Self {
        let mut players: Vec<_> = players.into_iter().collect();
        assert!(!players.is_empty(), "trainer: there is no player");
        let mut params: Vec<Param> = Vec::new();
        let mut all: Vec<Param> = model.params().into_iter().map(|(_, param)| param).collect();
        for (number, player) in players.iter_mut().enumerate() {
            player.evaluation.number = number;
            player.evaluation.seed = seed;
            params.extend(player.evaluation.params.iter().cloned());
        }
        let names = players.iter().map(Player::name).enumerate();
        for (number, name) in names {
            let mut before = players[..number].iter();
            assert!(
                before.all(|player| player.name() != name),
                "trainer: two players are called `{name}`"
            );
        }
        distinct(&mut params);
        all.extend(params.iter().cloned());
        distinct(&mut all);
        for player in &mut players {
            let moves = |param: &&Param| !player.optimizer.may_move(param);
            player.evaluation.held = all.iter().filter(moves).cloned().collect();
        }
        let state = model.state().into_iter().map(|(_, state)| state);
        let is_buffer = |state: &State| !matches!(state, State::Param(_));
        Self {
            model,
            buffers: state.filter(is_buffer).collect(),
            players,
            params,
            seed,
            goal: Goal::default(),
            stopping: None,
            best: None,
            kept: None,
            last: None,
            average: None,
            accumulated: 1,
            precision: Precision::Full,
            measures: Vec::new(),
            between: None,
            observer: None,
            saving: None,
            best_checkpoint: None,
            last_checkpoint: None,
            standing: Standing::default(),
            moment: Moment::default(),
            has_warned: false,
            before: undo::Before::default(),
            stopped: None,
        }
    }

    /// The same with a learning rate of the first player that changes during [`fit`](Self::fit).
    #[must_use]
    pub fn scheduled(mut self, schedule: Schedule) -> Self {
        self.players[0].schedule = schedule;
        self
    }

    /// The same with a learning rate of the first player that falls when a figure (by default the
    /// held-out loss; without held-out data, the training loss) no longer gets better, on top of the
    /// schedule.
    #[must_use]
    pub fn falling(mut self, plateau: Plateau) -> Self {
        self.players[0].plateau = Some(plateau);
        self
    }

    /// The same, judged by a figure other than the loss: early stopping, the best weights and the best
    /// checkpoint go by it.
    #[must_use]
    pub fn judged_by(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// The same, ending early when there is no more progress.
    #[must_use]
    pub fn stopping(self, stopping: EarlyStopping) -> Self {
        Self {
            stopping: Some(stopping),
            ..self
        }
    }

    /// The same with an average of the weights, which takes part in every step; what is measured on
    /// held-out data is the average.
    #[must_use]
    pub fn averaging(self, average: WeightAverage) -> Self {
        Self {
            average: Some(average),
            ..self
        }
    }

    /// The average of the weights, if there is one: to compute with it, or to take it for good.
    #[must_use]
    pub fn average(&self) -> Option<&WeightAverage> {
        self.average.as_ref()
    }

    /// The same with steps of `batches` batches each, whose gradients are added up weighed by their
    /// samples: the step of one large batch, in the memory of a small one. The last step of an epoch
    /// takes what is left.
    ///
    /// # Panics
    /// If `batches` is 0.
    #[must_use]
    pub fn accumulating(self, batches: usize) -> Self {
        assert!(batches > 0, "accumulating: a step takes 1 batch or more");
        Self {
            accumulated: batches,
            ..self
        }
    }

    /// The same with matrix products of training steps (objective, gradients and update) in this precision.
    /// What is measured on held-out data is the model as it is stored, in full precision, whatever
    /// [scope](Precision::scope) the training runs in.
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The same with a figure of `predict`'s output against its target, over the held-out samples; may
    /// be called several times.
    #[must_use]
    pub fn metric(
        mut self,
        predict: impl Fn(&V) -> (Var, Var) + 'a,
        metric: impl Metric + 'a,
    ) -> Self {
        self.measures.push(Measures {
            predict: Box::new(predict),
            metric: Box::new(metric),
        });
        self
    }

    /// The same with somebody who is told what happens, besides the one that [`fit`](Self::fit) is
    /// given; may be called several times.
    #[must_use]
    pub fn observe(mut self, observer: impl Observer + 'a) -> Self {
        self.observer = Some(match self.observer.take() {
            Some(other) => Box::new((other, observer)),
            None => Box::new(observer),
        });
        self
    }

    /// The same, saving checkpoints on a shelf.
    #[must_use]
    pub fn saving(self, shelf: Shelf) -> Self {
        Self {
            saving: Some(shelf),
            ..self
        }
    }

    /// How far the training has come.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Whether there is nothing left to do of `epochs` epochs: they are done, or there was no more
    /// progress.
    #[must_use]
    pub fn is_over(&self, epochs: u64) -> bool {
        self.standing.epochs >= epochs || self.is_idle()
    }

    /// Whether there has been no progress for as long as is waited for it, or what is done between epochs
    /// has ended the training.
    pub(super) fn is_idle(&self) -> bool {
        self.standing.is_over || self.stopping.as_ref().is_some_and(EarlyStopping::is_over)
    }

    /// Why the last [`fit`](Self::fit) ended before its last epoch, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }
}

impl<V> std::fmt::Debug for Trainer<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trainer(seed {}, {:?})", self.seed, self.players)
    }
}

/// Leaves out what is there already.
fn distinct(params: &mut Vec<Param>) {
    let mut seen = std::collections::BTreeSet::new();
    params.retain(|param| seen.insert(param.id()));
}
