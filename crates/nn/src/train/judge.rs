//! How good a model is, on held-out data and as it is, and what follows for the training.

use retrograd_autograd::{Summary, Var};
use retrograd_tensor::Float;

use super::evaluation::Place;
use super::fit::samples;
use super::metric::Measures;
use super::terms::Averages;
use super::{Batch, EpochRecord, Metrics, Standing, Stopped, TrainError, Trainer, memory};
use crate::data::DataLoader;

impl<T: Float, V> Trainer<'_, T, V> {
    /// What the epoch that has been trained was like, and how good the model is after it.
    pub(super) fn measured<B: Batch<T, Vars = V>>(
        &mut self,
        held_out: Option<&DataLoader<B>>,
    ) -> Result<EpochRecord, TrainError> {
        let epoch = self.standing.epoch();
        self.check_parameters(epoch)?;
        let held_out = held_out
            .map(|loader| {
                let measures = &mut self.measures;
                let mut measure = || {
                    self.evaluation.measure(epoch, loader, |vars| {
                        measures.iter_mut().for_each(|some| some.add(vars));
                    })
                };
                match &self.average {
                    Some(average) => average.applied(measure),
                    None => measure(),
                }
            })
            .transpose()?;
        let norms = self
            .optimizer
            .gradient_norm()
            .map(|norm| ("gradient_norm", norm));
        let norms = norms
            .into_iter()
            .chain([("weight_norm", self.weight_norm())]);
        let measured = held_out.as_ref().map(|_| self.measures.iter_mut());
        let measures = measured
            .into_iter()
            .flatten()
            .flat_map(Measures::take)
            .chain(norms)
            .collect();
        let Standing {
            averages, seconds, ..
        } = &self.standing;
        Ok(EpochRecord {
            epoch,
            train: averages.metrics(),
            held_out,
            measures,
            learning_rate: self.optimizer.learning_rate,
            seconds: *seconds,
            samples_per_second: averages.samples() as f64 / seconds.max(f64::MIN_POSITIVE),
            memory: memory::resident(),
        })
    }

    /// ‖θ‖ of all parameters as one vector.
    fn weight_norm(&self) -> f64 {
        let params = self.evaluation.params.iter();
        let squares = params.map(|param| {
            let value = Var::constant(param.value());
            value.square().sum(..).item().to_f64()
        });
        squares.sum::<f64>().sqrt()
    }

    /// An error if an update left a parameter infinite or NaN.
    fn check_parameters(&self, epoch: u64) -> Result<(), TrainError> {
        let mut params = self.evaluation.params.iter();
        let Some(param) = params.find(|param| !param.value().is_finite()) else {
            return Ok(());
        };
        Err(TrainError::Diverged {
            epoch,
            parameter: param.name(),
            value: Box::new(Summary::of(&param.value())),
        })
    }

    /// Lets an epoch's loss decide about the rate and about going on.
    pub(super) fn judge(&mut self, loss: f64) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(loss);
        }
        let Some(stopping) = &mut self.stopping else {
            return;
        };
        if stopping.observe(loss) {
            self.stopped = Some(Stopped::NoProgress);
        }
        if stopping.is_best() {
            let params = self.evaluation.params.iter();
            self.best = Some(params.map(|param| param.value().copied()).collect());
        }
    }

    /// Sets the weights to those of the best epoch, if that was asked for.
    pub(super) fn take_best(&mut self) {
        for (param, value) in self
            .evaluation
            .params
            .iter()
            .zip(self.best.take().into_iter().flatten())
        {
            param.set(value);
        }
    }

    /// Computes an epoch in training mode without a step, so that layers see the data anew with the
    /// weights as they are: an average of weights has running statistics of other weights beside it.
    ///
    /// The statistics move towards those of the data as in training; with a momentum of 0.1 they
    /// are there after some 50 batches.
    pub fn settle<B: Batch<T, Vars = V>>(&self, epoch: u64, loader: &DataLoader<B>) {
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let tape = self.evaluation.training_tape(Place { epoch, position });
            let _ = (self.evaluation.objective)(&batch.on(&tape));
        }
    }

    /// The mean of every term over a loader, without training. A term that is infinite or NaN is
    /// given as it is.
    #[must_use]
    pub fn evaluate<B: Batch<T, Vars = V>>(&self, epoch: u64, loader: &DataLoader<B>) -> Metrics {
        let mut averages = Averages::default();
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let tape = self.evaluation.measuring_tape(Place { epoch, position });
            let metrics = (self.evaluation.objective)(&batch.on(&tape)).metrics();
            averages.add(&metrics, samples(&batch));
        }
        averages.metrics()
    }
}
