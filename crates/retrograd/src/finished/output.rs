//! What commands write: arrays, tables and pictures, by the ending of the file's name.
//!
//! Arrays and tables are in the units of the data that the run was trained on, whatever scale the
//! model works on. Pictures have that scale, since its numbers are shades.

use std::path::{Path, PathBuf};

use retrograd::autoencoders::DataKind;
use retrograd::datasets::{Dataset, IfExists, write_csv, write_npy};
use retrograd::nn::checkpoint::write_atomically;
use retrograd::report::{ImageGrid, Shading};
use retrograd::tensor::Tensor;

use super::options::OutputOptions;
use super::run::Run;
use crate::failure::Failure;
use crate::pictures;
use crate::terminal;

/// Most samples of a picture.
const MOST_SHOWN: usize = 1000;
/// Images in a line where nothing else decides.
pub(super) const COLUMNS: usize = 16;

/// What a file is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Csv,
    Png,
}

/// A file to write.
pub(super) struct Target {
    path: PathBuf,
    pub(super) format: Format,
    if_exists: IfExists,
}

impl Target {
    /// Where the options say, which is refused at once if it is there or has no known ending.
    pub(super) fn new(options: &OutputOptions) -> Result<Self, Failure> {
        let path = &options.out;
        let known = [
            ("npy", Format::Npy),
            ("csv", Format::Csv),
            ("png", Format::Png),
        ];
        let format = known.into_iter().find(|(ending, _)| {
            path.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
        });
        let Some((_, format)) = format else {
            return Err(Failure::usage(format!(
                "--out {}: the ending says what is written; end it in .npy, .csv or .png",
                path.display()
            )));
        };
        check_free(path, options.overwrite)?;
        Ok(Self {
            path: path.clone(),
            format,
            if_exists: if options.overwrite {
                IfExists::Replace
            } else {
                IfExists::Fail
            },
        })
    }

    /// Writes the rows as an array or a table; or the picture, where that is asked for.
    fn write(
        &self,
        rows: &Dataset,
        picture: impl FnOnce() -> Result<Vec<u8>, Failure>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Npy => {
                write_npy(&self.path, &rows.features, self.if_exists).map_err(Failure::run)
            }
            Format::Csv => write_csv(&self.path, rows, self.if_exists).map_err(Failure::run),
            Format::Png => write(&self.path, &picture()?),
        }
    }

    /// Says what the file holds, which may be less than there is if it is a picture.
    fn say(&self, count: usize, what: &str) -> Result<(), Failure> {
        let part = if self.format == Format::Png && count > MOST_SHOWN {
            format!("the first {MOST_SHOWN} of ")
        } else {
            String::new()
        };
        terminal::print(&format!("{}: {part}{count} {what}\n", self.path.display()))
    }

    /// Writes codes `[samples, code]`, beside what is known of their samples.
    pub(super) fn codes(&self, codes: Tensor<f32>, of: &Dataset) -> Result<(), Failure> {
        let [count, latent] = [codes.shape()[0], codes.shape()[1]];
        let rows = Dataset {
            columns: (1..=latent).map(|unit| format!("h{unit}")).collect(),
            labels: of.labels.clone(),
            classes: of.classes.clone(),
            ..Dataset::new("codes", codes)
        };
        self.write(&rows, || {
            let shown = first(&rows.features, MOST_SHOWN);
            let grid = ImageGrid::heatmap(&[("code", &shown.to_vec())], [shown.shape()[0], latent])
                .encode_png();
            grid.map_err(Failure::run)
        })?;
        self.say(count, &format!("codes of {latent} numbers"))
    }

    /// Writes scores `[samples]`, beside what is known of their samples.
    pub(super) fn scores(&self, scores: &Tensor<f32>, of: &Dataset) -> Result<(), Failure> {
        if self.format == Format::Png {
            return Err(Failure::usage(
                "--out: scores are no picture; end it in .npy or .csv",
            ));
        }
        if self.format == Format::Npy {
            write_npy(&self.path, scores, self.if_exists).map_err(Failure::run)?;
        } else {
            let rows = Dataset {
                columns: vec!["score".to_owned()],
                labels: of.labels.clone(),
                classes: of.classes.clone(),
                ..Dataset::new("scores", scores.reshape(&[-1, 1]))
            };
            write_csv(&self.path, &rows, self.if_exists).map_err(Failure::run)?;
        }
        self.say(scores.elements(), "scores")
    }
}

