//! Data of the user's own: how it is read, what a run remembers of it, and how other files are
//! brought into the same form.
//!
//! Columns and classes are found by their names, and numbers are scaled as those that the run was
//! trained on. Whatever is done to data is said, in a line for each kind of thing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use retrograd::autoencoders::{Card, DataShape, Decoder, Output, Settings, Values};
use retrograd::datasets::{
    self, Column, CsvReader, Dataset, Fill, Found, ImageShape, LabelColumn, Layout, Opened,
    Pictures, Role, Scaling, Split, Table,
};
use serde::{Deserialize, Serialize};

use crate::program::built_in::BuiltIn;
use crate::program::data::{self, Data, HELD_OUT, QUICK_SHARE, Wanted};
use crate::program::disk::{self, Disk, Rows, Store};
use crate::program::failure::Failure;
use crate::program::terminal;

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

/// What a run remembers of its data, to bring other files into the same form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Source {
    /// What the labels are called, label 0 first.
    pub(crate) classes: Vec<String>,
    /// What the columns of the file are called, in its order; none without a header.
    pub(crate) names: Vec<String>,
    /// What each is for: `feature`, `label`, `id` or `left-out`.
    pub(crate) roles: Vec<String>,
    /// The values of each column of words, value 0 first, and nothing of the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<Vec<String>>,
    /// What 1 stands for in the file: 255 where the features were bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) white: Option<f64>,
    /// What stands for a missing number of each feature, where some may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fills: Vec<f64>,
    /// What the command line said of how to read it.
    pub(crate) options: DataOptions,
}

/// Data as it is trained on.
pub(crate) struct Own {
    pub(crate) split: Split,
    pub(crate) kind: DataShape,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) source: Source,
    /// What of it stays on the disk; the split is then of the first rows.
    pub(crate) disk: Option<Disk>,
}

/// Columns that fill less than this of [0, 1] are scaled to it.
const SMALL: f64 = 0.1;
/// The longest side that images are brought to.
const MOST_PIXELS: usize = 4096;
/// Names that are written out.
const SHOWN: usize = 8;

/// The roles of columns, and their words.
const ROLES: [(Role, &str); 4] = [
    (Role::Feature, "feature"),
    (Role::Label, "label"),
    (Role::Id, "id"),
    (Role::LeftOut, "left-out"),
];

