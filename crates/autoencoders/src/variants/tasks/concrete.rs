//! The concrete autoencoder: the code is a few of the columns themselves, those from which all can be told.
//!
//! ```text
//! training      hⱼ = Σᵢ wⱼᵢ xᵢ        wⱼ = softmax((log αⱼ + gⱼ) / τ),  g Gumbel noise,  j = 1 … latent
//! evaluation    hⱼ = xᵢ               i = argmax log αⱼ
//! min L(x, g(h))
//! ```
//!
//! Which columns to keep is a choice, which has no slope. At a high temperature τ each number of the code
//! is a mixture of columns that can be improved bit by bit; as τ falls the mixture becomes one column, drawn
//! with probability α / Σ α. So the temperature goes down exponentially, step by step over the run, from
//! `temperature` to `coldest`. What is measured and encoded is always the hard choice, so the held-out loss
//! is that of the chosen columns and no better ones; the training loss is of the mixtures.
//!
//! One draw of g serves all samples of a batch, as in the authors' program. Selectors do not know of each
//! other, and several may end with the same column: `unique` says how many different ones there are.
//! `certainty`, the mean of the largest share of each selector, is near 1 where the choice is made. The
//! authors' program doubles the epochs until it is 0.998; here a run that ends below wants more --epochs.
//!
//! Changes with respect to the deep autoencoder: selectors for an encoder; `hidden` are the decoder's layers
//! alone. Source: Balın, Abid and Zou 2019, and their program: temperatures 10 to 0.1.

