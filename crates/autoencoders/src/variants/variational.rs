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

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, Flatten, Init, Linear, Module, Reshape, Sequential, Terms, Visitor,
};
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Generative, Likelihood, NATS, Posterior, Target, noise};
use crate::parts::convolution::{doubling, halved, halving, sizes};
use crate::parts::dense::{Start, mirror, stack, through};
use crate::registry::{
    Body, Card, DataKind, Decoder, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings,
    Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "variational",
    summary: "A code is a distribution near the normal one; draws new samples.",
    equation: "min −log p(x|z) + KL(q(z|x) ‖ N(0, 1)),  z = μ + σ ε",
    change: "codes are distributions, kept near the prior",
    source: "Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014",
    parent: Some(Variant::Deep),
    data: DefaultData::Digits,
    settings,
    recipe,
    check,
};

/// Those of the source, which children share.
pub(crate) fn settings(data: DataKind) -> Settings {
    let half = data.half();
    let table = (vec![4 * half], half);
    let (hidden, latent) = data.pick((vec![500, 500], 20), table.clone(), table);
    Settings {
        latent: Some(latent),
        hidden: Some(hidden),
        body: data.pick(Some(Body::Dense), None, None),
        channels: data.pick(Some(VariationalAutoencoder::CHANNELS.to_vec()), None, None),
        activation: Some(Nonlinearity::Elu),
        decoder: Some(data.pick(Decoder::Bernoulli, Decoder::Gaussian, Decoder::Gaussian)),
        deviation: Some(VariationalAutoencoder::DEVIATION),
        ..Settings::default()
    }
}

pub(crate) fn recipe(data: DataKind) -> Recipe {
    match data {
        DataKind::Images(_) => Recipe::new(20, 150, OptimizerKind::Adam, 1e-3),
        _ => Recipe::new(50, 100, OptimizerKind::Adam, 1e-3),
    }
}

pub(crate) fn check(settings: &Settings, data: DataKind) -> Result<(), String> {
    if settings.hidden.as_deref().is_some_and(<[usize]>::is_empty) {
        return Err(
            "the heads of mean and variance need a hidden layer; give hidden a width".to_owned(),
        );
    }
    if settings.body == Some(Body::Convolutional) {
        let layers = settings.channels.as_deref().unwrap_or_default().len();
        halved(sizes(data)?, layers)?;
    }
    match (settings.decoder, data) {
        (Some(Decoder::Bernoulli), DataKind::Points(_)) => Err(
            "a Bernoulli decoder gives shares between 0 and 1 and the data is not; use a decoder of gaussian, or scale the data to [0, 1]".to_owned(),
        ),
        _ => Ok(()),
    }
}

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> VariationalAutoencoder {
    let (units, likelihood) = (settings.layer(), likelihood(settings));
    let down = settings.down(data);
    match (settings.body, settings.channels.as_deref(), data) {
        (Some(Body::Convolutional), Some(channels), DataKind::Images(sizes)) => {
            let [hidden @ .., latent] = &down[1..] else {
                panic!("settings have a code");
            };
            let layers = (channels, hidden, *latent);
            VariationalAutoencoder::convolutional(sizes, layers, units, likelihood, rng)
        }
        _ => VariationalAutoencoder::dense(&down, units, likelihood, rng),
    }
}

/// The distribution that the options name.
pub(crate) fn likelihood(settings: &Settings) -> Likelihood {
    match need(settings.decoder) {
        Decoder::Bernoulli => Likelihood::Bernoulli,
        Decoder::Gaussian => Likelihood::Gaussian(need(settings.deviation)),
    }
}

/// An autoencoder whose code is a normal distribution.
#[derive(Debug)]
pub struct VariationalAutoencoder {
    /// The encoder up to its heads: `[batch, features]` to `[batch, units]`.
    pub encoder: Sequential,
    /// The head of μ.
    pub mean: Linear,
    /// The head of log σ².
    pub log_variance: Linear,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// p(x|z).
    pub likelihood: Likelihood,
    /// Numbers in a sample.
    features: usize,
}

