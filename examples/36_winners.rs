//! Units that compete for a sample, and samples that compete for a unit.
//!
//! ```text
//! min ‖x − Wᵀ h − c‖²        k-sparse: h the k largest of W x + b
//!                            winner-take-all: h = max(W x + b, 0), of each unit the largest 5 % of a batch
//! ```
//!
//! With respect to `14_sparse_l1` no price has to be found: how many units are on is given. A unit that never
//! wins never learns, so k-sparse begins with more than k and ends with k; if it begins with k, many are never
//! on. Of the second kind every unit wins some samples of every batch.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 36_winners`. It prints, among other epochs,
//!
//! ```text
//! k from the start
//! epoch        mse         on     unused       loss     held out
//!     1     0.0348    10.0000   344.2400     0.0348       0.0229
//!     5     0.0150    10.0000   282.2000     0.0150       0.0145
//!    10     0.0127    10.0000   249.2850     0.0127       0.0128
//! from 8 k to k
//! epoch        mse         on     unused       loss     held out
//!     1     0.0187    73.0400    54.3650     0.0187       0.0630
//!     5     0.0112    17.0400    77.1300     0.0112       0.0141
//!    10     0.0115    10.0000   100.8400     0.0115       0.0119
//! winner-take-all
//! epoch    squares         on     unused       loss     held out
//!     1    32.5203    19.9978     0.0100    32.5203     555.8765
//!     5    10.5875    19.9957     0.0000    10.5875     145.5612
//!    10     8.1373    19.8958     0.0650     8.1373      61.1204
//!                     on   never on    error a pixel
//! k from the start   10.0        242           0.0128
//! from 8 k to k      10.0         40           0.0119
//! winner-take-all   160.6          0           0.0780
//! wrote target/examples-out/36_winners_units.png
//! ```
//!
//! `on` counts the units that are on for a held-out image, `never on` those that are for none of them. Codes of
//! winner-take-all are not thinned out when they are measured, so more of its units are on, and its
//! reconstructions are too bright. The picture shows what units paint, sixteen of each network.

use retrograd_autoencoders::{BatchSize, Recipe, Settings};
use retrograd_examples::{Example, Outcome, encode, mse, recipe, reconstruct, variant};
use retrograd_tensor::Tensor;

/// Units of each network, and those that are on.
const UNITS: usize = 400;
const K: usize = 10;
/// Units in the picture.
const SHOWN: isize = 16;

fn main() -> Outcome {
    let example = Example::new("36_winners");
    let data = example.images()?;
    let sparse = |start: usize| {
        Settings::new()
            .with("latent", UNITS)
            .with("k", K)
            .with("start", start)
    };
    let networks = [
        ("k from the start", "k-sparse", sparse(K)),
        ("from 8 k to k", "k-sparse", sparse(8 * K)),
        (
            "winner-take-all",
            "winner-take-all",
            Settings::new().with("latent", UNITS),
        ),
    ];
    let mut painted = Vec::new();
    let mut lines = Vec::new();
    for (name, kind, settings) in networks {
        println!("{name}");
        let model = variant(kind, &settings, &data)?;
        let model = model.as_ref();
        let recipe = Recipe {
            batch_size: BatchSize::Of(100),
            ..recipe(kind, 10)?
        };
        example.train(model, &data, &recipe)?;
        let x = &data.held_out.features;
        let codes = encode(model, x);
        lines.push((name, uses(&codes), mse(&reconstruct(model, x), x)));
        let params = model.params();
        let weight = params.iter().find(|(path, _)| path == "encoder.0.weight");
        let (_, weight) = weight.ok_or("a layer of weights")?;
        painted.push((name, shown(&weight.value())));
    }
    println!("                    on   never on    error a pixel");
    for (name, [on, never], error) in &lines {
        println!("{name:<17} {on:>5.1} {never:>10} {error:>16.4}");
    }
    let never: Vec<f64> = lines.iter().map(|(_, [_, never], _)| *never).collect();
    assert!(
        !example.typical() || (never[1] < never[0] && never[2] < never[0]),
        "{lines:?}"
    );
    let rows: Vec<(&str, &Tensor)> = painted.iter().map(|(name, rows)| (*name, rows)).collect();
    example.rows("units", &rows)
}

/// Units that are on for an image, and units that are on for none.
fn uses(codes: &Tensor) -> [f64; 2] {
    let is_on = codes.map(|h| f64::from(h != 0.0));
    let never = is_on.sum(0).iter().filter(|uses| *uses == 0.0).count();
    [is_on.sum(1).mean(..).item(), never as f64]
}

/// What the first units paint, each in [0, 1] with 0 in the middle.
fn shown(weight: &Tensor) -> Tensor {
    let rows = weight.slice(0, ..SHOWN).contiguous();
    let largest = rows.iter().fold(1e-6_f64, |most, w| most.max(w.abs()));
    rows.map(|w| 0.5 + 0.5 * w / largest)
}
