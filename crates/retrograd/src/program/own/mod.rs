//! Data of the user's own: how it is read, what a run remembers of it, and how other files are
//! brought into the same form.
//!
//! Columns and classes are found by their names, and numbers are scaled as those that the run was
//! trained on. Whatever is done to data is said, in a line for each kind of thing.

mod classes;
mod columns;
mod form;
mod options;
mod reach;
mod source;
mod targets;

use std::path::Path;

use retrograd::autoencoders::DataShape;
use retrograd::datasets::{
    self, CsvReader, Dataset, Found, Layout, Opened, Pictures, Role, Scaling, Split, Table,
};

pub(crate) use self::classes::name_classes;
use self::columns::{Names, of_columns};
pub(crate) use self::form::Form;
pub(crate) use self::options::{DataOptions, Missing, Scale};
pub(crate) use self::reach::fit_range;
pub(crate) use self::source::Source;
use self::targets::{become_targets, other_rows, targets};
use crate::program::built_in::BuiltIn;
use crate::program::data::{self, HELD_OUT, QUICK_SHARE, Wanted};
use crate::program::disk::{self, Disk, Store};
use crate::program::failure::Failure;
use crate::program::terminal;

/// Data as it is trained on.
pub(crate) struct Own {
    pub(crate) split: Split,
    pub(crate) kind: DataShape,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) source: Source,
    /// What of it stays on the disk; the split is then of the first rows.
    pub(crate) disk: Option<Disk>,
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
