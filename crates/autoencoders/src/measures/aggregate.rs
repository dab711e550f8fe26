//! The aggregate q(z) = (1/N) Σ q(z|xₙ) of a model's posteriors: what codes say of samples, and what units
//! say of each other.

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Tensor};

use crate::model::{Posterior, Prior};

/// Most numbers that are held at once: draws are taken in parts, each against all samples.
const MOST_NUMBERS: usize = 4_000_000;

/// The terms of the mean divergence, in nats; means over draws, one from each q(z|xₙ).
///
/// ```text
/// mean KL(q(z|x) ‖ p(z)) = I(x; z) + TC + Σ KL(q(z_j) ‖ p(z_j))
/// ```
///
/// Log densities of the aggregate are estimated by the sum over **all** N samples, the draw's own among
/// them ("full data": Chen et al. 2018, section 3.1, without a minibatch's weights). So `information` is at
/// most log N, whatever the code says, and where it comes near to that the other two are **too high** by what
/// it lacks. Below that, both may come out **negative** by the noise of the draws.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Aggregate {
    /// I(x; z) = E[log q(z|x) − log q(z)]: what a code says of which sample it is from.
    pub information: f64,
    /// KL(q(z) ‖ Π q(z_j)) = E[log q(z) − Σ log q(z_j)]: what units say of each other.
    pub total_correlation: Option<f64>,
    /// E[log q(z) − log p(z)]: how far the aggregate is from the prior; of a model that has one.
    pub divergence: Option<f64>,
    /// I(x; z_j) of every unit, if the posterior knows densities of units.
    pub unit_information: Option<Vec<f64>>,
    /// N.
    pub samples: usize,
}

/// What the codes of a model share with samples and with each other: of the posteriors of N samples and a
/// draw from each, `[N, units]`. Costs N² densities. None if a density is not finite.
#[must_use]
pub fn aggregate(
    posterior: &dyn Posterior,
    draws: &Tensor,
    prior: Option<&dyn Prior>,
) -> Option<Aggregate> {
    let codes = &Var::constant(draws.clone());
    let mean = |x: Var| x.into_value().cast(DType::F64).mean(..).item();
    let samples = draws.shape()[0];
    let log_samples = (samples as f64).ln();
    let own = mean(posterior.log_density(codes));
    let joint = in_parts(draws, |pairs, _| {
        Some(posterior.log_density(pairs).logsumexp(1).into_value())
    })?;
    let joint = joint.cast(DType::F64).mean(..).item() - log_samples;
    let marginals = in_parts(draws, |pairs, _| {
        let densities = posterior.log_densities(pairs)?;
        Some(densities.logsumexp(1).into_value())
    });
    let own_of_units = posterior.log_densities(codes);
    let units = own_of_units.zip(marginals).map(|(own, marginals)| {
        let marginals = marginals.cast(DType::F64).mean(0);
        let own = own.into_value().cast(DType::F64).mean(0);
        (own, marginals.map(|sum| sum - log_samples))
    });
    let found = Aggregate {
        information: own - joint,
        total_correlation: units
            .as_ref()
            .map(|(_, marginals)| joint - marginals.sum(..).item()),
        divergence: prior.map(|prior| joint - mean(prior.log_density(codes))),
        unit_information: units.map(|(own, marginals)| (own - marginals).to_vec()),
        samples,
    };
    let figures = [Some(found.information), found.total_correlation];
    let finite = figures.into_iter().flatten().all(f64::is_finite);
    finite.then_some(found)
}

