//! The undercomplete autoencoder: h = σ(W x + b) with fewer numbers than x, y = σ(V h + c).
//!
//! The smallest nonlinear autoencoder, 3-2-3: points in space, a code of two. Sigmoids at both ends
//! bend the plane that the linear autoencoder finds, so what it spans only approximates the
//! principal components; and its outputs lie in (0, 1), so the data must be scaled there.
//!
//! Changes with respect to the linear autoencoder: a sigmoid after each of its two maps.
//!
//! The source writes the reconstruction as f(g(x)); with f the encoder it is g(f(x)).

use retrograd_nn::Activation;

use super::linear;
use crate::composed::Deterministic;
use crate::parts::{Body, Output, Start, checks};
use crate::registry::{Card, LATENT, OptimizerKind, Recipe};

pub(crate) const CARD: Card = Card {
    name: "undercomplete",
    aliases: &[],
    summary: "A sigmoid layer each way, the code narrower than the sample.",
    equation: "min ‖x − σ(V σ(W x + b) + c)‖²",
    change: "a sigmoid after each map",
    source: "Goodfellow, Bengio and Courville 2016, section 14.1",
    parent: Some("linear"),
    data: "unit-plane",
    settings: &[&[LATENT.by_default(|data| {
        let less = data.features().saturating_sub(1).clamp(1, 2);
        data.pick(32, less, 2).into()
    })]],
    // Keras's default rate, at which plain descent through two sigmoids takes its time.
    recipe: |_| Recipe::new(200, 10, OptimizerKind::Sgd, 1.0),
    // Sigmoids follow each other, each of which passes a quarter of a slope at most.
    row_rate: 3e-2,
    check: |settings, data| {
        if !data.is_unit() {
            return Err("its output lies between 0 and 1 and the data does not; scale the data to [0, 1], or try `linear`".to_owned());
        }
        checks::narrow(settings, data)
    },
    model: |settings, data, rng| {
        let down = settings.down(data);
        let body = Body::dense(&down, Activation::Sigmoid, Start::Glorot, rng);
        Box::new(Deterministic::new(body, Output::Squashed))
    },
    ..linear::CARD
};
