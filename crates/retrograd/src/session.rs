//! The training of a run: its phases one after another, each from its last checkpoint.
//!
//! What is there is read first. Only where there is something left to train is anything written, and
//! then the record of the run before its first step, so that a run which is stopped at any moment can go
//! on.

use std::fs;
use std::path::Path;

use retrograd::autoencoders::{Autoencoder, DataKind, Phase, epochs_of};
use retrograd::autograd::Var;
use retrograd::datasets::Dataset;
use retrograd::nn::checkpoint::{self, CheckpointError};
use retrograd::nn::train::{
    ActiveUnits, EpochRecord, Every, Latest, Metric, Progress, Psnr, RSquared, Shelf, Stopped,
    TensorBoard, TrainError,
};
use retrograd::nn::{DataLoader, EarlyStopping, Labelled, Trainer};
use retrograd::report::number;
use retrograd::tensor::Tensor;

use crate::cli::TrainOptions;
use crate::config::SMALLER;
use crate::failure::Failure;
use crate::folder::{CHECKPOINTS, CONFIG, METRICS, MODEL, REPORT, RESULT, TENSORBOARD};
use crate::outcome::Outcome;
use crate::pictures::{self, Show};
use crate::results::{self, Figures};
use crate::train::{Run, labels};
use crate::watch::{self, Watch};
use crate::{quality, scoring, terminal};

/// Samples of a batch when only measuring.
const MEASURING_BATCH: usize = 500;
/// Seconds between two checkpoints: what a run that is killed may lose.
const SAVE_EVERY: f64 = 60.0;

/// A run, and how it is to be trained now.
pub(crate) struct Session<'a> {
    run: Run,
    options: &'a TrainOptions,
}

/// A phase that has ended.
struct End {
    records: Vec<EpochRecord>,
    /// The epoch, counted from 1, that the weights are of.
    kept: u64,
    stopped: Option<Stopped>,
    /// Whether it was trained now, and not before.
    is_new: bool,
}

/// How a training went wrong.
struct Diverged {
    message: String,
    /// Whether in the last phase, after which the model is whole.
    is_last: bool,
}

impl<'a> Session<'a> {
    pub(crate) fn new(run: Run, options: &'a TrainOptions) -> Result<Self, Failure> {
        let session = Self { run, options };
        if options.resume.is_some() {
            session.check()?;
        }
        Ok(session)
    }

    /// Trains all phases and shows what came of it.
    pub(crate) fn train(mut self) -> Result<(), Failure> {
        let (ends, failure) = self.phases()?;
        let records: Vec<EpochRecord> = ends.iter().flat_map(|end| end.records.clone()).collect();
        let last = ends.last();
        let before = records.len() - last.map_or(0, |end| end.records.len());
        let outcome = Outcome {
            finished: failure.is_none(),
            stopped_early: last.is_some_and(|end| end.stopped == Some(Stopped::NoProgress)),
            kept: before as u64 + last.map_or(0, |end| end.kept),
            ..Outcome::default()
        };
        match failure {
            Some(Diverged { message, is_last }) => {
                self.run.config.diverged = Some(message.clone());
                self.run.folder.write(CONFIG, self.run.config.to_text()?)?;
                if is_last && !records.is_empty() {
                    self.keep(&records, &outcome)?;
                }
                Err(self.diverged(&message, records.len()))
            }
            None if ends.iter().any(|end| end.is_new) || !self.run.outcome.finished => {
                self.finish(&records, &outcome)
            }
            None => self.nothing_to_do(&records, &outcome),
        }
    }

    /// Refuses to go on without checkpoints where there were some: that would be to begin again, over
    /// what is there.
    fn check(&self) -> Result<(), Failure> {
        let Run { folder, .. } = &self.run;
        let parts = self.parts();
        let has = parts.iter().map(|part| {
            let files = fs::read_dir(folder.checkpoints(*part))
                .into_iter()
                .flatten();
            let mut names = files.flatten().map(|file| file.file_name());
            names.any(|name| name.to_string_lossy().ends_with(".json"))
        });
        let has: Vec<bool> = has.collect();
        let gap = has.windows(2).any(|pair| !pair[0] && pair[1]);
        let missing = self.run.outcome.finished && !has.iter().all(|has| *has);
        // Before its first epoch a run has nothing to lose.
        let lines = fs::metadata(folder.file(METRICS)).map_or(0, |file| file.len());
        let removed = !folder.file(CHECKPOINTS).is_dir() && lines > 0;
        if gap || missing || removed {
            return Err(Failure::run(format!(
                "{}: its checkpoints are gone, and without them it cannot go on; nothing has been changed. Train it again in another folder: retrograd train --config {} --out FOLDER",
                folder.path().display(),
                folder.file(CONFIG).display()
            )));
        }
        if !has.contains(&true) {
            terminal::say("the run has no checkpoint yet: it begins again");
        }
        Ok(())
    }

