//! The convolutional autoencoder knows what is beside what, and needs few weights for that.
//!
//! ```text
//! f: conv 3×3, 16 — pool — conv 3×3, 8 — pool — conv 3×3, 8 — pool        28 → 14 → 7 → 4
//! g: conv 3×3, 8 — double — conv 3×3, 8 — double — conv 3×3, 16 — double — conv 3×3, 1
//! ```
//!
//! With respect to `12_deep` the kind of layers changes. A dense layer has a weight for every pair of
//! pixel and unit; a convolution has one small pattern that it looks for everywhere. The code is an
//! image again, 4×4 pixels of 8 channels, so one can look at it.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 22_convolutional`. It prints
//!
//! ```text
//! 4385 parameters; the deep autoencoder has 209968
//! epoch        bce     held out
//!     1     0.3089       0.1927
//!     2     0.1720       0.1561
//!     3     0.1453       0.1381
//!     4     0.1323       0.1282
//!     5     0.1241       0.1212
//!     6     0.1186       0.1172
//!     7     0.1145       0.1139
//!     8     0.1115       0.1108
//! wrote target/examples-out/22_convolutional_images.png
//! wrote target/examples-out/22_convolutional_patterns.png
//! ```
//!
//! The first picture shows originals and reconstructions, and below them the eight channels of each
//! code: where in the image each found its pattern. The second shows the sixteen patterns of the
//! first layer, 3×3 pixels each, red where they want ink and blue where they want none.

use retrograd_autoencoders::Settings;
use retrograd_examples::{
    Example, Outcome, encode, enlarged, handful, recipe, reconstruct, variant,
};
use retrograd_report::{ImageGrid, Shading};
use retrograd_tensor::Tensor;

/// Channels after each layer of the encoder; the last are those of the code.
const CHANNELS: [usize; 3] = [16, 8, 8];

fn main() -> Outcome {
    let example = Example::new("22_convolutional");
    let data = example.images()?;
    let settings = Settings::new().with("channels", CHANNELS);
    let model = variant("convolutional", &settings, &data)?;
    let model = model.as_ref();
    let dense = variant("deep", &Settings::new(), &data)?;
    println!(
        "{} parameters; the deep autoencoder has {}",
        model.parameter_count(),
        dense.parameter_count()
    );
    assert!(20 * model.parameter_count() < dense.parameter_count());
    let bce = example.train(model, &data, &recipe("convolutional", 8)?)?;
    assert!(!example.typical() || bce < 0.12, "{bce}");

    let originals = handful(&data);
    let reconstructions = reconstruct(model, &originals);
    let channels = channels(&encode(model, &originals));
    let mut rows = vec![
        ("original", &originals),
        ("reconstruction", &reconstructions),
    ];
    rows.extend(channels.iter().map(|channel| ("channel", channel)));
    example.rows("images", &rows)?;

    let patterns = model.params()[0].1.value().values::<f32>().into_owned();
    let grid = ImageGrid::new()
        .row("patterns", &patterns, [16, 3, 3])
        .shading(Shading::Diverging)
        .scale(16);
    example.grid("patterns", &grid)
}

/// Each channel of codes as images of the size of the originals, the strongest number white.
fn channels(codes: &Tensor) -> Vec<Tensor> {
    let channels = CHANNELS[2];
    let pixels = codes.shape()[1] / channels;
    let strongest = codes.iter().fold(1e-6, f64::max);
    let codes = codes.scale(1.0 / strongest);
    let of = |channel: usize| {
        let (from, to) = (channel * pixels, (channel + 1) * pixels);
        enlarged(&codes.slice(1, from as isize..to as isize), 7)
    };
    (0..channels).map(of).collect()
}
