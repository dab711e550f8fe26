//! The undercomplete autoencoder: the linear one with a sigmoid after each of its two maps.
//!
//! ```text
//! h = σ(W x + b)        3 → 2
//! y = σ(V h + c)        2 → 3
//! min ‖x − y‖²          stochastic gradient descent, in batches of 10
//! ```
//!
//! With respect to `10_linear` the sigmoids bend the plane. The data lies near a plane that is flat, so
//! nothing is gained by that: no autoencoder with a flat image of two dimensions is better than
//! principal component analysis, and this one only comes near it. Its outputs are between 0 and 1, so
//! the data is scaled there first.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 13_undercomplete`. It prints
//!
//! ```text
//! epoch        mse     held out
//!     1     0.0750       0.0625
//!    20     0.0039       0.0047
//!    40     0.0032       0.0040
//!    60     0.0031       0.0039
//!    80     0.0031       0.0038
//!   100     0.0030       0.0038
//!   120     0.0030       0.0038
//!   140     0.0030       0.0037
//!   160     0.0029       0.0037
//!   180     0.0029       0.0037
//!   200     0.0029       0.0037
//! on the points it learns from: mse 0.002905, PCA 0.002453
//! wrote target/examples-out/13_undercomplete_columns.png
//! wrote target/examples-out/13_undercomplete_points.svg
//! ```
//!
//! The picture shows points above their reconstructions, x, y and z as shades. The chart shows both
//! seen along y, from the side of the plane: what the network draws is a surface through the cloud,
//! bent where sigmoids bend, and without its noise.

use retrograd_autoencoders::{Card, DataShape, Recipe, Settings};
use retrograd_datasets::{Split, plane_split};
use retrograd_examples::{Example, Outcome, mse, reconstruct};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, keep, random};

fn main() -> Outcome {
    let example = Example::new("13_undercomplete");
    example.makes_its_data()?;
    let data = unit(plane_split(1000, 200, 42));
    let (undercomplete, shape) = (Card::named("undercomplete")?, DataShape::table(3));
    let recipe = Recipe {
        epochs: 200,
        ..(undercomplete.recipe)(shape)
    };
    let settings = Settings::new().with("latent", 2);
    let model = undercomplete.build(&settings, shape, &mut random::rng(0))?;
    example.train(model.as_ref(), &data, &recipe)?;

    let x = &data.train.features;
    let (own, linear) = (mse(&reconstruct(model.as_ref(), x), x), pca_residual(x));
    println!("on the points it learns from: mse {own:.6}, PCA {linear:.6}");
    assert!(own > linear, "a plane cannot be bettered by bending");
    assert!(example.quick || own < 2.0 * linear);

    let shown = data.held_out.features.clone();
    let drawn = reconstruct(model.as_ref(), &shown);
    example.columns(
        "columns",
        &[("original", &shown), ("reconstruction", &drawn)],
    )?;
    let side = |points: &Tensor| -> Vec<(f64, f64)> {
        let point = |i| (points.at(&[i, 0]), points.at(&[i, 2]));
        (0..points.shape()[0]).map(point).collect()
    };
    let chart = Chart::scatter("Held-out points from the side", "x", "z")
        .points("original", side(&shown))
        .points("reconstruction", side(&drawn));
    example.chart("points", &chart)
}

/// Both parts moved and scaled so that the training part fills [0, 1].
fn unit(mut data: Split) -> Split {
    let (low, high) = (
        data.train.features.min(keep(0)),
        data.train.features.max(keep(0)),
    );
    for part in [&mut data.train, &mut data.held_out] {
        part.features = &(&part.features - &low) / &(&high - &low);
    }
    data
}

/// The error of principal component analysis: the smallest eigenvalue of the covariance, as a mean
/// over the three coordinates.
fn pca_residual(x: &Tensor) -> f64 {
    let centred = x - &x.mean(keep(0));
    let covariance = centred
        .t()
        .matmul(&centred)
        .scale(1.0 / x.shape()[0] as f64);
    let (values, _) = covariance.eigh();
    values.at(&[0]) / 3.0
}
