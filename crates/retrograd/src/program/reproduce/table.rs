//! Published against ours, as text for the terminal and as Markdown.

use super::outcome::Outcome;
use super::row::{Published, Row};
use super::rows::ROWS;
use crate::program::config::is_full;
use crate::program::terminal::aligned;

/// A line of the table.
type Line = [String; 8];

const HEAD: [&str; 8] = [
    "row",
    "recipe",
    "figure",
    "published",
    "ours",
    "met",
    "s/epoch",
    "seed",
];
/// The columns of numbers.
const NUMBERS: [usize; 4] = [3, 4, 6, 7];

/// All rows in columns; of those without a result, what was published.
pub(super) fn text(outcomes: &[Option<Outcome>]) -> String {
    let lines: Vec<Line> = std::iter::once(HEAD.map(str::to_owned))
        .chain(lines(outcomes))
        .collect();
    aligned(&lines, &NUMBERS)
}

/// The same for a page, and under it the recipes with what was chosen.
pub(super) fn markdown(outcomes: &[Option<Outcome>]) -> String {
    let row = |cells: Line| format!("| {} |\n", cells.join(" | "));
    let rule = std::array::from_fn(|i| if NUMBERS.contains(&i) { "--:" } else { "---" }.to_owned());
    let head = [HEAD.map(str::to_owned), rule];
    let table: String = head.into_iter().chain(lines(outcomes)).map(row).collect();
    let recipes: String = ROWS.iter().map(recipe).collect();
    format!("{table}\n{recipes}")
}

/// How a row is trained, where that comes from, and what was left open.
fn recipe(row: &Row) -> String {
    let chosen = match row.chosen {
        "" => String::new(),
        chosen => format!(" Ours: {chosen}."),
    };
    let mut rule = format!("{:?} at {}", row.rule, row.learning_rate);
    if let Some(fall) = row.fall_in_words() {
        rule += &format!(" and {fall}");
    }
    if let Some((later, rate)) = row.later {
        rule += &format!(", then {later:?} at {rate}");
    }
    format!(
        "- **{}**: {rule}, batches of {}, {} epochs. {}.{chosen}\n",
        row.id, row.batch_size, row.epochs, row.source
    )
}

/// The lines of every row.
fn lines(outcomes: &[Option<Outcome>]) -> Vec<Line> {
    let rows = ROWS.iter().zip(outcomes);
    let rows = rows.flat_map(|(row, outcome)| match outcome {
        Some(outcome) => trained(row, outcome),
        None => waiting(row),
    });
    rows.collect()
}

/// A line a figure; what they share stands in the first.
fn trained(row: &Row, outcome: &Outcome) -> Vec<Line> {
    let title = match outcome.conditions.precision.as_str() {
        precision if is_full(precision) => row.title.to_owned(),
        precision => format!("{}, {precision} precision", row.title),
    };
    let figures = outcome.figures.iter().enumerate();
    let line = |(position, figure): (usize, &super::outcome::Compared)| {
        let first = |text: String| if position == 0 { text } else { String::new() };
        let met = match (figure.against, figure.met) {
            _ if outcome.is_older => "older recipe",
            _ if outcome.conditions.quick => "cut short",
            (None, _) => "",
            (_, true) => "yes",
            (_, false) => "no",
        };
        [
            first(row.id.to_owned()),
            first(title.clone()),
            figure.figure.clone(),
            figure.published.clone(),
            figure.ours.map_or_else(|| "not finite".to_owned(), number),
            met.to_owned(),
            first(format!("{:.2}", outcome.seconds_per_epoch)),
            first(outcome.conditions.seed.to_string()),
        ]
    };
    figures.map(line).collect()
}

/// A row that has not been trained.
fn waiting(row: &Row) -> Vec<Line> {
    let targets = row.targets.iter().enumerate();
    let line = |(position, target): (usize, &super::row::Target)| {
        let first = |text: &str| {
            if position == 0 {
                text.to_owned()
            } else {
                String::new()
            }
        };
        [
            first(row.id),
            first(row.title),
            target.figure.name(),
            published(target.published, None),
            String::new(),
            "not yet run".to_owned(),
            String::new(),
            String::new(),
        ]
    };
    targets.map(line).collect()
}

/// A published value in words; `variances` is what the data say of themselves.
pub(super) fn published(published: Published, variances: Option<f64>) -> String {
    match (published, variances) {
        (Published::Value(value), _) => number(value),
        (Published::Milestone(value), _) => format!("{} (milestone)", number(value)),
        (Published::Between(low, high), _) => format!("{} to {}", number(low), number(high)),
        (Published::Variances, Some(value)) => number(value),
        (Published::Variances, None) => "Σ λᵢ, i > k".to_owned(),
        (Published::Unsaid, _) => String::new(),
    }
}

/// Four digits, as most sources give them.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.2}"),
        size if size >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
