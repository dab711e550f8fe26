//! The simple autoencoder: one hidden layer, h = a(W x + b), y = o(V h + c).
//!
//! The nonlinearity a lets the code follow a curved surface through the data where the linear
//! autoencoder has a flat one. On images a is the ReLU and y a probability for each pixel, with
//! the cross-entropy as the error; on tables a and o are sigmoids, with squared error.
//!
//! Changes with respect to the linear autoencoder: the nonlinearities, and the error on images.
//! Sources: the Keras blog's "simplest possible autoencoder" (784-32-784) and its variant for a
//! table of 18 columns (18-9-18).

use super::linear;
use crate::parts::{Output, checks};
use crate::registry::{
    ACTIVATION, Card, LATENT, Nonlinearity, OUTPUT, OptimizerKind, Recipe, Setting,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "simple",
    aliases: &["ae", "autoencoder", "vanilla"],
    summary: "One hidden layer with a nonlinearity each way.",
    equation: "min L(x, σ(V h + c)),  h = a(W x + b)",
    change: "nonlinearities, and the error on images",
    source: "Chollet 2016, Building autoencoders in Keras",
    parent: Some("linear"),
    data: "digits",
    settings: &[&[LATENT, UNITS, COST]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(5, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::narrow_and_reaches,
    // Without hidden layers: an encoder and a decoder of one layer each.
    model: |settings, data, rng| Box::new(deep::model(settings, data, rng)),
    ..linear::CARD
};

/// Those of the source, which children share.
pub(crate) const UNITS: Setting = ACTIVATION.by_default(|data| {
    let table = Nonlinearity::Sigmoid;
    data.pick(Nonlinearity::Relu, table, table).into()
});
pub(crate) const COST: Setting = OUTPUT.by_default(|data| {
    let table = Output::Squashed;
    data.pick(Output::Probability, table, table).into()
});
