//! `retrograd interpolate`: g((1 − t) h₀ + t h₁), from one sample's code to another's.

use retrograd::nn::data::Samples;
use retrograd::tensor::{DType, Tensor};

use super::options::InterpolateOptions;
use super::output::{Sheet, Target};
use super::run::Run;
use crate::program::failure::Failure;

/// Writes the samples along the line; a conditional model has the first one's label all the way.
pub(super) fn run(options: &InterpolateOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let from = Run::row("from", options.from, &samples.data)?;
    let to = Run::row("to", options.to, &samples.data)?;
    let labels = |rows: &[usize]| samples.needed.as_ref().map(|labels| labels.rows(rows));
    let codes = run.encode(&samples.batch().rows(&[from, to]));
    let [start, end] = [0, 1].map(|row| codes.slice(0, row..row + 1));
    let share = Tensor::linspace(0.0, 1.0, options.steps, DType::F32).reshape(&[-1, 1]);
    let line = &(&start * &share.map(|t| 1.0 - t)) + &(&end * &share);
    let labels = labels(&vec![from; options.steps]);
    let labelled = labels.as_ref().map(|labels| run.labelled(labels));
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: labelled.as_ref(),
        columns: options.steps,
    };
    run.write(&target, run.decode(&line, labels.as_ref()), &sheet)
}
