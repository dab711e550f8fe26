//! How likely a decoder says that a sample is.
//!
//! A distribution of one number is told by several: a mean and a deviation, a rate and how widely counts
//! scatter about it. The decoder then gives as many numbers for each feature, in blocks: all means, then
//! all deviations. Every cost is computed from those numbers and not from what they stand for, so that it
//! is exact where a probability has rounded to 0, a rate is 0 or a dispersion has no end.

use std::f64::consts::{LN_2, PI, TAU};
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::target::Target;

/// How the decoder's last numbers z say how likely a sample is: p(x|z).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Likelihood {
    /// Each feature is 1 with probability σ(z), in [0, 1] read as a share; −log p in nats is the
    /// cross-entropy.
    Bernoulli,
    /// Each feature is normal with mean z and this standard deviation (above 0).
    Gaussian(f64),
    /// Each feature is normal with a mean and a deviation of its own: z = (mean, s), the deviation
    /// softplus(s) + 0.001. A density, so −log p may be below 0; the floor keeps it from falling for ever on
    /// a column that never changes.
    LearntGaussian,
    /// Each feature has Student's distribution about a location: z = (location, s, d), the scale
    /// softplus(s) + 0.001 and the degrees of freedom softplus(d) + 3, so that there are a mean and a
    /// variance. Outliers cost the logarithm of their distance and not its square.
    StudentT,
    /// Each feature is a count of mean eᶻ.
    Poisson,
    /// Each feature is a count: z = (log μ, log θ), the mean μ and the variance μ + μ²/θ. As θ grows it is
    /// the Poisson distribution; θ is held between e⁻³⁰ and e³⁰.
    NegativeBinomial,
    /// The same where a count may also be 0 for another reason, with probability σ(g): z = (log μ, log θ, g).
    /// The mean is (1 − σ(g)) μ.
    ZeroInflated,
}

/// The least deviation that is learnt.
const FLOOR: f64 = 1e-3;
/// The fewest degrees of freedom of Student's distribution.
const FREEDOM: f64 = 3.0;
/// log θ is held within this of 0.
const EXTREME: f64 = 30.0;
/// From here on Stirling's series with six terms is exact to the last digits of 8 bytes.
const FAR: f64 = 16.0;
/// Steps of 1 from half of the fewest degrees of freedom to where it is exact to 14 digits.
const STEPS: u32 = 8;

impl Likelihood {
    /// Numbers that the decoder gives for each feature.
    #[must_use]
    pub fn numbers(self) -> usize {
        match self {
            Self::Bernoulli | Self::Gaussian(_) | Self::Poisson => 1,
            Self::LearntGaussian | Self::NegativeBinomial => 2,
            Self::StudentT | Self::ZeroInflated => 3,
        }
    }

