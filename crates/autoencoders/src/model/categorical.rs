//! Codes of categories: in each of some groups one of several, as vectors that are 1 there and else 0.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Shape, Tensor};

use super::labels::one_hot;
use super::prior::Prior;

/// q(z|x): in every group one of several categories, each group independent of the others.
#[derive(Clone, Debug)]
pub struct Categorical {
    /// Scores, `[batch, groups, categories]`; their softmax is π, the shares of the categories.
    pub logits: Var,
}

impl Categorical {
    /// The divergence from uniform categories in nats, `[batch, groups]`: Σ π (log π + log n) of n
    /// categories, between 0 and log n.
    #[must_use]
    pub fn divergences(&self) -> Var {
        let [log_shares, count] = self.shares_and_count();
        DIVERGENCE.apply_sum(&[&log_shares, &count], -1)
    }

    /// The terms of its sums, of the shape of the logits.
    pub(crate) fn divergence_terms(&self) -> Var {
        let [log_shares, count] = self.shares_and_count();
        DIVERGENCE.apply(&[&log_shares, &count])
    }

    /// log π, and log n.
    fn shares_and_count(&self) -> [Var; 2] {
        let log_shares = self.logits.log_softmax(-1);
        let count = log_shares.scalar_like((self.categories() as f64).ln());
        [log_shares, count]
    }

    /// The same of a sample: summed over the groups, averaged over the batch.
    #[must_use]
    pub fn divergence(&self) -> Var {
        let batch = self.logits.shape().first().copied().unwrap_or(1);
        self.divergences().sum(..) / batch as f64
    }

    /// How far the categories are from being used alike, in nats: Σ m (log m + log n) with m the mean of π
    /// over the batch, summed over the groups. 0 if all are as frequent as the others, log n a group if
    /// one takes all samples. The divergence less this is the information that categories have of which
    /// sample of the batch it is.
    #[must_use]
    pub fn imbalance(&self) -> Var {
        let shares = self.logits.softmax(-1).mean(0);
        // 0 log 0 is 0; a share below this adds less than rounding does.
        let logs = shares.clamp(f64::from(f32::MIN_POSITIVE), 1.0).log();
        (shares * (logs + (self.categories() as f64).ln())).sum(..)
    }

    /// softmax((logits + g)/τ) for Gumbel noise g of the shape of the logits: between the categories, the
    /// nearer to one of them the lower the temperature τ, and differentiable by the logits (Jang, Gu
    /// and Poole 2017; Maddison, Mnih and Teh 2017).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn relaxed_with(&self, noise: &Var, temperature: f64) -> Var {
        ((&self.logits + noise) / temperature).softmax(-1)
    }

    /// A category drawn for every group, as a constant: 1 at the largest of logits + g, else 0, of the
    /// shape of the logits. With Gumbel noise each category comes with its share.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn hard_with(&self, noise: &Var) -> Var {
        let perturbed = self.logits.value() + noise.value();
        constant_beside(&self.logits, as_vectors(&perturbed))
    }

    /// The likeliest category of every group, `[batch, groups]`.
    #[must_use]
    pub fn likeliest(&self) -> Array<i64> {
        self.logits.value().argmax(-1)
    }

    /// The same as vectors, `[batch, groups · categories]`.
    #[must_use]
    pub fn mode(&self) -> Var {
        let vectors = as_vectors(self.logits.value());
        constant_beside(&self.logits, vectors.reshape(&[self.samples(), -1]))
    }

    /// π, `[batch, groups, categories]`, as numbers alone.
    #[must_use]
    pub fn shares(&self) -> Tensor {
        Var::constant(self.logits.value().clone())
            .softmax(-1)
            .into_value()
    }

    fn categories(&self) -> usize {
        self.logits.shape().last().copied().unwrap_or(1)
    }

    fn samples(&self) -> isize {
        self.logits.shape().first().copied().unwrap_or(1) as isize
    }
}

