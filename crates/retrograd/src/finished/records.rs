//! The epochs of a run, read again from its `metrics.jsonl`.

use std::collections::BTreeMap;
use std::fs;

use retrograd::nn::train::{EpochRecord, Metrics};
use serde::Deserialize;

use super::run::Run;
use crate::failure::Failure;
use crate::folder::METRICS;

/// A line of the file. JSON has no NaN and no infinity; they are `null`.
#[derive(Deserialize)]
struct Line {
    epoch: u64,
    train: BTreeMap<String, Option<f64>>,
    held_out: Option<BTreeMap<String, Option<f64>>>,
    measures: BTreeMap<String, Option<f64>>,
    learning_rate: f64,
    seconds: f64,
    samples_per_second: f64,
    memory: Option<u64>,
}

impl Run {
    /// Every epoch, counted through all phases.
    pub(super) fn records(&self) -> Result<Vec<EpochRecord>, Failure> {
        let path = self.path.join(METRICS);
        let failure = |problem: String| Failure::run(format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| failure(error.to_string()))?;
        let records = text.lines().enumerate().map(|(number, line)| {
            let line: Line = serde_json::from_str(line)
                .map_err(|error| failure(format!("line {}: {error}", number + 1)))?;
            Ok(record(line))
        });
        let records = records.collect::<Result<Vec<_>, Failure>>()?;
        if records.is_empty() {
            return Err(failure("it holds no epoch; train the run again".to_owned()));
        }
        Ok(records)
    }
}

fn record(line: Line) -> EpochRecord {
    EpochRecord {
        epoch: line.epoch,
        train: metrics(line.train),
        held_out: line.held_out.map(metrics),
        measures: metrics(line.measures),
        learning_rate: line.learning_rate,
        seconds: line.seconds,
        samples_per_second: line.samples_per_second,
        memory: line.memory,
    }
}

/// The terms; `loss` is their sum, which is not a term.
fn metrics(named: BTreeMap<String, Option<f64>>) -> Metrics {
    let terms = named.into_iter().filter(|(name, _)| name != "loss");
    terms
        .map(|(name, value)| (name, value.unwrap_or(f64::NAN)))
        .collect()
}
