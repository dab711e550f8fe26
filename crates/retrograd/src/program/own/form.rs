//! Other files in the form of the data that a run was trained on.

use std::collections::HashSet;
use std::path::Path;

use retrograd::autoencoders::{DataShape, Values};
use retrograd::datasets::{self, Dataset, Found, ImageShape, Opened, Scaling, Split, Table};

use super::classes::{names_of, renumber};
use super::columns::{Names, listed};
use super::find;
use super::options::DataOptions;
use super::source::Source;
use super::targets::{become_targets, other_rows, targets};
use crate::program::data;
use crate::program::failure::Failure;

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
