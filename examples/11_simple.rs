//! The simple autoencoder says an image of 784 pixels in 32 numbers and draws it again.
//!
//! ```text
//! h = max(W x + b, 0)        784 → 32
//! y = σ(V h + c)             32 → 784
//! L = mean of −x log y − (1 − x) log(1 − y)      cross-entropy, in nats a pixel
//! ```
//!
//! The digits are drawn by the program itself (see `retrograd_datasets::digits`), so there is
//! nothing to download. The loss cannot reach 0: grey pixels cost their own entropy however well
//! they are reconstructed, so the program prints that floor as well.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 11_simple`. It prints
//!
//! ```text
//! widths [784, 32, 784], 50992 parameters
//! epoch  train bce  held-out bce
//!     1     0.3009        0.2094
//!     2     0.1873        0.1689
//!     3     0.1566        0.1463
//!     4     0.1385        0.1323
//!     5     0.1273        0.1232
//!     6     0.1195        0.1164
//!     7     0.1135        0.1111
//!     8     0.1087        0.1068
//!     9     0.1048        0.1033
//!    10     0.1017        0.1005
//! entropy of the held-out pixels: 0.0590
//! wrote target/examples-out/11_simple_images.png
//! ```
//!
//! and the picture shows the originals above their reconstructions. Progress goes to standard
//! error.

use retrograd_autoencoders::Settings;
use retrograd_autograd::Var;
use retrograd_examples::{Example, Outcome, handful, reconstruct, variant};
use retrograd_nn::train::Progress;
use retrograd_nn::{Adam, DataLoader, Optimizer, Reduction, Trainer, loss};
use retrograd_tensor::Tensor;

// The training is written out here; the examples that follow leave it to `Example::train`.
fn main() -> Outcome {
    let example = Example::new("11_simple");
    let data = example.images()?;
    let epochs = if example.quick { 2 } else { 10 };
    let train = DataLoader::new(data.train.features.clone(), 128)?.shuffled(1);
    let held_out = DataLoader::new(data.held_out.features.clone(), 200)?;

    let model = variant("simple", &Settings::new(), &data)?;
    println!(
        "widths {:?}, {} parameters",
        model.widths(),
        model.parameter_count()
    );

    let objective = |x: &Var| model.objective(&x.into());
    let optimizer = Optimizer::new(Adam::default(), 1e-3, model.params());
    let mut trainer = Trainer::new(model.as_ref(), optimizer, objective, 2);
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
    let x = data.held_out.features.clone();
    println!("entropy of the held-out pixels: {:.4}", entropy(&x));

    let digits = handful(&data);
    let reconstructions = reconstruct(model.as_ref(), &digits);
    example.rows(
        "images",
        &[("original", &digits), ("reconstruction", &reconstructions)],
    )?;
    let bce = trainer.evaluate(epochs, &held_out)?.total();
    assert!(bce < if example.typical() { 0.12 } else { 0.6 }, "{bce}");
    Ok(())
}

/// The cross-entropy of the pixels with themselves: what a perfect reconstruction costs.
fn entropy(x: &Tensor) -> f64 {
    let x = Var::constant(x.clone());
    loss::bce(&x, &x, Reduction::Mean).item()
}
