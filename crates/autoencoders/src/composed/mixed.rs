//! Autoencoders whose code is normal numbers, categories, or both side by side.

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, Init, Linear, Module, Schedule, Sequential, Span, Step, Terms, Visitor,
};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Shape, Tensor};

use super::agreement::agreement;
use super::price::Price;
use crate::measures::perplexity;
use crate::model::{
    Autoencoder, Categorical, Code, Content, Exhibit, Gaussian, Input, Likelihood, NATS, Posterior,
    Prior, StandardNormal, Target, UniformCategories, gumbel, noise,
};
use crate::parts::Start;
use crate::parts::dense::{mirror, stack, through};

/// How categories are drawn in training. In measuring each draw is one category.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relaxation {
    /// The temperature τ at first, above 0.
    pub start: f64,
    /// The least that it falls to, above 0.
    pub floor: f64,
    /// It falls as exp(−rate · step), seen again every thousand steps.
    pub rate: f64,
    /// Whether the decoder reads the largest alone, as 1, and the slope is still that of the draw between
    /// categories.
    pub straight_through: bool,
}

impl Relaxation {
    /// Steps between two looks at the clock, as published.
    const REFRESHED: u64 = 1000;

    /// The temperature at a step. It follows from the moment of the run alone, so a run that goes on has
    /// the one it would have had.
    #[must_use]
    pub fn temperature(&self, step: &Step) -> f64 {
        let fall = Schedule::Step {
            every: Span::Steps(Self::REFRESHED),
            gamma: (-self.rate * Self::REFRESHED as f64).exp(),
        };
        step.schedule(&fall, self.start).max(self.floor)
    }
}

/// How wide a code is: either part may be empty, but not both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Normal numbers.
    pub normal: usize,
    /// Groups of categories.
    pub groups: usize,
    /// Categories in each group, 1 or more.
    pub categories: usize,
}

impl Parts {
    /// Numbers that the decoder reads.
    #[must_use]
    pub fn width(self) -> usize {
        self.normal + self.groups * self.categories
    }

    /// The most nats that categories can carry: log n for each group.
    #[must_use]
    pub fn most_nats(self) -> f64 {
        self.groups as f64 * (self.categories as f64).ln()
    }
}

/// The noise of a draw of the code; none for a part that is empty.
#[derive(Clone, Debug)]
pub struct Draw {
    /// Normal noise, `[batch, normal]`.
    pub normal: Option<Var>,
    /// Gumbel noise, `[batch, groups, categories]`.
    pub gumbel: Option<Var>,
}

/// An autoencoder whose code is normal numbers, q = N(μ, σ²), and groups of categories beside them.
#[derive(Debug)]
pub struct Mixed {
    /// The encoder up to its heads: `[batch, features]` to `[batch, units]`.
    pub encoder: Sequential,
    /// The heads of μ and log σ², if there are normal numbers.
    pub normal: Option<[Linear; 2]>,
    /// The head of the categories' scores, if there are categories.
    pub logits: Option<Linear>,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// p(x|z).
    pub likelihood: Likelihood,
    parts: Parts,
    relaxation: Relaxation,
    prices: [Price; 2],
    balance: f64,
    prior: Beside,
    widths: Vec<usize>,
    image: Option<[usize; 3]>,
}

/// q(z|x): its normal numbers and its categories.
#[derive(Clone, Debug)]
pub struct MixedPosterior {
    /// The normal numbers, if there are any.
    pub normal: Option<Gaussian>,
    /// The categories, if there are any.
    pub categories: Option<Categorical>,
}

impl Mixed {
    /// Fully connected through the widths in `down`, from the features to the layer that the heads stand on,
    /// and the mirror back from a code of these parts; He's start. Each nat costs one.
    ///
    /// # Panics
    /// If `down` has fewer than two widths, or the code is empty.
    #[must_use]
    pub fn dense(
        down: &[usize],
        parts: Parts,
        activation: Activation,
        likelihood: Likelihood,
        relaxation: Relaxation,
        rng: &mut Rng,
    ) -> Self {
        let [features, hidden @ ..] = down else {
            panic!("a code of categories needs the width of its input, not {down:?}");
        };
        let (Some(&units), true) = (hidden.last(), parts.width() > 0) else {
            panic!("a code of categories needs a hidden layer and a code, not {down:?}, {parts:?}");
        };
        let encoder = stack(down, activation, Start::He, true, rng);
        let up = mirror(hidden);
        let widths = through(parts.width(), &up, *features);
        let decoder = stack(&widths, activation, Start::He, false, rng);
        let mut head = |width| Linear::with_init(units, width, Init::HeNormal, rng);
        let normal = (parts.normal > 0).then(|| [head(parts.normal), head(parts.normal)]);
        let numbers = parts.groups * parts.categories;
        let logits = (numbers > 0).then(|| head(numbers));
        Self {
            encoder,
            normal,
            logits,
            decoder,
            likelihood,
            parts,
            relaxation,
            prices: [Price::default(), Price::default()],
            balance: 0.0,
            prior: Beside::of(parts),
            widths: [down, &[parts.width()], &up, &[*features]].concat(),
            image: None,
        }
    }

