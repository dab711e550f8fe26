//! The Wasserstein autoencoder with MMD: codes of all samples together lie as N(0, 1) does, each is a
//! point.
//!
//! ```text
//! min ‖x − g(h)‖² + λ MMD²(h, z)        h = f(x),  z ~ N(0, 1)
//! ```
//!
//! The variational autoencoder asks the codes of every sample to look like the prior, so that those of
//! different samples overlap and reconstructions blur. What sampling needs is less: that the codes of all
//! samples *together* do. The maximum mean discrepancy is the distance of two distributions that only
//! needs draws of both, here a batch of codes and as many draws of the prior (see
//! [`maximum_mean_discrepancy`](crate::maximum_mean_discrepancy)).
//!
//! The squares are summed over the features and averaged over the batch, and λ is a price beside that. The
//! estimate is one of a batch: it may be below 0, and small batches see little of a distribution of many
//! numbers. Libraries whose reconstruction is a mean over features have λ smaller by as much.
//!
//! Changes with respect to the deep autoencoder: the code has no nonlinearity, and the discrepancy. With
//! λ = 0 it is an autoencoder. Source: Tolstikhin, Bousquet, Gelly and Schölkopf 2018, algorithm 2.

use retrograd_tensor::random::Rng;

use crate::composed::{Deterministic, Penalty};
use crate::model::{StandardNormal, noise};
use crate::parts::{Body, Output, Start, checks, maximum_mean_discrepancy};
use crate::registry::{
    ACTIVATION, Card, DataShape, Gradients, HIDDEN, LAMBDA, LATENT, Nonlinearity, OUTPUT, OptimizerKind, Recipe,
    Setting, Settings, Value,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "wae-mmd",
    aliases: &["wae", "wasserstein", "mmd", "mmdae"],
    summary: "All codes together are as N(0, 1), by the kernels of pairs.",
    equation: "min ‖x − g(h)‖² + λ MMD²(h, z),  z ~ N(0, 1)",
    change: "the discrepancy between codes and a prior",
    source: "Tolstikhin, Bousquet, Gelly and Schölkopf 2018",
    parent: Some("deep"),
    gradients: Gradients::Exact,
    settings: &[SETTINGS, &[LAMBDA.by_default(|_| 100.0.into())]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 128, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(10, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::reaches,
    model: |settings, data, rng| {
        let discrepancy = Penalty::new("mmd", settings.number("lambda"), |batch| {
            maximum_mean_discrepancy(batch.code, &noise(batch.code, batch.code.shape()))
        });
        Box::new(model(settings, data, rng).with_penalty(discrepancy))
    },
    ..deep::CARD
};

/// Those of all that bring codes near to a prior.
pub(super) const SETTINGS: &[Setting] = &[
    LATENT
        .by_default(|data| data.pick(8, data.half(), 2).into())
        .fitted(|data, latent| match latent {
            Value::Count(latent) => Value::Count(latent.min(8).min(data.half())),
            other => other,
        }),
    HIDDEN.by_default(|data| match data.image() {
        Some(_) => [200, 200].into(),
        None => [64, 64].into(),
    }),
    ACTIVATION.by_default(|data| {
        let rows = Nonlinearity::Elu;
        data.pick(Nonlinearity::Relu, rows, rows).into()
    }),
    OUTPUT.by_default(|data| {
        data.pick(Output::Squashed, Output::Squashed, Output::Real)
            .into()
    }),
];

/// An autoencoder whose cost is one of a sample and whose codes are to lie as N(0, 1) does, before there is a
/// price on how they lie.
pub(super) fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Deterministic {
    let latent = settings.count("latent");
    points(settings, data, rng)
        .with_prior(StandardNormal { latent })
        .of_whole_batches()
}

/// An autoencoder with codes of any size, whose cost is one of a sample.
pub(super) fn points(settings: &Settings, data: DataShape, rng: &mut Rng) -> Deterministic {
    let down = settings.down(data);
    let body = Body::dense_to_any_code(&down, settings.layer(), Start::He, rng);
    Deterministic::new(body, settings.word("output")).per_sample()
}
