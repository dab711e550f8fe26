//! The training loop: epochs of batches, each batch a step.

mod observer;
mod progress;
mod terms;

use std::time::Instant;

use retrograd_autograd::{Anomaly, Mode, Summary, Tape, Var};
use retrograd_tensor::{Float, Tensor, random};

use crate::data::DataLoader;
use crate::optim::Optimizer;
use crate::param::Param;
use crate::schedule::{Moment, Schedule};
pub use observer::{EpochRecord, Observer, Plan};
pub use progress::Progress;
use terms::Averages;
pub use terms::{Metrics, Terms};

/// Why training stopped before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The loss or a gradient became infinite or NaN, though the data is finite.
    #[error(
        "epoch {epoch}, batch {batch}: {}; a smaller learning rate or other data may help",
        anomaly.as_ref().map_or_else(|| "the loss is not finite".to_owned(), ToString::to_string)
    )]
    NotFinite {
        /// Epoch, from 1.
        epoch: u64,
        /// Batch within the epoch (or of the held-out data after it), from 1.
        batch: usize,
        /// The operation that first produced the value.
        anomaly: Option<Box<Anomaly>>,
    },
    /// The data itself is infinite or NaN.
    #[error("epoch {epoch}, batch {batch}: the data is not finite ({data})")]
    Data {
        /// Epoch, from 1.
        epoch: u64,
        /// Batch within the epoch, from 1.
        batch: usize,
        /// What is in the batch.
        data: Box<Summary>,
    },
    /// An update made a parameter infinite or NaN, though its gradient was finite.
    #[error(
        "epoch {epoch}: an update made {parameter} infinite or NaN ({value}); a smaller learning rate may help"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: u64,
        /// The parameter's path.
        parameter: String,
        /// What is in it.
        value: Box<Summary>,
    },
    /// The loss does not depend on any parameter that the optimiser may move.
    #[error("the loss depends on no trainable parameter: are all of them frozen?")]
    NothingToTrain,
    /// Whoever watches could not go on, for example because the disk is full.
    #[error("{0}")]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}

/// What is minimised: named terms of the loss of a batch.
pub type Objective<'a, T> = dyn Fn(&Var<T>) -> Terms<T> + 'a;

/// Minimises an objective over the batches of a loader.
///
/// Everything random in a step comes from a stream that is a function of the seed, the epoch and
/// the batch, so two runs with one seed are the same run.
///
/// Large products and updates are shared out among the threads of rayon's pool. A thread outside of
/// the pool waits for them, and every time is woken again; a program whose main thread becomes one
/// of the pool (`rayon::ThreadPoolBuilder::use_current_thread`) spares small steps much of their
/// time, and the steps, once they have run a few times, allocate nothing.
pub struct Trainer<'a, T: Float = f32> {
    objective: &'a Objective<'a, T>,
    params: Vec<Param<T>>,
    optimizer: Optimizer<T>,
    /// The optimiser's rate before any schedule.
    learning_rate: f64,
    schedule: Schedule,
    seed: u64,
}

impl<'a, T: Float> Trainer<'a, T> {
    /// A trainer of what `optimizer` moves.
    pub fn new(objective: &'a Objective<'a, T>, optimizer: Optimizer<T>, seed: u64) -> Self {
        Self {
            objective,
            params: optimizer.params().cloned().collect(),
            learning_rate: optimizer.learning_rate,
            optimizer,
            schedule: Schedule::Constant,
            seed,
        }
    }

