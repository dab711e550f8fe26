//! Epochs of steps, and what is told and saved on the way.

use std::time::Instant;

use retrograd_tensor::Precision;
use smallvec::SmallVec;

use super::evaluation::{Place, samples};
use super::{
    Batch, EpochRecord, Flow, Metrics, Observer, Plan, StepRecord, Stopped, TrainError, Trainer,
};
use crate::data::{DataLoader, SourceError};
use crate::schedule::Moment;

impl<V> Trainer<'_, V> {
    /// Trains until `epochs` epochs are done, those of before included, measuring on `held_out` after
    /// each, and tells `observer`. Returns what happened in every epoch.
    ///
    /// # Errors
    /// If a loss or a gradient is not finite, a checkpoint cannot be written, or the observer
    /// fails; all is then as it was before the step. Where the training has diverged, the checkpoint
    /// of the last whole epoch is written first, if checkpoints are. If there is no figure of a name
    /// that the run is judged by, or batches are accumulated of which a player's objective needs the
    /// whole.
    pub fn fit<B: Batch<Vars = V>>(
        &mut self,
        epochs: u64,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<EpochRecord>, TrainError> {
        let mut own = self.observer.take();
        let outcome = Precision::Full.scope(|| {
            let mut observer = (own.as_mut(), observer);
            self.watched(epochs, train, held_out, &mut observer)
        });
        self.observer = own;
        outcome?;
        Ok(self.standing.records.clone())
    }

    /// The training under the eyes of all observers.
    fn watched<B: Batch<Vars = V>>(
        &mut self,
        epochs: u64,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let samples = train.batches() * train.batch_size();
        self.stopped = None;
        self.take_last();
        let plan = Plan {
            epochs,
            batches: train.batches(),
            samples: samples.min(train.samples()),
            done_epochs: self.standing.epochs,
            done_batches: self.standing.batches,
        };
        self.check_accumulation()?;
        observer.begin(&plan).map_err(TrainError::Observer)?;
        let outcome = self.epochs(epochs, train, held_out, observer);
        observer.end();
        if outcome.as_ref().is_err_and(TrainError::is_divergence) {
            self.save_last(observer)?;
        }
        outcome
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
        let steps_per_epoch = train.batches().div_ceil(self.accumulated) as u64;
        while self.standing.epochs < epochs && self.stopped.is_none() {
            // The last step, should none follow in this epoch.
            self.moment = Moment {
                step: self.standing.steps.saturating_sub(1),
                epoch: self.standing.epochs,
                steps_per_epoch,
                epochs,
            };
            self.set_rates();
            if self.standing.epochs == 0 && self.standing.batches == 0 {
                self.pause(0, train)?;
            }
            let flow = self.steps(train, observer)?;
            if flow == Flow::Stop {
                self.stopped = Some(Stopped::Asked);
                return self.save(observer);
            }
            self.pause(self.standing.epoch(), train)?;
            let record = self.measured(train, held_out, observer)?;
            let cost = self.cost(&record)?;
            let flow = observer.epoch(&record).map_err(TrainError::Observer)?;
            self.judge(&record, cost);
            self.standing.finish(record);
            if flow == Flow::Stop {
                self.stopped = Some(Stopped::Asked);
            }
            let is_over = self.stopped.is_some() || self.standing.epochs == epochs;
            self.save_after_epoch(cost, is_over, observer)?;
        }
        self.take_best();
        Ok(())
    }

    /// The steps that are left of an epoch.
    fn steps<B: Batch<Vars = V>>(
        &mut self,
        loader: &DataLoader<B>,
        observer: &mut dyn Observer,
    ) -> Result<Flow, TrainError> {
        let (epoch, before) = (self.standing.epoch(), self.standing.seconds);
        let start = Instant::now();
        let mut batches = loader.read(epoch, self.standing.batches);
        loop {
            let group = self.group(&mut batches, epoch)?;
            if group.is_empty() {
                return Ok(Flow::Continue);
            }
            self.moment.step = self.standing.steps;
            self.set_rates();
            self.warn(&group[0], observer)?;
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
            let optimizer = &self.players[0].optimizer;
            let record = StepRecord {
                epoch,
                batch: standing.batches,
                step: standing.steps,
                terms: &metrics,
                so_far: &standing.averages.metrics(),
                learning_rate: optimizer.learning_rate,
                gradient_norm: optimizer.gradient_norm(),
            };
            let flow = observer.step(&record).map_err(TrainError::Observer)?;
            if flow == Flow::Stop {
                return Ok(flow);
            }
            self.save_after_step(observer)?;
        }
    }

    /// The batches of the next step; none at the end of an epoch.
    pub(super) fn group<B>(
        &self,
        batches: &mut impl Iterator<Item = Result<B, SourceError>>,
        epoch: u64,
    ) -> Result<SmallVec<[B; 1]>, TrainError> {
        let group = batches.take(self.accumulated);
        let group: Result<_, _> = group.collect();
        group.map_err(TrainError::source(epoch))
    }

    fn set_rates(&mut self) {
        for player in &mut self.players {
            player.set_rate(self.moment);
        }
    }

    /// One step: the turns of all players, each forward, backward, update. Returns the figures before
    /// the updates.
    ///
    /// Outside of [`fit`](Self::fit) it is the step of this position in a run of one epoch.
    ///
    /// # Errors
    /// If a loss or a gradient is not finite; parameters, buffers and optimisers are then unchanged.
    pub fn step<B: Batch<Vars = V>>(
        &mut self,
        batch: &B,
        epoch: u64,
        position: usize,
    ) -> Result<Metrics, TrainError> {
        self.moment.step = position as u64;
        self.step_over(std::slice::from_ref(batch), epoch, position)
    }

    /// One step on the batches from `position` on, as if they were one.
    pub(super) fn step_over<B: Batch<Vars = V>>(
        &mut self,
        batches: &[B],
        epoch: u64,
        position: usize,
    ) -> Result<Metrics, TrainError> {
        let place = self.place(epoch, position);
        self.remember();
        let mut metrics = Metrics::default();
        let mut outcome = Ok(());
        for player in &mut self.players {
            if player.turns(place.moment) == 0 {
                continue;
            }
            match self.precision.scope(|| player.play(batches, place)) {
                Ok(own) => player.report(own, &mut metrics),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if outcome.is_err() {
            self.undo();
        }
        self.forget();
        outcome.map(|()| metrics)
    }

    /// A batch at the moment of the last step.
    pub(super) fn place(&self, epoch: u64, position: usize) -> Place {
        Place {
            epoch,
            position,
            repeat: 0,
            moment: self.moment,
        }
    }

    /// Tells, before the first step, of parameters of the model that a loss depends on and nobody
    /// moves, though they are not frozen.
    fn warn<B: Batch<Vars = V>>(
        &mut self,
        batch: &B,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        if std::mem::replace(&mut self.has_warned, true) {
            return Ok(());
        }
        let mut idle = self.model.params();
        let moved = |id| self.params.iter().any(|param| param.id() == id);
        idle.retain(|(_, param)| param.is_trainable() && !moved(param.id()));
        if idle.is_empty() {
            return Ok(());
        }
        let place = self.place(self.standing.epoch(), self.standing.batches);
        let mut names: Vec<&str> = Vec::new();
        for player in &self.players {
            names.extend(player.evaluation.reached(&idle, batch, place));
        }
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        observer.unmoved(&names).map_err(TrainError::Observer)
    }
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
        let mut trainer = Trainer::new(&model, optimizer, objective, 3);
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
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 3);
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
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 3);
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
