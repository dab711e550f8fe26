//! The variational autoencoder gives every image a small cloud of codes, and draws new images.
//!
//! ```text
//! q(z|x) = N(μ, σ²)        μ and log σ² two heads of the encoder, 20 numbers each
//! z = μ + σ ε              ε ~ N(0, 1)
//! min −log p(x|z) + KL(q(z|x) ‖ N(0, 1))        KL = ½ Σ (σ² + μ² − 1 − log σ²)
//! ```
//!
//! With respect to `12_deep` a code is a distribution. The divergence holds all clouds near the normal
//! one, and the noise asks the decoder to draw something sensible everywhere in a cloud. So there are
//! no holes between codes: normal numbers decode to new digits, or to what lies between two. The sum of
//! both terms is a bound on −log p(x), in nats per image.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 24_variational`. It prints
//!
//! ```text
//! epoch        bce         kl       loss     held out
//!     1   154.6106    21.6096   176.2202     125.7577
//!     2    94.0512    25.0009   119.0520     114.4256
//!     3    85.9239    25.1806   111.1045     109.3536
//!     4    81.9478    25.0764   107.0242     106.4150
//!     5    79.5355    25.0330   104.5685     104.0733
//!     6    77.9329    24.9728   102.9058     103.2630
//!     7    76.7735    24.9576   101.7310     101.5958
//!     8    75.5219    24.8844   100.4063     101.4407
//!     9    74.7607    24.9225    99.6832     101.1964
//!    10    74.2664    24.8487    99.1151      99.5728
//! 20 of 20 numbers of the code are used; it costs 25.0 of 99.6 nats
//! nats of each number [1.1, 1.4, 1.6, 0.7, 1.0, 1.2, 1.7, 0.7, 1.6, 1.3, 1.0, 1.5, 1.1, 1.1, 0.9, 1.2, 1.3, 1.4, 1.5, 1.6]
//! wrote target/examples-out/24_variational_images.png
//! wrote target/examples-out/24_variational_samples.png
//! ```
//!
//! The first picture shows originals, their reconstructions, and the way from a 1 to an 8 in codes;
//! the second 60 new digits.

use retrograd_autoencoders::{Settings, draw_samples};
use retrograd_examples::{
    Example, Outcome, between, decode, encode, handful, recipe, reconstruct, variant,
};
use retrograd_report::ImageGrid;
use retrograd_tensor::random;

/// Above this variance of its mean, a number of the code counts as used (Burda et al. 2016).
const ACTIVE: f64 = 0.01;

fn main() -> Outcome {
    let example = Example::new("24_variational");
    let data = example.images()?;
    let pixels = data.train.width();
    let model = variant("variational", &Settings::new(), &data)?;
    let model = model.as_ref();
    let nats = example.train(model, &data, &recipe("variational", 10)?)?;

    let code = model.encode(&data.held_out.features.clone().into());
    let posterior = code.posterior().ok_or("its codes are points")?;
    let variances = posterior.mean().var(0, 0.0).into_value();
    let active = variances.iter().filter(|&v| v > ACTIVE).count();
    let each = posterior.divergences().mean(0).into_value();
    println!(
        "{active} of {} numbers of the code are used; it costs {:.1} of {nats:.1} nats",
        each.elements(),
        each.sum(..).item()
    );
    println!("nats of each number {each:.1}");
    assert!(!example.typical() || active > 4);

    let originals = handful(&data);
    let reconstructions = reconstruct(model, &originals);
    let way = between(&encode(model, &originals), 1, 8);
    let way = decode(model, &way);
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("reconstruction", &reconstructions),
            ("from 1 to 8", &way),
        ],
    )?;

    let side = pixels.isqrt();
    let prior = model.prior().ok_or("it has no prior")?;
    let new = draw_samples(model, prior, 60, None, &mut random::rng(5));
    let new = new.values();
    let grid = ImageGrid::new()
        .row("new", &new, [60, side, side])
        .columns(10);
    example.grid("samples", &grid)
}
