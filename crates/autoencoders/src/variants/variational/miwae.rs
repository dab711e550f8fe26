//! The importance-weighted autoencoder of data of which numbers are missing (MIWAE).
//!
//! ```text
//! min −log (1/k) Σᵢ wᵢ        wᵢ = p(x_o|zᵢ) p(zᵢ) / q(zᵢ|x_o),  x_o what was observed of x
//! E[x_m|x_o] ≈ Σᵢ wᵢ E[x_m|zᵢ] / Σᵢ wᵢ                        x_m what is missing
//! ```
//!
//! Numbers are independent given the code, so those that are missing simply do not stand in the likelihood:
//! the bound is one on −log p(x_o), and nothing is made up to train on. The encoder must read something:
//! 0 where a number is missing and, with `mask`, which numbers were observed; q is only worse where it
//! cannot tell a 0 from a hole, and the bound holds for any q.
//!
//! What is missing is filled in by its expectation given what was observed. The draws come from q, so each
//! counts by its weight, divided by the sum of the weights; without them it would be the mean of the
//! encoder's guess. It is the best single guess by squared error, and less scattered than the data: not
//! to be taken for a draw of it.
//!
//! The rule by which numbers are missing may depend on what was observed, and not on what is missing.
//! A row of which nothing was observed costs its divergence alone, 0 where q is p. The error of an
//! imputation is that of the holes: the other numbers are kept as they were.
//!
//! Changes with respect to the importance-weighted autoencoder: the likelihood of what was observed, and what
//! the encoder reads. With nothing missing and no mask it is that, to the bit. The decoder is Student's
//! distribution as in the source. Source: Mattei and Frellsen 2019, equations 5 and 11. Nats per sample, averaged
//! over the batch. (A multiply importance weighted autoencoder has the same short name and is another thing.)

use retrograd_tensor::random::Rng;

use super::variational::{self, likelihood};
use crate::composed::{Bound, Holes, Variational};
use crate::parts::Start;
use crate::parts::dense::{mirror, stack, through};
use crate::registry::{
    ACTIVATION, Card, DECODER, DEVIATION, DataShape, Decoder, HIDDEN, LATENT, Nonlinearity,
    OptimizerKind, Range, Recipe, SAMPLES, Setting, Settings,
};

pub(crate) const CARD: Card = Card {
    name: "miwae",
    aliases: &["missing", "imputation", "missingdata", "impute"],
    summary: "Importance weighted over what was observed; fills in what is missing.",
    equation: "min −log (1/k) Σ p(x_o|zᵢ) p(zᵢ) / q(zᵢ|x_o),  x_o the observed numbers of x",
    change: "the likelihood of what was observed",
    source: "Mattei and Frellsen 2019",
    parent: Some("iwae"),
    data: "missing",
    settings: &[&[
        LATENT.by_default(|data| data.pick(50, data.half(), data.half()).into()),
        HIDDEN
            .by_default(|_| [128, 128].into())
            // One layer: behind a few units that are all off, those of a second stand at their kink.
            .in_miniature(|_, _| [6].into()),
        ACTIVATION.by_default(|_| Nonlinearity::Relu.into()),
        DECODER.by_default(|data| {
            data.pick(Decoder::Bernoulli, Decoder::Student, Decoder::Student)
                .into()
        }),
        DEVIATION,
        SAMPLES.by_default(|_| 20.into()),
        MASK,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 150, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(60, 64, OptimizerKind::Adam, 1e-3),
    },
    model: |settings, data, rng| Box::new(model(settings, data, rng)),
    ..variational::CARD
};

const MASK: Setting = Setting::new(
    "mask",
    "Whether the encoder reads, beside the sample, which of its numbers were observed.",
    Range::Switch,
    |_| true.into(),
);

fn model(settings: &Settings, data: DataShape, rng: &mut Rng) -> Variational {
    let (down, units) = (settings.down(data), settings.layer());
    let (features, latent) = (data.features(), settings.count("latent"));
    let (hidden, likelihood) = (&down[1..down.len() - 1], likelihood(settings));
    let holes = if settings.switch("mask") {
        Holes::Marked
    } else {
        Holes::Zero
    };
    let (read, given) = (holes.width(features), likelihood.numbers() * features);
    let encoder = stack(&[&[read], hidden].concat(), units, Start::He, true, rng);
    let back = through(latent, &mirror(hidden), given);
    let decoder = stack(&back, units, Start::He, false, rng);
    let heads = [hidden[hidden.len() - 1], latent];
    let widths = [&down[..], &mirror(hidden), &[features]].concat();
    let draws = settings.count("samples");
    Variational::new(encoder, heads, decoder, widths, likelihood, rng)
        .with_holes(holes)
        .with_bound(Bound::Importance { draws })
}
