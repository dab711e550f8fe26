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

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use super::variational::{self, likelihood};
use crate::composed::{Bound, Drawn, Holes, Variational};
use crate::model::{Content, Exhibit, noise};
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
        .with_exhibit(filled)
}

/// Every how many features one that was observed is hidden, and the draws that fill it in.
const EVERY: usize = 10;
const DRAWS: usize = 50;
/// Points that are shown at most.
const MOST: usize = 1000;

/// Numbers that were observed, hidden from the model, beside what it fills in.
fn filled(model: &Variational, drawn: &Drawn<'_>) -> Exhibit {
    let x = &drawn.input.x;
    let [samples, features] = [x.shape()[0], x.shape()[1]];
    let observed = drawn.input.observed.as_ref().map(Var::value);
    let is_observed = |at: &[usize]| observed.is_none_or(|observed| observed.at(at) > 0.0);
    // In every row another column.
    let is_hidden = |at: &[usize]| is_observed(at) && (at[0] + at[1]).is_multiple_of(EVERY);
    let kept = Tensor::from_fn([samples, features], |at| {
        f64::from(is_observed(at) && !is_hidden(at))
    });
    let input = drawn.input.clone().observed(Some(kept.cast(x.dtype()).into()));
    let shape = [DRAWS, samples, model.mean.weight.shape()[0]];
    let made = model.imputed_with(&input, &noise(x, &shape)).into_value();
    let places = (0..samples).flat_map(|row| (0..features).map(move |column| [row, column]));
    let hidden = places.filter(|at| is_hidden(at)).take(MOST);
    let points = hidden.map(|at| (x.value().at(&at), made.at(&at)));
    Exhibit {
        heading: "Filled in against true".into(),
        sentence: format!(
            "Every {EVERY}th number that was observed of held-out samples, hidden from the model: what it was, and what the model fills in from the others. Points on the diagonal are right. What cannot be known is filled in by its mean, so a flat cloud says that the others tell nothing."
        ),
        content: Content::Points {
            axes: ["true".into(), "filled in".into()],
            groups: vec![("hidden numbers".into(), points.collect())],
        },
    }
}
