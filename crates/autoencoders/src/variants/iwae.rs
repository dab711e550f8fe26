//! The importance-weighted autoencoder: several draws of the code for each sample, the likely ones
//! weighing more.
//!
//! ```text
//! min −log (1/k) Σᵢ wᵢ        wᵢ = p(x|zᵢ) p(zᵢ) / q(zᵢ|x),  zᵢ = μ + σ εᵢ
//! ```
//!
//! The mean of the weights is an unbiased estimate of p(x), and its logarithm a bound that rises to
//! log p(x) with k. The variational autoencoder asks every draw to explain the sample; here it is
//! enough if one of k does, so q may be wider.
//!
//! Changes with respect to the variational autoencoder: the logarithm of a mean in place of a mean of
//! logarithms; with k = 1 it is the variational bound with the divergence estimated by the draw.
//! Source: Burda, Grosse and Salakhutdinov 2016, equation 8. Averaged over the batch, in nats.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Shape, Tensor};

use super::variational::{self, VariationalAutoencoder};
use crate::model::{Autoencoder, Generative, NATS, Posterior, Target, noise};
use crate::registry::{Card, DataKind, Nonlinearity, Settings, Variant, need};

pub(crate) const CARD: Card = Card {
    name: "iwae",
    summary: "Variational with k draws a sample, the likely ones weighing more.",
    equation: "min −log (1/k) Σ p(x|zᵢ) p(zᵢ) / q(zᵢ|x)",
    change: "k weighted draws in place of one",
    source: "Burda, Grosse and Salakhutdinov 2016",
    parent: Some(Variant::Variational),
    settings: |data| {
        let own = variational::settings(data);
        let (hidden, latent) = data.pick(
            (Some(vec![200, 200]), Some(50)),
            (own.hidden.clone(), own.latent),
            (own.hidden.clone(), own.latent),
        );
        Settings {
            hidden,
            latent,
            activation: Some(Nonlinearity::Tanh),
            samples: Some(ImportanceWeightedAutoencoder::SAMPLES),
            ..own
        }
    },
    ..variational::CARD
};

pub(crate) fn build(
    settings: &Settings,
    data: DataKind,
    rng: &mut Rng,
) -> ImportanceWeightedAutoencoder {
    let samples = need(settings.samples);
    ImportanceWeightedAutoencoder::new(variational::build(settings, data, rng), samples)
}

/// A variational autoencoder that is trained by the bound of k draws.
#[derive(Debug)]
pub struct ImportanceWeightedAutoencoder {
    /// The parent.
    pub plain: VariationalAutoencoder,
    /// k, 1 or more.
    pub samples: usize,
}

impl ImportanceWeightedAutoencoder {
    /// A k of the source.
    pub const SAMPLES: usize = 5;

    /// `plain` with k = `samples` draws.
    ///
    /// # Panics
    /// If `samples` is 0.
    #[must_use]
    pub fn new(plain: VariationalAutoencoder, samples: usize) -> Self {
        assert!(samples > 0, "importance weighting needs a draw, not 0");
        Self { plain, samples }
    }

    /// [`objective_for`](Autoencoder::objective_for) with this noise `[draws, batch, code]` instead of the
    /// tape's. More draws than training has give a tighter bound, to judge by.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, x: &Var, target: &Target, noise: &Var) -> Terms {
        let [draws, batch, latent] = noise.shape()[..] else {
            panic!("noise of shape {}, not [draws, batch, code]", noise.shape());
        };
        let posterior = self.plain.posterior(x);
        let code = posterior.draw(noise);
        let rows = code.with_shape(Shape::from([draws * batch, latent]));
        let z = self.plain.decoder.forward(&rows);
        let z = z.with_shape(Shape::from([draws, batch, z.shape()[1]]));
        // −log wᵢ, [draws, batch].
        let costs =
            self.plain.likelihood.of_samples(&z, target) + posterior.log_ratio(&code, noise);
        let bound = (-costs).logsumexp(0) - (draws as f64).ln();
        Terms::new("bound", -bound.mean(..))
    }
}

impl Module for ImportanceWeightedAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.plain.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.plain.visit(visitor);
    }
}

impl Autoencoder for ImportanceWeightedAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.plain.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.plain.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        let shape = [self.samples, x.shape()[0], self.latent()];
        self.objective_with(x, target, &noise(x, &shape))
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

impl Generative for ImportanceWeightedAutoencoder {
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
