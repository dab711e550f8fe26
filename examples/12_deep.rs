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
//! epoch        bce     held out
//!     1     0.2539       0.1658
//!     2     0.1448       0.1307
//!     3     0.1214       0.1141
//!     4     0.1091       0.1061
//!     5     0.1023       0.1003
//!     6     0.0979       0.0966
//!     7     0.0945       0.0938
//!     8     0.0920       0.0914
//!     9     0.0900       0.0899
//!    10     0.0885       0.0886
//! encoder alone  [10, 784] to [10, 32]
//! decoder alone  [10, 32] to [10, 784]
//! wrote target/examples-out/12_deep_images.png
//! ```
//!
//! and the picture shows originals, reconstructions, and the way from the 4 to the 2.
//! Progress goes to standard error.

use retrograd_autoencoders::{BatchSize, Recipe, Settings};
use retrograd_examples::{
    Example, Outcome, between, decode, encode, handful, recipe, reconstruct, variant,
};

fn main() -> Outcome {
    let example = Example::new("12_deep");
    let data = example.images()?;
    let model = variant("deep", &Settings::new(), &data)?;
    println!(
        "widths {:?}, {} parameters",
        model.widths(),
        model.parameter_count()
    );
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("deep", 10)?
    };
    let bce = example.train(model.as_ref(), &data, &recipe)?;
    assert!(bce < if example.typical() { 0.10 } else { 0.4 }, "{bce}");

    let digits = handful(&data);
    let codes = encode(model.as_ref(), &digits);
    let reconstructions = decode(model.as_ref(), &codes);
    println!("encoder alone  {} to {}", digits.shape(), codes.shape());
    println!(
        "decoder alone  {} to {}",
        codes.shape(),
        reconstructions.shape()
    );
    let whole = reconstruct(model.as_ref(), &digits);
    assert_eq!(whole, reconstructions, "the halves together are the whole");

    let way = decode(model.as_ref(), &between(&codes, 4, 2));
    example.rows(
        "images",
        &[
            ("original", &digits),
            ("reconstruction", &reconstructions),
            ("from 4 to 2", &way),
        ],
    )
}
