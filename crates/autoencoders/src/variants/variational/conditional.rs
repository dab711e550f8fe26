//! The conditional variational autoencoder: both halves are told what the sample is.
//!
//! ```text
//! min −log p(x|z, c) + KL(q(z|x, c) ‖ N(0, 1))        c the label
//! ```
//!
//! The label is given, so the code need not say it and is left to say the rest: on digits the slant
//! and the weight of the pen. Samples of a chosen label come from a code and that label.
//!
//! Changes with respect to the variational autoencoder: the label, one-hot, beside the sample and
//! beside the code. Source: Sohn, Lee and Yan 2015; Kingma et al. 2014, model M2.

use super::variational::{self, likelihood};
use crate::composed::Variational;
use crate::registry::{CLASSES, Card, DECODER, DEVIATION, LATENT, Need};

pub(crate) const CARD: Card = Card {
    name: "conditional",
    aliases: &["cvae", "conditionalvae"],
    summary: "Variational, told the label; draws samples of any label.",
    equation: "min −log p(x|z, c) + KL(q(z|x, c) ‖ N(0, 1))",
    change: "the label beside the sample and the code",
    source: "Sohn, Lee and Yan 2015",
    parent: Some("variational"),
    needs: &[Need::Classes],
    // No convolutions: a label is not beside an image as a pixel is.
    settings: &[&[
        LATENT.by_default(|data| data.pick(20, data.half(), data.half()).into()),
        variational::WIDTHS,
        variational::UNITS,
        DECODER,
        DEVIATION,
        CLASSES,
    ]],
    model: |settings, data, rng| {
        Box::new(Variational::dense(
            &settings.down(data),
            settings.count("classes"),
            settings.layer(),
            likelihood(settings),
            rng,
        ))
    },
    ..variational::CARD
};
