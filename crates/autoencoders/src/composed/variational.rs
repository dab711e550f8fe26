//! Autoencoders whose code is a normal distribution.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, Flatten, Init, Linear, Module, Reshape, Sequential, Step, Terms, Visitor,
};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, Shape, Tensor};

use super::price::Price;
use crate::model::{
    Autoencoder, Code, Exhibit, Gaussian, Input, Likelihood, NATS, Phase, Posterior, Prior, Role,
    StandardNormal, Target, noise, one_hot,
};
use crate::parts::Start;
use crate::parts::convolution::{doubling, halved, halving};
use crate::parts::dense::{mirror, stack, through};

/// How −log p(x), which nobody can compute, is bounded from above; in nats per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// −log p(x|z) + KL(q(z|x) ‖ p(z)) with the divergence as its formula has it, if the prior has one; else as
    /// [`Sampled`](Self::Sampled).
    Exact,
    /// The same, the divergence estimated by the draw itself, log q(z|x) − log p(z). Noisier, and what
    /// importance weighting starts from.
    Sampled,
    /// −log (1/k) Σ p(x|zᵢ) p(zᵢ) / q(zᵢ|x) of k draws (Burda et al. 2016, equation 8). There is no divergence
    /// apart, so it has no price.
    Importance {
        /// k, 1 or more.
        draws: usize,
    },
    /// The same bound, whose gradient by the encoder is another estimate, less noisy the more draws there are
    /// (Tucker et al. 2019).
    DoublyReparameterized {
        /// k, 1 or more.
        draws: usize,
    },
}

impl Bound {
    /// k, if draws are weighted.
    fn draws(self) -> Option<usize> {
        match self {
            Self::Importance { draws } | Self::DoublyReparameterized { draws } => Some(draws),
            Self::Exact | Self::Sampled => None,
        }
    }
}

/// What the encoder reads of a sample of which numbers are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holes {
    /// Whatever stands in their place.
    Filled,
    /// 0.
    Zero,
    /// 0, and beside the sample 1 for each number that was observed and 0 for each that was not.
    Marked,
}

impl Holes {
    /// Numbers that the encoder reads of a sample of so many features.
    #[must_use]
    pub fn width(self, features: usize) -> usize {
        match self {
            Self::Filled | Self::Zero => features,
            Self::Marked => 2 * features,
        }
    }

    /// What it reads, `[batch, width]`.
    fn read(self, input: &Input) -> Var {
        let x = &input.x;
        match (self, &input.observed) {
            (Self::Filled, _) | (Self::Zero, None) => x.clone(),
            (Self::Zero, observed) => Target::of(x, observed.as_ref()).values,
            (Self::Marked, observed) => {
                let all = || Var::constant(Tensor::ones(*x.shape(), x.dtype()));
                let known = Target::of(x, observed.as_ref()).values;
                Var::cat(&[&known, &observed.clone().unwrap_or_else(all)], 1)
            }
        }
    }
}

/// A batch whose codes have been drawn, as terms of a loss see it.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    /// The samples, their targets and labels.
    pub input: &'a Input,
    /// q(z|x) of each, `[batch, code]`.
    pub posterior: &'a Gaussian,
    /// A code of each, z = μ + σ·ε, `[batch, code]`.
    pub code: &'a Var,
    /// p(z).
    pub prior: &'a dyn Prior,
}

