//! The deep autoencoder has more layers each way, and its halves can be used alone.
//!
//! ```text
//! h = a(W₂ a(W₁ x + b₁) + b₂)          784 → 128 → 32      a(z) = max(z, 0)
//! y = σ(W₄ a(W₃ h + b₃) + b₄)          32 → 128 → 784
//! L = mean of −x log y − (1 − x) log(1 − y)      cross-entropy, in nats a pixel
//! ```
//!
//! The code is as small as that of `11_simple`, but a bent surface follows the digits more
//! closely than a single layer can. The encoder alone gives the codes of images; the decoder alone
//! draws any code, also those on the way from one digit to another, which nobody wrote.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 12_deep`. It prints
//!
//! ```text
//! widths [784, 128, 32, 128, 784], 209968 parameters
//! epoch  train bce  held-out bce
//!     1     0.2539        0.1658
//!     2     0.1448        0.1307
//!     3     0.1214        0.1141
//!     4     0.1091        0.1060
//!     5     0.1023        0.1003
//!     6     0.0979        0.0966
//!     7     0.0946        0.0939
//!     8     0.0921        0.0915
//!     9     0.0901        0.0901
//!    10     0.0886        0.0887
//! encoder alone  [10, 784] to [10, 32]
//! decoder alone  [10, 32] to [10, 784]
//! wrote target/examples-out/12_deep.png
//! ```
//!
//! and the picture shows originals, reconstructions, and the way from the 4 to the 2.
//! Progress goes to standard error.

use std::error::Error;
use std::{env, fs};

use retrograd_autoencoders::{Autoencoder, DeepAutoencoder};
use retrograd_autograd::Var;
use retrograd_datasets::digits_split;
use retrograd_nn::train::Progress;
use retrograd_nn::{Adam, DataLoader, Module, Optimizer, Trainer};
use retrograd_report::ImageGrid;
use retrograd_tensor::{Tensor, random};

const FOLDER: &str = "target/examples-out";

fn main() -> Result<(), Box<dyn Error>> {
    let quick = env::args().any(|argument| argument == "--quick");
    let (samples, epochs) = if quick { (2000, 2) } else { (20_000, 10) };
    let data = digits_split(samples, 1000, 42);
    let train = DataLoader::new(data.train.features, 128)?.shuffled(1);
    let held_out = DataLoader::new(data.held_out.features.clone(), 1000)?;

    let model = DeepAutoencoder::images(784, &mut random::rng(0));
    println!(
        "widths {:?}, {} parameters",
        model.widths(),
        model.parameter_count()
    );

    let objective = |x: &Var| model.objective(x);
    let optimizer = Optimizer::new(Adam::default(), 1e-3, model.params());
    let mut trainer = Trainer::new(&objective, optimizer, 2);
    let records = trainer.fit(epochs, &train, Some(&held_out), &mut Progress::new())?;

    println!("epoch  train bce  held-out bce");
    for record in &records {
        let held_out = record
            .held_out
            .as_ref()
            .map_or(f64::NAN, |metrics| metrics.total());
        println!(
            "{:>5}  {:>9.4}  {held_out:>12.4}",
            record.epoch,
            record.train.total()
        );
    }

    let digits = data.held_out.one_of_each();
    // Free constants know no tape, so using the model records nothing.
    let codes = model.encode(&digits.clone().into()).into_value();
    let reconstructions = model.decode(&codes.clone().into()).into_value();
    println!("encoder alone  {} to {}", digits.shape(), codes.shape());
    println!(
        "decoder alone  {} to {}",
        codes.shape(),
        reconstructions.shape()
    );
    let whole = model.forward(&digits.clone().into()).into_value();
    assert_eq!(whole, reconstructions, "the halves together are the whole");

    let way = model.decode(&between(&codes, 4, 2).into()).into_value();
    let path = picture(&[
        ("original", &digits),
        ("reconstruction", &reconstructions),
        ("from 4 to 2", &way),
    ])?;
    println!("wrote {path}");

    let bce = trainer.evaluate(epochs, &held_out).total();
    assert!(bce < if quick { 0.35 } else { 0.10 }, "{bce}");
    Ok(())
}

/// As many codes as there are, on the straight line from one to another.
fn between(codes: &Tensor, from: isize, to: isize) -> Tensor {
    let count = codes.shape()[0];
    let (start, end) = (codes.slice(0, from..from + 1), codes.slice(0, to..to + 1));
    let t = Tensor::linspace(0.0, 1.0, count).reshape(&[-1, 1]);
    // [count, 1] · [1, 32] stretches to [count, 32].
    &start + &(&t * &(&end - &start))
}

/// Writes rows of 28 × 28 images `[count, 784]`, one above the other, and returns the path.
fn picture(rows: &[(&str, &Tensor)]) -> Result<String, Box<dyn Error>> {
    let pixels: Vec<Vec<f32>> = rows.iter().map(|(_, images)| images.to_vec()).collect();
    let grid = rows
        .iter()
        .zip(&pixels)
        .fold(ImageGrid::new(), |grid, ((name, images), pixels)| {
            grid.row(*name, pixels, [images.shape()[0], 28, 28])
        });
    fs::create_dir_all(FOLDER)?;
    let path = format!("{FOLDER}/12_deep.png");
    fs::write(&path, grid.encode_png()?)?;
    Ok(path)
}
