//! Tables of numbers as text: a row a line, its fields between commas.
//!
//! ```text
//! sepal length,sepal width,label
//! 5.1,3.5,setosa
//! 6.2,2.9,"versicolor"
//! ```
//!
//! Every field is a finite number, but for those of the columns of labels and ids, which may be
//! words, and of features that are said to be words: these are numbered from 0 in natural order. What
//! stands between fields and before decimals, and whether the first row names the columns, is seen from
//! the first rows ([how](self::guess)).
//!
//! The text is cut into pieces of whole rows, which are read side by side. A row needs memory in
//! proportion to its text, so a table costs a few times its file at most, and once its text is longer
//! than its numbers, no more than those and a few pieces.

mod guess;
mod layout;
mod number;
mod piece;
mod reading;
mod text;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::dataset::Dataset;
use crate::error::DatasetError;
use crate::source::{BYTES, GZIP_MAGIC, open_file, printable, unreadable};
use crate::table::Table;
use guess::Format;
use layout::{Columns, Slot};
pub use layout::{Layout, Role};
use number::Field;
use piece::{Pieces, Plan};
use reading::Reading;

/// How a table is written down, as far as it cannot be seen.
///
/// ```no_run
/// use retrograd_datasets::{CsvReader, LabelColumn};
///
/// let iris = CsvReader::new()
///     .labels(LabelColumn::Name("species".into()))
///     .read("iris.csv")?;
/// assert_eq!(iris.classes, ["setosa", "versicolor", "virginica"]);
/// # Ok::<(), retrograd_datasets::DatasetError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CsvReader {
    header: Option<bool>,
    separator: Option<u8>,
    decimal: Option<u8>,
    labels: LabelColumn,
    id: Option<String>,
    drop: Vec<String>,
    only: Option<Vec<String>>,
    like: Option<Layout>,
    classes: Option<Vec<String>>,
    missing: bool,
    words: Vec<String>,
}

/// Which column of a table says what a sample is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelColumn {
    /// The one called `label`, `labels`, `class` or `target`, in any case; none without a header, and
    /// none that holds measurements.
    #[default]
    Guess,
    /// None: every column is a feature.
    None,
    /// The one of this name in the header; without one, at this position, counted from 1.
    Name(String),
    /// The one at this position, counted from 0.
    Index(usize),
}

impl CsvReader {
    /// A reader that looks for everything in the file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the first row names the columns.
    #[must_use]
    pub fn header(self, header: bool) -> Self {
        Self {
            header: Some(header),
            ..self
        }
    }

    /// The byte between fields, such as `b';'`; a blank stands for any number of them.
    #[must_use]
    pub fn separator(self, separator: u8) -> Self {
        Self {
            separator: Some(separator),
            ..self
        }
    }

    /// The byte before decimals: `b'.'` or `b','`.
    #[must_use]
    pub fn decimal(self, decimal: u8) -> Self {
        Self {
            decimal: Some(decimal),
            ..self
        }
    }

    /// Which column holds labels. Integers from 0 on are taken as they are; anything else is words,
    /// which are numbered in natural order.
    #[must_use]
    pub fn labels(self, labels: LabelColumn) -> Self {
        Self { labels, ..self }
    }

    /// The column of what samples go by, which is carried along and is no feature.
    #[must_use]
    pub fn id(self, column: impl Into<String>) -> Self {
        Self {
            id: Some(column.into()),
            ..self
        }
    }

    /// Columns to leave out.
    #[must_use]
    pub fn without(self, columns: Vec<String>) -> Self {
        Self {
            drop: columns,
            ..self
        }
    }

    /// The only columns to take as features.
    #[must_use]
    pub fn only(self, columns: Vec<String>) -> Self {
        Self {
            only: Some(columns),
            ..self
        }
    }

    /// Features that are words: their values are numbers from 0, in natural order.
    #[must_use]
    pub fn words(self, columns: Vec<String>) -> Self {
        Self {
            words: columns,
            ..self
        }
    }

