//! The sparse autoencoder with an L1 penalty: few units of the code are on for any one sample.
//!
//! ```text
//! min L(x, g(h)) + λ Σⱼ |hⱼ|        h = a(W x + b)
//! ```
//!
//! Every unit that is on costs its size, so a rectified unit that helps little is turned off. The
//! penalty acts on each sample's code. Sparse is not small: all units are there, and different
//! samples use different ones, which is why the code may be wider than the input
//! (see `overcomplete`).
//!
//! Changes with respect to the simple autoencoder: the penalty. With λ = 0 it is that.
//!
//! **The reduction.** The penalty is summed over the units and averaged over the batch, so λ is a
//! price per sample. Keras's activity regulariser, which the sources use, has been a sum over the
//! batch in some versions: λ = 1e-5 in batches of 32 was then 3.2e-4 per sample, and that is what the
//! published mean code value of 0.78 (6.6 without) belongs to. And "10e-5", as the sources write,
//! is 1e-4; "10e-6" is 1e-5.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Terms, Visitor};
use retrograd_tensor::random::Rng;

use super::simple::{self, SimpleAutoencoder};
use crate::model::{Autoencoder, Target};
use crate::parts::{Output, checks, penalty};
use crate::registry::{
    Card, DataKind, DefaultData, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "sparse-l1",
    summary: "Every unit of the code costs its size, so few are on.",
    equation: "min L(x, g(h)) + λ Σ|h|,  h = a(W x + b)",
    change: "λ times the sum of the code's sizes",
    source: "Ng 2011, Sparse autoencoder; Chollet 2016",
    parent: Some(Variant::Simple),
    data: DefaultData::Digits,
    settings: |data| Settings {
        lambda: Some(data.pick(
            SparseL1Autoencoder::IMAGE_LAMBDA,
            SparseL1Autoencoder::TABLE_LAMBDA,
            SparseL1Autoencoder::TABLE_LAMBDA,
        )),
        ..(simple::CARD.settings)(data)
    },
    recipe: |data| match data {
        DataKind::Images(_) => Recipe::new(20, 32, OptimizerKind::Adam, 1e-3),
        _ => Recipe::new(5, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: checks::reaches,
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> SparseL1Autoencoder {
    SparseL1Autoencoder {
        plain: simple::build(settings, data, rng),
        lambda: need(settings.lambda),
    }
}

/// A simple autoencoder whose code is charged for its size.
#[derive(Debug)]
pub struct SparseL1Autoencoder {
    /// The parent.
    pub plain: SimpleAutoencoder,
    /// λ, per sample: the penalty is summed over the code and averaged over the batch.
    pub lambda: f64,
}

impl SparseL1Autoencoder {
    /// 1e-5 summed over a batch of 32, as the published run on images had it.
    pub const IMAGE_LAMBDA: f64 = 3.2e-4;
    /// The λ of the source for tables.
    pub const TABLE_LAMBDA: f64 = 1e-4;

    /// From `features` numbers to a code of `code` after `activation`, and back through `output`.
    #[must_use]
    pub fn new(
        features: usize,
        code: usize,
        activation: Activation,
        output: Output,
        lambda: f64,
        rng: &mut Rng,
    ) -> Self {
        let plain = SimpleAutoencoder::new(features, code, activation, output, rng);
        Self { plain, lambda }
    }

    /// The one for images: 32 rectified units.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        Self {
            plain: SimpleAutoencoder::images(pixels, rng),
            lambda: Self::IMAGE_LAMBDA,
        }
    }

    /// The one for tables in [0, 1]: half as many sigmoids as columns.
    #[must_use]
    pub fn table(columns: usize, rng: &mut Rng) -> Self {
        Self {
            plain: SimpleAutoencoder::table(columns, rng),
            lambda: Self::TABLE_LAMBDA,
        }
    }
}

impl Module for SparseL1Autoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.plain.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.plain.visit(visitor);
    }
}

impl Autoencoder for SparseL1Autoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.plain.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.plain.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        let code = self.encode(x);
        let cost = self
            .plain
            .output
            .cost(&self.plain.decoder.forward(&code), target);
        cost.with("l1", penalty::activity(&code, self.lambda))
    }

    fn unit(&self) -> &'static str {
        self.plain.unit()
    }
}
