//! The training of a run: its phases one after another, each from its last checkpoint.
//!
//! What is there is read first. Only where there is something left to train is anything written, and
//! then the record of the run before its first step, so that a run which is stopped at any moment can go
//! on.

use std::fs;

use retrograd::autoencoders::epochs_of;
use retrograd::nn::checkpoint;
use retrograd::nn::train::{EpochRecord, Progress, Stopped, TensorBoard};
use retrograd::report::number;

use crate::program::cli::TrainOptions;
use crate::program::config::SMALLER;
use crate::program::failure::Failure;
use crate::program::folder::{CHECKPOINTS, CONFIG, METRICS, MODEL, REPORT, RESULT, TENSORBOARD};
use crate::program::outcome::Outcome;
use crate::program::phase::End;
use crate::program::pictures::{self, Show};
use crate::program::results::{self, Figures};
use crate::program::train::{Run, labels};
use crate::program::watch::{self, Watch};
use crate::program::{quality, scoring, terminal};

/// A run, and how it is to be trained now.
pub(crate) struct Session<'a> {
    pub(crate) run: Run,
    pub(crate) options: &'a TrainOptions,
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
    pub(crate) fn parts(&self) -> Vec<Option<usize>> {
        match self.run.model.phases().len() {
            0 | 1 => vec![None],
            count => (1..=count).map(Some).collect(),
        }
    }

    /// Trains one phase after the other, up to one that diverges.
    fn phases(&self) -> Result<(Vec<End>, Option<Diverged>), Failure> {
        let phases = self.run.model.phases();
        let (count, epochs) = (phases.len(), epochs_of(&phases, self.run.config.epochs));
        let mut watch = Watch {
            progress: Progress::new(),
            metrics: None,
            tensorboard: None,
            interrupt: watch::interrupt()?,
            data: &self.run.data,
            phase: None,
            before: 0,
        };
        let mut ends: Vec<End> = Vec::new();
        for (number, (phase, epochs)) in phases.into_iter().zip(epochs).enumerate() {
            if count > 1 {
                watch.phase = Some(phase.name.clone());
            }
            let end = match self.phase(phase, number, epochs, &ends, &mut watch)? {
                Ok(end) => end,
                Err((message, end)) => {
                    let is_last = number + 1 == count;
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

    /// Before the first step of a phase: the records of the run are as they are from here on. Happens
    /// once; later phases find all in order.
    pub(crate) fn begin(
        &self,
        number: usize,
        ends: &[End],
        own: &[EpochRecord],
        watch: &mut Watch<'_>,
    ) -> Result<(), Failure> {
        let Run { config, folder, .. } = &self.run;
        let phases = self.run.model.phases();
        if phases.len() > 1 {
            let (count, name) = (phases.len(), &phases[number].name);
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
            let name = (phases.len() > 1).then_some(phase.name.as_ref());
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
        let epochs = terminal::counted(records.len(), "epoch");
        let why = if outcome.stopped_early && config.patience.is_none() {
            format!("it ended after {epochs}, as hardly anything changed any more")
        } else if outcome.stopped_early {
            format!(
                "it stopped after {epochs}, without a better held-out loss for {}, and has the weights of epoch {}; a larger --patience lets it go on",
                config.patience.unwrap_or(0),
                outcome.kept
            )
        } else {
            format!("it is trained for {epochs}; --epochs with a larger number lets it go on")
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
        let labels = model.classes().and_then(|_| labels(train));
        let thresholds = scoring::thresholds(model.as_ref(), train, labels.as_ref());
        let [error, bound, own] = thresholds.map(|at| at.filter(|at| at.is_finite()));
        Outcome {
            error_threshold: error,
            bound_threshold: bound,
            own_threshold: own,
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
