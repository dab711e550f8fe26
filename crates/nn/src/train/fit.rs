//! Epochs of steps, and what is told and saved on the way.

use std::time::Instant;

use retrograd_autograd::Gradients;

use smallvec::SmallVec;

use super::evaluation::{Evaluation, Place};
use super::terms::Averages;
use super::{
    Batch, EpochRecord, Flow, Metrics, Observer, Plan, StepRecord, Stopped, TrainError, Trainer,
};
use crate::data::DataLoader;
use crate::schedule::{Moment, Plateau};

impl<V> Trainer<'_, V> {
    /// Trains until `epochs` epochs are done, those of before included, measuring on `held_out` after
    /// each, and tells `observer`. Returns what happened in every epoch.
    ///
    /// # Errors
    /// If the loss or a gradient is not finite, a checkpoint cannot be written, or the observer
    /// fails; all is then as it was before the step. Where the training has diverged, the checkpoint
    /// of the last whole epoch is written first, if checkpoints are.
    pub fn fit<B: Batch<Vars = V>>(
        &mut self,
        epochs: u64,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<EpochRecord>, TrainError> {
        let samples = train.batches() * train.batch_size();
        (self.stopped, self.kept) = (None, None);
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
        if outcome.as_ref().is_err_and(TrainError::is_divergence) {
            self.save_last(observer)?;
        }
        outcome?;
        Ok(self.standing.records.clone())
    }

    /// Trains until all epochs are done or something stops it.
    fn epochs<B: Batch<Vars = V>>(
        &mut self,
        epochs: u64,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        if self.is_idle() {
            self.stopped = Some(Stopped::NoProgress);
        }
        while self.standing.epochs < epochs && self.stopped.is_none() {
            let flow = self.steps(epochs, train, observer)?;
            if flow == Flow::Stop {
                self.stopped = Some(Stopped::Asked);
                return self.save(observer);
            }
            let record = self.measured(train, held_out, observer)?;
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
    fn steps<B: Batch<Vars = V>>(
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
    pub fn step<B: Batch<Vars = V>>(
        &mut self,
        batch: &B,
        epoch: u64,
        position: usize,
    ) -> Result<Metrics, TrainError> {
        self.step_over(std::slice::from_ref(batch), epoch, position)
    }

    /// One step on the batches from `position` on, as if they were one. Returns the loss before the
    /// update.
    fn step_over<B: Batch<Vars = V>>(
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
}

/// Samples in a batch.
pub(super) fn samples<B: Batch>(batch: &B) -> usize {
    batch.count().unwrap_or(0)
}

/// Terms and gradients of several batches as if they were one.
fn evaluate<V, B: Batch<Vars = V>>(
    evaluation: &Evaluation<'_, V>,
    batches: &[B],
    epoch: u64,
    position: usize,
    again: bool,
) -> Result<(Metrics, Gradients), TrainError> {
    let place = |i| Place {
        epoch,
        position: position + i,
    };
    let (metrics, mut total) = evaluation.gradients(&batches[0], place(0), again)?;
    if batches.len() == 1 {
        return Ok((metrics, total));
    }
    let all: usize = batches.iter().map(samples).sum();
    let share = |batch: &B| samples(batch) as f64 / all as f64;
    let mut averages = Averages::default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Linear, Module, Optimizer, Reduction, Terms, loss};
    use retrograd_autograd::Var;
    use retrograd_tensor::{DType, Tensor, random};

    fn data() -> Tensor {
        Tensor::normal([50, 3], 0.0, 1.0, &mut random::rng(7), DType::F64)
    }

    fn train(learning_rate: f64) -> Result<(Vec<EpochRecord>, Tensor), TrainError> {
        let model = Linear::new(3, 3, &mut random::rng(1)).to(DType::F64);
        let objective =
            |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
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
        let model = Linear::new(3, 3, &mut random::rng(1)).to(DType::F64);
        let objective = |x: &Var| Terms::new("bad", model.forward(x).log().sum(..));
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
                && text.contains("fit.rs"),
            "{text}"
        );
    }

    #[test]
    fn a_gradient_that_is_not_finite_stops_before_the_update() {
        let model = Linear::new(3, 1, &mut random::rng(1))
            .to(DType::F64)
            .without_bias();
        model.weight.set(Tensor::zeros([1, 3], DType::F64));
        let objective = |x: &Var| Terms::new("root", model.forward(x).abs().sqrt().sum(..));
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
        assert_eq!(model.weight.value(), Tensor::zeros([1, 3], DType::F64));
    }
}
