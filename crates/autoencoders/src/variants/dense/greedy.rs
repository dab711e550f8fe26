//! The greedy autoencoder: a stacked one, trained a pair of layers at a time from the outside in.
//!
//! ```text
//! layer 1        min ‖x  − (W₄ h₁ + b₄)‖²     over W₁ b₁ W₄ b₄      h₁ = a(W₁ x + b₁)
//! layer 2        min ‖h₁ − a(W₃ h₂ + b₃)‖²    over W₂ b₂ W₃ b₃      h₂ = a(W₂ h₁ + b₂),  h₁ fixed
//! fine-tuning    min ‖x  − g(f(x))‖²          over all
//! ```
//!
//! and in each phase λ Σ ½‖W‖² over the weights that move; fine-tuning at a tenth of the rate. Every
//! pair is an autoencoder of what the pairs before it give. Small problems one after the other: this is
//! how deep networks were first trained at all (Hinton and Salakhutdinov 2006; Bengio et al. 2007).
//!
//! Changes with respect to the stacked autoencoder: the phases. The objective of the last is that.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Linear, Module, Step, Terms, loss};

use super::stacked::{self, decayed};
use crate::model::{Autoencoder, Input, Phase, Target};
use crate::parts::dense::{Start, layers, mirror};
use crate::parts::{Body, penalty};
use crate::registry::{Card, OptimizerKind, Recipe};

pub(crate) const CARD: Card = Card {
    name: "greedy",
    aliases: &["layerwise", "pretrained"],
    summary: "Stacked, trained a pair of layers at a time, then all together.",
    equation: "min ‖hᵢ₋₁ − g(hᵢ)‖² + λ Σ ½‖W‖² for one pair of layers after the other",
    change: "the order in which layers are trained",
    source: "Bengio, Lamblin, Popovici and Larochelle 2007",
    parent: Some("stacked"),
    // Four for each pair, as published, and two for all.
    recipe: |_| Recipe::new(10, 150, OptimizerKind::Adam, 0.01),
    model: |settings, data, rng| {
        let (down, activation) = (settings.down(data), settings.layer());
        let lambda = settings.number("lambda");
        let to_code = layers(&down, activation, Start::He, true, rng);
        let back = layers(&mirror(&down), activation, Start::He, false, rng);
        let model = decayed(Body::of_layers(&to_code, &back, activation), lambda);
        let pairs: Vec<Pair> = to_code.into_iter().zip(back.into_iter().rev()).collect();
        Box::new(model.in_phases(move |model| {
            let share = (1.0 - FINE_TUNING) / pairs.len() as f64;
            let pair = |number: usize| {
                let pairs = pairs[..=number].to_vec();
                Phase::new(
                    format!("layer {}", number + 1),
                    share,
                    params(model, &pairs[number]),
                    move |input, _| objective(&pairs, activation, lambda, input),
                )
            };
            let objective = |input: &Input, step: &Step| model.objective_at(input, step);
            let all = Phase::new("fine-tuning", FINE_TUNING, model.params(), objective)
                .at_rate(FINE_TUNING_RATE);
            (0..pairs.len()).map(pair).chain([all]).collect()
        }))
    },
    ..stacked::CARD
};

/// The layer into a code, and the one back.
type Pair = (Linear, Linear);

/// The share of the epochs that goes to fine-tuning.
const FINE_TUNING: f64 = 0.2;
/// Its learning rate, in units of that of the pairs: it starts near a solution, which the first steps of
/// a fresh optimiser at the full rate would leave.
const FINE_TUNING_RATE: f64 = 0.1;

/// The parameters of a pair, under their paths in the model.
fn params(model: &dyn Module, (down, up): &Pair) -> Vec<(String, retrograd_nn::Param)> {
    let own = down.params().into_iter().chain(up.params());
    let own: Vec<u64> = own.map(|(_, param)| param.id()).collect();
    let mut params = model.params();
    params.retain(|(_, param)| own.contains(&param.id()));
    params
}

/// What the last of these pairs minimises: how far its output is from its input, which is the code of
/// the pairs before it and does not change; that of the first is compared with the target.
fn objective(pairs: &[Pair], activation: Activation, lambda: f64, input: &Input) -> Terms {
    let Some(((down, up), before)) = pairs.split_last() else {
        unreachable!("a phase has a pair");
    };
    let x = &input.x;
    let (h, target) = if before.is_empty() {
        (x.clone(), Target::from(input))
    } else {
        // A free constant: nothing of the frozen layers is recorded.
        let free = Var::constant(x.value().clone());
        let code = before.iter().fold(free, |h, (down, _)| {
            activation.forward(&down.forward(&h))
        });
        let code = match x.tape() {
            Some(tape) => tape.constant(code.into_value()),
            None => code,
        };
        (code.clone(), Target::from(&code))
    };
    let code = activation.forward(&down.forward(&h));
    let mut output = up.forward(&code);
    if !before.is_empty() {
        output = activation.forward(&output);
    }
    let decay = penalty::decay(&[down.weight.clone(), up.weight.clone()], x);
    Terms::new("mse", target.mean(|x, over| loss::mse(&output, x, over)))
        .weighted("l2", decay, lambda)
}