    /// The same with a learning rate that changes during [`fit`](Self::fit).
    #[must_use]
    pub fn scheduled(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// Trains for `epochs` epochs, measuring on `held_out` after each, and tells `observer`.
    ///
    /// # Errors
    /// If the loss or a gradient is not finite, or the observer fails.
    pub fn fit(
        &mut self,
        epochs: u64,
        train: &DataLoader<T>,
        held_out: Option<&DataLoader<T>>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<EpochRecord>, TrainError> {
        let samples = train.batches() * train.batch_size();
        observer.begin(&Plan {
            epochs,
            batches: train.batches(),
            samples: samples.min(train.samples()),
        });
        let outcome = (1..=epochs)
            .map(|epoch| self.measured_epoch(epoch, epochs, train, held_out, observer))
            .collect();
        observer.end();
        outcome
    }

    /// Trains for one epoch, measures, and tells the observer.
    fn measured_epoch(
        &mut self,
        epoch: u64,
        epochs: u64,
        train: &DataLoader<T>,
        held_out: Option<&DataLoader<T>>,
        observer: &mut dyn Observer,
    ) -> Result<EpochRecord, TrainError> {
        let start = Instant::now();
        let (metrics, samples) = self.epoch(epoch, epochs, train, observer)?;
        let seconds = start.elapsed().as_secs_f64();
        self.check_parameters(epoch)?;
        let held_out = held_out
            .map(|loader| self.held_out(epoch, loader))
            .transpose()?;
        let record = EpochRecord {
            epoch,
            train: metrics,
            held_out,
            seconds,
            samples_per_second: samples as f64 / seconds.max(f64::MIN_POSITIVE),
        };
        observer.epoch(&record).map_err(TrainError::Observer)?;
        Ok(record)
    }

    fn epoch(
        &mut self,
        epoch: u64,
        epochs: u64,
        loader: &DataLoader<T>,
        observer: &mut dyn Observer,
    ) -> Result<(Metrics, usize), TrainError> {
        let mut averages = Averages::default();
        let mut samples = 0;
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let steps_per_epoch = loader.batches() as u64;
            let moment = Moment {
                step: (epoch - 1) * steps_per_epoch + position as u64,
                epoch: epoch - 1,
                steps_per_epoch,
                epochs,
            };
            self.optimizer.learning_rate = self.schedule.at(self.learning_rate, moment);
            let metrics = self.step(&batch, epoch, position)?;
            let size = batch.shape()[0];
            samples += size;
            averages.add(&metrics, size);
            observer.batch(epoch, &averages.metrics());
        }
        Ok((averages.metrics(), samples))
    }

    /// One step: forward, backward, update. Returns the loss before the update.
    ///
    /// # Errors
    /// If the loss or a gradient is not finite; the parameters are then unchanged.
    pub fn step(
        &mut self,
        batch: &Tensor<T>,
        epoch: u64,
        position: usize,
    ) -> Result<Metrics, TrainError> {
        let tape = Tape::with(Mode::Training, self.stream(Mode::Training, epoch, position));
        let terms = (self.objective)(&tape.constant(batch.clone()));
        let (total, metrics) = (terms.total(), terms.metrics());
        drop(terms);
        if !total.item().is_finite() {
            return Err(self.diagnose(Mode::Training, batch, epoch, position));
        }
        if !total.is_tracked() {
            return Err(TrainError::NothingToTrain);
        }
        let gradients = total.backward();
        drop(total);
        let mut reached = self
            .params
            .iter()
            .filter_map(|param| gradients.of_key(param.id()));
        if !reached.all(Tensor::is_finite) {
            return Err(self.diagnose(Mode::Training, batch, epoch, position));
        }
        self.optimizer.step(&gradients);
        Ok(metrics)
    }

    /// The same step again, watching every value: slower, and needed once.
    fn diagnose(&self, mode: Mode, batch: &Tensor<T>, epoch: u64, position: usize) -> TrainError {
        let number = position + 1;
        if !batch.is_finite() {
            return TrainError::Data {
                epoch,
                batch: number,
                data: Box::new(Summary::of(batch)),
            };
        }
        let tape = Tape::with(mode, self.stream(mode, epoch, position))
            .recomputing()
            .detecting_anomalies();
        let total = (self.objective)(&tape.constant(batch.clone())).total();
        if tape.anomaly().is_none() && total.is_tracked() {
            let _ = total.backward();
        }
        TrainError::NotFinite {
            epoch,
            batch: number,
            anomaly: tape.anomaly().map(Box::new),
        }
    }

    /// An error if an update left a parameter infinite or NaN.
    fn check_parameters(&self, epoch: u64) -> Result<(), TrainError> {
        let Some(param) = self.params.iter().find(|param| !param.value().is_finite()) else {
            return Ok(());
        };
        let value = Box::new(Summary::of(&param.value()));
        Err(TrainError::Diverged {
            epoch,
            parameter: param.name(),
            value,
        })
    }

    /// The metrics of held-out data, or what made them infinite or NaN.
    fn held_out(&self, epoch: u64, loader: &DataLoader<T>) -> Result<Metrics, TrainError> {
        let metrics = self.evaluate(epoch, loader);
        if metrics.total().is_finite() {
            return Ok(metrics);
        }
        let mut batches = loader.epoch(epoch).enumerate();
        let culprit = batches
            .find(|(position, batch)| !self.measure(epoch, *position, batch).total().is_finite());
        match culprit {
            Some((position, batch)) => {
                Err(self.diagnose(Mode::Evaluation, &batch, epoch, position))
            }
            // Finite one by one: they have overflowed in their sum.
            None => Err(TrainError::NotFinite {
                epoch,
                batch: loader.batches(),
                anomaly: None,
            }),
        }
    }

    /// The terms of one batch, without training.
    fn measure(&self, epoch: u64, position: usize, batch: &Tensor<T>) -> Metrics {
        let tape = Tape::with(
            Mode::Evaluation,
            self.stream(Mode::Evaluation, epoch, position),
        );
        (self.objective)(&tape.constant(batch.clone())).metrics()
    }

    /// The mean of every term over a loader, without training.
    #[must_use]
    pub fn evaluate(&self, epoch: u64, loader: &DataLoader<T>) -> Metrics {
        let mut averages = Averages::default();
        for (position, batch) in loader.epoch(epoch).enumerate() {
            averages.add(&self.measure(epoch, position, &batch), batch.shape()[0]);
        }
        averages.metrics()
    }

    /// The random stream of a step, the same whenever it is asked for.
    fn stream(&self, mode: Mode, epoch: u64, position: usize) -> random::Rng {
        let purpose = match mode {
            Mode::Training => "training",
            Mode::Evaluation => "evaluation",
        };
        random::stream(self.seed, purpose, &[epoch, position as u64])
    }
}

impl<T: Float> std::fmt::Debug for Trainer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trainer(seed {}, {:?})", self.seed, self.optimizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Linear, Module, Reduction, loss};

