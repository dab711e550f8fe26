//! Measurements of several systems as a table of ratios.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::case::{Case, Work};
use crate::record::{OURS, Record};
use crate::suites::Suite;

/// What one round of measuring gave for a case: a record for each system that took part.
pub type Round = Vec<Record>;

/// Which figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    /// Medians of samples, and medians of those over the rounds.
    Median,
    /// The least of all samples, for a machine that others disturb.
    Least,
}

/// All rounds of a case.
#[derive(Debug)]
pub struct Row<'a> {
    /// The case as this framework does it.
    pub case: &'a Case,
    /// In the order of measuring.
    pub rounds: Vec<Round>,
}

impl Row<'_> {
    /// The least or the median over the rounds of what `read` finds in them, if it finds anything.
    fn over_rounds(&self, figures: Figures, read: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.rounds.iter().filter_map(read).collect();
        values.sort_by(f64::total_cmp);
        let position = match figures {
            Figures::Median => values.len() / 2,
            Figures::Least => 0,
        };
        values.get(position).copied()
    }

    /// The time of a system.
    fn seconds(&self, system: &str, figures: Figures) -> Option<f64> {
        self.over_rounds(figures, |round| {
            let record = of(round, system)?;
            Some(match figures {
                Figures::Median => record.seconds,
                Figures::Least => record.best,
            })
        })
    }

    /// Our time in units of the fastest peer's. Medians are taken of the ratios of each round, so
    /// that a slow minute of the machine cancels.
    #[must_use]
    pub fn ratio(&self, figures: Figures) -> Option<f64> {
        if figures == Figures::Least {
            let names = systems(std::slice::from_ref(self));
            let times = names
                .iter()
                .skip(1)
                .filter_map(|peer| self.seconds(peer, figures));
            return Some(self.seconds(OURS, figures)? / times.min_by(f64::total_cmp)?);
        }
        self.over_rounds(figures, |round| {
            let peers = round.iter().filter(|record| record.system != OURS);
            let fastest = peers.map(|record| record.seconds).min_by(f64::total_cmp)?;
            Some(of(round, OURS)?.seconds / fastest)
        })
    }

    /// Our share of what the machine can do.
    fn share(&self) -> Option<f64> {
        self.over_rounds(Figures::Median, |round| {
            let ours = of(round, OURS)?;
            ours.peak_share.or(ours.copy_share)
        })
    }
}

fn of<'r>(round: &'r Round, system: &str) -> Option<&'r Record> {
    round.iter().find(|record| record.system == system)
}

/// The rows of a suite as a table in Markdown, with aligned columns so that it reads as text too.
#[must_use]
pub fn table(suite: &Suite, rows: &[Row<'_>], figures: Figures) -> String {
    let systems = systems(rows);
    let shares = rows.iter().any(|row| row.share().is_some());
    let mut head: Vec<String> = vec![suite.name.to_owned(), "unit".to_owned()];
    head.extend(systems.iter().cloned());
    head.extend(["ratio", "goal"].map(str::to_owned));
    if shares {
        head.push("share".to_owned());
    }
    let mut lines = vec![head];
    for row in rows {
        let (unit, show) = unit(row.case.work);
        let mut line = vec![row.case.name.clone(), unit.to_owned()];
        line.extend(
            systems
                .iter()
                .map(|system| cell(row.seconds(system, figures).map(&show), 3)),
        );
        line.push(cell(row.ratio(figures), 2));
        line.push(cell(row.case.goal, 2));
        if shares {
            line.push(cell(row.share().map(|share| 100.0 * share), 0) + " %");
        }
        lines.push(line);
    }
    aligned(&lines)
}

/// Who took part, this framework first.
fn systems(rows: &[Row<'_>]) -> Vec<String> {
    let mut systems = vec![OURS.to_owned()];
    for record in rows.iter().flat_map(|row| row.rounds.iter().flatten()) {
        if !systems.contains(&record.system) {
            systems.push(record.system.clone());
        }
    }
    systems
}

/// The unit in which work of this kind is quoted, and the way from seconds to it.
fn unit(work: Work) -> (&'static str, Box<dyn Fn(f64) -> f64>) {
    match work {
        Work::Flops { count, .. } => ("GFLOP/s", Box::new(move |s| count / s / 1e9)),
        Work::Elements { count, .. } => ("ns/element", Box::new(move |s| s / count as f64 * 1e9)),
        Work::Operations(count) => ("ns", Box::new(move |s| s / count as f64 * 1e9)),
        Work::Samples(_) => ("ms", Box::new(|s| s * 1e3)),
        Work::Epoch { samples, all } => (
            "s/epoch",
            Box::new(move |s| s * all as f64 / samples as f64),
        ),
    }
}

/// A number with about as many digits as mean something; empty if there is none.
pub(crate) fn cell(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let whole = value.abs().max(1.0).log10() as usize;
    format!("{value:.*}", decimals.saturating_sub(whole))
}

/// Lines of cells as a Markdown table, the first being its head and numbers to the right.
pub(crate) fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(out, "| {cell:<width$} |"),
                _ => write!(out, " {cell:>width$} |"),
            };
        }
        out.push('\n');
        if i == 0 {
            for (column, width) in widths.iter().enumerate() {
                let rule = "-".repeat(*width);
                let _ = match column {
                    0 => write!(out, "|-{rule}-|"),
                    _ => write!(out, "-{rule}:|"),
                };
            }
            out.push('\n');
        }
    }
    out
}

