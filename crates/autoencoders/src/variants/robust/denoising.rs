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

use crate::parts::{Corruption, checks};
use crate::registry::{
    Card, Gradients, Noise, OptimizerKind, Range, Recipe, Setting, Settings, Value, Word,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "denoising",
    aliases: &["dae", "denoise"],
    summary: "Noise on the input, none on the target.",
    equation: "min L(x, g(f(x̃))),  x̃ = x + σ ε, or x with features left out",
    change: "noise on the input",
    source: "Vincent, Larochelle, Bengio and Manzagol 2008",
    parent: Some("deep"),
    gradients: Gradients::ExactBesides("noise that is held at 0 and 1"),
    settings: &[deep::SETTINGS, &[CORRUPTION, NOISE, CLIP]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 32, OptimizerKind::Adam, 1e-3),
        None => (deep::CARD.recipe)(data),
    },
    check: |settings, data| {
        checks::reaches(settings, data)?;
        corruption(settings).map(drop)
    },
    model: |settings, data, rng| {
        let corruption = corruption(settings).expect("checked options describe a noise");
        let model = deep::model(settings, data, rng);
        Box::new(model.with_corruption(corruption))
    },
    ..deep::CARD
};

const CORRUPTION: Setting = Setting::new(
    "corruption",
    "What the input suffers in training.",
    Range::Words(Noise::NAMES),
    |_| Noise::Gaussian.into(),
);

/// The source's with clipped noise; on columns that are scaled to [0, 1] a tenth of their range, since
/// few fill it evenly.
const NOISE: Setting = Setting::new(
    "noise",
    "How much: the deviation of added noise, the share of features left out.",
    Range::NOT_NEGATIVE,
    |_| 0.4.into(),
)
.fitted(|_, _| Value::Number(0.1));

const CLIP: Setting = Setting::new(
    "clip",
    "Whether noisy features are held in [0, 1].",
    Range::Switch,
    |data| data.is_unit().into(),
)
.fitted(|_, _| Value::Switch(false));

/// The noise that the options describe.
fn corruption(settings: &Settings) -> Result<Corruption, String> {
    let amount = settings.number("noise");
    match settings.word("corruption") {
        Noise::Gaussian => Ok(Corruption::Gaussian {
            deviation: amount,
            clip: settings.switch("clip"),
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
