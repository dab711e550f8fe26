//! Tables of numbers as text: a row a line, its fields between commas.
//!
//! ```text
//! sepal length,sepal width,label
//! 5.1,3.5,setosa
//! 6.2,2.9,"versicolor"
//! ```
//!
//! Every field is a finite number, but for those of the columns of labels and ids, which may be
//! words, and of features that are said to be words: these are numbered from 0 in natural order. What stands between fields and before decimals, and whether the first row names the
//! columns, is seen from the first rows ([how](self::guess)).
//!
//! The text is cut into pieces of whole rows, which are read side by side. A row needs memory in
//! proportion to its text, so a table costs a few times its file at most, and once its text is longer
//! than its numbers, no more than those and a few pieces.

mod guess;
mod layout;
mod number;
mod piece;
mod text;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rayon::prelude::*;
use retrograd_tensor::Array;

use crate::dataset::Dataset;
use crate::error::DatasetError;
use crate::natural;
use crate::samples::stem;
use crate::source::{BYTES, GZIP_MAGIC, open_file, printable, unreadable};
use crate::table::Table;
use guess::Format;
use layout::{Columns, Slot};
pub use layout::{Layout, Role};
use number::Field;
use piece::{Fault, Piece, Pieces, Plan};

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

    /// The columns that another table had, with its words: found by their names, in its order; by position where
    /// one of both has no names.
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

/// Numbers of a block, of 32 MB: what is as large, an allocator gives back when it is let go of, and
/// keeps what is smaller.
const BLOCK: usize = 1 << 22;
/// Pieces for each thread that are read at a time.
const AT_ONCE: usize = 2;
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

/// Puts numbers to those that there are, in blocks as large as they may be.
fn keep(blocks: &mut Vec<Vec<f64>>, values: Vec<f64>) {
    match blocks.last_mut() {
        None => blocks.push(values),
        Some(last) if last.len() + values.len() <= BLOCK => last.extend(values),
        Some(_) => {
            let mut block = Vec::with_capacity(BLOCK.max(values.len()));
            block.extend(values);
            blocks.push(block);
        }
    }
}

