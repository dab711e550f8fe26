//! What samples are to become, from a file of its own.

use std::path::Path;

use retrograd::datasets::{self, CsvReader, Dataset, Found, LabelColumn, Opened, Pictures};

use crate::program::failure::Failure;

/// The rows of a file of targets, as they are.
pub(super) fn targets(path: &Path) -> Result<Dataset, Failure> {
    let reader = CsvReader::new().labels(LabelColumn::None);
    let found = datasets::find(path, &reader, &Pictures::default());
    let found =
        found.map_err(|error| Failure::run(format!("--target {}: {error}", path.display())))?;
    let opened = match found {
        Found::Table(table) => table.opened(None),
        Found::Samples(opened, _) => opened,
    };
    match opened {
        Opened::Whole(targets) => Ok(targets),
        Opened::Parts(_) => Err(Failure::usage(format!(
            "--target {}: it comes in two parts; name a file with a row for each row of the data",
            path.display()
        ))),
    }
}

/// Gives samples their targets, by where they stood in what was read.
pub(super) fn become_targets(
    part: &mut Dataset,
    targets: &Dataset,
    path: &Path,
) -> Result<(), Failure> {
    let rows: Vec<usize> = (0..part.len()).map(|sample| part.row(sample)).collect();
    if let Some(beyond) = rows.iter().find(|row| **row >= targets.len()) {
        return Err(other_rows(path, targets.len(), beyond + 1));
    }
    if targets.width() != part.width() {
        return Err(Failure::usage(format!(
            "--target {}: {} numbers a row, and the data has {}; targets of another width need the library (Dictionary::transcoding)",
            path.display(),
            targets.width(),
            part.width()
        )));
    }
    part.target = Some(targets.features.rows(&rows));
    Ok(())
}

pub(super) fn other_rows(path: &Path, found: usize, expected: usize) -> Failure {
    Failure::usage(format!(
        "--target {}: {found} rows, and the data has {expected}; there must be one for each, in the same order",
        path.display()
    ))
}
