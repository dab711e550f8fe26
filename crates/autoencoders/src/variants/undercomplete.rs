//! The undercomplete autoencoder: h = σ(W x + b) with fewer numbers than x, y = σ(V h + c).
//!
//! The smallest nonlinear autoencoder, 3-2-3: points in space, a code of two. Sigmoids at both ends
//! bend the plane that the linear autoencoder finds, so what it spans only approximates the
//! principal components; and its outputs lie in (0, 1), so the data must be scaled there.
//!
//! Changes with respect to the linear autoencoder: a sigmoid after each of its two maps.
//!
//! The source writes the reconstruction as f(g(x)); with f the encoder it is g(f(x)).

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Sequential, Terms, Visitor};
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Target};
use crate::parts::dense::halves;
use crate::parts::{Output, checks};
use crate::registry::{
    Card, DataKind, DefaultData, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "undercomplete",
    summary: "A sigmoid layer each way, the code narrower than the sample.",
    equation: "min ‖x − σ(V σ(W x + b) + c)‖²",
    change: "a sigmoid after each map",
    source: "Goodfellow, Bengio and Courville 2016, section 14.1",
    parent: Some(Variant::Linear),
    data: DefaultData::UnitPlane,
    settings: |data| Settings {
        latent: Some(data.pick(32, data.features().saturating_sub(1).clamp(1, 2), 2)),
        ..Settings::default()
    },
    // Keras's default rate, at which plain descent through two sigmoids takes its time.
    recipe: |_| Recipe::new(200, 10, OptimizerKind::Sgd, 1.0),
    check: |settings, data| {
        if let DataKind::Points(_) = data {
            return Err("its output lies between 0 and 1 and the data does not; scale the data to [0, 1], or try `linear`".to_owned());
        }
        checks::narrow(settings, data)
    },
};

pub(crate) fn build(
    settings: &Settings,
    data: DataKind,
    rng: &mut Rng,
) -> UndercompleteAutoencoder {
    UndercompleteAutoencoder::new(data.features(), need(settings.latent), rng)
}

/// One sigmoid layer to a narrow code and one back.
#[derive(Debug)]
pub struct UndercompleteAutoencoder {
    /// f: `[batch, features]` to `[batch, code]`.
    pub encoder: Sequential,
    /// g up to its last sigmoid: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
}

impl UndercompleteAutoencoder {
    /// From `features` numbers in [0, 1] to a code of `code` and back.
    #[must_use]
    pub fn new(features: usize, code: usize, rng: &mut Rng) -> Self {
        let (encoder, decoder) = halves(
            &[features, code],
            Activation::Sigmoid,
            Output::Squashed,
            rng,
        );
        Self { encoder, decoder }
    }
}

impl Module for UndercompleteAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for UndercompleteAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.encoder.forward(x)
    }

    fn decode(&self, code: &Var) -> Var {
        Output::Squashed.reconstruction(&self.decoder.forward(code))
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        Output::Squashed.cost(&self.decoder.forward(&self.encode(x)), target)
    }

    fn unit(&self) -> &'static str {
        Output::Squashed.unit()
    }
}
