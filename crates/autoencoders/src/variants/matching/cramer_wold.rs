//! The Cramer-Wold autoencoder: codes of all samples together lie as N(0, 1) does, by a distance that needs
//! no draws of it.
//!
//! ```text
//! min ‖x − g(h)‖² + λ log CW(h)        h = f(x)
//! ```
//!
//! As in the sliced autoencoder codes are seen along lines, but along all of them, and what is compared are
//! smoothed densities. Then every integral is known (see [`cramer_wold`](crate::cramer_wold)): nothing is
//! drawn, and nothing is chosen but λ. The logarithm makes the price one of the ratio: however near codes are
//! already, half the distance is worth λ log 2.
//!
//! The form for many numbers is an approximation that holds from a code of 20 on; codes of 1 and 2 have
//! exact ones, and those in between are refused.
//!
//! Changes with respect to the Wasserstein autoencoder with MMD: the distance, and its logarithm. Source:
//! Knop, Spurek, Tabor, Podolak, Mazur and Jastrzębski 2020.

use super::wae_mmd;
use crate::composed::Penalty;
use crate::parts::{checks, cramer_wold, has_cramer_wold};
use crate::registry::{Card, LAMBDA, LATENT, Value};

pub(crate) const CARD: Card = Card {
    name: "cramer-wold",
    aliases: &["cwae"],
    summary: "All codes together are as N(0, 1), by a formula without draws.",
    equation: "min ‖x − g(h)‖² + λ log CW(h)",
    change: "the logarithm of a closed form in place of kernels and draws",
    source: "Knop, Spurek, Tabor, Podolak, Mazur and Jastrzębski 2020",
    parent: Some("wae-mmd"),
    settings: &[
        wae_mmd::SETTINGS,
        &[
            LATENT
                .by_default(|data| data.pick(24, 2, 2).into())
                .fitted(|data, latent| match latent {
                    Value::Count(latent) => Value::Count(latent.min(data.half())),
                    other => other,
                })
                .in_miniature(|_, _| 2.into()),
            LAMBDA.by_default(|_| 1.0.into()),
        ],
    ],
    check: |settings, data| {
        checks::reaches(settings, data)?;
        let latent = settings.count("latent");
        if has_cramer_wold(latent) {
            return Ok(());
        }
        Err(format!(
            "a code of {latent}: its distance from the prior has exact forms for 1 and 2 numbers and a good approximation for 20 or more; use one of those, or `sliced`"
        ))
    },
    model: |settings, data, rng| {
        let distance = Penalty::new("log cw", settings.number("lambda"), |batch| {
            // The form for many numbers is not exact: rounding must not take it below 0.
            cramer_wold(batch.code).clamp(SMALLEST, f64::INFINITY).log()
        });
        let model = wae_mmd::model(settings, data, rng).with_penalty(distance);
        Box::new(model.with_watched("cw", |batch| cramer_wold(batch.code)))
    },
    ..wae_mmd::CARD
};

/// Of what a logarithm is taken at least: a share of a thousandth of what a batch of draws has.
const SMALLEST: f64 = 1e-6;
