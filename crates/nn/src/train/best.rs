//! What a model was when it was best.

use super::Trainer;
use crate::checkpoint::{self as files, Stored};
use crate::module::{Module, State};
use crate::snapshot::{Snapshot, SnapshotError};

/// In front of the names of counters.
const COUNT: &str = "count/";

/// The model after the epoch that was judged best: weights and what belongs to them, such as running
/// statistics.
#[derive(Default)]
pub(super) struct Best {
    kept: Option<Kept>,
}

/// An epoch, what it cost, and everything of the model after it.
#[derive(Clone)]
pub(super) struct Kept {
    epoch: u64,
    cost: f64,
    state: States,
}

/// Everything of a model.
pub(super) type States = Vec<(String, Stored)>;

impl Best {
    /// Takes note of an epoch of `model`; a cost that is infinite or NaN is never the best.
    pub(super) fn observe(&mut self, epoch: u64, cost: f64, model: &dyn Module) {
        let best = self.kept.as_ref().map_or(f64::INFINITY, |kept| kept.cost);
        if cost < best {
            let state = files::stored(model);
            self.kept = Some(Kept { epoch, cost, state });
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let Some(Kept { epoch, cost, state }) = &self.kept else {
            return Snapshot::new();
        };
        let place = Snapshot::new().with("epoch", *epoch).with("loss", *cost);
        state.iter().fold(place, |all, (name, value)| match value {
            Stored::Tensor(tensor) => all.with_tensor(name, tensor.clone()),
            Stored::Count(count) => all.with(format!("{COUNT}{name}"), *count),
        })
    }

    /// What a snapshot says of the model, if anything.
    pub(super) fn read(part: &Snapshot, model: &dyn Module) -> Result<Option<Kept>, SnapshotError> {
        // Before epochs were noted, buffers were not kept either: the best starts afresh.
        if !part.values.contains_key("epoch") {
            return Ok(None);
        }
        let mut reader = part.reader();
        let (epoch, cost) = (reader.count("epoch")?, reader.number("loss")?);
        let own = model.state().into_iter().map(|(name, state)| {
            let value = match state {
                State::Param(param) => Stored::Tensor(reader.tensor(&name, &param.value())?),
                State::Buffer(buffer) => Stored::Tensor(reader.tensor(&name, &buffer.value())?),
                State::Counter(_) => Stored::Count(reader.count(&format!("{COUNT}{name}"))?),
            };
            Ok((name, value))
        });
        let state = own.collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Some(Kept { epoch, cost, state }))
    }

    pub(super) fn set(&mut self, kept: Option<Kept>) {
        self.kept = kept;
    }
}

impl<V> Trainer<'_, V> {
    /// The same; at the end of a training the model is what it was after the epoch with the smallest
    /// held-out loss (without held-out data, the smallest training loss), or the best of [what it is
    /// judged by](Self::judged_by): its weights and its buffers. With an
    /// [average of weights](Self::averaging), which is what is measured, it is the average.
    ///
    /// Another [`fit`](Self::fit) goes on from the last epoch, as if the training had never ended, since
    /// optimisers and averages are as they were then; what the model was set to in between is forgotten. A
    /// trainer of its own trains the model from where it is.
    #[doc(alias = "restore_best_weights")]
    #[must_use]
    pub fn keeping_best(self) -> Self {
        Self {
            best: Some(Best::default()),
            ..self
        }
    }

    /// The epoch, from 1, after which the model was what it is: the best, if
    /// [that is kept](Self::keeping_best) and the training is over, else the last. 0 before the first.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept.unwrap_or(self.standing.epochs)
    }

    /// Sets the model to what it was after its best epoch, if that was asked for.
    pub(super) fn take_best(&mut self) {
        let Some(Best { kept: Some(kept) }) = &self.best else {
            return;
        };
        self.last = Some(files::stored(self.model));
        set(self.model, &kept.state);
        self.kept = Some(kept.epoch);
    }

    /// Sets the model to what it was after its last epoch, if it was set to another one.
    pub(super) fn take_last(&mut self) {
        if let Some(last) = self.last.take() {
            set(self.model, &last);
        }
        self.kept = None;
    }
}

/// Sets a model to what it was; names and shapes are its own.
fn set(model: &dyn Module, state: &States) {
    let set = files::set(model, "what the model was".as_ref(), state);
    debug_assert!(set.is_ok(), "{set:?}");
}