    /// The same at other prices: of the normal numbers' nats, and of the categories'.
    #[must_use]
    pub fn with_prices(self, prices: [Price; 2]) -> Self {
        Self { prices, ..self }
    }

    /// The same with `weight` times the [imbalance](Categorical::imbalance) of the categories added to the loss.
    #[must_use]
    pub fn with_balance(self, weight: f64) -> Self {
        Self {
            balance: weight,
            ..self
        }
    }

    /// The same, whose samples are images of these channels, height and width: what each category stands
    /// for is shown as one.
    #[must_use]
    pub fn of_images(self, image: impl Into<Option<[usize; 3]>>) -> Self {
        let image = image.into();
        Self { image, ..self }
    }

    /// How wide the code is.
    #[must_use]
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// q(z|x).
    #[must_use]
    pub fn posterior(&self, x: &Var) -> MixedPosterior {
        let units = self.encoder.forward(x);
        let normal = self.normal.as_ref().map(|[mean, log_variance]| Gaussian {
            mean: mean.forward(&units),
            log_variance: log_variance.forward(&units),
        });
        let categories = self.logits.as_ref().map(|head| Categorical {
            logits: head
                .forward(&units)
                .with_shape(Shape::from(self.grouped(x.shape()[0]))),
        });
        MixedPosterior { normal, categories }
    }

    /// [`objective_at`](Autoencoder::objective_at) with this noise instead of the tape's.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, input: &Input, step: &Step, draw: &Draw) -> Terms {
        let posterior = self.posterior(&input.x);
        let code = self.code(&posterior, step, draw);
        let cost = self
            .likelihood
            .cost(&self.decoder.forward(&code), &Target::from(input));
        let bound = cost.clone();
        let mut terms = Terms::new(self.likelihood.name(), cost);
        let nats = [
            posterior.normal.as_ref().map(Gaussian::divergence),
            posterior.categories.as_ref().map(Categorical::divergence),
        ];
        let bound = nats.iter().flatten().fold(bound, |sum, nats| sum + nats);
        let of_units = |part: usize| match (part, &posterior.normal, &posterior.categories) {
            (0, Some(normal), _) => normal.divergences().mean(0),
            (1, _, Some(categories)) => categories.divergences().mean(0),
            _ => unreachable!("only parts that are there are charged for"),
        };
        for (part, (nats, price)) in nats.iter().zip(&self.prices).enumerate() {
            if let Some(nats) = nats {
                terms = price.charge(terms, NAMES[part], nats, || of_units(part), step);
            }
        }
        if let Some(categories) = posterior.categories.as_ref().filter(|_| self.balance > 0.0) {
            terms = terms.weighted("imbalance", categories.imbalance(), self.balance);
        }
        if self.balance > 0.0 || !self.prices.iter().all(Price::is_plain) {
            terms = terms.watching("bound", bound);
        }
        match &posterior.categories {
            Some(categories) => self.watched(terms, categories, step),
            None => terms,
        }
    }

    /// The code that the decoder reads, `[batch, code]`: with categories between categories while it is
    /// trained, unless its slope alone is to be theirs.
    fn code(&self, posterior: &MixedPosterior, step: &Step, draw: &Draw) -> Var {
        let normal = posterior.normal.as_ref().zip(draw.normal.as_ref());
        let normal = normal.map(|(normal, noise)| normal.draw_with(noise));
        let categories = posterior.categories.as_ref().zip(draw.gumbel.as_ref());
        let categories =
            categories.map(|(categories, noise)| flat(&self.drawn(categories, noise, step)));
        side_by_side(normal, categories)
    }

    fn drawn(&self, categories: &Categorical, noise: &Var, step: &Step) -> Var {
        if !step.is_training() {
            return categories.hard_with(noise);
        }
        let soft = categories.relaxed_with(noise, self.relaxation.temperature(step));
        if self.relaxation.straight_through {
            soft.straight_through(&categories.hard_with(noise))
        } else {
            soft
        }
    }

    /// What is told of categories: how sure the encoder is, how many it uses, and how warm draws are.
    fn watched(&self, terms: Terms, categories: &Categorical, step: &Step) -> Terms {
        let certainty = categories.shares().max(-1).mean(..).item();
        let terms = terms
            .watching("certainty", certainty)
            .watching("categories", self.used(categories) as f64);
        if step.is_training() {
            return terms.watching("temperature", self.relaxation.temperature(step));
        }
        terms
    }

    /// How many categories, of all groups together, are the likeliest of some sample.
    fn used(&self, categories: &Categorical) -> usize {
        let shares = self.shares_of(categories);
        shares
            .iter()
            .flatten()
            .filter(|&&share| share > 0.0)
            .count()
    }

    /// Of every group, the share of the samples that each category is the likeliest of.
    fn shares_of(&self, categories: &Categorical) -> Vec<Vec<f64>> {
        let Parts {
            groups,
            categories: n,
            ..
        } = self.parts;
        let index = categories.likeliest();
        let each = groups as f64 / index.elements().max(1) as f64;
        let mut shares = vec![vec![0.0; n]; groups];
        for (place, category) in index.iter().enumerate() {
            shares[place % groups][category as usize] += each;
        }
        shares
    }

    fn grouped(&self, batch: usize) -> [usize; 3] {
        [batch, self.parts.groups, self.parts.categories]
    }

    /// What the decoder makes of each category of the only group, the normal numbers at 0.
    fn pictures(&self, image: [usize; 3], dtype: DType) -> Exhibit {
        let n = self.parts.categories;
        let normal = self.parts.normal;
        let codes = Tensor::from_fn([n, normal + n], |at| f64::from(at[1] == normal + at[0]));
        let images = self.decode(&codes.cast(dtype).into(), None).into_value();
        Exhibit {
            heading: "What each category stands for".to_owned(),
            sentence: "An image for every category, all else in the middle. Two that are alike are one kind of sample cut in two; a blur is several kinds in one.".to_owned(),
            content: Content::Images {
                sizes: image,
                rows: vec![("category".to_owned(), images)],
            },
        }
    }
}

