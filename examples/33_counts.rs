//! Counts: what is in a sample, apart from how much of it was counted.
//!
//! ```text
//! min −log NB(x; ℓ·softmax(d(z)), θ) + KL(q(z|x) ‖ N(0, 1)),  ℓ the sum of x
//! ```
//!
//! With respect to `24_variational` the decoder says shares, and the size ℓ of the sample makes counts of
//! them. The data is drawn: 40 features, 5 groups that differ in their shares, and samples whose sizes differ
//! more than the groups do. A model of raw numbers codes sizes; this one is left to code groups.
//!
//! Three distributions are compared by their bounds on the same samples: Poisson, which scatters too little;
//! negative binomial; and that with more zeros, by which the data was drawn. For each it is told how many samples are
//! nearest to the mean code of their own group, and how well a line reads the logarithm of the size off the code.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 33_counts`. After the losses it prints for each
//!
//! ```text
//! poisson
//! held out 144.66 nats, groups found 98.5 %, size read off the code (R²) 0.01
//! nb
//! held out 105.80 nats, groups found 97.7 %, size read off the code (R²) 0.00
//! dispersion 1.09 (median), drawn with 4
//! zinb
//! held out 105.64 nats, groups found 98.3 %, size read off the code (R²) 0.00
//! dispersion 1.21 (median), drawn with 4
//! wrote target/examples-out/33_counts_codes.svg
//! ```
//!
//! The dispersion that is learnt is below that of the data: part of its zeros count as scatter. The chart has the
//! held-out codes of the last model in two principal components, by group.

use retrograd_autoencoders::{Autoencoder, BatchSize, Card, DataShape, Recipe, Settings};
use retrograd_datasets::{
    COUNTS_DISPERSION, COUNTS_FEATURES, COUNTS_GROUPS, Dataset, PrincipalComponents, counts_split,
};
use retrograd_examples::{Example, Outcome, recipe};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, random};

/// Numbers of the code.
const LATENT: usize = 4;

fn main() -> Outcome {
    let example = Example::new("33_counts");
    example.makes_its_data()?;
    let (train, held_out) = if example.quick {
        (500, 200)
    } else {
        (5000, 1000)
    };
    let data = counts_split(train, held_out, 42);
    let (card, shape) = (Card::named("counts")?, DataShape::counts(COUNTS_FEATURES));
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("counts", 30)?
    };
    let mut bounds = Vec::new();
    let mut last = None;
    for decoder in ["poisson", "nb", "zinb"] {
        println!("{decoder}");
        let settings = Settings::new()
            .with("latent", LATENT)
            .with("decoder", decoder);
        let model = card.build(&settings, shape, &mut random::rng(0))?;
        let loss = example.train(model.as_ref(), &data, &recipe)?;
        let codes = codes(model.as_ref(), &data.held_out.features);
        let found = nearest(&codes, &data.held_out);
        let size = explained(&codes, &data.held_out.features);
        println!(
            "held out {loss:.2} nats, groups found {:.1} %, size read off the code (R²) {size:.2}",
            100.0 * found
        );
        if let Some((_, log)) = model
            .params()
            .iter()
            .find(|(name, _)| name == "log_dispersion")
        {
            let mut theta: Vec<f64> = log.value().iter().map(f64::exp).collect();
            theta.sort_by(f64::total_cmp);
            let middle = theta[theta.len() / 2];
            println!("dispersion {middle:.2} (median), drawn with {COUNTS_DISPERSION}");
        }
        assert!(
            !example.typical() || (found > 0.9 && size < 0.3),
            "{found} {size}"
        );
        bounds.push(loss);
        last = Some(codes);
    }
    let falling = bounds.windows(2).all(|pair| pair[1] < pair[0]);
    assert!(!example.typical() || falling, "{bounds:?}");
    let codes = last.expect("three models");
    let plane = PrincipalComponents::of(&codes).project(&codes, 2).to_vec();
    let labels = data.held_out.labels.as_deref().unwrap_or_default();
    let mut chart = Chart::scatter("Codes by group", "first component", "second component");
    for group in 0..COUNTS_GROUPS as u32 {
        let own = plane
            .chunks(2)
            .zip(labels)
            .filter(|(_, label)| **label == group);
        chart = chart.points(format!("{group}"), own.map(|(at, _)| (at[0], at[1])));
    }
    example.chart("codes", &chart)
}

/// The means of codes, without the size, which is their last number.
fn codes(model: &dyn Autoencoder, x: &Tensor) -> Tensor {
    let codes = model.encode(&x.clone().into()).flat().into_value();
    codes.slice(1, ..LATENT as isize).contiguous()
}

/// The share of samples that are nearest to the mean code of their own group.
fn nearest(codes: &Tensor, data: &Dataset) -> f64 {
    let (codes, labels) = (codes.to_vec(), data.labels.as_deref().unwrap_or_default());
    let mut means = [[0.0; LATENT + 1]; COUNTS_GROUPS];
    for (code, &label) in codes.chunks(LATENT).zip(labels) {
        let mean = &mut means[label as usize];
        code.iter()
            .zip(mean.iter_mut())
            .for_each(|(x, sum)| *sum += x);
        mean[LATENT] += 1.0;
    }
    let distance = |code: &[f64], mean: &[f64; LATENT + 1]| -> f64 {
        let count = mean[LATENT].max(1.0);
        code.iter()
            .zip(mean)
            .map(|(x, sum)| (x - sum / count).powi(2))
            .sum()
    };
    let is_own = |(code, label): &(&[f64], &u32)| {
        let own = distance(code, &means[**label as usize]);
        means.iter().all(|other| own <= distance(code, other))
    };
    let own = codes.chunks(LATENT).zip(labels).filter(is_own).count();
    own as f64 / labels.len() as f64
}

/// The largest share of the variance of log ℓ that one number of the code explains by a line.
fn explained(codes: &Tensor, x: &Tensor) -> f64 {
    let sizes: Vec<f64> = x.sum(1).iter().map(|sum| (sum + 1.0).ln()).collect();
    let codes = codes.to_vec();
    let n = sizes.len() as f64;
    let moments = |a: &[f64], b: &[f64]| {
        let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - mean_a) * (b - mean_b))
            .sum::<f64>()
    };
    let of = |unit: usize| {
        let code: Vec<f64> = codes.iter().skip(unit).step_by(LATENT).copied().collect();
        moments(&code, &sizes).powi(2) / (moments(&code, &code) * moments(&sizes, &sizes))
    };
    (0..LATENT).map(of).fold(0.0, f64::max)
}
