//! The tied autoencoder: the decoder's weights are the encoder's, transposed.
//!
//! ```text
//! h = a(W₂ a(W₁ x + b₁) + b₂)
//! y = W₁ᵀ a(W₂ᵀ h + b₃) + b₄
//! min ‖x − y‖² + λ (½‖W₁‖² + ½‖W₂‖²)
//! ```
//!
//! Half the weights, so less to overfit with. A weight that is used twice has one gradient, the sum
//! of what both uses say. Each is charged once. Biases are not tied and cost nothing.
//!
//! Changes with respect to the stacked autoencoder: the decoder has no weights of its own. The
//! source writes `loss - reconstruction_loss + reg_loss` where it means `loss =`.

use retrograd_nn::Sequential;

use super::stacked::{self, decayed};
use crate::parts::Body;
use crate::parts::dense::{Start, Transposed, layers, mirror, sequence};
use crate::registry::Card;

pub(crate) const CARD: Card = Card {
    name: "tied",
    aliases: &[],
    summary: "The decoder uses the encoder's weights, transposed.",
    equation: "min ‖x − W₁ᵀ a(W₂ᵀ h + b₃) − b₄‖² + λ (½‖W₁‖² + ½‖W₂‖²)",
    change: "the decoder's weights are the encoder's",
    parent: Some("stacked"),
    model: |settings, data, rng| {
        let (down, activation) = (settings.down(data), settings.layer());
        let layers = layers(&down, activation, Start::He, true, rng);
        let back = |decoder: Sequential, position: usize| {
            let decoder = decoder.with(Transposed::of(&layers[position]));
            if position > 0 {
                decoder.with(activation)
            } else {
                decoder
            }
        };
        let decoder = (0..layers.len()).rev().fold(Sequential::new(), back);
        let widths = [&down, &mirror(&down)[1..]].concat();
        let body = Body::new(sequence(&layers, activation, true), decoder, widths);
        Box::new(decayed(body, settings.number("lambda")))
    },
    ..stacked::CARD
};
