//! The β-total-correlation variational autoencoder: the divergence in three parts, each at a price of its own.
//!
//! ```text
//! E log q(z|x)/p(z) = E log q(z|x)/q(z) + E log q(z)/Πⱼ q(zⱼ) + Σⱼ E log q(zⱼ)/p(zⱼ)
//!                     index-code MI       total correlation     dimension-wise KL
//! min −log p(x|z) + α MI + β TC + γ KL′        q(z) the distribution of the codes of all data
//! ```
//!
//! β times the whole divergence also charges for what codes say of their samples. What keeps the numbers of a
//! code from depending on each other is the middle part alone.
//!
//! q(z) would be a sum over all N samples, so a batch of B estimates it, from the draws zᵢ of its samples:
//!
//! * `weighted`: q(zᵢ) ≈ 1/(NB) Σⱼ q(zᵢ|xⱼ), as if each sample of the batch stood for N/B others. It is too small,
//!   by about a factor of B. Its constant log(NB) enters once in log q(z) and once for each of the L numbers in the
//!   product: **the printed `tc` carries (L − 1)·log(NB)** and `mi` log(NB); `kl_of_units` makes up for both. Some
//!   programs leave the constants out, which gives the same gradients and other figures: a `tc` that is never above
//!   0, since a product of sums is at least the sum of the products. N changes nothing else.
//! * `stratified`: zᵢ's own sample counts 1/N, one of the others (N − B + 1)/(N(B − 1)) and the rest 1/(B − 1). Over
//!   batches its mean is q(zᵢ), not so its logarithm. Own is on the diagonal here; a well-known program has the
//!   weights in the first two columns, whoever is there.
//!
//! Both are noisy, and nothing keeps the estimates above 0: **a total correlation below 0 is one of a small batch**,
//! not of the codes. With α = β = γ = 1 the parts add up to log q(z|x) − log p(z) of the draws whatever the estimator,
//! so the loss is the bound with a drawn divergence. `kl` and `bound` are told with the exact one.
//!
//! Changes with respect to the variational autoencoder: prices of the three parts. Source: Chen, Li, Grosse and
//! Duvenaud 2018, the estimators from its appendix.

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;

use super::variational;
use crate::composed::{Drawn, Price};
use crate::model::Posterior;
use crate::registry::{Card, Range, Setting, Word, words};

pub(crate) const CARD: Card = Card {
    name: "beta-tc",
    aliases: &["betatc", "betatcvae", "tcvae", "totalcorrelation"],
    summary: "Variational, a price on numbers of the code that depend on each other.",
    equation: "min −log p(x|z) + α MI + β TC + γ Σⱼ KL(q(zⱼ) ‖ p(zⱼ))",
    change: "the divergence in three parts, each at a price",
    source: "Chen, Li, Grosse and Duvenaud 2018",
    parent: Some("beta"),
    settings: &[
        variational::SETTINGS,
        &[ALPHA, BETA, GAMMA, ESTIMATOR, POPULATION],
    ],
    model: |settings, data, rng| {
        let weights = ["alpha", "beta", "gamma"].map(|name| settings.number(name));
        let estimator: Estimator = settings.word("estimator");
        let population = settings.count("population");
        // The parts take the divergence's place.
        let model = variational::model(settings, data, rng).with_price(Price::times(0.0));
        Box::new(model.with_terms(move |terms, batch, _| {
            let [mi, tc, units] = parts(batch, estimator, population);
            terms
                .weighted("mi", mi, weights[0])
                .weighted("tc", tc, weights[1])
                .weighted("kl_of_units", units, weights[2])
        }))
    },
    ..variational::CARD
};

/// How q(z) is estimated from a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Estimator {
    /// Every sample of the batch stands for as many others.
    Weighted,
    /// A code's own sample counts once.
    Stratified,
}

words!(Estimator {
    Weighted = "weighted",
    Stratified = "stratified",
});

const ALPHA: Setting = Setting::new(
    "alpha",
    "Price α of what codes say of their samples.",
    Range::NOT_NEGATIVE,
    |_| 1.0.into(),
);
const BETA: Setting = Setting::new(
    "beta",
    "Price β of the total correlation of the code's numbers.",
    Range::NOT_NEGATIVE,
    |_| 6.0.into(),
)
.in_miniature(|_, _| 2.0.into());
const GAMMA: Setting = Setting::new(
    "gamma",
    "Price γ of what each number's distribution is off the prior.",
    Range::NOT_NEGATIVE,
    |_| 1.0.into(),
);
const ESTIMATOR: Setting = Setting::new(
    "estimator",
    "How the distribution of all codes is estimated from a batch.",
    Range::Words(Estimator::NAMES),
    |_| Estimator::Weighted.into(),
);
/// As many as the MNIST training set has.
const POPULATION: Setting = Setting::new(
    "population",
    "Samples N of the training data, which a batch stands for.",
    Range::Count(2),
    |data| data.pick(60_000, 1000, 1000).into(),
)
.in_miniature(|_, _| 20.into());

