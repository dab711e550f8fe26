//! Models of the data's distribution: codes are distributions, and new samples can be drawn.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use super::target::Target;

/// An autoencoder that is a model of the data: z ~ N(0, 1), x ~ p(x|z).
pub trait Generative {
    /// Numbers in the code.
    fn latent(&self) -> usize;

    /// q(z|x), the distribution of the code of each sample of `[batch, features]`.
    fn posterior(&self, x: &Var) -> Posterior;

    /// `count` new samples `[count, features]`: the means of p(x|z) for z drawn from the prior.
    fn sample(&self, count: usize, rng: &mut Rng) -> Tensor;
}

/// q(z|x): a normal distribution of independent codes for each sample.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// μ, `[batch, latent]`.
    pub mean: Var,
    /// log σ², `[batch, latent]`.
    pub log_variance: Var,
}

impl Posterior {
    /// KL(q ‖ N(0, 1)) of every number of the code, `[batch, latent]`, in nats:
    /// ½(σ² + μ² − 1 − log σ²) (Kingma and Welling 2014, appendix B).
    #[must_use]
    pub fn divergences(&self) -> Var {
        DIVERGENCE.apply(&[&self.mean, &self.log_variance])
    }

    /// The divergence of a sample: summed over the code, averaged over the batch, in nats.
    #[must_use]
    pub fn divergence(&self) -> Var {
        let sum = DIVERGENCE.apply_sum(&[&self.mean, &self.log_variance], ..);
        sum / self.batch()
    }

    /// z = μ + σ·ε, for noise ε `[batch, latent]` or `[draws, batch, latent]`: a draw whose
    /// derivative by μ and σ is known (Kingma and Welling 2014, section 2.4).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn draw(&self, noise: &Var) -> Var {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new(
                "reparameterize",
                |[mean, log_variance, noise]: [Expr; 3]| {
                    // The head gives the logarithm of σ², so σ takes the half of it.
                    mean + (log_variance * 0.5).exp() * noise
                },
            )
        });
        FORMULA.apply(&[&self.mean, &self.log_variance, noise])
    }

    /// log q(z|x) − log p(z) of the draw z made with this noise, summed over the code: a single
    /// draw's estimate of the divergence, `[batch]` or `[draws, batch]`.
    ///
    /// With ε = (z − μ)/σ it is Σ ½(z² − ε² − log σ²).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn log_ratio(&self, z: &Var, noise: &Var) -> Var {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("log_ratio", |[z, noise, log_variance]: [Expr; 3]| {
                (z.square() - noise.square() - log_variance) * 0.5
            })
        });
        FORMULA.apply_sum(&[z, noise, &self.log_variance], -1)
    }

    /// How much the mean of each number of the code varies over the batch, `[latent]`: a number
    /// that does not react to the data is unused. Above 0.01 it counts as active (Burda et al.
    /// 2016, section 4.2).
    #[must_use]
    pub fn activity(&self) -> Tensor {
        self.mean.stop_gradient().var(0, 0.0).into_value()
    }

    fn batch(&self) -> f64 {
        self.mean.shape().first().copied().unwrap_or(1) as f64
    }
}

/// ½(σ² + μ² − 1 − log σ²) of μ and log σ², accurate near its minimum at 0, 0.
static DIVERGENCE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("gaussian_divergence", |[mean, log_variance]: [Expr; 2]| {
        (log_variance.expm1() - log_variance + mean.square()) * 0.5
    })
});

/// Normal noise beside `x`, from its tape's random stream; without a tape, from that of seed 0.
pub(crate) fn noise(x: &Var, shape: &[usize]) -> Var {
    let draw = |rng: &mut Rng| Tensor::normal(shape, 0.0, 1.0, rng, x.dtype());
    Var::constant(match x.tape() {
        Some(tape) => tape.random(draw),
        None => draw(&mut retrograd_tensor::random::rng(0)),
    })
}

/// How the decoder's last numbers z say how likely a sample is: p(x|z).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likelihood {
    /// Each feature is 1 with probability σ(z), in [0, 1] read as a share; −log p in nats is the
    /// cross-entropy.
    Bernoulli,
    /// Each feature is normal with mean z and this standard deviation (above 0).
    Gaussian(f64),
}

