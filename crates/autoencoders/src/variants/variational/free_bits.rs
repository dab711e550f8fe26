//! The variational autoencoder with free bits: the first nats of every number of the code cost nothing.
//!
//! ```text
//! min −log p(x|z) + Σⱼ max(λ, Kⱼ)        Kⱼ the mean of KL(q(zⱼ|x) ‖ N(0, 1)) over the batch
//! ```
//!
//! Below λ there is nothing to be won by making a number of the code noise, so it has λ nats to be used. The
//! maximum is that of the **batch's mean** of each number: a sample that needs more may take it from one that
//! needs less. Of each sample and number it would be another, weaker thing.
//!
//! Below λ a number has no slope from the divergence at all. One whose distribution is the prior is read by the
//! decoder as noise, and comes back only as far as the reconstruction pulls it; free bits keep numbers from
//! falling to 0 and lift none that lie there. `units_at_floor` counts the numbers at or below λ. The loss
//! is at least R + λ·L of a code of L numbers and no bound that one would report: `kl` and `bound` have the
//! divergence as it is.
//!
//! Changes with respect to the variational autoencoder: the maximum; with λ = 0 it is that. Source: Kingma et
//! al. 2016, appendix C.8.

use super::variational;
use crate::composed::Price;
use crate::registry::{Card, Gradients, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "free-bits",
    aliases: &["freebits", "freebitsvae", "freenats"],
    summary: "Variational, the first nats of every number of the code free.",
    equation: "min −log p(x|z) + Σⱼ max(λ, mean KL(q(zⱼ|x) ‖ N(0, 1)))",
    change: "a floor under the divergence of each number",
    source: "Kingma et al. 2016",
    parent: Some("variational"),
    gradients: Gradients::ExactBesides("divergences at the floor"),
    settings: &[variational::SETTINGS, &[FLOOR]],
    model: |settings, data, rng| {
        let floor = settings.number("floor");
        Box::new(variational::model(settings, data, rng).with_price(Price::FreeBits { floor }))
    },
    ..variational::CARD
};

const FLOOR: Setting = Setting::new(
    "floor",
    "Nats λ of every number of the code that are free.",
    Range::NOT_NEGATIVE,
    |_| 0.5.into(),
);
