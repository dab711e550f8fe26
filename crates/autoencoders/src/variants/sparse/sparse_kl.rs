//! The sparse autoencoder with a target: each unit of the code is on for a share ρ of the samples.
//!
//! ```text
//! min L(x, g(h)) + w Σⱼ KL(ρ ‖ ρ̂ⱼ)        h = σ(W x + b),  ρ̂ⱼ the mean of hⱼ over the batch
//! KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))
//! ```
//!
//! A unit is read as a coin: on with probability hⱼ. The divergence asks that over the batch its
//! mean be ρ. It says nothing of one sample, where a unit may well be fully on: a unit that is always
//! at ρ is not sparse, one that is 1 for a tenth of the samples is. Units between −1 and 1 (tanh)
//! count as (h+1)/2.
//!
//! Changes with respect to the simple autoencoder: the divergence; with w = 0 it is that.
//! One source has the second term of the divergence as (1−ρ)·log(1−ρ)/(1−ρ), which does not depend
//! on ρ̂: it then pulls up units below the target and never pushes one down. See `docs/mistakes.md`.

use retrograd_autograd::Var;

use super::sparse_l1;
use crate::composed::Penalty;
use crate::parts::{Output, checks, penalty};
use crate::registry::{
    BOUNDED_ACTIVATION, Card, Gradients, LATENT, Nonlinearity, OUTPUT, OptimizerKind, Range,
    Recipe, Setting, Value,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "sparse-kl",
    aliases: &["sae", "sparse", "kl"],
    summary: "Each unit of the code is on for a given share of the samples.",
    equation: "min L(x, g(h)) + w Σ KL(ρ ‖ mean of h),  h = σ(W x + b)",
    change: "the divergence of each unit's mean from ρ",
    source: "Ng 2011, Sparse autoencoder; Géron 2017, chapter 15",
    parent: Some("simple"),
    gradients: Gradients::Exact,
    settings: &[&[
        LATENT.by_default(|data| data.pick(300, data.half(), data.half()).into()),
        BOUNDED_ACTIVATION,
        OUTPUT.by_default(|_| Output::Real.into()),
        RHO,
        WEIGHT,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 150, OptimizerKind::Adam, 0.01),
        None => Recipe::new(10, 1000, OptimizerKind::Adam, 0.01),
    },
    check: |settings, data| {
        checks::bounded(settings)?;
        checks::reaches(settings, data)
    },
    model: |settings, data, rng| {
        let (rho, units) = (settings.number("rho"), settings.word("activation"));
        let penalty = Penalty::new("kl", settings.number("weight"), move |batch| {
            penalty::divergence_of_means(&shares(batch.code, units), rho)
        });
        let model = deep::model(settings, data, rng).with_penalty(penalty);
        Box::new(model.with_exhibit(move |batch| sparse_l1::means_of_units(batch, Some(rho))))
    },
    ..sparse_l1::CARD
};

/// Another source has 0.05.
const RHO: Setting = Setting::new(
    "rho",
    "Target ρ of the mean of each unit of the code.",
    Range::INSIDE,
    |_| 0.1.into(),
);

/// Columns of a table have less variance than an image's pixels together.
const WEIGHT: Setting = Setting::new(
    "weight",
    "Weight of the divergence from the target.",
    Range::NOT_NEGATIVE,
    |_| 0.2.into(),
)
.fitted(|_, _| Value::Number(0.01));

/// The units of codes `[batch, code]` as shares of being on, in [0, 1].
fn shares(code: &Var, units: Nonlinearity) -> Var {
    match units {
        Nonlinearity::Tanh => (code + 1.0) * 0.5,
        _ => code.clone(),
    }
}
