//! `retrograd encode`: h = f(x) of every sample; of a variant whose code is a distribution, its mean.

use super::options::ThroughOptions;
use super::output::Target;
use super::run::Run;
use crate::program::failure::Failure;

/// Writes the codes.
pub(super) fn run(options: &ThroughOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let codes = run.encode(&samples.batch());
    target.codes(codes, &samples.data)
}