/// MI, TC and the dimension-wise divergence of a batch, each a mean over it.
fn parts(batch: &Drawn<'_>, estimator: Estimator, population: usize) -> [Var; 3] {
    let code = batch.code;
    // log q(zᵢ|xⱼ) of each number, [i, j, code].
    let each = batch.posterior.log_densities(&code.unsqueeze(1));
    let weights = Var::constant(log_weights(code.shape()[0], estimator, population)).cast(code.dtype());
    let joint = (each.sum(-1) + &weights).logsumexp(1);
    let product = (&each + weights.unsqueeze(-1)).logsumexp(1).sum(-1);
    let own = batch.posterior.log_density(code);
    let prior = batch.prior.log_density(code);
    [own - &joint, joint - &product, product - prior].map(|part| part.mean(..))
}

/// The logarithms of what sample j counts in the estimate of q(zᵢ), `[i, j]`.
fn log_weights(batch: usize, estimator: Estimator, population: usize) -> Tensor {
    let (size, all) = (batch as f64, population.max(batch) as f64);
    let others = (size - 1.0).max(1.0);
    Tensor::from_fn([batch, batch], |at| {
        let weight: f64 = match (estimator, (batch + at[1] - at[0]) % batch) {
            (Estimator::Weighted, _) => 1.0 / (all * size),
            // Nobody else is there.
            (Estimator::Stratified, _) if batch == 1 => 1.0,
            (Estimator::Stratified, 0) => 1.0 / all,
            (Estimator::Stratified, 1) => (all - others) / (all * others),
            (Estimator::Stratified, _) => 1.0 / others,
        };
        weight.ln()
    })
}

#[cfg(test)]
mod tests {
    use retrograd_tensor::{DType, assert_abs_diff_eq, random};

    use super::*;
    use crate::model::Gaussian;

    fn normal(shape: &[usize], seed: u64) -> Var {
        Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64).into()
    }

    /// A toy data set of four codes, and every batch of three that the first is in, in every order of the others.
    #[test]
    fn the_mean_of_the_stratified_estimate_is_that_of_all_data() {
        let (population, latent) = (4, 2);
        let all = Gaussian {
            mean: normal(&[population, latent], 1),
            log_variance: normal(&[population, latent], 2),
        };
        let z = normal(&[1, latent], 3);
        let q = all.log_density(&z).exp().value().to_vec();
        let exact = q.iter().sum::<f64>() / population as f64;
        let estimate = |batch: &[usize], estimator| {
            let weights = log_weights(batch.len(), estimator, population);
            let terms = batch.iter().enumerate();
            terms.map(|(at, &sample)| weights.at(&[0, at]).exp() * q[sample]).sum::<f64>()
        };
        let pairs = (1..4).flat_map(|a| (1..4).filter(move |&b| b != a).map(move |b| [0, a, b]));
        let batches: Vec<[usize; 3]> = pairs.collect();
        let mean = |estimator| {
            let all = batches.iter().map(|batch| estimate(batch, estimator));
            all.sum::<f64>() / batches.len() as f64
        };
        // Of the own sample alone the mean would be another: the own one counts 1/N in all.
        assert_abs_diff_eq!(mean(Estimator::Stratified), exact, epsilon = 1e-15);
        // The whole of the data is a batch too, and the weighted estimate is N times too small.
        let whole = estimate(&[0, 1, 2, 3], Estimator::Weighted);
        assert_abs_diff_eq!(whole * population as f64, exact, epsilon = 1e-15);
    }

    #[test]
    fn weights_of_a_row_add_up() {
        for batch in [1, 2, 3, 7] {
            let weights = log_weights(batch, Estimator::Stratified, 50).map(f64::exp);
            assert_abs_diff_eq!(weights.sum(1), Tensor::ones([batch], DType::F64), epsilon = 1e-14);
            let weights = log_weights(batch, Estimator::Weighted, 50).map(f64::exp);
            assert_abs_diff_eq!(weights.sum(1), Tensor::full([batch], 0.02), epsilon = 1e-14);
        }
    }
}
