//! The joint autoencoder: normal numbers for what varies, and a symbol for what kind it is.
//!
//! ```text
//! min −log p(x|z, c) + γ |K_z − C_z(t)| + γ |K_c − C_c(t)| + B Σ m (log m + log n)
//! K_z = KL(q(z|x) ‖ N(0, 1))        K_c = Σ π (log π + log n)
//! ```
//!
//! With a price on nats, as in β, the symbol is the first to go: normal numbers say the same and are
//! easier to learn. Here each part is told how many nats to carry: C rises on a line, and γ pulls the
//! divergence to it from both sides. So the symbol is to be used from the beginning; in the source's best
//! run it became the kind of digit, without any label.
//!
//! **K is the mean over the batch, before |·|**: the price is on what the code carries on average, and some
//! samples may need more than others. Symbols carry log n a group at most, so C_c never asks for more. γ is
//! large because the reconstruction is summed over the features. In measuring C is what it rises to. The sum
//! is no bound; `bound` is told beside it, and both divergences. Which symbol stands for which kind is known
//! only to people: match them on training samples, and count on others.
//!
//! **K_c is log n as well if the encoder is always sure of the same symbol**, and γ alone leads there: it makes
//! larger what is largest, and one symbol takes all. So `balance` adds a price B on how far the use of symbols
//! in a batch is from uniform, m the mean of π over the batch. K_c less that is the information that the symbol
//! has of the sample, and that cannot be had by one symbol. With B = 0, the source's objective, one symbol
//! takes all of the drawn mixture and of the digits; with 100 every symbol is used, and on the mixture it is
//! the cluster of 99.6 % of the samples. The number in use is told as `categories`.
//!
//! Changes with respect to the categorical autoencoder: normal numbers beside the symbols, and the prices.
//! Without symbols it is the capacity-controlled variational autoencoder. Source: Dupont 2018, equation 7,
//! with the settings for digits (B is ours): γ 30, 5 nats each, over a quarter of the run (25 000 of 93 800 steps).

use retrograd_nn::{Schedule, Span};

use super::categorical::{self, CATEGORIES, GROUPS, SYMBOLS};
use crate::composed::Price;
use crate::registry::{
    Card, DataShape, Gradients, LATENT, OptimizerKind, Range, Recipe, Setting, Settings,
};
use crate::variants::variational::{annealed, variational};

pub(crate) const CARD: Card = Card {
    name: "joint",
    aliases: &["jointvae", "dupont"],
    summary: "Normal numbers beside a symbol, each told how many nats to carry.",
    equation: "min −log p(x|z, c) + γ |KL(z) − C| + γ |KL(c) − C′| + B KL(mean q(c) ‖ p)",
    change: "normal numbers beside the symbols, nats by capacity, symbols in balance",
    source: "Dupont 2018",
    parent: Some("categorical"),
    gradients: Gradients::ExactBesides("a divergence at its capacity"),
    settings: &[
        &[LATENT
            .by_default(|data| data.pick(10, data.half(), data.half()).into())
            .at_least(0)],
        SYMBOLS,
        &[
            // One, on rows as well: it is to be the kind of a sample.
            GROUPS.at_least(0).fitted(|_, one| one).in_miniature(|_, one| one),
            CATEGORIES,
            GAMMA,
            NORMAL_NATS,
            SYMBOL_NATS,
            BALANCE,
            annealed::RISE.by_default(|_| 0.25.into()),
        ],
    ],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 64, OptimizerKind::Adam, 5e-4),
        None => Recipe::new(50, 100, OptimizerKind::Adam, 1e-3),
    },
    check,
    model: |settings, data, rng| {
        let model = categorical::model(settings, data, settings.count("latent"), rng);
        let (symbols, most) = (settings.number("symbol-capacity"), model.parts().most_nats());
        let price = |capacity: f64| Price::Capacity {
            gamma: settings.number("gamma"),
            capacity,
            schedule: Schedule::Linear {
                from: 0.0,
                to: 1.0,
                over: Span::Share(settings.number("rise")),
            },
        };
        let prices = [settings.number("capacity"), symbols.min(most)].map(price);
        let balance = settings.number("balance");
        Box::new(model.with_prices(prices).with_balance(balance))
    },
    ..categorical::CARD
};

const GAMMA: Setting = Setting::new(
    "gamma",
    "Weight γ of a nat that the code carries too many or too few.",
    Range::NOT_NEGATIVE,
    |_| 30.0.into(),
)
.in_miniature(|_, _| 2.0.into());
const NORMAL_NATS: Setting = Setting::new(
    "capacity",
    "Nats C that the code is to carry at the end.",
    Range::NOT_NEGATIVE,
    |_| 5.0.into(),
);
const SYMBOL_NATS: Setting = Setting::new(
    "symbol-capacity",
    "Nats that symbols are to carry at the end, all of them if it is more than they can.",
    Range::NOT_NEGATIVE,
    |_| 5.0.into(),
);
const BALANCE: Setting = Setting::new(
    "balance",
    "Weight B of a nat by which a batch's use of symbols is from uniform; 0 is the source's objective.",
    Range::NOT_NEGATIVE,
    |_| 100.0.into(),
)
.in_miniature(|_, _| 2.0.into());
fn check(settings: &Settings, data: DataShape) -> Result<(), String> {
    if settings.count("latent") == 0 && settings.count("groups") == 0 {
        return Err(
            "a code of no numbers and no categories; give latent or groups 1 or more".to_owned(),
        );
    }
    (variational::CARD.check)(settings, data)
}
