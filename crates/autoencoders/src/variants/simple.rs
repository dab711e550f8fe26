//! The simple autoencoder: one hidden layer, h = a(W x + b), y = o(V h + c).
//!
//! The nonlinearity a lets the code follow a curved surface through the data where the linear
//! autoencoder has a flat one. On images a is the ReLU and y a probability for each pixel, with
//! the cross-entropy as the error; on tables a and o are sigmoids, with squared error.
//!
//! Changes with respect to the linear autoencoder: the nonlinearities, and the error on images.
//! Sources: the Keras blog's "simplest possible autoencoder" (784-32-784) and its variant for a
//! table of 18 columns (18-9-18).

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
    name: "simple",
    summary: "One hidden layer with a nonlinearity each way.",
    equation: "min L(x, σ(V h + c)),  h = a(W x + b)",
    change: "nonlinearities, and the error on images",
    source: "Chollet 2016, Building autoencoders in Keras",
    parent: Some(Variant::Linear),
    data: DefaultData::Digits,
    settings: |data| Settings {
        latent: Some(data.pick(32, data.half(), data.half())),
        activation: Some(data.pick(
            Nonlinearity::Relu,
            Nonlinearity::Sigmoid,
            Nonlinearity::Sigmoid,
        )),
        output: Some(data.pick(Output::Probability, Output::Squashed, Output::Squashed)),
        ..Settings::default()
    },
    recipe: |data| match data {
        DataKind::Images(_) => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
        _ => Recipe::new(5, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::narrow_and_reaches,
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> SimpleAutoencoder {
    SimpleAutoencoder::new(
        data.features(),
        need(settings.latent),
        settings.layer(),
        need(settings.output),
        rng,
    )
}

/// One nonlinear layer to the code and one layer back.
#[derive(Debug)]
pub struct SimpleAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// What the decoder's last numbers become, and what that costs.
    pub output: Output,
}

impl SimpleAutoencoder {
    /// Numbers in the code of [`images`](Self::images).
    pub const IMAGE_CODE: usize = 32;

    /// Numbers in the code of [`table`](Self::table) for rows of `columns`.
    #[must_use]
    pub fn table_code(columns: usize) -> usize {
        columns / 2
    }

    /// From `features` numbers to a code of `code` after `activation`, and back through `output`.
    #[must_use]
    pub fn new(
        features: usize,
        code: usize,
        activation: Activation,
        output: Output,
        rng: &mut Rng,
    ) -> Self {
        let (encoder, decoder) = halves(&[features, code], activation, output, rng);
        Self {
            encoder,
            decoder,
            output,
        }
    }

    /// The one for images: a code of 32 rectified units, pixels as probabilities.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        Self::new(
            pixels,
            Self::IMAGE_CODE,
            Activation::Relu,
            Output::Probability,
            rng,
        )
    }

    /// The one for tables in [0, 1]: a code of half the columns, sigmoids, squared error.
    #[must_use]
    pub fn table(columns: usize, rng: &mut Rng) -> Self {
        Self::new(
            columns,
            Self::table_code(columns),
            Activation::Sigmoid,
            Output::Squashed,
            rng,
        )
    }
}

impl Module for SimpleAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for SimpleAutoencoder {
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
