//! The overcomplete autoencoder has more numbers in the code than the image has pixels.
//!
//! ```text
//! min L(x, g(h)) + λ Σⱼ |hⱼ|        h = max(W x + b, 0),  980 units for 784 pixels
//! ```
//!
//! With respect to `14_sparse_l1` the code is wider than the input. Width no longer forces anything: a
//! copy would fit, which is what λ = 0 permits. The price alone makes each image choose few of the 980
//! units, other images others, as from a dictionary. Both are trained here. How much of a copy they are
//! is measured by noise on the input, n: a copy lets all of it out again, these ⟨y(x + n) − y(x), n⟩ of
//! ⟨n, n⟩. Neither lets out much, for neither has ever been asked for anything but digits.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 16_overcomplete`. It prints
//!
//! ```text
//! λ = 0
//! epoch        bce         l1       loss     held out
//!     1     0.1542   695.4566     0.1542       0.0925
//!     2     0.0826   875.6399     0.0826       0.0765
//!     3     0.0723   968.6074     0.0723       0.0702
//!     4     0.0685  1038.2272     0.0685       0.0682
//!     5     0.0668  1070.5412     0.0668       0.0667
//! an image has 888 of 980 units on; 12 are never on
//! from 20 units the mse is 0.1787; 4.5 % of noise comes out again
//! wrote target/examples-out/16_overcomplete_free.png
//! λ = 0.001
//! epoch        bce         l1       loss     held out
//!     1     0.2275    69.6499     0.2972       0.1860
//!     2     0.1273    38.2289     0.1655       0.1519
//!     3     0.1102    33.6723     0.1438       0.1380
//!     4     0.1018    31.2489     0.1331       0.1299
//!     5     0.0965    29.6320     0.1261       0.1241
//! an image has 32 of 980 units on; 750 are never on
//! from 20 units the mse is 0.0105; 1.9 % of noise comes out again
//! wrote target/examples-out/16_overcomplete_priced.png
//! wrote target/examples-out/16_overcomplete_images.png
//! ```
//!
//! The first picture shows originals and reconstructions of both, from the whole code and from its
//! strongest units alone, the others at 0. The other two show what 60 units paint when they are on, those
//! that are on most often, first without price and then with it: specks of which hundreds make a digit,
//! against digits and their parts.

use retrograd_autoencoders::{Autoencoder, BatchSize, Recipe, Settings};
use retrograd_examples::{
    Example, Outcome, decode, encode, handful, mse, recipe, reconstruct, variant,
};
use retrograd_nn::Module;
use retrograd_report::{ImageGrid, Shading};
use retrograd_tensor::{DType, Tensor, random};

/// Units whose patterns are shown.
const SHOWN: usize = 60;
/// The strongest units of a code.
const STRONGEST: usize = 20;

fn main() -> Outcome {
    let example = Example::new("16_overcomplete");
    let data = example.images()?;
    let (pixels, x) = (data.train.width(), &data.held_out.features);
    let units = pixels + pixels / 4;
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("overcomplete", 5)?
    };
    let originals = handful(&data);
    let mut figures = Vec::new();
    let mut images = Vec::new();
    for (name, lambda) in [("free", 0.0), ("priced", 1e-3)] {
        println!("λ = {lambda}");
        let settings = Settings::new().with("latent", units).with("lambda", lambda);
        let model = variant("overcomplete", &settings, &data)?;
        let model = model.as_ref();
        example.train(model, &data, &recipe)?;
        let shares = shares(&encode(model, x));
        let each: f64 = shares.iter().sum();
        let unused = shares.iter().filter(|&&share| share == 0.0).count();
        println!("an image has {each:.0} of {units} units on; {unused} are never on");
        let (few, copied) = (mse(&from_few(model, x), x), copied(model, x));
        println!(
            "from {STRONGEST} units the mse is {few:.4}; {:.1} % of noise comes out again",
            100.0 * copied
        );
        figures.push((each, few, copied));
        images.push(reconstruct(model, &originals));
        images.push(from_few(model, &originals));
        painted(&example, name, model, &shares)?;
    }
    let (free, priced) = (figures[0], figures[1]);
    assert!(priced.0 < 0.5 * free.0 && priced.2 < free.2, "{figures:?}");
    assert!(!example.typical() || priced.1 < 0.5 * free.1, "{figures:?}");
    let names = ["free", "free, strongest", "priced", "priced, strongest"];
    let mut rows = vec![("original", &originals)];
    rows.extend(names.into_iter().zip(&images));
    example.rows("images", &rows)
}

/// The share of the images for which each unit is on.
fn shares(codes: &Tensor) -> Vec<f64> {
    let (images, units) = (codes.shape()[0], codes.shape()[1]);
    let mut on = vec![0_usize; units];
    for (place, h) in codes.iter().enumerate() {
        on[place % units] += usize::from(h > 1e-3);
    }
    on.into_iter().map(|on| on as f64 / images as f64).collect()
}

/// Reconstructions from the strongest units of each code, all others at 0.
fn from_few(model: &dyn Autoencoder, x: &Tensor) -> Tensor {
    let codes = encode(model, x);
    let units = codes.shape()[1];
    let mut values = codes.values::<f32>().into_owned();
    for code in values.chunks_exact_mut(units) {
        let mut sorted = code.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for h in code.iter_mut().filter(|h| **h < sorted[STRONGEST - 1]) {
            *h = 0.0;
        }
    }
    decode(model, &Tensor::from_vec(values, *codes.shape()))
}

/// The share of noise on the input that comes out again.
fn copied(model: &dyn Autoencoder, x: &Tensor) -> f64 {
    let noise = Tensor::normal(*x.shape(), 0.0, 0.1, &mut random::rng(3), DType::F32);
    let moved = &reconstruct(model, &(x + &noise)) - &reconstruct(model, x);
    (&moved * &noise).sum(..).item() / (&noise * &noise).sum(..).item()
}

/// What the units paint that are on most often: a unit paints a column of the last weight.
fn painted(example: &Example, name: &str, model: &dyn Module, shares: &[f64]) -> Outcome {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
    let weight = model.params()[2].1.value().t();
    let side = weight.shape()[1].isqrt();
    let painted = weight.rows(&order[..SHOWN]);
    let painted = painted.values();
    let grid = ImageGrid::new()
        .row("painted", &painted, [SHOWN, side, side])
        .shading(Shading::Diverging)
        .columns(15)
        .scale(2)
        .gap(2);
    example.grid(name, &grid)
}
