//! Whole rows of a table, which can be read beside other pieces of it.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};

use ::csv::{ByteRecord, ReaderBuilder};

use super::guess::Format;
use super::layout::Slot;
use super::number::{Field, field, is_missing};
use super::text::text;
use crate::natural;
use crate::source::printable;

/// Bytes of a piece, if its rows are shorter.
const LENGTH: usize = 1 << 20;

/// Cuts what is read into pieces that end with a row.
pub(super) struct Pieces<R> {
    reader: R,
    separator: u8,
    /// What has been read and not been cut off.
    rest: Vec<u8>,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    pub(super) fn new(reader: R, separator: u8) -> Self {
        Self {
            reader,
            separator,
            rest: Vec::new(),
            ended: false,
        }
    }

    /// The next piece; `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        while !self.ended {
            let mut more = self.reader.by_ref().take(LENGTH as u64);
            self.ended = more.read_to_end(&mut self.rest)? == 0;
            if let Some(end) = self.last_end().filter(|_| !self.ended) {
                let mut rest = Vec::with_capacity(LENGTH + self.rest.len() - end);
                rest.extend(&self.rest[end..]);
                self.rest.truncate(end);
                return Ok(Some(std::mem::replace(&mut self.rest, rest)));
            }
        }
        let last = std::mem::take(&mut self.rest);
        Ok(Some(last).filter(|last| !last.is_empty()))
    }

    /// Where the last row that is whole ends.
    fn last_end(&self) -> Option<usize> {
        if !self.rest.contains(&b'"') {
            return self
                .rest
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map(|at| at + 1);
        }
        let (mut quoted, mut begins, mut end) = (false, true, None);
        for (at, &byte) in self.rest.iter().enumerate() {
            match byte {
                // Doubled, it closes and opens again.
                b'"' if quoted || begins => quoted = !quoted,
                b'\n' if !quoted => end = Some(at + 1),
                _ => {}
            }
            begins =
                !quoted && (byte == self.separator || matches!(byte, b'\n' | b'\r' | b' ' | b'"'));
        }
        end
    }
}

/// How to read a piece.
pub(super) struct Plan {
    pub(super) format: Format,
    /// What becomes of each field of a row.
    pub(super) slots: Vec<Slot>,
    pub(super) features: usize,
    /// Whether numbers may be missing.
    pub(super) may_miss: bool,
    /// Of each feature its words: none of numbers, and an empty list where they are to be found.
    pub(super) words: Vec<Option<Vec<String>>>,
    /// The only labels that there may be, if they are known.
    pub(super) classes: Option<HashSet<String>>,
}

/// What the rows of a piece hold.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) rows: usize,
    pub(super) values: Vec<f64>,
    /// The label of every row, as a position in `known`.
    pub(super) labels: Vec<u32>,
    pub(super) known: Vec<String>,
    /// The words of each feature that are not known before, value 0 first; empty of others.
    pub(super) words: Vec<Vec<String>>,
    pub(super) ids: Vec<String>,
    /// Whether some text was not UTF-8.
    pub(super) latin: bool,
    /// The first field that is not as it should be.
    pub(super) fault: Option<Fault>,
    /// Ends of lines.
    pub(super) lines: u64,
}

/// A field that is not as it should be.
#[derive(Debug)]
pub(super) struct Fault {
    /// Counted from 1, in the piece.
    pub(super) line: u64,
    pub(super) column: usize,
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) hint: &'static str,
}

impl Plan {
    /// Reads the rows of a piece, of which the first may be a header.
    pub(super) fn read(&self, bytes: &[u8], header: bool) -> Piece {
        let squeezed = (self.format.separator == b' ').then(|| squeezed(bytes));
        let mut piece = Piece {
            lines: bytes.iter().filter(|&&byte| byte == b'\n').count() as u64,
            words: vec![Vec::new(); self.counted()],
            ..Piece::default()
        };
        piece
            .values
            .reserve(bytes.len().min(piece.lines as usize * self.features));
        let mut rows = Rows {
            plan: self,
            piece: &mut piece,
            known: HashMap::new(),
            words: vec![HashMap::new(); self.counted()],
            skip: header,
        };
        let bytes = squeezed.as_deref().unwrap_or(bytes);
        match is_plain(bytes) {
            true => rows.plain(bytes),
            false => rows.quoted(bytes),
        }
        piece.values.shrink_to_fit();
        piece
    }

    /// Features of which words are counted: none, if all are numbers.
    fn counted(&self) -> usize {
        match self.words.iter().any(Option::is_some) {
            true => self.features,
            false => 0,
        }
    }

