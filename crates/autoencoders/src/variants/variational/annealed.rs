//! The annealed variational autoencoder: the divergence is let in slowly.
//!
//! ```text
//! min −log p(x|z) + β(t) KL(q(z|x) ‖ N(0, 1))        β from 0 to 1 while the run goes on
//! ```
//!
//! At first a code tells the decoder nothing, so the cheapest thing to do with it is to make it the prior, and
//! a number that has become noise is hard to win back. With β = 0 in the beginning the code is put to use
//! before it has to be paid for. β rises on a line over a share of the run, once, or again and again from 0
//! (`cycles`): a fall sets numbers free that the divergence has switched off.
//!
//! The training's loss is small while β is, which says nothing of the model. In measuring, β is what it rises
//! to, so held-out losses, and the best checkpoint by them, are of one objective: with β = 1 the bound on
//! −log p(x). β is a function of the step, so a resumed run goes on where it was.
//!
//! Changes with respect to the β-variational autoencoder: β is a function of time; if it rises in no time it
//! is that, to the bit. Source: Bowman et al. 2016; Sønderby et al. 2016; Fu et al. 2019, equation 6 (cycles).

use std::ops::Bound::Included;

use retrograd_nn::{Schedule, Span};

use super::{beta, variational};
use crate::composed::Price;
use crate::registry::{Card, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "annealed",
    aliases: &["annealedvae", "warmup", "klannealing", "cyclical", "cyclicalannealing"],
    summary: "Variational, the divergence let in slowly, once or in cycles.",
    equation: "min −log p(x|z) + β(t) KL(q(z|x) ‖ N(0, 1)),  β from 0 to 1",
    change: "β rises during the run",
    source: "Bowman et al. 2016; Fu et al. 2019",
    parent: Some("beta"),
    settings: &[
        variational::SETTINGS,
        &[beta::BETA.by_default(|_| 1.0.into()), CYCLES, RISE],
    ],
    model: |settings, data, rng| {
        let price = Price::Weight {
            beta: settings.number("beta"),
            schedule: Schedule::Cyclic {
                period: Span::Share(1.0 / settings.count("cycles") as f64),
                rise: settings.number("rise"),
            },
        };
        Box::new(variational::model(settings, data, rng).with_price(price))
    },
    ..beta::CARD
};

const CYCLES: Setting = Setting::new(
    "cycles",
    "How often the weight rises from 0, in equal parts of the run.",
    Range::Count(1),
    |_| 1.into(),
);

pub(crate) const RISE: Setting = Setting::new(
    "rise",
    "Share of the run, or of each of its cycles, in which a coefficient rises from 0.",
    Range::Number(Included(0.0), Included(1.0)),
    |_| 0.5.into(),
);
