//! The tied autoencoder: the decoder's weights are the encoder's, transposed.
//!
//! ```text
//! h = a(W₂ a(W₁ x + b₁) + b₂)
//! y = W₁ᵀ a(W₂ᵀ h + b₃) + b₄
//! min ‖x − y‖² + λ (½‖W₁‖² + ½‖W₂‖²)
//! ```
//!
//! Half the weights, so less to overfit with. A weight that is used twice has one gradient, the sum
//! of what both uses say. Each is charged once. Biases are not tied and cost nothing.
//!
//! Changes with respect to the stacked autoencoder: the decoder has no weights of its own. The
//! source writes `loss - reconstruction_loss + reg_loss` where it means `loss =`.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Param, Sequential, Terms, Visitor};
use retrograd_tensor::random::Rng;

use super::stacked;
use crate::model::{Autoencoder, Target};
use crate::parts::dense::{Start, Transposed, layers, sequence};
use crate::parts::{Output, penalty};
use crate::registry::{Card, DataKind, Settings, Variant, need};

pub(crate) const CARD: Card = Card {
    name: "tied",
    summary: "The decoder uses the encoder's weights, transposed.",
    equation: "min ‖x − W₁ᵀ a(W₂ᵀ h + b₃) − b₄‖² + λ (½‖W₁‖² + ½‖W₂‖²)",
    change: "the decoder's weights are the encoder's",
    source: "Géron 2017, chapter 15",
    parent: Some(Variant::Stacked),
    ..stacked::CARD
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> TiedAutoencoder {
    let lambda = need(settings.lambda);
    TiedAutoencoder::new(&settings.down(data), settings.layer(), lambda, rng)
}

/// Several layers to the code and the same layers back, each transposed.
#[derive(Debug)]
pub struct TiedAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g: `[batch, code]` to `[batch, features]`; its parameters are biases alone.
    pub decoder: Sequential,
    /// λ: the decay is summed over the weights, each counted once.
    pub lambda: f64,
    weights: Vec<Param>,
}

impl TiedAutoencoder {
    /// Through the widths in `down`, from the features to the code, and back.
    ///
    /// # Panics
    /// If `down` has fewer than two widths.
    #[must_use]
    pub fn new(down: &[usize], activation: Activation, lambda: f64, rng: &mut Rng) -> Self {
        assert!(
            down.len() >= 2,
            "a tied autoencoder needs the width of its input and of its code, not {down:?}"
        );
        let layers = layers(down, activation, Start::He, true, rng);
        let back = |decoder: Sequential, position: usize| {
            let decoder = decoder.with(Transposed::of(&layers[position]));
            if position > 0 {
                decoder.with(activation)
            } else {
                decoder
            }
        };
        Self {
            encoder: sequence(&layers, activation, true),
            decoder: (0..layers.len()).rev().fold(Sequential::new(), back),
            lambda,
            weights: layers.iter().map(|layer| layer.weight.clone()).collect(),
        }
    }

    /// The one for images: 300, then a code of 150.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        let lambda = stacked::StackedAutoencoder::LAMBDA;
        Self::new(&[pixels, 300, 150], Activation::Elu(1.0), lambda, rng)
    }
}

impl Module for TiedAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for TiedAutoencoder {
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

    fn widths(&self) -> Vec<usize> {
        let shapes = self.weights.iter().map(|weight| weight.shape());
        let mut widths = vec![self.weights[0].shape()[1]];
        widths.extend(shapes.map(|shape| shape[0]));
        let back: Vec<usize> = widths.iter().rev().skip(1).copied().collect();
        widths.extend(back);
        widths
    }
}
