//! How peers in Rust are asked and how they answer: as those in Python, see `protocol.py`.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::Run;

pub mod case {
    //! What is measured, under the name that [`timing`](crate::timing) knows it by.

    /// Something built and ready, to be run again and again.
    pub type Run = Box<dyn FnMut()>;
}

#[path = "../../src/timing.rs"]
pub mod timing;

/// Batches that the steps go round.
pub const BATCHES: usize = 8;

/// Answers questions about training steps until there are no more. The number of threads is that of
/// the environment, `RAYON_NUM_THREADS`; both systems read it.
///
/// # Errors
/// If nobody listens.
pub fn serve(system: &str, version: &str, step: impl Fn(&str) -> Option<Run>) -> io::Result<()> {
    let (threads, seconds) = options();
    say(&json!({"system": system, "version": version}))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (suite, name) = line.trim().split_once(' ').unwrap_or((&line, ""));
        let mut answer = json!({
            "suite": suite, "name": name, "system": system, "threads": threads,
        });
        let run = if suite == "steps" { step(name) } else { None };
        match run {
            Some(mut run) => {
                let timing = timing::measure(&mut run, seconds);
                answer["seconds"] = timing.median.into();
                answer["best"] = timing.best.into();
            }
            None => answer["skipped"] = format!("no {suite} {name}").into(),
        }
        say(&answer)?;
    }
    Ok(())
}

/// `--threads N --seconds S`, as `compare` gives them.
fn options() -> (usize, Duration) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1)
    };
    let threads = value("--threads").and_then(|text| text.parse().ok());
    let seconds = value("--seconds").and_then(|text| text.parse().ok());
    (
        threads.unwrap_or(2),
        Duration::from_secs_f64(seconds.unwrap_or(0.5)),
    )
}

fn say(answer: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}