    fn check_label(
        &self,
        bytes: &[u8],
        label: &str,
        line: u64,
        column: usize,
    ) -> Result<(), Fault> {
        let (found, expected) = match &self.classes {
            _ if bytes.is_empty() => ("an empty label".to_owned(), "a label".to_owned()),
            Some(classes) if !classes.contains(label) => (
                format!("the label {:?}", printable(label)),
                format!("one of {}", in_order(classes)),
            ),
            _ => return Ok(()),
        };
        Err(Fault {
            line,
            column,
            found,
            expected,
            hint: "write the label, leave the row out, or read the table without labels (--drop and the column)",
        })
    }

    fn no_number(&self, bytes: &[u8], kind: Field, line: u64, column: usize) -> Fault {
        let text = text(bytes).0;
        let other = if self.format.decimal == b',' {
            b'.'
        } else {
            b','
        };
        let hint = match kind {
            Field::Missing => {
                "try --missing mean, median or mask, or leave the row or column (--drop) out"
            }
            _ if matches!(field(bytes, other), Field::Number(_)) => {
                "choose the decimal mark with --decimal"
            }
            _ => {
                "correct it, leave the row or column out (--drop), or name the column as --label-column or --id-column"
            }
        };
        Fault {
            line,
            column,
            found: match bytes {
                [] => "an empty field".into(),
                _ => format!("\"{}\"", printable(&text)),
            },
            expected: "a finite number".into(),
            hint,
        }
    }

    fn ragged(&self, fields: usize, line: u64) -> Fault {
        Fault {
            line,
            column: fields.min(self.slots.len()),
            found: format!(
                "a row of {fields} fields between {}",
                Format::named(self.format.separator)
            ),
            expected: format!("{} as in the first row", self.slots.len()),
            hint: "quote fields that hold the separator, or choose another with --separator",
        }
    }
}

/// Whether lines are rows and separators end fields: no quotes, and no ends of lines but the usual.
fn is_plain(bytes: &[u8]) -> bool {
    let is_alone = |at: usize| bytes.get(at + 1) != Some(&b'\n');
    let mut returns = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\r');
    !bytes.contains(&b'"') && (!bytes.contains(&b'\r') || !returns.any(|(at, _)| is_alone(at)))
}

/// The rows of a piece, being read.
struct Rows<'a> {
    plan: &'a Plan,
    piece: &'a mut Piece,
    /// Where each label stands in the piece.
    known: HashMap<String, u32>,
    /// Where each word of a feature stands in the piece, or among those that are known.
    words: Vec<HashMap<String, u32>>,
    /// Whether the next row is a header.
    skip: bool,
}

