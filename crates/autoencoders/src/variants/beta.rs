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
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Float, Tensor};

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
        beta: Some(BetaAutoencoder::<f32>::BETA),
        ..variational::settings(data)
    },
    ..variational::CARD
};

pub(crate) fn build<T: Float>(
    settings: &Settings,
    data: DataKind,
    rng: &mut Rng,
) -> BetaAutoencoder<T> {
    BetaAutoencoder::new(variational::build(settings, data, rng), need(settings.beta))
}

/// A variational autoencoder with a weight on the divergence.
#[derive(Debug)]
pub struct BetaAutoencoder<T: Float = f32> {
    /// The parent.
    pub plain: VariationalAutoencoder<T>,
    /// β, not negative.
    pub beta: f64,
}

impl<T: Float> BetaAutoencoder<T> {
    /// β of the published figures on simple images.
    pub const BETA: f64 = 4.0;

    /// `plain` with this weight.
    #[must_use]
    pub fn new(plain: VariationalAutoencoder<T>, beta: f64) -> Self {
        Self { plain, beta }
    }

    /// [`objective_for`](Autoencoder::objective_for) with this noise `[batch, code]` instead of the
    /// tape's.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, x: &Var<T>, target: &Target<T>, noise: &Var<T>) -> Terms<T> {
        let (reconstruction, divergence) = self.plain.parts(x, target, noise);
        Terms::new(self.plain.likelihood.name(), reconstruction)
            .with("beta_kl", divergence * self.beta)
    }
}

impl<T: Float> Module<T> for BetaAutoencoder<T> {
    fn forward(&self, x: &Var<T>) -> Var<T> {
        self.plain.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_, T>) {
        self.plain.visit(visitor);
    }
}

impl<T: Float> Autoencoder<T> for BetaAutoencoder<T> {
    fn encode(&self, x: &Var<T>) -> Var<T> {
        self.plain.encode(x)
    }

    fn decode(&self, code: &Var<T>) -> Var<T> {
        self.plain.decode(code)
    }

    fn objective_for(&self, x: &Var<T>, target: &Target<T>) -> Terms<T> {
        self.objective_with(x, target, &self.plain.noise(x))
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn generative(&self) -> Option<&dyn Generative<T>> {
        Some(self)
    }

    fn widths(&self) -> Vec<usize> {
        self.plain.widths()
    }
}

impl<T: Float> Generative<T> for BetaAutoencoder<T> {
    fn latent(&self) -> usize {
        self.plain.latent()
    }

    fn posterior(&self, x: &Var<T>) -> Posterior<T> {
        self.plain.posterior(x)
    }

    fn sample(&self, count: usize, rng: &mut Rng) -> Tensor<T> {
        self.plain.sample(count, rng)
    }
}
