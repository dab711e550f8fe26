//! The importance-weighted autoencoder: several draws of the code for each sample, the likely ones
//! weighing more.
//!
//! ```text
//! min −log (1/k) Σᵢ wᵢ        wᵢ = p(x|zᵢ) p(zᵢ) / q(zᵢ|x),  zᵢ = μ + σ εᵢ
//! ```
//!
//! The mean of the weights is an unbiased estimate of p(x), and its logarithm a bound that rises to
//! log p(x) with k. The variational autoencoder asks every draw to explain the sample; here it is
//! enough if one of k does, so q may be wider.
//!
//! The more draws there are, the less of the encoder's gradient is left beside its noise: the ratio falls with
//! √k (Rainforth et al. 2018). With the estimator `dreg` the bound is the same to the bit, and the encoder
//! gets another estimate of the same mean gradient, whose ratio does not fall (Tucker et al. 2019):
//! in log q(z|x) its parameters are held fixed, and what comes back through draw i is multiplied by its share
//! w̃ᵢ = wᵢ/Σ wⱼ once more, so shares count squared. The decoder's gradient stays as it is. It costs another
//! pass through the decoder, forwards only. That surrogate is no derivative of the printed loss; what is checked
//! of it is its mean.
//!
//! Changes with respect to the variational autoencoder: the logarithm of a mean in place of a mean of
//! logarithms; with k = 1 it is the variational bound with the divergence estimated by the draw.
//! Source: Burda, Grosse and Salakhutdinov 2016, equation 8. Averaged over the batch, in nats.

use super::variational;
use crate::composed::Bound;
use crate::registry::{
    ACTIVATION, Card, HIDDEN, LATENT, Nonlinearity, Range, SAMPLES, Setting, Word, words,
};

pub(crate) const CARD: Card = Card {
    name: "iwae",
    aliases: &["importanceweighted", "importance", "dreg"],
    summary: "Variational with k draws a sample, the likely ones weighing more.",
    equation: "min −log (1/k) Σ p(x|zᵢ) p(zᵢ) / q(zᵢ|x)",
    change: "k weighted draws in place of one",
    source: "Burda, Grosse and Salakhutdinov 2016",
    parent: Some("variational"),
    settings: &[
        variational::SETTINGS,
        &[
            LATENT.by_default(|data| data.pick(50, data.half(), data.half()).into()),
            HIDDEN.by_default(|data| match data.image() {
                Some(_) => [200, 200].into(),
                None => [4 * data.half()].into(),
            }),
            ACTIVATION.by_default(|_| Nonlinearity::Tanh.into()),
            SAMPLES,
            ESTIMATOR,
        ],
    ],
    model: |settings, data, rng| {
        let draws = settings.count("samples");
        let bound = match settings.word("estimator") {
            Estimator::Plain => Bound::Importance { draws },
            Estimator::Dreg => Bound::DoublyReparameterized { draws },
        };
        Box::new(variational::model(settings, data, rng).with_bound(bound))
    },
    ..variational::CARD
};

/// How the encoder's gradient is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Estimator {
    /// The derivative of the bound.
    Plain,
    /// Doubly reparameterized gradients.
    Dreg,
}

words!(Estimator {
    Plain = "plain",
    Dreg = "dreg",
});

const ESTIMATOR: Setting = Setting::new(
    "estimator",
    "How the encoder's gradient is estimated: by the bound's derivative, or doubly reparameterized.",
    Range::Words(Estimator::NAMES),
    |_| Estimator::Plain.into(),
);
