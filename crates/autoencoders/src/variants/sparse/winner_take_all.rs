//! The winner-take-all autoencoder: each unit is on for the samples of a batch that it is largest for.
//!
//! ```text
//! min ‖x − Wᵀ h − c‖²        h = max(W x + b, 0), of each unit the largest ⌈pB⌉ of a batch of B, and 0 elsewhere
//! ```
//!
//! The k-sparse autoencoder lets units compete for a sample; some never win, and are dead. Here samples compete
//! for a unit: every unit that is above 0 at all has winners and learns, and a share p of a unit's life is spent
//! on. That a sample has few units on follows, on average.
//!
//! The competition belongs to training. When codes are measured h = max(W x + b, 0), whatever the other samples
//! are; these are what a classifier is to read. It depends on the batch, of which p is a share: in batches of 100
//! each unit has 5 winners at p = 0.05. Reconstructions from codes that are not thinned out are too bright: their
//! error is not that of training.
//!
//! Changes with respect to the k-sparse autoencoder: who competes, and rectified units. With p = 1 it is a tied
//! autoencoder with rectified units. Source: Makhzani and Frey 2015, section 2.1. The squares are summed over the
//! features and averaged over the batch.

use std::ops::Bound;

use retrograd_nn::{Activation, Sequential};

use super::k_sparse::{self, tied, watched};
use crate::parts::active;
use crate::registry::{Card, Gradients, LATENT, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "winner-take-all",
    aliases: &["wta", "fcwta", "lifetime"],
    summary: "Each unit is on for the share of a batch that it is largest for.",
    equation: "min ‖x − Wᵀ h − c‖²,  h = of each unit of max(W x + b, 0) the top share p of the batch",
    change: "samples compete for a unit, not units for a sample",
    source: "Makhzani and Frey 2015",
    parent: Some("k-sparse"),
    gradients: Gradients::ExactBesides("samples that change places"),
    settings: &[&[
        LATENT
            .by_default(|data| {
                let features = data.features();
                data.pick(2000, 2 * features, 2 * features).into()
            })
            .fitted(k_sparse::few)
            .in_miniature(|_, _| 5.into()),
        SHARE,
    ]],
    check: |_, _| Ok(()),
    model: |settings, data, rng| {
        let share = settings.number("share");
        let rectified = Sequential::new().with(Activation::Relu);
        let model = tied(settings, data, rectified, rng)
            .per_sample()
            .of_whole_batches()
            .with_coding(move |code, step| {
                if !step.is_training() {
                    return code.clone();
                }
                let winners = (share * code.shape()[0] as f64).ceil() as usize;
                // A row for each unit.
                active::largest(&code.t(), winners.max(1)).t()
            });
        Box::new(watched(model))
    },
    ..k_sparse::CARD
};

const SHARE: Setting = Setting::new(
    "share",
    "Share p of a batch that each unit is on for in training.",
    Range::Number(Bound::Excluded(0.0), Bound::Included(1.0)),
    |_| 0.05.into(),
)
.in_miniature(|_, _| 0.5.into());
