//! The β-variational autoencoder: the divergence from the prior weighs β times as much.
//!
//! ```text
//! min −log p(x|z) + β KL(q(z|x) ‖ N(0, 1))
//! ```
//!
//! β is the price of a nat in the code. Above 1 fewer numbers of the code are used and each for
//! something of its own, which can make them easier to read; reconstructions suffer. Below 1 they
//! gain and samples from the prior suffer. Only at β = 1 is the sum a bound on −log p(x).
//!
//! Changes with respect to the variational autoencoder: β; with β = 1 it is that, to the bit.
//! Source: Higgins et al. 2017, equation 4.

use super::variational;
use crate::composed::Price;
use crate::registry::{Card, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "beta",
    aliases: &["bvae", "betavae"],
    summary: "Variational, with a price β on every nat of the code.",
    equation: "min −log p(x|z) + β KL(q(z|x) ‖ N(0, 1))",
    change: "β times the divergence",
    source: "Higgins et al. 2017",
    parent: Some("variational"),
    settings: &[variational::SETTINGS, &[BETA]],
    model: |settings, data, rng| {
        let beta = settings.number("beta");
        Box::new(variational::model(settings, data, rng).with_price(Price::times(beta)))
    },
    ..variational::CARD
};

/// That of the published figures on simple images.
pub(crate) const BETA: Setting = Setting::new(
    "beta",
    "Weight β of the divergence from the prior.",
    Range::NOT_NEGATIVE,
    |_| 4.0.into(),
);
