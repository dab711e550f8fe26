//! Options that many variants have, each with its usual meaning and its changes for rows of somebody's
//! own and for models in miniature. Variants give them their defaults.

use super::setting::{Range, Setting};
use super::shape::DataShape;
use super::value::Value;
use super::word::{BodyKind, Decoder, Nonlinearity, Word};
use crate::parts::Output;

/// Most units of a hidden layer, and most numbers in a code, on rows.
const WIDEST: usize = 256;
pub(crate) const WIDEST_CODE: usize = 64;
/// Most units of a layer in miniature.
const UNITS: usize = 6;

/// Fewer than columns; a rule of a source may be of more columns than there are.
fn narrower(data: DataShape, value: Value) -> Value {
    match value {
        Value::Count(latent) if data.features() > 1 => {
            Value::Count(latent.min(WIDEST_CODE).min(data.features() - 1))
        }
        other => other,
    }
}

fn few(_: DataShape, value: Value) -> Value {
    match value {
        Value::Count(count) => Value::Count(count.min(UNITS / 2)),
        Value::Widths(widths) => at_most(&widths, UNITS / 2),
        other => other,
    }
}

fn at_most(widths: &[usize], most: usize) -> Value {
    Value::Widths(widths.iter().map(|&width| width.min(most)).collect())
}

fn bounded(widths: Value, most: usize) -> Value {
    match widths {
        Value::Widths(widths) => at_most(&widths, most),
        other => other,
    }
}

/// Units that start flat are slow on rows.
fn livelier(_: DataShape, units: Value) -> Value {
    let flat = [Nonlinearity::Sigmoid, Nonlinearity::Relu].map(Value::from);
    if flat.contains(&units) {
        Nonlinearity::Elu.into()
    } else {
        units
    }
}

pub(crate) const LATENT: Setting =
    Setting::new("latent", "Numbers in the code.", Range::Count(1), |data| {
        data.pick(32, data.half(), data.half()).into()
    })
    .fitted(narrower)
    .in_miniature(few);

pub(crate) const HIDDEN: Setting = Setting::new(
    "hidden",
    "Widths of the layers between the input and the code; the decoder mirrors them.",
    Range::Widths,
    |_| Value::Widths(Vec::new()),
)
.fitted(|_, widths| bounded(widths, WIDEST))
.in_miniature(|_, widths| bounded(widths, UNITS));

pub(crate) const CHANNELS: Setting = Setting::new(
    "channels",
    "Channels after each layer of convolutions.",
    Range::Widths,
    |_| [16, 8].into(),
)
.in_miniature(few);

pub(crate) const ACTIVATION: Setting = Setting::new(
    "activation",
    "Nonlinearity of the hidden layers and of the code.",
    Range::Words(Nonlinearity::NAMES),
    |_| Nonlinearity::Relu.into(),
)
.fitted(livelier);

/// Units that must be between bounds, whatever the data.
pub(crate) const BOUNDED_ACTIVATION: Setting = ACTIVATION
    .by_default(|_| Nonlinearity::Sigmoid.into())
    .fitted(|_, units| units);

pub(crate) const OUTPUT: Setting = Setting::new(
    "output",
    "What the last layer gives and how it is judged.",
    Range::Words(Output::NAMES),
    |_| Output::Probability.into(),
)
// Columns are scaled by the training part, and held-out rows may leave its range.
.fitted(|_, _| Output::Real.into());

pub(crate) const LAMBDA: Setting = Setting::new(
    "lambda",
    "Weight λ of the penalty.",
    Range::NOT_NEGATIVE,
    |_| 0.001.into(),
);

pub(crate) const BODY: Setting = Setting::new(
    "body",
    "What encoder and decoder are made of.",
    Range::Words(BodyKind::NAMES),
    |_| BodyKind::Dense.into(),
)
.only_for(|data| data.image().is_some());

pub(crate) const DECODER: Setting = Setting::new(
    "decoder",
    "The distribution that the decoder gives.",
    Range::Words(Decoder::NAMES),
    |data| {
        data.pick(Decoder::Bernoulli, Decoder::Gaussian, Decoder::Gaussian)
            .into()
    },
);

pub(crate) const DEVIATION: Setting = Setting::new(
    "deviation",
    "Standard deviation of a Gaussian decoder.",
    Range::POSITIVE,
    // Errors of about a tenth of a feature's range are then as expected.
    |_| 0.1.into(),
);

pub(crate) const SAMPLES: Setting = Setting::new(
    "samples",
    "Draws k of the code for each sample.",
    Range::Count(1),
    |_| 5.into(),
)
.in_miniature(few);

pub(crate) const CLASSES: Setting = Setting::new(
    "classes",
    "How many labels there are.",
    Range::Count(1),
    |data| data.classes.unwrap_or(10).into(),
)
.in_miniature(few);