    /// The mean of p(x|z) for the decoder's last numbers: `[..., numbers × features]` to
    /// `[..., features]`.
    #[track_caller]
    #[must_use]
    pub fn mean(self, z: &Var) -> Var {
        static INFLATED: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("zero_inflated_mean", |[rate, gate]: [Expr; 2]| {
                (rate - gate.softplus()).exp()
            })
        });
        match self {
            Self::Bernoulli => z.sigmoid(),
            Self::Gaussian(_) => z.clone(),
            Self::LearntGaussian | Self::StudentT => self.parts(z).swap_remove(0),
            Self::Poisson | Self::NegativeBinomial => self.parts(z)[0].exp(),
            Self::ZeroInflated => {
                let parts = self.parts(z);
                INFLATED.apply(&[&parts[0], &parts[2]])
            }
        }
    }

    /// The blocks of the decoder's last numbers, `[..., features]` each.
    #[track_caller]
    fn parts(self, z: &Var) -> Vec<Var> {
        let (width, numbers) = (z.shape().last().copied().unwrap_or(0), self.numbers());
        assert!(
            width % numbers == 0,
            "{self:?} takes {numbers} numbers for each feature, not {width} in all"
        );
        match numbers {
            1 => vec![z.clone()],
            _ => z.split(-1, (width / numbers).max(1)),
        }
    }

    /// What `run` makes of the formula of −log p of one number, and its inputs for z and x.
    #[track_caller]
    fn apply(self, z: &Var, x: &Var, run: impl FnOnce(&Pointwise, &[&Var]) -> Var) -> Var {
        if let Self::Gaussian(deviation) = self {
            let variance = deviation * deviation;
            let constant = 0.5 * (TAU * variance).ln();
            let inputs = [
                z,
                x,
                &z.scalar_like(0.5 / variance),
                &z.scalar_like(constant),
            ];
            return run(&formulas::GAUSSIAN, &inputs);
        }
        let parts = self.parts(z);
        let inputs: Vec<&Var> = parts.iter().chain([x]).collect();
        let formula = match self {
            Self::Bernoulli | Self::Gaussian(_) => &formulas::BERNOULLI,
            Self::LearntGaussian => &formulas::LEARNT_GAUSSIAN,
            Self::StudentT => &formulas::STUDENT,
            Self::Poisson => &formulas::POISSON,
            Self::NegativeBinomial => &formulas::NEGATIVE_BINOMIAL,
            Self::ZeroInflated => &formulas::ZERO_INFLATED,
        };
        run(formula, &inputs)
    }

    /// −log p(x|z) in nats, `z` `[..., numbers × features]` and the target x `[..., features]` or stretched
    /// to it: summed over what was observed of the features, and everything before them if `all`, else
    /// `[...]`.
    #[track_caller]
    fn sum(self, z: &Var, target: &Target, all: bool) -> Var {
        self.apply(z, &target.values, |formula, inputs| {
            match (&target.observed, all) {
                (None, true) => formula.apply_sum(inputs, ..),
                (None, false) => formula.apply_sum(inputs, -1),
                (Some(observed), true) => (formula.apply(inputs) * observed).sum(..),
                (Some(observed), false) => (formula.apply(inputs) * observed).sum(-1),
            }
        })
    }

    /// −log p(x|z) of every feature by itself, `[..., features]`, in nats.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn of_features(self, z: &Var, x: &Var) -> Var {
        self.apply(z, x, Pointwise::apply)
    }

    /// −log p(x|z) of each sample x, in nats: `z` is `[..., numbers × features]`, the result `[...]`.
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
            _ => "nll",
        }
    }
}

/// −log p of one number, by the numbers that the decoder gives for it and the number itself.
mod formulas {
    use super::*;

