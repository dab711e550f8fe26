//! What separates the fields of a table, and whether its first row names them.
//!
//! Every candidate cuts the first rows into fields. The one that wins leaves the most numbers in rows
//! of one length: a comma in a name, or in the decimals of a German spreadsheet, does neither.

use ::csv::{ByteRecord, ReaderBuilder};

use super::number::{Field, field, number};
use super::piece::squeezed;

/// Rows that are looked at.
const ROWS: usize = 200;

/// What stands between fields, and before decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// A blank stands for any number of them.
    pub(super) separator: u8,
    pub(super) decimal: u8,
}

/// In the order in which they win if nothing else decides.
const CANDIDATES: [(u8, u8); 9] = [
    (b'\t', b'.'),
    (b';', b'.'),
    (b'|', b'.'),
    (b',', b'.'),
    (b'\t', b','),
    (b';', b','),
    (b'|', b','),
    (b' ', b'.'),
    (b' ', b','),
];

/// A first row that is a header only by a guess.
pub(super) const YEARS: &str = "the first row is taken for names, since its numbers follow each other and those below do not; --header no reads it as numbers";

impl Format {
    /// What this byte is called.
    pub(super) fn named(byte: u8) -> String {
        match byte {
            b'\t' => "tabs".into(),
            b' ' => "blanks".into(),
            b',' => "commas".into(),
            b';' => "semicolons".into(),
            b'|' => "bars".into(),
            other => format!("{:?}", char::from(other)),
        }
    }

    /// The format of text that begins so, as far as it is not known; and what to say of it.
    pub(super) fn guess(
        start: &[u8],
        separator: Option<u8>,
        decimal: Option<u8>,
    ) -> (Self, Option<&'static str>) {
        let fits = |(own, mark): &(u8, u8)| {
            separator.is_none_or(|s| s == *own) && decimal.is_none_or(|d| d == *mark)
        };
        let mut candidates: Vec<(u8, u8)> = CANDIDATES.into_iter().filter(fits).collect();
        if let Some(separator) = separator.filter(|_| candidates.is_empty()) {
            candidates.push((separator, decimal.unwrap_or(b'.')));
            candidates.push((separator, decimal.unwrap_or(b',')));
        }
        let mut best: Option<(f64, Self)> = None;
        let mut consider = |score: f64, format| {
            if best.is_none_or(|(own, _)| score > own + 1e-9) {
                best = Some((score, format));
            }
        };
        for (separator, decimal) in candidates {
            let format = Self { separator, decimal };
            let rows = records(start, separator);
            if rows.iter().any(|row| row.len() > 1) && separator != decimal {
                consider(format.score(&rows), format);
            }
        }
        if separator.is_none() {
            // One column. A byte that no table holds leaves each line whole.
            let rows = records(start, 0);
            for decimal in [b'.', b','] {
                let format = Self {
                    separator: b';',
                    decimal,
                };
                consider(format.score(&rows), format);
            }
            if decimal.is_none() && has_decimals_alone(&rows) {
                return (
                    Self {
                        separator: b';',
                        decimal: b',',
                    },
                    None,
                );
            }
        }
        let plain = Self {
            separator: separator.unwrap_or(b','),
            decimal: decimal.unwrap_or(b'.'),
        };
        let format = best
            .filter(|(score, _)| *score > 0.0)
            .map_or(plain, |(_, format)| format);
        let doubtful = format.separator == b',' && separator.is_none() && two_numbers(start);
        let note = "two integers a row between commas; if they are the halves of one number, --decimal , reads it";
        (format, doubtful.then_some(note))
    }

    /// The share of numbers in the rows after the first, times that of rows as long as most.
    fn score(self, rows: &[Vec<Vec<u8>>]) -> f64 {
        let body = if rows.len() > 1 { &rows[1..] } else { rows };
        let mut lengths: Vec<usize> = body.iter().map(Vec::len).collect();
        lengths.sort_unstable();
        let usual = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
        let alike = rows.iter().filter(|row| row.len() == usual).count();
        let fields = body.iter().flatten();
        let known = fields
            .clone()
            .filter(|f| field(f, self.decimal) != Field::Text);
        let shares = [
            known.count() as f64 / fields.count().max(1) as f64,
            alike as f64 / rows.len().max(1) as f64,
        ];
        // Words alone, in rows of one length, are a table still.
        (shares[0] + 0.01) * shares[1]
    }
}

