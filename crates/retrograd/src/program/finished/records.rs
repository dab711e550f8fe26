//! The epochs of a run, read again from its `metrics.jsonl`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use retrograd::nn::train::{EpochRecord, Figure, Metrics};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::run::Run;
use crate::program::failure::Failure;
use crate::program::folder::METRICS;
use crate::program::watch::Weighted;

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    epoch: u64,
    #[serde(default)]
    phase: Option<String>,
    train: Named,
    held_out: Option<Named>,
    #[serde(default)]
    weights: BTreeMap<String, Weighted>,
    measures: Named,
    learning_rate: f64,
    seconds: f64,
    samples_per_second: f64,
    memory: Option<u64>,
}

/// Numbers by name, in the order of the file. JSON has no NaN and no infinity; they are `null`.
struct Named(Vec<(String, Option<f64>)>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("numbers by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Named, M::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Named(all))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Run {
    /// Every epoch; those of a phase are counted from 1, as in training.
    pub(super) fn records(&self) -> Result<Vec<EpochRecord>, Failure> {
        read(&self.path)
    }
}

/// Every epoch of the run in a folder.
pub(crate) fn read(run: &Path) -> Result<Vec<EpochRecord>, Failure> {
    let path = run.join(METRICS);
    let failure = |problem: String| Failure::run(format!("{}: {problem}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| failure(error.to_string()))?;
    let mut records: Vec<EpochRecord> = Vec::new();
    let (mut phase, mut before) = (None, 0);
    for (number, line) in text.lines().enumerate() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| failure(format!("line {}: {error}", number + 1)))?;
        if line.phase != phase {
            before = records.len() as u64;
            phase.clone_from(&line.phase);
        }
        records.push(record(line, before));
    }
    if records.is_empty() {
        return Err(failure("it holds no epoch; train the run again".to_owned()));
    }
    Ok(records)
}

/// What the line says, of an epoch after so many of other phases.
fn record(line: Line, before: u64) -> EpochRecord {
    EpochRecord {
        epoch: line.epoch.saturating_sub(before),
        train: metrics(line.train, &line.weights, |own| own.train),
        held_out: line
            .held_out
            .map(|named| metrics(named, &line.weights, |own| own.held_out)),
        measures: metrics(line.measures, &BTreeMap::new(), |own| own.train),
        learning_rate: line.learning_rate,
        seconds: line.seconds,
        samples_per_second: line.samples_per_second,
        memory: line.memory,
    }
}

/// The figures; `loss` is the sum of what they add, which is none.
fn metrics(
    named: Named,
    weights: &BTreeMap<String, Weighted>,
    added: fn(&Weighted) -> Option<f64>,
) -> Metrics {
    let figure = |(name, value): (String, Option<f64>)| {
        let value = value.unwrap_or(f64::NAN);
        let own = weights.get(&name);
        let weight = own.map_or(Some(1.0), |own| own.weight);
        let weighted = own.map_or(Some(value), added);
        Figure {
            name: name.into(),
            value,
            weighted: weight.map(|_| weighted.unwrap_or(f64::NAN)),
            weight,
        }
    };
    let terms = named.0.into_iter().filter(|(name, _)| name != "loss");
    terms.map(figure).collect()
}
