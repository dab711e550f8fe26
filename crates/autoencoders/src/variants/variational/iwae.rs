//! The importance-weighted autoencoder: several draws of the code for each sample, the likely ones
//! weighing more.
//!
//! ```text
//! min −log (1/k) Σᵢ wᵢ        wᵢ = p(x|zᵢ) p(zᵢ) / q(zᵢ|x),  zᵢ = μ + σ εᵢ
//! ```
//!
//! The mean of the weights is an unbiased estimate of p(x), and its logarithm a bound that rises to
//! log p(x) with k. The variational autoencoder asks every draw to explain the sample; here it is
//! enough if one of k does, so q may be wider.
//!
//! Changes with respect to the variational autoencoder: the logarithm of a mean in place of a mean of
//! logarithms; with k = 1 it is the variational bound with the divergence estimated by the draw.
//! Source: Burda, Grosse and Salakhutdinov 2016, equation 8. Averaged over the batch, in nats.

use super::variational;
use crate::composed::Bound;
use crate::registry::{ACTIVATION, Card, HIDDEN, LATENT, Nonlinearity, SAMPLES};

pub(crate) const CARD: Card = Card {
    name: "iwae",
    aliases: &["importanceweighted", "importance"],
    summary: "Variational with k draws a sample, the likely ones weighing more.",
    equation: "min −log (1/k) Σ p(x|zᵢ) p(zᵢ) / q(zᵢ|x)",
    change: "k weighted draws in place of one",
    source: "Burda, Grosse and Salakhutdinov 2016",
    parent: Some("variational"),
    settings: &[
        variational::SETTINGS,
        &[
            LATENT.by_default(|data| data.pick(50, data.half(), data.half()).into()),
            HIDDEN.by_default(|data| match data.image() {
                Some(_) => [200, 200].into(),
                None => [4 * data.half()].into(),
            }),
            ACTIVATION.by_default(|_| Nonlinearity::Tanh.into()),
            SAMPLES,
        ],
    ],
    model: |settings, data, rng| {
        let draws = settings.count("samples");
        Box::new(variational::model(settings, data, rng).with_bound(Bound::Importance { draws }))
    },
    ..variational::CARD
};
