//! The overcomplete autoencoder: more numbers in the code than in the sample, and most of them 0.
//!
//! ```text
//! min L(x, g(h)) + λ Σⱼ |hⱼ|        h = max(W x + b, 0),  more hⱼ than xᵢ
//! ```
//!
//! With room for a copy, width no longer forces anything; the penalty alone does. Each sample picks
//! few of many features, as from a dictionary. With λ = 0 the identity would do.
//!
//! Changes with respect to the sparse autoencoder with L1: the width of the code.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Terms, Visitor};
use retrograd_tensor::random::Rng;

use super::sparse_l1::{self, SparseL1Autoencoder};
use crate::model::{Autoencoder, Target};
use crate::parts::{Output, checks};
use crate::registry::{Card, DataKind, DefaultData, Settings, Variant};

pub(crate) const CARD: Card = Card {
    name: "overcomplete",
    summary: "More numbers in the code than in the sample, few of them on.",
    equation: "min L(x, g(h)) + λ Σ|h|,  more numbers in h than in x",
    change: "a code wider than the sample",
    source: "Olshausen and Field 1997",
    parent: Some(Variant::SparseL1),
    data: DefaultData::Digits,
    settings: |data| Settings {
        // About 1000 units for an image of 784 pixels, twice the columns of a table.
        latent: Some(data.pick(
            data.features() + data.features().div_ceil(4),
            2 * data.features(),
            2 * data.features(),
        )),
        ..(sparse_l1::CARD.settings)(data)
    },
    recipe: sparse_l1::CARD.recipe,
    check: |settings, data| {
        checks::reaches(settings, data)?;
        let features = data.features();
        match settings.latent {
            Some(latent) if latent <= features => Err(format!(
                "a code of {latent} for samples of {features} features is not wider than they are; use a latent above {features}, or `sparse-l1`"
            )),
            _ => Ok(()),
        }
    },
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> OvercompleteAutoencoder {
    OvercompleteAutoencoder {
        sparse: sparse_l1::build(settings, data, rng),
    }
}

/// A sparse autoencoder whose code is wider than the sample.
#[derive(Debug)]
pub struct OvercompleteAutoencoder {
    /// The parent.
    pub sparse: SparseL1Autoencoder,
}

impl OvercompleteAutoencoder {
    /// From `features` numbers to a code of `code` rectified units, and back through `output`.
    ///
    /// # Panics
    /// If the code is not wider than the sample.
    #[must_use]
    pub fn new(features: usize, code: usize, output: Output, lambda: f64, rng: &mut Rng) -> Self {
        assert!(
            code > features,
            "an overcomplete code is wider than its samples of {features}, not {code}"
        );
        let units = Activation::Relu;
        Self {
            sparse: SparseL1Autoencoder::new(features, code, units, output, lambda, rng),
        }
    }
}

impl Module for OvercompleteAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.sparse.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.sparse.visit(visitor);
    }
}

impl Autoencoder for OvercompleteAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.sparse.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.sparse.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.sparse.objective_for(x, target)
    }

    fn unit(&self) -> &'static str {
        self.sparse.unit()
    }
}
