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

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Linear, Module, Param, Sequential, Terms, Visitor};
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Target};
use crate::parts::dense::{Start, layers, mirror, sequence};
use crate::parts::{Output, checks, penalty};
use crate::registry::{
    Card, DataKind, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "stacked",
    summary: "Deep with ELU units; large weights cost.",
    equation: "min ‖x − g(f(x))‖² + λ Σ ½‖W‖²",
    change: "ELU, He's start, and decay of the weights",
    source: "Géron 2017, chapter 15",
    parent: Some(Variant::Deep),
    data: DefaultData::Digits,
    settings,
    recipe: |_| Recipe::new(5, 150, OptimizerKind::Adam, 0.01),
    check: checks::narrow,
};

/// Those of the source, which children share.
pub(crate) fn settings(data: DataKind) -> Settings {
    let half = data.half();
    let table = (vec![(data.features() + half) / 2], half);
    let (hidden, latent) = data.pick((vec![300], 150), table.clone(), table);
    Settings {
        latent: Some(latent),
        hidden: Some(hidden),
        activation: Some(Nonlinearity::Elu),
        lambda: Some(StackedAutoencoder::LAMBDA),
        ..Settings::default()
    }
}

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> StackedAutoencoder {
    let lambda = need(settings.lambda);
    StackedAutoencoder::new(&settings.down(data), settings.layer(), lambda, rng)
}

/// Several layers each way, whose weights are charged for their size.
#[derive(Debug)]
pub struct StackedAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// λ: the decay is summed over all weights.
    pub lambda: f64,
    /// The linear layers of both halves, from the input to the output.
    pub(crate) layers: Vec<Linear>,
    pub(crate) activation: Activation,
    weights: Vec<Param>,
}

impl StackedAutoencoder {
    /// λ of the source.
    pub const LAMBDA: f64 = 0.001;

    /// Through the widths in `down`, from the features to the code, and the mirror back.
    ///
    /// # Panics
    /// If `down` has fewer than two widths.
    #[must_use]
    pub fn new(down: &[usize], activation: Activation, lambda: f64, rng: &mut Rng) -> Self {
        assert!(
            down.len() >= 2,
            "a stacked autoencoder needs the width of its input and of its code, not {down:?}"
        );
        let to_code = layers(down, activation, Start::He, true, rng);
        let back = layers(&mirror(down), activation, Start::He, false, rng);
        let encoder = sequence(&to_code, activation, true);
        let decoder = sequence(&back, activation, false);
        let layers: Vec<Linear> = to_code.into_iter().chain(back).collect();
        Self {
            encoder,
            decoder,
            lambda,
            weights: layers.iter().map(|layer| layer.weight.clone()).collect(),
            layers,
            activation,
        }
    }

    /// The one for images: 300, then a code of 150.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        Self::new(&[pixels, 300, 150], Activation::Elu(1.0), Self::LAMBDA, rng)
    }
}

impl Module for StackedAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for StackedAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.encoder.forward(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.decoder.forward(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        let cost = Output::Real.cost(&self.forward(x), target);
        cost.with("l2", penalty::decay(&self.weights, self.lambda, x))
    }

    fn unit(&self) -> &'static str {
        Output::Real.unit()
    }
}
