//! Normal distributions, one or several, that are fitted to codes.

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, Tensor};

use super::fitted::{FittedNormal, checked, floor};
use super::prior::Prior;

/// Rounds of the fit at most, and the gain of log-likelihood in nats a code below which it is over.
const ROUNDS: usize = 100;
const GAIN: f64 = 1e-5;

/// A weighted sum of normal distributions with covariances of their own, fitted to the codes of data by
/// expectation maximisation (Dempster, Laird and Rubin 1977). With one component it is the normal
/// distribution that has the codes' mean and covariance, a [`FittedNormal`].
///
/// A decoder has seen codes where the data has some. Where these are not as the prior has them, or where
/// there is no prior, a mixture draws better samples (Ghosh et al. 2020).
#[derive(Clone, Debug)]
pub struct Mixture {
    components: Vec<Component>,
    latent: usize,
}

/// w·N(μ, L·Lᵀ).
#[derive(Clone, Debug)]
struct Component {
    weight: f64,
    normal: FittedNormal,
}

impl Mixture {
    /// The mixture of so many components that fits codes `[samples, latent]`. The same stream gives the
    /// same mixture.
    ///
    /// # Panics
    /// If there is no code, no component, or a number is infinite or NaN.
    #[must_use]
    pub fn fit(codes: &Tensor, components: usize, rng: &mut Rng) -> Self {
        assert!(components > 0, "a mixture has a component");
        let x = checked(codes);
        let (samples, floor) = (x.shape()[0], floor(&x));
        let mut shares = start(&x, components.min(samples), rng);
        let mut mixture = Self::of_shares(&x, &shares, floor);
        let mut before = f64::NEG_INFINITY;
        for _ in 0..ROUNDS {
            let logs = mixture.log_terms(&x.clone().into());
            let totals = logs.logsumexp(-1);
            let mean = totals.mean(..).item();
            if mean - before < GAIN {
                break;
            }
            before = mean;
            shares = (logs - totals.unsqueeze(-1)).exp().into_value();
            mixture = Self::of_shares(&x, &shares, floor);
        }
        mixture
    }

    /// Every component: its weight, and its normal distribution.
    pub(crate) fn components(&self) -> impl Iterator<Item = (f64, &FittedNormal)> + '_ {
        let components = self.components.iter();
        components.map(|component| (component.weight, &component.normal))
    }

    /// The mixture whose components have these shares `[samples, components]` of the codes.
    fn of_shares(x: &Tensor, shares: &Tensor, floor: f64) -> Self {
        let [samples, components] = shares.shape()[..] else {
            unreachable!("shares are a matrix");
        };
        let component = |k: usize| {
            let own = shares.select(1, k).contiguous();
            let total = own.sum(..).item();
            // A component that has lost all codes is left out.
            (total > f64::EPSILON).then(|| Component {
                weight: total / samples as f64,
                normal: FittedNormal::of_shares(x, &own, total, floor),
            })
        };
        Self {
            components: (0..components).filter_map(component).collect(),
            latent: x.shape()[1],
        }
    }

    /// log w + log N(z; μ, L·Lᵀ) of codes `[..., latent]` for every component, `[..., components]`.
    fn log_terms(&self, z: &Var) -> Var {
        let terms = self.components.iter();
        let terms: Vec<Var> = terms.map(|component| component.log_term(z)).collect();
        Var::stack(&terms.iter().collect::<Vec<_>>(), -1)
    }
}

impl Component {
    /// log w + log N(z; μ, L·Lᵀ), `[...]`.
    fn log_term(&self, z: &Var) -> Var {
        self.normal.log_density(z) + self.weight.ln()
    }
}

/// Shares to begin with, `[samples, components]`: each code belongs to the nearest of codes that are drawn
/// far from each other (k-means++, Arthur and Vassilvitskii 2007).
fn start(x: &Tensor, components: usize, rng: &mut Rng) -> Tensor {
    let samples = x.shape()[0];
    let mut nearest = vec![(f64::INFINITY, 0); samples];
    for component in 0..components {
        let total: f64 = nearest.iter().map(|(distance, _)| distance).sum();
        let share = uniform(rng);
        let mut left = total * share;
        let far = nearest.iter().position(|(distance, _)| {
            left -= distance;
            left <= 0.0
        });
        let centre = match component {
            0 => (share * samples as f64) as usize,
            _ => far.unwrap_or(samples - 1),
        };
        let apart = x - &x.slice(0, centre as isize..centre as isize + 1);
        let distances = (&apart * &apart).sum(1);
        for (nearest, distance) in nearest.iter_mut().zip(distances.iter()) {
            if distance < nearest.0 {
                *nearest = (distance, component);
            }
        }
    }
    Tensor::from_fn([samples, components], |at| {
        f64::from(nearest[at[0]].1 == at[1])
    })
}

