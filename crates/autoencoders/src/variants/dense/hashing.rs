//! The hashing autoencoder: a code of bits, by which samples that are alike are found without comparing all.
//!
//! ```text
//! min L(x, g(h))        h = σ(a + s ε) in training, a = f(x),  ε ~ N(0, 1)
//!                       h = [a > 0]    when it is measured
//! ```
//!
//! A unit between 0 and 1 could say anything. Noise before the sigmoid drowns whatever is said near ½; to be
//! heard through it a must be far from 0, where σ is 0 or 1 whatever the noise. So the noise, which grows from 0
//! to its full deviation s over most of the run, makes bits of units. Without it they stay analogue, and rounding
//! them ruins the reconstruction: `grey`, the share of units within 0.1 of ½, says how far that has gone.
//!
//! With `bits straight-through` units are rounded in training too, and the gradient is that of the sigmoid at
//! the same place: not a derivative of anything, but its direction is mostly right.
//!
//! `imbalance` is how far from ½ the mean of a bit is, `correlation` the mean size of the correlation of two bits,
//! both over a batch: 0 and 0 of the best code. Bits that are always on or say what others say take no part in
//! telling samples apart; of L bits there are at most 2^L buckets.
//!
//! Changes with respect to the deep autoencoder: the bits, and their noise. Source: Salakhutdinov and Hinton
//! 2009, section 2.3; straight-through: Bengio, Léonard and Courville 2013.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Schedule, Span, Step};

use super::deep;
use crate::composed::{Deterministic, Encoded};
use crate::model::{Content, Exhibit, noise};
use crate::parts::{Body, Start};
use crate::registry::{
    Card, Gradients, LATENT, OptimizerKind, Range, Recipe, Setting, Word, words,
};

pub(crate) const CARD: Card = Card {
    name: "hashing",
    aliases: &["semantichashing", "binary", "bits"],
    summary: "A code of bits, made by noise that only bits survive.",
    equation: "min L(x, g(h)),  h = σ(f(x) + s ε),  rounded when measured",
    change: "noise before the code's sigmoid, which leaves bits",
    source: "Salakhutdinov and Hinton 2009",
    parent: Some("deep"),
    gradients: Gradients::Surrogate(
        "rounded bits, in measuring and with `bits straight-through`, have the gradient of the sigmoid; with noise all is exact",
    ),
    settings: &[
        deep::SETTINGS,
        &[
            LATENT.by_default(|data| data.pick(32, data.features(), 8).into()),
            BITS,
            NOISE,
        ],
    ],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 128, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(10, 1000, OptimizerKind::Adam, 1e-3),
    },
    model: |settings, data, rng| {
        let down = settings.down(data);
        let body = Body::dense_to_any_code(&down, settings.layer(), Start::Glorot, rng);
        let (bits, deviation) = (settings.word("bits"), settings.number("noise"));
        let model = Deterministic::new(body, settings.word("output"))
            .with_coding(move |a, step| coded(a, step, bits, deviation))
            .with_watched("grey", grey)
            .with_watched("imbalance", |batch| {
                (batch.code.stop_gradient().mean(0) - 0.5).abs().mean(..)
            })
            .with_watched("correlation", |batch| correlation(batch.code))
            .with_exhibit(ones);
        Box::new(model)
    },
    ..deep::CARD
};

/// How units become bits in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bits {
    /// By noise.
    Noise,
    /// They are rounded, and the gradient passes.
    StraightThrough,
}

words!(Bits {
    Noise = "noise",
    StraightThrough = "straight-through",
});

const BITS: Setting = Setting::new(
    "bits",
    "How units become bits in training.",
    Range::Words(Bits::NAMES),
    |_| Bits::Noise.into(),
);

const NOISE: Setting = Setting::new(
    "noise",
    "Deviation s of the noise before the code's sigmoid, at the end of training.",
    Range::NOT_NEGATIVE,
    |_| 4.0.into(),
);

/// When the noise is as large as it becomes: the rest of the run is for what it has left.
const GROWN: Span = Span::Share(0.8);

/// The code of a step, for the encoder's numbers.
fn coded(a: &Var, step: &Step, bits: Bits, deviation: f64) -> Var {
    let round = |h: Var| h.straight_through_map(|h| f64::from(h > 0.5));
    match bits {
        Bits::Noise if step.is_training() => {
            let growing = Schedule::Linear {
                from: 0.0,
                to: 1.0,
                over: GROWN,
            };
            let now = step.schedule(&growing, deviation);
            (a + noise(a, a.shape()) * now).sigmoid()
        }
        _ => round(a.sigmoid()),
    }
}

/// The share of units that are within 0.1 of ½: in training as the decoder reads them, in measuring before they
/// are rounded.
fn grey(batch: &Encoded<'_>) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("near_half", |[h]: [Expr; 1]| (h - 0.5).abs().less(0.1))
    });
    let h = match batch.step.is_training() {
        true => batch.code.stop_gradient(),
        false => batch.body.encode(batch.x).stop_gradient().sigmoid(),
    };
    FORMULA.apply_sum(&[&h], ..) / h.elements().max(1) as f64
}

/// For how many samples each bit is 1.
fn ones(batch: &Encoded<'_>) -> Exhibit {
    let mut heights = batch.code.mean(0).value().to_vec();
    heights.sort_by(|a, b| b.total_cmp(a));
    Exhibit {
        heading: "Share of ones of each bit".into(),
        sentence: "Bits by the share of held-out samples for which they are 1, the largest first. A bit at ½ cuts the samples in two halves; one at 0 or 1 is the same for all and tells nothing apart.".into(),
        content: Content::Bars {
            axes: ["bit, by rank".into(), "share of ones".into()],
            heights,
            target: Some(("half of the samples".into(), 0.5)),
        },
    }
}

/// The mean size of the correlation of two units over a batch; one that does not change has none.
fn correlation(code: &Var) -> Var {
    let code = code.stop_gradient();
    let units = code.shape()[1];
    let centred = &code - code.mean(0);
    let standard = centred.normalize(2.0, 0, 1e-12);
    let all = standard.matmul_tn(&standard).norm(1.0, ..) - standard.squared_norm(..);
    let pairs = (units * units.saturating_sub(1)).max(1) as f64;
    all / pairs
}
