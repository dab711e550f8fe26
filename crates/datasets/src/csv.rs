//! Tables of numbers as text: a row a line, its fields between commas.
//!
//! ```text
//! sepal length,sepal width,label
//! 5.1,3.5,setosa
//! 6.2,2.9,"versicolor"
//! ```
//!
//! Every field is a finite number, but for those of the column of labels, which may be words. A row
//! needs memory in proportion to its text, and a field at most twice that as a number, so a table
//! costs a few times its file.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder, Trim};
use retrograd_tensor::Tensor;

use crate::dataset::Dataset;
use crate::error::DatasetError;
use crate::natural;
use crate::source::{BYTES, open_file, printable};

/// Names by which a column of labels is found when nobody says which it is.
const LABEL_NAMES: [&str; 4] = ["label", "labels", "class", "target"];

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
    delimiter: Option<u8>,
    labels: LabelColumn,
}

/// Which column of a table says what a sample is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelColumn {
    /// The one called `label`, `labels`, `class` or `target`, in any case; none without a header.
    #[default]
    Guess,
    /// None: every column is a feature.
    None,
    /// The one of this name in the header.
    Name(String),
    /// The one at this position, counted from 0.
    Index(usize),
}

impl CsvReader {
    /// A reader that looks for everything in the file.
    ///
    /// The first row is a header if none of its fields is a number. The fields are between commas,
    /// unless the first line has none, but semicolons or tabs.
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

    /// The byte between fields, such as `b';'`.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self {
            delimiter: Some(delimiter),
            ..self
        }
    }

    /// Which column holds labels. Integers from 0 on are taken as they are; anything else is words,
    /// which are numbered in natural order.
    #[must_use]
    pub fn labels(self, labels: LabelColumn) -> Self {
        Self { labels, ..self }
    }

    /// Reads the table at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, has no rows, a row of more or fewer fields than the first, or a
    /// field that is no finite number, which is named by line and column; if the column of labels
    /// does not exist. See [`DatasetError`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Dataset, DatasetError> {
        let path = path.as_ref();
        let (file, _) = open_file(path)?;
        self.read_from(path, file)
    }

    /// The table in the bytes of a file.
    ///
    /// # Errors
    /// As for [`CsvReader::read`]; the path in the error is `<bytes>`.
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Dataset, DatasetError> {
        self.read_from(Path::new(BYTES), bytes)
    }

    fn read_from(&self, path: &Path, mut reader: impl Read) -> Result<Dataset, DatasetError> {
        let start = beginning(path, &mut reader)?;
        let mut rows = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .delimiter(self.delimiter.unwrap_or_else(|| guess_delimiter(&start)))
            .from_reader(start.chain(reader));
        let mut table = Table::new(path);
        let mut row = ByteRecord::new();
        while rows
            .read_byte_record(&mut row)
            .map_err(|cause| failed(path, cause))?
        {
            let line = row.position().map_or(0, ::csv::Position::line);
            if table.width.is_none() && table.begin(self, &row)? {
                continue;
            }
            table.push(&row, line)?;
        }
        table.finish()
    }
}

/// The first bytes, enough for a first line.
fn beginning(
    path: &Path,
    reader: &mut impl Read,
) -> Result<std::io::Cursor<Vec<u8>>, DatasetError> {
    /// The longest first line that is looked at for a delimiter.
    const LONGEST: u64 = 64 * 1024;
    let mut start = Vec::new();
    match reader.take(LONGEST).read_to_end(&mut start) {
        Ok(_) => Ok(std::io::Cursor::new(start)),
        Err(cause) => Err(crate::source::unreadable(path, cause)),
    }
}

fn guess_delimiter(start: &std::io::Cursor<Vec<u8>>) -> u8 {
    let line = start.get_ref().split(|&byte| byte == b'\n').next();
    let has = |delimiter: &u8| line.is_some_and(|line| line.contains(delimiter));
    [b',', b';', b'\t'].into_iter().find(has).unwrap_or(b',')
}

/// What has been read so far.
struct Table<'a> {
    path: &'a Path,
    /// Fields of a row; `None` before the first.
    width: Option<usize>,
    columns: Vec<String>,
    label: Option<usize>,
    values: Vec<f32>,
    /// The label of every row, as a position in the order in which they came.
    labels: Vec<u32>,
    known: BTreeMap<String, u32>,
}

