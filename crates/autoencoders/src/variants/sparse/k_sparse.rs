//! The k-sparse autoencoder: of the units of the code, the k largest are on and all others off.
//!
//! ```text
//! min ‖x − Wᵀ h − c‖²        h = the k largest of W x + b, and 0 elsewhere
//! ```
//!
//! A penalty asks for few units and leaves open how few; here the number is given. Units are linear: that only
//! the largest pass is all the nonlinearity there is. They compete by value, not by size, so a unit that would
//! be far below 0 stays off. Of equal ones the first is on.
//!
//! A unit that never wins never learns, and with small k from the start many never do. So k begins larger and
//! falls on a line over the first half of the run. When codes are measured, α times as many units are on as in
//! training: what is read off codes gets better with a few more. Reconstructions were not trained for them.
//!
//! `on` and `unused` are reported: units that are on for a sample, and units that are off for all samples of a
//! batch, of which there should be few.
//!
//! Changes with respect to the sparse autoencoder with L1: the competition in place of the penalty, weights that
//! are used both ways, and linear units. Where k is the code's width it is a linear autoencoder. Source: Makhzani
//! and Frey 2014, section 2.1.

use retrograd_nn::{Init, Linear, Schedule, Sequential, Span};
use retrograd_tensor::random::Rng;

use super::sparse_l1;
use crate::composed::Deterministic;
use crate::parts::dense::Transposed;
use crate::parts::{Body, Output, active};
use crate::registry::{
    Card, DataShape, Gradients, LATENT, OptimizerKind, Range, Recipe, Setting, Settings, Value, WIDEST_CODE,
};

pub(crate) const CARD: Card = Card {
    name: "k-sparse",
    aliases: &["ksae"],
    summary: "The k largest units of the code are on, all others off.",
    equation: "min ‖x − Wᵀ h − c‖²,  h = the k largest of W x + b",
    change: "a number of units that are on in place of a price",
    source: "Makhzani and Frey 2014",
    parent: Some("sparse-l1"),
    gradients: Gradients::ExactBesides("units that change places"),
    settings: &[SETTINGS],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(10, 1000, OptimizerKind::Adam, 1e-3),
    },
    check: |settings, _| {
        let (k, latent) = (settings.count("k"), settings.count("latent"));
        if k <= latent {
            return Ok(());
        }
        Err(format!(
            "k = {k}: a code of {latent} has not so many units; use a k of {latent} or less, or a larger latent"
        ))
    },
    model: |settings, data, rng| {
        let (k, start) = (settings.count("k"), settings.count("start"));
        let more = settings.number("alpha");
        let measured = (k as f64 * more).round() as usize;
        let schedule = Schedule::Linear {
            from: start.max(k) as f64 / k as f64,
            to: 1.0,
            over: Span::Share(0.5),
        };
        let model = model(settings, data, rng).with_coding(move |code, step| {
            let kept = match step.is_training() {
                true => step.schedule(&schedule, k as f64).round() as usize,
                false => measured,
            };
            active::largest(code, kept)
        });
        Box::new(watched(model))
    },
    ..sparse_l1::CARD
};

const SETTINGS: &[Setting] = &[
    LATENT
        .by_default(|data| {
            let features = data.features();
            data.pick(1000, 2 * features, 2 * features).into()
        })
        .fitted(few)
        .in_miniature(|_, _| 5.into()),
    Setting::new("k", "Units k that are on in training.", Range::Count(1), |data| {
        data.pick(25, data.half(), data.half()).into()
    })
    .fitted(|data, k| match k {
        Value::Count(k) => Value::Count(k.min(WIDEST_CODE / 4).min(data.half())),
        other => other,
    })
    .in_miniature(|_, _| 2.into()),
    Setting::new(
        "start",
        "Units that are on when training begins; their number falls to k over half of the run.",
        Range::Count(1),
        |data| data.pick(100, data.features(), data.features()).into(),
    )
    .fitted(few)
    .in_miniature(|_, _| 2.into()),
    Setting::new(
        "alpha",
        "How many times k units are on when codes are measured.",
        Range::POSITIVE,
        |_| 1.0.into(),
    ),
];

/// Not more units than a table of many columns needs.
pub(super) fn few(_: DataShape, units: Value) -> Value {
    match units {
        Value::Count(units) => Value::Count(units.min(WIDEST_CODE)),
        other => other,
    }
}

/// One layer there and, by the same weights, back, without a nonlinearity.
pub(super) fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Deterministic {
    tied(settings, data, Sequential::new(), rng)
}

/// The same with something after the encoder's layer.
pub(super) fn tied(
    settings: &Settings,
    data: DataShape,
    after: Sequential,
    rng: &mut Rng,
) -> Deterministic {
    let (features, latent) = (data.features(), settings.count("latent"));
    let start = data.pick(Init::Normal(START), Init::XavierUniform, Init::XavierUniform);
    let layer = Linear::with_init(features, latent, start, rng);
    let decoder = Sequential::new().with(Transposed::of(&layer));
    let encoder = Sequential::new().with(layer).with(after);
    let body = Body::new(encoder, decoder, vec![features, latent, features]);
    Deterministic::new(body, Output::Real)
}

/// The deviation of weights at the start, as the sources have it for images.
const START: f64 = 0.01;

/// The same, reporting which units are on.
pub(super) fn watched(model: Deterministic) -> Deterministic {
    model
        .with_watched("on", |batch| active::on(batch.code))
        .with_watched("unused", |batch| active::unused(batch.code))
        .with_exhibit(|batch| sparse_l1::means_of_units(batch, None))
}