/// The first rows of fields, trimmed, without the last if it may be cut.
pub(super) fn records(start: &[u8], separator: u8) -> Vec<Vec<Vec<u8>>> {
    let text = if separator == b' ' {
        squeezed(start)
    } else {
        start.to_vec()
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .quoting(separator != 0)
        .from_reader(&text[..]);
    let mut rows = Vec::new();
    let mut row = ByteRecord::new();
    while rows.len() < ROWS && matches!(reader.read_byte_record(&mut row), Ok(true)) {
        if !(row.len() == 1 && row[0].trim_ascii().is_empty()) {
            rows.push(
                row.iter()
                    .map(|field| field.trim_ascii().to_vec())
                    .collect(),
            );
        }
    }
    rows
}

/// Whether every row is two runs of digits with a comma between, of which some second one cannot be
/// a number of its own: it begins with a 0.
fn has_decimals_alone(rows: &[Vec<Vec<u8>>]) -> bool {
    let halves = |row: &Vec<Vec<u8>>| match &row[..] {
        [one] => halves(one).map(|(_, second)| second.len() > 1 && second[0] == b'0'),
        _ => None,
    };
    let body = if rows.len() > 1 { &rows[1..] } else { rows };
    let found: Option<Vec<bool>> = body.iter().map(halves).collect();
    found.is_some_and(|found| found.contains(&true))
}

/// Whether every row is two runs of digits with a comma between.
fn two_numbers(start: &[u8]) -> bool {
    let rows = records(start, 0);
    let body = if rows.len() > 1 { &rows[1..] } else { &rows };
    !body.is_empty()
        && body
            .iter()
            .all(|row| row.len() == 1 && halves(&row[0]).is_some())
}

fn halves(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|&byte| byte == b',')?;
    let (first, second) = (&line[..at], &line[at + 1..]);
    let digits = |half: &[u8]| !half.is_empty() && half.iter().all(u8::is_ascii_digit);
    let first_digits = first.strip_prefix(b"-").unwrap_or(first);
    (digits(first_digits) && digits(second)).then_some((first, second))
}

/// Whether the first row names the columns, and whether that is doubtful.
pub(super) fn is_header(rows: &[Vec<Vec<u8>>], decimal: u8) -> (bool, bool) {
    let [first, body @ ..] = rows else {
        return (false, false);
    };
    let kind = |text: &[u8]| field(text, decimal);
    if body.is_empty() {
        return (first.iter().all(|text| kind(text) == Field::Text), false);
    }
    let numbers = |column: usize| {
        let cells = body.iter().filter_map(|row| row.get(column));
        let kinds: Vec<Field> = cells.map(|cell| kind(cell)).collect();
        let any = kinds.iter().any(|kind| matches!(kind, Field::Number(_)));
        any && !kinds.contains(&Field::Text)
    };
    let numeric: Vec<usize> = (0..first.len()).filter(|&column| numbers(column)).collect();
    if numeric
        .iter()
        .any(|&column| kind(&first[column]) == Field::Text)
    {
        return (true, false);
    }
    if numeric.is_empty() {
        return (first.iter().all(|text| kind(text) == Field::Text), false);
    }
    let others = body.iter().filter(|row| follow(row, &numeric, decimal));
    let years = follow(first, &numeric, decimal)
        && 2 * others.count() <= body.len()
        && are_elsewhere(first, body, &numeric, decimal);
    (years, years)
}

/// Whether these fields are integers of which each is one more than that before.
fn follow(row: &[Vec<u8>], columns: &[usize], decimal: u8) -> bool {
    let values = columns
        .iter()
        .map(|&column| number(row.get(column)?, decimal));
    let values: Option<Vec<f64>> = values.collect();
    values.is_some_and(|values| {
        let integers = values
            .iter()
            .all(|value| value.fract() == 0.0 && *value >= 0.0);
        values.len() > 1 && integers && values.windows(2).all(|pair| pair[1] == pair[0] + 1.0)
    })
}

/// Whether the others have decimals, or none of them is near the first row's in any column.
fn are_elsewhere(first: &[Vec<u8>], body: &[Vec<Vec<u8>>], columns: &[usize], decimal: u8) -> bool {
    let value = |row: &[Vec<u8>], column: usize| number(row.get(column)?, decimal);
    let decimals = |row: &Vec<Vec<u8>>| {
        let values = columns.iter().filter_map(|&column| value(row, column));
        values.into_iter().any(|value| value.fract() != 0.0)
    };
    let outside = |&column: &usize| {
        let values = body.iter().filter_map(|row| value(row, column));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        value(first, column).is_some_and(|own| own < low || own > high)
    };
    body.iter().any(decimals) || columns.iter().all(outside)
}
