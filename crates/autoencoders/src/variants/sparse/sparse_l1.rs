//! The sparse autoencoder with an L1 penalty: few units of the code are on for any one sample.
//!
//! ```text
//! min L(x, g(h)) + λ Σⱼ |hⱼ|        h = a(W x + b)
//! ```
//!
//! Every unit that is on costs its size, so a rectified unit that helps little is turned off. The
//! penalty acts on each sample's code. Sparse is not small: all units are there, and different
//! samples use different ones, which is why the code may be wider than the input
//! (see `overcomplete`).
//!
//! Changes with respect to the simple autoencoder: the penalty. With λ = 0 it is that.
//!
//! **The reduction.** The penalty is summed over the units and averaged over the batch, so λ is a
//! price per sample. Keras's activity regulariser, which the sources use, has been a sum over the
//! batch in some versions: λ = 1e-5 in batches of 32 was then 3.2e-4 per sample, and that is what the
//! published mean code value of 0.78 (6.6 without) belongs to. And "10e-5", as the sources write,
//! is 1e-4; "10e-6" is 1e-5.

use retrograd_nn::regulariser;

use crate::composed::{Encoded, Penalty};
use crate::model::{Content, Exhibit};
use crate::parts::checks;
use crate::registry::{Card, Gradients, LAMBDA, LATENT, OptimizerKind, Recipe, Setting};
use crate::variants::dense::{deep, simple};

pub(crate) const CARD: Card = Card {
    name: "sparse-l1",
    aliases: &["sae", "sparse", "l1"],
    summary: "Every unit of the code costs its size, so few are on.",
    equation: "min L(x, g(h)) + λ Σ|h|,  h = a(W x + b)",
    change: "λ times the sum of the code's sizes",
    source: "Ng 2011, Sparse autoencoder; Chollet 2016",
    parent: Some("simple"),
    gradients: Gradients::ExactBesides("the size of a number that is 0"),
    settings: &[SETTINGS],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 32, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(5, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::reaches,
    model: |settings, data, rng| {
        let model = deep::model(settings, data, rng);
        let penalty = Penalty::new("l1", settings.number("lambda"), |batch| {
            regulariser::activity_l1(batch.code)
        });
        let model = model.with_penalty(penalty);
        Box::new(model.with_exhibit(|batch| means_of_units(batch, None)))
    },
    ..simple::CARD
};

/// Those of the source, which children share. Of images λ is 1e-5 summed over a batch of 32, as the
/// published run had it.
pub(crate) const SETTINGS: &[Setting] = &[
    LATENT,
    simple::UNITS,
    simple::COST,
    LAMBDA.by_default(|data| data.pick(3.2e-4, 1e-4, 1e-4).into()),
];

/// How busy the units of the code are, the busiest first.
pub(super) fn means_of_units(batch: &Encoded<'_>, target: Option<f64>) -> Exhibit {
    let mut heights = batch.code.mean(0).value().to_vec();
    heights.sort_by(|a, b| b.total_cmp(a));
    Exhibit {
        heading: "Mean of each unit".into(),
        sentence: "The busiest unit stands first. A sparse code has few units that are on for many samples, and each sample has few units that are on.".into(),
        content: Content::Bars {
            axes: ["unit".into(), "mean over the samples".into()],
            heights,
            target: target.map(|target| (format!("target {target}"), target)),
        },
    }
}