impl<'a> Table<'a> {
    fn new(path: &'a Path) -> Self {
        Self {
            path,
            width: None,
            columns: Vec::new(),
            label: None,
            values: Vec::new(),
            labels: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// Learns from the first row what the columns are; returns whether it is a header.
    fn begin(&mut self, options: &CsvReader, row: &ByteRecord) -> Result<bool, DatasetError> {
        let is_header = options
            .header
            .unwrap_or_else(|| row.iter().all(|field| number(field).is_none()));
        if is_header {
            let name = |field| String::from_utf8_lossy(field).into_owned();
            self.columns = row.iter().map(name).collect();
        }
        self.width = Some(row.len());
        self.label = match &options.labels {
            LabelColumn::None => None,
            LabelColumn::Guess => self.columns.iter().position(|name| {
                let name = name.to_lowercase();
                LABEL_NAMES.contains(&name.as_str())
            }),
            LabelColumn::Name(wanted) => {
                let position = self.columns.iter().position(|name| name == wanted);
                Some(position.ok_or_else(|| self.no_label(format!("called {wanted:?}")))?)
            }
            LabelColumn::Index(index) if *index < row.len() => Some(*index),
            LabelColumn::Index(index) => {
                return Err(self.no_label(format!("at position {index}")));
            }
        };
        Ok(is_header)
    }

    fn push(&mut self, row: &ByteRecord, line: u64) -> Result<(), DatasetError> {
        let width = self.width.unwrap_or(row.len());
        if row.len() != width {
            let at = row.len().min(width);
            let found = format!("a row of {} fields", row.len());
            let expected = format!("{width} as in the first row");
            let hint = "check its delimiters and quotes";
            return Err(self.fault(line, at, found, expected, hint));
        }
        for (column, field) in row.iter().enumerate() {
            if Some(column) == self.label {
                self.push_label(field, line, column)?;
                continue;
            }
            let Some(value) = number(field) else {
                let found = match field {
                    [] => "an empty field".into(),
                    _ => format!("\"{}\"", printable(&String::from_utf8_lossy(field))),
                };
                let hint = "fill it in, leave the row or column out, or name it as the labels";
                return Err(self.fault(line, column, found, "a finite number".into(), hint));
            };
            self.values.push(value);
        }
        Ok(())
    }

    fn push_label(&mut self, field: &[u8], line: u64, column: usize) -> Result<(), DatasetError> {
        let Ok(text) = std::str::from_utf8(field) else {
            let found = "bytes that are no UTF-8".into();
            let hint = "convert the file to UTF-8";
            return Err(self.fault(line, column, found, "a label as text".into(), hint));
        };
        let next = self.known.len() as u32;
        let label = match self.known.get(text) {
            Some(&label) => label,
            None => *self.known.entry(text.into()).or_insert(next),
        };
        self.labels.push(label);
        Ok(())
    }

    fn finish(mut self) -> Result<Dataset, DatasetError> {
        let labelled = self.label.is_some();
        let features = self.width.unwrap_or(0) - usize::from(labelled);
        let rows = match features {
            0 => self.labels.len(),
            _ => self.values.len() / features,
        };
        if rows == 0 || features == 0 {
            return Err(DatasetError::Empty {
                path: self.path.into(),
                dims: vec![rows, features],
            });
        }
        let (labels, classes) = self.numbered();
        if let Some(label) = self.label.filter(|_| !self.columns.is_empty()) {
            self.columns.remove(label);
        }
        let name = self.path.file_stem().unwrap_or_default();
        let values = Tensor::from_vec(self.values, [rows, features]);
        Ok(Dataset {
            labels: labelled.then_some(labels),
            classes,
            columns: self.columns,
            ..Dataset::new(name.to_string_lossy(), values)
        })
    }

    /// The labels as numbers, and their names if they are words.
    fn numbered(&mut self) -> (Vec<u32>, Vec<String>) {
        let known = std::mem::take(&mut self.known);
        let mut numbers = vec![0; known.len()];
        let mut names = Vec::new();
        if known.keys().all(|text| text.parse::<u32>().is_ok()) {
            for (text, label) in known {
                numbers[label as usize] = text.parse().unwrap_or_default();
            }
        } else {
            let mut words: Vec<(String, u32)> = known.into_iter().collect();
            words.sort_by(|(a, _), (b, _)| natural::order(a, b));
            for (number, (word, label)) in words.into_iter().enumerate() {
                numbers[label as usize] = number as u32;
                names.push(word);
            }
        }
        let labels = self.labels.iter().map(|&label| numbers[label as usize]);
        (labels.collect(), names)
    }

    fn fault(
        &self,
        line: u64,
        column: usize,
        found: String,
        expected: String,
        hint: &'static str,
    ) -> DatasetError {
        let column = match self.columns.get(column) {
            Some(name) => format!("{} ({})", column + 1, printable(name)),
            None => (column + 1).to_string(),
        };
        DatasetError::Field {
            path: self.path.into(),
            line,
            column,
            found,
            expected,
            hint,
        }
    }

    fn no_label(&self, wanted: String) -> DatasetError {
        let names: Vec<String> = self.columns.iter().take(8).map(|n| printable(n)).collect();
        DatasetError::Unsupported {
            path: self.path.into(),
            found: format!("no column {wanted}"),
            expected: match names.is_empty() {
                true => format!("one of {} columns without names", self.width.unwrap_or(0)),
                false => format!("one of the columns {}", names.join(", ")),
            },
            hint: "name another column for the labels",
        }
    }
}

/// The finite number that a field is.
fn number(field: &[u8]) -> Option<f32> {
    let value: f32 = std::str::from_utf8(field).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

fn failed(path: &Path, cause: ::csv::Error) -> DatasetError {
    match cause.into_kind() {
        ::csv::ErrorKind::Io(cause) => crate::source::unreadable(path, cause),
        other => DatasetError::Malformed {
            path: path.into(),
            found: format!(
                "a table that cannot be read ({})",
                printable(&format!("{other:?}"))
            ),
            expected: "rows of fields between commas".into(),
            hint: "save it again as CSV",
        },
    }
}
