//! The information-maximising variational autoencoder: codes of all data together are the prior, those of one
//! sample need not be.
//!
//! ```text
//! min −log p(x|z) + (1 − α) KL(q(z|x) ‖ N(0, 1)) + (α + λ − 1) MMD²(q(z), N(0, 1))
//! ```
//!
//! The divergence charges for what a code says of its sample, which is what a code is for. With α above 0 it
//! charges less, with α = 1 nothing; that samples can be drawn from the prior is then seen to by the distance
//! between a batch of drawn codes and one of the prior, the maximum mean discrepancy without bias. It is below
//! 0 as often as not once they agree.
//!
//! The encoder is one of distributions, for α = 1 too: a deterministic one is `wae-mmd`. Reconstruction and
//! divergence are in nats, summed over features and code, and MMD² is below 14 whatever the code, so λ is large
//! here; weights of other programs, whose reductions differ, do not carry over. Where α ≠ 0 or λ ≠ 1 the loss
//! is no bound on −log p(x), and `bound` is told beside it.
//!
//! Changes with respect to the variational autoencoder: the weight of the divergence and the discrepancy; with
//! α = 0 and λ = 1 it is that. Source: Zhao, Song and Ermon 2019.

use std::ops::Bound::{Included, Unbounded};

use super::variational;
use crate::composed::Price;
use crate::model::noise;
use crate::parts::maximum_mean_discrepancy;
use crate::registry::{Card, DataShape, Range, Setting, Settings};

pub(crate) const CARD: Card = Card {
    name: "infovae",
    aliases: &["info", "mmdvae", "vaemmd"],
    summary: "Variational, codes of all data near the prior rather than those of each sample.",
    equation: "min −log p(x|z) + (1 − α) KL + (α + λ − 1) MMD²(q(z), N(0, 1))",
    change: "a discrepancy of the codes of all data beside a cheaper divergence",
    source: "Zhao, Song and Ermon 2019",
    parent: Some("variational"),
    settings: &[variational::SETTINGS, &[ALPHA, LAMBDA]],
    check,
    model: |settings, data, rng| {
        let [alpha, lambda] = ["alpha", "lambda"].map(|name| settings.number(name));
        let model = variational::model(settings, data, rng).with_price(Price::times(1.0 - alpha));
        let weight = alpha + lambda - 1.0;
        Box::new(model.with_terms(move |terms, batch, _| {
            let draws = noise(batch.code, batch.code.shape());
            let mmd = maximum_mean_discrepancy(batch.code, &draws);
            terms.weighted("mmd", mmd, weight)
        }))
    },
    ..variational::CARD
};

/// Half of the divergence's price.
const ALPHA: Setting = Setting::new(
    "alpha",
    "How much α of the divergence's price is let off: all of it with 1.",
    Range::Number(Unbounded, Included(1.0)),
    |_| 0.5.into(),
);

const LAMBDA: Setting = Setting::new(
    "lambda",
    "Weight λ of the divergence of all codes together.",
    Range::NOT_NEGATIVE,
    |_| 100.0.into(),
);

fn check(settings: &Settings, data: DataShape) -> Result<(), String> {
    (variational::CARD.check)(settings, data)?;
    let [alpha, lambda] = ["alpha", "lambda"].map(|name| settings.number(name));
    if alpha + lambda >= 1.0 {
        return Ok(());
    }
    Err(format!(
        "alpha = {alpha} and lambda = {lambda} give the discrepancy a weight of {}, below 0: it would be made large; use a lambda of {} or more",
        alpha + lambda - 1.0,
        1.0 - alpha
    ))
}