/// A number from 0 up to, not including, 1.
fn uniform(rng: &mut Rng) -> f64 {
    Tensor::uniform([1], 0.0, 1.0, rng, DType::F64).item()
}

impl Prior for Mixture {
    fn name(&self) -> String {
        match self.components.len() {
            1 => "a normal distribution fitted to codes".to_owned(),
            count => format!("a mixture of {count} normal distributions fitted to codes"),
        }
    }

    fn latent(&self) -> usize {
        self.latent
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        let rows: Vec<Tensor> = (0..count)
            .map(|_| {
                let mut left = uniform(rng);
                let of = self.components.iter().find(|component| {
                    left -= component.weight;
                    left <= 0.0
                });
                let of = of.unwrap_or(&self.components[self.components.len() - 1]);
                of.normal.draw(1, rng, DType::F64)
            })
            .collect();
        Tensor::cat(&rows, 0).cast(dtype)
    }

    fn log_density(&self, z: &Var) -> Var {
        self.log_terms(z).logsumexp(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    /// Codes around two places, one three times as likely as the other.
    fn codes(count: usize) -> Tensor {
        let rng = &mut random::rng(3);
        let noise = Tensor::normal([count, 2], 0.0, 0.5, rng, DType::F64);
        let place = Tensor::from_fn([count, 2], |at| if at[0] % 4 == 0 { 5.0 } else { -1.0 });
        noise + place
    }

    #[test]
    fn one_component_has_the_mean_and_the_covariance() {
        let x = codes(4000);
        let fitted = Mixture::fit(&x, 1, &mut random::rng(0));
        let draws = fitted.draw(20_000, &mut random::rng(1), DType::F64);
        let mean = |x: &Tensor| x.mean(0);
        // Standard errors of 0.02 and 0.06.
        assert_abs_diff_eq!(mean(&draws), mean(&x), epsilon = 0.1);
        let second = |x: &Tensor| x.t().matmul(x).scale(1.0 / x.shape()[0] as f64);
        assert_abs_diff_eq!(second(&draws), second(&x), epsilon = 0.3);
    }

    #[test]
    fn two_components_find_the_places() {
        let fitted = Mixture::fit(&codes(2000), 2, &mut random::rng(0));
        let mut places: Vec<(f64, f64)> = fitted
            .components
            .iter()
            .map(|component| (component.weight, component.normal.mean().at(&[0])))
            .collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        for ((weight, place), expected) in places.iter().zip([(0.25, 5.0), (0.75, -1.0)]) {
            assert_abs_diff_eq!(*weight, expected.0, epsilon = 1e-6);
            assert_abs_diff_eq!(*place, expected.1, epsilon = 0.1);
        }
        assert_eq!(
            fitted.name(),
            "a mixture of 2 normal distributions fitted to codes"
        );
    }

    #[test]
    fn the_density_sums_to_one_and_is_higher_than_that_of_one_component() {
        let x = codes(500);
        let mean = |components: usize| {
            let fitted = Mixture::fit(&x, components, &mut random::rng(0));
            fitted.log_density(&x.clone().into()).mean(..).item()
        };
        assert!(mean(2) > mean(1) + 0.5, "{} {}", mean(2), mean(1));
        // A grid of squares of 0.1 a side, from -5 to 10.
        let side = 150;
        let grid = Tensor::from_fn([side * side, 2], |at| {
            let place = [at[0] / side, at[0] % side][at[1]];
            place as f64 * 0.1 - 5.0
        });
        let fitted = Mixture::fit(&x, 2, &mut random::rng(0));
        let total = fitted.log_density(&grid.into()).exp().sum(..).item() * 0.01;
        assert_abs_diff_eq!(total, 1.0, epsilon = 1e-6);
    }

    #[test]
    fn codes_that_never_change_are_fitted_too() {
        let x = Tensor::full([5, 3], 2.0);
        let fitted = Mixture::fit(&x, 4, &mut random::rng(0));
        let draws = fitted.draw(2, &mut random::rng(1), DType::F32);
        assert_abs_diff_eq!(draws, Tensor::full([2, 3], 2.0_f32), epsilon = 1e-3);
    }
}
