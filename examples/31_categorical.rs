//! The categorical autoencoder says an image in symbols: in each of 20 groups one of 10.
//!
//! ```text
//! z = softmax((log π + g)/τ)        π = softmax(f(x)),  g = −log(−log u)
//! min −log p(x|z) + Σ π (log π + log 10)
//! ```
//!
//! In training z is between symbols, so that there is a derivative; or, straight through, the symbol itself
//! with the derivative of z. Either way it is measured with symbols. Then `joint`: ten normal numbers beside
//! one symbol of ten, each part told how many nats to carry. Without labels the symbol becomes a kind of
//! digit, or two that look alike.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 31_categorical`. It prints the losses
//! of each epoch, how many nats symbols carry and how many of them are in use, and how well the symbol of
//! `joint` agrees with the labels that it never saw.
//!
//! The first picture shows originals, what their symbols stand for, and images of symbols that were drawn.
//! The second has a row for each symbol of `joint`, with one normal number going from −3 to 3.

use retrograd_autoencoders::measures::{
    Normalisation, clustering_accuracy, normalised_mutual_information,
};
use retrograd_autoencoders::{Autoencoder, Code, Input, Settings, draw_samples};
use retrograd_examples::{Example, Outcome, decode, handful, recipe, reconstruct, variant};
use retrograd_tensor::{Tensor, random};

/// Numbers of a code of `joint`, normal ones first.
const NORMAL: usize = 10;
const SYMBOLS: usize = 10;

fn main() -> Outcome {
    let example = Example::new("31_categorical");
    let data = example.images()?;
    let mut losses = Vec::new();
    let mut models = Vec::new();
    for (name, straight) in [("relaxed", false), ("straight through", true)] {
        println!("{name}");
        let settings = Settings::new()
            .with("groups", 20)
            .with("hidden", [256])
            .with("straight-through", straight);
        let model = variant("categorical", &settings, &data)?;
        losses.push(example.train(model.as_ref(), &data, &recipe("categorical", 8)?)?);
        models.push(model);
    }
    println!(
        "bounds with symbols: {:.1} and {:.1} nats",
        losses[0], losses[1]
    );
    let told = models[0].objective(&data.held_out.features.clone().into());
    let told = told.metrics();
    let of = |name: &str| told.get(name).unwrap_or(f64::NAN);
    println!(
        "symbols carry {:.1} nats of {:.1}, and {} of 200 are in use",
        of("kl_categories"),
        20.0 * 10.0_f64.ln(),
        of("categories")
    );
    assert!(!example.typical() || (of("categories") > 150.0 && losses[0] < 130.0));

    let originals = handful(&data);
    let model = models[0].as_ref();
    let prior = model.prior().ok_or("symbols have a prior")?;
    let new = draw_samples(model, prior, 10, None, &mut random::rng(5));
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("by symbols", &reconstruct(model, &originals)),
            ("new", &new),
        ],
    )?;

    println!("joint");
    let settings = Settings::new().with("latent", NORMAL).with("hidden", [256]);
    let joint = variant("joint", &settings, &data)?;
    example.train(joint.as_ref(), &data, &recipe("joint", 8)?)?;
    let symbols = symbols(joint.as_ref(), &data.held_out.features.clone().into());
    if let Some(labels) = &data.held_out.labels {
        let accuracy = clustering_accuracy(&symbols, labels)?;
        let shared = normalised_mutual_information(&symbols, labels, Normalisation::Arithmetic)?;
        println!("symbols are the labels of {accuracy:.2} of the images; NMI {shared:.2}");
        assert!(!example.typical() || accuracy > 0.5);
    }
    let walk = |symbol: usize| {
        let codes = Tensor::from_fn([9, NORMAL + SYMBOLS], |at| {
            if at[1] == NORMAL + symbol {
                1.0
            } else if at[1] == 0 {
                at[0] as f32 * 0.75 - 3.0
            } else {
                0.0
            }
        });
        decode(joint.as_ref(), &codes)
    };
    let rows: Vec<Tensor> = (0..SYMBOLS).map(walk).collect();
    let named: Vec<(&str, &Tensor)> = rows.iter().map(|row| ("symbol", row)).collect();
    example.rows("joint", &named)
}

/// The likeliest symbol of every sample.
fn symbols(joint: &dyn Autoencoder, input: &Input) -> Vec<i64> {
    let Code::Layers(layers) = joint.encode(input) else {
        return Vec::new();
    };
    let symbols = layers.iter().find_map(|layer| match layer {
        Code::Discrete { index, .. } => Some(index.to_vec()),
        _ => None,
    });
    symbols.unwrap_or_default()
}
