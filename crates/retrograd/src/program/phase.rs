//! The training of one phase of a run.

use std::path::Path;

use retrograd::autoencoders::{DataShape, Input, Phase};
use retrograd::autograd::Var;
use retrograd::nn::checkpoint::CheckpointError;
use retrograd::nn::train::{
    ActiveUnits, EpochRecord, Every, Latest, Metric, Psnr, RSquared, SampleVars, Shelf, Stopped,
    TrainError,
};
use retrograd::nn::{EarlyStopping, Trainer};

use crate::program::data::Part;
use crate::program::failure::Failure;
use crate::program::session::Session;
use crate::program::terminal;
use crate::program::train::Run;
use crate::program::watch::Watch;

/// Samples of a batch when only measuring.
const MEASURING_BATCH: usize = 500;
/// Seconds between two checkpoints: what a run that is killed may lose.
const SAVE_EVERY: f64 = 60.0;

/// A phase that has ended.
pub(crate) struct End {
    pub(crate) records: Vec<EpochRecord>,
    /// The epoch, counted from 1, that the weights are of.
    pub(crate) kept: u64,
    pub(crate) stopped: Option<Stopped>,
    /// Whether it was trained now, and not before.
    pub(crate) is_new: bool,
}

/// A phase that has diverged: why, and what there is of it.
pub(crate) type Broken = (String, Option<End>);

/// Samples, labels if there are such, and what was observed if not all was.
pub(crate) type Vars = SampleVars;

