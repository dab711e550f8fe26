//! The strided autoencoder learns how to shrink and to enlarge, where the convolutional one is told.
//!
//! ```text
//! f: conv 4×4 in steps of 2, 16 — conv 4×4 in steps of 2, 8        28 → 14 → 7
//! g: the transpose of such, 16 — the transpose of such, 1          7 → 14 → 28
//! ```
//!
//! With respect to `22_convolutional` pools and doublings are gone. A convolution in steps of 2 halves
//! the image by itself; its transpose, the same product the other way round, gives every pixel a patch
//! of 4×4 to paint and adds up where patches overlap.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 23_strided`. It prints
//!
//! ```text
//! 4649 parameters, a code of 8×7×7
//! epoch        bce     held out
//!     1     0.3462       0.1418
//!     2     0.1062       0.0902
//!     3     0.0832       0.0784
//!     4     0.0758       0.0742
//!     5     0.0728       0.0719
//! wrote target/examples-out/23_strided_images.png
//! wrote target/examples-out/23_strided_painted.png
//! wrote target/examples-out/23_strided_patches.png
//! ```
//!
//! The first picture shows originals and reconstructions; the second what a pixel of each channel of
//! the code paints by itself, ink in red; the third the sixteen patches of the last layer.

use retrograd_autoencoders::{Autoencoder, Settings};
use retrograd_examples::{Example, Outcome, decode, handful, recipe, reconstruct, variant};
use retrograd_report::{ImageGrid, Shading};
use retrograd_tensor::{DType, Tensor};

/// Channels after each layer of the encoder; the last are those of the code.
const CHANNELS: [usize; 2] = [16, 8];
/// How strongly a pixel of the code is on, to see what it paints.
const STRENGTH: f32 = 2.0;

fn main() -> Outcome {
    let example = Example::new("23_strided");
    let data = example.images()?;
    let settings = Settings::new().with("channels", CHANNELS);
    let model = variant("strided", &settings, &data)?;
    let model = model.as_ref();
    let [_, channels] = CHANNELS;
    // Two halvings of the images' side.
    let side = data.train.width().isqrt() / 4;
    println!(
        "{} parameters, a code of {channels}×{side}×{side}",
        model.parameter_count()
    );
    let bce = example.train(model, &data, &recipe("strided", 5)?)?;
    assert!(!example.typical() || bce < 0.12, "{bce}");

    let originals = handful(&data);
    let reconstructions = reconstruct(model, &originals);
    example.rows(
        "images",
        &[
            ("original", &originals),
            ("reconstruction", &reconstructions),
        ],
    )?;
    painted(&example, model, side)?;

    let params = model.params();
    let (_, last) = &params[params.len() - 2];
    let patches = last.value().values::<f32>().into_owned();
    let grid = ImageGrid::new()
        .row("patches", &patches, [patches.len() / 16, 4, 4])
        .shading(Shading::Diverging)
        .scale(12);
    example.grid("patches", &grid)
}

/// What a pixel in the middle of each channel of the code adds to what an empty code paints.
fn painted(example: &Example, model: &dyn Autoencoder, side: usize) -> Outcome {
    let [_, channels] = CHANNELS;
    let middle = side / 2 * side + side / 2;
    let single = Tensor::from_fn([channels, channels * side * side], |index| {
        let on = index[1] == index[0] * side * side + middle;
        if on { STRENGTH } else { 0.0 }
    });
    let empty = decode(model, &Tensor::zeros([1, single.shape()[1]], DType::F32));
    let added = &decode(model, &single) - &empty;
    let side = added.shape()[1].isqrt();
    let added = added.values();
    let grid = ImageGrid::new()
        .row("painted", &added, [channels, side, side])
        .shading(Shading::Diverging);
    example.grid("painted", &grid)
}
