//! `retrograd runs`: the runs in a folder, a line each.

use std::fs;
use std::path::{Path, PathBuf};

use retrograd::nn::train::Metrics;
use retrograd::report::number;

use crate::program::config::Config;
use crate::program::failure::Failure;
use crate::program::finished;
use crate::program::folder::CONFIG;
use crate::program::outcome::Outcome;
use crate::program::terminal;

/// Folders below the first that are looked into.
const DEPTH: usize = 3;
const COLUMNS: [&str; 6] = ["run", "variant", "data", "state", "epochs", "held-out loss"];
/// The columns that hold numbers.
const NUMBERS: [usize; 2] = [4, 5];

/// Prints the table.
pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        Failure::run(format!(
            "{}: {error}; name the folder that the runs are in",
            folder.display()
        ))
    };
    fs::read_dir(folder).map_err(failure)?;
    let mut runs = Vec::new();
    find(folder, DEPTH, &mut runs);
    runs.sort();
    if runs.is_empty() {
        return terminal::print(&format!("{}: no run is there\n", folder.display()));
    }
    let rows: Vec<[String; COLUMNS.len()]> = runs.iter().map(|run| row(run)).collect();
    let header = [COLUMNS.map(str::to_owned)];
    terminal::print(&terminal::aligned(&[&header[..], &rows].concat(), &NUMBERS))
}

/// Adds the runs in a folder and below.
fn find(folder: &Path, depth: usize, runs: &mut Vec<PathBuf>) {
    if folder.join(CONFIG).is_file() {
        runs.push(folder.to_owned());
        return;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    if depth > 0 {
        folders.for_each(|entry| find(&entry.path(), depth - 1, runs));
    }
}

/// What is known of a run, of whatever state it is.
fn row(run: &Path) -> [String; COLUMNS.len()] {
    let name = run.display().to_string();
    let Ok(config) = Config::read(run) else {
        let unknown = || "?".to_owned();
        let state = "unreadable".to_owned();
        return [name, unknown(), unknown(), state, unknown(), unknown()];
    };
    let outcome = Outcome::read(run).unwrap_or_default();
    let records = finished::records(run).unwrap_or_default();
    let state = match (&config.diverged, outcome.finished, outcome.stopped_early) {
        (Some(_), ..) => "diverged",
        (None, true, true) => "stopped early",
        (None, true, false) => "finished",
        (None, false, _) => "unfinished",
    };
    let kept = records.get(outcome.position(records.len()));
    let loss = kept.and_then(|record| record.held_out.as_ref());
    let file = config.data.file_name().unwrap_or(config.data.as_os_str());
    [
        name,
        config.variant.clone(),
        file.display().to_string(),
        state.to_owned(),
        format!("{}/{}", records.len(), config.epochs),
        number(loss.map_or(f64::NAN, Metrics::total)),
    ]
}