    /// The columns that another table had, with its words: found by their names, in its order; by
    /// position where one of both has no names.
    #[must_use]
    pub fn like(self, layout: Layout) -> Self {
        Self {
            like: Some(layout),
            ..self
        }
    }

    /// The only labels that there may be, in their order.
    #[must_use]
    pub fn classes(self, classes: Vec<String>) -> Self {
        Self {
            classes: Some(classes),
            ..self
        }
    }

    /// Whether numbers may be missing, which a [`Table`] has NaN for: fields that are empty, or a
    /// word for it such as `NA`.
    #[must_use]
    pub fn missing(self, missing: bool) -> Self {
        Self { missing, ..self }
    }

    /// Whether numbers may be missing.
    pub(crate) fn may_miss(&self) -> bool {
        self.missing
    }

    /// Reads the table at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, has no rows, a row of more or fewer fields than the first, or a
    /// field that is no finite number, which is named by line and column; if a column that is named
    /// does not exist. See [`DatasetError`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Dataset, DatasetError> {
        Ok(self.read_table(path)?.scaled(None))
    }

    /// Reads the table at `path`, with all digits of its numbers.
    ///
    /// # Errors
    /// As for [`CsvReader::read`].
    pub fn read_table(&self, path: impl AsRef<Path>) -> Result<Table, DatasetError> {
        let path = path.as_ref();
        self.read_file(path, open_file(path)?.0)
    }

    /// The table in the bytes of a file.
    ///
    /// # Errors
    /// As for [`CsvReader::read`]; the path in the error is `<bytes>`.
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Dataset, DatasetError> {
        Ok(self.read_from(Path::new(BYTES), bytes)?.scaled(None))
    }

    /// The table in a file, which may be compressed.
    pub(crate) fn read_file(
        &self,
        path: &Path,
        mut file: BufReader<File>,
    ) -> Result<Table, DatasetError> {
        let start = beginning(path, &mut file, GZIP_MAGIC.len() as u64)?;
        if start.starts_with(&GZIP_MAGIC) {
            let packed = MultiGzDecoder::new(Cursor::new(start).chain(file));
            return self.read_from(path, packed);
        }
        self.read_from(path, Cursor::new(start).chain(file))
    }

    fn read_from(&self, path: &Path, mut reader: impl Read + Send) -> Result<Table, DatasetError> {
        let mut start = beginning(path, &mut reader, LOOKED_AT)?;
        let mut notes = Vec::new();
        if let Some(order) = text::Utf16::of(&start) {
            reader
                .read_to_end(&mut start)
                .map_err(|cause| failed(path, cause))?;
            notes.push("the text is UTF-16".to_owned());
            let text = order.decode(&start).into_bytes();
            return self.read_text(path, &text[..], Vec::new(), notes);
        }
        self.read_text(path, reader, start, notes)
    }

    /// The table in text that begins with `start`, or with what of it there is.
    fn read_text(
        &self,
        path: &Path,
        mut reader: impl Read + Send,
        start: Vec<u8>,
        mut notes: Vec<String>,
    ) -> Result<Table, DatasetError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let mut start = match start.is_empty() {
            true => beginning(path, &mut reader, LOOKED_AT)?,
            false => start,
        };
        if start.starts_with(MARK) {
            start.drain(..MARK.len());
        }
        let mut ended = (start.len() as u64) + 3 < LOOKED_AT;
        while is_short(&start) && !ended {
            let more = beginning(path, &mut reader, start.len() as u64)?;
            ended = more.is_empty();
            start.extend(more);
        }
        // A row that may be cut is not looked at, unless there is no other.
        let whole = match start.iter().rposition(|&byte| byte == b'\n') {
            Some(end) if !ended => &start[..end],
            _ => &start[..],
        };
        let (format, note) = Format::guess(whole, self.separator, self.decimal);
        notes.extend(note.map(str::to_owned));
        let rows = guess::records(whole, format.separator);
        let (header, doubtful) = match self.header {
            Some(header) => (header, false),
            None => guess::is_header(&rows, format.decimal),
        };
        if doubtful {
            notes.push(guess::YEARS.to_owned());
        }
        let (layout, plan) = self.plan(path, format, &rows, header, &mut notes)?;
        let pieces = Pieces::new(Cursor::new(start).chain(reader), format.separator);
        let mut reading = Reading::new(path, &layout, &plan);
        reading.read(pieces, header)?;
        reading.finish(self.classes.as_deref(), layout.clone(), header, notes)
    }

    /// What becomes of the columns, from their names and first rows.
    fn plan(
        &self,
        path: &Path,
        format: Format,
        rows: &[Vec<Vec<u8>>],
        header: bool,
        notes: &mut Vec<String>,
    ) -> Result<(Layout, Plan), DatasetError> {
        let (names, body) = match rows {
            [first, body @ ..] if header => (names(first), body),
            body => (Vec::new(), body),
        };
        let width = rows.first().map_or(0, Vec::len);
        let kinds: Vec<Kind> = (0..width)
            .map(|column| Kind::of(body, column, format))
            .collect();
        let unnamed = |column: usize| names.get(column).is_none_or(String::is_empty);
        let columns = Columns {
            path,
            continuous: kinds.iter().map(|kind| kind.continuous).collect(),
            empty: kinds
                .iter()
                .enumerate()
                .map(|(column, kind)| kind.empty && unnamed(column))
                .collect(),
            layout: Layout::of(&named(names), width),
        };
        let named = self
            .words
            .iter()
            .map(|name| columns.wanted(name, "--words"));
        let named = named.collect::<Result<Vec<usize>, _>>()?;
        let (layout, slots) = columns.resolve(self, notes)?;
        let words = self.words_of(path, &layout, &slots, &named)?;
        let is_text = |&column: &usize| match slots[column] {
            Slot::Feature(at) => words[at].is_none() && kinds[column].text.is_some(),
            _ => false,
        };
        let texts: Vec<usize> = (0..width).filter(is_text).collect();
        if !texts.is_empty() {
            return Err(no_numbers(
                path,
                &layout,
                &texts,
                &kinds,
                body.len(),
                rows.len(),
            ));
        }
        let features = layout.count(Role::Feature);
        let plan = Plan {
            format,
            slots,
            features,
            may_miss: self.missing,
            words,
            classes: self
                .classes
                .as_ref()
                .map(|classes| classes.iter().cloned().collect()),
        };
        Ok((layout, plan))
    }

    /// Of each feature its words: none of numbers, and no list where they are still to be found.
    fn words_of(
        &self,
        path: &Path,
        layout: &Layout,
        slots: &[Slot],
        named: &[usize],
    ) -> Result<Vec<Option<Vec<String>>>, DatasetError> {
        let mut words = vec![None; layout.count(Role::Feature)];
        for &column in named {
            let Slot::Feature(at) = slots[column] else {
                return Err(DatasetError::Unsupported {
                    path: path.into(),
                    found: format!(
                        "column {} for words, which is no feature",
                        layout.name(column)
                    ),
                    expected: "a column that is neither label, id nor left out".into(),
                    hint: "leave it out of --words",
                });
            };
            words[at] = Some(Vec::new());
        }
        if let Some(like) = &self.like {
            let known = like.feature_words().into_iter();
            words = known
                .map(|known| (!known.is_empty()).then(|| known.to_vec()))
                .collect();
        }
        Ok(words)
    }
}

