//! The categorical autoencoder: the code is symbols, in every group one of n.
//!
//! ```text
//! π = softmax(f(x))                     shares of the categories, group by group
//! z = softmax((log π + g)/τ)            g = −log(−log u),  u ~ U(0, 1)
//! min −log p(x|z) + Σ π (log π + log n)
//! ```
//!
//! A drawn symbol has no derivative. With Gumbel noise g the largest of log π + g is such a draw, and a
//! softmax in the place of the largest has a derivative: z lies between the symbols, the nearer to one the
//! lower the temperature τ. The temperature falls from 1 to ½ as exp(−3·10⁻⁵·step), seen again every 1000
//! steps; it is a function of the step, so a run that goes on has the right one. With `straight-through`
//! the decoder reads the symbol itself, and the slope is still that of z.
//!
//! The divergence from uniform symbols is exact, between 0 and log n for each group. **With z between
//! symbols the sum is no bound** on −log p(x): the decoder may read from z what no symbol can say. So
//! what is measured, on held-out samples and in scores, is with symbols, and is the bound. The density of
//! z itself is not needed; it overflows where a number of z rounds to 0.
//!
//! Changes with respect to the variational autoencoder: symbols in the place of normal numbers. With one
//! category a group says nothing and costs nothing. Source: Jang, Gu and Poole 2017; Maddison, Mnih and
//! Teh 2017. Both terms are summed over features and groups, averaged over the batch: nats per sample.
//! Where training goes wrong, one category takes all (a warmer floor helps), or gradients are large
//! and rare (a temperature near 0).

use retrograd_tensor::random::Rng;

use crate::composed::{Mixed, Parts, Relaxation};
use crate::registry::{
    Card, DECODER, DEVIATION, DataShape, HIDDEN, Nonlinearity, OptimizerKind, Range, Recipe,
    Setting, Settings,
};
use crate::variants::variational::variational::{self, likelihood};

pub(crate) const CARD: Card = Card {
    name: "categorical",
    aliases: &["gumbel", "gumbelsoftmax", "concretevae", "categoricalvae"],
    summary: "Variational with a code of symbols, one of n in every group.",
    equation: "min −log p(x|z) + Σ π (log π + log n),  z = softmax((log π + g)/τ)",
    change: "symbols, drawn by Gumbel noise, in place of normal numbers",
    source: "Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017",
    parent: Some("variational"),
    settings: &[
        SYMBOLS,
        &[
            GROUPS.by_default(|data| data.pick(30, data.half(), data.half()).into()),
            CATEGORIES,
        ],
    ],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(50, 100, OptimizerKind::Adam, 1e-3),
    },
    model: |settings, data, rng| Box::new(model(settings, data, 0, rng)),
    ..variational::CARD
};

/// Those of every variant with categories, but for how many there are.
pub(crate) const SYMBOLS: &[Setting] = &[
    WIDTHS,
    variational::UNITS.by_default(|_| Nonlinearity::Relu.into()),
    DECODER,
    DEVIATION,
    TEMPERATURE,
    COLDEST,
    COOLING,
    STRAIGHT_THROUGH,
];
const WIDTHS: Setting = HIDDEN.by_default(|data| match data.image() {
    Some(_) => [512, 256].into(),
    None => [4 * data.half()].into(),
});
pub(crate) const GROUPS: Setting = Setting::new(
    "groups",
    "Groups of categories in the code.",
    Range::Count(1),
    |_| 1.into(),
)
.fitted(|data, _| data.half().min(30).into())
.in_miniature(|_, _| 2.into());
pub(crate) const CATEGORIES: Setting = Setting::new(
    "categories",
    "Categories in a group.",
    Range::Count(1),
    |_| 10.into(),
)
.in_miniature(|_, _| 3.into());
const TEMPERATURE: Setting = Setting::new(
    "temperature",
    "Temperature τ of draws between categories at the beginning.",
    Range::POSITIVE,
    |_| 1.0.into(),
);
const COLDEST: Setting = Setting::new(
    "coldest",
    "The least that the temperature falls to.",
    Range::POSITIVE,
    |_| 0.5.into(),
);
const COOLING: Setting = Setting::new(
    "cooling",
    "How fast the temperature falls: as exp(−cooling · step).",
    Range::NOT_NEGATIVE,
    |_| 3e-5.into(),
);
const STRAIGHT_THROUGH: Setting = Setting::new(
    "straight-through",
    "Whether the decoder reads symbols in training too, with the slope of a draw between them.",
    Range::Switch,
    |_| false.into(),
);

/// The model that the options name, with so many normal numbers beside the categories.
pub(crate) fn model(
    settings: &Settings,
    data: DataShape,
    normal: usize,
    rng: &mut Rng,
) -> Mixed {
    let down = [&[data.features()], settings.widths("hidden")].concat();
    let parts = Parts {
        normal,
        groups: settings.count("groups"),
        categories: settings.count("categories"),
    };
    let relaxation = Relaxation {
        start: settings.number("temperature"),
        floor: settings.number("coldest"),
        rate: settings.number("cooling"),
        straight_through: settings.switch("straight-through"),
    };
    let (units, likelihood) = (settings.layer(), likelihood(settings));
    Mixed::dense(&down, parts, units, likelihood, relaxation, rng).of_images(data.image())
}
