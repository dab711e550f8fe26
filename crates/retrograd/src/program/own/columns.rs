//! How the columns of a table are filled and scaled, by what the rows to learn from hold.

use std::path::Path;

use retrograd::datasets::{Column, Dataset, Fill, Scaling, Table};

use super::options::{Missing, Scale};
use super::source::Source;
use crate::program::failure::Failure;
use crate::program::terminal;

/// Columns that fill less than this of [0, 1] are scaled to it.
const SMALL: f64 = 0.1;

/// Names that are written out.
const SHOWN: usize = 8;

/// What columns say of how a table is filled and scaled, by so many rows to learn from.
pub(super) fn of_columns(
    columns: &[Column],
    rows: usize,
    names: &Names,
    mut source: Source,
    path: &Path,
) -> Result<(Source, Option<Scaling>), Failure> {
    let failure = |problem: String| Failure::run(format!("--data {}: {problem}", path.display()));
    if source.options.may_miss() {
        let missing = source.options.missing();
        let nothing = names.of(columns, |column| column.missing == rows);
        if !nothing.is_empty() {
            return Err(failure(format!(
                "columns without a number to learn from: {nothing}; leave them out with --drop"
            )));
        }
        let are_words = source.are_words();
        let fill = |(at, column): (usize, &Column)| {
            let fill = missing.fill().of(column);
            // Between two words there is none.
            if are_words.get(at) == Some(&true) {
                fill.round()
            } else {
                fill
            }
        };
        source.fills = columns.iter().enumerate().map(fill).collect();
    }
    names.mention(columns);
    let scaling = scaling(columns, &source.are_words(), source.options.scale);
    Ok((source, scaling))
}

impl Missing {
    /// What stands in the input.
    fn fill(self) -> Fill {
        match self {
            Self::Mean | Self::Mask | Self::Refuse => Fill::Mean,
            Self::Median => Fill::Median,
        }
    }

    /// Says how many numbers are missing, and fills them in unless they are to be known as missing.
    pub(super) fn apply(self, table: &mut Table, fills: &[f64]) {
        let (rows, numbers) = table.missing();
        if rows == 0 {
            return;
        }
        let becomes = match self {
            Self::Mean => "for which the mean of their column stands",
            Self::Median => "for which the median of their column stands",
            Self::Mask | Self::Refuse => {
                "which count in no loss and no figure; the mean of their column stands in the input"
            }
        };
        terminal::say(&format!(
            "data: {rows} of {} rows lack numbers, {numbers} in all, {becomes}",
            table.len()
        ));
        if matches!(self, Self::Mean | Self::Median) {
            table.fill(fills);
        }
    }
}

/// The scale of columns, as asked for or as suits them, which is said. Those of words are as they are.
fn scaling(columns: &[Column], are_words: &[bool], asked: Option<Scale>) -> Option<Scaling> {
    let is_word = |at: usize| are_words.get(at) == Some(&true);
    let fills = |column: &Column| {
        let inside = column.low >= 0.0 && column.high <= 1.0;
        inside && (column.is_constant() || column.high - column.low >= SMALL)
    };
    let mut numbers = columns.iter().enumerate();
    let filled = numbers.all(|(at, column)| is_word(at) || fills(column));
    let scale = asked.unwrap_or(if filled { Scale::None } else { Scale::Unit });
    let (scaling, words) = match scale {
        Scale::None if filled => (None, "columns are in [0, 1] and taken as they are"),
        Scale::None => (None, "columns are taken as they are"),
        Scale::Counts => (None, "columns are counts and taken as they are"),
        Scale::Unit => (
            Some(Scaling::unit_of(columns)),
            "each column is scaled to [0, 1], which the held-out rows may leave",
        ),
        Scale::Standard => (
            Some(Scaling::standard_of(columns)),
            "each column is scaled to mean 0 and standard deviation 1",
        ),
    };
    terminal::say(&format!("data: {words}"));
    scaling.map(|mut scaling| {
        for at in (0..columns.len()).filter(|&at| is_word(at)) {
            (scaling.offset[at], scaling.scale[at]) = (0.0, 1.0);
        }
        scaling
    })
}

/// What features are called; nothing if nothing is known.
pub(super) struct Names(pub(super) Vec<String>);

impl Names {
    pub(super) fn name(&self, column: usize) -> String {
        let name = self.0.get(column).cloned();
        name.unwrap_or_else(|| (column + 1).to_string())
    }

    /// The first few of the columns of which this is true.
    pub(super) fn of(&self, columns: &[Column], is: impl Fn(&Column) -> bool) -> String {
        let found = columns.iter().enumerate().filter(|(_, column)| is(column));
        listed(&found.map(|(at, _)| self.name(at)).collect::<Vec<_>>())
    }

    /// Refuses numbers that are no counts; NaN stands for one that is missing.
    pub(super) fn check_counts(&self, data: &Dataset) -> Result<(), String> {
        let values = data.features.values();
        let is_count = |x: f32| x.is_nan() || (x >= 0.0 && x.fract() == 0.0);
        match values.iter().position(|&x| !is_count(x)) {
            None => Ok(()),
            Some(at) => Err(format!(
                "--scale counts: column {} holds {}, and counts are whole numbers of 0 or more; leave the column out with --drop, or use another scale",
                self.name(at % data.width().max(1)),
                values[at]
            )),
        }
    }

    /// Says which columns look like no measurements.
    fn mention(&self, columns: &[Column]) {
        let ids = self.of(columns, |column| column.is_id);
        if !ids.is_empty() {
            terminal::say(&format!(
                "data: integers that all differ, as row numbers, keys and times do, are used as features: {ids}; --id-column carries one along instead, --drop leaves them out"
            ));
        }
        let constant = self.of(columns, Column::is_constant);
        if !constant.is_empty() {
            terminal::say(&format!(
                "data: columns that never change, from which nothing is learnt: {constant}"
            ));
        }
    }
}

/// The first few of some names.
pub(super) fn listed(names: &[String]) -> String {
    let first = names.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
