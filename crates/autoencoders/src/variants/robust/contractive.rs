//! The contractive autoencoder: the code hardly moves when the input does.
//!
//! ```text
//! min L(x, g(h)) + λ ‖∂h/∂x‖²_F        h = f(x)
//! ```
//!
//! ‖J‖²_F is the sum of the squares of all derivatives of the code: large where small changes of the
//! input move it. The reconstruction asks the code to follow the changes that the data have, the
//! penalty asks it to follow none, so it follows those alone.
//!
//! For one sigmoid layer the Jacobian is known, ∂hⱼ/∂xᵢ = hⱼ(1 − hⱼ)Wⱼᵢ, and
//!
//! ```text
//! ‖J‖²_F = Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wⱼᵢ²
//! ```
//!
//! For any other encoder the Jacobian is taken by sweeps, a row each, and since training then
//! differentiates it once more, the sweeps are recorded: a gradient of a gradient.
//!
//! Changes with respect to the deep autoencoder: the penalty. With λ = 0 it is that. Source: Rifai,
//! Vincent, Muller, Glorot and Bengio 2011, equations 7 and 9. The penalty is summed over the code
//! and the features, averaged over the batch.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Mode, Pointwise, Tape, Var, grad};
use retrograd_nn::{Activation, Param};
use retrograd_tensor::random;

use crate::composed::{Encoded, Penalty};
use crate::parts::penalty::samples;
use crate::parts::{Output, checks};
use crate::registry::{
    BOUNDED_ACTIVATION, Card, HIDDEN, LAMBDA, LATENT, OUTPUT, OptimizerKind, Recipe,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "contractive",
    aliases: &["cae"],
    summary: "The code hardly moves when the input does.",
    equation: "min L(x, g(h)) + λ ‖∂h/∂x‖²",
    change: "the size of the code's derivatives",
    source: "Rifai, Vincent, Muller, Glorot and Bengio 2011",
    parent: Some("deep"),
    settings: &[&[
        LATENT.by_default(|data| data.pick(64, data.half(), data.half()).into()),
        HIDDEN,
        BOUNDED_ACTIVATION,
        OUTPUT.by_default(|data| {
            data.pick(Output::Probability, Output::Squashed, Output::Real)
                .into()
        }),
        LAMBDA,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(10, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::reaches,
    model: |settings, data, rng| {
        let model = deep::model(settings, data, rng);
        let is_single = settings.widths("hidden").is_empty()
            && settings.layer() == Activation::Sigmoid;
        let single = is_single.then(|| model.body.weights()[0].clone());
        let penalty = Penalty::new("contraction", settings.number("lambda"), move |batch| {
            contraction(batch, single.as_ref())
        });
        Box::new(model.with_penalty(penalty))
    },
    ..deep::CARD
};

/// ‖∂h/∂x‖²_F, averaged over the batch: by the formula if the encoder is one layer of sigmoids, whose
/// weight is given, else by sweeps.
fn contraction(batch: &Encoded<'_>, single: Option<&Param>) -> Var {
    match single {
        Some(weight) => contraction_of_sigmoids(batch.code, &weight.beside(batch.x)),
        None => contraction_by_sweeps(batch.x, |x| batch.body.encode(x)),
    }
}

/// Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wⱼᵢ² of codes `[batch, code]` and the weight `[code, features]` of the layer of
/// sigmoids that gave them, averaged over the batch.
#[must_use]
pub fn contraction_of_sigmoids(code: &Var, weight: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("contraction", |[h, norm]: [Expr; 2]| {
            (&h * (1.0 - &h)).square() * norm
        })
    });
    let norms = weight.squared_norm(1);
    FORMULA.apply_sum(&[code, &norms], ..) / samples(code)
}

/// ‖∂h/∂x‖²_F of any encoder, averaged over the batch: a recorded sweep for every number of the code.
#[must_use]
pub fn contraction_by_sweeps(x: &Var, encode: impl Fn(&Var) -> Var) -> Var {
    // Derivatives are taken by a leaf. Data is a constant, and a free constant has no tape.
    match x.tape() {
        Some(_) if x.is_tracked() => sweeps(x, encode),
        Some(tape) => sweeps(&tape.leaf(x.value().clone()), encode),
        None => {
            let tape = Tape::with(Mode::Evaluation, random::rng(0));
            Var::constant(sweeps(&tape.leaf(x.value().clone()), encode).into_value())
        }
    }
}

fn sweeps(x: &Var, encode: impl Fn(&Var) -> Var) -> Var {
    let code = encode(x);
    // Samples do not mix, so the gradient of a unit's sum over the batch has each sample's own
    // derivatives in its row.
    let row = |unit: usize| {
        let slopes = grad(&code.select(1, unit).sum(..), &[x]).remove(0);
        slopes.squared_norm(..)
    };
    let rows = (0..code.shape()[1]).map(row);
    let total = rows.reduce(|a, b| a + b).expect("a code has a number");
    total / samples(x)
}