/// What is said of samples that are written.
pub(super) struct Sheet<'a> {
    /// What they are: `reconstructions`.
    pub(super) name: &'static str,
    /// Samples to show above them, with their name.
    pub(super) above: Option<(&'static str, &'a Tensor<f32>)>,
    /// What each is and is called, where that is known.
    pub(super) of: Option<&'a Dataset>,
    /// Images in a line of a picture.
    pub(super) columns: usize,
}

impl Run {
    /// Writes samples `[samples, features]` that the model has made.
    pub(super) fn write(
        &self,
        target: &Target,
        samples: Tensor<f32>,
        sheet: &Sheet<'_>,
    ) -> Result<(), Failure> {
        let count = samples.shape()[0];
        let in_units = match self.config.scaling() {
            Some(scaling) => scaling.invert(&samples).cast(),
            None => samples.clone(),
        };
        let mut rows = Dataset::new(sheet.name, in_units);
        if let Some(of) = sheet.of {
            rows.columns.clone_from(&of.columns);
            rows.labels.clone_from(&of.labels);
            rows.classes.clone_from(&of.classes);
        }
        target.write(&rows, || self.picture(&samples, sheet))?;
        let what = format!("{} of {} features", sheet.name, self.kind.features());
        target.say(count, &what)
    }

    fn picture(&self, samples: &Tensor<f32>, sheet: &Sheet<'_>) -> Result<Vec<u8>, Failure> {
        let rows = sheet.above.into_iter().chain([(sheet.name, samples)]);
        let rows: Vec<(&str, Tensor<f32>)> = rows
            .map(|(name, rows)| (name, first(rows, MOST_SHOWN)))
            .collect();
        let count = rows[0].1.shape()[0];
        let png = match self.config.image() {
            Some(image) => {
                let shades: Vec<(&str, Vec<f32>)> = rows
                    .iter()
                    .map(|(name, rows)| (*name, pictures::greys(rows, image)))
                    .collect();
                let shape = [count, image.height, image.width];
                let mut grid = ImageGrid::new()
                    .scale(pictures::scale(image.width))
                    .columns(sheet.columns);
                for (name, shades) in &shades {
                    grid = grid.row(*name, shades, shape);
                }
                grid.encode_png()
            }
            None => {
                let values: Vec<(&str, Vec<f32>)> = rows
                    .iter()
                    .map(|(name, rows)| (*name, rows.to_vec()))
                    .collect();
                let tables: Vec<(&str, &[f32])> = values
                    .iter()
                    .map(|(name, values)| (*name, &values[..]))
                    .collect();
                let shading = match self.kind {
                    DataKind::Points(_) => Shading::Diverging,
                    DataKind::Images(_) | DataKind::Table(_) => Shading::Grey,
                };
                ImageGrid::heatmap(&tables, [count, self.kind.features()])
                    .shading(shading)
                    .encode_png()
            }
        };
        png.map_err(Failure::run)
    }
}

/// The first rows, at most so many.
fn first(rows: &Tensor<f32>, most: usize) -> Tensor<f32> {
    let count = rows.shape()[0].min(most);
    rows.slice(0, ..count as isize).contiguous()
}

/// Refuses a file that is there, unless it may be replaced.
pub(super) fn check_free(path: &Path, overwrite: bool) -> Result<(), Failure> {
    if overwrite || path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Failure::run(format!(
        "{}: the file is there already; choose another with --out, or replace it with --overwrite",
        path.display()
    )))
}

/// Writes a whole file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_atomically(path, bytes).map_err(|error| {
        Failure::run(format!(
            "{}: cannot be written ({error}); choose another file with --out",
            path.display()
        ))
    })
}
