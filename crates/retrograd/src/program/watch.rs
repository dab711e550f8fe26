//! What happens beside a training: progress is shown, the metrics are kept, a wish to stop is heard.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use retrograd::nn::train::{
    EpochRecord, Flow, Interrupt, Metrics, Observer, ObserverError, Outlier, Plan, Progress,
    StepRecord, TensorBoard,
};
use serde::{Deserialize, Serialize, Serializer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::program::data::Data;
use crate::program::failure::{Failure, INTERRUPTED};
use crate::program::folder::LineFile;

/// Whoever watches the phases of a training.
pub(crate) struct Watch<'a> {
    pub(crate) progress: Progress,
    /// Once there is something to train.
    pub(crate) metrics: Option<LineFile>,
    pub(crate) tensorboard: Option<TensorBoard>,
    pub(crate) interrupt: Interrupt,
    pub(crate) data: &'a Data,
    /// Which phase it is, if there are several.
    pub(crate) phase: Option<Cow<'static, str>>,
    /// Epochs of the phases before.
    pub(crate) before: u64,
}

/// A wish to stop that the keyboard or a scheduler expresses; twice, and the process ends.
pub(crate) fn interrupt() -> Result<Interrupt, Failure> {
    let interrupt = Interrupt::default();
    let asked: Arc<AtomicBool> = interrupt.flag();
    for signal in [SIGINT, SIGTERM] {
        // In this order: what the first signal asks for is what the second one finds.
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .map_err(|error| Failure::run(format!("interrupts cannot be handled ({error})")))?;
    }
    Ok(interrupt)
}

/// The line of `metrics.jsonl` for an epoch of a phase, if there are several, after so many of others.
pub(crate) fn line(
    record: &EpochRecord,
    phase: Option<&str>,
    before: u64,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&EpochLine {
        epoch: before + record.epoch,
        phase,
        train: Terms(&record.train),
        held_out: record.held_out.as_ref().map(Terms),
        weights: weights(record),
        measures: Figures(&record.measures),
        learning_rate: record.learning_rate,
        seconds: record.seconds,
        samples_per_second: record.samples_per_second,
        memory: record.memory,
    })
}

impl Observer for Watch<'_> {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.progress.begin(plan)?;
        self.tensorboard.begin(plan)
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        let flow = self.progress.step(record)?;
        let flow = flow.and(self.tensorboard.step(record)?);
        let asked = self.interrupt.step(record)?;
        if asked == Flow::Stop {
            self.progress
                .say("stopping after this step; once more to stop at once");
        }
        Ok(flow.and(asked))
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        if let Some(metrics) = &mut self.metrics {
            let line = line(record, self.phase.as_deref(), self.before)?;
            metrics.push(&line).map_err(|failure| failure.to_string())?;
        }
        let flow = self.progress.epoch(record)?;
        Ok(flow.and(self.tensorboard.epoch(record)?))
    }

    fn unmoved(&mut self, parameters: &[&str]) -> Result<(), ObserverError> {
        self.progress.unmoved(parameters)
    }

    fn outliers(&mut self, epoch: u64, outliers: &[Outlier]) -> Result<(), ObserverError> {
        for Outlier { row, column, value } in self.progress.new_outliers(outliers) {
            let held_out = &self.data.split.held_out;
            let name = held_out.columns.get(column);
            let name = name.map_or_else(|| (column + 1).to_string(), |name| format!("`{name}`"));
            let id = held_out.ids.get(row).cloned();
            let row = id.unwrap_or_else(|| self.data.held_out_row(row).to_string());
            self.progress.say(&format!(
                "warning: epoch {epoch}: held-out row {row} has no finite loss: on the scale of the training data its column {name} is {value}; the row is left out of the held-out figures, and the training goes on"
            ));
        }
        Ok(())
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
    train: Terms<'a>,
    held_out: Option<Terms<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    weights: BTreeMap<String, Weighted>,
    measures: Figures<'a>,
    learning_rate: f64,
    seconds: f64,
    samples_per_second: f64,
    memory: Option<u64>,
}

/// How a figure counts in the loss, if not as it is: its weight, and what it adds to the losses. Nothing
/// of what is only watched.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weighted {
    pub(crate) weight: Option<f64>,
    pub(crate) train: Option<f64>,
    pub(crate) held_out: Option<f64>,
}

/// The figures that do not count as they are.
fn weights(record: &EpochRecord) -> BTreeMap<String, Weighted> {
    let mut all: BTreeMap<String, Weighted> = BTreeMap::new();
    let mut note = |figures: &Metrics, set: fn(&mut Weighted, Option<f64>)| {
        for figure in figures.figures() {
            if figure.weight != Some(1.0) {
                let own = all.entry(figure.name.to_string()).or_default();
                own.weight = figure.weight;
                set(own, figure.weighted);
            }
        }
    };
    note(&record.train, |own, weighted| own.train = weighted);
    if let Some(held_out) = &record.held_out {
        note(held_out, |own, weighted| own.held_out = weighted);
    }
    all
}

/// Every term and their sum, by name, in their order.
struct Terms<'a>(&'a Metrics);

impl Serialize for Terms<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().chain([("loss", self.0.total())]))
    }
}

/// Figures by name, in their order.
struct Figures<'a>(&'a Metrics);

impl Serialize for Figures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}
