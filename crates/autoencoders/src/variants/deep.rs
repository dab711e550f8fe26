//! The deep autoencoder: f and g of several layers, h = a(W₂ a(W₁ x)), and the mirror back.
//!
//! Every layer folds the surface that the code can follow once more, so a code of the same size
//! says more.
//!
//! Changes with respect to the simple autoencoder: the number of layers. Sources: 784-128-32-128-784
//! with ReLU (images) and 18-15-11-11-8-11-11-15-18 with sigmoids and a rectified output (tables);
//! the text behind the second one feeds `encoded` on where it means `decoded`, which leaves a dead
//! layer: the mirror of 15-11-11-8 is 8-11-11-15.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Sequential, Terms, Visitor};
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Target};
use crate::parts::dense::halves;
use crate::parts::{Output, checks};
use crate::registry::{
    Card, DataKind, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "deep",
    summary: "Several layers each way; a small code says more.",
    equation: "min L(x, g(h)),  h = a(W₂ a(W₁ x + b₁) + b₂),  g the mirror of f",
    change: "the number of layers",
    source: "Hinton and Salakhutdinov 2006",
    parent: Some(Variant::Simple),
    data: DefaultData::Digits,
    settings,
    recipe: |data| match data {
        DataKind::Images(_) => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
        _ => Recipe::new(5, 1000, OptimizerKind::Adadelta, 1.0),
    },
    check: checks::narrow_and_reaches,
};

/// Those of the source, which children share.
pub(crate) fn settings(data: DataKind) -> Settings {
    let table = (vec![15, 11, 11], 8);
    let (hidden, latent) = data.pick((vec![128], 32), table.clone(), table);
    let units = data.pick(
        Nonlinearity::Relu,
        Nonlinearity::Sigmoid,
        Nonlinearity::Sigmoid,
    );
    Settings {
        latent: Some(latent),
        hidden: Some(hidden),
        activation: Some(units),
        output: Some(data.pick(Output::Probability, Output::Rectified, Output::Rectified)),
        ..Settings::default()
    }
}

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> DeepAutoencoder {
    let output = need(settings.output);
    DeepAutoencoder::new(&settings.down(data), settings.layer(), output, rng)
}

/// Several nonlinear layers to the code and their mirror back.
#[derive(Debug)]
pub struct DeepAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// What the decoder's last numbers become, and what that costs.
    pub output: Output,
}

impl DeepAutoencoder {
    /// Numbers in the code of [`images`](Self::images).
    pub const IMAGE_CODE: usize = 32;
    /// Numbers in the code of [`table`](Self::table).
    pub const TABLE_CODE: usize = 8;

    /// Through the widths in `down`, from the features to the code, and the mirror back.
    ///
    /// # Panics
    /// If `down` has fewer than two widths.
    #[must_use]
    pub fn new(down: &[usize], activation: Activation, output: Output, rng: &mut Rng) -> Self {
        assert!(
            down.len() >= 2,
            "a deep autoencoder needs the width of its input and of its code, not {down:?}"
        );
        let (encoder, decoder) = halves(down, activation, output, rng);
        Self {
            encoder,
            decoder,
            output,
        }
    }

    /// The one for images: 128, then a code of 32, rectified; pixels as probabilities.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        Self::new(
            &[pixels, 128, Self::IMAGE_CODE],
            Activation::Relu,
            Output::Probability,
            rng,
        )
    }

    /// The one for tables in [0, 1]: 15, 11, 11, then a code of 8, sigmoids; rectified output.
    #[must_use]
    pub fn table(columns: usize, rng: &mut Rng) -> Self {
        Self::new(
            &[columns, 15, 11, 11, Self::TABLE_CODE],
            Activation::Sigmoid,
            Output::Rectified,
            rng,
        )
    }
}

impl Module for DeepAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for DeepAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.encoder.forward(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.output.reconstruction(&self.decoder.forward(code))
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.output
            .cost(&self.decoder.forward(&self.encode(x)), target)
    }

    fn unit(&self) -> &'static str {
        self.output.unit()
    }
}
