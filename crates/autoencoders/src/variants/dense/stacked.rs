//! The stacked autoencoder: deep, ELU, and large weights cost.
//!
//! ```text
//! min ‖x − g(f(x))‖² + λ Σ ½‖W‖²        784-300-150-300-784
//! ```
//!
//! Weights are charged for their size, biases never. The squared error is a mean over features and
//! batch, the decay a sum over all weights, so λ = 0.001 is a heavy hand beside it: an error of 0.01
//! buys weights of ½‖W‖² = 10 together.
//!
//! Changes with respect to the deep autoencoder: ELU units from He's start, a linear output with
//! squared error, and the decay; with λ = 0 and the same units it is that.

use super::deep;
use crate::composed::{Deterministic, Penalty};
use crate::parts::{Body, Output, Start, checks, penalty};
use crate::registry::{
    ACTIVATION, Card, HIDDEN, LAMBDA, LATENT, Nonlinearity, OptimizerKind, Recipe, Setting,
};

pub(crate) const CARD: Card = Card {
    name: "stacked",
    aliases: &["sae"],
    summary: "Deep with ELU units; large weights cost.",
    equation: "min ‖x − g(f(x))‖² + λ Σ ½‖W‖²",
    change: "ELU, He's start, and decay of the weights",
    source: "Géron 2017, chapter 15",
    parent: Some("deep"),
    settings: &[SETTINGS],
    recipe: |_| Recipe::new(5, 150, OptimizerKind::Adam, 0.01),
    check: checks::narrow,
    model: |settings, data, rng| {
        let body = Body::dense(&settings.down(data), settings.layer(), Start::He, rng);
        Box::new(decayed(body, settings.number("lambda")))
    },
    ..deep::CARD
};

/// Those of the source, which children share.
pub(crate) const SETTINGS: &[Setting] = &[
    LATENT.by_default(|data| data.pick(150, data.half(), data.half()).into()),
    HIDDEN.by_default(|data| match data.image() {
        Some(_) => [300].into(),
        None => [(data.features() + data.half()) / 2].into(),
    }),
    ACTIVATION.by_default(|_| Nonlinearity::Elu.into()),
    LAMBDA,
];

/// A body with squared error, whose weights are each charged once.
pub(crate) fn decayed(body: Body, lambda: f64) -> Deterministic {
    let weights = body.weights();
    Deterministic::new(body, Output::Real).with_penalty(Penalty::new("l2", lambda, move |batch| {
        penalty::decay(&weights, batch.x)
    }))
}
