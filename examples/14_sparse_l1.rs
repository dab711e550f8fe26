//! The sparse autoencoder pays for every unit of the code by its size, so more of them stay off.
//!
//! ```text
//! min L(x, g(h)) + λ Σⱼ |hⱼ|        h = max(W x + b, 0),  32 units,  λ = 3.2e-4 a sample
//! ```
//!
//! With respect to `11_simple` the penalty is added. A unit that helps little is not worth its price
//! and is turned off, for this image or for all. The reconstruction pays for that: sparse is not
//! free. Both are trained here, one with λ = 0, which is the simple autoencoder.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 14_sparse_l1`. It prints
//!
//! ```text
//! λ = 0
//! epoch        bce         l1       loss     held out
//!     1     0.3009    98.6315     0.3009       0.2094
//!     2     0.1873   128.0475     0.1873       0.1689
//!     4     0.1385   141.9467     0.1385       0.1323
//!     6     0.1195   159.6091     0.1195       0.1164
//!     8     0.1087   176.3173     0.1087       0.1068
//!    10     0.1017   191.9119     0.1017       0.1005
//!    12     0.0969   204.7030     0.0969       0.0963
//!    14     0.0934   216.6565     0.0934       0.0929
//!    15     0.0918   222.5180     0.0918       0.0915
//! λ = 0.00032
//! epoch        bce         l1       loss     held out
//!     1     0.3050    73.8511     0.3286       0.2284
//!     2     0.1816    64.2655     0.2022       0.1826
//!     4     0.1405    51.4749     0.1570       0.1521
//!     6     0.1244    52.0557     0.1411       0.1388
//!     8     0.1147    52.6475     0.1315       0.1301
//!    10     0.1075    52.7650     0.1243       0.1233
//!    12     0.1021    52.4483     0.1189       0.1182
//!    14     0.0981    51.6208     0.1147       0.1142
//!    15     0.0965    51.1456     0.1129       0.1126
//! code     mean    at 0 (held-out images)
//! plain    7.02    2.2 %
//! sparse   1.58   20.5 %
//! wrote target/examples-out/14_sparse_l1_images.png
//! wrote target/examples-out/14_sparse_l1_codes.svg
//! ```
//!
//! The first picture shows originals and both reconstructions. The chart counts the numbers of all
//! codes by size: with the penalty they crowd at 0.

use retrograd_autoencoders::{BatchSize, Recipe, Settings};
use retrograd_examples::{
    Example, Outcome, encode, handful, histogram, recipe, reconstruct, variant,
};
use retrograd_report::Chart;
use retrograd_tensor::Tensor;

fn main() -> Outcome {
    let example = Example::new("14_sparse_l1");
    let data = example.images()?;
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("sparse-l1", 15)?
    };
    let mut models = Vec::new();
    for lambda in [0.0, 3.2e-4] {
        println!("λ = {lambda}");
        let model = variant("sparse-l1", &Settings::new().with("lambda", lambda), &data)?;
        example.train(model.as_ref(), &data, &recipe)?;
        models.push(model);
    }
    let [plain, sparse] = [&models[0], &models[1]].map(|model| model.as_ref());

    let x = &data.held_out.features;
    let codes = [encode(plain, x), encode(sparse, x)];
    println!("code     mean    at 0 (held-out images)");
    for (name, code) in ["plain", "sparse"].iter().zip(&codes) {
        let (mean, off) = (code.mean(..).item(), off(code));
        println!("{name:<6} {mean:>6.2} {:>6.1} %", 100.0 * off);
    }
    assert!(codes[1].mean(..).item() < 0.7 * codes[0].mean(..).item());

    let originals = handful(&data);
    let (by_plain, by_sparse) = (
        reconstruct(plain, &originals),
        reconstruct(sparse, &originals),
    );
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("plain", &by_plain),
            ("sparse", &by_sparse),
        ],
    )?;
    let range = [0.0, 20.0];
    let chart = Chart::curves("Numbers in the codes", "size", "share")
        .line("plain", histogram(&codes[0], range, 40))
        .line("sparse", histogram(&codes[1], range, 40));
    example.chart("codes", &chart)
}

/// The share of numbers that are 0, to a thousandth.
fn off(code: &Tensor) -> f64 {
    let off = code.iter().filter(|h| h.abs() < 1e-3).count();
    off as f64 / code.elements() as f64
}