/// Bytes from which the format is seen.
const LOOKED_AT: u64 = 64 * 1024;
/// Ends of lines among them, so that a wide table shows some whole rows.
const LINES: usize = 4;

/// The first bytes.
fn beginning(path: &Path, reader: &mut impl Read, most: u64) -> Result<Vec<u8>, DatasetError> {
    let mut start = Vec::new();
    let read = reader.take(most).read_to_end(&mut start);
    read.map_err(|cause| failed(path, cause))?;
    Ok(start)
}

/// Whether this is the beginning of text of which more must be seen: it has hardly a whole row.
fn is_short(start: &[u8]) -> bool {
    let ends = start.iter().filter(|&&byte| byte == b'\n').take(LINES);
    start.len() as u64 >= LOOKED_AT && ends.count() < LINES
}

/// Texts of a header.
fn names(row: &[Vec<u8>]) -> Vec<String> {
    row.iter()
        .map(|field| text::text(field).0.into_owned())
        .collect()
}

/// Names of which each occurs once: those that are empty are their position, others of the same name
/// get a number.
fn named(names: Vec<String>) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    let mut taken = std::collections::HashSet::new();
    for (column, name) in names.into_iter().enumerate() {
        let name = if name.is_empty() {
            format!("column {}", column + 1)
        } else {
            name
        };
        let others = (2..).map(|number| format!("{name} ({number})"));
        let own = std::iter::once(name.clone()).chain(others);
        let free = own
            .into_iter()
            .find(|name| !taken.contains(name))
            .unwrap_or(name);
        taken.insert(free.clone());
        named.push(free);
    }
    named
}

