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
use retrograd_nn::{Activation, Module, Param, Sequential, Terms, Visitor};
use retrograd_tensor::random::{self, Rng};

use crate::model::{Autoencoder, Target};
use crate::parts::dense::{Start, layers, mirror, sequence, stack};
use crate::parts::penalty::samples;
use crate::parts::{Output, checks};
use crate::registry::{
    Card, DataKind, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "contractive",
    summary: "The code hardly moves when the input does.",
    equation: "min L(x, g(h)) + λ ‖∂h/∂x‖²",
    change: "the size of the code's derivatives",
    source: "Rifai, Vincent, Muller, Glorot and Bengio 2011",
    parent: Some(Variant::Deep),
    data: DefaultData::Digits,
    settings: |data| Settings {
        latent: Some(data.pick(64, data.half(), data.half())),
        hidden: Some(Vec::new()),
        activation: Some(Nonlinearity::Sigmoid),
        output: Some(data.pick(Output::Probability, Output::Squashed, Output::Real)),
        lambda: Some(ContractiveAutoencoder::LAMBDA),
        ..Settings::default()
    },
    recipe: |data| match data {
        DataKind::Images(_) => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
        _ => Recipe::new(10, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::reaches,
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> ContractiveAutoencoder {
    let down = settings.down(data);
    let (output, lambda) = (need(settings.output), need(settings.lambda));
    let up = mirror(&down);
    ContractiveAutoencoder::new([&down, &up], settings.layer(), output, lambda, rng)
}

/// An autoencoder whose code is charged for following its input.
#[derive(Debug)]
pub struct ContractiveAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// λ: the squares are summed over code and features and averaged over the batch.
    pub lambda: f64,
    output: Output,
    /// The weight of an encoder that is one sigmoid layer.
    single: Option<Param>,
}

impl ContractiveAutoencoder {
    /// The λ of the recipe for images, beside a cross-entropy per pixel.
    pub const LAMBDA: f64 = 1e-3;

    /// Through the widths `down` from the features to the code and `up` from the code back.
    ///
    /// # Panics
    /// If either has fewer than two widths or they do not meet.
    #[must_use]
    pub fn new(
        [down, up]: [&[usize]; 2],
        activation: Activation,
        output: Output,
        lambda: f64,
        rng: &mut Rng,
    ) -> Self {
        assert!(
            down.len() >= 2
                && up.len() >= 2
                && down.last() == up.first()
                && down.first() == up.last(),
            "a contractive autoencoder goes from its input to a code and back, not through {down:?} and {up:?}"
        );
        let to_code = layers(down, activation, Start::Glorot, true, rng);
        let decoder = stack(up, activation, Start::Glorot, false, rng);
        output.prepare(&decoder);
        let single = (to_code.len() == 1 && activation == Activation::Sigmoid)
            .then(|| to_code[0].weight.clone());
        Self {
            encoder: sequence(&to_code, activation, true),
            decoder,
            lambda,
            output,
            single,
        }
    }

    /// The one for images: 64 sigmoids, pixels as probabilities.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        let (units, output) = (Activation::Sigmoid, Output::Probability);
        Self::new(
            [&[pixels, 64], &[64, pixels]],
            units,
            output,
            Self::LAMBDA,
            rng,
        )
    }

    /// ‖∂h/∂x‖²_F, averaged over the batch: by the formula if the encoder is one sigmoid layer, else
    /// by [`contraction_by_sweeps`](Self::contraction_by_sweeps).
    #[must_use]
    pub fn contraction(&self, x: &Var) -> Var {
        match &self.single {
            Some(weight) => contraction_of_sigmoids(&self.encode(x), &weight.beside(x)),
            None => self.contraction_by_sweeps(x),
        }
    }

    /// The same for any encoder: a recorded sweep for every number of the code.
    #[must_use]
    pub fn contraction_by_sweeps(&self, x: &Var) -> Var {
        // Derivatives are taken by a leaf. Data is a constant, and a free constant has no tape.
        match x.tape() {
            Some(_) if x.is_tracked() => self.sweeps(x),
            Some(tape) => self.sweeps(&tape.leaf(x.value().clone())),
            None => {
                let tape = Tape::with(Mode::Evaluation, random::rng(0));
                Var::constant(self.sweeps(&tape.leaf(x.value().clone())).into_value())
            }
        }
    }

    fn sweeps(&self, x: &Var) -> Var {
        let code = self.encode(x);
        // Samples do not mix, so the gradient of a unit's sum over the batch has each sample's own
        // derivatives in its row.
        let row = |unit: usize| {
            let slopes = grad(&code.select(1, unit).sum(..), &[x]).remove(0);
            SQUARE.apply_sum(&[&slopes], ..)
        };
        let rows = (0..code.shape()[1]).map(row);
        let total = rows.reduce(|a, b| a + b).expect("a code has a number");
        total / samples(x)
    }
}

static SQUARE: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("square", |[x]: [Expr; 1]| x.square()));

/// Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wⱼᵢ² of codes `[batch, code]` and the weight `[code, features]`, averaged over
/// the batch.
fn contraction_of_sigmoids(code: &Var, weight: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("contraction", |[h, norm]: [Expr; 2]| {
            (&h * (1.0 - &h)).square() * norm
        })
    });
    let norms = SQUARE.apply_sum(&[weight], 1);
    FORMULA.apply_sum(&[code, &norms], ..) / samples(code)
}

impl Module for ContractiveAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for ContractiveAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.encoder.forward(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.output.reconstruction(&self.decoder.forward(code))
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        let code = self.encode(x);
        let contraction = match &self.single {
            Some(weight) => contraction_of_sigmoids(&code, &weight.beside(x)),
            None => self.contraction_by_sweeps(x),
        };
        let cost = self.output.cost(&self.decoder.forward(&code), target);
        cost.with("contraction", contraction * self.lambda)
    }

    fn unit(&self) -> &'static str {
        self.output.unit()
    }
}
