//! The β-variational autoencoder: the divergence from the prior weighs β times as much.
//!
//! ```text
//! min −log p(x|z) + β KL(q(z|x) ‖ N(0, 1))
//! ```
//!
//! β is the price of a nat in the code. Above 1 fewer numbers of the code are used and each for
//! something of its own, which can make them easier to read; reconstructions suffer. Below 1 they
//! gain and samples from the prior suffer. Only at β = 1 is the sum a bound on −log p(x).
//!
//! Changes with respect to the variational autoencoder: β; with β = 1 it is that, to the bit.
//! Source: Higgins et al. 2017, equation 4.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms, Visitor};
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use super::variational::{self, VariationalAutoencoder};
use crate::model::{Autoencoder, Generative, NATS, Posterior, Target};
use crate::registry::{Card, DataKind, Settings, Variant, need};

pub(crate) const CARD: Card = Card {
    name: "beta",
    summary: "Variational, with a price β on every nat of the code.",
    equation: "min −log p(x|z) + β KL(q(z|x) ‖ N(0, 1))",
    change: "β times the divergence",
    source: "Higgins et al. 2017",
    parent: Some(Variant::Variational),
    settings: |data| Settings {
        beta: Some(BetaAutoencoder::BETA),
        ..variational::settings(data)
    },
    ..variational::CARD
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> BetaAutoencoder {
    BetaAutoencoder::new(variational::build(settings, data, rng), need(settings.beta))
}

/// A variational autoencoder with a weight on the divergence.
#[derive(Debug)]
pub struct BetaAutoencoder {
    /// The parent.
    pub plain: VariationalAutoencoder,
    /// β, not negative.
    pub beta: f64,
}

impl BetaAutoencoder {
    /// β of the published figures on simple images.
    pub const BETA: f64 = 4.0;

    /// `plain` with this weight.
    #[must_use]
    pub fn new(plain: VariationalAutoencoder, beta: f64) -> Self {
        Self { plain, beta }
    }

    /// [`objective_for`](Autoencoder::objective_for) with this noise `[batch, code]` instead of the
    /// tape's.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, x: &Var, target: &Target, noise: &Var) -> Terms {
        let (reconstruction, divergence) = self.plain.parts(x, target, noise);
        Terms::new(self.plain.likelihood.name(), reconstruction)
            .with("beta_kl", divergence * self.beta)
    }
}

impl Module for BetaAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.plain.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.plain.visit(visitor);
    }
}

impl Autoencoder for BetaAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.plain.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.plain.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.objective_with(x, target, &self.plain.noise(x))
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn generative(&self) -> Option<&dyn Generative> {
        Some(self)
    }

    fn widths(&self) -> Vec<usize> {
        self.plain.widths()
    }
}

impl Generative for BetaAutoencoder {
    fn latent(&self) -> usize {
        self.plain.latent()
    }

    fn posterior(&self, x: &Var) -> Posterior {
        self.plain.posterior(x)
    }

    fn sample(&self, count: usize, rng: &mut Rng) -> Tensor {
        self.plain.sample(count, rng)
    }
}