/// Categories are vectors, side by side after the normal numbers, as the decoder reads them.
impl Posterior for MixedPosterior {
    /// Of categories their shares.
    fn mean(&self) -> Var {
        let shares = |own: &Categorical| flat(&own.logits.softmax(-1));
        side_by_side(
            self.normal.as_ref().map(Posterior::mean),
            self.categories.as_ref().map(shares),
        )
    }

    /// Categories are drawn as constants.
    fn draw(&self) -> Var {
        let drawn =
            |own: &Categorical| flat(&own.hard_with(&gumbel(&own.logits, own.logits.shape())));
        side_by_side(
            self.normal.as_ref().map(Posterior::draw),
            self.categories.as_ref().map(drawn),
        )
    }

    /// Of codes whose categories are vectors of one 1.
    fn log_density(&self, z: &Var) -> Var {
        let numbers = self.normal.as_ref().map_or(0, |own| own.mean.shape()[1]);
        let normal = self.normal.as_ref();
        let normal = normal.map(|own| own.log_density(&z.slice(-1, ..numbers as isize)));
        let categories = self.categories.as_ref().map(|own| {
            (z.slice(-1, numbers as isize..) * flat(&own.logits.log_softmax(-1))).sum(-1)
        });
        let parts = normal.into_iter().chain(categories);
        parts
            .reduce(|sum, part| sum + part)
            .expect("a code has numbers")
    }

    /// Of a group of categories the terms of the sum, from uniform ones.
    fn divergences(&self) -> Var {
        side_by_side(
            self.normal.as_ref().map(Posterior::divergences),
            self.categories
                .as_ref()
                .map(|own| flat(&own.divergence_terms())),
        )
    }
}

/// The last two axes as one.
fn flat(categories: &Var) -> Var {
    categories.reshape(&[categories.shape()[0] as isize, -1])
}

/// What divergences are called, the normal numbers' first.
const NAMES: [&str; 2] = ["kl", "kl_categories"];

/// The numbers of both parts, of which one may be missing.
fn side_by_side(normal: Option<Var>, categories: Option<Var>) -> Var {
    match (normal, categories) {
        (Some(normal), Some(categories)) => Var::cat(&[&normal, &categories], 1),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => panic!("a code has numbers, and a draw of it noise"),
    }
}

