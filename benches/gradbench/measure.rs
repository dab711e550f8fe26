//! A function of a problem, run and timed.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// One run of a function.
#[derive(Debug, Serialize)]
pub(crate) struct Timing {
    name: &'static str,
    nanoseconds: u64,
}

/// The output of the last run, and how long each one took.
#[derive(Debug)]
pub(crate) struct Evaluation {
    pub(crate) output: Box<RawValue>,
    pub(crate) timings: Vec<Timing>,
}

/// How often an input wants to be evaluated. Inputs that do not say are evaluated once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
struct Runs {
    min_runs: u64,
    min_seconds: f64,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            min_runs: 1,
            min_seconds: 0.0,
        }
    }
}

/// Decodes the input, prepares a run with it, and runs until there are as many runs and as many seconds
/// as the input asks for. Decoding, preparing and encoding are not counted.
pub(crate) fn evaluate<I: DeserializeOwned, O: Serialize, Run: FnMut() -> O>(
    input: &RawValue,
    prepare: impl FnOnce(I) -> Result<Run, String>,
) -> Result<Evaluation, String> {
    let decoded = |error| format!("the input is not what it should be: {error}");
    let runs = if input.get().starts_with('{') {
        serde_json::from_str::<Runs>(input.get()).map_err(decoded)?
    } else {
        Runs::default()
    };
    if runs.min_runs < 1 {
        return Err("min_runs is 0; ask for at least one run".into());
    }
    let enough = Duration::try_from_secs_f64(runs.min_seconds)
        .map_err(|_| format!("min_seconds is {}; ask for 0 or more", runs.min_seconds))?;
    let mut run = prepare(serde_json::from_str(input.get()).map_err(decoded)?)?;
    let (mut timings, mut total) = (Vec::new(), Duration::ZERO);
    loop {
        let start = Instant::now();
        let output = run();
        let took = start.elapsed();
        total += took;
        timings.push(Timing {
            name: "evaluate",
            nanoseconds: took.as_nanos() as u64,
        });
        if timings.len() as u64 >= runs.min_runs && total >= enough {
            let output = encoded(&output)?;
            return Ok(Evaluation { output, timings });
        }
    }
}

/// JSON has no word for numbers that are not finite, and `null` is none.
fn encoded(output: &impl Serialize) -> Result<Box<RawValue>, String> {
    let output = to_raw_value(output).map_err(|error| error.to_string())?;
    if output.get().contains("null") {
        return Err("the output has numbers that are not finite, which JSON cannot say".into());
    }
    Ok(output)
}