    fn data() -> Tensor<f64> {
        Tensor::normal([50, 3], 0.0, 1.0, &mut random::rng(7))
    }

    fn train(learning_rate: f64) -> Result<(Vec<EpochRecord>, Tensor<f64>), TrainError> {
        let model = Linear::<f64>::new(3, 3, &mut random::rng(1));
        let objective =
            |x: &Var<f64>| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let loader = DataLoader::new(data(), 8).unwrap().shuffled(2);
        let optimizer = Optimizer::new(Adam::default(), learning_rate, model.params());
        let mut trainer = Trainer::new(&objective, optimizer, 3);
        let records = trainer.fit(30, &loader, Some(&loader), &mut ())?;
        Ok((records, model.weight.value()))
    }

    #[test]
    fn training_lowers_the_loss_and_repeats_to_the_bit() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| train(0.05)).unwrap()
        };
        let ((records, weight), (again, same)) = (with(1), with(2));
        assert!(
            records[29].train.total() < 0.05 * records[0].train.total(),
            "{records:?}"
        );
        assert_eq!(weight, same);
        assert!(
            records
                .iter()
                .zip(&again)
                .all(|(a, b)| a.train == b.train && a.held_out == b.held_out)
        );
    }

    #[test]
    fn a_loss_that_is_not_finite_names_its_operation() {
        let model = Linear::<f64>::new(3, 3, &mut random::rng(1));
        let objective = |x: &Var<f64>| Terms::new("bad", model.forward(x).log().sum(..));
        let loader = DataLoader::new(data(), 8).unwrap();
        let mut trainer = Trainer::new(
            &objective,
            Optimizer::new(Adam::default(), 0.1, model.params()),
            3,
        );
        let text = trainer
            .fit(1, &loader, None, &mut ())
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("epoch 1, batch 1: ")
                && text.contains("`log` at")
                && text.contains("mod.rs"),
            "{text}"
        );
    }

    #[test]
    fn a_gradient_that_is_not_finite_stops_before_the_update() {
        let model = Linear::<f64>::new(3, 1, &mut random::rng(1)).without_bias();
        model.weight.set(Tensor::zeros([1, 3]));
        let objective = |x: &Var<f64>| Terms::new("root", model.forward(x).abs().sqrt().sum(..));
        let loader = DataLoader::new(data(), 8).unwrap();
        let mut trainer = Trainer::new(
            &objective,
            Optimizer::new(Adam::default(), 0.1, model.params()),
            3,
        );
        let text = trainer
            .fit(1, &loader, None, &mut ())
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("cotangent") && text.contains("sqrt"),
            "{text}"
        );
        assert_eq!(model.weight.value(), Tensor::zeros([1, 3]));
    }
}
