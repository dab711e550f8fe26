//! The training loop: epochs of batches, each batch a step.

mod batch;
mod best;
mod checkpoint;
mod error;
mod evaluation;
mod finder;
mod fit;
mod interrupt;
mod judge;
mod memory;
mod metric;
mod observer;
mod patience;
mod progress;
mod shelf;
mod standing;
mod tensorboard;
mod terms;

use std::sync::Arc;

use retrograd_autograd::Var;

use crate::averaging::WeightAverage;
use crate::module::Module;
use crate::optim::Optimizer;
use crate::schedule::{Plateau, Schedule};
pub use batch::Batch;
use best::Best;
pub use checkpoint::Checkpoint;
pub use error::TrainError;
use evaluation::Evaluation;
pub use evaluation::Objective;
pub use finder::{RateCurve, RateFinder};
pub use interrupt::Interrupt;
use metric::Measures;
pub use metric::{Accuracy, ActiveUnits, Metric, Prediction, Psnr, RSquared, Similarity};
pub use observer::{EpochRecord, Flow, Observer, ObserverError, Outlier, Plan, StepRecord};
pub use patience::EarlyStopping;
pub use progress::Progress;
pub use shelf::{Every, Latest, Shelf};
pub use standing::Standing;
pub use tensorboard::TensorBoard;
pub use terms::{Metrics, Terms};

/// Minimises an objective over the batches of a loader.
///
/// Everything random in a step comes from a stream that is a function of the seed, the epoch and
/// the batch, so two runs with one seed are the same run, and a run that was stopped and
/// [resumed](Self::resume) is the same as one that was not, to the bit.
///
/// Large products and updates are shared out among the threads of rayon's pool. A thread outside of
/// the pool waits for them, and every time is woken again; a program whose main thread becomes one
/// of the pool (`rayon::ThreadPoolBuilder::use_current_thread`) spares small steps much of their
/// time, and the steps, once they have run a few times, allocate nothing.
///
/// `V` is what the objective is a function of: a `Var` for batches that are tensors, a pair for
/// batches of inputs and targets or labels (see [`Batch`]).
pub struct Trainer<'a, V = Var> {
    evaluation: Evaluation<'a, V>,
    optimizer: Optimizer,
    /// The optimiser's rate before any schedule.
    learning_rate: f64,
    schedule: Schedule,
    plateau: Option<Plateau>,
    stopping: Option<EarlyStopping>,
    /// The model after its best epoch, if that is wanted in the end.
    best: Option<Best<'a>>,
    /// The epoch that the model was set back to.
    kept: Option<u64>,
    average: Option<WeightAverage>,
    /// Batches in a step.
    accumulated: usize,
    measures: Vec<Measures<'a, V>>,
    saving: Option<(&'a dyn Module, Shelf)>,
    /// That of the best epoch, until it is written.
    best_checkpoint: Option<Arc<Checkpoint>>,
    /// That of the last epoch, until one is written: what is left if the next one diverges.
    last_checkpoint: Option<Arc<Checkpoint>>,
    standing: Standing,
    stopped: Option<Stopped>,
}

/// Why a training ended before its last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// An observer asked for it; the epoch may not be over.
    Asked,
    /// The held-out loss no longer got better.
    NoProgress,
}

impl<'a, V> Trainer<'a, V> {
    /// A trainer of what `optimizer` moves.
    pub fn new(objective: &'a Objective<'a, V>, optimizer: Optimizer, seed: u64) -> Self {
        Self {
            evaluation: Evaluation {
                objective,
                params: optimizer.params().cloned().collect(),
                seed,
            },
            learning_rate: optimizer.learning_rate,
            optimizer,
            schedule: Schedule::Constant,
            plateau: None,
            stopping: None,
            best: None,
            kept: None,
            average: None,
            accumulated: 1,
            measures: Vec::new(),
            saving: None,
            best_checkpoint: None,
            last_checkpoint: None,
            standing: Standing::default(),
            stopped: None,
        }
    }

    /// The same with a learning rate that changes during [`fit`](Self::fit).
    #[must_use]
    pub fn scheduled(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// The same with a learning rate that falls when the held-out loss (without held-out data, the
    /// training loss) no longer does, on top of the schedule.
    #[must_use]
    pub fn falling(self, plateau: Plateau) -> Self {
        Self {
            plateau: Some(plateau),
            ..self
        }
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

    /// The same with figures of `predict`'s output against its target, over the held-out samples; may
    /// be called several times.
    #[must_use]
    pub fn measuring(
        mut self,
        predict: &'a Prediction<'a, V>,
        metrics: Vec<Box<dyn Metric + 'a>>,
    ) -> Self {
        self.measures.push(Measures { predict, metrics });
        self
    }

    /// The same, saving checkpoints of itself and `model` on a shelf.
    #[must_use]
    pub fn saving(self, model: &'a dyn Module, shelf: Shelf) -> Self {
        Self {
            saving: Some((model, shelf)),
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

    /// Whether there has been no progress for as long as is waited for it.
    pub(super) fn is_idle(&self) -> bool {
        self.stopping.as_ref().is_some_and(EarlyStopping::is_over)
    }

    /// Why the last [`fit`](Self::fit) ended before its last epoch, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }
}

impl<V> std::fmt::Debug for Trainer<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seed = self.evaluation.seed;
        write!(f, "Trainer(seed {seed}, {:?})", self.optimizer)
    }
}