impl DataOptions {
    /// The reader of tables that they describe.
    fn reader(&self) -> CsvReader {
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
    fn missing(&self) -> Missing {
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
    fn or(&self, run: &Self) -> Self {
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

impl Source {
    /// What is remembered of a table.
    fn of(layout: &Layout, options: &DataOptions) -> Self {
        let word = |role: &Role| {
            ROLES
                .iter()
                .find(|(own, _)| own == role)
                .map(|(_, word)| *word)
        };
        Self {
            names: layout.names.clone(),
            words: layout.words.clone(),
            roles: layout
                .roles
                .iter()
                .filter_map(word)
                .map(str::to_owned)
                .collect(),
            options: options.clone(),
            ..Self::default()
        }
    }

    /// The columns of the table, if it was one.
    fn layout(&self) -> Option<Layout> {
        let role = |word: &String| {
            ROLES
                .iter()
                .find(|(_, own)| own == word)
                .map(|(role, _)| *role)
        };
        let roles: Option<Vec<Role>> = self.roles.iter().map(role).collect();
        Some(Layout {
            names: self.names.clone(),
            words: self.words.clone(),
            roles: roles.filter(|roles| !roles.is_empty())?,
        })
    }

    /// What the features are called; nothing where they have no names.
    pub(crate) fn features(&self) -> Vec<String> {
        let layout = self.layout().unwrap_or_default();
        let names = layout.called(Role::Feature).into_iter();
        names.map(str::to_owned).collect()
    }

    /// The values of each feature that is words, value 0 first; nothing of one of numbers.
    pub(crate) fn feature_words(&self) -> Vec<Vec<String>> {
        let layout = self.layout().unwrap_or_default();
        let words = layout.feature_words().into_iter();
        words.map(<[String]>::to_vec).collect()
    }

    /// Which features are words; nothing where none is.
    fn are_words(&self) -> Vec<bool> {
        let words = self.feature_words();
        words.iter().map(|words| !words.is_empty()).collect()
    }

    /// What the first column in a role is called; nothing if there is none.
    pub(crate) fn called(&self, role: Role) -> &str {
        let word = ROLES
            .iter()
            .find(|(own, _)| *own == role)
            .map(|(_, word)| *word);
        let mut columns = self.names.iter().zip(&self.roles);
        let found = columns.find(|(_, own)| Some(own.as_str()) == word);
        found.map_or("", |(name, _)| name)
    }

    /// Fills in what is still missing, and marks it as such.
    fn mask(&self, data: &mut Dataset, scaling: Option<&Scaling>) {
        let scaled = |(feature, &fill): (usize, &f64)| match scaling {
            Some(scaling) => scaling.applied(feature, fill),
            None => fill as f32,
        };
        if !self.fills.is_empty() {
            let fills: Vec<f32> = self.fills.iter().enumerate().map(scaled).collect();
            data.mask(&fills);
        }
    }

    /// The label of this name.
    pub(crate) fn label(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|class| class == name)
    }
}

/// The data at a path, in two parts, as a variant is trained on it.
pub(crate) fn read(path: &Path, wanted: &Wanted) -> Result<Own, Failure> {
    let (options, seed, quick) = (&wanted.reading, wanted.seed, wanted.quick);
    let refused = |error| Failure::run(format!("--data {}: {error}", path.display()));
    let held_out = wanted.held_out.as_deref();
    if let (Some(target), Some(file)) = (&options.target, held_out)
        && file
            .to_str()
            .is_none_or(|text| text.parse::<f64>().is_err())
    {
        return Err(Failure::usage(format!(
            "--target {}: targets are of the rows of --data alone; hold a share of these out, not {}",
            target.display(),
            file.display()
        )));
    }
    let share = held_out.and_then(|text| text.to_str()?.parse::<f64>().ok());
    let file = held_out.filter(|_| share.is_none());
    if let Some(store) = Store::at(wanted, path)? {
        if let Some(target) = &options.target {
            return Err(Failure::usage(format!(
                "--target {}: targets are of data in memory, and {} stays on the disk; leave the option out, or take fewer rows",
                target.display(),
                path.display()
            )));
        }
        let share = file.is_none().then(|| share.unwrap_or(HELD_OUT));
        let found = disk::Found::new(store, share, wanted).map_err(refused)?;
        let mut own = stored(found, path, options)?;
        if let Some(file) = file {
            own.split.held_out = own.other(file, path)?;
        }
        own.source.classes = name_classes(&mut own.split);
        return Ok(own);
    }
    let found = find(path, &options.reader(), &options.pictures())?;
    if let (Some(share), true) = (share, is_parted(&found)) {
        return Err(Failure::usage(format!(
            "--held-out {share}: the data comes in two parts; leave the option out, or name a file"
        )));
    }
    let mut own = match found {
        Found::Table(table) => {
            let first = |count: usize| (count / QUICK_SHARE).max(1);
            let table = if quick { table.first(first) } else { table };
            let learnt = match file {
                Some(_) => Ok(vec![true; table.len()]),
                None => table.learnt(share.unwrap_or(HELD_OUT), seed),
            };
            scaled(table, path, options, &learnt.map_err(refused)?)?
        }
        Found::Samples(opened, _) => {
            let split = match (opened, file) {
                (Opened::Whole(all), Some(_)) => Split {
                    held_out: all.select(&[]),
                    train: all,
                },
                (opened, _) => opened
                    .split(share.unwrap_or(HELD_OUT), seed)
                    .map_err(refused)?,
            };
            let split = if quick { data::first(split) } else { split };
            shades(split, path, options)?
        }
    };
    if let Some(file) = file {
        own.split.held_out = own.other(file, path)?;
    }
    if let Some(path) = &options.target {
        let targets = targets(path)?;
        let rows = own.split.train.len() + own.split.held_out.len();
        if !quick && rows != targets.len() {
            return Err(other_rows(path, targets.len(), rows));
        }
        for part in [&mut own.split.train, &mut own.split.held_out] {
            become_targets(part, &targets, path)?;
        }
    }
    own.source.classes = name_classes(&mut own.split);
    Ok(own)
}

/// The rows of a file of targets, as they are.
fn targets(path: &Path) -> Result<Dataset, Failure> {
    let reader = CsvReader::new().labels(LabelColumn::None);
    let found = datasets::find(path, &reader, &Pictures::default());
    let found =
        found.map_err(|error| Failure::run(format!("--target {}: {error}", path.display())))?;
    let opened = match found {
        Found::Table(table) => table.opened(None),
        Found::Samples(opened, _) => opened,
    };
    match opened {
        Opened::Whole(targets) => Ok(targets),
        Opened::Parts(_) => Err(Failure::usage(format!(
            "--target {}: it comes in two parts; name a file with a row for each row of the data",
            path.display()
        ))),
    }
}

/// Gives samples their targets, by where they stood in what was read.
fn become_targets(part: &mut Dataset, targets: &Dataset, path: &Path) -> Result<(), Failure> {
    let rows: Vec<usize> = (0..part.len()).map(|sample| part.row(sample)).collect();
    if let Some(beyond) = rows.iter().find(|row| **row >= targets.len()) {
        return Err(other_rows(path, targets.len(), beyond + 1));
    }
    if targets.width() != part.width() {
        return Err(Failure::usage(format!(
            "--target {}: {} numbers a row, and the data has {}; targets of another width need the library (Dictionary::transcoding)",
            path.display(),
            targets.width(),
            part.width()
        )));
    }
    part.target = Some(targets.features.rows(&rows));
    Ok(())
}

fn other_rows(path: &Path, found: usize, expected: usize) -> Failure {
    Failure::usage(format!(
        "--target {}: {found} rows, and the data has {expected}; there must be one for each, in the same order",
        path.display()
    ))
}

impl Own {
    /// The samples of another file, in the form of these, which are at a path.
    fn other(&self, file: &Path, path: &Path) -> Result<Dataset, Failure> {
        let form = Form {
            source: &self.source,
            scaling: self.scaling.clone(),
            kind: self.kind,
            image: self.split.train.image,
            labelled: false,
            complete: false,
            run: path,
        };
        let (Opened::Whole(data) | Opened::Parts(Split { held_out: data, .. })) =
            form.read(file, &DataOptions::default())?;
        Ok(data)
    }
}

fn is_parted(found: &Found) -> bool {
    match found {
        Found::Table(table) => table.is_parted(),
        Found::Samples(opened, _) => matches!(opened, Opened::Parts(_)),
    }
}

/// What is at a path; a bare word that is nothing is more likely a misspelt name.
fn find(path: &Path, reader: &CsvReader, pictures: &Pictures) -> Result<Found, Failure> {
    let bare = path.components().count() == 1 && path.extension().is_none();
    let piped = path == Path::new(datasets::STANDARD_INPUT);
    if bare && !piped && !path.exists() {
        return Err(Failure::run(format!(
            "--data {}: there is no such file or folder, and the built-in sets are {}",
            path.display(),
            BuiltIn::names()
        )));
    }
    let found = datasets::find(path, reader, pictures).map_err(Failure::run)?;
    let (Found::Table(Table { notes, .. }) | Found::Samples(_, notes)) = &found;
    for note in notes {
        terminal::say(&format!("data: {note}"));
    }
    Ok(found)
}

/// Samples that are shades already.
fn shades(split: Split, path: &Path, options: &DataOptions) -> Result<Own, Failure> {
    let width = split.train.width();
    let fits = |part: &Dataset| part.features.iter().all(|x| (0.0..=1.0).contains(&x));
    if !(fits(&split.train) && fits(&split.held_out)) {
        return Err(data::outside_unit_interval(path));
    }
    let source = Source {
        white: Some(split.train.white).filter(|white| *white != 1.0),
        options: options.clone(),
        ..Source::default()
    };
    let kind = match split.train.image {
        Some(image) => DataShape::images(image.sizes()),
        None => DataShape::table(width),
    };
    Ok(Own {
        split,
        kind,
        scaling: None,
        source,
        disk: None,
    })
}

/// Data that stays on the disk.
fn stored(found: disk::Found, path: &Path, options: &DataOptions) -> Result<Own, Failure> {
    if options.missing == Some(Missing::Mean) || options.missing == Some(Missing::Median) {
        return Err(Failure::usage(
            "--missing: of data that stays on the disk numbers are missing as such, or not at all; use mask or refuse",
        ));
    }
    if options.scale == Some(Scale::Counts) {
        return Err(Failure::usage(
            "--scale counts: of data that stays on the disk it is not looked up whether all numbers are whole; leave --from-disk out, or take fewer rows",
        ));
    }
    let with_deviations = options.scale == Some(Scale::Standard);
    let survey = found
        .survey(options, with_deviations)
        .map_err(Failure::run)?;
    let kind = found.kind();
    let is_table = kind.image().is_none();
    let (mut source, scaling) = match &survey {
        Some(survey) if is_table => {
            let layout = Layout {
                roles: vec![Role::Feature; kind.features()],
                ..Layout::default()
            };
            let source = Source::of(&layout, options);
            let learnt = &survey[0];
            of_columns(learnt, found.learnt(), &Names(Vec::new()), source, path)?
        }
        Some(survey) => {
            let columns = survey.iter().flatten();
            let mut ends = columns.filter(|column| column.low <= column.high);
            if !ends.all(|column| column.low >= 0.0 && column.high <= 1.0) {
                return Err(data::outside_unit_interval(path));
            }
            (Source::default(), None)
        }
        None => (Source::default(), None),
    };
    source.white = Some(found.white()).filter(|white| *white != 1.0);
    source.options = options.clone();
    let ready = found.ready(survey.as_ref(), scaling.as_ref(), &source.fills);
    let (disk, split) = ready.map_err(Failure::run)?;
    Ok(Own {
        split,
        kind,
        scaling,
        source,
        disk: Some(disk),
    })
}

/// A table whose columns are filled and scaled, by what the rows to learn from hold.
fn scaled(
    mut table: Table,
    path: &Path,
    options: &DataOptions,
    learnt: &[bool],
) -> Result<Own, Failure> {
    let columns = table.columns(learnt);
    let names = Names(table.about().columns.clone());
    let source = Source::of(&table.layout, options);
    let rows = learnt.iter().filter(|learnt| **learnt).count();
    let (source, scaling) = of_columns(&columns, rows, &names, source, path)?;
    if options.may_miss() {
        options.missing().apply(&mut table, &source.fills);
    }
    let failure = |problem: String| Failure::run(format!("--data {}: {problem}", path.display()));
    let width = table.width();
    let mut kind = DataShape::table(width);
    let mut split = table.split(learnt, scaling.as_ref());
    if options.scale == Some(Scale::Counts) {
        for part in [&split.train, &split.held_out] {
            names.check_counts(part).map_err(failure)?;
        }
        kind = DataShape::counts(width);
    }
    for part in [&mut split.train, &mut split.held_out] {
        source.mask(part, scaling.as_ref());
    }
    Ok(Own {
        split,
        kind,
        scaling,
        source,
        disk: None,
    })
}

/// What columns say of how a table is filled and scaled, by so many rows to learn from.
fn of_columns(
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
        let fills = columns.iter().map(|column| missing.fill().of(column));
        source.fills = fills.collect();
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
    fn apply(self, table: &mut Table, fills: &[f64]) {
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
struct Names(Vec<String>);

impl Names {
    fn name(&self, column: usize) -> String {
        let name = self.0.get(column).cloned();
        name.unwrap_or_else(|| (column + 1).to_string())
    }

    /// The first few of the columns of which this is true.
    fn of(&self, columns: &[Column], is: impl Fn(&Column) -> bool) -> String {
        let found = columns.iter().enumerate().filter(|(_, column)| is(column));
        listed(&found.map(|(at, _)| self.name(at)).collect::<Vec<_>>())
    }

    /// Refuses numbers that are no counts; NaN stands for one that is missing.
    fn check_counts(&self, data: &Dataset) -> Result<(), String> {
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

/// What a model can take for data, where that is not any number: from 0 to some end.
struct Reach {
    why: &'static str,
    high: f32,
    /// What can take more.
    other: &'static str,
}

impl Reach {
    fn of(variant: &'static Card, settings: &Settings, kind: DataShape) -> Option<Self> {
        if kind.values == Values::Counts {
            // They have been looked at, and a variant that takes them takes all.
            return None;
        }
        let entropy = "cross-entropy takes numbers from 0 to 1";
        let (output, decoder) = (
            settings.word_if_any("output"),
            settings.word_if_any("decoder"),
        );
        let real = DataShape {
            values: Values::Real,
            ..kind
        };
        let (why, high, other) = match (output, decoder) {
            (Some(Output::Probability), _) => (entropy, 1.0, "--output real"),
            (_, Some(Decoder::Bernoulli)) => (entropy, 1.0, "--decoder gaussian"),
            (Some(Output::Squashed), _) => (
                "--output squashed gives numbers from 0 to 1",
                1.0,
                "--output real",
            ),
            (Some(Output::Rectified), _) => (
                "--output rectified gives no number below 0",
                f32::INFINITY,
                "--output real",
            ),
            _ if variant.resolve(settings, real).is_err() => (
                "its output lies between 0 and 1",
                1.0,
                "another variant, such as simple",
            ),
            _ => return None,
        };
        Some(Self { why, high, other })
    }

    /// The same of columns of which the ranges are known.
    fn beyond_of(&self, rows: &Rows) -> Option<(usize, f32, f32)> {
        let takes = |x: &f32| (0.0..=self.high).contains(x);
        let mut columns = rows.ranges()?.iter().enumerate();
        // A column without a number in it has no range.
        let found = columns.find(|(_, (low, high))| low <= high && !(takes(low) && takes(high)));
        found.map(|(at, (low, high))| (at, *low, *high))
    }

    /// The first column with a number beyond, and its range.
    fn beyond(&self, data: &Dataset) -> Option<(usize, f32, f32)> {
        let (values, width) = (data.features.values(), data.width().max(1));
        let takes = |x: &f32| (0.0..=self.high).contains(x);
        let at = values.iter().position(|x| !takes(x))? % width;
        let column = values[at..].iter().step_by(width);
        let ends = column.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| {
            (low.min(x), high.max(x))
        });
        Some((at, ends.0, ends.1))
    }
}

/// Refuses numbers that a model cannot give back, whatever it learns. Held-out ones are merely badly
/// reconstructed; where a loss takes numbers for probabilities, they are held at the ends of [0, 1].
pub(crate) fn fit_range(
    data: &mut Data,
    variant: &'static Card,
    settings: &Settings,
) -> Result<(), Failure> {
    let Some(reach) = Reach::of(variant, settings, data.kind) else {
        return Ok(());
    };
    let names = Names(data.split.train.columns.clone());
    let beyond = |rows: Option<&Rows>, sample: &Dataset| match rows {
        Some(rows) => reach.beyond_of(rows),
        None => reach.beyond(sample),
    };
    let stored = data.disk.as_ref().map(|disk| &disk.train);
    if let Some((column, low, high)) = beyond(stored, &data.split.train) {
        return Err(Failure::usage(format!(
            "column {} reaches from {low} to {high}, and {}; try --scale unit, or {}",
            names.name(column),
            reach.why,
            reach.other
        )));
    }
    let is_probability = settings.word_if_any("output") == Some(Output::Probability)
        || settings.word_if_any("decoder") == Some(Decoder::Bernoulli);
    let stored = data.disk.as_ref().and_then(|disk| disk.held_out.as_ref());
    let beyond = beyond(stored, &data.split.held_out);
    if let (true, Some((column, low, high))) = (is_probability, beyond) {
        terminal::say(&format!(
            "data: held-out rows leave [0, 1], as in column {} from {low} to {high}; {}, so they are held at its ends",
            names.name(column),
            reach.why
        ));
        let held_out = &mut data.split.held_out.features;
        *held_out = held_out.map(|x| x.clamp(0.0, 1.0));
        if let Some(rows) = data.disk.as_mut().and_then(|disk| disk.held_out.as_mut()) {
            rows.held();
        }
    }
    Ok(())
}

/// The first few of some names.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Numbers the labels of both parts by the names of their classes, which are returned: in the order
/// of the training part, then those that the other has alone.
pub(crate) fn name_classes(split: &mut Split) -> Vec<String> {
    let mut classes = names_of(&split.train);
    let known: HashSet<String> = classes.iter().cloned().collect();
    let others = names_of(&split.held_out).into_iter();
    classes.extend(others.filter(|name| !known.contains(name)));
    for part in [&mut split.train, &mut split.held_out] {
        renumber(part, &classes);
    }
    classes
}

/// What the labels of a part are called, in order.
fn names_of(data: &Dataset) -> Vec<String> {
    let Some(labels) = &data.labels else {
        return Vec::new();
    };
    if !data.classes.is_empty() {
        return data.classes.clone();
    }
    let numbers: BTreeSet<u32> = labels.iter().copied().collect();
    numbers.iter().map(u32::to_string).collect()
}

/// Numbers the labels by these classes, all of which are among them.
fn renumber(data: &mut Dataset, classes: &[String]) {
    let Some(labels) = &mut data.labels else {
        return;
    };
    let numbers: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    for label in labels {
        let number = match data.classes.get(*label as usize) {
            Some(name) => numbers.get(name.as_str()),
            None => numbers.get(label.to_string().as_str()),
        };
        *label = number.copied().unwrap_or(0);
    }
    data.classes = classes.to_vec();
}

/// A run's data, as far as other files are brought into its form.
pub(crate) struct Form<'a> {
    pub(crate) source: &'a Source,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) kind: DataShape,
    pub(crate) image: Option<ImageShape>,
    /// Whether labels must be of the classes that the run knows.
    pub(crate) labelled: bool,
    /// Whether no number may be missing.
    pub(crate) complete: bool,
    /// The folder of the run.
    pub(crate) run: &'a Path,
}

impl Form<'_> {
    /// The samples at a path, in the form of those that the run was trained on.
    pub(crate) fn read(&self, path: &Path, options: &DataOptions) -> Result<Opened, Failure> {
        let options = options.or(&self.source.options);
        let mut reader = options.reader();
        if let Some(layout) = self.source.layout() {
            reader = reader.like(layout);
        }
        if self.labelled {
            reader = reader.classes(self.source.classes.clone());
        }
        let opened = match find(path, &reader, &options.pictures())? {
            Found::Table(mut table) => {
                self.check_width(table.width(), path)?;
                if table.missing().0 > 0 {
                    options.missing().apply(&mut table, self.fills(path)?);
                }
                each(table.opened(self.scaling.as_ref()), |mut data| {
                    if self.kind.values == Values::Counts {
                        let names = Names(data.columns.clone());
                        names.check_counts(&data).map_err(|problem| {
                            Failure::run(format!("--data {}: {problem}", path.display()))
                        })?;
                    }
                    self.source.mask(&mut data, self.scaling.as_ref());
                    self.check_whole(&data, path)?;
                    Ok(data)
                })?
            }
            Found::Samples(opened, _) => each(opened, |data| self.shades(data, path))?,
        };
        let opened = each(opened, |data| self.named(data, path))?;
        let Some(target) = &options.target else {
            return Ok(opened);
        };
        let targets = targets(target)?;
        each(opened, |mut data| {
            if data.len() != targets.len() {
                return Err(other_rows(target, targets.len(), data.len()));
            }
            become_targets(&mut data, &targets, target)?;
            Ok(data)
        })
    }

    /// The table at a path with all its digits, if it is one: its rows are those that
    /// [`read`](Self::read) gives.
    pub(crate) fn exact(
        &self,
        path: &Path,
        options: &DataOptions,
    ) -> Result<Option<Table>, Failure> {
        let options = options.or(&self.source.options);
        let mut reader = options.reader();
        if let Some(layout) = self.source.layout() {
            reader = reader.like(layout);
        }
        let found = datasets::find(path, &reader, &options.pictures()).map_err(Failure::run)?;
        Ok(match found {
            Found::Table(table) => Some(table),
            Found::Samples(..) => None,
        })
    }

    /// What stands for numbers that are missing.
    fn fills(&self, path: &Path) -> Result<&[f64], Failure> {
        if self.source.fills.is_empty() {
            return Err(Failure::run(format!(
                "--data {}: numbers are missing, and {} knows nothing that stands for them; train it again without `--missing refuse`, or leave the rows out",
                path.display(),
                self.run.display()
            )));
        }
        Ok(&self.source.fills)
    }

    /// Refuses holes where the model needs every number.
    fn check_whole(&self, data: &Dataset, path: &Path) -> Result<(), Failure> {
        if !self.complete || data.observed.is_none() {
            return Ok(());
        }
        Err(Failure::run(format!(
            "--data {}: numbers are missing, and the model of {} needs all; --missing mean or median fills them in",
            path.display(),
            self.run.display()
        )))
    }

    /// Images, or rows of bytes.
    fn shades(&self, mut data: Dataset, path: &Path) -> Result<Dataset, Failure> {
        self.check_width(data.width(), path)?;
        if let (Some(expected), Some(found)) = (self.image, data.image)
            && expected != found
        {
            return Err(Failure::usage(format!(
                "--data {}: images of {found}, and the model of {} was trained on {expected}; bring them to that size with --resize or --crop",
                path.display(),
                self.run.display()
            )));
        }
        if let Some(scaling) = &self.scaling {
            data.features = scaling.apply(&data.features.scale(data.white));
        }
        let in_unit_interval = || data.features.iter().all(|x| (0.0..=1.0).contains(&x));
        if self.kind.image().is_some() && !in_unit_interval() {
            return Err(data::outside_unit_interval(path));
        }
        Ok(data)
    }

    /// With labels that are numbered as the run's.
    pub(crate) fn named(&self, mut data: Dataset, path: &Path) -> Result<Dataset, Failure> {
        let mut classes = self.source.classes.clone();
        let known: HashSet<String> = classes.iter().cloned().collect();
        let own = names_of(&data).into_iter();
        let unknown: Vec<String> = own.filter(|name| !known.contains(name)).collect();
        if self.labelled && !unknown.is_empty() {
            return Err(Failure::run(format!(
                "--data {}: found the labels {}, expected those that {} was trained on: {}; leave such samples out",
                path.display(),
                listed(&unknown),
                self.run.display(),
                listed(&classes)
            )));
        }
        classes.extend(unknown);
        renumber(&mut data, &classes);
        Ok(data)
    }

    pub(crate) fn check_width(&self, found: usize, path: &Path) -> Result<(), Failure> {
        let expected = self.kind.features();
        if found == expected {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "--data {}: samples of {found} features, and the model of {} takes {expected}; use data such as it was trained on",
            path.display(),
            self.run.display(),
        )))
    }
}

/// Whatever is done to each part.
fn each(
    opened: Opened,
    what: impl Fn(Dataset) -> Result<Dataset, Failure>,
) -> Result<Opened, Failure> {
    Ok(match opened {
        Opened::Whole(data) => Opened::Whole(what(data)?),
        Opened::Parts(Split { train, held_out }) => Opened::Parts(Split {
            train: what(train)?,
            held_out: what(held_out)?,
        }),
    })
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
