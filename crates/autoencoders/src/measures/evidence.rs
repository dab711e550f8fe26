//! How likely samples are under a model of their distribution: log p(x), by importance sampling.

use retrograd_autograd::{Mode, Tape, Var};
use retrograd_tensor::{Tensor, random};

use crate::model::{Autoencoder, Input};

/// Draws for which samples are encoded once: what a tape records of them is let go after so many.
const AT_ONCE: usize = 16;

/// What importance sampling says of each of some samples.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// log (1/k) Σ wᵢ in nats. On average below log p(x), and closer with more draws (Burda et al. 2016,
    /// theorem 1).
    pub log_likelihoods: Vec<f64>,
    /// The mean of log wᵢ in nats: the evidence lower bound, of as many draws.
    pub bounds: Vec<f64>,
    /// (Σ wᵢ)²/Σ wᵢ², from 1 to k: as many draws from p(z|x) itself would be worth as much (Kong 1992).
    /// Near 1 a single draw decides, and the estimate is too low.
    pub effective: Vec<f64>,
}

/// log p(x) of every sample of a batch by importance sampling, with the encoder's q(z|x) as the proposal:
///
/// ```text
/// log p(x) ≈ log (1/k) Σ wᵢ,   wᵢ = p(x, zᵢ) / q(zᵢ|x),   zᵢ ~ q(z|x)
/// ```
///
/// Of any model with a joint density and a q(z|x) to draw codes from; none of another. Draws are
/// added up as they come, by their logarithms, so memory does not grow with their number. Draw i comes
/// from a stream of its own of `seed`, `part` (which batch of a set it is) and i, so that estimates with
/// more draws begin with those of fewer. `done` is called after each draw.
///
/// # Panics
/// If there are no draws.
pub fn log_likelihoods(
    model: &dyn Autoencoder,
    input: &Input,
    draws: usize,
    [seed, part]: [u64; 2],
    mut done: impl FnMut(),
) -> Option<Evidence> {
    assert!(draws > 0, "importance sampling needs a draw");
    let samples = input.samples();
    let (mut weights, mut squares) = (
        vec![LogSum::NOTHING; samples],
        vec![LogSum::NOTHING; samples],
    );
    let mut bounds = vec![0.0; samples];
    let log_weights = |z: &Var, own: &Var| {
        let joint = model.log_joint(input, z)?;
        Some((joint - own).into_value())
    };
    for first in (0..draws).step_by(AT_ONCE) {
        let rng = random::stream(seed, "importance sampling", &[part, first as u64]);
        let tape = Tape::with(Mode::Evaluation, rng);
        let on_tape = Input {
            x: tape.constant(input.x.value().clone()),
            ..input.clone()
        };
        let posterior = model.proposal(&on_tape)?;
        for _ in first..(first + AT_ONCE).min(draws) {
            // Values alone: nothing of the decoder is recorded.
            let z = Var::constant(posterior.draw().into_value());
            let own = Var::constant(posterior.log_density(&z).into_value());
            let logs: Tensor = log_weights(&z, &own)?;
            for (sample, log) in logs.iter().enumerate() {
                weights[sample].add(log);
                squares[sample].add(2.0 * log);
                bounds[sample] += log / draws as f64;
            }
            done();
        }
    }
    let log_draws = (draws as f64).ln();
    let effective = |(weights, squares): (&LogSum, &LogSum)| {
        let share = 2.0 * weights.value() - squares.value();
        share.exp()
    };
    Some(Evidence {
        effective: weights.iter().zip(&squares).map(effective).collect(),
        log_likelihoods: weights.iter().map(|sum| sum.value() - log_draws).collect(),
        bounds,
    })
}

/// log Σ exp(x) of numbers that come one by one: the largest so far, and Σ exp(x − largest).
#[derive(Clone, Copy, Debug)]
struct LogSum {
    largest: f64,
    sum: f64,
}

impl LogSum {
    const NOTHING: Self = Self {
        largest: f64::NEG_INFINITY,
        sum: 0.0,
    };

    fn add(&mut self, x: f64) {
        if x.is_nan() || x == f64::INFINITY {
            // No sum is left to speak of.
            (self.largest, self.sum) = (x, 1.0);
        } else if x > self.largest {
            self.sum = self.sum * (self.largest - x).exp() + 1.0;
            self.largest = x;
        } else if x > f64::NEG_INFINITY && self.largest.is_finite() {
            self.sum += (x - self.largest).exp();
        }
    }

    fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composed::Variational;
    use crate::model::Likelihood;
    use retrograd_nn::{Activation, Module};
    use retrograd_tensor::{DType, assert_abs_diff_eq};

    const FEATURES: usize = 4;
    const LATENT: usize = 2;
    const DEVIATION: f64 = 0.5;