/// Adds terms to a loss, or figures that are watched.
type More = dyn Fn(Terms, &Drawn<'_>, &Step) -> Terms + Send + Sync;
/// Something to show of a batch.
type Show = dyn Fn(&Variational, &Drawn<'_>) -> Exhibit + Send + Sync;

/// An autoencoder whose code is a normal distribution, q(z|x) = N(μ, σ²), kept near a prior: N(0, 1), unless
/// there is [another](Self::with_prior).
///
/// Its loss is the cost of the reconstruction, the [`Price`] of the divergence, and whatever
/// [terms](Self::with_terms) there are. Where that is not a bound on −log p(x), the bound is told beside it.
/// Its halves may read a label beside sample and code.
pub struct Variational {
    /// The encoder up to its heads: `[batch, features]` to `[batch, units]`.
    pub encoder: Sequential,
    /// The head of μ.
    pub mean: Linear,
    /// The head of log σ².
    pub log_variance: Linear,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`, times the
    /// [numbers](Likelihood::numbers) that the likelihood takes for each.
    pub decoder: Sequential,
    /// p(x|z).
    pub likelihood: Likelihood,
    bound: Bound,
    holes: Holes,
    price: Price,
    terms: Vec<Box<More>>,
    exhibits: Vec<Box<Show>>,
    prior: Box<dyn Prior + Send + Sync>,
    /// How many labels it reads; 0 if none.
    classes: usize,
    widths: Vec<usize>,
}

impl Variational {
    /// From halves that exist. The encoder gives `[batch, units]`, from which the two heads make the
    /// mean and the log variance, `[batch, latent]` each; the decoder reads `[batch, latent]`. `widths`
    /// lists the layers for summaries, from the input through the code to the output. The loss
    /// is the evidence lower bound, its sign turned.
    #[must_use]
    pub fn new(
        encoder: Sequential,
        [units, latent]: [usize; 2],
        decoder: Sequential,
        widths: Vec<usize>,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        Self {
            encoder,
            mean: Linear::with_init(units, latent, Init::HeNormal, rng),
            log_variance: Linear::with_init(units, latent, Init::HeNormal, rng),
            decoder,
            likelihood,
            bound: Bound::Exact,
            holes: Holes::Filled,
            price: Price::default(),
            terms: Vec::new(),
            exhibits: Vec::new(),
            prior: Box::new(StandardNormal { latent }),
            classes: 0,
            widths,
        }
    }

    /// The same that minimises another bound.
    ///
    /// # Panics
    /// If it is one of no draws.
    #[must_use]
    pub fn with_bound(self, bound: Bound) -> Self {
        assert!(
            bound.draws() != Some(0),
            "importance weighting needs a draw, not 0"
        );
        Self { bound, ..self }
    }

    /// The same whose encoder reads this of samples with numbers missing; it must be as
    /// [wide](Holes::width).
    #[must_use]
    pub fn with_holes(self, holes: Holes) -> Self {
        Self { holes, ..self }
    }

    /// The same with another price of the divergence.
    #[must_use]
    pub fn with_price(self, price: Price) -> Self {
        Self { price, ..self }
    }

    /// The same with another prior p(z). If its divergence has no formula, draws estimate it.
    ///
    /// # Panics
    /// If its codes are not as wide as the model's.
    #[must_use]
    pub fn with_prior(self, prior: impl Prior + Send + Sync + 'static) -> Self {
        let (own, latent) = (self.prior.latent(), prior.latent());
        assert!(
            own == latent,
            "a prior of codes of {latent} numbers for a model whose codes have {own}"
        );
        Self {
            prior: Box::new(prior),
            ..self
        }
    }

    /// The same with more terms in its loss, or more figures to watch: `more` is given what there is so far.
    /// Without a divergence apart, as in importance weighting, it is not asked.
    #[must_use]
    pub fn with_terms(
        mut self,
        more: impl Fn(Terms, &Drawn<'_>, &Step) -> Terms + Send + Sync + 'static,
    ) -> Self {
        self.terms.push(Box::new(more));
        self
    }

    /// The same with something to show of held-out samples.
    #[must_use]
    pub fn with_exhibit(
        mut self,
        show: impl Fn(&Self, &Drawn<'_>) -> Exhibit + Send + Sync + 'static,
    ) -> Self {
        self.exhibits.push(Box::new(show));
        self
    }

    /// Fully connected through the widths in `down`, from the features to the code, and the mirror
    /// back; He's start. Both halves read one of so many labels, if there are any.
    ///
    /// # Panics
    /// If `down` has fewer than three widths: the heads need a layer to stand on.
    #[must_use]
    pub fn dense(
        down: &[usize],
        classes: usize,
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let [features, hidden @ .., latent] = down else {
            panic!(
                "a variational autoencoder needs the width of its input and of its code, not {down:?}"
            );
        };
        let (features, latent, up) = (*features, *latent, mirror(hidden));
        let given = likelihood.numbers() * features;
        let Some(&units) = hidden.last() else {
            panic!("a variational autoencoder needs a hidden layer for its heads, not {down:?}");
        };
        let widths = [&[features + classes], hidden].concat();
        let encoder = stack(&widths, activation, Start::He, true, rng);
        let widths = through(latent + classes, &up, given);
        let decoder = stack(&widths, activation, Start::He, false, rng);
        let widths = [down, &up, &[features]].concat();
        Self {
            classes,
            ..Self::new(encoder, [units, latent], decoder, widths, likelihood, rng)
        }
    }

    /// As [`dense`](Self::dense), for images of these channels, height and width, which convolutions
    /// of stride 2 halve first; transposed ones double at the end. The layers are their channels, the
    /// widths of the hidden ones, and the numbers of the code.
    ///
    /// # Panics
    /// If there is no hidden layer, or images of that size cannot be halved so often.
    #[must_use]
    pub fn convolutional(
        sizes: [usize; 3],
        (channels, hidden, latent): (&[usize], &[usize], usize),
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let Some(&units) = hidden.last() else {
            panic!("a variational autoencoder needs a hidden layer for its heads");
        };
        let [height, width] = halved(sizes, channels.len())
            .unwrap_or_else(|reason| panic!("variational autoencoder: {reason}"));
        let layers: Vec<(usize, usize)> = channels.iter().map(|&channels| (channels, 4)).collect();
        let coarse = channels.last().copied().unwrap_or(0);
        let (flat, colours) = (coarse * height * width, sizes[0]);
        let reshape = |sizes: [usize; 3]| Reshape::new(&sizes.map(|size| size as isize));

        let encoder = Sequential::new().with(reshape(sizes));
        let encoder = halving(encoder, colours, &layers, activation, rng).with(Flatten::default());
        let widths = [&[flat], hidden].concat();
        let encoder = encoder.with(stack(&widths, activation, Start::He, true, rng));
        let up = mirror(hidden);
        let widths = through(latent, &up, flat);
        let decoder = Sequential::new()
            .with(stack(&widths, activation, Start::He, true, rng))
            .with(reshape([coarse, height, width]));
        // Channels come first, so those of means, then those of deviations, are blocks of features.
        let given = likelihood.numbers() * colours;
        let decoder = doubling(decoder, given, &layers, activation, rng).with(Flatten::default());
        let features = sizes.iter().product();
        let widths = [&[features, flat], hidden, &[latent], &up, &[flat, features]].concat();
        Self::new(encoder, [units, latent], decoder, widths, likelihood, rng)
    }

    /// q(z|x), or q(z|x, c).
    #[must_use]
    pub fn posterior(&self, input: &Input) -> Gaussian {
        let units = self
            .encoder
            .forward(&self.beside(&self.holes.read(input), input.labels.as_ref()));
        Gaussian {
            mean: self.mean.forward(&units),
            log_variance: self.log_variance.forward(&units),
        }
    }

    /// [`objective`](Autoencoder::objective) with this noise instead of the tape's: `[batch, code]`, or
    /// `[draws, batch, code]` for importance weighting, where more draws than training has give a tighter
    /// bound, to judge by.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, input: &Input, noise: &Var) -> Terms {
        self.objective_under(self.prior.as_ref(), input, noise, &Step::default())
    }

    /// The objective at a step under another prior than its own, such as one that the model itself makes; the
    /// noise is as in [`objective_with`](Self::objective_with).
    ///
    /// # Panics
    /// If the shapes do not fit, or bits are free of a divergence that has no formula.
    #[track_caller]
    #[must_use]
    pub fn objective_under(
        &self,
        prior: &dyn Prior,
        input: &Input,
        noise: &Var,
        step: &Step,
    ) -> Terms {
        let posterior = self.posterior(input);
        let code = posterior.draw_with(noise);
        let drawn = Drawn {
            input,
            posterior: &posterior,
            code: &code,
            prior,
        };
        if self.bound.draws().is_some() {
            return self.importance(&drawn, noise);
        }
        let z = self.decoded(&code, input.labels.as_ref());
        let cost = self.likelihood.cost(&z, &Target::from(input));
        let exact = match self.bound {
            Bound::Exact => prior.divergence(&posterior),
            _ => None,
        };
        let sampled = || prior.log_ratio(&posterior, &code, noise).mean(..);
        let divergence = exact.unwrap_or_else(sampled);
        let of_units = || {
            let each = prior.divergences(&posterior);
            each.expect("the divergence of each number of the code has a formula")
                .mean(0)
        };
        let bound = &cost + &divergence;
        let terms = Terms::new(self.likelihood.name(), cost);
        let terms = self.price.charge(terms, "kl", &divergence, of_units, step);
        let terms = self
            .terms
            .iter()
            .fold(terms, |terms, more| more(terms, &drawn, step));
        let is_weighted = matches!(self.price, Price::Weight { .. }) && self.terms.is_empty();
        if is_weighted {
            terms
        } else {
            terms.watching("bound", bound)
        }
    }

    fn importance(&self, drawn: &Drawn<'_>, noise: &Var) -> Terms {
        let weights = match self.bound {
            Bound::DoublyReparameterized { .. } => {
                let fixed = Drawn {
                    posterior: &drawn.posterior.stop_gradient(),
                    ..*drawn
                };
                // The share of each draw, [draws, batch, 1]: numbers, of which nothing is recorded.
                let code = Var::constant(drawn.code.value().clone());
                let weights = self.log_weights(&Drawn {
                    code: &code,
                    ..fixed
                });
                let shares = (&weights - weights.logsumexp(0)).exp().unsqueeze(-1);
                // The same code, whose cotangents are multiplied by the share as they pass.
                let code = drawn.code.stop_gradient();
                let code = &code + (drawn.code - &code) * shares.stop_gradient();
                // log q(z|x) by its parameters has mean 0 and is left out; by z it stays.
                self.log_weights(&Drawn {
                    code: &code,
                    ..fixed
                })
            }
            _ => {
                let ratio = drawn.prior.log_ratio(drawn.posterior, drawn.code, noise);
                -(self.costs(drawn) + ratio)
            }
        };
        let bound = weights.logsumexp(0) - (weights.shape()[0] as f64).ln();
        Terms::new("bound", -bound.mean(..))
    }

    /// log p(x|z) + log p(z) − log q(z|x) of draws `[draws, batch, code]`, whatever they were made of,
    /// `[draws, batch]`.
    fn log_weights(&self, drawn: &Drawn<'_>) -> Var {
        let ratio = drawn.posterior.log_density(drawn.code) - drawn.prior.log_density(drawn.code);
        -(self.costs(drawn) + ratio)
    }

    /// −log p(x|z) of draws `[draws, batch, code]`, `[draws, batch]`.
    fn costs(&self, drawn: &Drawn<'_>) -> Var {
        let z = self.of_draws(drawn);
        self.likelihood.of_samples(&z, &Target::from(drawn.input))
    }

    /// The decoder's last numbers for draws `[draws, batch, code]`, `[draws, batch, numbers]`.
    fn of_draws(&self, drawn: &Drawn<'_>) -> Var {
        let [draws, batch, latent] = drawn.code.shape()[..] else {
            panic!(
                "codes of shape {}, not [draws, batch, code]",
                drawn.code.shape()
            );
        };
        let rows = drawn.code.with_shape(Shape::from([draws * batch, latent]));
        let labels = drawn.input.labels.as_ref();
        let labels = labels.map(|labels| {
            let rows: Vec<usize> = (0..draws * batch).map(|row| row % batch).collect();
            labels.rows(&rows)
        });
        let z = self.decoded(&rows, labels.as_ref());
        z.with_shape(Shape::from([draws, batch, z.shape()[1]]))
    }

    /// The samples with the expectation of what is missing in its place, `[batch, features]`: the mean of
    /// the decoder's means over draws of the code, each of which counts by its importance weight
    /// (Mattei and Frellsen 2019, equation 11). The noise is `[draws, batch, code]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn imputed_with(&self, input: &Input, noise: &Var) -> Var {
        let posterior = self.posterior(input);
        let code = posterior.draw_with(noise);
        let (posterior, prior) = (&posterior, self.prior.as_ref());
        let drawn = Drawn {
            input,
            posterior,
            code: &code,
            prior,
        };
        let z = self.of_draws(&drawn);
        let costs = self.likelihood.of_samples(&z, &Target::from(input));
        let costs = costs + prior.log_ratio(posterior, &code, noise);
        let weights = (-costs).softmax(0).unsqueeze(-1);
        let means = (self.likelihood.mean(&z) * weights).sum(0);
        match &input.observed {
            Some(observed) => Var::where_(observed, &input.x, &means),
            None => input.x.clone(),
        }
    }

    /// The decoder's last numbers, `[batch, features]`, of codes `[batch, code]`: what the likelihood reads.
    #[must_use]
    pub fn decoded(&self, code: &Var, labels: Option<&Array<i64>>) -> Var {
        self.decoder.forward(&self.beside(code, labels))
    }

    /// Noise as the bound needs it, from the tape of the samples.
    #[must_use]
    pub fn noise(&self, input: &Input) -> Var {
        let (samples, latent) = (input.samples(), self.prior.latent());
        match self.bound.draws() {
            Some(draws) => noise(&input.x, &[draws, samples, latent]),
            None => noise(&input.x, &[samples, latent]),
        }
    }

    /// Rows with their labels beside them, one-hot, `[batch, width + classes]`; of labels that nobody
    /// knows, zeros.
    #[track_caller]
    fn beside(&self, x: &Var, labels: Option<&Array<i64>>) -> Var {
        if self.classes == 0 {
            return x.clone();
        }
        let rows = x.shape()[0];
        let hot = match labels {
            None => Tensor::zeros([rows, self.classes], x.dtype()),
            Some(labels) => {
                assert!(
                    labels.shape()[..] == [rows],
                    "a label for each of {rows} rows, not labels of shape {}",
                    labels.shape()
                );
                one_hot(labels, self.classes, x.dtype())
            }
        };
        Var::cat(&[x, &hot.into()], 1)
    }
}

impl Module for Variational {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("mean", &self.mean);
        visitor.child("log_variance", &self.log_variance);
        visitor.child("decoder", &self.decoder);
        visitor.child("prior", &Learnt(self.prior.as_ref()));
    }
}

/// What a prior learns, as a part of the model.
struct Learnt<'a>(&'a dyn Prior);

