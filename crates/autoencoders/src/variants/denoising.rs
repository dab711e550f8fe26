//! The denoising autoencoder: the input is spoilt, the target is not.
//!
//! ```text
//! min L(x, g(f(x̃)))        x̃ ~ q(x̃|x)
//! ```
//!
//! To undo the noise the network must know what clean data look like: what is missing at one place
//! is inferred from others. Three kinds of noise: normal numbers added, dropout, and masking; see
//! [`Corruption`] for what tells the last two apart. Only training is noisy: in evaluation the
//! network sees x itself.
//!
//! Changes with respect to the deep autoencoder: the noise. Without it, it is that. Sources: added
//! noise of 0.4 clipped to [0, 1] (0.5 and 1 elsewhere), dropout of 0.3, masking of a fixed share
//! (Vincent et al. 2008).

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms, Visitor};
use retrograd_tensor::random::Rng;

use super::deep::{self, DeepAutoencoder};
use crate::model::{Autoencoder, Target};
use crate::parts::{Corruption, checks};
use crate::registry::{
    Card, DataKind, DefaultData, Noise, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "denoising",
    summary: "Noise on the input, none on the target.",
    equation: "min L(x, g(f(x̃))),  x̃ = x + σ ε, or x with features left out",
    change: "noise on the input",
    source: "Vincent, Larochelle, Bengio and Manzagol 2008",
    parent: Some(Variant::Deep),
    data: DefaultData::Digits,
    settings: |data| Settings {
        corruption: Some(Noise::Gaussian),
        noise: Some(DenoisingAutoencoder::DEVIATION),
        clip: Some(data.pick(true, true, false)),
        ..deep::settings(data)
    },
    recipe: |data| match data {
        DataKind::Images(_) => Recipe::new(10, 32, OptimizerKind::Adam, 1e-3),
        _ => (deep::CARD.recipe)(data),
    },
    check: |settings, data| {
        checks::reaches(settings, data)?;
        corruption(settings).map(drop)
    },
};

/// The noise that the options describe.
fn corruption(settings: &Settings) -> Result<Corruption, String> {
    let (kind, amount) = (need(settings.corruption), need(settings.noise));
    match kind {
        Noise::Gaussian => Ok(Corruption::Gaussian {
            deviation: amount,
            clip: need(settings.clip),
        }),
        Noise::Dropout if amount >= 1.0 => Err(format!(
            "noise = {amount}: dropout leaves out less than all, so it must be 0 or more and below 1"
        )),
        Noise::Dropout => Ok(Corruption::Dropout { share: amount }),
        Noise::Masking if amount > 1.0 => Err(format!(
            "noise = {amount}: masking takes a share of the features, so it must be 0 or more and 1 or less"
        )),
        Noise::Masking => Ok(Corruption::Masking { share: amount }),
    }
}

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> DenoisingAutoencoder {
    DenoisingAutoencoder {
        plain: deep::build(settings, data, rng),
        corruption: corruption(settings).expect("checked options describe a noise"),
    }
}

/// A deep autoencoder that learns to undo noise.
#[derive(Debug)]
pub struct DenoisingAutoencoder {
    /// The parent.
    pub plain: DeepAutoencoder,
    /// What its input suffers in training.
    pub corruption: Corruption,
}

impl DenoisingAutoencoder {
    /// σ of the source with clipped noise.
    pub const DEVIATION: f64 = 0.4;

    /// `plain` trained against this noise.
    #[must_use]
    pub fn new(plain: DeepAutoencoder, corruption: Corruption) -> Self {
        Self { plain, corruption }
    }

    /// The one for images: 784-128-32-128-784 against normal noise of 0.4, clipped to [0, 1].
    #[must_use]
    pub fn images(pixels: usize, rng: &mut Rng) -> Self {
        let corruption = Corruption::Gaussian {
            deviation: Self::DEVIATION,
            clip: true,
        };
        Self::new(DeepAutoencoder::images(pixels, rng), corruption)
    }
}

impl Module for DenoisingAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.plain.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.plain.visit(visitor);
    }
}

impl Autoencoder for DenoisingAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.plain.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.plain.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        let code = self.encode(&self.corruption.apply(x));
        self.plain
            .output
            .cost(&self.plain.decoder.forward(&code), target)
    }

    fn unit(&self) -> &'static str {
        self.plain.unit()
    }
}
