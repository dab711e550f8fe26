//! The deep autoencoder: f and g of several layers, h = a(W₂ a(W₁ x)), and the mirror back.
//!
//! Every layer folds the surface that the code can follow once more, so a code of the same size
//! says more.
//!
//! Changes with respect to the simple autoencoder: the number of layers. Sources: 784-128-32-128-784
//! with ReLU (images) and 18-15-11-11-8-11-11-15-18 with sigmoids and a rectified output (tables);
//! the text behind the second one feeds `encoded` on where it means `decoded`, which leaves a dead
//! layer: the mirror of 15-11-11-8 is 8-11-11-15.

use retrograd_tensor::random::Rng;

use super::simple;
use crate::composed::Deterministic;
use crate::parts::{Body, Output, Start};
use crate::registry::{
    Card, DataShape, HIDDEN, LATENT, OUTPUT, OptimizerKind, Recipe, Setting, Settings,
};

pub(crate) const CARD: Card = Card {
    name: "deep",
    aliases: &["ae", "autoencoder", "mlp", "dense"],
    summary: "Several layers each way; a small code says more.",
    equation: "min L(x, g(h)),  h = a(W₂ a(W₁ x + b₁) + b₂),  g the mirror of f",
    change: "the number of layers",
    source: "Hinton and Salakhutdinov 2006",
    parent: Some("simple"),
    settings: &[SETTINGS],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(5, 1000, OptimizerKind::Adadelta, 1.0),
    },
    ..simple::CARD
};

/// Those of the source, which children share.
pub(crate) const SETTINGS: &[Setting] = &[
    LATENT.by_default(|data| data.pick(32, 8, 8).into()),
    HIDDEN.by_default(|data| match data.image() {
        Some(_) => [128].into(),
        None => [15, 11, 11].into(),
    }),
    simple::UNITS,
    OUTPUT.by_default(|data| {
        let table = Output::Rectified;
        data.pick(Output::Probability, table, table).into()
    }),
];

/// Through the hidden layers to the code, and their mirror back.
pub(crate) fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Deterministic {
    let down = settings.down(data);
    let body = Body::dense(&down, settings.layer(), Start::Glorot, rng);
    Deterministic::new(body, settings.word("output"))
}
