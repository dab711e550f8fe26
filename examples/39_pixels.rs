//! The pixels from which all others can be told; and images that are drawn a pixel at a time.
//!
//! ```text
//! concrete    min L(x, g(W x)),  wⱼ = softmax((log αⱼ + gⱼ) / τ),  τ from 10 to 0.1        50 of 784 pixels
//! MADE        min −Σᵢ log p(xᵢ | x₁ … xᵢ₋₁)                                              masked layers
//! ```
//!
//! The concrete autoencoder has no encoder but a choice of pixels. At a high temperature each number of its code
//! is a mixture of all pixels, which can be improved bit by bit; in the end it is one of them. What is measured
//! is the hard choice. MADE's layers are masked so that what it says of a pixel depends on the pixels before it
//! alone: the sum is −log of the probability of the whole image, here one of black and white pixels.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 39_pixels`. It prints the losses of every
//! epoch, how many pixels were chosen twice, and the nats of an image.
//!
//! The pictures show the chosen pixels, images with their reconstructions from these alone, and new images.

use retrograd_autoencoders::{Content, Settings};
use retrograd_datasets::{Dataset, Split, binarize_by_chance};
use retrograd_examples::{Example, Outcome, enlarged, handful, recipe, reconstruct, variant};
use retrograd_tensor::{Tensor, random};

/// Pixels that are chosen.
const CHOSEN: usize = 50;

fn main() -> Outcome {
    let example = Example::new("39_pixels");
    let data = example.images()?;
    let concrete = variant("concrete", &Settings::new().with("latent", CHOSEN), &data)?;
    let loss = example.train(concrete.as_ref(), &data, &recipe("concrete", 20)?)?;
    let exhibits = concrete.exhibits(&data.held_out.features.clone().into());
    let chosen = exhibits.iter().find_map(|exhibit| match &exhibit.content {
        Content::Features { rows, .. } => Some(rows.clone()),
        _ => None,
    });
    let chosen = chosen.ok_or("it shows what it has chosen")?;
    let certainty: f64 = chosen.iter().map(|(_, figures)| figures[0]).sum();
    let mut pixels: Vec<usize> = chosen.iter().map(|(pixel, _)| *pixel).collect();
    pixels.sort_unstable();
    pixels.dedup();
    println!(
        "{} different pixels, certainty {:.3}, held-out loss {loss:.4} a pixel",
        pixels.len(),
        certainty / CHOSEN as f64
    );
    assert!(!example.typical() || pixels.len() > CHOSEN / 2);
    let width = data.train.width();
    let map = Tensor::from_fn([1, width], |at| f32::from(pixels.contains(&at[1])));
    example.rows("chosen", &[("chosen", &enlarged(&map, 4))])?;
    let originals = handful(&data);
    let again = reconstruct(concrete.as_ref(), &originals);
    example.rows(
        "images",
        &[("original", &originals), ("reconstruction", &again)],
    )?;

    // Black and white, drawn once, so that the loss is a likelihood.
    let binary = |data: &Dataset, seed| Dataset {
        features: binarize_by_chance(&data.features, seed),
        ..data.clone()
    };
    let data = Split {
        train: binary(&data.train, 1),
        held_out: binary(&data.held_out, 2),
    };
    let made = variant("made", &Settings::new(), &data)?;
    let nats = example.train(made.as_ref(), &data, &recipe("made", 10)?)?;
    println!("MADE: {nats:.2} nats an image");
    assert!(!example.typical() || nats < 150.0, "{nats}");
    let new = made
        .sample(10, &mut random::rng(5))
        .ok_or("it draws samples")?;
    example.rows("new", &[("new", &new)])
}
