//! A normal distribution with any covariance, fitted to codes.

use std::f64::consts::TAU;

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, Tensor, Triangular};

use super::prior::Prior;

/// What is added to every variance, as a share of that of the codes: codes that lie in a plane have a
/// density too.
const FLOOR: f64 = 1e-6;

/// N(μ, L·Lᵀ) with the mean and the covariance of codes.
///
/// Where codes of samples lie is not where a prior would have them if nothing in training asked for that.
/// A decoder paints well where it has seen codes, so a distribution that is fitted to them after training
/// draws better samples (Ghosh, Sajjadi, Vergari, Black and Schölkopf 2020, section 5). A [`Mixture`]
/// follows them more closely.
///
/// ```
/// use retrograd_autoencoders::{FittedNormal, Prior};
/// use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};
///
/// let codes = Tensor::from_vec(vec![1.0, 0.0, 3.0, 0.0, 5.0, 3.0], [3, 2]);
/// let fitted = FittedNormal::fit(&codes);
/// assert_abs_diff_eq!(fitted.mean(), &Tensor::from_vec(vec![3.0, 1.0], [2]), epsilon = 1e-12);
/// assert_eq!(fitted.draw(4, &mut random::rng(0), DType::F32).shape(), [4, 2]);
/// ```
///
/// [`Mixture`]: super::Mixture
#[derive(Clone, Debug)]
pub struct FittedNormal {
    /// μ, `[latent]`.
    mean: Tensor,
    /// L, `[latent, latent]`.
    factor: Tensor,
    /// L⁻¹, which makes the distribution the standard one.
    whitening: Tensor,
}

impl FittedNormal {
    /// The normal distribution with the mean and the covariance of codes `[samples, latent]`, a millionth
    /// of their mean variance added to each.
    ///
    /// # Panics
    /// If there is no code, or a number is infinite or NaN.
    #[must_use]
    pub fn fit(codes: &Tensor) -> Self {
        let x = checked(codes);
        let samples = x.shape()[0];
        let shares = Tensor::ones([samples], DType::F64);
        Self::of_shares(&x, &shares, samples as f64, floor(&x))
    }

    /// The distribution of codes `[samples, latent]` of which each counts by its share `[samples]`; the
    /// shares sum to `total`.
    pub(super) fn of_shares(x: &Tensor, shares: &Tensor, total: f64, floor: f64) -> Self {
        let latent = x.shape()[1];
        let column = shares.reshape(&[-1, 1]);
        let mean = (x * &column).sum(0).scale(1.0 / total);
        let centred = x - &mean;
        let identity = Tensor::eye(latent, DType::F64);
        let covariance = centred.t().matmul(&(&centred * &column)).scale(1.0 / total);
        let factor = (covariance + identity.scale(floor)).cholesky();
        Self {
            mean,
            whitening: factor.solve_triangular(&identity, Triangular::LOWER),
            factor,
        }
    }

    /// μ, `[latent]`, in `f64`.
    #[must_use]
    pub fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// L·Lᵀ, `[latent, latent]`, in `f64`.
    #[must_use]
    pub fn covariance(&self) -> Tensor {
        self.factor.matmul(&self.factor.t().contiguous())
    }
}

/// Codes in `f64`, if a distribution can be fitted to them.
pub(super) fn checked(codes: &Tensor) -> Tensor {
    let x = codes.cast(DType::F64).contiguous();
    assert!(
        x.rank() == 2,
        "codes of shape {}, not [samples, latent]",
        x.shape()
    );
    assert!(
        x.shape()[0] > 0 && x.is_finite(),
        "a distribution is fitted to finite codes, not to {} with some that are infinite or NaN",
        x.shape()[0]
    );
    x
}

/// What is added to the variances of these codes.
pub(super) fn floor(x: &Tensor) -> f64 {
    let variance = Var::from(x.clone()).var(0, 0.0).mean(..).item();
    FLOOR * variance.max(f64::MIN_POSITIVE)
}

