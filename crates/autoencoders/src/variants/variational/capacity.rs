//! The β-variational autoencoder of controlled capacity: a code is to say so many nats.
//!
//! ```text
//! min −log p(x|z) + γ |K − C(t)|        K the mean of KL(q(z|x) ‖ N(0, 1)) over the batch,  C from 0 up
//! ```
//!
//! β says what a nat costs and leaves open how many are bought, which depends on the data and on its scale. Here
//! the number is asked for: with a large γ the mean divergence is C, neither more nor less. C rises slowly,
//! so that what lowers the reconstruction's cost most is learnt first, each in a number of its own.
//!
//! The absolute value is that of the **batch's mean**; of each sample it would ask every sample to cost C, the
//! easy ones too. γ counts against nats summed over the features. Beside the loss are told K (`kl`), C
//! (`kl_capacity`) and the bound, R + K. In measuring C is what it rises to.
//!
//! Changes with respect to the β-variational autoencoder: the distance from C in place of β times the
//! divergence. Source: Burgess et al. 2018, equation 8.

use retrograd_nn::{Schedule, Span};

use super::{annealed, beta, variational};
use crate::composed::Price;
use crate::registry::{Card, Gradients, Range, Recipe, Setting};

pub(crate) const CARD: Card = Card {
    name: "capacity",
    aliases: &["burgess", "capacityvae", "controlledcapacity", "betacapacity"],
    summary: "Variational, with so many nats in a code, neither more nor fewer.",
    equation: "min −log p(x|z) + γ |K − C(t)|,  K = mean KL(q(z|x) ‖ N(0, 1))",
    change: "the distance of the divergence from a capacity that rises",
    source: "Burgess et al. 2018",
    parent: Some("beta"),
    gradients: Gradients::ExactBesides("the divergence at the capacity"),
    settings: &[variational::SETTINGS, &[GAMMA, CAPACITY, annealed::RISE]],
    // A steep price needs small steps in the end, or the divergence swings about C.
    recipe: |data| Recipe {
        learning_rate: 5e-4,
        schedule: Schedule::CoolDown { from: 0.8 },
        ..(variational::CARD.recipe)(data)
    },
    model: |settings, data, rng| {
        let price = Price::Capacity {
            gamma: settings.number("gamma"),
            capacity: settings.number("capacity"),
            schedule: Schedule::Linear {
                from: 0.0,
                to: 1.0,
                over: Span::Share(settings.number("rise")),
            },
        };
        Box::new(variational::model(settings, data, rng).with_price(price))
    },
    ..beta::CARD
};

const GAMMA: Setting = Setting::new(
    "gamma",
    "Price γ of every nat above or below the capacity.",
    Range::NOT_NEGATIVE,
    |_| 100.0.into(),
)
.in_miniature(|_, _| 2.0.into());

/// 25 nats are those of the source; of rows, two for each number of the code.
const CAPACITY: Setting = Setting::new(
    "capacity",
    "Nats C of a code in the end.",
    Range::NOT_NEGATIVE,
    |data| match data.image() {
        Some(_) => 25.0.into(),
        None => (2.0 * data.half() as f64).into(),
    },
)
.in_miniature(|_, _| 5.0.into());
