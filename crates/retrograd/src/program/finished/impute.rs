//! `retrograd impute`: a table with its holes filled in, and all else as it was.

use std::path::{Path, PathBuf};

use retrograd::autoencoders::Input;
use retrograd::autograd::{Mode, Tape};
use retrograd::datasets::{Dataset, STANDARD_INPUT, Table, write_cells, write_npy};
use retrograd::nn::SampleBatch;
use retrograd::nn::data::Samples;
use retrograd::nn::train::Batch;
use retrograd::tensor::{Tensor, random};

use super::options::ImputeOptions;
use super::output::{Cells, Format, Target, beside};
use super::run::Run;
use crate::program::built_in::BuiltIn;
use crate::program::failure::Failure;
use crate::program::terminal;

/// Draws of codes that are in memory at once.
const AT_ONCE: usize = 20_000;

/// Fills in what is missing and writes all of it.
///
/// A model of the data's distribution gives the expectation of what is missing given what was observed;
/// any other its reconstruction, which is said.
pub(super) fn run(options: &ImputeOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    if target.format == Format::Png {
        return Err(Failure::usage(
            "--out: a table that is filled in is no picture; end it in .csv or .npy",
        ));
    }
    let run = Run::open(&options.input.run)?;
    let source = run.table_of(options)?;
    let samples = run.samples(&options.input)?;
    let exact = source
        .map(|path| run.form().exact(&path, &options.input.reading))
        .transpose()?
        .flatten();
    let batch = samples.batch();
    let (filled, how) = run.imputed(&batch, options.draws, options.seed);
    let numbers = run.in_units(&samples.data, &filled, exact.as_ref());
    let holes = numbers.iter().filter(|(_, seen)| !seen).count();
    write(&run, &target, &samples.data, &numbers)?;
    let rows = samples.data.len();
    target.say(
        rows,
        rows,
        &format!("rows, {holes} numbers of which are filled in: {how}"),
    )
}

impl Run {
    /// The file whose numbers are to be kept as they are, if they come from one.
    fn table_of(&self, options: &ImputeOptions) -> Result<Option<PathBuf>, Failure> {
        let own = self.config.wanted()?;
        let held_out = own.held_out.filter(|path| path.is_file());
        let own = held_out.or(own.data);
        let path = options.input.data.clone().or(own);
        let path = path.filter(|path| BuiltIn::at(path).is_none());
        if path.as_deref() == Some(Path::new(STANDARD_INPUT)) {
            return Err(Failure::usage(
                "--data -: the numbers that are there are read a second time, to be kept as they are; name a file",
            ));
        }
        Ok(path)
    }

    /// The samples with something in each hole, on the model's scale, and how that was found.
    fn imputed(&self, samples: &SampleBatch, draws: usize, seed: u64) -> (Tensor, String) {
        let count = samples.x.shape()[0];
        let rows = (AT_ONCE / draws).clamp(1, AT_ONCE);
        let mut known = true;
        let parts: Vec<Tensor> = (0..count)
            .step_by(rows)
            .map(|first| {
                let part: Vec<usize> = (first..(first + rows).min(count)).collect();
                let rng = random::stream(seed, "impute", &[first as u64]);
                let tape = Tape::with(Mode::Evaluation, rng);
                let input: Input = samples.rows(&part).on(&tape);
                let imputed = self.model.impute(&input, draws);
                known &= imputed.is_some();
                let imputed = imputed.unwrap_or_else(|| self.model.reconstruct(&input));
                imputed.into_value()
            })
            .collect();
        let how = if known {
            format!("the expectation given the others, from {draws} weighted draws of the code")
        } else {
            format!(
                "the reconstruction, since `{}` says nothing of their distribution",
                self.variant
            )
        };
        (Tensor::cat(&parts, 0), how)
    }

    /// The numbers in the units of the data, and whether each was observed: what was is as the file has
    /// it, to the last digit.
    fn in_units(&self, data: &Dataset, filled: &Tensor, exact: Option<&Table>) -> Vec<(f64, bool)> {
        let width = data.width();
        let values = match self.config.scaling() {
            Some(scaling) => scaling.invert(filled),
            None => filled.scale(self.config.source.white.unwrap_or(1.0)),
        };
        let whole = Tensor::ones(*data.features.shape(), data.features.dtype());
        let observed = data.observed.as_ref().unwrap_or(&whole);
        let rows: Option<Vec<&[f64]>> = exact.map(|table| table.rows().collect());
        // Without a file, what was observed is what the model was given.
        let given = match self.config.scaling() {
            Some(scaling) => scaling.invert(&data.features),
            None => data.features.scale(self.config.source.white.unwrap_or(1.0)),
        };
        let numbers = values.iter().zip(given.iter()).zip(observed.iter());
        let each = numbers.enumerate().map(|(at, ((filled, given), seen))| {
            let row = rows
                .as_ref()
                .and_then(|rows| rows.get(data.row(at / width)));
            let exact = row.and_then(|row| row.get(at % width)).copied();
            let exact = exact.filter(|exact| !exact.is_nan());
            match seen > 0.0 {
                true => (exact.unwrap_or(given), true),
                false => (filled, false),
            }
        });
        each.collect()
    }
}

fn write(
    run: &Run,
    target: &Target,
    data: &Dataset,
    numbers: &[(f64, bool)],
) -> Result<(), Failure> {
    let width = data.width().max(1);
    if target.format == Format::Npy {
        let values = numbers.iter().map(|(number, _)| *number).collect();
        let values: Tensor = Tensor::from_vec::<f64>(values, [data.len(), data.width()]);
        return write_npy(target.path(), &values, target.if_exists()).map_err(Failure::run);
    }
    let mut rows = beside(data, data.features.clone());
    rows.columns = run.config.source.features();
    if rows.columns.is_empty() {
        rows.columns.clone_from(&data.columns);
    }
    let cells = Cells::of(run);
    let cells = numbers.chunks(width).map(|row| {
        let cell = |(column, (number, seen)): (usize, &(f64, bool))| match seen {
            true => cells.given(column, *number),
            false => cells.made(column, *number),
        };
        row.iter().enumerate().map(cell).collect()
    });
    write_cells(target.path(), &rows, cells, target.if_exists()).map_err(Failure::run)?;
    if numbers.iter().all(|(_, seen)| *seen) {
        terminal::say("no number was missing");
    }
    Ok(())
}
