//! What happens beside a training: progress is shown, the metrics are kept, a wish to stop is heard.

use std::collections::BTreeMap;
use std::path::Path;

use retrograd::nn::train::{
    EpochRecord, Flow, Interrupt, Metrics, Observer, ObserverError, Plan, Progress, StepRecord,
    TensorBoard,
};
use serde::Serialize;

use crate::failure::{Failure, INTERRUPTED};
use crate::folder::LineFile;
use crate::terminal;

/// Whoever watches the phases of a training.
pub(crate) struct Watch {
    pub(crate) progress: Progress,
    pub(crate) metrics: LineFile,
    pub(crate) tensorboard: Option<TensorBoard>,
    pub(crate) interrupt: Interrupt,
    /// Which phase it is, if there are several.
    pub(crate) phase: Option<&'static str>,
    /// Epochs of the phases before.
    pub(crate) before: u64,
}

/// A wish to stop that the keyboard (or a polite kill) expresses; twice, and the process ends.
pub(crate) fn interrupt() -> Result<Interrupt, Failure> {
    let interrupt = Interrupt::default();
    let handler = interrupt.clone();
    ctrlc::set_handler(move || {
        if handler.ask() {
            std::process::exit(INTERRUPTED.into());
        }
        terminal::say("stopping after this step; once more to stop at once");
    })
    .map_err(|error| Failure::run(format!("interrupts cannot be handled ({error})")))?;
    Ok(interrupt)
}

impl Watch {
    /// The line of `metrics.jsonl` for an epoch.
    pub(crate) fn keep(&mut self, record: &EpochRecord) -> Result<(), ObserverError> {
        let line = EpochLine {
            epoch: self.before + record.epoch,
            phase: self.phase,
            train: terms(&record.train),
            held_out: record.held_out.as_ref().map(terms),
            measures: record.measures.iter().collect(),
            learning_rate: record.learning_rate,
            seconds: record.seconds,
            samples_per_second: record.samples_per_second,
            memory: record.memory,
        };
        let line = serde_json::to_string(&line)?;
        self.metrics
            .push(&line)
            .map_err(|failure| failure.to_string().into())
    }
}

impl Observer for Watch {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.progress.begin(plan)?;
        self.tensorboard.begin(plan)
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        let flow = self.progress.step(record)?;
        let flow = flow.and(self.tensorboard.step(record)?);
        Ok(flow.and(self.interrupt.step(record)?))
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        self.keep(record)?;
        let flow = self.progress.epoch(record)?;
        Ok(flow.and(self.tensorboard.epoch(record)?))
    }

    fn saved(&mut self, file: &Path) -> Result<(), ObserverError> {
        self.progress.saved(file)
    }

    fn end(&mut self) {
        self.progress.end();
    }
}

/// A line of `metrics.jsonl`.
#[derive(Serialize)]
struct EpochLine<'a> {
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    train: BTreeMap<&'a str, f64>,
    held_out: Option<BTreeMap<&'a str, f64>>,
    measures: BTreeMap<&'a str, f64>,
    learning_rate: f64,
    seconds: f64,
    samples_per_second: f64,
    memory: Option<u64>,
}

/// Every term and their sum, by name.
fn terms(metrics: &Metrics) -> BTreeMap<&str, f64> {
    metrics.iter().chain([("loss", metrics.total())]).collect()
}
