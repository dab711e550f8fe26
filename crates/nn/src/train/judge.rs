//! How good a model is, on held-out data and as it is, and what follows for the training.

use retrograd_autograd::{Summary, Var};

use super::evaluation::Place;
use super::fit::samples;
use super::metric::Measures;
use super::terms::Averages;
use super::{
    Batch, EpochRecord, Metrics, Observer, Standing, Stopped, TrainError, Trainer, memory,
};
use crate::data::DataLoader;

impl<V> Trainer<'_, V> {
    /// What the epoch that has been trained was like, and how good the model is after it.
    pub(super) fn measured<B: Batch<Vars = V>>(
        &mut self,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<EpochRecord, TrainError> {
        let epoch = self.standing.epoch();
        self.check_parameters(epoch)?;
        let held_out = held_out
            .map(|loader| self.held_out(epoch, train, loader, observer))
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

    /// How good the model is on held-out samples.
    ///
    /// One whose loss is infinite or NaN is an outlier: it is told and left out, since the training
    /// does not depend on it. If all are, and a batch that is trained on does no better, it is the
    /// model that is bad.
    fn held_out<B: Batch<Vars = V>>(
        &mut self,
        epoch: u64,
        train: &DataLoader<B>,
        loader: &DataLoader<B>,
        observer: &mut dyn Observer,
    ) -> Result<Metrics, TrainError> {
        let measures = &mut self.measures;
        let mut measure = || {
            self.evaluation.measure(epoch, loader, |vars| {
                measures.iter_mut().for_each(|some| some.add(vars));
            })
        };
        let (metrics, outliers) = match &self.average {
            Some(average) => average.applied(measure),
            None => measure(),
        };
        if outliers.len() == loader.samples() {
            self.evaluation.check(epoch, train)?;
        }
        if !outliers.is_empty() {
            observer
                .outliers(epoch, &outliers)
                .map_err(TrainError::Observer)?;
        }
        Ok(metrics)
    }

    /// ‖θ‖ of all parameters as one vector.
    fn weight_norm(&self) -> f64 {
        let params = self.evaluation.params.iter();
        let squares = params.map(|param| {
            let value = Var::constant(param.value());
            value.square().sum(..).item()
        });
        squares.sum::<f64>().sqrt()
    }

    /// An error if an update left a parameter infinite or NaN.
    pub(super) fn check_parameters(&self, epoch: u64) -> Result<(), TrainError> {
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
        if let Some(best) = &mut self.best {
            best.observe(self.standing.epochs, loss);
        }
        if let Some(stopping) = &mut self.stopping
            && stopping.observe(loss)
        {
            self.stopped = Some(Stopped::NoProgress);
        }
    }

    /// Computes an epoch in training mode without a step, so that layers see the data anew with the
    /// weights as they are: an average of weights has running statistics of other weights beside it.
    ///
    /// The statistics move towards those of the data as in training; with a momentum of 0.1 they
    /// are there after some 50 batches.
    pub fn settle<B: Batch<Vars = V>>(&self, epoch: u64, loader: &DataLoader<B>) {
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let tape = self.evaluation.training_tape(Place { epoch, position });
            let _ = (self.evaluation.objective)(&batch.on(&tape));
        }
    }

    /// The mean of every term over a loader, without training. A term that is infinite or NaN is
    /// given as it is.
    #[must_use]
    pub fn evaluate<B: Batch<Vars = V>>(&self, epoch: u64, loader: &DataLoader<B>) -> Metrics {
        let mut averages = Averages::default();
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let tape = self.evaluation.measuring_tape(Place { epoch, position });
            let metrics = (self.evaluation.objective)(&batch.on(&tape)).metrics();
            averages.add(&metrics, samples(&batch));
        }
        averages.metrics()
    }
}
