//! The linear autoencoder: y = D(E x + b) + c, trained by squared error.
//!
//! Without a nonlinearity the best it can do is to project onto the subspace of the first
//! principal components: its error is then the sum of the variances along the others, and no
//! linear map does better (Baldi and Hornik 1989). It finds that *subspace*, not the components:
//! any invertible change of the code that the decoder undoes costs the same. The biases take care
//! of data that is not centred.
//!
//! Changes nothing with respect to the general equation; it is the root of the family.

use retrograd_autograd::Var;
use retrograd_nn::{Init, Linear, Module, Schedule, Sequential, Terms, Visitor};
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Target};
use crate::parts::{Output, checks};
use crate::registry::{
    BatchSize, Card, DataKind, DefaultData, OptimizerKind, Recipe, Settings, need,
};

pub(crate) const CARD: Card = Card {
    name: "linear",
    summary: "One affine map each way; spans the subspace of the principal components.",
    equation: "min ‖x − D(E x + b) − c‖²",
    change: "nothing: the root of the family",
    source: "Baldi and Hornik 1989",
    parent: None,
    data: DefaultData::Plane,
    settings: |data| Settings {
        latent: Some(data.pick(32, data.half(), 2)),
        ..Settings::default()
    },
    recipe: |data| match data {
        // The published recipe, settled: see `Schedule::CoolDown`.
        DataKind::Points(_) => Recipe {
            epochs: 1000,
            batch_size: BatchSize::Full,
            optimizer: OptimizerKind::Adam,
            learning_rate: 0.01,
            schedule: Schedule::CoolDown { from: 0.8 },
        },
        _ => Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
    },
    check: checks::narrow,
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> LinearAutoencoder {
    LinearAutoencoder::new(data.features(), need(settings.latent), rng)
}

/// One affine map to the code and one back.
#[derive(Debug)]
pub struct LinearAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
}

impl LinearAutoencoder {
    /// From `features` numbers to a code of `code` and back.
    ///
    /// It starts as the projection onto a random subspace (orthonormal E, D = Eᵀ), from where
    /// training has only to turn the subspace; halves that start unrelated must first find each
    /// other, which can take more steps than everything after.
    #[must_use]
    pub fn new(features: usize, code: usize, rng: &mut Rng) -> Self {
        let down = Linear::with_init(features, code, Init::Orthogonal, rng);
        let up = Linear::with_init(code, features, Init::Constant(0.0), rng);
        up.weight.set(down.weight.value().t().contiguous());
        Self {
            encoder: Sequential::new().with(down),
            decoder: Sequential::new().with(up),
        }
    }
}

impl Module for LinearAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for LinearAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.encoder.forward(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.decoder.forward(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        Output::Real.cost(&self.forward(x), target)
    }

    fn unit(&self) -> &'static str {
        Output::Real.unit()
    }
}
