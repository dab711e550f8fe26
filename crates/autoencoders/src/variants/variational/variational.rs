//! The variational autoencoder: a code is a distribution, and codes together are normal.
//!
//! ```text
//! q(z|x) = N(μ, σ²)        μ and log σ² two linear heads of the encoder
//! z = μ + σ ε              ε ~ N(0, 1)
//! min −log p(x|z) + KL(q(z|x) ‖ N(0, 1))        KL = ½ Σ (σ² + μ² − 1 − log σ²)
//! ```
//!
//! The sum is a bound on −log p(x), in nats: the cost of a sample's code and of what is left to say
//! about the sample. The divergence keeps codes where the prior is, so that a decoder fed with normal
//! numbers draws new samples; the noise keeps neighbouring codes alike.
//!
//! Both terms are summed over features or code, averaged over the batch: nats per sample. With any
//! other reduction of one of them it is no longer the bound.
//!
//! Changes with respect to the deep autoencoder: the heads, the noise and the divergence. Source:
//! Kingma and Welling 2014. The head gives log σ², so σ is exp(½·head); a network whose head is log σ
//! has exp(head). The divergence is least, 0, at μ = 0 and **σ = 1**. What two sources write instead
//! is in `docs/mistakes.md`.

use retrograd_tensor::random::Rng;

use crate::composed::Variational;
use crate::model::Likelihood;
use crate::parts::convolution::{halved, sizes};
use crate::registry::{
    ACTIVATION, BODY, BodyKind, CHANNELS, Card, DECODER, DEVIATION, DataShape, Decoder, Gradients,
    HIDDEN, LATENT, Nonlinearity, OptimizerKind, Recipe, Setting, Settings,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "variational",
    aliases: &["vae"],
    summary: "A code is a distribution near the normal one; draws new samples.",
    equation: "min −log p(x|z) + KL(q(z|x) ‖ N(0, 1)),  z = μ + σ ε",
    change: "codes are distributions, kept near the prior",
    source: "Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014",
    parent: Some("deep"),
    gradients: Gradients::Exact,
    settings: &[SETTINGS],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 150, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(50, 100, OptimizerKind::Adam, 1e-3),
    },
    check,
    model: |settings, data, rng| Box::new(model(settings, data, rng)),
    ..deep::CARD
};

/// Those of the source, which children share.
pub(crate) const SETTINGS: &[Setting] = &[
    LATENT.by_default(|data| data.pick(20, data.half(), data.half()).into()),
    WIDTHS,
    BODY,
    CHANNELS
        .by_default(|_| [16, 32].into())
        .only_for(|data| data.image().is_some()),
    UNITS,
    DECODER,
    DEVIATION,
];
pub(crate) const WIDTHS: Setting = HIDDEN.by_default(|data| match data.image() {
    Some(_) => [500, 500].into(),
    None => [4 * data.half()].into(),
});
pub(crate) const UNITS: Setting = ACTIVATION.by_default(|_| Nonlinearity::Elu.into());

fn check(settings: &Settings, data: DataShape) -> Result<(), String> {
    if settings.widths("hidden").is_empty() {
        return Err(
            "the heads of mean and variance need a hidden layer; give hidden a width".to_owned(),
        );
    }
    if settings.word_if_any("body") == Some(BodyKind::Convolutional) {
        halved(sizes(data)?, settings.widths("channels").len())?;
    }
    if settings.word::<Decoder>("decoder") == Decoder::Bernoulli && !data.is_unit() {
        return Err("a Bernoulli decoder gives shares between 0 and 1 and the data is not; use a decoder of gaussian, or scale the data to [0, 1]".to_owned());
    }
    Ok(())
}

pub(crate) fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Variational {
    let (units, likelihood) = (settings.layer(), likelihood(settings));
    let down = settings.down(data);
    match (settings.word_if_any("body"), data.image()) {
        (Some(BodyKind::Convolutional), Some(sizes)) => {
            let [hidden @ .., latent] = &down[1..] else {
                unreachable!("options have a code");
            };
            let layers = (settings.widths("channels"), hidden, *latent);
            Variational::convolutional(sizes, layers, units, likelihood, rng)
        }
        _ => Variational::dense(&down, 0, units, likelihood, rng),
    }
}

/// The distribution that the options name.
pub(crate) fn likelihood(settings: &Settings) -> Likelihood {
    match settings.word("decoder") {
        Decoder::Bernoulli => Likelihood::Bernoulli,
        Decoder::Gaussian => Likelihood::Gaussian(settings.number("deviation")),
        Decoder::Learnt => Likelihood::LearntGaussian,
        Decoder::Student => Likelihood::StudentT,
    }
}
