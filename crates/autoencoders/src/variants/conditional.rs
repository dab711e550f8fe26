//! The conditional variational autoencoder: both halves are told what the sample is.
//!
//! ```text
//! min −log p(x|z, c) + KL(q(z|x, c) ‖ N(0, 1))        c the label
//! ```
//!
//! The label is given, so the code need not say it and is left to say the rest: on digits the slant
//! and the weight of the pen. Samples of a chosen label come from a code and that label.
//!
//! Changes with respect to the variational autoencoder: the label, one-hot, beside the sample and
//! beside the code. Source: Sohn, Lee and Yan 2015; Kingma et al. 2014, model M2.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Terms, Visitor};
use retrograd_tensor::Array;
use retrograd_tensor::random::Rng;

use super::variational::{self, VariationalAutoencoder, likelihood};
use crate::model::{Autoencoder, Conditional, Likelihood, NATS, Posterior, Target, one_hot};
use crate::registry::{Card, DataKind, Settings, Variant, need};

pub(crate) const CARD: Card = Card {
    name: "conditional",
    summary: "Variational, told the label; draws samples of any label.",
    equation: "min −log p(x|z, c) + KL(q(z|x, c) ‖ N(0, 1))",
    change: "the label beside the sample and the code",
    source: "Sohn, Lee and Yan 2015",
    parent: Some(Variant::Variational),
    settings: |data| Settings {
        classes: Some(ConditionalAutoencoder::CLASSES),
        // A label is not beside an image as a pixel is.
        body: None,
        channels: None,
        ..variational::settings(data)
    },
    ..variational::CARD
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> ConditionalAutoencoder {
    ConditionalAutoencoder::new(
        &settings.down(data),
        need(settings.classes),
        settings.layer(),
        likelihood(settings),
        rng,
    )
}

/// A variational autoencoder whose halves read a label.
#[derive(Debug)]
pub struct ConditionalAutoencoder {
    /// The parent, whose inputs are wider by the number of labels.
    pub plain: VariationalAutoencoder,
    classes: usize,
}

impl ConditionalAutoencoder {
    /// Labels of digits.
    pub const CLASSES: usize = 10;

    /// Through the widths in `down`, from the features to the code, and back, with `classes` labels.
    ///
    /// # Panics
    /// If `down` has fewer than three widths.
    #[must_use]
    pub fn new(
        down: &[usize],
        classes: usize,
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let features = down.first().copied().unwrap_or(0);
        let ends = [features, classes];
        Self {
            plain: VariationalAutoencoder::beside(down, ends, activation, likelihood, rng),
            classes,
        }
    }

    /// The one for images: 784-500-500-20-500-500-784, ELU.
    #[must_use]
    pub fn images(pixels: usize, classes: usize, rng: &mut Rng) -> Self {
        let (units, likelihood) = (Activation::Elu(1.0), Likelihood::Bernoulli);
        Self::new(&[pixels, 500, 500, 20], classes, units, likelihood, rng)
    }

    /// `x` with its label beside it, `[batch, width + classes]`.
    #[track_caller]
    fn labelled(&self, x: &Var, labels: &Array<i64>) -> Var {
        assert!(
            labels.shape()[..] == x.shape()[..1],
            "a conditional autoencoder needs a label for each of {} samples, not labels of shape {}",
            x.shape()[0],
            labels.shape()
        );
        Var::cat(&[x, &one_hot(labels, self.classes, x.dtype()).into()], 1)
    }

    /// [`objective_given`](Conditional::objective_given) with this noise `[batch, code]` instead of
    /// the tape's.
    ///
    /// # Panics
    /// If the shapes do not fit, or a label is out of range.
    #[track_caller]
    #[must_use]
    pub fn objective_with(
        &self,
        x: &Var,
        labels: &Array<i64>,
        target: &Target,
        noise: &Var,
    ) -> Terms {
        let posterior = self.posterior_given(x, labels);
        let code = self.labelled(&posterior.draw(noise), labels);
        let cost = self
            .plain
            .likelihood
            .cost(&self.plain.decoder.forward(&code), target);
        Terms::new(self.plain.likelihood.name(), cost).with("kl", posterior.divergence())
    }
}

/// What to say to whoever asks without labels.
const UNLABELLED: &str = "a conditional autoencoder needs the labels of its samples: use the methods of `Conditional`, or `Given` with the labels";

impl Module for ConditionalAutoencoder {
    /// # Panics
    /// Always: see [`Conditional`].
    fn forward(&self, _: &Var) -> Var {
        panic!("{UNLABELLED}")
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.plain.visit(visitor);
    }
}

/// Without labels these panic; see [`Conditional`].
impl Autoencoder for ConditionalAutoencoder {
    fn encode(&self, _: &Var) -> Var {
        panic!("{UNLABELLED}")
    }

    fn decode(&self, _: &Var) -> Var {
        panic!("{UNLABELLED}")
    }

    fn objective_for(&self, _: &Var, _: &Target) -> Terms {
        panic!("{UNLABELLED}")
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        Some(self)
    }

    /// Without the label at the inputs.
    fn widths(&self) -> Vec<usize> {
        let mut widths = self.plain.widths();
        widths[0] -= self.classes;
        widths
    }
}

impl Conditional for ConditionalAutoencoder {
    fn classes(&self) -> usize {
        self.classes
    }

    fn latent_given(&self) -> usize {
        self.plain.mean.weight.shape()[0]
    }

    #[track_caller]
    fn posterior_given(&self, x: &Var, labels: &Array<i64>) -> Posterior {
        self.plain.heads(&self.labelled(x, labels))
    }

    #[track_caller]
    fn decode_given(&self, code: &Var, labels: &Array<i64>) -> Var {
        let z = self.plain.decoder.forward(&self.labelled(code, labels));
        self.plain.likelihood.mean(&z)
    }

    #[track_caller]
    fn objective_given(&self, x: &Var, labels: &Array<i64>, target: &Target) -> Terms {
        self.objective_with(x, labels, target, &self.plain.noise(x))
    }
}
