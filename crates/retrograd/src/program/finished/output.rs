//! What commands write: arrays, tables and pictures, by the ending of the file's name.
//!
//! Arrays and tables are in the units of the data that the run was trained on, whatever scale the
//! model works on. Pictures have that scale, since its numbers are shades.

use std::path::{Path, PathBuf};

use retrograd::datasets::{Dataset, IfExists, Scaling, write_cells, write_csv, write_npy};
use retrograd::nn::checkpoint::write_atomically;
use retrograd::report::{ImageGrid, Shading};
use retrograd::tensor::Tensor;

use super::options::OutputOptions;
use super::run::Run;
use super::score::is_above;
use crate::program::failure::Failure;
use crate::program::pictures;
use crate::program::terminal;

/// Most rows of a heat map.
const MOST_ROWS: usize = 200;
/// Widest and highest a grid of images should be, in pixels: what is more is left out.
const GRID: [usize; 2] = [1600, 2000];
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

    /// As [`write`](Self::write), the numbers being these, in a table as `cells` has them.
    fn write_in_units(
        &self,
        rows: &Dataset,
        values: &Tensor,
        cells: &Cells,
        picture: impl FnOnce() -> Result<Vec<u8>, Failure>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Npy => write_npy(&self.path, values, self.if_exists).map_err(Failure::run),
            Format::Csv => {
                let numbers = values.to_vec();
                let cells = numbers.chunks(rows.width().max(1)).map(|row| {
                    let row = row.iter().enumerate();
                    row.map(|(column, value)| cells.made(column, *value))
                        .collect()
                });
                write_cells(&self.path, rows, cells, self.if_exists).map_err(Failure::run)
            }
            Format::Png => write(&self.path, &picture()?),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What to do if it is there.
    pub(super) fn if_exists(&self) -> IfExists {
        self.if_exists
    }

    /// Says what the file holds, which may be less than there is if it is a picture, of at most so
    /// many.
    pub(super) fn say(&self, count: usize, most: usize, what: &str) -> Result<(), Failure> {
        let part = if self.format == Format::Png && count > most {
            format!("a picture of the first {most} of ")
        } else {
            String::new()
        };
        terminal::print(&format!("{}: {part}{count} {what}\n", self.path.display()))
    }

    /// Writes codes `[samples, code]`, beside what is known of their samples.
    pub(super) fn codes(&self, codes: Tensor, of: &Dataset) -> Result<(), Failure> {
        let [count, latent] = [codes.shape()[0], codes.shape()[1]];
        let rows = Dataset {
            columns: (1..=latent).map(|unit| format!("h{unit}")).collect(),
            ..beside(of, codes)
        };
        self.write(&rows, || {
            let shown = first(&rows.features, MOST_ROWS);
            let grid = ImageGrid::heatmap(
                &[("code", &shown.values::<f32>())],
                [shown.shape()[0], latent],
            )
            .encode_png();
            grid.map_err(Failure::run)
        })?;
        self.say(count, MOST_ROWS, &format!("codes of {latent} numbers"))
    }

    /// Writes scores `[samples]`, beside what is known of their samples; in a table, with a 1 for
    /// those above the threshold.
    pub(super) fn scores(
        &self,
        scores: &[f32],
        threshold: Option<f64>,
        of: &Dataset,
    ) -> Result<(), Failure> {
        let count = scores.len();
        if self.format == Format::Png {
            return Err(Failure::usage(
                "--out: scores are no picture; end it in .npy or .csv",
            ));
        }
        if self.format == Format::Npy {
            let scores = Tensor::from_vec(scores.to_vec(), [count]);
            write_npy(&self.path, &scores, self.if_exists).map_err(Failure::run)?;
        } else {
            let flag = |score: f32| threshold.map(|at| f32::from(is_above(score, at)));
            let row = |&score: &f32| std::iter::once(score).chain(flag(score));
            let columns = ["score", "flag"].map(str::to_owned);
            let columns = &columns[..1 + usize::from(threshold.is_some())];
            let values = scores.iter().flat_map(row).collect();
            let rows = Dataset {
                columns: columns.to_vec(),
                ..beside(of, Tensor::from_vec(values, [count, columns.len()]))
            };
            write_csv(&self.path, &rows, self.if_exists).map_err(Failure::run)?;
        }
        self.say(count, MOST_ROWS, "scores")
    }
}

/// How the numbers of each feature are written in a table, in the units of the data.
pub(super) struct Cells {
    /// As many decimals as are known of each; of `f32`, where data is taken as it is.
    decimals: Option<Vec<usize>>,
    /// The values of each feature that is words; nothing of numbers.
    words: Vec<Vec<String>>,
}

impl Cells {
    pub(super) fn of(run: &Run) -> Self {
        let decimals = |scaling: Scaling| scaling.scale.iter().map(|size| places(*size)).collect();
        Self {
            decimals: run.config.scaling().map(decimals),
            words: run.config.source.feature_words(),
        }
    }

    /// A number that the model has made.
    pub(super) fn made(&self, column: usize, value: f64) -> String {
        match (self.word(column, value), &self.decimals) {
            (Some(word), _) => word,
            (None, Some(decimals)) => decimal(value, decimals[column]),
            (None, None) => (value as f32).to_string(),
        }
    }

