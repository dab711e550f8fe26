//! The importance-weighted autoencoder draws k codes an image, the likely ones weighing more.
//!
//! ```text
//! min −log (1/k) Σᵢ wᵢ        wᵢ = p(x|zᵢ) p(zᵢ) / q(zᵢ|x),  zᵢ ~ q(z|x),  k = 5
//! ```
//!
//! With respect to `24_variational` the bound is tighter: with k = 1 it is that of a single draw, and
//! the larger k the nearer it comes to −log p(x). A draw that misses costs little if another one hits,
//! so the clouds of codes may be wider. The same network, 784-256-20, is trained with k = 1 and k = 5,
//! and both are judged by the bounds of 1, 5 and 50 draws.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 28_iwae`. It prints
//!
//! ```text
//! k = 1
//! epoch      bound     held out
//!     1   208.7492     144.9646
//!     2   133.4966     125.5397
//!     3   121.1328     118.3415
//!     4   115.5931     114.0554
//!     5   112.0657     111.4207
//!     6   109.6216     109.5006
//!     7   107.8331     108.0102
//!     8   106.4528     106.9022
//! k = 5
//! epoch      bound     held out
//!     1   199.4098     137.3926
//!     2   126.9724     120.6454
//!     3   116.5590     114.2525
//!     4   111.5533     110.1479
//!     5   108.4268     108.0168
//!     6   106.1815     105.8491
//!     7   104.5624     104.4628
//!     8   103.2447     103.4459
//! judged with      1      5     50 draws
//! k = 1       107.49 105.09 103.39 nats
//! k = 5       109.06 104.74 102.17 nats
//! wrote target/examples-out/28_iwae_bound.svg
//! wrote target/examples-out/28_iwae_images.png
//! ```
//!
//! The chart shows the bounds of both networks for 1 to 50 draws: more draws only lower them, and
//! lower them more where training had several, which a single draw judges as worse. The picture shows
//! originals, their reconstructions with k = 5, and new digits.

use retrograd_autoencoders::{
    BatchSize, Bound, Likelihood, Recipe, StandardNormal, Variational, draw_samples,
};
use retrograd_examples::{Example, Outcome, handful, recipe, reconstruct};
use retrograd_nn::Activation;
use retrograd_report::Chart;
use retrograd_tensor::{DType, Tensor, random};

/// Numbers of the code.
const LATENT: usize = 20;
/// Draws that networks are trained with.
const TRAINED: [usize; 2] = [1, 5];
/// Draws that they are judged by.
const DRAWS: [usize; 6] = [1, 2, 5, 10, 20, 50];

fn main() -> Outcome {
    let example = Example::new("28_iwae");
    let data = example.images()?;
    let widths = [data.train.width(), 256, LATENT];
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("iwae", 8)?
    };
    let x = data.held_out.features.slice(0, ..200).contiguous();
    let mut chart = Chart::curves("The bound on −log p(x)", "draws", "nats an image");
    let mut models = Vec::new();
    let mut bounds = Vec::new();
    for k in TRAINED {
        println!("k = {k}");
        let (units, likelihood) = (Activation::Relu, Likelihood::Bernoulli);
        // The variant `iwae`, put together from its parts.
        let model = Variational::dense(&widths, 0, units, likelihood, &mut random::rng(0))
            .with_bound(Bound::Importance { draws: k });
        example.train(&model, &data, &recipe)?;
        let nats = DRAWS.map(|draws| bound(&model, &x, draws));
        assert!(nats.is_sorted_by(|a, b| a > b), "{nats:?}");
        let line = DRAWS.iter().zip(nats);
        let line = line.map(|(&draws, nats)| (draws as f64, nats));
        chart = chart.line(format!("trained with k = {k}"), line);
        bounds.push(nats);
        models.push(model);
    }
    print_table(&bounds);
    let fifty = bounds.iter().map(|nats| nats[5]);
    assert!(
        !example.typical() || fifty.is_sorted_by(|a, b| a > b),
        "{bounds:?}"
    );
    example.chart("bound", &chart)?;

    let originals = handful(&data);
    let reconstructions = reconstruct(&models[1], &originals);
    let prior = StandardNormal { latent: LATENT };
    let count = originals.shape()[0];
    let new = draw_samples(&models[1], &prior, count, None, &mut random::rng(5));
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("reconstruction", &reconstructions),
            ("new", &new),
        ],
    )
}

/// The bounds of some of the draws.
fn print_table(bounds: &[[f64; 6]]) {
    println!(
        "judged with {:>6} {:>6} {:>6} draws",
        DRAWS[0], DRAWS[2], DRAWS[5]
    );
    for (k, [one, _, five, _, _, fifty]) in TRAINED.iter().zip(bounds) {
        println!("k = {k}       {one:>6.2} {five:>6.2} {fifty:>6.2} nats");
    }
}

/// The bound of so many draws, in nats an image.
fn bound(model: &Variational, x: &Tensor, draws: usize) -> f64 {
    let shape = [draws, x.shape()[0], LATENT];
    let noise = Tensor::normal(shape, 0.0, 1.0, &mut random::rng(9), DType::F32);
    let terms = model.objective_with(&x.clone().into(), &noise.into());
    terms.total().item()
}