/// Something of all draws, each set against all samples, `[draws, samples, units]`: a part after the
/// other, with the number of its first draw, joined along the first axis. None if there is none of a part.
pub(super) fn in_parts(
    draws: &Tensor,
    of: impl Fn(&Var, usize) -> Option<Tensor>,
) -> Option<Tensor> {
    let [samples, units] = [draws.shape()[0], draws.shape()[1]];
    let rows = (MOST_NUMBERS / (samples * units).max(1)).max(1);
    let parts = (0..samples).step_by(rows).map(|first| {
        let last = (first + rows).min(samples);
        let part = draws.slice(0, first as isize..last as isize).unsqueeze(1);
        let pairs = part.broadcast_to([last - first, samples, units]);
        of(&Var::constant(pairs), first)
    });
    let parts: Option<Vec<Tensor>> = parts.collect();
    Some(Tensor::cat(&parts?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gaussian, StandardNormal};
    use retrograd_tensor::{assert_abs_diff_eq, random};

    fn normal(shape: [usize; 2], seed: u64) -> Tensor {
        Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64)
    }

    /// q(z|x) = N(ρx, 1 − ρ²) of x ~ N(0, 1), of which the aggregate is N(0, 1) in each unit.
    fn pair(rho: f64, x: &Tensor) -> Gaussian {
        Gaussian {
            mean: x.scale(rho).into(),
            log_variance: Tensor::full_like(x, *x.shape(), (1.0 - rho * rho).ln()).into(),
        }
    }

    #[test]
    fn gaussian_pairs_have_the_information_of_the_closed_form() {
        let rho: f64 = 0.8;
        let x = normal([3000, 2], 1);
        let posterior = pair(rho, &x);
        let draws = posterior.draw_with(&normal([3000, 2], 2).into());
        let prior = StandardNormal { latent: 2 };
        let found = aggregate(&posterior, &draws.into_value(), Some(&prior)).unwrap();
        let each = -0.5 * (1.0 - rho * rho).ln();
        assert_abs_diff_eq!(found.information, 2.0 * each, epsilon = 0.05);
        for unit in found.unit_information.unwrap() {
            assert_abs_diff_eq!(unit, each, epsilon = 0.03);
        }
        // Units are independent, and the aggregate is the prior.
        assert_abs_diff_eq!(found.total_correlation.unwrap(), 0.0, epsilon = 0.05);
        assert_abs_diff_eq!(found.divergence.unwrap(), 0.0, epsilon = 0.05);
    }

    #[test]
    fn units_that_are_told_the_same_correlate() {
        // Both units hear the same x: their correlation is ρ², and TC = −½ log(1 − ρ⁴).
        let rho: f64 = 0.8;
        let x = normal([3000, 1], 1);
        let posterior = pair(rho, &Tensor::cat(&[x.clone(), x], 1));
        let draws = posterior.draw_with(&normal([3000, 2], 2).into());
        let found = aggregate(&posterior, &draws.into_value(), None).unwrap();
        let exact = -0.5 * (1.0 - rho.powi(4)).ln();
        assert_abs_diff_eq!(found.total_correlation.unwrap(), exact, epsilon = 0.05);
        assert_eq!(found.divergence, None);
    }

    #[test]
    fn the_terms_add_up_to_the_sampled_divergence() {
        let posterior = Gaussian {
            mean: normal([40, 3], 3).into(),
            log_variance: normal([40, 3], 4).into(),
        };
        let noise = Var::constant(normal([40, 3], 5));
        let draws = posterior.draw_with(&noise);
        let prior = StandardNormal { latent: 3 };
        let found = aggregate(&posterior, draws.value(), Some(&prior)).unwrap();
        let sampled = posterior.log_ratio(&draws, &noise).mean(..).item();
        let sum = found.information + found.divergence.unwrap();
        assert_abs_diff_eq!(sum, sampled, epsilon = 1e-12);
        assert!(found.information <= 40.0_f64.ln());
    }

    #[test]
    fn a_code_that_says_all_says_log_n() {
        let posterior = Gaussian {
            mean: Tensor::from_fn([50, 1], |at| at[0] as f64).into(),
            log_variance: Tensor::full([50, 1], -12.0).into(),
        };
        let draws = posterior.draw_with(&normal([50, 1], 6).into());
        let found = aggregate(&posterior, &draws.into_value(), None).unwrap();
        assert_abs_diff_eq!(found.information, 50.0_f64.ln(), epsilon = 1e-6);
        // One unit says nothing of others.
        assert_abs_diff_eq!(found.total_correlation.unwrap(), 0.0, epsilon = 1e-12);
    }
}