impl Module for Mixed {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        if let Some([mean, log_variance]) = &self.normal {
            visitor.child("mean", mean);
            visitor.child("log_variance", log_variance);
        }
        if let Some(logits) = &self.logits {
            visitor.child("logits", logits);
        }
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for Mixed {
    fn encode(&self, input: &Input) -> Code {
        let MixedPosterior { normal, categories } = self.posterior(&input.x);
        let normal = normal.map(|normal| Code::Distribution(Box::new(normal)));
        let categories = categories.map(|categories| Code::Discrete {
            index: categories.likeliest(),
            vector: categories.mode(),
        });
        let mut parts: Vec<Code> = normal.into_iter().chain(categories).collect();
        match parts.len() {
            1 => parts.remove(0),
            _ => Code::Layers(parts),
        }
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.likelihood.mean(&self.decoder.forward(code))
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let (batch, normal) = (input.samples(), self.parts.normal);
        let draw = Draw {
            normal: (normal > 0).then(|| noise(&input.x, &[batch, normal])),
            gumbel: self
                .logits
                .as_ref()
                .map(|_| gumbel(&input.x, &self.grouped(batch))),
        };
        self.objective_with(input, step, &draw)
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        self.widths.clone()
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(&self.prior)
    }

    fn likelihood(&self) -> Option<Likelihood> {
        Some(self.likelihood)
    }

    fn log_likelihood(&self, input: &Input, code: &Var) -> Option<Var> {
        let z = self.decoder.forward(code);
        Some(-self.likelihood.of_samples(&z, &Target::from(input)))
    }

    fn proposal(&self, input: &Input) -> Option<Box<dyn Posterior + '_>> {
        Some(Box::new(self.posterior(&input.x)))
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let Some(categories) = self.posterior(&input.x).categories else {
            return Vec::new();
        };
        let shares = self.shares_of(&categories);
        let n = self.parts.categories as f64;
        let (axes, heights, target) = match &shares[..] {
            [one] => {
                let mut heights = one.clone();
                heights.sort_by(|a, b| b.total_cmp(a));
                let axes = ["category, the commonest first", "share of the samples"];
                (axes, heights, ("all alike".to_owned(), 1.0 / n))
            }
            all => {
                let heights = all.iter().map(|shares| perplexity(shares)).collect();
                let axes = ["group", "categories in use (perplexity)"];
                (axes, heights, ("all of them".to_owned(), n))
            }
        };
        let agrees = match self.parts.groups {
            1 => agreement(&categories.likeliest().to_vec(), input.labels.as_ref()),
            _ => String::new(),
        };
        let usage = Exhibit {
            heading: "Use of the categories".to_owned(),
            sentence: format!(
                "{} of {} categories are the likeliest of some sample. Where one takes nearly all, the group says nothing: let the temperature fall more slowly, or give it fewer categories.{agrees}",
                self.used(&categories),
                self.parts.groups * self.parts.categories
            ),
            content: Content::Bars {
                axes: axes.map(str::to_owned),
                heights,
                target: Some(target),
            },
        };
        let pictures = (self.parts.groups == 1).then_some(self.image).flatten();
        let pictures = pictures.map(|image| self.pictures(image, input.x.dtype()));
        std::iter::once(usage).chain(pictures).collect()
    }
}

/// N(0, 1) and uniform categories side by side; either may be empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    normal: StandardNormal,
    categories: UniformCategories,
}

impl Beside {
    pub(crate) fn of(parts: Parts) -> Self {
        Self {
            normal: StandardNormal {
                latent: parts.normal,
            },
            categories: UniformCategories {
                groups: parts.groups,
                categories: parts.categories,
            },
        }
    }

    /// The parts that are not empty.
    fn both(&self) -> impl Iterator<Item = &dyn Prior> {
        let both: [&dyn Prior; 2] = [&self.normal, &self.categories];
        both.into_iter().filter(|prior| prior.latent() > 0)
    }
}

impl Prior for Beside {
    fn name(&self) -> String {
        let names: Vec<String> = self.both().map(Prior::name).collect();
        names.join(" and ")
    }

    fn latent(&self) -> usize {
        self.normal.latent() + self.categories.latent()
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        let parts: Vec<Tensor> = self
            .both()
            .map(|prior| prior.draw(count, rng, dtype))
            .collect();
        Tensor::cat(&parts, 1)
    }

    fn log_density(&self, z: &Var) -> Var {
        let mut start = 0;
        let densities = self.both().map(|prior| {
            let own = z.narrow(-1, start, prior.latent());
            start += prior.latent();
            prior.log_density(&own)
        });
        let sum = densities.reduce(|sum, density| sum + density);
        sum.unwrap_or_else(|| z.sum(-1))
    }
}