    pub(super) static BERNOULLI: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("bernoulli_nll", |[z, x]: [Expr; 2]| z.logistic_loss(x)));
    pub(super) static GAUSSIAN: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("gaussian_nll", |[z, x, precision, constant]: [Expr; 4]| {
            (z - x).square() * precision + constant
        })
    });
    pub(super) static LEARNT_GAUSSIAN: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("learnt_gaussian_nll", |[mean, s, x]: [Expr; 3]| {
            let deviation = s.softplus() + FLOOR;
            ((x - mean) / &deviation).square() * 0.5 + deviation.log() + 0.5 * TAU.ln()
        })
    });
    pub(super) static STUDENT: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("student_nll", |[location, s, d, x]: [Expr; 4]| {
            let (scale, freedom) = (s.softplus() + FLOOR, d.softplus() + FREEDOM);
            // log Γ(ν/2) − log Γ((ν + 1)/2) + ½ log ν, which has a limit: by Γ(z + 1) = z Γ(z) to where
            // Stirling's series is exact, without the function itself, which is slow.
            let half = &freedom * 0.5;
            let steps = (0..STEPS).map(|step| &half + f64::from(step));
            let ratio = steps.fold(Expr::from(1.0), |all, z| all * (&z / (&z + 0.5)));
            let far = &half + f64::from(STEPS);
            let growth = (f64::from(STEPS) / &half).log1p();
            let constant =
                0.5 * (LN_2 + PI.ln()) - ratio.log() - risen(&far, &Expr::from(0.5)) - growth * 0.5;
            let square = ((x - location) / &scale).square();
            constant + scale.log() + (square / &freedom).log1p() * (freedom + 1.0) * 0.5
        })
    });
    pub(super) static POISSON: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("poisson_nll", |[rate, x]: [Expr; 2]| {
            rate.exp() - times_log(&x, &rate) + (x + 1.0).lgamma()
        })
    });
    pub(super) static NEGATIVE_BINOMIAL: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("negative_binomial_nll", |[rate, t, x]: [Expr; 3]| {
            negative_binomial(&rate, &t, &x)
        })
    });
    /// −log(1 − π) − log NB(x), and where x is 0 less log(1 + eᵍ/NB(0)).
    pub(super) static ZERO_INFLATED: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("zero_inflated_nll", |[rate, t, gate, x]: [Expr; 4]| {
            let plain = negative_binomial(&rate, &t, &x);
            let other = (&gate + &plain).softplus();
            let zero = Expr::from(0.0);
            gate.softplus() + &plain - Expr::select(&x.equal(0.0), &other, &zero)
        })
    });

    /// −log of the negative binomial of mean eʳ and dispersion θ = eᵗ at x:
    ///
    /// ```text
    /// log Γ(x + 1) + log Γ(θ) − log Γ(x + θ) + θ log(1 + μ/θ) + x (log(θ + μ) − log μ)
    /// ```
    ///
    /// The three log Γ are large and nearly cancel where θ or x is large. There the difference of two of
    /// them is taken as one, without what cancels.
    fn negative_binomial(rate: &Expr, t: &Expr, x: &Expr) -> Expr {
        let t = t.max(-EXTREME).min(EXTREME);
        let theta = t.exp();
        let (total, one_more) = (x + &theta, x + 1.0);
        // log(1 + μ/θ)
        let ratio = (rate - &t).softplus();
        let wide = one_more.lgamma() - risen(&theta, x);
        let less = &theta - 1.0;
        let many = theta.lgamma() - risen(&one_more, &less) - &less * one_more.log() + x * &t;
        let few = theta.lgamma() - total.lgamma() + one_more.lgamma() + x * &t;
        let rest = Expr::select(&x.less(FAR), &few, &many);
        let binomial = Expr::select(&theta.less(FAR), &rest, &wide);
        binomial + total * ratio - times_log(x, rate)
    }

    /// x·log μ for log μ, 0 where x is 0 even if μ is.
    fn times_log(x: &Expr, rate: &Expr) -> Expr {
        Expr::select(&x.equal(0.0), &Expr::from(0.0), &(x * rate))
    }

    /// log Γ(z + d) − log Γ(z) − d log z for z and z + d of at least [`FAR`]: by Stirling's series, in which
    /// what is large has cancelled already.
    fn risen(z: &Expr, d: &Expr) -> Expr {
        let end = z + d;
        (&end - 0.5) * (d / z).log1p() - d + beyond(&end) - beyond(z)
    }

    /// What Stirling's series adds to (z − ½) log z − z + ½ log 2π.
    fn beyond(z: &Expr) -> Expr {
        let (inverse, square) = (z.recip(), z.square().recip());
        let terms = [
            1.0 / 1188.0,
            1.0 / 1680.0,
            1.0 / 1260.0,
            1.0 / 360.0,
            1.0 / 12.0,
        ];
        let last = Expr::from(691.0 / 360_360.0);
        inverse
            * terms
                .into_iter()
                .fold(last, |rest, term| term - &square * rest)
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

    /// −log p of numbers one by one.
    fn each(likelihood: Likelihood, numbers: &[f64], x: &[f64], dtype: DType) -> Vec<f64> {
        let rows = x.len();
        let z: Vec<f64> = (0..rows).flat_map(|_| numbers.iter().copied()).collect();
        let z = Tensor::from_vec(z, [rows, numbers.len()]).cast(dtype);
        let x = Var::from(Tensor::from_vec(x.to_vec(), [rows, 1]).cast(dtype));
        let costs = likelihood.of_samples(&z.into(), &Target::from(&x));
        costs.into_value().cast(DType::F64).to_vec()
    }

    /// Σ p(x) over counts, and their mean.
    fn total(likelihood: Likelihood, numbers: &[f64], most: usize) -> [f64; 2] {
        let x: Vec<f64> = (0..=most).map(|x| x as f64).collect();
        let p = each(likelihood, numbers, &x, DType::F64);
        let p: Vec<f64> = p.into_iter().map(|cost| (-cost).exp()).collect();
        let mean = p.iter().zip(&x).map(|(p, x)| p * x).sum();
        [p.iter().sum(), mean]
    }

    #[test]
    fn probabilities_of_counts_sum_to_one_and_have_the_mean_that_is_told() {
        let z = |numbers: &[f64]| Var::from(Tensor::from_vec(numbers.to_vec(), [1, numbers.len()]));
        for (likelihood, numbers, most) in [
            (Likelihood::Poisson, vec![1.3], 100),
            (Likelihood::Poisson, vec![-40.0], 5),
            // Dispersions on every side of where the formula changes: e^2.7 < 16 < e^2.8.
            (Likelihood::NegativeBinomial, vec![1.3, -1.0], 2000),
            (Likelihood::NegativeBinomial, vec![3.0, 2.7], 2000),
            (Likelihood::NegativeBinomial, vec![3.0, 2.8], 2000),
            (Likelihood::NegativeBinomial, vec![3.0, 12.0], 300),
            (Likelihood::NegativeBinomial, vec![-40.0, 12.0], 5),
            (Likelihood::ZeroInflated, vec![1.3, -1.0, 0.4], 2000),
            (Likelihood::ZeroInflated, vec![3.0, 12.0, -2.0], 300),
        ] {
            let [sum, mean] = total(likelihood, &numbers, most);
            let what = format!("{likelihood:?} {numbers:?}");
            assert_abs_diff_eq!(sum, 1.0, epsilon = 1e-11, "{what}");
            let told = likelihood.mean(&z(&numbers)).item();
            assert_abs_diff_eq!(mean, told, epsilon = 1e-9 * (1.0 + told), "{what}");
        }
    }

    #[test]
    fn the_negative_binomial_is_continuous_where_its_formula_changes() {
        let t = FAR.ln();
        for x in [0.0, 3.0, 15.0, 17.0, 4000.0] {
            let at = |t: f64| each(Likelihood::NegativeBinomial, &[2.0, t], &[x], DType::F64)[0];
            let (below, above) = (at(t - 1e-9), at(t + 1e-9));
            assert_abs_diff_eq!(below, above, epsilon = 1e-9 * (1.0 + below.abs() + x));
        }
        for t in [-3.0, 0.0, 2.7] {
            let at = |x: f64| each(Likelihood::NegativeBinomial, &[2.0, t], &[x], DType::F64)[0];
            assert_abs_diff_eq!(at(FAR - 1e-9), at(FAR + 1e-9), epsilon = 1e-8);
        }
    }

    #[test]
    fn without_an_end_of_dispersion_counts_are_poisson_and_without_a_gate_not_inflated() {
        let counts = [0.0, 1.0, 7.0, 250.0];
        for (dtype, epsilon) in [(DType::F64, 1e-9), (DType::F32, 1e-3)] {
            for rate in [-60.0, -2.0, 0.5, 5.0] {
                let of = |likelihood, numbers: &[f64]| each(likelihood, numbers, &counts, dtype);
                let poisson = of(Likelihood::Poisson, &[rate]);
                // Above 30 the dispersion is held: e⁶⁰ would overflow the product with log(1 + μ/θ).
                for t in [30.0, 60.0, 300.0] {
                    let binomial = of(Likelihood::NegativeBinomial, &[rate, t]);
                    let inflated = of(Likelihood::ZeroInflated, &[rate, t, -200.0]);
                    for ((p, b), i) in poisson.iter().zip(binomial).zip(inflated) {
                        let epsilon = epsilon * (1.0 + p.abs() / 100.0);
                        assert_abs_diff_eq!(*p, b, epsilon = epsilon, "{dtype:?} {rate} {t}");
                        assert_abs_diff_eq!(b, i, epsilon = 1e-12 * (1.0 + b.abs()));
                    }
                }
            }
        }
    }

    #[test]
    fn four_bytes_tell_counts_of_every_dispersion() {
        for t in [-20.0, -3.0, 0.0, 4.0, 9.5, 14.0, 29.0] {
            for rate in [-10.0, 0.0, 6.0] {
                let counts = [0.0, 1.0, 12.0, 40.0, 3000.0];
                for gate in [-9.0, 0.0, 9.0] {
                    let of =
                        |dtype| each(Likelihood::ZeroInflated, &[rate, t, gate], &counts, dtype);
                    for (x, (exact, short)) in
                        counts.iter().zip(of(DType::F64).iter().zip(of(DType::F32)))
                    {
                        let size = exact.abs() + x * (rate.abs() + 1.0) + gate.abs() + 1.0;
                        assert_abs_diff_eq!(
                            *exact,
                            short,
                            epsilon = 2e-6 * size + 2e-6 * x * t.abs()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_mean_of_zero_explains_zeros_for_nothing_and_anything_else_not_at_all() {
        let zero = f64::NEG_INFINITY;
        for (likelihood, numbers) in [
            (Likelihood::Poisson, vec![zero]),
            (Likelihood::NegativeBinomial, vec![zero, 11.0]),
            (Likelihood::ZeroInflated, vec![zero, 11.0, -0.5]),
        ] {
            let costs = each(likelihood, &numbers, &[0.0, 3.0], DType::F64);
            assert_abs_diff_eq!(costs[0], 0.0, epsilon = 1e-15);
            assert_eq!(costs[1], f64::INFINITY);
        }
    }

    #[test]
    fn students_distribution_has_an_integral_of_one_and_becomes_normal() {
        for d in [-2.0, 0.0, 5.0, 40.0, 1e7] {
            // Steps of 1/64 out to ±2000: what is left beyond has a share of (2000)⁻³ at most.
            let x: Vec<f64> = (-128_000..=128_000).map(|x| f64::from(x) / 64.0).collect();
            let costs = each(Likelihood::StudentT, &[0.3, 0.2, d], &x, DType::F64);
            let integral: f64 = costs.iter().map(|cost| (-cost).exp() / 64.0).sum();
            assert_abs_diff_eq!(integral, 1.0, epsilon = 1e-8, "{d}");
        }
        let x = [-3.0, 0.0, 0.5, 8.0];
        let normal = each(Likelihood::LearntGaussian, &[0.3, 0.2], &x, DType::F64);
        // They differ by about u⁴/4ν, where u is up to 10.
        for (dtype, epsilon) in [(DType::F64, 1e-8), (DType::F32, 1e-4)] {
            let student = each(Likelihood::StudentT, &[0.3, 0.2, 1e12], &x, dtype);
            for (ours, theirs) in student.iter().zip(&normal) {
                assert_abs_diff_eq!(ours, theirs, epsilon = epsilon);
            }
        }
        let deviation = 0.2_f64.exp().ln_1p() + FLOOR;
        let fixed = each(Likelihood::Gaussian(deviation), &[0.3], &x, DType::F64);
        for (ours, theirs) in normal.iter().zip(&fixed) {
            assert_abs_diff_eq!(ours, theirs, epsilon = 1e-12);
        }
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        use retrograd_autograd::check::Check;
        // Counts on every side of where formulas change, zeros among them.
        let x = Tensor::from_vec(vec![0.0, 2.0, 20.0, 0.0, 5.0, 31.0], [2, 3]);
        for likelihood in [
            Likelihood::LearntGaussian,
            Likelihood::StudentT,
            Likelihood::Poisson,
            Likelihood::NegativeBinomial,
            Likelihood::ZeroInflated,
        ] {
            for shift in [0.0, 2.2, 6.0] {
                let z = normal(&[2, 3 * likelihood.numbers()], 4).into_value();
                let z = z.map(|z| 0.5 * z + shift);
                let check = Check::order(2).step(1.0 / 32.0);
                let target = Target::from(&Var::from(x.clone()));
                let report = check.run(|z| likelihood.cost(&z[0], &target), &[z]);
                let report = report.unwrap_or_else(|error| panic!("{likelihood:?}: {error}"));
                println!("{likelihood:?} {shift}: {:.1e}", report.worst_error());
            }
        }
    }
}
