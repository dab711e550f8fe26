//! The regularised autoencoder: codes stay small and the decoder smooth, and what codes are drawn from is
//! found out afterwards.
//!
//! ```text
//! min ‖x − g(h)‖² + β ½‖h‖² + λ ‖θ‖²        h = f(x),  θ the decoder's parameters
//! ```
//!
//! A variational autoencoder feeds its decoder with noisy codes, which mostly makes the decoder smooth and
//! the codes bounded. Both can be asked for directly: a decoder of small weights changes little from code to
//! code, and codes that cost their squares do not run away to make up for it. Nothing is random.
//!
//! The price of parameters is for the decoder alone. There is no prior: to draw samples, a distribution is
//! fitted to the codes of the data after training, a [`FittedNormal`](crate::FittedNormal) or a
//! [`Mixture`](crate::Mixture) of ten; a score of samples means nothing unless it says which.
//!
//! Changes with respect to the deep autoencoder: the code has no nonlinearity, and two prices; with β = λ = 0
//! it is that. Source: Ghosh, Sajjadi, Vergari, Black and Schölkopf 2020, equation 11 (RAE-L2). The squares are
//! summed over the features and averaged over the batch.

use retrograd_nn::{Module, regulariser};

use super::wae_mmd;
use crate::composed::Penalty;
use crate::parts::penalty::decay;
use crate::registry::{Card, LAMBDA, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "rae",
    aliases: &["rael2", "regularised", "regularized"],
    summary: "Small codes and a smooth decoder; the prior is fitted afterwards.",
    equation: "min ‖x − g(h)‖² + β ½‖h‖² + λ ‖θ‖²,  θ the decoder's",
    change: "prices on the code's size and the decoder's parameters",
    source: "Ghosh, Sajjadi, Vergari, Black and Schölkopf 2020",
    parent: Some("deep"),
    settings: &[
        wae_mmd::SETTINGS,
        &[BETA, LAMBDA.by_default(|_| 1e-7.into())],
    ],
    model: |settings, data, rng| {
        let model = wae_mmd::points(settings, data, rng);
        let params = model.body.decoder.params().into_iter();
        let params: Vec<_> = params.map(|(_, param)| param).collect();
        let size = Penalty::new("size", settings.number("beta"), |batch| {
            regulariser::activity_l2(batch.code)
        });
        let decay = Penalty::new("l2", settings.number("lambda"), move |batch| {
            decay(&params, batch.x) * 2.0
        });
        Box::new(model.with_penalty(size).with_penalty(decay))
    },
    ..wae_mmd::CARD
};

const BETA: Setting = Setting::new(
    "beta",
    "Weight β of half the square of the code.",
    Range::NOT_NEGATIVE,
    |_| 1e-4.into(),
);
