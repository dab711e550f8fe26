//! Computing an objective on a batch, and finding out why it came out infinite or NaN.

use retrograd_autograd::{Gradients, Mode, Tape};
use retrograd_tensor::{Float, Tensor, random};

use super::TrainError;
use super::batch::Batch;
use super::terms::{Averages, Metrics, Terms};
use crate::data::DataLoader;
use crate::param::Param;

/// What is minimised: named terms of the loss of a batch.
pub type Objective<'a, T, V = retrograd_autograd::Var<T>> = dyn Fn(&V) -> Terms<T> + 'a;

/// Which batch: epoch from 1, position within it from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) epoch: u64,
    pub(super) position: usize,
}

/// An objective with all that its value depends on besides the batch.
///
/// Everything random comes from a stream that is a function of the seed and the place, so a batch
/// can be computed again, by a line search or to look for what went wrong.
pub(super) struct Evaluation<'a, T: Float, V> {
    pub(super) objective: &'a Objective<'a, T, V>,
    pub(super) params: Vec<Param<T>>,
    pub(super) seed: u64,
}

impl<T: Float, V> Evaluation<'_, T, V> {
    /// The terms and the gradients of a training step.
    ///
    /// The first evaluation of a step moves the buffers of the layers, and must be finite. Another
    /// one of the same batch, which a line search makes where it may not stay, does neither.
    pub(super) fn gradients<B: Batch<T, Vars = V>>(
        &self,
        batch: &B,
        place: Place,
        again: bool,
    ) -> Result<(Metrics, Gradients<T>), TrainError> {
        let mut tape = self.training_tape(place);
        if again {
            tape = tape.recomputing();
        }
        let terms = (self.objective)(&batch.on(&tape));
        let (total, metrics) = (terms.total(), terms.metrics());
        drop(terms);
        if !again && !total.item().is_finite() {
            return Err(self.diagnose(Mode::Training, batch, place));
        }
        if !total.is_tracked() {
            return Err(TrainError::NothingToTrain);
        }
        let gradients = total.backward();
        let mut reached = self
            .params
            .iter()
            .filter_map(|param| gradients.of_key(param.id()));
        if !again && !reached.all(Tensor::is_finite) {
            return Err(self.diagnose(Mode::Training, batch, place));
        }
        Ok((metrics, gradients))
    }

    /// The same again, watching every value: slower, and needed once.
    fn diagnose<B: Batch<T, Vars = V>>(&self, mode: Mode, batch: &B, place: Place) -> TrainError {
        let Place { epoch, position } = place;
        let number = position + 1;
        if let Some(data) = batch.not_finite() {
            return TrainError::Data {
                epoch,
                batch: number,
                data: Box::new(data),
            };
        }
        let tape = Tape::with(mode, self.stream(mode, place))
            .detecting_anomalies()
            .recomputing();
        let total = (self.objective)(&batch.on(&tape)).total();
        if tape.anomaly().is_none() && total.is_tracked() {
            let _ = total.backward();
        }
        TrainError::NotFinite {
            epoch,
            batch: number,
            anomaly: tape.anomaly().map(Box::new),
        }
    }

    /// A tape for a step on a batch.
    pub(super) fn training_tape(&self, place: Place) -> Tape<T> {
        Tape::with(Mode::Training, self.stream(Mode::Training, place))
    }

    /// A tape to measure a batch on.
    pub(super) fn measuring_tape(&self, place: Place) -> Tape<T> {
        Tape::with(Mode::Evaluation, self.stream(Mode::Evaluation, place))
    }

    /// The mean of every term over a loader, without training; `also` sees each batch and its tape.
    pub(super) fn measure<B: Batch<T, Vars = V>>(
        &self,
        epoch: u64,
        loader: &DataLoader<B>,
        mut also: impl FnMut(&V),
    ) -> Result<Metrics, TrainError> {
        let mut averages = Averages::default();
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let place = Place { epoch, position };
            let tape = self.measuring_tape(place);
            let vars = batch.on(&tape);
            let metrics = (self.objective)(&vars).metrics();
            if !metrics.total().is_finite() {
                return Err(self.diagnose(Mode::Evaluation, &batch, place));
            }
            also(&vars);
            averages.add(&metrics, batch.count().unwrap_or(0));
        }
        let metrics = averages.metrics();
        if metrics.total().is_finite() {
            return Ok(metrics);
        }
        // Finite one by one: they have overflowed in their sum.
        Err(TrainError::NotFinite {
            epoch,
            batch: loader.batches(),
            anomaly: None,
        })
    }

    /// The random stream of a batch, the same whenever it is asked for.
    fn stream(&self, mode: Mode, place: Place) -> random::Rng {
        let purpose = match mode {
            Mode::Training => "training",
            Mode::Evaluation => "evaluation",
        };
        random::stream(self.seed, purpose, &[place.epoch, place.position as u64])
    }
}
