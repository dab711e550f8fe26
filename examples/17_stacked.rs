//! The stacked autoencoder: wide layers, kept in check by a decay of their weights.
//!
//! ```text
//! 784 → 300 → 150 → 300 → 784        a(z) = ELU, He's start
//! min ‖x − g(f(x))‖² + λ Σ ½‖W‖²        λ = 0.001, the squares of all weights summed
//! ```
//!
//! With respect to `12_deep` the layers are wider, the units are ELUs (never quite off, so never
//! stuck), the error is the squared one, and weights cost their size. λ looks small and is not: the
//! error is a mean over 784 pixels, the decay a sum over 560 000 weights. Both are trained here, with
//! and without it. Decay leaves weights so small that the network must draw smoothly; the price is a
//! larger error.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 17_stacked`. It prints
//!
//! ```text
//! λ = 0
//! epoch        mse         l2       loss     held out
//!     1     0.1875  1836.4707     0.1875       0.0496
//!     2     0.0417  1898.7793     0.0417       0.0349
//!     3     0.0324  1907.5101     0.0324       0.0351
//!     4     0.0288  1913.4747     0.0288       0.0250
//!     5     0.0253  1915.4160     0.0253       0.0254
//! held-out mse 0.0254, Σ ½‖W‖² 1909.7
//! λ = 0.001
//! epoch        mse         l2       loss     held out
//!     1     0.1640   778.5498     0.9425       0.3353
//!     2     0.0332   170.8754     0.2041       0.1245
//!     3     0.0294    63.9894     0.0934       0.0728
//!     4     0.0293    34.5503     0.0639       0.0580
//!     5     0.0298    25.4438     0.0552       0.0535
//! held-out mse 0.0303, Σ ½‖W‖² 23.2
//! wrote target/examples-out/17_stacked_images.png
//! ```
//!
//! The picture shows originals and the reconstructions of both: specks without decay, blur with it.

use retrograd_autoencoders::Settings;
use retrograd_examples::{Example, Outcome, handful, mse, recipe, reconstruct, variant};
use retrograd_nn::Module;

fn main() -> Outcome {
    let example = Example::new("17_stacked");
    let data = example.images()?;
    let originals = handful(&data);
    let recipe = recipe("stacked", 5)?;
    let mut shown = Vec::new();
    let mut sizes = Vec::new();
    for lambda in [0.0, 0.001] {
        println!("λ = {lambda}");
        let model = variant("stacked", &Settings::new().with("lambda", lambda), &data)?;
        let model = model.as_ref();
        example.train(model, &data, &recipe)?;
        let x = &data.held_out.features;
        let error = mse(&reconstruct(model, x), x);
        let size = half_squares(model);
        println!("held-out mse {error:.4}, Σ ½‖W‖² {size:.1}");
        shown.push(reconstruct(model, &originals));
        sizes.push(size);
    }
    let most = if example.quick { 1.0 } else { 0.5 };
    assert!(sizes[1] < most * sizes[0]);
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("without decay", &shown[0]),
            ("with decay", &shown[1]),
        ],
    )
}

/// Half the sum of the squares of all weights; biases are vectors and do not count.
fn half_squares(model: &dyn Module) -> f64 {
    let weights = model
        .params()
        .into_iter()
        .map(|(_, param)| param.value().clone());
    let matrices = weights.filter(|weight| weight.rank() == 2);
    matrices.map(|w| 0.5 * (&w * &w).sum(..).item()).sum()
}