    fn normal(shape: [usize; 2], seed: u64) -> Tensor {
        Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64)
    }

    /// x = W z + σ ε with z ~ N(0, 1): a model whose p(x) is N(0, W Wᵀ + σ²) and whose p(z|x) is normal
    /// with the covariance S = (1 + WᵀW/σ²)⁻¹ and the mean S Wᵀ x/σ².
    struct Linear {
        weight: Tensor,
        model: Variational,
    }

    /// A model with this posterior: the mean M x and the variances.
    fn model(weight: &Tensor, mean: &Tensor, variances: &Tensor) -> Variational {
        let rng = &mut random::rng(0);
        let likelihood = Likelihood::Gaussian(DEVIATION);
        // ReLU on both signs passes everything on: the hidden layer holds x and −x, z and −z.
        let widths = [FEATURES, 2 * FEATURES, LATENT];
        let model = Variational::dense(&widths, 0, Activation::Relu, likelihood, rng);
        model.cast(DType::F64);
        let both = |x: Tensor, axis| Tensor::cat(&[x.clone(), x.scale(-1.0)], axis);
        let identity = Tensor::eye(FEATURES, DType::F64);
        for (name, param) in model.params() {
            let zeros = Tensor::zeros(*param.value().shape(), DType::F64);
            let value = match name.as_str() {
                "encoder.0.weight" => both(identity.clone(), 0),
                "mean.weight" => both(mean.clone(), 1),
                "log_variance.bias" => variances.map(f64::ln),
                "decoder.0.weight" => {
                    // z and −z in the first four units.
                    let z = both(Tensor::eye(LATENT, DType::F64), 0);
                    Tensor::cat(&[z.clone(), z.scale(0.0)], 0)
                }
                "decoder.2.weight" => {
                    let w = both(weight.clone(), 1);
                    Tensor::cat(&[w.clone(), w.scale(0.0)], 1)
                }
                _ => zeros,
            };
            param.set(value);
        }
        model
    }

    impl Linear {
        /// `share` of the way from the exact posterior to the prior.
        fn new(share: f64) -> Self {
            // Columns that are orthogonal, so that S is diagonal.
            let (q, _) = normal([FEATURES, LATENT], 1).qr();
            let sizes = Tensor::from_vec(vec![1.5, 0.7], [LATENT]);
            let weight = q * &sizes;
            let precision = DEVIATION.powi(-2);
            let exact = sizes.map(|size| 1.0 / (1.0 + size * size * precision));
            let mean = (weight.t() * exact.unsqueeze(1)).scale(precision * (1.0 - share));
            let variances = exact.map(|variance| variance + share * (1.0 - variance));
            Self {
                model: model(&weight, &mean.contiguous(), &variances),
                weight,
            }
        }

        /// log p(x) in closed form.
        fn exact(&self, x: &Tensor) -> Vec<f64> {
            let covariance = self.weight.matmul(&self.weight.t().contiguous())
                + Tensor::eye(FEATURES, DType::F64).scale(DEVIATION * DEVIATION);
            let solved = covariance.solve(&x.t().contiguous(), false).t();
            let squares = (x * &solved).sum(1);
            let (_, log_det) = covariance.slogdet();
            let constant = FEATURES as f64 * std::f64::consts::TAU.ln() + log_det.item();
            squares
                .iter()
                .map(|square| -0.5 * (square + constant))
                .collect()
        }
    }

    #[test]
    fn one_draw_from_the_exact_posterior_is_enough() {
        let linear = Linear::new(0.0);
        let x = normal([6, FEATURES], 2);
        let input = Input::from(x.clone());
        let found = log_likelihoods(&linear.model, &input, 1, [0, 0], || ()).unwrap();
        for (found, exact) in found.log_likelihoods.iter().zip(linear.exact(&x)) {
            assert_abs_diff_eq!(*found, exact, epsilon = 1e-12);
        }
        let found = log_likelihoods(&linear.model, &input, 40, [0, 0], || ()).unwrap();
        for effective in found.effective {
            assert_abs_diff_eq!(effective, 40.0, epsilon = 1e-9);
        }
    }

    #[test]
    fn a_wrong_posterior_comes_to_the_closed_form_with_draws_and_its_bound_does_not() {
        let linear = Linear::new(0.4);
        let x = normal([6, FEATURES], 2);
        let input = Input::from(x.clone());
        let mut calls = 0;
        let draws = 20_000;
        let found = log_likelihoods(&linear.model, &input, draws, [3, 0], || calls += 1).unwrap();
        assert_eq!(calls, draws);
        for (sample, exact) in linear.exact(&x).into_iter().enumerate() {
            // The spread of the estimate follows from the draws that count.
            let effective = found.effective[sample];
            assert!((1.0..draws as f64).contains(&effective), "{effective}");
            let spread = (1.0 / effective - 1.0 / draws as f64).sqrt();
            assert_abs_diff_eq!(found.log_likelihoods[sample], exact, epsilon = 5.0 * spread);
            assert!(spread < 0.03, "{spread}");
            assert!(found.bounds[sample] < exact - 0.05);
        }
    }

    #[test]
    fn more_draws_begin_with_those_of_fewer_and_memory_does_not_grow() {
        let linear = Linear::new(0.4);
        let input = Input::from(normal([3, FEATURES], 2));
        let of = |draws| log_likelihoods(&linear.model, &input, draws, [3, 0], || ()).unwrap();
        let [one, two] = [of(AT_ONCE), of(2 * AT_ONCE)];
        // Each half counts half.
        let second = two.bounds[0] * 2.0 - one.bounds[0];
        assert!(second.is_finite() && second != one.bounds[0]);
        assert_eq!(of(AT_ONCE), one);
    }

    #[test]
    fn sums_of_logarithms_do_not_overflow() {
        let mut sum = LogSum::NOTHING;
        [-1e4, -1e4 - 1.0, -1e4 + 2.0]
            .into_iter()
            .for_each(|x| sum.add(x));
        let exact = -1e4 + (1.0 + (-1.0_f64).exp() + 2.0_f64.exp()).ln();
        assert_abs_diff_eq!(sum.value(), exact, epsilon = 1e-11);
        sum.add(f64::NEG_INFINITY);
        assert_abs_diff_eq!(sum.value(), exact, epsilon = 1e-11);
        sum.add(f64::NAN);
        assert!(sum.value().is_nan());
    }
}
