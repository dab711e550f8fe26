//! The strided autoencoder: convolutions that move two pixels at a time, and their transposes.
//!
//! ```text
//! f: conv 4×4, stride 2 — conv 4×4, stride 2            28 → 14 → 7
//! g: the transposes of both, in the opposite order       7 → 14 → 28
//! ```
//!
//! Where pooling looks everywhere and keeps a quarter, a stride of two looks at a quarter of the
//! places, for a quarter of the work. A transposed convolution paints its pattern at every place of
//! a coarse image into a fine one: it is the adjoint of the convolution that would read it, so
//! doubling is learnt, not prescribed. Four taps at a stride of two cover every pixel equally often;
//! three do not, which can show as a checkerboard (Odena et al. 2016).
//!
//! Changes with respect to the convolutional autoencoder: strides in place of pools, transposes in
//! place of doublings.

use super::convolutional;
use crate::composed::Deterministic;
use crate::parts::Body;
use crate::parts::convolution::{Halving, halved, sizes};
use crate::registry::{CHANNELS, Card, Gradients};

pub(crate) const CARD: Card = Card {
    name: "strided",
    aliases: &["cnn", "conv"],
    summary: "Convolutions with stride to a small image, transposed ones back.",
    equation: "min L(x, g(f(x))),  f of strided convolutions, g of their transposes",
    change: "strides and transposes in place of pools and doublings",
    source: "Springenberg et al. 2015; Dumoulin and Visin 2016",
    parent: Some("convolutional"),
    gradients: Gradients::Exact,
    settings: &[&[CHANNELS], convolutional::REST],
    check: |settings, data| {
        let channels = settings.widths("channels");
        let [height, width] = halved(sizes(data)?, channels.len())?;
        let code = (height * width).saturating_mul(channels.last().copied().unwrap_or(0));
        if code < data.features() {
            return Ok(());
        }
        Err(format!(
            "a code of {code} numbers for images of {} numbers, which it could copy; give fewer channels, or more layers of them",
            data.features()
        ))
    },
    model: |settings, data, rng| {
        let (channels, activation) = (settings.widths("channels"), settings.layer());
        let sample = sizes(data).expect("checked data is images");
        let layers: Vec<Halving> = channels.iter().map(|&channels| (channels, 4)).collect();
        let body = Body::strided(sample, &layers, activation, rng);
        Box::new(Deterministic::new(body, settings.word("output")))
    },
    ..convolutional::CARD
};