/// How many goals of a suite are reached, in words; `None` if it has none.
#[must_use]
pub fn goals(rows: &[Row<'_>], figures: Figures) -> Option<String> {
    let mut counts: BTreeMap<bool, usize> = BTreeMap::new();
    for row in rows {
        if let (Some(ratio), Some(goal)) = (row.ratio(figures), row.case.goal) {
            *counts.entry(ratio <= goal).or_default() += 1;
        }
    }
    let all: usize = counts.values().sum();
    let reached = counts.get(&true).copied().unwrap_or(0);
    (all > 0).then(|| format!("{reached} of {all} goals reached"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(system: &str, seconds: f64) -> Record {
        Record {
            system: system.to_owned(),
            seconds,
            best: seconds,
            ..Record::default()
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let case = Case::new("W1", Work::Samples(1), || Box::new(|| {})).goal(0.5);
        // The machine is ten times as slow in the second round.
        let rounds = vec![
            vec![record(OURS, 1e-3), record("a", 2e-3), record("b", 4e-3)],
            vec![record(OURS, 1e-2), record("a", 2e-2)],
            vec![record(OURS, 1e-3), record("b", 2e-3)],
        ];
        let row = Row {
            case: &case,
            rounds,
        };
        assert_eq!(row.ratio(Figures::Median), Some(0.5));
        assert_eq!(row.seconds("b", Figures::Median), Some(4e-3));
        assert_eq!(row.seconds("b", Figures::Least), Some(2e-3));
        let goals = goals(&[row], Figures::Median);
        assert_eq!(goals.as_deref(), Some("1 of 1 goals reached"));
    }

    #[test]
    fn a_table_has_a_column_for_everyone_and_gaps_where_nothing_was_measured() {
        let cases = ["W1", "W22"].map(|name| Case::new(name, Work::Samples(1), || Box::new(|| {})));
        let rows = [
            Row {
                case: &cases[0],
                rounds: vec![vec![record(OURS, 1e-3), record("peer", 0.0125)]],
            },
            Row {
                case: &cases[1],
                rounds: vec![vec![record(OURS, 0.25)]],
            },
        ];
        let suite = Suite {
            name: "steps",
            cases: Vec::new(),
        };
        let expected = "\
| steps | unit | retrograd |  peer | ratio | goal |
|-------|-----:|----------:|------:|------:|-----:|
| W1    |   ms |     1.000 | 12.50 |  0.08 |      |
| W22   |   ms |     250.0 |       |       |      |
";
        assert_eq!(table(&suite, &rows, Figures::Median), expected);
    }
}
