//! The sliced Wasserstein autoencoder: codes of all samples together lie as N(0, 1) does, seen along any
//! line.
//!
//! ```text
//! min ‖x − g(h)‖² + λ SW²(h, z)        h = f(x),  z ~ N(0, 1)
//! SW² the mean over M directions of the mean of (sorted ⟨h, e⟩ − sorted ⟨z, e⟩)² over the batch
//! ```
//!
//! Two distributions are equal if they look equal from every side. From one side codes are numbers, and for
//! those the distance needs nothing but sorting: no kernel and no width of one has to be chosen. Directions
//! are drawn anew in each step, uniformly on the sphere; codes of more numbers need more of them.
//!
//! Two samples of one distribution are never at the same places, so the term does not reach 0: for batches of
//! 128 it ends near 0.03. Here it is a mean over the batch; where it is a sum, λ is smaller by as much.
//!
//! Changes with respect to the Wasserstein autoencoder with MMD: the distance. Source: Kolouri, Pope, Martin
//! and Rohde 2019, algorithm 1.

use super::wae_mmd;
use crate::composed::Penalty;
use crate::model::noise;
use crate::parts::{directions, sliced_wasserstein};
use crate::registry::{Card, Gradients, LAMBDA, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "sliced",
    aliases: &["swae", "slicedwasserstein", "slicedwae"],
    summary: "All codes together are as N(0, 1), seen along random lines.",
    equation: "min ‖x − g(h)‖² + λ Σ (sorted ⟨h, e⟩ − sorted ⟨z, e⟩)² / MB",
    change: "sorted numbers along lines in place of kernels",
    source: "Kolouri, Pope, Martin and Rohde 2019",
    parent: Some("wae-mmd"),
    gradients: Gradients::ExactBesides("codes that change places along a line"),
    settings: &[
        wae_mmd::SETTINGS,
        &[LAMBDA.by_default(|_| 10.0.into()), DIRECTIONS],
    ],
    model: |settings, data, rng| {
        let count = settings.count("directions");
        let distance = Penalty::new("sw", settings.number("lambda"), move |batch| {
            let z = noise(batch.code, batch.code.shape());
            sliced_wasserstein(batch.code, &z, &directions(batch.code, count))
        });
        Box::new(wae_mmd::model(settings, data, rng).with_penalty(distance))
    },
    ..wae_mmd::CARD
};

const DIRECTIONS: Setting = Setting::new(
    "directions",
    "Lines M along which codes are compared with the prior, drawn anew in each step.",
    Range::Count(1),
    |_| 200.into(),
)
.in_miniature(|_, _| 4.into());
