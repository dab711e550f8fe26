//! Computing an objective on a batch, and finding out why it came out infinite or NaN.

use std::ops::Range;

use retrograd_autograd::{Gradients, Mode, Tape};
use retrograd_tensor::{Tensor, random};

use super::batch::Batch;
use super::terms::{Averages, Metrics, Terms};
use super::{Outlier, TrainError};
use crate::data::DataLoader;
use crate::param::Param;

/// What is minimised: named terms of the loss of a batch.
pub type Objective<'a, V = retrograd_autograd::Var> = dyn Fn(&V) -> Terms + 'a;

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
pub(super) struct Evaluation<'a, V> {
    pub(super) objective: &'a Objective<'a, V>,
    pub(super) params: Vec<Param>,
    pub(super) seed: u64,
}

impl<V> Evaluation<'_, V> {
    /// The terms and the gradients of a training step.
    ///
    /// The first evaluation of a step moves the buffers of the layers, and must be finite. Another
    /// one of the same batch, which a line search makes where it may not stay, does neither.
    pub(super) fn gradients<B: Batch<Vars = V>>(
        &self,
        batch: &B,
        place: Place,
        again: bool,
    ) -> Result<(Metrics, Gradients), TrainError> {
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
    fn diagnose<B: Batch<Vars = V>>(&self, mode: Mode, batch: &B, place: Place) -> TrainError {
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
    pub(super) fn training_tape(&self, place: Place) -> Tape {
        Tape::with(Mode::Training, self.stream(Mode::Training, place))
    }

    /// A tape to measure a batch on.
    pub(super) fn measuring_tape(&self, place: Place) -> Tape {
        Tape::with(Mode::Evaluation, self.stream(Mode::Evaluation, place))
    }

    /// The mean of every term over the samples of a loader whose loss is finite (of those with another,
    /// if all are such), without training, and the others; `also` sees each batch and its tape.
    pub(super) fn measure<B: Batch<Vars = V>>(
        &self,
        epoch: u64,
        loader: &DataLoader<B>,
        mut also: impl FnMut(&V),
    ) -> (Metrics, Vec<Outlier>) {
        let (mut good, mut bad) = (Averages::default(), Averages::default());
        let mut outliers = Vec::new();
        let mut first = 0;
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let count = batch.count().unwrap_or(0);
            // Parts that are still to be measured, with their first rows.
            let mut parts = vec![(first, batch)];
            while let Some((row, part)) = parts.pop() {
                let vars = part.on(&self.measuring_tape(Place { epoch, position }));
                let metrics = (self.objective)(&vars).metrics();
                match part.count().unwrap_or(0) {
                    samples if metrics.total().is_finite() => {
                        also(&vars);
                        good.add(&metrics, samples);
                    }
                    samples @ 2.. => {
                        let half = samples / 2;
                        let rows = |range: Range<usize>| range.collect::<Vec<_>>();
                        parts.push((row + half, part.rows(&rows(half..samples))));
                        parts.push((row, part.rows(&rows(0..half))));
                    }
                    samples => {
                        bad.add(&metrics, samples);
                        let (column, value) = part.largest().unwrap_or((0, f64::NAN));
                        outliers.push(Outlier { row, column, value });
                    }
                }
            }
            first += count;
        }
        let averages = if good.samples() > 0 { good } else { bad };
        (averages.metrics(), outliers)
    }

    /// An error if the loss of the first batch of a loader is not finite without training.
    pub(super) fn check<B: Batch<Vars = V>>(
        &self,
        epoch: u64,
        loader: &DataLoader<B>,
    ) -> Result<(), TrainError> {
        let place = Place { epoch, position: 0 };
        let Some(batch) = loader.epoch(epoch).next() else {
            return Ok(());
        };
        let total = (self.objective)(&batch.on(&self.measuring_tape(place))).total();
        if total.item().is_finite() {
            return Ok(());
        }
        Err(self.diagnose(Mode::Evaluation, &batch, place))
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
