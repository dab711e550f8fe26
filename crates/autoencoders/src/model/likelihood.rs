//! How likely a decoder says that a sample is.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::target::Target;

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
        let ours = Likelihood::Bernoulli.cost(&z, &Target::from(&x)).item();
        let theirs = loss::bce_with_logits(&z, &x, Reduction::PerSample).item();
        assert_abs_diff_eq!(ours, theirs, epsilon = 1e-14);
        let variance = Var::constant(Tensor::scalar(0.09));
        let ours = Likelihood::Gaussian(0.3).cost(&z, &Target::from(&x)).item();
        let theirs = loss::gaussian_nll(&z, &x, &variance, 1e-6, true, Reduction::PerSample).item();
        assert_abs_diff_eq!(ours, theirs, epsilon = 1e-12);
        let each = Likelihood::Gaussian(0.3).of_samples(&z, &Target::from(&x));
        assert_eq!(each.shape(), [4]);
        assert_abs_diff_eq!(each.mean(..).item(), ours, epsilon = 1e-12);
    }
}
