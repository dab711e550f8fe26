//! Codes that are normal distributions of independent numbers.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use super::code::Posterior;

/// q(z|x): a normal distribution of independent codes for each sample.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// μ, `[batch, latent]`.
    pub mean: Var,
    /// log σ², `[batch, latent]`.
    pub log_variance: Var,
}

impl Gaussian {
    /// The same without history.
    #[must_use]
    pub fn stop_gradient(&self) -> Self {
        Self {
            mean: self.mean.stop_gradient(),
            log_variance: self.log_variance.stop_gradient(),
        }
    }

    /// The divergence from N(0, 1) of a sample: summed over the code, averaged over the batch, in nats.
    #[must_use]
    pub fn divergence(&self) -> Var {
        let sum = DIVERGENCE.apply_sum(&[&self.mean, &self.log_variance], ..);
        sum / self.mean.shape().first().copied().unwrap_or(1) as f64
    }

    /// z = μ + σ·ε, for noise ε `[batch, latent]` or `[draws, batch, latent]`: a draw whose
    /// derivative by μ and σ is known (Kingma and Welling 2014, section 2.4).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn draw_with(&self, noise: &Var) -> Var {
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

    /// log q(zⱼ|x) of every number of codes `[..., batch, latent]`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn log_densities(&self, z: &Var) -> Var {
        LOG_DENSITY.apply(&[z, &self.mean, &self.log_variance])
    }

    /// log q(z|x) − log p(z), p = N(0, 1), of the draw z made with this noise, summed over the code: a
    /// single draw's estimate of the divergence, `[batch]` or `[draws, batch]`.
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
}

impl Posterior for Gaussian {
    fn mean(&self) -> Var {
        self.mean.clone()
    }

    fn gaussian(&self) -> Option<&Gaussian> {
        Some(self)
    }

    fn draw(&self) -> Var {
        self.draw_with(&noise(&self.mean, self.mean.shape()))
    }

    /// −½ Σ ((z − μ)²/σ² + log σ² + log 2π).
    fn log_density(&self, z: &Var) -> Var {
        LOG_DENSITY.apply_sum(&[z, &self.mean, &self.log_variance], -1)
    }

    fn log_densities(&self, z: &Var) -> Option<Var> {
        Some(Self::log_densities(self, z))
    }

    /// ½(σ² + μ² − 1 − log σ²) (Kingma and Welling 2014, appendix B).
    fn divergences(&self) -> Var {
        DIVERGENCE.apply(&[&self.mean, &self.log_variance])
    }
}

/// −½((z − μ)²/σ² + log σ² + log 2π) of z, μ and log σ².
static LOG_DENSITY: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new(
        "gaussian_log_density",
        |[z, mean, log_variance]: [Expr; 3]| {
            ((z - mean).square() * (-&log_variance).exp() + log_variance + TAU.ln()) * -0.5
        },
    )
});

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

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

    fn normal(shape: &[usize], seed: u64) -> Var {
        Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64).into()
    }

    #[test]
    fn the_divergence_is_what_draws_estimate() {
        let posterior = Gaussian {
            mean: normal(&[2, 3], 3),
            log_variance: normal(&[2, 3], 4),
        };
        let draws = 200_000;
        let noise = normal(&[draws, 2, 3], 5);
        let ratios = posterior.log_ratio(&posterior.draw_with(&noise), &noise);
        let estimate = ratios.mean(..).item();
        // The mean over 400 000 draws, and five of its standard errors.
        let spread = (ratios.var(.., 0.0).item() / ratios.elements() as f64).sqrt();
        let exact = posterior.divergence().item();
        assert_abs_diff_eq!(estimate, exact, epsilon = 5.0 * spread);
        assert!(spread < 0.01, "{spread}");
    }

    #[test]
    fn the_ratio_is_that_of_the_densities() {
        let posterior = Gaussian {
            mean: normal(&[2, 3], 3),
            log_variance: normal(&[2, 3], 4),
        };
        let noise = normal(&[5, 2, 3], 5);
        let z = posterior.draw_with(&noise);
        let prior = Gaussian {
            mean: z.scalar_like(0.0),
            log_variance: z.scalar_like(0.0),
        };
        let ratio = posterior.log_density(&z) - prior.log_density(&z);
        assert_abs_diff_eq!(
            posterior.log_ratio(&z, &noise).into_value(),
            ratio.into_value(),
            epsilon = 1e-12
        );
    }
}
