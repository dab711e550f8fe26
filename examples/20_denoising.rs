//! The denoising autoencoder sees spoilt images in training and must draw the clean ones.
//!
//! ```text
//! min L(x, g(f(x̃)))        x̃ = x + σ ε, held in [0, 1]        ε ~ N(0, 1),  σ = 0.4
//! ```
//!
//! With respect to `12_deep` one thing changes: the input is x̃, the target remains x. A network that
//! has only ever seen clean digits follows the noise; this one has learnt what digits look like and
//! leaves it out. Both are trained here, in the same way, and given the same noisy images.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 20_denoising`. It prints
//!
//! ```text
//! trained on clean images
//! epoch        bce     held out
//!     1     0.2539       0.1658
//!     2     0.1448       0.1307
//!     3     0.1214       0.1141
//!     4     0.1091       0.1061
//!     5     0.1023       0.1003
//!     6     0.0979       0.0966
//!     7     0.0945       0.0938
//!     8     0.0920       0.0914
//!     9     0.0900       0.0899
//!    10     0.0885       0.0886
//! trained on noisy images
//! epoch        bce     held out
//!     1     0.2646       0.2466
//!     2     0.1725       0.2151
//!     3     0.1468       0.2010
//!     4     0.1372       0.1934
//!     5     0.1309       0.1843
//!     6     0.1265       0.1880
//!     7     0.1228       0.1838
//!     8     0.1195       0.1821
//!     9     0.1175       0.1763
//!    10     0.1156       0.1755
//! wrote target/examples-out/20_denoising_images.png
//! noise    input    plain  denoising   (mean squared error)
//!   0.0   0.0000   0.0082     0.0354
//!   0.2   0.0213   0.0203     0.0242
//!   0.4   0.0798   0.0572     0.0167
//!   0.6   0.1504   0.0913     0.0384
//!   0.8   0.2087   0.1068     0.0685
//! wrote target/examples-out/20_denoising_noise.svg
//! ```
//!
//! The picture shows originals, the same with noise, and what both networks make of that; the chart
//! how far from the original they are for noise from 0 to 0.8. Without noise the plain one is
//! better: the other has never been asked for that.

use retrograd_autoencoders::{Autoencoder, BatchSize, Corruption, Recipe, Settings};
use retrograd_examples::{Example, Outcome, handful, mse, recipe, reconstruct, variant};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, random};

/// σ, in training.
const NOISE: f64 = 0.4;

fn main() -> Outcome {
    let example = Example::new("20_denoising");
    let data = example.images()?;
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("denoising", 10)?
    };

    println!("trained on clean images");
    let plain = variant("deep", &Settings::new(), &data)?;
    example.train(plain.as_ref(), &data, &recipe)?;
    println!("trained on noisy images");
    let denoising = variant("denoising", &Settings::new().with("noise", NOISE), &data)?;
    example.train(denoising.as_ref(), &data, &recipe)?;
    let (plain, denoising) = (plain.as_ref(), denoising.as_ref());

    let clean = handful(&data);
    let noisy = spoilt(&clean, NOISE);
    let by_both = [plain, denoising].map(|model| reconstruct(model, &noisy));
    example.rows(
        "images",
        &[
            ("original", &clean),
            ("with noise", &noisy),
            ("plain", &by_both[0]),
            ("denoising", &by_both[1]),
        ],
    )?;
    curves(&example, plain, denoising, &data.held_out.features)
}

/// The same noise for everyone who asks.
fn spoilt(x: &Tensor, deviation: f64) -> Tensor {
    let noise = Corruption::Gaussian {
        deviation,
        clip: true,
    };
    noise.of(x, &mut random::rng(7))
}

/// The error of both against the noise, on held-out images.
fn curves(
    example: &Example,
    plain: &dyn Autoencoder,
    denoising: &dyn Autoencoder,
    x: &Tensor,
) -> Outcome {
    println!("noise    input    plain  denoising   (mean squared error)");
    let mut lines = [vec![], vec![], vec![]];
    for step in 0..=8 {
        let deviation = f64::from(step) * 0.1;
        let noisy = spoilt(x, deviation);
        let errors = [
            mse(&noisy, x),
            mse(&reconstruct(plain, &noisy), x),
            mse(&reconstruct(denoising, &noisy), x),
        ];
        let [input, by_plain, by_denoising] = errors;
        if step % 2 == 0 {
            println!("{deviation:>5.1} {input:>8.4} {by_plain:>8.4} {by_denoising:>10.4}");
        }
        if step >= 4 && example.typical() {
            assert!(by_denoising < by_plain && by_denoising < input);
        }
        for (line, error) in lines.iter_mut().zip(errors) {
            line.push((deviation, error));
        }
    }
    let [input, by_plain, by_denoising] = lines;
    let chart = Chart::curves(
        "Distance from the clean image",
        "noise σ",
        "mean squared error",
    )
    .dashed("the noisy image itself", input)
    .line("plain", by_plain)
    .line("denoising", by_denoising);
    example.chart("noise", &chart)
}
