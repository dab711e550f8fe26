//! The training loop: epochs of batches, each batch a step.

mod batch;
mod checkpoint;
mod error;
mod evaluation;
mod finder;
mod interrupt;
mod memory;
mod metric;
mod observer;
mod patience;
mod progress;
mod shelf;
mod standing;
mod tensorboard;
mod terms;

use std::time::Instant;

use retrograd_autograd::{Gradients, Summary, Var};
use retrograd_tensor::{Float, Tensor};
use smallvec::SmallVec;

use crate::averaging::WeightAverage;
use crate::data::DataLoader;
use crate::module::Module;
use crate::optim::Optimizer;
use crate::schedule::{Moment, Plateau, Schedule};
pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use error::TrainError;
pub use evaluation::Objective;
use evaluation::{Evaluation, Place};
pub use finder::{RateCurve, RateFinder};
pub use interrupt::Interrupt;
use metric::Measures;
pub use metric::{Accuracy, ActiveUnits, Metric, Prediction, Psnr, RSquared, Similarity};
pub use observer::{EpochRecord, Flow, Observer, ObserverError, Plan, StepRecord};
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
pub struct Trainer<'a, T: Float = f32, V = Var<T>> {
    evaluation: Evaluation<'a, T, V>,
    optimizer: Optimizer<T>,
    /// The optimiser's rate before any schedule.
    learning_rate: f64,
    schedule: Schedule,
    plateau: Option<Plateau>,
    stopping: Option<EarlyStopping>,
    /// The weights of the best epoch, if they are wanted in the end.
    best: Option<Vec<Tensor<T>>>,
    average: Option<WeightAverage<T>>,
    /// Batches in a step.
    accumulated: usize,
    measures: Vec<Measures<'a, T, V>>,
    saving: Option<(&'a dyn Module<T>, Shelf)>,
    /// That of the best epoch, until it is written.
    best_checkpoint: Option<Checkpoint<T>>,
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

impl<'a, T: Float, V> Trainer<'a, T, V> {
    /// A trainer of what `optimizer` moves.
    pub fn new(objective: &'a Objective<'a, T, V>, optimizer: Optimizer<T>, seed: u64) -> Self {
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
            average: None,
            accumulated: 1,
            measures: Vec::new(),
            saving: None,
            best_checkpoint: None,
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
    pub fn averaging(self, average: WeightAverage<T>) -> Self {
        Self {
            average: Some(average),
            ..self
        }
    }

    /// The average of the weights, if there is one: to compute with it, or to take it for good.
    #[must_use]
    pub fn average(&self) -> Option<&WeightAverage<T>> {
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
        predict: &'a Prediction<'a, T, V>,
        metrics: Vec<Box<dyn Metric<T> + 'a>>,
    ) -> Self {
        self.measures.push(Measures { predict, metrics });
        self
    }

    /// The same, saving checkpoints of itself and `model` on a shelf.
    #[must_use]
    pub fn saving(self, model: &'a dyn Module<T>, shelf: Shelf) -> Self {
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

    /// Why the last [`fit`](Self::fit) ended before its last epoch, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }

    /// Trains until `epochs` epochs are done, those of before included, measuring on `held_out` after
    /// each, and tells `observer`. Returns what happened in every epoch.
    ///
    /// # Errors
    /// If the loss or a gradient is not finite, a checkpoint cannot be written, or the observer
    /// fails; all is then as it was before the step.
    pub fn fit<B: Batch<T, Vars = V>>(
        &mut self,
        epochs: u64,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<EpochRecord>, TrainError> {
        let samples = train.batches() * train.batch_size();
        self.stopped = None;
        let plan = Plan {
            epochs,
            batches: train.batches(),
            samples: samples.min(train.samples()),
            done_epochs: self.standing.epochs,
            done_batches: self.standing.batches,
        };
        observer.begin(&plan).map_err(TrainError::Observer)?;
        let outcome = self.epochs(epochs, train, held_out, observer);
        observer.end();
        outcome?;
        Ok(self.standing.records.clone())
    }

    /// Trains until all epochs are done or something stops it.
    fn epochs<B: Batch<T, Vars = V>>(
        &mut self,
        epochs: u64,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        while self.standing.epochs < epochs && self.stopped.is_none() {
            let flow = self.steps(epochs, train, observer)?;
            if flow == Flow::Stop {
                self.stopped = Some(Stopped::Asked);
                return self.save(observer);
            }
            let record = self.measured(held_out)?;
            let loss = record.held_out.as_ref().unwrap_or(&record.train).total();
            let flow = observer.epoch(&record).map_err(TrainError::Observer)?;
            self.standing.finish(record);
            self.judge(loss);
            if flow == Flow::Stop {
                self.stopped = Some(Stopped::Asked);
            }
            let is_over = self.stopped.is_some() || self.standing.epochs == epochs;
            self.save_after_epoch(loss, is_over, observer)?;
        }
        self.take_best();
        Ok(())
    }

    /// The steps that are left of an epoch.
    fn steps<B: Batch<T, Vars = V>>(
        &mut self,
        epochs: u64,
        loader: &DataLoader<B>,
        observer: &mut dyn Observer,
    ) -> Result<Flow, TrainError> {
        let (epoch, before) = (self.standing.epoch(), self.standing.seconds);
        let start = Instant::now();
        let mut batches = loader.epoch_from(epoch, self.standing.batches);
        loop {
            let group: SmallVec<[B; 1]> = batches.by_ref().take(self.accumulated).collect();
            if group.is_empty() {
                return Ok(Flow::Continue);
            }
            let steps_per_epoch = loader.batches().div_ceil(self.accumulated) as u64;
            let moment = Moment {
                step: self.standing.steps,
                epoch: epoch - 1,
                steps_per_epoch,
                epochs,
            };
            self.optimizer.learning_rate = self.rate(moment);
            let metrics = self.step_over(&group, epoch, self.standing.batches)?;
            if let Some(average) = &mut self.average {
                average.update();
            }
            let samples = group.iter().map(samples).sum();
            let standing = &mut self.standing;
            standing.averages.add(&metrics, samples);
            standing.batches += group.len();
            standing.steps += 1;
            standing.seconds = before + start.elapsed().as_secs_f64();
            let record = StepRecord {
                epoch,
                batch: standing.batches,
                step: standing.steps,
                terms: &metrics,
                so_far: &standing.averages.metrics(),
                learning_rate: self.optimizer.learning_rate,
                gradient_norm: self.optimizer.gradient_norm(),
            };
            let flow = observer.step(&record).map_err(TrainError::Observer)?;
            if flow == Flow::Stop {
                return Ok(flow);
            }
            self.save_after_step(observer)?;
        }
    }

    fn rate(&self, moment: Moment) -> f64 {
        let plateau = self.plateau.as_ref().map_or(1.0, Plateau::value);
        self.schedule.at(self.learning_rate, moment) * plateau
    }

    /// One step: forward, backward, update. Returns the loss before the update.
    ///
    /// # Errors
    /// If the loss or a gradient is not finite; the parameters are then unchanged.
    pub fn step<B: Batch<T, Vars = V>>(
        &mut self,
        batch: &B,
        epoch: u64,
        position: usize,
    ) -> Result<Metrics, TrainError> {
        self.step_over(std::slice::from_ref(batch), epoch, position)
    }

    /// One step on the batches from `position` on, as if they were one. Returns the loss before the
    /// update.
    fn step_over<B: Batch<T, Vars = V>>(
        &mut self,
        batches: &[B],
        epoch: u64,
        position: usize,
    ) -> Result<Metrics, TrainError> {
        let evaluation = &self.evaluation;
        let mut first = None;
        self.optimizer.minimize(|| {
            let (metrics, gradients) =
                evaluate(evaluation, batches, epoch, position, first.is_some())?;
            let loss = metrics.total();
            first.get_or_insert(metrics);
            Ok::<_, TrainError>((loss, gradients))
        })?;
        Ok(first.unwrap_or_default())
    }

    /// What the epoch that has been trained was like, and how good the model is after it.
    fn measured<B: Batch<T, Vars = V>>(
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
    fn judge(&mut self, loss: f64) {
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
    fn take_best(&mut self) {
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
        let mut averages = terms::Averages::default();
        for (position, batch) in loader.epoch(epoch).enumerate() {
            let tape = self.evaluation.measuring_tape(Place { epoch, position });
            let metrics = (self.evaluation.objective)(&batch.on(&tape)).metrics();
            averages.add(&metrics, samples(&batch));
        }
        averages.metrics()
    }
}

fn samples<T: Float, B: Batch<T>>(batch: &B) -> usize {
    batch.count().unwrap_or(0)
}

/// Terms and gradients of several batches as if they were one.
fn evaluate<T: Float, V, B: Batch<T, Vars = V>>(
    evaluation: &Evaluation<'_, T, V>,
    batches: &[B],
    epoch: u64,
    position: usize,
    again: bool,
) -> Result<(Metrics, Gradients<T>), TrainError> {
    let place = |i| Place {
        epoch,
        position: position + i,
    };
    let (metrics, mut total) = evaluation.gradients(&batches[0], place(0), again)?;
    if batches.len() == 1 {
        return Ok((metrics, total));
    }
    let all: usize = batches.iter().map(samples).sum();
    let share = |batch| samples::<T, B>(batch) as f64 / all as f64;
    let mut averages = terms::Averages::default();
    averages.add(&metrics, samples(&batches[0]));
    total.scale(share(&batches[0]));
    for (i, batch) in batches.iter().enumerate().skip(1) {
        let (metrics, mut gradients) = evaluation.gradients(batch, place(i), again)?;
        averages.add(&metrics, samples(batch));
        gradients.scale(share(batch));
        total.accumulate(&gradients);
    }
    Ok((averages.metrics(), total))
}

impl<T: Float, V> std::fmt::Debug for Trainer<'_, T, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seed = self.evaluation.seed;
        write!(f, "Trainer(seed {seed}, {:?})", self.optimizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Linear, Module, Reduction, loss};
    use retrograd_tensor::random;

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
