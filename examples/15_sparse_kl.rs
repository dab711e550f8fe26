//! The sparse autoencoder with a target: every unit is to be on for a tenth of the images.
//!
//! ```text
//! min L(x, g(h)) + w Σⱼ KL(ρ ‖ ρ̂ⱼ)        h = σ(W x + b), 49 units,  ρ = 0.1,  w = 0.2
//! KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂)),  ρ̂ⱼ the mean of hⱼ over the batch
//! ```
//!
//! With respect to `14_sparse_l1` units are not charged one by one: what counts is the mean of each
//! over many images. A unit may be fully on for a few; one that is at 0.1 for all also has this mean,
//! but then says nothing, and the reconstruction sees to that. With w = 0 the mean is anything.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 15_sparse_kl`. It prints
//!
//! ```text
//! w = 0
//! epoch        mse         kl       loss     held out
//!     1     0.0567   214.1078     0.0567       0.0418
//!     2     0.0363   213.7096     0.0363       0.0322
//!     3     0.0292   210.2790     0.0292       0.0270
//!     4     0.0251   206.5841     0.0251       0.0241
//!     5     0.0223   204.1664     0.0223       0.0216
//!     6     0.0202   203.4174     0.0202       0.0197
//!     7     0.0188   197.2560     0.0188       0.0184
//!     8     0.0174   190.3298     0.0174       0.0171
//!     9     0.0160   178.8608     0.0160       0.0157
//!    10     0.0146   173.6336     0.0146       0.0143
//! units are 0.636 from ρ on average
//! w = 0.2
//! epoch        mse         kl       loss     held out
//!     1     0.0858     0.7033     0.2265       0.0573
//!     2     0.0393     0.0755     0.0544       0.0459
//!     3     0.0305     0.0842     0.0473       0.0368
//!     4     0.0264     0.0972     0.0458       0.0350
//!     5     0.0239     0.0973     0.0433       0.0356
//!     6     0.0222     0.0989     0.0420       0.0473
//!     7     0.0209     0.1077     0.0424       0.0343
//!     8     0.0199     0.1030     0.0405       0.0347
//!     9     0.0191     0.1123     0.0416       0.0345
//!    10     0.0185     0.1102     0.0406       0.0315
//! units are 0.010 from ρ on average
//! wrote target/examples-out/15_sparse_kl_images.png
//! wrote target/examples-out/15_sparse_kl_means.svg
//! ```
//!
//! The picture shows originals, the codes of both as images of 7×7 units, and both reconstructions:
//! without a target most units are on for every digit, with it few are for each, and where they are too
//! few the image suffers. The chart counts the units by their mean: with the target they stand at ρ.

use retrograd_autoencoders::Settings;
use retrograd_examples::{
    Example, Outcome, encode, enlarged, handful, histogram, recipe, reconstruct, variant,
};
use retrograd_report::Chart;

/// Units of the code, a square number to show them as an image.
const UNITS: usize = 49;
/// The mean that each is to have.
const RHO: f64 = 0.1;

fn main() -> Outcome {
    let example = Example::new("15_sparse_kl");
    let data = example.images()?;
    let pixels = data.train.width();
    let originals = handful(&data);
    let mut chart = Chart::curves("Units by their mean", "mean over held-out images", "share");
    let mut shown = Vec::new();
    let mut distances = Vec::new();
    for weight in [0.0, 0.2] {
        println!("w = {weight}");
        let settings = Settings::new()
            .with("latent", UNITS)
            .with("output", "squashed")
            .with("rho", RHO)
            .with("weight", weight);
        let model = variant("sparse-kl", &settings, &data)?;
        let model = model.as_ref();
        example.train(model, &data, &recipe("sparse-kl", 10)?)?;

        let means = encode(model, &data.held_out.features).mean(0);
        let apart = means.iter().map(|mean| (mean - RHO).abs());
        let distance = apart.sum::<f64>() / UNITS as f64;
        println!("units are {distance:.3} from ρ on average");
        distances.push(distance);
        chart = chart.line(format!("w = {weight}"), histogram(&means, [0.0, 1.0], 25));
        let codes = enlarged(&encode(model, &originals), pixels.isqrt() / UNITS.isqrt());
        shown.push((codes, reconstruct(model, &originals)));
    }
    assert!(distances[1] < 0.5 * distances[0], "{distances:?}");
    let [(free, by_free), (sparse, by_sparse)] = &shown[..] else {
        unreachable!("two were trained");
    };
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("code without target", free),
            ("code with target", sparse),
            ("without target", by_free),
            ("with target", by_sparse),
        ],
    )?;
    example.chart("means", &chart)
}