/// π (log π + log n) of log π and log n.
static DIVERGENCE: LazyLock<Pointwise> = LazyLock::new(|| {
    // log π from a log-softmax is finite where π has rounded to 0, and 0 times it is 0.
    Pointwise::new("categorical_divergence", |[log_share, count]: [Expr; 2]| {
        log_share.exp() * (log_share + count)
    })
});

/// 1 at the largest of the last axis, the first of equals, and else 0.
fn as_vectors(scores: &Tensor) -> Tensor {
    let categories = scores.shape().last().copied().unwrap_or(1);
    let index = scores.argmax(-1);
    let flat = index.with_shape(Shape::from([index.elements()]));
    one_hot(&flat, categories, scores.dtype()).with_shape(*scores.shape())
}

/// A constant on the tape of `x`, if it is on one.
fn constant_beside(x: &Var, value: Tensor) -> Var {
    match x.tape() {
        Some(tape) => tape.constant(value),
        None => Var::constant(value),
    }
}

/// Gumbel noise −log(−log u) beside `x`, from its tape's random stream; without a tape, from that of
/// seed 0. Drawn in `f64` and kept off 0 and 1, so that no logarithm is of 0.
pub(crate) fn gumbel(x: &Var, shape: &[usize]) -> Var {
    let draw = |rng: &mut Rng| gumbel_numbers(shape, rng).cast(x.dtype());
    Var::constant(match x.tape() {
        Some(tape) => tape.random(draw),
        None => draw(&mut retrograd_tensor::random::rng(0)),
    })
}

/// The same from a random stream.
pub(crate) fn gumbel_numbers(shape: &[usize], rng: &mut Rng) -> Tensor {
    let uniform = Tensor::uniform(shape, 0.0, 1.0, rng, DType::F64);
    let inside = uniform.map(|u| u.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON));
    inside.map(|u| -(-u.ln()).ln())
}

/// Every category of every group as likely as any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniformCategories {
    /// How many groups there are.
    pub groups: usize,
    /// Of so many categories each.
    pub categories: usize,
}

impl Prior for UniformCategories {
    fn name(&self) -> String {
        "uniform categories".to_owned()
    }

    fn latent(&self) -> usize {
        self.groups * self.categories
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        // The largest of equally distributed numbers is any of them.
        let shape = [count, self.groups, self.categories];
        let vectors = as_vectors(&Tensor::uniform(shape, 0.0, 1.0, rng, DType::F64));
        vectors
            .with_shape(Shape::from([count, self.latent()]))
            .cast(dtype)
    }