/// What has been read so far.
struct Reading<'a> {
    path: &'a Path,
    layout: &'a Layout,
    plan: &'a Plan,
    rows: usize,
    /// Lines before the next piece.
    lines: u64,
    blocks: Vec<Vec<f64>>,
    /// The label of every row, as a position in the order in which they came.
    labels: Vec<u32>,
    known: BTreeMap<String, u32>,
    /// The words of each feature whose words are not known before, with their order of arrival.
    words: Vec<BTreeMap<String, u32>>,
    ids: Vec<String>,
    latin: bool,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, layout: &'a Layout, plan: &'a Plan) -> Self {
        Self {
            path,
            layout,
            plan,
            rows: 0,
            lines: 0,
            blocks: Vec::new(),
            labels: Vec::new(),
            known: BTreeMap::new(),
            words: vec![BTreeMap::new(); plan.features],
            ids: Vec::new(),
            latin: false,
        }
    }

    /// Reads all pieces: some of them are made numbers of while the next come from the file.
    fn read(
        &mut self,
        mut pieces: Pieces<impl Read + Send>,
        header: bool,
    ) -> Result<(), DatasetError> {
        let (plan, path) = (self.plan, self.path);
        let mut first = header;
        let mut some = || {
            let mut some = Vec::new();
            while some.len() < AT_ONCE * rayon::current_num_threads() {
                match pieces.next().map_err(|cause| failed(path, cause))? {
                    Some(piece) => some.push((piece, std::mem::take(&mut first))),
                    None => break,
                }
            }
            Ok(some)
        };
        let read = |(bytes, header): (Vec<u8>, bool)| plan.read(&bytes, header);
        let mut next = some()?;
        // One piece is read here, where whoever counts memory sees it.
        if next.len() == 1 {
            return next
                .into_iter()
                .map(read)
                .try_for_each(|piece| self.add(piece));
        }
        while !next.is_empty() {
            let now = std::mem::take(&mut next);
            let parse = || now.into_par_iter().map(read).collect::<Vec<Piece>>();
            let (more, parsed) = rayon::join(&mut some, parse);
            parsed.into_iter().try_for_each(|piece| self.add(piece))?;
            next = more?;
        }
        Ok(())
    }

    fn add(&mut self, mut piece: Piece) -> Result<(), DatasetError> {
        if let Some(fault) = piece.fault {
            return Err(self.fault(fault));
        }
        let numbers = arrived(&mut self.known, piece.known);
        for (at, words) in piece.words.into_iter().enumerate() {
            if !words.is_empty() {
                let numbers = arrived(&mut self.words[at], words);
                renumber(&mut piece.values, at, self.plan.features, &numbers);
            }
        }
        let labels = piece.labels.iter().map(|&label| numbers[label as usize]);
        self.labels.extend(labels);
        self.rows += piece.rows;
        self.lines += piece.lines;
        keep(&mut self.blocks, piece.values);
        self.ids.extend(piece.ids);
        self.latin |= piece.latin;
        Ok(())
    }

    fn finish(
        mut self,
        known: Option<&[String]>,
        mut layout: Layout,
        header: bool,
        mut notes: Vec<String>,
    ) -> Result<Table, DatasetError> {
        let (rows, features) = (self.rows, self.plan.features);
        if rows == 0 || features == 0 {
            return Err(DatasetError::Empty {
                path: self.path.into(),
                dims: vec![rows, features],
            });
        }
        if self.latin {
            notes.push("the text is not UTF-8, and is read as Windows-1252 (Latin-1)".into());
        }
        layout.words = self.named_words();
        let labelled = layout.count(Role::Label) > 0;
        let (labels, classes) = numbered(self.labels, self.known, known);
        let one = |role| {
            layout
                .called(role)
                .first()
                .map_or_else(String::new, ToString::to_string)
        };
        let mut columns = vec![String::new(); features];
        for (name, slot) in layout.names.iter().zip(&self.plan.slots) {
            if let Slot::Feature(at) = slot {
                columns[*at].clone_from(name);
            }
        }
        if layout.names.is_empty() {
            columns.clear();
        }
        notes.insert(0, self.plan.understood(&layout, rows, header, &classes));
        let about = Dataset {
            labels: labelled.then_some(labels),
            classes,
            columns,
            label_column: one(Role::Label),
            ids: self.ids,
            id_column: one(Role::Id),
            ..Dataset::new(stem(self.path), Array::<f32>::zeros([0, features]))
        };
        Ok(Table::new(about, features, self.blocks).read_as(layout, notes))
    }

    /// The words of every column, in whose order their numbers are from here on.
    fn named_words(&mut self) -> Vec<Vec<String>> {
        let plan = self.plan;
        let mut words = vec![Vec::new(); plan.slots.len()];
        for (column, slot) in plan.slots.iter().enumerate() {
            let Slot::Feature(at) = *slot else { continue };
            let found = std::mem::take(&mut self.words[at]);
            words[column] = match &plan.words[at] {
                None => continue,
                Some(known) if !known.is_empty() => known.clone(),
                Some(_) => {
                    let (numbers, names) = in_order(found);
                    for block in &mut self.blocks {
                        renumber(block, at, plan.features, &numbers);
                    }
                    names
                }
            };
        }
        match words.iter().all(Vec::is_empty) {
            true => Vec::new(),
            false => words,
        }
    }

    fn fault(&self, fault: Fault) -> DatasetError {
        let column = match self.layout.names.get(fault.column) {
            Some(name) => format!("{} ({})", fault.column + 1, printable(name)),
            None => (fault.column + 1).to_string(),
        };
        DatasetError::Field {
            path: self.path.into(),
            line: self.lines + fault.line,
            column,
            found: fault.found,
            expected: fault.expected,
            hint: fault.hint,
        }
    }
}