impl VariationalAutoencoder {
    /// σ of a Gaussian decoder unless another is chosen: errors of about a tenth of a feature's
    /// range are then as expected.
    pub const DEVIATION: f64 = 0.1;

    /// Channels of a convolutional body unless others are chosen.
    pub const CHANNELS: [usize; 2] = [16, 32];

    /// From halves that exist: an encoder from `features` numbers to `units`, from which both heads
    /// lead to a code of `latent`, and a decoder from there.
    #[must_use]
    pub fn new(
        encoder: Sequential,
        [features, units, latent]: [usize; 3],
        decoder: Sequential,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        Self {
            encoder,
            mean: Linear::with_init(units, latent, Init::HeNormal, rng),
            log_variance: Linear::with_init(units, latent, Init::HeNormal, rng),
            decoder,
            likelihood,
            features,
        }
    }

    /// Fully connected through the widths in `down`, from the features to the code, and the mirror
    /// back; He's start.
    ///
    /// # Panics
    /// If `down` has fewer than three widths: the heads need a layer to stand on.
    #[must_use]
    pub fn dense(
        down: &[usize],
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let features = down.first().copied().unwrap_or(0);
        Self::beside(down, [features, 0], activation, likelihood, rng)
    }

    /// As [`dense`](Self::dense), for halves that read `extra` numbers beside sample and code.
    pub(crate) fn beside(
        down: &[usize],
        [features, extra]: [usize; 2],
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let [_, hidden @ .., latent] = down else {
            panic!(
                "a variational autoencoder needs the width of its input and of its code, not {down:?}"
            );
        };
        let (latent, up) = (*latent, mirror(hidden));
        let Some(&units) = hidden.last() else {
            panic!("a variational autoencoder needs a hidden layer for its heads, not {down:?}");
        };
        let widths = [&[features + extra], hidden].concat();
        let encoder = stack(&widths, activation, Start::He, true, rng);
        let widths = through(latent + extra, &up, features);
        let decoder = stack(&widths, activation, Start::He, false, rng);
        Self::new(encoder, [features, units, latent], decoder, likelihood, rng)
    }

    /// As [`dense`](Self::dense), for images of these channels, height and width, which convolutions
    /// of stride 2 halve first; transposed ones double at the end. The layers are their channels, the
    /// widths of the hidden ones, and the numbers of the code.
    ///
    /// # Panics
    /// If there is no hidden layer, or images of that size cannot be halved so often.
    #[must_use]
    pub fn convolutional(
        sizes: [usize; 3],
        (channels, hidden, latent): (&[usize], &[usize], usize),
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let Some(&units) = hidden.last() else {
            panic!("a variational autoencoder needs a hidden layer for its heads");
        };
        let [height, width] = halved(sizes, channels.len())
            .unwrap_or_else(|reason| panic!("variational autoencoder: {reason}"));
        let layers: Vec<(usize, usize)> = channels.iter().map(|&channels| (channels, 4)).collect();
        let coarse = channels.last().copied().unwrap_or(0);
        let (flat, colours) = (coarse * height * width, sizes[0]);
        let reshape = |sizes: [usize; 3]| Reshape::new(&sizes.map(|size| size as isize));

        let encoder = Sequential::new().with(reshape(sizes));
        let encoder = halving(encoder, colours, &layers, activation, rng).with(Flatten::default());
        let widths = [&[flat], hidden].concat();
        let encoder = encoder.with(stack(&widths, activation, Start::He, true, rng));
        let widths = through(latent, &mirror(hidden), flat);
        let decoder = Sequential::new()
            .with(stack(&widths, activation, Start::He, true, rng))
            .with(reshape([coarse, height, width]));
        let decoder = doubling(decoder, colours, &layers, activation, rng).with(Flatten::default());
        let features = sizes.iter().product();
        Self::new(encoder, [features, units, latent], decoder, likelihood, rng)
    }