impl Session<'_> {
    /// Trains one phase, from its last checkpoint if there is one.
    pub(crate) fn phase(
        &self,
        phase: Phase<'_>,
        number: usize,
        epochs: u64,
        ends: &[End],
        watch: &mut Watch<'_>,
    ) -> Result<Result<End, Broken>, Failure> {
        let trainer = self.trainer(phase)?;
        self.trained(trainer, number, epochs, ends, watch)
    }

    /// What trains a phase, at its beginning.
    fn trainer<'a>(&'a self, phase: Phase<'a>) -> Result<Trainer<'a, Vars>, Failure> {
        let Run { config, model, .. } = &self.run;
        let model = model.as_ref();
        let schedule = config.schedule_of()?;
        let optimizer = |params, rate| config.optimizer_of(params, rate);
        let trainer = phase.trainer(model, config.seed, &schedule, optimizer)?;
        let mut trainer = trainer
            .accumulating(config.accumulate)
            .in_precision(config.precision_of_steps()?);
        if let Some(patience) = config.patience {
            trainer = trainer
                .stopping(EarlyStopping::after(patience))
                .keeping_best();
        }
        // x / 1 where it was observed and 0 / 0, which is NaN, where it was not.
        let known = |x: &Var, observed: &Var| x * observed / observed;
        let reconstruct = move |batch: &Vars| {
            let input = Input::from(batch);
            let target = input.target.as_ref().unwrap_or(&input.x);
            let known = input.observed.as_ref().map(|seen| known(target, seen));
            let target = known.unwrap_or_else(|| target.clone());
            (model.reconstruct(&input), target)
        };
        trainer = trainer.metric(reconstruct, fidelity(self.run.data.kind));
        if model.prior().is_some() {
            let encode = move |batch: &Vars| {
                let input = Input::from(batch);
                (model.encode(&input).flat(), input.x)
            };
            trainer = trainer.metric(encode, ActiveUnits::default());
        }
        Ok(trainer)
    }

    /// Trains what is left of a phase.
    fn trained<'a>(
        &'a self,
        mut trainer: Trainer<'a, Vars>,
        number: usize,
        epochs: u64,
        ends: &[End],
        watch: &mut Watch<'_>,
    ) -> Result<Result<End, Broken>, Failure> {
        let Run {
            config,
            model,
            data,
            had_diverged,
            ..
        } = &self.run;
        let model = model.as_ref();
        let folder = self.run.folder.checkpoints(self.parts()[number]);
        let train = data.loader(Part::Train, model, config.batch_size)?;
        let train = train.shuffled(config.seed);
        let mut start = latest(&folder)?;
        if let Some(latest) = &start {
            let warnings = latest.damaged.iter();
            warnings.for_each(|damaged| terminal::say(&format!("warning: {damaged}")));
            resume(&mut trainer, latest)?;
            if trainer.is_over(epochs) {
                // Nothing is computed: the model becomes what the phase left.
                let records = trainer.fit(epochs, &train, None, &mut ());
                return Ok(Ok(end(&trainer, records.map_err(Failure::run)?, false)));
            }
        }
        if *had_diverged {
            // The last weights may be beyond rescue.
            start = best(&folder)?.or(start);
        }
        let standing = start.as_ref().map(|start| &start.checkpoint.standing);
        let records = standing.map_or(&[][..], |standing| &standing.records);
        self.begin(number, ends, records, watch)?;
        if let (true, Some(standing)) = (*had_diverged, standing) {
            Shelf::forget_after(&folder, standing.steps).map_err(Failure::run)?;
        }
        trainer = trainer.saving(self.shelf(&folder)?);
        if let Some(start) = &start {
            // For the shelf to know the best of before as well.
            resume(&mut trainer, start)?;
        }
        let held_out = data.loader(Part::HeldOut, model, MEASURING_BATCH)?;
        match trainer.fit(epochs, &train, Some(&held_out), watch) {
            Ok(records) => Ok(Ok(end(&trainer, records, true))),
            Err(error) if error.is_divergence() => Ok(Err(self.back(&error, &folder)?)),
            Err(error) => Err(Failure::run(format!("{}: {error}", config.variant))),
        }
    }

    /// Where checkpoints are put.
    fn shelf(&self, folder: &Path) -> Result<Shelf, Failure> {
        let every = self.options.save_every;
        let every = every.map_or(Every::Seconds(SAVE_EVERY), Every::Steps);
        let shelf = Shelf::open(folder).map_err(Failure::run)?;
        Ok(shelf.every(every).keeping(self.options.keep))
    }

    /// Takes the model back to the last checkpoint of a phase that has diverged.
    fn back(&self, error: &TrainError, folder: &Path) -> Result<Broken, Failure> {
        let end = latest(folder)?.map(|latest| {
            let records = latest.checkpoint.standing.records.clone();
            latest.checkpoint.set_model(self.run.model.as_ref())?;
            Ok::<_, CheckpointError>(End {
                kept: records.len() as u64,
                records,
                stopped: None,
                is_new: true,
            })
        });
        Ok((error.to_string(), end.transpose().map_err(Failure::run)?))
    }
}

fn resume(trainer: &mut Trainer<'_, Vars>, from: &Latest) -> Result<(), Failure> {
    trainer.resume(&from.checkpoint).map_err(Failure::run)
}

/// How a phase has ended, trained now or before.
fn end(trainer: &Trainer<'_, Vars>, records: Vec<EpochRecord>, is_new: bool) -> End {
    End {
        records,
        kept: trainer.kept(),
        stopped: trainer.stopped(),
        is_new,
    }
}

/// The checkpoint of a phase's best epoch, if it has one.
fn best(folder: &Path) -> Result<Option<Latest>, Failure> {
    if !folder.exists() {
        return Ok(None);
    }
    Shelf::best(folder).map_err(Failure::run)
}

/// The newest checkpoint of a phase, if it has one.
fn latest(folder: &Path) -> Result<Option<Latest>, Failure> {
    if !folder.exists() {
        return Ok(None);
    }
    Shelf::latest(folder).map_err(Failure::run)
}

/// How near a reconstruction is, in the figure that is usual for the data.
fn fidelity(kind: DataShape) -> Box<dyn Metric> {
    match kind.image() {
        Some(_) => Box::new(Psnr::new(1.0)),
        None => Box::<RSquared>::default(),
    }
}