    /// The phases by number, from 1, or the only one.
    fn parts(&self) -> Vec<Option<usize>> {
        match self.run.model.phases().len() {
            0 | 1 => vec![None],
            count => (1..=count).map(Some).collect(),
        }
    }

    /// Trains one phase after the other, up to one that diverges.
    fn phases(&self) -> Result<(Vec<End>, Option<Diverged>), Failure> {
        let phases = self.run.model.phases();
        let epochs = epochs_of(&phases, self.run.config.epochs);
        let mut watch = Watch {
            progress: Progress::new(),
            metrics: None,
            tensorboard: None,
            interrupt: watch::interrupt()?,
            held_out: &self.run.data.split.held_out,
            phase: None,
            before: 0,
        };
        let mut ends: Vec<End> = Vec::new();
        for (number, (phase, epochs)) in phases.iter().zip(epochs).enumerate() {
            if phases.len() > 1 {
                watch.phase = Some(phase.name);
            }
            let end = match self.phase(phase, number, epochs, &ends, &mut watch)? {
                Ok(end) => end,
                Err((message, end)) => {
                    let is_last = number + 1 == phases.len();
                    ends.extend(end);
                    return Ok((ends, Some(Diverged { message, is_last })));
                }
            };
            watch.before += end.records.len() as u64;
            let stopped = end.stopped;
            ends.push(end);
            if stopped == Some(Stopped::Asked) {
                return Err(self.interrupted());
            }
        }
        Ok((ends, None))
    }

    /// Trains one phase, from its last checkpoint if there is one; if it diverges, why, and what there
    /// is of it.
    fn phase(
        &self,
        phase: &Phase<'_, f32>,
        number: usize,
        epochs: u64,
        ends: &[End],
        watch: &mut Watch<'_>,
    ) -> Result<Result<End, (String, Option<End>)>, Failure> {
        let Run { config, model, .. } = &self.run;
        let model = model.as_ref();
        let folder = self.run.folder.checkpoints(self.parts()[number]);
        type Vars = (Var<f32>, Option<Tensor<i64>>);
        let objective = |(x, labels): &Vars| phase.objective(x, labels.as_ref());
        let reconstruct = |(x, _): &Vars| (model.forward(x), x.clone());
        let encode = |(x, _): &Vars| (model.encode(x), x.clone());
        let optimizer = config.optimizer_of(phase.params.clone(), phase.rate)?;
        let mut trainer = Trainer::new(&objective, optimizer, config.seed)
            .scheduled(config.schedule_of()?)
            .accumulating(config.accumulate);
        if let Some(patience) = config.patience {
            trainer = trainer
                .stopping(EarlyStopping::after(patience))
                .keeping_best(model);
        }
        if model.conditional().is_none() {
            trainer = trainer.measuring(&reconstruct, vec![fidelity(self.run.data.kind)]);
            if model.generative().is_some() {
                trainer = trainer.measuring(&encode, vec![Box::<ActiveUnits>::default()]);
            }
        }
        let train = loader(model, &self.run.data.split.train, config.batch_size)?;
        let train = train.shuffled(config.seed);
        let mut latest = latest(&folder)?;
        if let Some(latest) = &latest {
            let warnings = latest.damaged.iter();
            warnings.for_each(|damaged| terminal::say(&format!("warning: {damaged}")));
            trainer
                .resume(model, &latest.checkpoint)
                .map_err(Failure::run)?;
            if trainer.is_over(epochs) {
                // Nothing is computed: the model becomes what the phase left.
                let records = trainer.fit(epochs, &train, None, &mut ());
                return Ok(Ok(End {
                    records: records.map_err(Failure::run)?,
                    kept: trainer.kept(),
                    stopped: trainer.stopped(),
                    is_new: false,
                }));
            }
        }
        if self.run.had_diverged {
            // The last weights may be beyond rescue.
            latest = best(&folder)?.or(latest);
        }
        let records = latest
            .as_ref()
            .map(|latest| &latest.checkpoint.standing.records[..]);
        self.begin(number, ends, records.unwrap_or_default(), watch)?;
        if let Some(latest) = latest.as_ref().filter(|_| self.run.had_diverged) {
            Shelf::forget_after(&folder, latest.checkpoint.standing.steps).map_err(Failure::run)?;
        }
        let every = self.options.save_every;
        let every = every.map_or(Every::Seconds(SAVE_EVERY), Every::Steps);
        let shelf = Shelf::open(&folder).map_err(Failure::run)?;
        trainer = trainer.saving(model, shelf.every(every).keeping(self.options.keep));
        if let Some(latest) = &latest {
            // For the shelf to know the best of before as well.
            trainer
                .resume(model, &latest.checkpoint)
                .map_err(Failure::run)?;
        }
        let held_out = &self.run.data.split.held_out;
        let held_out = loader(model, held_out, MEASURING_BATCH.min(held_out.len()))?;
        let outcome = trainer.fit(epochs, &train, Some(&held_out), watch);
        match outcome {
            Ok(records) => Ok(Ok(End {
                records,
                kept: trainer.kept(),
                stopped: trainer.stopped(),
                is_new: true,
            })),
            Err(error) if error.is_divergence() => Ok(Err(self.back(&error, &folder)?)),
            Err(error) => Err(Failure::run(format!("{}: {error}", config.variant))),
        }
    }