impl Prior for FittedNormal {
    fn name(&self) -> String {
        "a normal distribution fitted to codes".to_owned()
    }

    fn latent(&self) -> usize {
        self.mean.elements()
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        let standard = Tensor::normal([count, self.latent()], 0.0, 1.0, rng, DType::F64);
        let draws = standard.matmul(&self.factor.t().contiguous()) + &self.mean;
        draws.cast(dtype)
    }

    /// −½(‖L⁻¹(z − μ)‖² + latent·log 2π) − log det L.
    fn log_density(&self, z: &Var) -> Var {
        let (mean, whitening) = (self.mean.cast(z.dtype()), self.whitening.cast(z.dtype()));
        let standard = (z - Var::from(mean)).matmul(&Var::from(whitening.t().contiguous()));
        let latent = self.latent();
        let determinant: f64 = (0..latent).map(|i| self.factor.at(&[i, i]).ln()).sum();
        standard.squared_norm(-1) * -0.5 - (determinant + 0.5 * latent as f64 * TAU.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    /// Codes whose numbers go together.
    fn codes(count: usize) -> Tensor {
        let rng = &mut random::rng(3);
        let mix = Tensor::from_vec(vec![1.0, 0.5, -0.3, 0.0, 2.0, 0.7, 0.0, 0.0, 0.1], [3, 3]);
        Tensor::normal([count, 3], 0.0, 1.0, rng, DType::F64).matmul(&mix)
            + Tensor::from_vec(vec![1.0, -2.0, 0.5], [3])
    }

    fn moments(x: &Tensor) -> (Tensor, Tensor) {
        let mean = x.mean(0);
        let centred = x - &mean;
        let covariance = centred
            .t()
            .matmul(&centred)
            .scale(1.0 / x.shape()[0] as f64);
        (mean, covariance)
    }

    #[test]
    fn it_has_the_moments_of_the_codes_and_so_have_its_draws() {
        let x = codes(500);
        let (mean, covariance) = moments(&x);
        let fitted = FittedNormal::fit(&x);
        assert_abs_diff_eq!(fitted.mean(), &mean, epsilon = 1e-12);
        // The floor is a millionth of a variance of about 2.
        assert_abs_diff_eq!(fitted.covariance(), covariance, epsilon = 4e-6);
        let draws = fitted.draw(40_000, &mut random::rng(1), DType::F64);
        let drawn = moments(&draws);
        // Standard errors of at most 0.011 and 0.03.
        assert_abs_diff_eq!(drawn.0, mean, epsilon = 0.05);
        assert_abs_diff_eq!(drawn.1, covariance, epsilon = 0.12);
    }

    #[test]
    fn its_density_is_that_of_the_formula() {
        let x = codes(200);
        let fitted = FittedNormal::fit(&x);
        let z = Tensor::from_vec(vec![0.3, -1.0, 0.2], [1, 3]);
        let away = Var::from(&z - fitted.mean());
        let covariance = Var::from(fitted.covariance());
        let solved = covariance.solve(&away.t());
        let quadratic = away.matmul(&solved).item();
        let expected = -0.5 * (quadratic + covariance.det().item().ln() + 3.0 * TAU.ln());
        assert_abs_diff_eq!(
            fitted.log_density(&z.into()).item(),
            expected,
            epsilon = 1e-9
        );
    }

    #[test]
    fn codes_in_a_plane_are_fitted_too() {
        let flat = Tensor::from_fn([9, 2], |at| at[0] as f64);
        let fitted = FittedNormal::fit(&flat);
        assert!(fitted.draw(3, &mut random::rng(0), DType::F32).is_finite());
        let same = FittedNormal::fit(&Tensor::full([4, 2], 7.0));
        let draws = same.draw(3, &mut random::rng(0), DType::F64);
        assert_abs_diff_eq!(draws, Tensor::full([3, 2], 7.0), epsilon = 1e-9);
    }
}
