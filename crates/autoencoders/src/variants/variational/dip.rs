//! The variational autoencoder with a disentangled inferred prior: codes of all data together are to be
//! uncorrelated and of variance 1.
//!
//! ```text
//! min −log p(x|z) + KL(q(z|x) ‖ N(0, 1)) + λ₁ Σ_{i≠j} Cᵢⱼ² + λ₂ Σᵢ (Cᵢᵢ − 1)²
//! C = Cov μ (I)        C = Cov μ + mean diag σ² (II), the covariance of the draws
//! ```
//!
//! The divergence keeps the distribution of each sample near the prior, and says little of how those of
//! different samples lie together. This compares their second moments with the prior's. In I a sum of means and
//! variances is left to the divergence; II is about what the decoder reads.
//!
//! C is over the **batch**, divided by its samples, means less their mean over the batch. A small batch
//! overstates every Cᵢⱼ², by about Cᵢᵢ Cⱼⱼ/B each, so batches should be much larger than the code is wide; a
//! batch of one has no covariance. Beside the terms `off_diagonal` is told, √Σ_{i≠j} Cᵢⱼ², and the bound, which
//! has no more than the divergence.
//!
//! Changes with respect to the variational autoencoder: the penalty of the covariance; with λ₁ = λ₂ = 0 it is
//! that. Source: Kumar, Sattigeri and Balakrishnan 2018.

use retrograd_autograd::Var;

use super::variational;
use crate::model::Gaussian;
use crate::registry::{Card, Range, Setting, Word, words};

pub(crate) const CARD: Card = Card {
    name: "dip",
    aliases: &["dipvae", "dipvaei", "dipvaeii"],
    summary: "Variational, codes of all data uncorrelated and of variance 1.",
    equation: "min −log p(x|z) + KL + λ₁ Σ_{i≠j} Cᵢⱼ² + λ₂ Σᵢ (Cᵢᵢ − 1)²",
    change: "a penalty on the covariance of a batch of codes",
    source: "Kumar, Sattigeri and Balakrishnan 2018",
    parent: Some("variational"),
    settings: &[variational::SETTINGS, &[KIND, COVARIANCE, VARIANCE]],
    model: |settings, data, rng| {
        let kind: Kind = settings.word("kind");
        let weights = ["covariance", "variance"].map(|name| settings.number(name));
        let model = variational::model(settings, data, rng);
        Box::new(model.with_terms(move |terms, batch, _| {
            let covariance = covariance(batch.posterior, kind == Kind::Ii);
            let [off, on] = decorrelation(&covariance);
            terms
                .weighted("covariances", off.clone(), weights[0])
                .weighted("variances", on, weights[1])
                .watching("off_diagonal", off.sqrt())
        }))
    },
    ..variational::CARD
};

/// Whose covariance it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// That of the means.
    I,
    /// That of draws.
    Ii,
}

words!(Kind {
    I = "i",
    Ii = "ii",
});

const KIND: Setting = Setting::new(
    "kind",
    "Whose covariance counts: that of the means (i), or that of draws (ii).",
    Range::Words(Kind::NAMES),
    |_| Kind::I.into(),
);

const COVARIANCE: Setting = Setting::new(
    "covariance",
    "Weight λ₁ of the squares of covariances.",
    Range::NOT_NEGATIVE,
    |_| 10.0.into(),
)
.in_miniature(|_, _| 1.0.into());

/// Ten times the other, as is usual for I.
const VARIANCE: Setting = Setting::new(
    "variance",
    "Weight λ₂ of the squares of what variances are off 1.",
    Range::NOT_NEGATIVE,
    |_| 100.0.into(),
)
.in_miniature(|_, _| 1.0.into());

/// The covariance of a batch of codes, `[code, code]`, divided by the samples: of their means, or of draws from
/// q(z|x), which is that of the means and, on the diagonal, the mean of the variances.
#[must_use]
pub fn covariance(posterior: &Gaussian, of_draws: bool) -> Var {
    let mean = &posterior.mean;
    let centred = mean - mean.mean(0);
    let of_means = centred.t().matmul(&centred) / mean.shape()[0] as f64;
    if !of_draws {
        return of_means;
    }
    let variances = posterior.log_variance.exp().mean(0);
    of_means + variances.diag_embed(0, [0, 1])
}

/// Σ_{i≠j} Cᵢⱼ² and Σᵢ (Cᵢᵢ − 1)² of a covariance C, `[code, code]`: both are 0 of whitened codes.
#[must_use]
pub fn decorrelation(covariance: &Var) -> [Var; 2] {
    let variances = covariance.diagonal(0, [0, 1]);
    let off = covariance.tril(-1).squared_norm(..) + covariance.triu(1).squared_norm(..);
    [off, (variances - 1.0).squared_norm(..)]
}
