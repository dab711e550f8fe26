//! Averages of weights along the way of training, which often judge better than the last weights.
//!
//! ```text
//! θ̄ ← θ̄ + s (θ − θ̄)
//! ```
//!
//! after every step, or every epoch. The share s of the newest weights is what tells an exponential
//! moving average from an equal one, [`Averaging`].

use smallvec::SmallVec;

use retrograd_tensor::{Tensor, typed};

use crate::module::{Module, State};
use crate::optim::{Blend, Update};
use crate::param::Param;
use crate::snapshot::{Snapshot, SnapshotError, Stateful};

/// How much the newest weights count.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Averaging {
    /// s = 1 − d: an exponential moving average that starts from the first weights (Polyak and
    /// Juditsky 1992; `AveragedModel` with `get_ema_multi_avg_fn` in PyTorch).
    Exponential {
        /// d: how long weights are remembered, 1 / (1 − d) updates.
        decay: f64,
    },
    /// s = 1 − min(d, (1 + t) / (10 + t)) at update t: what is learnt early is forgotten soon
    /// (TensorFlow's `ExponentialMovingAverage`).
    WarmedUp {
        /// d in the end.
        decay: f64,
    },
    /// s = (1 − d) / (1 − dᵗ): the weights before the first update do not count at all, as in Adam's
    /// bias correction.
    Corrected {
        /// d
        decay: f64,
    },
    /// s = 1 / t: all count the same. Stochastic weight averaging (Izmailov et al. 2018), updated at
    /// the end of each epoch of the last part of a run, in which the rate is constant and large:
    ///
    /// ```
    /// use retrograd_nn::{Schedule, Span};
    ///
    /// // From epoch 75 on down to a twentieth in 5 epochs, and on with that.
    /// let constant = Schedule::Linear { from: 1.0, to: 0.05, over: Span::Epochs(5) };
    /// let rate = Schedule::Constant.then(Span::Epochs(75), constant);
    /// # assert_eq!(rate.to_string(), "constant; after 75 epochs: line from 1 to 0.05 over 5 epochs");
    /// ```
    Equal,
}

impl Averaging {
    /// s at the `update`-th update, from 1.
    fn share(self, update: u64) -> f64 {
        let t = update as f64;
        match self {
            Self::Exponential { decay } => 1.0 - decay,
            Self::WarmedUp { decay } => 1.0 - decay.min((1.0 + t) / (10.0 + t)),
            Self::Corrected { decay } => (1.0 - decay) / (1.0 - decay.powf(t)),
            Self::Equal => 1.0 / t,
        }
    }
}

/// The average of a model's weights, and of its buffers if that is wanted.
///
/// ```
/// use retrograd_nn::{Averaging, Linear, Module, WeightAverage};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let model = Linear::new(1, 1, &mut random::rng(0)).to(DType::F64);
/// let mut average = WeightAverage::new(Averaging::Equal, model.params());
/// for value in [1.0, 2.0, 6.0] {
///     model.weight.set(Tensor::full([1, 1], value)); // a step of training
///     average.update();
/// }
/// let seen = average.applied(|| model.weight.value().item());
/// assert_eq!((seen, model.weight.value().item()), (3.0, 6.0));
/// ```
///
/// Buffers, such as the running statistics of normalisations, are averaged by [`of`](Self::of) alone.
/// Otherwise they are those of the last weights, and a pass over the data in training mode adapts them
/// to the average.
#[doc(alias = "AveragedModel")]
#[doc(alias = "EMA")]
#[doc(alias = "use_ema")]
#[derive(Debug)]
pub struct WeightAverage {
    averaging: Averaging,
    entries: Vec<Entry>,
    updates: u64,
}

#[derive(Debug)]
struct Entry {
    name: String,
    /// A parameter or a buffer.
    own: State,
    average: Tensor,
}

/// The value of a parameter or buffer.
fn value(own: &State) -> Option<Tensor> {
    match own {
        State::Param(param) => Some(param.value()),
        State::Buffer(buffer) => Some(buffer.value()),
        State::Counter(_) => None,
    }
}

fn set(own: &State, value: Tensor) {
    match own {
        State::Param(param) => param.set(value),
        State::Buffer(buffer) => buffer.set(value),
        State::Counter(_) => {}
    }
}

impl WeightAverage {
    /// An average of these parameters, which starts from their values now.
    #[must_use]
    pub fn new(averaging: Averaging, params: Vec<(String, Param)>) -> Self {
        let params = params.into_iter();
        Self::over(
            averaging,
            params.map(|(name, param)| (name, State::Param(param))),
        )
    }

    /// An average of all parameters and buffers of a model (`use_buffers` in PyTorch): a codebook that is
    /// itself a moving average, or running statistics. Counters stay as they are.
    #[must_use]
    pub fn of(averaging: Averaging, model: &dyn Module) -> Self {
        Self::over(averaging, model.state().into_iter())
    }

    fn over(averaging: Averaging, state: impl Iterator<Item = (String, State)>) -> Self {
        let entry = |(name, own): (String, State)| {
            let average = value(&own)?.copied();
            Some(Entry { name, own, average })
        };
        Self {
            averaging,
            entries: state.filter_map(entry).collect(),
            updates: 0,
        }
    }

    /// Takes the parameters as they are now into the average, in one pass.
    ///
    /// # Panics
    /// If the model was cast to another type since the average was made.
    #[track_caller]
    pub fn update(&mut self) {
        self.updates += 1;
        let update = Update {
            rule: &Blend,
            step: self.updates,
            learning_rate: self.averaging.share(self.updates),
        };
        for entry in &mut self.entries {
            let Some(value) = value(&entry.own) else {
                continue;
            };
            if let State::Param(param) = &entry.own {
                param.expect_type_of(&entry.average, "average");
            }
            let value = value.contiguous();
            typed!(value.dtype(), T => {
                let newest: &[T] = value.as_slice().unwrap_or_default();
                update.apply(entry.average.make_mut(), newest.into(), SmallVec::new());
            });
        }
    }

    /// Updates so far.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// What `run` gives while the parameters are the average, for evaluation or saving; after it,
    /// also after a panic, they are what they were.
    pub fn applied<V>(&self, run: impl FnOnce() -> V) -> V {
        let entries = self.entries.iter();
        let before = entries.filter_map(|entry| Some((&entry.own, value(&entry.own)?)));
        let _restored = Restored(before.collect());
        self.apply();
        run()
    }

    /// Sets the parameters to the average for good.
    pub fn apply(&self) {
        for entry in &self.entries {
            set(&entry.own, entry.average.clone());
        }
    }
}

/// Parameters and buffers that get their values back.
struct Restored<'a>(Vec<(&'a State, Tensor)>);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        for (own, value) in self.0.drain(..) {
            set(own, value);
        }
    }
}

impl Stateful for WeightAverage {
    fn snapshot(&self) -> Snapshot {
        let start = Snapshot::new().with("updates", self.updates);
        self.entries.iter().fold(start, |all, entry| {
            all.with_tensor(format!("{}/average", entry.name), entry.average.clone())
        })
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let mut reader = snapshot.reader();
        let updates = reader.count("updates")?;
        let averages = self
            .entries
            .iter()
            .map(|entry| reader.tensor(&format!("{}/average", entry.name), &entry.average));
        let averages = averages.collect::<Result<Vec<_>, _>>()?;
        reader.finish()?;
        self.updates = updates;
        for (entry, average) in self.entries.iter_mut().zip(averages) {
            entry.average = average;
        }
        Ok(())
    }
}
