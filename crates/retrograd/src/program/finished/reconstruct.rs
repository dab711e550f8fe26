//! `retrograd reconstruct`: y = g(f(x)) of every sample.

use super::options::ThroughOptions;
use super::output::{COLUMNS, Sheet, Target};
use super::run::Run;
use crate::program::failure::Failure;

/// Writes the reconstructions; in a picture, below their originals.
pub(super) fn run(options: &ThroughOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let originals = &samples.data.features;
    let reconstructions = run.reconstruct(&samples.batch());
    let sheet = Sheet {
        name: "reconstructions",
        above: Some(("originals", originals)),
        of: Some(&samples.data),
        columns: COLUMNS,
    };
    run.write(&target, reconstructions, &sheet)
}
