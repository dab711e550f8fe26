//! `retrograd compress` and `retrograd decompress`: binary samples in as few bits as the model's bound says, and
//! back.

use std::f64::consts::LN_2;
use std::fs;

use retrograd::autoencoders::{Autoencoder, BitsBack, CodingError, Input, Message};
use retrograd::autograd::{Mode, Tape};
use retrograd::datasets::binarize_by_chance;
use retrograd::tensor::{Tensor, random};

use super::options::{CompressOptions, DecompressOptions};
use super::output::{COLUMNS, Sheet, Target, check_free, write};
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::terminal;

/// Samples that go through the model at once, for the bound.
const BATCH: usize = 500;

/// Writes the samples as a message, and says how long it is.
pub(super) fn run(options: &CompressOptions) -> Result<(), Failure> {
    let path = &options.out;
    check_free(path, options.overwrite)?;
    let run = Run::open(&options.input.run)?;
    let coder = BitsBack::new(run.model.as_ref()).map_err(|error| of_run(&run, &error))?;
    let samples = run.samples(&options.input)?;
    if samples.data.observed.is_some() {
        return Err(Failure::usage(
            "numbers are missing, and what is compressed is every number; fill them in with `retrograd impute`",
        ));
    }
    let (x, how) = binary(&samples.data.features, options.seed)?;
    let message = coder.compress(&x).map_err(Failure::usage)?;
    let bytes = message.to_bytes();
    write(path, &bytes)?;
    let [rate, with_initial] = message.rates();
    let bound = bound(run.model.as_ref(), &x, options.seed);
    let per_number = bound.map(|nats| nats / LN_2 / x.shape()[1] as f64);
    let mut text = format!(
        "{}: {} samples of {} binary numbers {how}, {} bytes\n  rate     {rate:.4} bits a number\n",
        path.display(),
        message.samples(),
        message.features(),
        bytes.len()
    );
    text += &format!(
        "           {with_initial:.4} with the {} bits that it starts from\n",
        message.initial_bits()
    );
    if let Some(bound) = per_number {
        text += &format!("  \u{2212}ELBO    {bound:.4} bits a number\n");
    }
    terminal::print(&text)
}

/// Writes what a message says.
pub(super) fn decompress(options: &DecompressOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.run)?;
    let path = options.file.display();
    let failure = |error: CodingError| Failure::run(format!("{path}: {error}"));
    let bytes =
        fs::read(&options.file).map_err(|error| Failure::run(format!("{path}: {error}")))?;
    let message = Message::from_bytes(&bytes).map_err(failure)?;
    let coder = BitsBack::new(run.model.as_ref()).map_err(|error| of_run(&run, &error))?;
    let samples = coder.decompress(&message).map_err(failure)?;
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: None,
        columns: COLUMNS,
    };
    run.write(&target, samples, &sheet)
}

fn of_run(run: &Run, error: &CodingError) -> Failure {
    Failure::usage(format!("{}: {error}", run.path.display()))
}

/// The samples as zeros and ones, and how they came to be so.
fn binary(x: &Tensor, seed: u64) -> Result<(Tensor, String), Failure> {
    if x.iter().all(|x| x == 0.0 || x == 1.0) {
        return Ok((x.clone(), "as they are".to_owned()));
    }
    if !x.iter().all(|x| (0.0..=1.0).contains(&x)) {
        return Err(Failure::usage(
            "bits-back coding takes zeros and ones, or shades from 0 to 1 to draw them from, and the samples have other numbers",
        ));
    }
    let how = format!("drawn from shades with seed {seed}");
    Ok((binarize_by_chance(x, seed), how))
}

/// −ELBO in nats a sample, by one draw of the code for each; none of a model that does not say.
fn bound(model: &dyn Autoencoder, x: &Tensor, seed: u64) -> Option<f64> {
    let count = x.shape()[0];
    let mut sum = 0.0;
    for first in (0..count).step_by(BATCH) {
        let rows: Vec<usize> = (first..(first + BATCH).min(count)).collect();
        let tape = Tape::with(
            Mode::Evaluation,
            random::stream(seed, "bound", &[first as u64]),
        );
        let input = Input::from(tape.constant(x.rows(&rows)));
        let code = model.encode(&input);
        let posterior = code.posterior()?;
        let costs = -model.log_likelihood(&input, &posterior.draw())?;
        sum += costs.sum(..).item() + posterior.divergences().sum(..).item();
    }
    Some(sum / count.max(1) as f64)
}
