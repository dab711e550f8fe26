//! Missing data: trained on what was observed, filled in by what that says.
//!
//! ```text
//! min −log (1/k) Σᵢ wᵢ        wᵢ = p(x_o|zᵢ) p(zᵢ) / q(zᵢ|x_o),  x_o what was observed
//! E[x_m|x_o] ≈ Σᵢ wᵢ E[x_m|zᵢ] / Σᵢ wᵢ                        x_m what is missing
//! ```
//!
//! With respect to `28_iwae` the likelihood is that of the observed numbers alone. The table is drawn: 8 columns
//! with two causes and noise, 30 % of the numbers taken away, so what was in the holes is known and the
//! error is taken there and nowhere else.
//!
//! The mean of a column leaves an error of about 1, the noise 0.04. In between are the mean code's
//! reconstruction, and expectations from 1 to 300 draws of the code: one draw is a guess, and with more of
//! them those that explain what was observed weigh more.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 34_miwae`. It prints the epochs and
//!
//! ```text
//! squared error in the holes of 500 rows
//! mean of the column    1.112
//! mean code             0.183
//!    1 draws            0.344
//!    3 draws            0.208
//!   10 draws            0.151
//!   30 draws            0.127
//!  100 draws            0.123
//!  300 draws            0.118
//! wrote target/examples-out/34_miwae_error.svg
//! ```
//!
//! The chart has the error against the draws.

use retrograd_autoencoders::{BatchSize, Card, DataShape, Input, Recipe, Settings};
use retrograd_autograd::{Mode, Tape};
use retrograd_datasets::{MISSING_FEATURES, MISSING_NOISE, missing_split, missing_whole};
use retrograd_examples::{Example, Outcome, recipe};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, random};

/// Draws of the code for a row.
const DRAWS: [usize; 6] = [1, 3, 10, 30, 100, 300];
const SEED: u64 = 42;

fn main() -> Outcome {
    let example = Example::new("34_miwae");
    example.makes_its_data()?;
    let (train, rows) = if example.quick {
        (500, 100)
    } else {
        (2000, 500)
    };
    let data = missing_split(train, 200, SEED);
    let shape = DataShape::points(MISSING_FEATURES).with_missing(true);
    let settings = Settings::new().with("latent", 3).with("samples", 10);
    let model = Card::named("miwae")?.build(&settings, shape, &mut random::rng(0))?;
    let recipe = Recipe {
        batch_size: BatchSize::Of(64),
        ..recipe("miwae", 40)?
    };
    example.train(model.as_ref(), &data, &recipe)?;

    let holed = data.train.first(rows);
    let whole = Tensor::from(missing_whole(rows, SEED));
    let observed = holed.observed.clone().expect("a table with holes");
    let holes = observed.map(|seen| 1.0 - seen);
    let error = |filled: &Tensor| {
        let off = &(filled - &whole) * &holes;
        (&off * &off).sum(..).item() / holes.sum(..).item()
    };
    let tape = Tape::with(Mode::Evaluation, random::rng(1));
    let input = Input::from(tape.constant(holed.features.clone()));
    let input = input.observed(tape.constant(observed.clone()));

    // What stands in the holes is the mean of the columns, 0.
    let mean = error(&holed.features);
    let guess = error(model.reconstruct(&input).value());
    println!("squared error in the holes of {rows} rows");
    println!("mean of the column {mean:>8.3}");
    println!("mean code          {guess:>8.3}");
    let mut errors = Vec::new();
    for draws in DRAWS {
        let filled = model.impute(&input, draws).expect("a model of the data");
        let kept = &(filled.value() - &whole) * &observed;
        assert!(kept.iter().all(|off| off == 0.0), "what was observed stays");
        errors.push(error(filled.value()));
        println!("{draws:>4} draws         {:>8.3}", errors[errors.len() - 1]);
    }
    let [first, .., last] = errors[..] else {
        unreachable!("several numbers of draws");
    };
    let noise = f64::from(MISSING_NOISE).powi(2);
    assert!(
        !example.typical() || (last < first && last < 0.3 * mean && last > noise),
        "{errors:?}"
    );
    let line = DRAWS.iter().map(|&draws| draws as f64).zip(errors);
    let chart = Chart::curves("What is filled in", "draws", "squared error in holes")
        .line("weighted draws", line);
    example.chart("error", &chart)
}
