//! `retrograd reproduce`: trains published recipes and sets what comes out beside what was published.
//!
//! A row is met if every figure of it is as good as published, or within 2 % of that. Finished rows
//! stay in the folder and are not trained again; a row that was stopped goes on. So the table can be
//! made in parts.

mod holed;
mod models;
mod one_class;
mod outcome;
mod row;
mod rows;
mod rule;
mod table;
mod training;

use std::fs;
use std::path::Path;

use retrograd::datasets::{self, Split};
use retrograd::nn::checkpoint::write_atomically;

use self::outcome::{Conditions, Outcome};
use self::row::Row;
use self::rows::ROWS;
use self::training::Training;
use crate::program::cli::ReproduceOptions;
use crate::program::failure::Failure;
use crate::program::{data, terminal, train, watch};

/// The table as a page.
const TABLE: &str = "table.md";

/// Trains the rows that are asked for and not done yet, and prints the table of all.
pub(crate) fn run(options: &ReproduceOptions) -> Result<(), Failure> {
    let mut rows = chosen(&options.rows)?;
    if options.rows.is_empty() {
        rows.retain(|row| is_at_hand(row, &options.data));
    }
    let threads = train::set_threads(options.threads)?;
    let mut mnist = None;
    let folder = &options.out;
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let interrupt = watch::interrupt()?;
    for row in rows {
        let epochs = if options.quick { 1 } else { row.epochs };
        let table;
        let split = match (&row.table, &mut mnist) {
            (Some(holed), _) => {
                table = part(holed.read(&options.data, options.seed)?, options.quick);
                &table
            }
            (None, Some(split)) => &*split,
            (None, none) => {
                let split = datasets::read_mnist_folder(&options.data).map_err(Failure::run)?;
                &*none.insert(part(split, options.quick))
            }
        };
        let own = row.feed.of(split, options.seed);
        let training = Training {
            row,
            conditions: conditions(row, epochs, options, &own)?,
            threads,
            precision: options.precision,
            data: &own,
            folder,
            interrupt: &interrupt,
        };
        if options.overwrite {
            remove(folder, row)?;
        } else if is_done(folder, &training)? {
            continue;
        }
        terminal::say(&format!("row {}: {}", row.id, row.title));
        let outcome = training.run(epochs)?;
        keep(folder, row, &outcome)?;
    }
    show(folder)
}

/// A part of it, if it is to be quick.
fn part(split: Split, quick: bool) -> Split {
    if quick { data::first(split) } else { split }
}

/// Whether the row's table is in the folder; MNIST is taken to be.
fn is_at_hand(row: &Row, folder: &Path) -> bool {
    let table = row.table.as_ref();
    table.is_none_or(|table| table.path(folder).is_file())
}

/// The rows that are named; without names, all.
fn chosen(names: &[String]) -> Result<Vec<&'static Row>, Failure> {
    for name in names {
        if !ROWS.iter().any(|row| row.is(name)) {
            let known: Vec<&str> = ROWS.iter().map(|row| row.id).collect();
            return Err(Failure::usage(format!(
                "there is no row {name}; there are {}",
                known.join(", ")
            )));
        }
    }
    let is_chosen = |row: &&Row| names.is_empty() || names.iter().any(|name| row.is(name));
    Ok(ROWS.iter().filter(is_chosen).collect())
}

fn conditions(
    row: &Row,
    epochs: u64,
    options: &ReproduceOptions,
    split: &Split,
) -> Result<Conditions, Failure> {
    Ok(Conditions {
        recipe: row.recipe(epochs),
        precision: options.precision.to_string(),
        seed: options.seed,
        train_samples: split.train.len() - row.feed.start(split.train.len()),
        held_out_samples: split.held_out.len(),
        quick: options.quick,
    })
}

/// Whether the row has a result under the same conditions.
fn is_done(folder: &Path, training: &Training<'_>) -> Result<bool, Failure> {
    let row = training.row;
    match Outcome::read(folder, row)? {
        None => Ok(false),
        Some(outcome) if !outcome.is_older && outcome.conditions == training.conditions => Ok(true),
        Some(_) => Err(Failure::run(format!(
            "{}: the row was trained with another seed, data, recipe or precision; train it anew with --overwrite, or choose another folder with --out",
            folder.join(outcome::file(row)).display()
        ))),
    }
}

/// Writes a row's result, and clears what was needed to go on.
fn keep(folder: &Path, row: &Row, outcome: &Outcome) -> Result<(), Failure> {
    let file = folder.join(outcome::file(row));
    let text = serde_json::to_string_pretty(outcome).map_err(Failure::run)?;
    write_atomically(&file, text.as_bytes()).map_err(|error| cannot(&file, &error))?;
    let place = folder.join(outcome::workplace(row));
    fs::remove_dir_all(&place).map_err(|error| cannot(&place, &error))
}

/// Removes what is there of a row.
fn remove(folder: &Path, row: &Row) -> Result<(), Failure> {
    let (file, place) = (
        folder.join(outcome::file(row)),
        folder.join(outcome::workplace(row)),
    );
    if file.exists() {
        fs::remove_file(&file).map_err(|error| cannot(&file, &error))?;
    }
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| cannot(&place, &error))?;
    }
    Ok(())
}

/// Prints all rows, and writes them as a page.
fn show(folder: &Path) -> Result<(), Failure> {
    let outcomes: Result<Vec<_>, _> = ROWS.iter().map(|row| Outcome::read(folder, row)).collect();
    let outcomes = outcomes?;
    let file = folder.join(TABLE);
    write_atomically(&file, table::markdown(&outcomes).as_bytes())
        .map_err(|error| cannot(&file, &error))?;
    let met = outcomes.iter().flatten().filter(|one| one.is_met()).count();
    let trained = outcomes.iter().flatten().count();
    let threads = outcomes.iter().flatten().map(|one| one.threads).max();
    terminal::print(&format!(
        "{}\n{met} of {trained} trained rows are met, of {} in all; times with up to {} threads\n{}\n",
        table::text(&outcomes),
        ROWS.len(),
        threads.unwrap_or(0),
        file.display()
    ))
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::run(format!(
        "{}: cannot be written ({error}); choose another folder with --out",
        path.display()
    ))
}