/// What a column holds in the first rows.
struct Kind {
    /// The first field that is text, and its row, if more are text than numbers.
    text: Option<(usize, String)>,
    /// Numbers with decimals, or integers that hardly repeat.
    continuous: bool,
    empty: bool,
}

impl Kind {
    fn of(body: &[Vec<Vec<u8>>], column: usize, format: Format) -> Self {
        /// Integers that make measurements if most of them differ.
        const MANY: usize = 20;
        let cells: Vec<&[u8]> = body
            .iter()
            .filter_map(|row| row.get(column))
            .map(|c| &c[..])
            .collect();
        let fields: Vec<Field> = cells
            .iter()
            .map(|cell| number::field(cell, format.decimal))
            .collect();
        let mut numbers: Vec<f64> = fields
            .iter()
            .filter_map(|field| match field {
                Field::Number(number) => Some(*number),
                _ => None,
            })
            .collect();
        let texts = fields.iter().filter(|field| **field == Field::Text).count();
        let first = fields.iter().position(|field| *field == Field::Text);
        let (count, whole) = (numbers.len(), numbers.iter().all(|x| x.fract() == 0.0));
        numbers.sort_unstable_by(f64::total_cmp);
        numbers.dedup();
        Self {
            text: first
                .filter(|_| texts > count)
                .map(|row| (row, printable(&text::text(cells[row]).0))),
            continuous: texts == 0
                && count > 0
                && (!whole || (count >= MANY && 2 * numbers.len() > count)),
            empty: !cells.is_empty() && cells.iter().all(|cell| cell.is_empty()),
        }
    }
}

/// What to say of columns of text, all at once.
fn no_numbers(
    path: &Path,
    layout: &Layout,
    texts: &[usize],
    kinds: &[Kind],
    body: usize,
    rows: usize,
) -> DatasetError {
    let shown = texts.iter().map(|&column| {
        let (row, text) = kinds[column].text.clone().unwrap_or_default();
        let line = 1 + row + (rows - body);
        match layout.names.get(column) {
            Some(name) => format!(
                "column {} ({}: line {line} has \"{text}\")",
                column + 1,
                printable(name)
            ),
            None => format!("column {} (line {line} has \"{text}\")", column + 1),
        }
    });
    let names: Vec<String> = texts.iter().map(|&column| layout.name(column)).collect();
    DatasetError::Unsupported {
        path: path.into(),
        found: format!("text in {}", layout::listed(shown.collect())),
        expected: format!(
            "numbers, or --drop {}",
            layout::listed(names).replace(", ", ",")
        ),
        hint: "--words takes them for categories, --label-column or --id-column one of them; if these are not its columns, give --separator",
    }
}

fn failed(path: &Path, cause: io::Error) -> DatasetError {
    match cause.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            DatasetError::CorruptGzip {
                path: path.into(),
                cause,
            }
        }
        _ => unreadable(path, cause),
    }
}