    /// A number that was given: with as few digits as are read as the same number again.
    pub(super) fn given(&self, column: usize, value: f64) -> String {
        self.word(column, value)
            .unwrap_or_else(|| value.to_string())
    }

    /// The word nearest to a number, of a column that is words.
    fn word(&self, column: usize, value: f64) -> Option<String> {
        let words = self.words.get(column).filter(|words| !words.is_empty())?;
        let last = words.len() - 1;
        Some(words[(value.round().max(0.0) as usize).min(last)].clone())
    }
}

/// What is said of samples that are written.
pub(super) struct Sheet<'a> {
    /// What they are: `reconstructions`.
    pub(super) name: &'static str,
    /// Samples to show above them, with their name.
    pub(super) above: Option<(&'static str, &'a Tensor)>,
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
        samples: Tensor,
        sheet: &Sheet<'_>,
    ) -> Result<(), Failure> {
        let count = samples.shape()[0];
        let mut rows = match sheet.of {
            Some(of) => beside(of, samples.clone()),
            None => Dataset::new(sheet.name, samples.clone()),
        };
        rows.columns = self.config.source.features();
        if let (true, Some(of)) = (rows.columns.is_empty(), sheet.of) {
            rows.columns.clone_from(&of.columns);
        }
        let picture = || self.picture(&samples, sheet);
        let values = match self.config.scaling() {
            Some(scaling) => scaling.invert(&samples),
            None => samples.scale(self.config.source.white.unwrap_or(1.0)),
        };
        target.write_in_units(&rows, &values, &Cells::of(self), picture)?;
        let what = format!("{} of {} features", sheet.name, self.kind.features());
        let (_, most) = self.grid(sheet);
        target.say(count, most, &what)
    }

    /// Images in a line of a picture, and samples in all.
    fn grid(&self, sheet: &Sheet<'_>) -> (usize, usize) {
        let Some(image) = self.config.image() else {
            return (1, MOST_ROWS);
        };
        let scale = pictures::scale(image.width);
        let [across, down] = [(image.width, GRID[0]), (image.height, GRID[1])]
            .map(|(side, all)| (all / (side * scale).max(1)).max(1));
        let columns = sheet.columns.min(across);
        let names = 1 + usize::from(sheet.above.is_some());
        (columns, columns * (down / names).max(1))
    }

    fn picture(&self, samples: &Tensor, sheet: &Sheet<'_>) -> Result<Vec<u8>, Failure> {
        let (columns, most) = self.grid(sheet);
        let rows = sheet.above.into_iter().chain([(sheet.name, samples)]);
        let rows: Vec<(&str, Tensor)> =
            rows.map(|(name, rows)| (name, first(rows, most))).collect();
        let count = rows[0].1.shape()[0];
        let png = match self.config.image() {
            Some(image) => {
                let shades: Vec<(&str, Vec<f32>)> = rows
                    .iter()
                    .map(|(name, rows)| (*name, pictures::shown(rows, image)))
                    .collect();
                let shape = [count, image.height, image.width];
                let mut grid = ImageGrid::new()
                    .scale(pictures::scale(image.width))
                    .columns(columns);
                for (name, shades) in &shades {
                    grid = grid.row(*name, shades, shape);
                }
                grid.encode_png()
            }
            None => {
                let values: Vec<(&str, Vec<f32>)> = rows
                    .iter()
                    .map(|(name, rows)| (*name, rows.values().into_owned()))
                    .collect();
                let tables: Vec<(&str, &[f32])> = values
                    .iter()
                    .map(|(name, values)| (*name, &values[..]))
                    .collect();
                let shading = if self.kind.is_unit() {
                    Shading::Grey
                } else {
                    Shading::Diverging
                };
                ImageGrid::heatmap(&tables, [count, self.kind.features()])
                    .shading(shading)
                    .encode_png()
            }
        };
        png.map_err(Failure::run)
    }
}

/// Other numbers beside what is known of samples: what each goes by, which is its row if nothing
/// else is known, and its label.
pub(super) fn beside(of: &Dataset, numbers: Tensor) -> Dataset {
    let (id_column, ids) = match of.ids.is_empty() {
        true => {
            let rows = (0..of.len()).map(|sample| of.row(sample).to_string());
            ("row".to_owned(), rows.collect())
        }
        false => (of.id_column.clone(), of.ids.clone()),
    };
    Dataset {
        labels: of.labels.clone(),
        classes: of.classes.clone(),
        label_column: of.label_column.clone(),
        ids,
        id_column,
        ..Dataset::new(&of.name, numbers)
    }
}

/// Decimals that 4 bytes know of a number whose column has this scale.
fn places(scale: f64) -> usize {
    /// The most that are of use: those of 8 bytes below 1.
    const MOST: f64 = 17.0;
    let step = scale.abs() * f64::from(f32::EPSILON) / 2.0;
    (-step.log10()).ceil().clamp(0.0, MOST) as usize
}

/// The number with so many decimals at most.
fn decimal(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The first rows, at most so many.
fn first(rows: &Tensor, most: usize) -> Tensor {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_decimals_that_are_known() {
        assert_eq!((places(63.0), places(1e-6), places(1e9)), (6, 14, 0));
        assert_eq!(decimal(1_700_000_001.000_000_2, 6), "1700000001");
        assert_eq!(decimal(0.25, 7), "0.25");
        assert_eq!(decimal(1500.0, 0), "1500");
    }
}