impl Likelihood {
    /// The mean of p(x|z) for the decoder's last numbers.
    #[must_use]
    pub fn mean(self, z: &Var) -> Var {
        match self {
            Self::Bernoulli => z.sigmoid(),
            Self::Gaussian(_) => z.clone(),
        }
    }

    /// −log p(x|z) in nats, `z` `[..., features]` and the target x the same or stretched to it: summed
    /// over what was observed of the features, and everything before them if `all`, else `[...]`.
    #[track_caller]
    fn sum(self, z: &Var, target: &Target, all: bool) -> Var {
        static BERNOULLI: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("bernoulli_nll", |[z, x]: [Expr; 2]| z.logistic_loss(x))
        });
        static GAUSSIAN: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("gaussian_nll", |[z, x, precision, constant]: [Expr; 4]| {
                (z - x).square() * precision + constant
            })
        });
        let over = |formula: &Pointwise, inputs: &[&Var]| match (&target.observed, all) {
            (None, true) => formula.apply_sum(inputs, ..),
            (None, false) => formula.apply_sum(inputs, -1),
            (Some(observed), true) => (formula.apply(inputs) * observed).sum(..),
            (Some(observed), false) => (formula.apply(inputs) * observed).sum(-1),
        };
        let x = &target.values;
        match self {
            Self::Bernoulli => over(&BERNOULLI, &[z, x]),
            Self::Gaussian(deviation) => {
                let variance = deviation * deviation;
                let constant = 0.5 * (std::f64::consts::TAU * variance).ln();
                let inputs = [
                    z,
                    x,
                    &z.scalar_like(0.5 / variance),
                    &z.scalar_like(constant),
                ];
                over(&GAUSSIAN, &inputs)
            }
        }
    }

    /// −log p(x|z) of each sample x, in nats: `z` is `[..., features]`, the result `[...]`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn of_samples(self, z: &Var, target: &Target) -> Var {
        self.sum(z, target, false)
    }

    /// −log p(x|z) of a sample x, in nats: summed over the features and averaged over the batch
    /// ([`Reduction::PerSample`](retrograd_nn::Reduction::PerSample)).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn cost(self, z: &Var, target: &Target) -> Var {
        let batch = z.shape().first().copied().unwrap_or(1) as f64;
        self.sum(z, target, true) / batch
    }

    /// What the reconstruction term is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bernoulli => "bce",
            Self::Gaussian(_) => "nll",
        }
    }
}

/// The unit of what generative models minimise: sums over features and code, means over the batch.
pub(crate) const NATS: &str = "nats per sample";

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_nn::{Reduction, loss};
    use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

    fn normal(shape: &[usize], seed: u64) -> Var {
        Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64).into()
    }

    #[test]
    fn likelihoods_are_the_losses_of_the_library() {
        let (z, x) = (normal(&[4, 3], 1), normal(&[4, 3], 2).sigmoid());
        let ours = Likelihood::Bernoulli.cost(&z, &(&x).into()).item();
        let theirs = loss::bce_with_logits(&z, &x, Reduction::PerSample).item();
        assert_abs_diff_eq!(ours, theirs, epsilon = 1e-14);
        let variance = Var::constant(Tensor::scalar(0.09));
        let ours = Likelihood::Gaussian(0.3).cost(&z, &(&x).into()).item();
        let theirs = loss::gaussian_nll(&z, &x, &variance, 1e-6, true, Reduction::PerSample).item();
        assert_abs_diff_eq!(ours, theirs, epsilon = 1e-12);
        let each = Likelihood::Gaussian(0.3).of_samples(&z, &(&x).into());
        assert_eq!(each.shape(), [4]);
        assert_abs_diff_eq!(each.mean(..).item(), ours, epsilon = 1e-12);
    }

    #[test]
    fn the_divergence_is_what_draws_estimate() {
        let posterior = Posterior {
            mean: normal(&[2, 3], 3),
            log_variance: normal(&[2, 3], 4),
        };
        let draws = 200_000;
        let noise = normal(&[draws, 2, 3], 5);
        let ratios = posterior.log_ratio(&posterior.draw(&noise), &noise);
        let estimate = ratios.mean(..).item();
        // The mean over 400 000 draws, and five of its standard errors.
        let spread = (ratios.var(.., 0.0).item() / ratios.elements() as f64).sqrt();
        let exact = posterior.divergence().item();
        assert_abs_diff_eq!(estimate, exact, epsilon = 5.0 * spread);
        assert!(spread < 0.01, "{spread}");
    }
}