impl Plan {
    /// How the table was read, in a line.
    fn understood(&self, layout: &Layout, rows: usize, header: bool, classes: &[String]) -> String {
        let columns = match self.slots.len() {
            1 => "1 column".to_owned(),
            more => format!(
                "{more} columns between {}",
                Format::named(self.format.separator)
            ),
        };
        let mut line = format!(
            "{rows} rows of {columns}, decimals after a {}, {}",
            if self.format.decimal == b',' {
                "comma"
            } else {
                "point"
            },
            if header {
                "the first row being names"
            } else {
                "no header"
            },
        );
        if layout.count(Role::Label) > 0 {
            line += &format!("; labels: {}", layout.listed(Role::Label));
            if !classes.is_empty() {
                line += &format!(" ({})", layout::listed(classes.to_vec()));
            }
        }
        let words = layout.words.iter().enumerate();
        let words = words.filter(|(_, words)| !words.is_empty());
        let words = words.map(|(at, words)| format!("{} ({})", layout.name(at), words.len()));
        let words: Vec<String> = words.collect();
        if !words.is_empty() {
            line += &format!("; words: {}", layout::listed(words));
        }
        for (role, what) in [(Role::Id, "ids"), (Role::LeftOut, "left out")] {
            if layout.count(role) > 0 {
                line += &format!("; {what}: {}", layout.listed(role));
            }
        }
        line
    }
}

/// Where each of a piece's words stands among all, by their order of arrival.
fn arrived(all: &mut BTreeMap<String, u32>, words: Vec<String>) -> Vec<u32> {
    let place = |word| {
        let next = all.len() as u32;
        *all.entry(word).or_insert(next)
    };
    words.into_iter().map(place).collect()
}

/// Words by their order of arrival: where each stands in natural order, and they in that order.
fn in_order(arrived: BTreeMap<String, u32>) -> (Vec<u32>, Vec<String>) {
    let mut words: Vec<(String, u32)> = arrived.into_iter().collect();
    words.sort_by(|(a, _), (b, _)| natural::order(a, b));
    let mut numbers = vec![0; words.len()];
    for (number, (_, place)) in words.iter().enumerate() {
        numbers[*place as usize] = number as u32;
    }
    (numbers, words.into_iter().map(|(word, _)| word).collect())
}

/// Puts other numbers for the words of a feature, in rows of so many.
fn renumber(values: &mut [f64], feature: usize, features: usize, numbers: &[u32]) {
    for value in values.iter_mut().skip(feature).step_by(features) {
        if !value.is_nan() {
            *value = f64::from(numbers[*value as usize]);
        }
    }
}

/// The labels as numbers, and their names if they are words or known.
fn numbered(
    labels: Vec<u32>,
    known: BTreeMap<String, u32>,
    classes: Option<&[String]>,
) -> (Vec<u32>, Vec<String>) {
    let mut numbers = vec![0; known.len()];
    let mut names = Vec::new();
    if let Some(classes) = classes {
        for (text, label) in known {
            let position = classes.iter().position(|class| *class == text);
            numbers[label as usize] = position.unwrap_or(0) as u32;
        }
        names = classes.to_vec();
    } else if known.keys().all(|text| text.parse::<u32>().is_ok()) {
        for (text, label) in known {
            numbers[label as usize] = text.parse().unwrap_or_default();
        }
    } else {
        (numbers, names) = in_order(known);
    }
    (
        labels
            .iter()
            .map(|&label| numbers[label as usize])
            .collect(),
        names,
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_in_blocks_that_an_allocator_gives_back() {
        let mut blocks = Vec::new();
        (0..5).for_each(|_| keep(&mut blocks, vec![0.5; BLOCK / 2 - 7]));
        keep(&mut blocks, vec![0.5; BLOCK + 1]);
        let lengths: Vec<usize> = blocks.iter().map(Vec::len).collect();
        let two = BLOCK - 14;
        assert_eq!(lengths, [two, two, BLOCK / 2 - 7, BLOCK + 1]);
        assert!(blocks[1..].iter().all(|block| block.capacity() >= BLOCK));
    }
}
