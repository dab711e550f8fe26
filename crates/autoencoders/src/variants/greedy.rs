//! The greedy autoencoder: a stacked one, trained a pair of layers at a time from the outside in.
//!
//! ```text
//! layer 1        min ‖x  − (W₄ h₁ + b₄)‖²     over W₁ b₁ W₄ b₄      h₁ = a(W₁ x + b₁)
//! layer 2        min ‖h₁ − a(W₃ h₂ + b₃)‖²    over W₂ b₂ W₃ b₃      h₂ = a(W₂ h₁ + b₂),  h₁ fixed
//! fine-tuning    min ‖x  − g(f(x))‖²          over all
//! ```
//!
//! and in each phase λ Σ ½‖W‖² over the weights that move; fine-tuning at a tenth of the rate. Every
//! pair is an autoencoder of what the pairs before it give. Small problems one after the other: this is how deep networks were first
//! trained at all (Hinton and Salakhutdinov 2006; Bengio et al. 2007).
//!
//! Changes with respect to the stacked autoencoder: the phases. The objective of the last is that.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Linear, Module, Param, Terms, Visitor, loss};
use retrograd_tensor::random::Rng;

use super::stacked::{self, StackedAutoencoder};
use crate::model::{Autoencoder, Phase, Target};
use crate::parts::penalty;
use crate::registry::{Card, DataKind, OptimizerKind, Recipe, Settings, Variant};

pub(crate) const CARD: Card = Card {
    name: "greedy",
    summary: "Stacked, trained a pair of layers at a time, then all together.",
    equation: "min ‖hᵢ₋₁ − g(hᵢ)‖² + λ Σ ½‖W‖² for one pair of layers after the other",
    change: "the order in which layers are trained",
    source: "Bengio, Lamblin, Popovici and Larochelle 2007",
    parent: Some(Variant::Stacked),
    // Four for each pair, as published, and two for all.
    recipe: |_| Recipe::new(10, 150, OptimizerKind::Adam, 0.01),
    ..stacked::CARD
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> GreedyAutoencoder {
    GreedyAutoencoder {
        stacked: stacked::build(settings, data, rng),
    }
}

/// A stacked autoencoder that is trained in phases.
#[derive(Debug)]
pub struct GreedyAutoencoder {
    /// The parent.
    pub stacked: StackedAutoencoder,
}

/// Names of the phases that train pairs of layers.
const PAIRS: [&str; 8] = [
    "layer 1", "layer 2", "layer 3", "layer 4", "layer 5", "layer 6", "layer 7", "layer 8",
];
/// The share of the epochs that goes to fine-tuning.
const FINE_TUNING: f64 = 0.2;
/// Its learning rate, in units of that of the pairs: it starts near a solution, which the first steps of
/// a fresh optimiser at the full rate would leave.
const FINE_TUNING_RATE: f64 = 0.1;

impl GreedyAutoencoder {
    /// Through the widths in `down`, from the features to the code, and the mirror back.
    ///
    /// # Panics
    /// If `down` has fewer than two widths.
    #[must_use]
    pub fn new(down: &[usize], activation: Activation, lambda: f64, rng: &mut Rng) -> Self {
        Self {
            stacked: StackedAutoencoder::new(down, activation, lambda, rng),
        }
    }

    /// The one for images: 300, then a code of 150.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        Self {
            stacked: StackedAutoencoder::images(pixels, rng),
        }
    }

    /// Pairs of layers.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.stacked.layers.len() / 2
    }

    /// The layer into the code of a pair (0 is the outermost) and the one back.
    fn pair(&self, pair: usize) -> [&Linear; 2] {
        let layers = &self.stacked.layers;
        [&layers[pair], &layers[layers.len() - 1 - pair]]
    }

    /// The parameters that move while a pair is trained, by path.
    #[must_use]
    pub fn pair_params(&self, pair: usize) -> Vec<(String, Param)> {
        let own = self.pair(pair).map(|layer| layer.params());
        let own: Vec<u64> = own.iter().flatten().map(|(_, param)| param.id()).collect();
        let mut params = self.params();
        params.retain(|(_, param)| own.contains(&param.id()));
        params
    }

    /// What a pair minimises: how far its output is from its input, which is the code of the pairs
    /// before it and does not change; that of the first is compared with `target`.
    ///
    /// # Panics
    /// If there is no such pair.
    #[must_use]
    pub fn pair_objective(&self, pair: usize, x: &Var, target: &Target) -> Terms {
        let activation = self.stacked.activation;
        // Free constants: nothing of the frozen layers is recorded.
        let still = (0..pair).fold(Var::constant(x.value().clone()), |h, pair| {
            activation.forward(&self.pair(pair)[0].forward(&h))
        });
        let input = match x.tape() {
            Some(tape) if pair > 0 => tape.constant(still.into_value()),
            None if pair > 0 => still,
            _ => x.clone(),
        };
        let [down, up] = self.pair(pair);
        let code = activation.forward(&down.forward(&input));
        let output = up.forward(&code);
        let output = if pair > 0 {
            activation.forward(&output)
        } else {
            output
        };
        let weights = [down.weight.clone(), up.weight.clone()];
        let codes = Target::from(&input);
        let target = if pair > 0 { &codes } else { target };
        Terms::new("mse", target.mean(|x, over| loss::mse(&output, x, over)))
            .with("l2", penalty::decay(&weights, self.stacked.lambda, x))
    }
}

impl Module for GreedyAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.stacked.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.stacked.visit(visitor);
    }
}

impl Autoencoder for GreedyAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.stacked.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.stacked.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.stacked.objective_for(x, target)
    }

    fn unit(&self) -> &'static str {
        self.stacked.unit()
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let share = (1.0 - FINE_TUNING) / self.pairs() as f64;
        let name = |pair: usize| PAIRS.get(pair).copied().unwrap_or("a deeper layer");
        let phase = |pair| {
            Phase::new(
                name(pair),
                share,
                self.pair_params(pair),
                move |x, _, target| self.pair_objective(pair, x, target),
            )
        };
        let all = Phase::new("fine-tuning", FINE_TUNING, self.params(), |x, _, target| {
            self.objective_for(x, target)
        })
        .at_rate(FINE_TUNING_RATE);
        (0..self.pairs()).map(phase).chain([all]).collect()
    }
}