    /// −groups · log n of codes that are categories; what lies between them has no probability, and is not
    /// asked for.
    fn log_density(&self, z: &Var) -> Var {
        let each = -(self.groups as f64) * (self.categories as f64).ln();
        z.sum(-1) * 0.0 + each
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::Tape;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    fn normal(shape: &[usize], seed: u64) -> Var {
        Tensor::normal(shape, 0.0, 1.5, &mut random::rng(seed), DType::F64).into()
    }

    #[test]
    fn the_divergence_is_that_of_its_definition_and_of_one_category_nothing() {
        let posterior = Categorical {
            logits: normal(&[2, 3, 4], 1),
        };
        let shares = posterior.shares();
        let expected: f64 = shares.iter().map(|p| p * (p * 4.0).ln()).sum();
        assert_abs_diff_eq!(
            posterior.divergence().item(),
            expected / 2.0,
            epsilon = 1e-13
        );
        let single = Categorical {
            logits: normal(&[2, 3, 1], 1),
        };
        assert_eq!(single.divergence().item(), 0.0);
        // Shares that round to 0 cost nothing, and the most that there is to pay is log n.
        for dtype in [DType::F32, DType::F64] {
            let sure = Tensor::from_vec(vec![0.0, -2000.0, -1e30, -500.0], [1, 1, 4]).cast(dtype);
            let tape = Tape::new();
            let sure = Categorical {
                logits: tape.leaf(sure),
            };
            let cost = sure.divergence();
            assert_abs_diff_eq!(cost.item(), 4.0_f64.ln(), epsilon = 1e-6);
            let gradient = cost.backward();
            assert!(gradient.of(&sure.logits).unwrap().is_finite());
        }
    }

    #[test]
    fn symbols_are_out_of_balance_by_what_they_do_not_tell_of_the_sample() {
        let sure_of = |index: &[i64]| Categorical {
            logits: one_hot(
                &Array::from_vec(index.to_vec(), [index.len()]),
                4,
                DType::F64,
            )
            .with_shape(Shape::from([index.len(), 1, 4]))
            .scale(1e3)
            .into(),
        };
        let imbalance = |index: &[i64]| sure_of(index).imbalance().item();
        assert_abs_diff_eq!(imbalance(&[2, 2, 2, 2]), 4.0_f64.ln(), epsilon = 1e-12);
        assert_abs_diff_eq!(imbalance(&[3, 1, 0, 2]), 0.0, epsilon = 1e-12);
        assert_abs_diff_eq!(imbalance(&[3, 1, 1, 3]), 2.0_f64.ln(), epsilon = 1e-12);
        // Of a batch of one it is the divergence, and at most that of any batch.
        let one = Categorical {
            logits: normal(&[1, 3, 4], 1),
        };
        assert_abs_diff_eq!(
            one.imbalance().item(),
            one.divergence().item(),
            epsilon = 1e-13
        );
        let many = Categorical {
            logits: normal(&[6, 3, 4], 2),
        };
        assert!(many.imbalance().item() < many.divergence().item());
    }

    #[test]
    fn the_largest_with_gumbel_noise_is_a_draw() {
        let one = Tensor::from_vec(vec![1.0, 0.0, -1.0], [1, 1, 3]);
        let draws = 100_000;
        let logits = Var::constant(Tensor::zeros([draws, 1, 3], DType::F64) + &one);
        let noise = gumbel(&logits, &[draws, 1, 3]);
        let posterior = Categorical { logits };
        let counted = posterior.hard_with(&noise).into_value().mean(0);
        let shares = posterior.shares().select(0, 0).contiguous();
        // Five standard errors at most.
        assert_abs_diff_eq!(counted, shares, epsilon = 5.0 * 0.5 / (draws as f64).sqrt());
        // The mean of the noise is Euler's number γ, its variance π²/6.
        let mean = noise.mean(..).item();
        assert_abs_diff_eq!(mean, 0.577_215_664_9, epsilon = 0.012);
        let variance = noise.var(.., 0.0).item();
        assert_abs_diff_eq!(variance, 1.644_934_066_8, epsilon = 0.04);
    }

    #[test]
    fn the_noise_is_finite_at_the_ends() {
        let ends = [f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON];
        for u in ends {
            assert!((-(-u.ln()).ln() as f32).is_finite(), "{u}");
        }
    }

    #[test]
    fn a_cold_relaxed_draw_is_the_hard_one() {
        let posterior = Categorical {
            logits: normal(&[5, 2, 3], 1),
        };
        let noise = gumbel(&posterior.logits, &[5, 2, 3]);
        let (hard, cold) = (
            posterior.hard_with(&noise),
            posterior.relaxed_with(&noise, 1e-4),
        );
        assert_abs_diff_eq!(hard.into_value(), cold.into_value(), epsilon = 1e-9);
        let hot = posterior.relaxed_with(&noise, 1e6).into_value();
        assert_abs_diff_eq!(hot, Tensor::full([5, 2, 3], 1.0 / 3.0), epsilon = 1e-5);
    }

    #[test]
    fn the_prior_draws_every_category_alike() {
        let prior = UniformCategories {
            groups: 2,
            categories: 4,
        };
        let draws = prior.draw(20_000, &mut random::rng(1), DType::F64);
        assert_eq!(draws.shape(), [20_000, 8]);
        assert_abs_diff_eq!(draws.mean(0), Tensor::full([8], 0.25), epsilon = 0.016);
        let density = prior.log_density(&draws.into()).into_value();
        assert_abs_diff_eq!(density.at(&[7]), -(16.0_f64.ln()), epsilon = 1e-14);
    }
}
