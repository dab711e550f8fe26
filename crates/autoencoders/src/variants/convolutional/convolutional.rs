//! The convolutional autoencoder: layers that know what is beside what.
//!
//! ```text
//! f: conv 3×3, 16 — pool — conv 3×3, 8 — pool — conv 3×3, 8 — pool        28 → 14 → 7 → 4
//! g: conv 3×3, 8 — double — conv 3×3, 8 — double — conv 3×3, 16 — double — conv 3×3, 1
//! ```
//!
//! A convolution looks everywhere for the same small pattern, so it needs hundreds of weights where a
//! dense layer has hundred thousands. Pooling keeps the strongest response of four places and halves
//! the image; repeating each pixel doubles it again. The code is a small image of several channels,
//! 4×4×8 for digits.
//!
//! Halving 28 three times gives 14, 7 and, rounded up, 4; doubling gives 8 and 16, and the last but
//! one convolution has no padding, which makes it 14 again and in the end 28. This fits every height
//! and every width that is a multiple of 4 and at least 8.
//!
//! Changes with respect to the deep autoencoder: the kind of layers. Source: Chollet 2016, Building
//! autoencoders in Keras, after Masci et al. 2011; weights Glorot uniform, as there.

use retrograd_nn::{Conv2d, Init, MaxPool2d, Sequential, Upsample};
use retrograd_tensor::random::Rng;

use crate::composed::Deterministic;
use crate::parts::convolution::sizes;
use crate::parts::{Body, Output};
use crate::registry::{
    ACTIVATION, CHANNELS, Card, DataShape, Gradients, Nonlinearity, OUTPUT, OptimizerKind, Recipe,
    Setting, Settings,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "convolutional",
    aliases: &["cae", "cnn", "conv"],
    summary: "Convolutions and pooling to a small image, repeated pixels back.",
    equation: "min L(x, g(f(x))),  f of convolutions and pools, g of convolutions and doublings",
    change: "layers that know what is beside what",
    source: "Masci, Meier, Cireşan and Schmidhuber 2011; Chollet 2016",
    parent: Some("deep"),
    gradients: Gradients::ExactBesides("equal numbers in the window of a pool"),
    settings: &[
        &[CHANNELS.by_default(|_| [16, 8, 8].into())],
        REST,
    ],
    recipe: |_| Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
    check: |settings, data| {
        let [_, height, width] = sizes(data)?;
        if settings.widths("channels").len() != 3 {
            return Err("it has three layers of convolutions each way; give three channels, such as 16,8,8, or use `strided`".to_owned());
        }
        if fits(height) && fits(width) {
            return Ok(());
        }
        Err(format!(
            "images of {height}x{width} pixels do not come back to their size; crop or pad them to multiples of 4, {SMALLEST} or more"
        ))
    },
    model: |settings, data, rng| Box::new(model(settings, data, rng)),
    ..deep::CARD
};

/// What children share.
pub(crate) const REST: &[Setting] = &[
    ACTIVATION.by_default(|_| Nonlinearity::Relu.into()),
    OUTPUT.by_default(|_| Output::Probability.into()),
];

/// The side that three pools leave a pixel of.
const SMALLEST: usize = 8;

/// Whether this side comes back to its size.
fn fits(side: usize) -> bool {
    side >= SMALLEST && side.is_multiple_of(4)
}

/// Convolutions and pools to a code that is a small image, and the way back.
fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Deterministic {
    let sample = sizes(data).expect("checked data is images");
    let [a, b, c] = settings.widths("channels")[..] else {
        unreachable!("checked channels are three");
    };
    let activation = settings.layer();
    let mut conv = |inputs, outputs| {
        let layer = Conv2d::new(inputs, outputs, [3, 3], rng);
        layer.with_init(Init::XavierUniform, rng)
    };
    let pool = || MaxPool2d::new([2, 2]).ceil();
    let double = || Upsample::by([2.0, 2.0]);
    let encoder = Sequential::new()
        .with(conv(sample[0], a).same())
        .with(activation)
        .with(pool())
        .with(conv(a, b).same())
        .with(activation)
        .with(pool())
        .with(conv(b, c).same())
        .with(activation)
        .with(pool());
    // Half the side doubled from its quarter rounded up: right, or 2 too many.
    let zeros = [sample[1], sample[2]].map(|side| usize::from((side / 2).is_multiple_of(4)));
    let decoder = Sequential::new()
        .with(conv(c, c).same())
        .with(activation)
        .with(double())
        .with(conv(c, b).same())
        .with(activation)
        .with(double())
        .with(conv(b, a).padding(zeros))
        .with(activation)
        .with(double())
        .with(conv(a, sample[0]).same());
    let [height, width] = [sample[1], sample[2]].map(|side| side.div_ceil(8));
    let body = Body::of_images(encoder, decoder, sample, [c, height, width]);
    Deterministic::new(body, settings.word("output"))
}
