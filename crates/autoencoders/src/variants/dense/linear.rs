//! The linear autoencoder: y = D(E x + b) + c, trained by squared error.
//!
//! Without a nonlinearity the best it can do is to project onto the subspace of the first
//! principal components: its error is then the sum of the variances along the others, and no
//! linear map does better (Baldi and Hornik 1989). It finds that *subspace*, not the components:
//! any invertible change of the code that the decoder undoes costs the same. The biases take care
//! of data that is not centred.
//!
//! Changes nothing with respect to the general equation; it is the root of the family.

use retrograd_nn::{Init, Linear, Schedule};
use retrograd_tensor::random::Rng;

use crate::composed::Deterministic;
use crate::model::Ability;
use crate::parts::{Body, Output, checks};
use crate::registry::{
    BatchSize, Card, DataShape, Gradients, LATENT, OptimizerKind, Recipe, Settings,
};

pub(crate) const CARD: Card = Card {
    name: "linear",
    aliases: &["pca"],
    summary: "One affine map each way; spans the subspace of the principal components.",
    equation: "min ‖x − D(E x + b) − c‖²",
    change: "nothing: the root of the family",
    source: "Baldi and Hornik 1989",
    parent: None,
    data: "plane",
    gradients: Gradients::Exact,
    bends: false,
    needs: &[],
    targets: false,
    settings: &[&[LATENT.by_default(|data| data.pick(32, data.half(), 2).into())]],
    recipe: |data| match data.pick(false, false, true) {
        // The published recipe, settled: see `Schedule::CoolDown`.
        true => Recipe {
            epochs: 1000,
            batch_size: BatchSize::Full,
            optimizer: OptimizerKind::Adam,
            learning_rate: 0.01,
            schedule: Schedule::CoolDown { from: 0.8 },
        },
        false => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
    },
    row_rate: 3e-3,
    is_closed: false,
    check: checks::narrow,
    model: |settings, data, rng| Box::new(model(settings, data, rng)),
};

/// It starts as the projection onto a random subspace (orthonormal E, D = Eᵀ), from where training has
/// only to turn the subspace; halves that start unrelated must first find each other, which can take more
/// steps than everything after.
fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Deterministic {
    let (features, code) = (data.features(), settings.count("latent"));
    let down = Linear::with_init(features, code, Init::Orthogonal, rng);
    let up = Linear::with_init(code, features, Init::Constant(0.0), rng);
    up.weight.set(down.weight.value().t().contiguous());
    let body = Body::of_layers(&[down], &[up], retrograd_nn::Activation::Identity);
    Deterministic::new(body, Output::Real).with_ability(Ability::Linear)
}