use retrograd_autograd::{Mode, Var};
use retrograd_nn::{Init, Module, Param, Schedule, Sequential, Span, Step, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use crate::model::{Autoencoder, Code, Content, Exhibit, Input, Target, gumbel};
use crate::parts::dense::{Start, mirror, stack};
use crate::parts::{Output, checks};
use crate::registry::{
    ACTIVATION, Card, DataShape, Gradients, HIDDEN, LATENT, Nonlinearity, OUTPUT, OptimizerKind,
    Range, Recipe, Setting, Settings,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "concrete",
    aliases: &["concreteautoencoder", "featureselection", "selection"],
    summary: "Selects the columns, or pixels, from which all others can be told.",
    equation: "min L(x, g(W x)),  wⱼ = softmax((log αⱼ + gⱼ) / τ),  τ → 0",
    change: "a choice of columns in place of the encoder",
    source: "Balın, Abid and Zou 2019",
    parent: Some("deep"),
    gradients: Gradients::Exact,
    settings: &[&[
        LATENT.by_default(|data| data.pick(50, data.half(), data.half()).into()),
        HIDDEN.by_default(|data| match data.image() {
            Some(_) => [200].into(),
            None => [4 * data.half()].into(),
        }),
        ACTIVATION
            .by_default(|_| Nonlinearity::LeakyRelu.into())
            .in_miniature(|_, _| Nonlinearity::Silu.into()),
        OUTPUT.by_default(|data| data.pick(Output::Probability, Output::Real, Output::Real).into()),
        TEMPERATURE,
        COLDEST,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(30, 128, OptimizerKind::Adam, 1e-2),
        None => Recipe::new(100, 128, OptimizerKind::Adam, 1e-2),
    },
    row_rate: 1e-2,
    check: |settings, data| {
        let [first, last] = ["temperature", "coldest"].map(|name| settings.number(name));
        if last > first {
            return Err(format!(
                "a temperature that rises from {first} to {last}; it must fall for a choice to be made: give a coldest of {first} or less"
            ));
        }
        checks::narrow_and_reaches(settings, data)
    },
    model: |settings, data, rng| Box::new(Concrete::new(settings, data, rng)),
    ..deep::CARD
};

const TEMPERATURE: Setting = Setting::new(
    "temperature",
    "Temperature of draws at the first step.",
    Range::POSITIVE,
    |_| 10.0.into(),
);

const COLDEST: Setting = Setting::new(
    "coldest",
    "Temperature of draws at the last step.",
    Range::POSITIVE,
    |_| 0.1.into(),
)
// Colder, differences would have to be smaller.
.in_miniature(|_, _| 1.0.into());

/// Choices of columns, and a decoder.
#[derive(Debug)]
struct Concrete {
    /// log α, `[code, features]`.
    logits: Param,
    decoder: Sequential,
    output: Output,
    temperature: f64,
    schedule: Schedule,
    widths: Vec<usize>,
    image: Option<[usize; 3]>,
}

impl Concrete {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let down = settings.down(data);
        let up = mirror(&down);
        let (features, latent) = (data.features(), settings.count("latent"));
        let [first, last] = ["temperature", "coldest"].map(|name| settings.number(name));
        let decoder = stack(&up, settings.layer(), Start::Glorot, false, rng);
        let output: Output = settings.word("output");
        output.prepare(&decoder);
        Self {
            logits: Param::new(Init::XavierNormal.draw([latent, features], rng, DType::F32)),
            decoder,
            output,
            temperature: first,
            schedule: Schedule::Exponential {
                gamma: last / first,
                per: Span::RUN,
            },
            widths: [&[features], &up[..]].concat(),
            image: data.image(),
        }
    }

    /// The code of a training step at this temperature.
    fn relaxed(&self, x: &Var, temperature: f64) -> Var {
        let logits = self.logits.beside(x);
        let noise = gumbel(&logits, logits.shape());
        let shares = selection(&logits, &noise, temperature);
        x.matmul(&shares.t())
    }

    /// The chosen columns, `[code]`.
    fn chosen(&self) -> Array<i64> {
        self.logits.value().argmax(1)
    }

    /// The largest share of each selector, `[code]`.
    fn certainties(&self) -> Vec<f64> {
        let logits = Var::from(self.logits.value());
        logits.softmax(1).value().max(1).to_vec()
    }
}

/// w of log α `[code, features]` and noise of its shape: shares of the columns, which at a temperature near 0
/// are 1 at the largest sum and 0 elsewhere.
#[must_use]
pub fn selection(logits: &Var, noise: &Var, temperature: f64) -> Var {
    ((logits + noise) / temperature).softmax(1)
}

impl Module for Concrete {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("logits", &self.logits);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for Concrete {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(input.x.index_select(1, &self.chosen()))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.output.reconstruction(&self.decoder.forward(code))
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let temperature = step.schedule(&self.schedule, self.temperature);
        let code = match input.x.mode() {
            Mode::Training => self.relaxed(&input.x, temperature),
            _ => self.encode(input).flat(),
        };
        let cost = self
            .output
            .cost(&self.decoder.forward(&code), &Target::from(input));
        let certainties = self.certainties();
        let mut unique = self.chosen().to_vec();
        unique.sort_unstable();
        unique.dedup();
        cost.watching("temperature", temperature)
            .watching("unique", unique.len() as f64)
            .watching(
                "certainty",
                certainties.iter().sum::<f64>() / certainties.len() as f64,
            )
    }

    fn unit(&self) -> &'static str {
        self.output.unit()
    }

    fn widths(&self) -> Vec<usize> {
        self.widths.clone()
    }

    fn exhibits(&self, _: &Input) -> Vec<Exhibit> {
        let chosen: Vec<usize> = self.chosen().iter().map(|i| i as usize).collect();
        let figures = self.certainties().into_iter().map(|share| vec![share]);
        let table = Exhibit {
            heading: "What was chosen".into(),
            sentence: "The column that each number of the code is, and how sure the choice is: its share at temperature 1. A column that stands here twice was chosen twice; shares far below 1 ask for more epochs.".into(),
            content: Content::Features {
                figures: vec!["certainty".into()],
                rows: chosen.iter().copied().zip(figures).collect(),
            },
        };
        let picture = self.image.map(|sizes| {
            // Of colours, each chosen number in its own.
            let mut pixels = vec![0.0_f32; sizes.iter().product()];
            chosen.iter().for_each(|&i| pixels[i] = 1.0);
            let count = pixels.len();
            Exhibit {
                heading: "Where the chosen pixels are".into(),
                sentence: "White pixels are all that the decoder is given of an image.".into(),
                content: Content::Images {
                    sizes,
                    rows: vec![("chosen".into(), Tensor::from_vec(pixels, [1, count]))],
                },
            }
        });
        std::iter::once(table).chain(picture).collect()
    }
}
