//! A variational autoencoder with a code of two numbers: the whole code is a map one can look at.
//!
//! ```text
//! 784 → 256 → μ, log σ² (2 each) → z → 256 → 784
//! z = (Φ⁻¹(u), Φ⁻¹(v))        u and v in equal steps from 0 to 1, Φ the normal distribution function
//! ```
//!
//! With respect to `24_variational` the code is as narrow as paper. Codes of the data are normal, so
//! equal shares of them lie between equal steps of Φ: taking the grid through the inverse Φ⁻¹ draws
//! every region as large as its share of the data.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 25_variational_2d`. It prints
//!
//! ```text
//! epoch        bce         kl       loss     held out
//!     1   213.8609     5.3752   219.2361     179.1103
//!     2   169.2355     5.4544   174.6899     172.0242
//!     4   161.4429     5.4340   166.8769     165.8368
//!     6   157.0173     5.4834   162.5006     162.2155
//!     8   154.3559     5.5009   159.8568     159.7421
//!    10   152.5291     5.4712   158.0003     158.0987
//!    12   151.0519     5.5015   156.5534     156.8214
//!    14   149.8555     5.5138   155.3693     155.7343
//!    16   148.6353     5.5609   154.1961     154.3281
//!    18   147.3907     5.6012   152.9920     152.8353
//!    20   146.0949     5.6421   151.7370     152.0024
//! wrote target/examples-out/25_variational_2d_manifold.png
//! codes of held-out images: mean [-0.18,  0.92], variance [1.84, 1.04]
//! wrote target/examples-out/25_variational_2d_codes_0_4.svg
//! wrote target/examples-out/25_variational_2d_codes_5_9.svg
//! ```
//!
//! The manifold has 20×20 codes decoded, digits turning into each other; the charts show the codes of
//! held-out images by label. The encoder never saw a label.

use retrograd_autoencoders::{BatchSize, Recipe, Settings};
use retrograd_autograd::Var;
use retrograd_datasets::Dataset;
use retrograd_examples::{Example, Outcome, decode, encode, recipe, variant};
use retrograd_report::{Chart, ImageGrid};
use retrograd_tensor::Tensor;

/// Codes along a side of the manifold.
const SIDE: usize = 20;

fn main() -> Outcome {
    let example = Example::new("25_variational_2d");
    let data = example.images()?;
    let pixels = data.train.width();
    let settings = Settings::new()
        .with("hidden", [256])
        .with("latent", 2)
        .with("activation", "relu");
    let model = variant("variational", &settings, &data)?;
    let model = model.as_ref();
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("variational", 20)?
    };
    example.train(model, &data, &recipe)?;

    let steps: Vec<f32> = (0..SIDE)
        .map(|i| normal_quantile((i as f64 + 0.5) / SIDE as f64) as f32)
        .collect();
    // Along a line the first number of the code grows, from line to line the second falls.
    let codes = Tensor::from_fn([SIDE * SIDE, 2], |index| match index[1] {
        0 => steps[index[0] % SIDE],
        _ => steps[SIDE - 1 - index[0] / SIDE],
    });
    let images = decode(model, &codes);
    let images = images.values();
    let side = pixels.isqrt();
    let grid = ImageGrid::new()
        .row("manifold", &images, [SIDE * SIDE, side, side])
        .columns(SIDE)
        .scale(1)
        .gap(0);
    example.grid("manifold", &grid)?;

    let codes = encode(model, &data.held_out.features);
    let (mean, variance) = (codes.mean(0), Var::constant(codes.clone()).var(0, 0.0));
    println!(
        "codes of held-out images: mean {mean:.2}, variance {:.2}",
        variance.value()
    );
    for [from, to] in [[0, 4], [5, 9]] {
        example.chart(
            &format!("codes_{from}_{to}"),
            &map(&codes, &data.held_out, from..=to),
        )?;
    }
    Ok(())
}

/// Codes by label: too many colours for one chart.
fn map(codes: &Tensor, data: &Dataset, shown: std::ops::RangeInclusive<u32>) -> Chart {
    let labels = data.labels.as_deref().unwrap_or_default();
    let title = format!("Codes of {} to {}", shown.start(), shown.end());
    let chart = Chart::scatter(title, "first number", "second number");
    shown.fold(chart, |chart, digit| {
        let own = labels
            .iter()
            .enumerate()
            .filter(|&(_, &label)| label == digit);
        let point = |(i, _)| (codes.at(&[i, 0]), codes.at(&[i, 1]));
        chart.points(digit.to_string(), own.map(point))
    })
}

/// Φ⁻¹(p), by halving an interval: Φ(z) = ½ (1 + erf(z/√2)).
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-6.0, 6.0);
    for _ in 0..30 {
        let z: f64 = 0.5 * (low + high);
        let erf = Var::constant(Tensor::scalar(z / 2.0_f64.sqrt())).erf();
        if 0.5 * (1.0 + erf.item()) < p {
            low = z;
        } else {
            high = z;
        }
    }
    0.5 * (low + high)
}