impl Rows<'_> {
    /// Reads rows without quotes, which takes no more than looking for separators.
    fn plain(&mut self, bytes: &[u8]) {
        let separator = self.plan.format.separator;
        for (line, row) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            let row = row.strip_suffix(b"\r").unwrap_or(row);
            if row.is_empty() {
                continue;
            }
            let fields = row.split(|&byte| byte == separator);
            if !self.push(fields, line) {
                break;
            }
        }
    }

    /// Reads any rows.
    fn quoted(&mut self, bytes: &[u8]) {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.plan.format.separator)
            .from_reader(bytes);
        let mut row = ByteRecord::new();
        // From bytes in memory nothing can fail but rows of different lengths, which may be.
        while matches!(reader.read_byte_record(&mut row), Ok(true)) {
            let line = row.position().map_or(0, ::csv::Position::line);
            if !self.push(row.iter(), line) {
                break;
            }
        }
    }

    /// Adds a row; whether it is as it should be.
    fn push<'r>(&mut self, mut fields: impl Iterator<Item = &'r [u8]> + Clone, line: u64) -> bool {
        let is_blank = |mut fields: std::iter::Take<_>| {
            let first: Option<&[u8]> = fields.next();
            first.is_some_and(|field| field.trim_ascii().is_empty()) && fields.next().is_none()
        };
        let blank = self.plan.slots.len() > 1 && is_blank(fields.clone().take(2));
        if std::mem::take(&mut self.skip) || blank {
            return true;
        }
        let all = fields.clone();
        let row = self.fields(&mut fields, line);
        let fault = match row {
            Ok(count) if count == self.plan.slots.len() => None,
            // A field in the place of another is not what is wrong with a row of another length.
            fault => match (all.count(), fault) {
                (count, Err(fault)) if count == self.plan.slots.len() => Some(fault),
                (count, _) => Some(self.plan.ragged(count, line)),
            },
        };
        self.piece.rows += usize::from(fault.is_none());
        self.piece.fault = fault;
        self.piece.fault.is_none()
    }

    /// Adds the fields of a row, as far as there are columns for them; how many there were.
    fn fields<'r>(
        &mut self,
        fields: &mut impl Iterator<Item = &'r [u8]>,
        line: u64,
    ) -> Result<usize, Fault> {
        let (plan, start) = (self.plan, self.piece.values.len());
        self.piece.values.resize(start + plan.features, f64::NAN);
        let mut count = 0;
        for (column, bytes) in fields.enumerate() {
            count += 1;
            let bytes = bytes.trim_ascii();
            match plan.slots.get(column) {
                None | Some(Slot::LeftOut) => {}
                Some(Slot::Feature(at)) if plan.words[*at].is_some() => {
                    if let Some(number) = self.word(bytes, *at, line, column)? {
                        self.piece.values[start + at] = f64::from(number);
                    }
                }
                Some(Slot::Feature(at)) => match field(bytes, plan.format.decimal) {
                    Field::Number(value) => self.piece.values[start + at] = value,
                    Field::Missing if plan.may_miss => {}
                    kind => return Err(plan.no_number(bytes, kind, line, column)),
                },
                Some(Slot::Id) => {
                    let (text, utf8) = text(bytes);
                    self.piece.latin |= !utf8;
                    self.piece.ids.push(text.into_owned());
                }
                Some(Slot::Label) => self.label(bytes, line, column)?,
            }
        }
        Ok(count)
    }

    fn label(&mut self, bytes: &[u8], line: u64, column: usize) -> Result<(), Fault> {
        let (text, utf8) = text(bytes);
        self.piece.latin |= !utf8;
        let label = class(&text);
        self.plan.check_label(bytes, label, line, column)?;
        let number = number_of(label, &mut self.known, &mut self.piece.known);
        self.piece.labels.push(number);
        Ok(())
    }

    /// The number of a word of a feature, unless it is missing and may be.
    fn word(
        &mut self,
        bytes: &[u8],
        feature: usize,
        line: u64,
        column: usize,
    ) -> Result<Option<u32>, Fault> {
        let plan = self.plan;
        if is_missing(bytes) {
            let fault = || plan.no_number(bytes, Field::Missing, line, column);
            return if plan.may_miss {
                Ok(None)
            } else {
                Err(fault())
            };
        }
        let (text, utf8) = text(bytes);
        self.piece.latin |= !utf8;
        let word = class(&text);
        let known = plan.words[feature].as_deref().unwrap_or_default();
        if known.is_empty() {
            let words = &mut self.piece.words[feature];
            return Ok(Some(number_of(word, &mut self.words[feature], words)));
        }
        let number = known.iter().position(|own| own == word);
        let number = number.ok_or_else(|| Fault {
            line,
            column,
            found: format!("\"{}\"", printable(word)),
            expected: format!("one of {}", super::layout::listed(known.to_vec())),
            hint: "the model knows the words that it was trained on; correct it, or leave the row out",
        })?;
        Ok(Some(number as u32))
    }
}

/// The number of a text among those that there are, to which it is added if it is new.
fn number_of(text: &str, numbers: &mut HashMap<String, u32>, names: &mut Vec<String>) -> u32 {
    if let Some(&number) = numbers.get(text) {
        return number;
    }
    let number = names.len() as u32;
    names.push(text.into());
    numbers.insert(text.into(), number);
    number
}

/// The first few of some labels.
fn in_order(classes: &HashSet<String>) -> String {
    let mut names: Vec<String> = classes.iter().cloned().collect();
    names.sort_by(|a, b| natural::order(a, b));
    super::layout::listed(names)
}

/// A label, of which whole numbers are written as such: tables that had gaps have `1.0` for `1`.
fn class(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros))
            if !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0')
                && whole.parse::<i64>().is_ok() =>
        {
            whole
        }
        _ => text,
    }
}

/// The text with one blank for each run of them outside of quotes, and none at either end of a line.
pub(super) fn squeezed(text: &[u8]) -> Vec<u8> {
    let (mut out, mut quoted) = (Vec::with_capacity(text.len()), false);
    for &byte in text {
        let blank = !quoted && matches!(byte, b' ' | b'\t');
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if out.last() == Some(&b' ') && !quoted => {
                out.pop();
            }
            _ => {}
        }
        if !blank {
            out.push(byte);
        } else if !matches!(out.last(), None | Some(b' ' | b'\n' | b'\r')) {
            out.push(b' ');
        }
    }
    if out.last() == Some(&b' ') {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_with_rows_and_lose_nothing() {
        let row = "1.25,\"two\nlines, \"\"quoted\"\"\",3\n";
        let text = row.repeat(3 * LENGTH / row.len());
        let mut pieces = Pieces::new(text.as_bytes(), b',');
        let (mut whole, mut count) = (Vec::new(), 0);
        while let Some(piece) = pieces.next().expect("memory") {
            assert!(piece.len() % row.len() == 0, "{}", piece.len());
            whole.extend(piece);
            count += 1;
        }
        assert_eq!(whole, text.as_bytes());
        assert!(count > 2);
    }

    #[test]
    fn blanks_are_one() {
        assert_eq!(
            squeezed(b"  1   2 \n\t3 \" 4  5\"\t6\n "),
            b"1 2\n3 \" 4  5\" 6\n"
        );
    }
}
