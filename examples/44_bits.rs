//! Codes of bits that find what is alike; and noise undone in closed form.
//!
//! ```text
//! hashing        min L(x, g(h))      h = σ(a + s n),  n ~ N(0, 1),  s from 0 to 4;  in measuring h is rounded
//! marginalised   min E‖x − W x̃ − b‖²:   [W b] = P Q⁻¹         the mean over all ways to leave pixels out
//! ```
//!
//! A number of the hash that is to survive the noise must be far from 0, where σ is 0 or 1 whatever the noise. So
//! the code becomes bits, and alike images have bits in common: the nearest by bits that differ is found by
//! comparing 32 of them. The marginalised denoising autoencoder draws no noise at all: what the best linear
//! map is can be said from the means of products of pixels.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 44_bits`. After the epochs it prints how many
//! codes are different, how sure bits are, how often the nearest by bits has the label of the image, and what
//! masking costs before and after the map.
//!
//! The pictures show images with the four nearest by bits, and masked images with what becomes of them.

use retrograd_autoencoders::Settings;
use retrograd_autoencoders::measures::distinct_rows;
use retrograd_examples::{Example, Outcome, encode, handful, mse, recipe, reconstruct, variant};
use retrograd_tensor::{DType, Tensor, random};

const BITS: usize = 32;
/// Images that are looked up, and those among which.
const ASKED: usize = 200;
/// The share of pixels that is left out.
const MASKED: f64 = 0.5;

fn main() -> Outcome {
    let example = Example::new("44_bits");
    let data = example.images()?;
    let x = &data.held_out.features;
    let hashing = variant("hashing", &Settings::new().with("latent", BITS), &data)?;
    example.train(hashing.as_ref(), &data, &recipe("hashing", 12)?)?;
    let codes = encode(hashing.as_ref(), x);
    assert!(codes.iter().all(|bit| bit == 0.0 || bit == 1.0));
    let different = distinct_rows(&codes);
    println!("{different} different codes of {} images", x.shape()[0]);

    let labels = data.held_out.labels.clone().ok_or("images with labels")?;
    let bits = codes.to_vec();
    let row = |image: usize| &bits[BITS * image..BITS * (image + 1)];
    let distance = |a: usize, b: usize| row(a).iter().zip(row(b)).filter(|(a, b)| a != b).count();
    let nearest = |image: usize| {
        let mut others: Vec<usize> = (0..labels.len()).filter(|other| *other != image).collect();
        others.sort_by_key(|&other| distance(image, other));
        others
    };
    let asked = ASKED.min(labels.len());
    let alike = (0..asked).filter(|&image| labels[nearest(image)[0]] == labels[image]);
    let alike = alike.count() as f64 / asked as f64;
    println!(
        "the nearest by bits has the same label for {:.0} % of {asked}",
        100.0 * alike
    );
    assert!(!example.typical() || alike > 0.6, "{alike}");
    let found: Vec<Tensor> = (0..5)
        .map(|place| {
            let of = |image: usize| {
                if place == 0 {
                    image
                } else {
                    nearest(image)[place - 1]
                }
            };
            x.rows(&(0..10).map(of).collect::<Vec<_>>())
        })
        .collect();
    let names = ["image", "nearest", "second", "third", "fourth"];
    let rows: Vec<(&str, &Tensor)> = names.into_iter().zip(&found).collect();
    example.rows("nearest", &rows)?;

    let settings = Settings::new().with("noise", MASKED);
    let closed = variant("marginalised", &settings, &data)?;
    example.train(closed.as_ref(), &data, &recipe("marginalised", 1)?)?;
    let drawn = Tensor::uniform(*x.shape(), 0.0, 1.0, &mut random::rng(3), DType::F32);
    let kept = drawn.map(|u| f64::from(u >= MASKED));
    let masked = x * &kept;
    let [before, after] = [
        mse(&masked, x),
        mse(&reconstruct(closed.as_ref(), &masked), x),
    ];
    println!("masked, error a pixel {before:.4}; by the linear map {after:.4}");
    assert!(after < 0.7 * before, "{before} {after}");
    let originals = handful(&data);
    let some = Tensor::uniform(
        *originals.shape(),
        0.0,
        1.0,
        &mut random::rng(4),
        DType::F32,
    );
    let some = &originals * &some.map(|u| f64::from(u >= MASKED));
    let undone = reconstruct(closed.as_ref(), &some);
    example.rows(
        "masked",
        &[
            ("original", &originals),
            ("masked", &some),
            ("undone", &undone),
        ],
    )
}