    /// The one for images: 784-500-500-20-500-500-784, ELU, pixels as shares of white.
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        let (units, likelihood) = (Activation::Elu(1.0), Likelihood::Bernoulli);
        Self::dense(&[pixels, 500, 500, 20], units, likelihood, rng)
    }

    /// q(z|x) for what the encoder reads.
    pub(crate) fn heads(&self, input: &Var) -> Posterior {
        let units = self.encoder.forward(input);
        Posterior {
            mean: self.mean.forward(&units),
            log_variance: self.log_variance.forward(&units),
        }
    }

    /// Normal noise for the codes of a batch, from the tape of `x`.
    pub(crate) fn noise(&self, x: &Var) -> Var {
        noise(x, &[x.shape()[0], self.latent()])
    }

    /// [`objective_for`](Autoencoder::objective_for) with this noise `[batch, code]` instead of the
    /// tape's.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, x: &Var, target: &Target, noise: &Var) -> Terms {
        let (reconstruction, divergence) = self.parts(x, target, noise);
        Terms::new(self.likelihood.name(), reconstruction).with("kl", divergence)
    }

    /// −log p(x|z) and the divergence, in nats per sample.
    #[track_caller]
    pub(crate) fn parts(&self, x: &Var, target: &Target, noise: &Var) -> (Var, Var) {
        let posterior = self.posterior(x);
        let z = self.decoder.forward(&posterior.draw(noise));
        (self.likelihood.cost(&z, target), posterior.divergence())
    }

    /// The same bound with the divergence estimated by the draw itself, log q(z|x) − log p(z),
    /// where [`objective_with`](Self::objective_with) has its expectation. Noisier, and what
    /// importance weighting starts from.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn sampled_objective_with(&self, x: &Var, noise: &Var) -> Terms {
        let posterior = self.posterior(x);
        let code = posterior.draw(noise);
        let z = self.decoder.forward(&code);
        let divergence = posterior.log_ratio(&code, noise).mean(..);
        Terms::new(self.likelihood.name(), self.likelihood.cost(&z, &x.into()))
            .with("kl", divergence)
    }
}

impl Module for VariationalAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("mean", &self.mean);
        visitor.child("log_variance", &self.log_variance);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for VariationalAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.mean.forward(&self.encoder.forward(x))
    }

    fn decode(&self, code: &Var) -> Var {
        self.likelihood.mean(&self.decoder.forward(code))
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.objective_with(x, target, &self.noise(x))
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn generative(&self) -> Option<&dyn Generative> {
        Some(self)
    }

    /// Through the head of μ; that of log σ² is beside it.
    fn widths(&self) -> Vec<usize> {
        let widths = |half: &Sequential| {
            let shapes = half.params().into_iter().map(|(_, param)| param.shape());
            shapes.filter(|shape| shape.rank() == 2).collect::<Vec<_>>()
        };
        let (down, up) = (widths(&self.encoder), widths(&self.decoder));
        let input = down.first().map(|shape| shape[1]);
        let to_code = down.iter().map(|shape| shape[0]).chain([self.latent()]);
        let back = up.iter().map(|shape| shape[0]);
        let mut widths: Vec<usize> = input.into_iter().chain(to_code).chain(back).collect();
        // Convolutions, whose weights are no matrices, are at the ends.
        if widths.first() != Some(&self.features) && widths.last() != Some(&self.features) {
            widths.insert(0, self.features);
            widths.push(self.features);
        }
        widths
    }
}

impl Generative for VariationalAutoencoder {
    fn latent(&self) -> usize {
        self.mean.weight.shape()[0]
    }

    fn posterior(&self, x: &Var) -> Posterior {
        self.heads(x)
    }

    fn sample(&self, count: usize, rng: &mut Rng) -> Tensor {
        let code = Tensor::normal([count, self.latent()], 0.0, 1.0, rng, self.dtype());
        self.decode(&code.into()).into_value()
    }
}