    /// Takes the model back to the last checkpoint of a phase that has diverged.
    fn back(&self, error: &TrainError, folder: &Path) -> Result<(String, Option<End>), Failure> {
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

    /// Before the first step of a phase: the records of the run are as they are from here on. Happens
    /// once; later phases find all in order.
    fn begin(
        &self,
        number: usize,
        ends: &[End],
        own: &[EpochRecord],
        watch: &mut Watch<'_>,
    ) -> Result<(), Failure> {
        let Run { config, folder, .. } = &self.run;
        let phases = self.run.model.phases();
        if phases.len() > 1 {
            let (count, name) = (phases.len(), phases[number].name);
            terminal::say(&format!("phase {} of {count}: {name}", number + 1));
        }
        if watch.metrics.is_some() {
            return Ok(());
        }
        if folder.file(RESULT).exists() {
            Outcome {
                finished: false,
                ..self.run.outcome.clone()
            }
            .write(folder)?;
        }
        folder.write(CONFIG, config.to_text()?)?;
        // A run whose checkpoints are gone is told from one that has written none.
        let place = folder.checkpoints(self.parts()[number]);
        fs::create_dir_all(&place)
            .map_err(|error| Failure::run(format!("{}: {error}", place.display())))?;
        self.forget_after(number)?;
        let all = ends.iter().map(|end| end.records.as_slice()).chain([own]);
        let mut lines = String::new();
        let mut before = 0;
        for (records, phase) in all.zip(&phases) {
            let name = (phases.len() > 1).then_some(phase.name);
            for record in records {
                lines += &watch::line(record, name, before).map_err(Failure::run)?;
                lines += "\n";
            }
            before += records.len() as u64;
        }
        folder.write(METRICS, lines)?;
        watch.metrics = Some(folder.lines(METRICS)?);
        if self.options.tensorboard {
            let place = folder.file(TENSORBOARD);
            let curves = TensorBoard::create(&place)
                .map_err(|error| Failure::run(format!("{}: {error}", place.display())))?;
            watch.tensorboard = Some(curves);
        }
        Ok(())
    }

    /// Removes the checkpoints of later phases than one that is trained on: they begin where it ends.
    fn forget_after(&self, number: usize) -> Result<(), Failure> {
        for part in self.parts().into_iter().skip(number + 1) {
            let place = self.run.folder.checkpoints(part);
            if place.is_dir() {
                terminal::say(&format!(
                    "phase {} is trained on, so phase {} begins again",
                    number + 1,
                    part.unwrap_or(1)
                ));
                fs::remove_dir_all(&place)
                    .map_err(|error| Failure::run(format!("{}: {error}", place.display())))?;
            }
        }
        Ok(())
    }

    /// What to say when somebody stopped the run.
    fn interrupted(&self) -> Failure {
        Failure::interrupted(format!(
            "stopped; all is saved. Go on with: retrograd train --resume {}",
            self.run.folder.path().display()
        ))
    }

    /// What to say when it went wrong, after so many whole epochs.
    fn diverged(&self, message: &str, epochs: usize) -> Failure {
        let kept = match epochs {
            0 => "no epoch was whole; begin again".to_owned(),
            count => format!("what there was after epoch {count} is kept; go on from the best"),
        };
        let rate = self.run.config.learning_rate * SMALLER;
        Failure::run(format!(
            "{}: {message}; {kept} with a smaller rate: retrograd train --resume {} --lr {}",
            self.run.config.variant,
            self.run.folder.path().display(),
            number(rate)
        ))
    }

    /// Says that a run which is asked to go on is finished.
    fn nothing_to_do(&self, records: &[EpochRecord], outcome: &Outcome) -> Result<(), Failure> {
        let Run { config, folder, .. } = &self.run;
        let why = if outcome.stopped_early {
            format!(
                "it stopped after {} epochs, without a better held-out loss for {}, and has the weights of epoch {}; a larger --patience lets it go on",
                records.len(),
                config.patience.unwrap_or(0),
                outcome.kept
            )
        } else {
            format!(
                "its {} epochs are done; --epochs with a larger number lets it go on",
                records.len()
            )
        };
        terminal::print(&format!(
            "{}: nothing to do: {why}\n",
            folder.path().display()
        ))
    }

    /// Writes the model, the report and what it came to.
    fn keep(&self, records: &[EpochRecord], outcome: &Outcome) -> Result<Figures, Failure> {
        let Run {
            config,
            data,
            model,
            folder,
            ..
        } = &self.run;
        let figures = Figures::of(records, outcome, model.unit());
        checkpoint::save(model.as_ref(), folder.file(MODEL)).map_err(Failure::run)?;
        let show = Show {
            folder,
            model: model.as_ref(),
            data,
            config,
            records,
        };
        let report = results::report(&show, &figures)?;
        folder.write(REPORT, report.to_html().map_err(Failure::run)?)?;
        let train = &data.split.train;
        let labels = model.conditional().and_then(|_| labels(train));
        let (error, bound) = scoring::thresholds(model.as_ref(), &train.features, labels.as_ref());
        let finite = |threshold: &f64| threshold.is_finite();
        Outcome {
            error_threshold: Some(error).filter(finite),
            bound_threshold: bound.filter(finite),
            ..outcome.clone()
        }
        .write(folder)?;
        if let Some(strip) = pictures::strip(&show).filter(|_| outcome.finished) {
            terminal::print(&format!("\n{strip}"))?;
        }
        Ok(figures)
    }

    /// The same, and says where they are.
    fn finish(&self, records: &[EpochRecord], outcome: &Outcome) -> Result<(), Failure> {
        let Run { config, folder, .. } = &self.run;
        let figures = self.keep(records, outcome)?;
        terminal::print(&results::closing(folder, config, &figures))?;
        if let Some(warning) = quality::warning(&self.run) {
            terminal::say(&warning);
        }
        Ok(())
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

/// Samples in batches, with labels if the model needs them.
pub(crate) fn loader(
    model: &dyn Autoencoder<f32>,
    data: &Dataset,
    batch_size: usize,
) -> Result<DataLoader<Labelled>, Failure> {
    let samples = Labelled {
        features: data.features.clone(),
        labels: model.conditional().and_then(|_| labels(data)),
    };
    DataLoader::new(samples, batch_size).map_err(Failure::run)
}

/// How near a reconstruction is, in the figure that is usual for the data.
fn fidelity(kind: DataKind) -> Box<dyn Metric<f32>> {
    match kind {
        DataKind::Images(_) => Box::new(Psnr::new(1.0)),
        DataKind::Table(_) | DataKind::Points(_) => Box::<RSquared>::default(),
    }
}