impl Module for Learnt<'_> {
    fn forward(&self, x: &Var) -> Var {
        x.clone()
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.learnt(visitor);
    }
}

impl fmt::Debug for Variational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bound, price, prior) = (self.bound, &self.price, &self.prior);
        let (widths, likelihood) = (&self.widths, self.likelihood);
        write!(
            f,
            "Variational({widths:?}, {likelihood:?}, {bound:?}, {price:?}, {prior:?})"
        )
    }
}

impl Autoencoder for Variational {
    fn encode(&self, input: &Input) -> Code {
        Code::Distribution(Box::new(self.posterior(input)))
    }

    fn decode(&self, code: &Var, labels: Option<&Array<i64>>) -> Var {
        self.likelihood.mean(&self.decoded(code, labels))
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        self.objective_under(self.prior.as_ref(), input, &self.noise(input), step)
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        self.widths.clone()
    }

    fn classes(&self) -> Option<usize> {
        (self.classes > 0).then_some(self.classes)
    }

    fn impute(&self, input: &Input, draws: usize) -> Option<Var> {
        let shape = [draws, input.samples(), self.prior.latent()];
        Some(self.imputed_with(input, &noise(&input.x, &shape)))
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(self.prior.as_ref())
    }

    fn likelihood(&self) -> Option<Likelihood> {
        Some(self.likelihood)
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let objective = |input: &Input, step: &Step| self.objective_at(input, step);
        let role = Role::new("training", self.params(), objective);
        // What is added to the cost of samples sees the batch as a whole.
        let of_samples = matches!(self.price, Price::Weight { .. }) && self.terms.is_empty();
        let role = if of_samples {
            role
        } else {
            role.of_whole_batches()
        };
        vec![Phase::of("training", 1.0, vec![role])]
    }

    fn log_likelihood(&self, input: &Input, code: &Var) -> Option<Var> {
        let z = self.decoded(code, input.labels.as_ref());
        Some(-self.likelihood.of_samples(&z, &Target::from(input)))
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let posterior = self.posterior(input);
        let drawn = Drawn {
            input,
            posterior: &posterior,
            code: &posterior.draw(),
            prior: self.prior.as_ref(),
        };
        self.exhibits
            .iter()
            .map(|show| show(self, &drawn))
            .collect()
    }
}
