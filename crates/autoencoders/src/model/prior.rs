//! Where codes come from when samples are drawn: the prior of a model, or a distribution that is
//! fitted to the codes of data.

use std::fmt::Debug;

use retrograd_autograd::Var;
use retrograd_nn::Visitor;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use super::autoencoder::Autoencoder;
use super::code::Posterior;
use super::gaussian::Gaussian;

/// A distribution of codes, p(z).
pub trait Prior: Debug {
    /// What it is called beside pictures and scores.
    fn name(&self) -> String;

    /// Numbers in a code.
    fn latent(&self) -> usize;

    /// `count` codes `[count, latent]`.
    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor;

    /// log p(z) of codes `[..., latent]`, `[...]`.
    fn log_density(&self, z: &Var) -> Var;

    /// KL(q ‖ p) in nats of every number of codes, `[batch, latent]`, if there is a formula of it.
    fn divergences(&self, _: &Gaussian) -> Option<Var> {
        None
    }

    /// KL(q ‖ p) in nats, summed over the code and averaged over the batch, if there is a formula of it.
    fn divergence(&self, posterior: &Gaussian) -> Option<Var> {
        let each = self.divergences(posterior);
        each.map(|each| each.sum(-1).mean(..))
    }

    /// log q(z|x) − log p(z) of draws that were made with this noise, `[..., batch, latent]`: an estimate of
    /// the divergence, `[..., batch]`, which may be below 0.
    fn log_ratio(&self, posterior: &Gaussian, z: &Var, _noise: &Var) -> Var {
        posterior.log_density(z) - self.log_density(z)
    }

    /// Shows the visitor what the prior learns, if anything.
    fn learnt(&self, _: &mut Visitor<'_>) {}
}

/// N(0, 1) of independent numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardNormal {
    /// Numbers in a code.
    pub latent: usize,
}

impl Prior for StandardNormal {
    fn name(&self) -> String {
        "N(0, 1)".to_owned()
    }

    fn latent(&self) -> usize {
        self.latent
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        Tensor::normal([count, self.latent], 0.0, 1.0, rng, dtype)
    }

    fn log_density(&self, z: &Var) -> Var {
        let standard = Gaussian {
            mean: z.scalar_like(0.0),
            log_variance: z.scalar_like(0.0),
        };
        standard.log_density(z)
    }

    fn divergences(&self, posterior: &Gaussian) -> Option<Var> {
        Some(posterior.divergences())
    }

    fn divergence(&self, posterior: &Gaussian) -> Option<Var> {
        Some(posterior.divergence())
    }

    fn log_ratio(&self, posterior: &Gaussian, z: &Var, noise: &Var) -> Var {
        posterior.log_ratio(z, noise)
    }
}

/// New samples `[count, features]`: what the model's decoder makes of codes drawn from `prior`. With
/// labels, one for each sample, of those.
///
/// ```
/// use retrograd_autoencoders::{Card, DataShape, Settings, StandardNormal, draw_samples};
/// use retrograd_tensor::random;
///
/// let (deep, data) = (Card::named("deep").unwrap(), DataShape::images([1, 8, 8]));
/// let model = deep.build(&Settings::new(), data, &mut random::rng(0)).unwrap();
/// let normal = StandardNormal { latent: 32 };
/// let images = draw_samples(model.as_ref(), &normal, 5, None, &mut random::rng(1));
/// assert_eq!(images.shape(), [5, 64]);
/// ```
///
/// # Panics
/// If the prior's codes are not as wide as the model's.
#[must_use]
pub fn draw_samples(
    model: &dyn Autoencoder,
    prior: &dyn Prior,
    count: usize,
    labels: Option<&Array<i64>>,
    rng: &mut Rng,
) -> Tensor {
    let codes = prior.draw(count, rng, model.dtype());
    model.draw(&codes.into(), labels, rng)
}
