//! How data of one's own is read: what the command line says of it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use retrograd::datasets::{CsvReader, LabelColumn, Pictures};
use serde::{Deserialize, Serialize};

/// How data of one's own is read.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Options of data of one's own")]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct DataOptions {
    /// Whether the first row of a table names its columns [default: as it looks].
    #[arg(long, value_name = "yes|no")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<YesNo>,
    /// What stands between the fields of a table: a character, or comma, semicolon, tab, bar or blank
    /// [default: as it looks].
    #[arg(long, value_name = "CHARACTER", value_parser = separator, allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) separator: Option<u8>,
    /// What stands before decimals, a point or a comma [default: as it looks].
    #[arg(long, value_name = "CHARACTER", value_parser = decimal)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decimal: Option<u8>,
    /// The column that says what a row is: its name, or its position from 1 in a table without a
    /// header; `none` for none [default: label, labels, class or target].
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label_column: Option<String>,
    /// The column of what rows go by, which is carried along to every output.
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_column: Option<String>,
    /// Columns to leave out.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) drop: Vec<String>,
    /// The only columns to take as features.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
    /// Features that are words, such as names of colours, which become numbers from 0 in their natural
    /// order and are not scaled: for a variant that knows categories (tabular).
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
    /// How columns are scaled: not at all, to [0, 1], to mean 0 and deviation 1, or not at all because
    /// they are counts [default: to [0, 1] unless they fill it already].
    #[arg(long, value_name = "SCALE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale: Option<Scale>,
    /// The middle to cut out of the images of a folder first: height and width, such as 32x48, or one
    /// number for both.
    #[arg(long, value_name = "HxW", value_parser = size)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crop: Option<[usize; 2]>,
    /// The size to bring the images of a folder to, in the same manner.
    #[arg(long, value_name = "HxW", value_parser = size)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resize: Option<[usize; 2]>,
    /// What shows through transparent images: black, white, or a shade from 0 to 1 [default: black].
    #[arg(long, value_name = "SHADE", value_parser = shade)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) background: Option<f32>,
    /// What stands for numbers that are missing: the mean or median of their column; or the mean in the
    /// input and nothing in losses and figures, `mask`; or they are refused [default: mask].
    #[arg(long, value_name = "FILL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Missing>,
    /// What samples are to become, for a variant that learns to give that (transcoder): a file with a row for
    /// each row of the data, of as many numbers, which are taken as they are.
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<PathBuf>,
}

/// A word for a truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum YesNo {
    Yes,
    No,
}

/// How columns are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scale {
    None,
    Unit,
    Standard,
    Counts,
}

/// What stands for a number that is missing: that of its column, or, beside the mean as the input, a
/// mark that leaves it out of losses and figures. Or no number may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Missing {
    Mean,
    Median,
    #[default]
    Mask,
    Refuse,
}

/// The longest side that images are brought to.
const MOST_PIXELS: usize = 4096;

impl DataOptions {
    /// The reader of tables that they describe.
    pub(super) fn reader(&self) -> CsvReader {
        let mut reader = CsvReader::new().missing(self.may_miss());
        if let Some(header) = self.header {
            reader = reader.header(header == YesNo::Yes);
        }
        if let Some(separator) = self.separator {
            reader = reader.separator(separator);
        }
        if let Some(decimal) = self.decimal {
            reader = reader.decimal(decimal);
        }
        if let Some(name) = &self.label_column {
            reader = reader.labels(match name.as_str() {
                "none" => LabelColumn::None,
                _ => LabelColumn::Name(name.clone()),
            });
        }
        if let Some(name) = &self.id_column {
            reader = reader.id(name);
        }
        if !self.columns.is_empty() {
            reader = reader.only(self.columns.clone());
        }
        reader.words(self.words.clone()).without(self.drop.clone())
    }

    /// What is done about numbers that are missing.
    pub(super) fn missing(&self) -> Missing {
        self.missing.unwrap_or_default()
    }

    /// Whether numbers may be missing.
    pub(crate) fn may_miss(&self) -> bool {
        self.missing() != Missing::Refuse
    }

    /// What is done to images as they are read.
    pub(crate) fn pictures(&self) -> Pictures {
        Pictures {
            crop: self.crop,
            resize: self.resize,
            background: self.background.unwrap_or(0.0),
        }
    }

    /// These, and those of the run where they say nothing.
    pub(super) fn or(&self, run: &Self) -> Self {
        Self {
            header: self.header,
            separator: self.separator,
            decimal: self.decimal,
            // The columns that the run was trained on are found by what it remembers of them.
            label_column: self.label_column.clone(),
            id_column: self.id_column.clone(),
            drop: self.drop.clone(),
            columns: Vec::new(),
            words: Vec::new(),
            scale: None,
            crop: self.crop.or(run.crop),
            resize: self.resize.or(run.resize),
            background: self.background.or(run.background),
            missing: self.missing.or(run.missing),
            // Targets are of the rows that the run was trained on.
            target: self.target.clone(),
        }
    }
}

fn separator(text: &str) -> Result<u8, String> {
    match text {
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        "bar" | "pipe" => Ok(b'|'),
        "blank" | "space" | " " => Ok(b' '),
        _ => match text.as_bytes() {
            [byte] if !byte.is_ascii_alphanumeric() && !b"\"\n\r.".contains(byte) => Ok(*byte),
            _ => Err(
                "it must be one character such as ;, or comma, semicolon, tab, bar or blank"
                    .to_owned(),
            ),
        },
    }
}

/// `32x48`, or `32` for both.
fn size(text: &str) -> Result<[usize; 2], String> {
    let side = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|side| (1..=MOST_PIXELS).contains(side))
    };
    let (height, width) = text.split_once(['x', 'X']).unwrap_or((text, text));
    match (side(height), side(width)) {
        (Some(height), Some(width)) => Ok([height, width]),
        _ => Err(format!(
            "it must be a height and a width from 1 to {MOST_PIXELS}, such as 32x48"
        )),
    }
}

fn shade(text: &str) -> Result<f32, String> {
    match (text, text.parse()) {
        ("black", _) => Ok(0.0),
        ("white", _) => Ok(1.0),
        (_, Ok(shade)) if (0.0..=1.0).contains(&shade) => Ok(shade),
        _ => Err("it must be black, white, or a number from 0 to 1".to_owned()),
    }
}

fn decimal(text: &str) -> Result<u8, String> {
    match text {
        "." | "point" => Ok(b'.'),
        "," | "comma" => Ok(b','),
        _ => Err("it must be a point or a comma".to_owned()),
    }
}
