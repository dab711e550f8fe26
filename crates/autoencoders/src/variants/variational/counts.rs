//! The variational autoencoder of counts: what is counted in a sample, whatever was counted of it.
//!
//! ```text
//! q(z|x) = N(μ, σ²)        μ and log σ² of log(1 + x)
//! p(x|z, ℓ) = Π_g NB(x_g; mean ℓ·softmax(d(z))_g, dispersion θ_g), or with more zeros, or Poisson
//! min −log p(x|z, ℓ) + KL(q(z|x) ‖ N(0, 1))
//! ```
//!
//! ℓ, the size of the library, is how much was counted in all. It says more about the instrument than about
//! the sample, so the decoder says shares and ℓ makes counts of them. Either ℓ is the sum that was observed,
//! and the bound is one on −log p(x|ℓ); or it is learnt: log ℓ is one more number of the code, normal with
//! the mean and the variance that the logarithms of the training samples' sums have, and its divergence is
//! a term of the bound.
//!
//! The encoder reads log(1 + x), since a few counts are a hundred times the others; the likelihood takes the
//! counts as they are. θ is a number for each feature and not for each sample: its logarithm is learnt and
//! held within ±30, and the likelihood has none of the differences of log Γ that cancel where it is large
//! ([`Likelihood`]). A sample of nothing but zeros has a mean of zero and costs nothing.
//!
//! The last number of a code is always log ℓ, moved and scaled to the mean 0 and the variance 1 of the
//! training samples (two buffers, set before the first epoch). So codes can be decoded without their samples,
//! and new samples have sizes as those of the data.
//!
//! Changes with respect to the variational autoencoder: the likelihood, and the size beside the code. Source:
//! Lopez et al. 2018. Nats per sample: summed over features and code, averaged over the batch.

use retrograd_autograd::Var;
use retrograd_nn::{Buffer, Init, Linear, Module, Param, Sequential, Step, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use crate::model::{
    Autoencoder, Code, Content, Exhibit, Gaussian, Input, Likelihood, NATS, Pause, Phase, Posterior,
    Prior, StandardNormal, Target, noise,
};
use crate::parts::Start;
use crate::parts::dense::{mirror, stack, through};
use crate::registry::{
    ACTIVATION, Card, DataShape, HIDDEN, LATENT, OptimizerKind, Range, Recipe, Setting, Settings,
    Values, Word, words,
};
use crate::variants::variational::variational;

pub(crate) const CARD: Card = Card {
    name: "counts",
    aliases: &["scvi", "countvae", "zinbvae", "nbvae", "poissonvae"],
    summary: "Variational, for counts: shares of what was counted, apart from how much it was.",
    equation: "min −log NB(x; ℓ·softmax(d(z)), θ) + KL(q(z|x) ‖ N(0, 1)),  ℓ the sum of x",
    change: "a likelihood of counts, the size of a sample beside its code",
    source: "Lopez et al. 2018",
    parent: Some("variational"),
    data: "counts",
    settings: &[&[
        LATENT.by_default(|data| 10.min(data.half()).into()),
        HIDDEN.by_default(|_| [128].into()),
        ACTIVATION,
        DECODER,
        LIBRARY,
    ]],
    recipe: |_| Recipe::new(60, 128, OptimizerKind::Adam, 1e-3),
    check,
    model: |settings, data, rng| Box::new(Counts::new(settings, data, rng)),
    ..variational::CARD
};

/// The distribution of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    ZeroInflated,
    NegativeBinomial,
    Poisson,
}

words!(Counting {
    ZeroInflated = "zinb",
    NegativeBinomial = "nb",
    Poisson = "poisson",
});

/// Where the size of a sample comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Library {
    Observed,
    Learnt,
}

words!(Library {
    Observed = "observed",
    Learnt = "learnt",
});

const DECODER: Setting = Setting::new(
    "decoder",
    "The distribution of a count: negative binomial with more zeros (zinb) or without (nb), or poisson.",
    Range::Words(Counting::NAMES),
    |_| Counting::ZeroInflated.into(),
);

const LIBRARY: Setting = Setting::new(
    "library",
    "The size of a sample: the sum that was observed, or one more number of the code that is learnt.",
    Range::Words(Library::NAMES),
    |_| Library::Observed.into(),
);

fn check(settings: &Settings, data: DataShape) -> Result<(), String> {
    if data.values != Values::Counts {
        return Err(format!(
            "it takes counts, whole numbers of 0 or more, and the data is {}; read a table of counts with --scale counts, or use `variational`",
            data.name()
        ));
    }
    if settings.widths("hidden").is_empty() {
        return Err(
            "the heads of mean and variance need a hidden layer; give hidden a width".to_owned(),
        );
    }
    Ok(())
}

/// What is added to the sum of a sample, so that a sample of nothing has a logarithm.
const NOTHING: f64 = 1e-8;
/// The least deviation that sizes are scaled by.
const LEAST: f64 = 1e-3;

/// The model.
#[derive(Debug)]
struct Counts {
    encoder: Sequential,
    mean: Linear,
    log_variance: Linear,
    decoder: Sequential,
    /// log θ of every feature, `[features]`; of a Poisson distribution nothing.
    log_dispersion: Option<Param>,
    /// Mean and deviation of log ℓ, `[2]`.
    log_size: Buffer,
    likelihood: Likelihood,
    library: Library,
    prior: StandardNormal,
    widths: Vec<usize>,
}

impl Counts {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let (likelihood, outputs) = match settings.word("decoder") {
            Counting::ZeroInflated => (Likelihood::ZeroInflated, 2),
            Counting::NegativeBinomial => (Likelihood::NegativeBinomial, 1),
            Counting::Poisson => (Likelihood::Poisson, 1),
        };
        let library = settings.word("library");
        let (features, latent) = (data.features(), settings.count("latent"));
        let (down, units) = (settings.down(data), settings.layer());
        let hidden = &down[1..down.len() - 1];
        let (width, up) = (hidden[hidden.len() - 1], mirror(hidden));
        // The heads tell the size as well, if it is learnt.
        let told = latent + usize::from(library == Library::Learnt);
        let to_units = stack(&down[..down.len() - 1], units, Start::He, true, rng);
        let back = through(latent, &up, outputs * features);
        let dispersed = likelihood != Likelihood::Poisson;
        Self {
            encoder: to_units,
            mean: Linear::with_init(width, told, Init::HeNormal, rng),
            log_variance: Linear::with_init(width, told, Init::HeNormal, rng),
            decoder: stack(&back, units, Start::He, false, rng),
            log_dispersion: dispersed
                .then(|| Param::new(Tensor::zeros([features], DType::default()))),
            log_size: Buffer::new(Tensor::from_vec(vec![0.0_f32, 1.0], [2])),
            likelihood,
            library,
            prior: StandardNormal { latent: latent + 1 },
            widths: [&[features], hidden, &[latent + 1], &up, &[features]].concat(),
        }
    }

    fn latent(&self) -> usize {
        self.prior.latent - 1
    }

    /// Mean and deviation of log ℓ.
    fn scale(&self) -> [f64; 2] {
        let scale = self.log_size.value().to_vec();
        [scale[0], scale[1]]
    }

    /// (log ℓ − mean)/deviation of samples, `[batch, 1]`.
    fn observed_size(&self, input: &Input) -> Var {
        let [mean, deviation] = self.scale();
        (log_sums(input) - mean) / deviation
    }

    fn told(&self, input: &Input) -> Gaussian {
        let units = self.encoder.forward(&known(input).log1p());
        Gaussian {
            mean: self.mean.forward(&units),
            log_variance: self.log_variance.forward(&units),
        }
    }

    fn posterior(&self, input: &Input) -> Box<dyn Posterior> {
        let told = self.told(input);
        match self.library {
            Library::Learnt => Box::new(told),
            Library::Observed => Box::new(Sized {
                size: self.observed_size(input),
                told,
            }),
        }
    }

    /// What the likelihood takes, `[batch, numbers × features]`, for codes and sizes `[batch, code + 1]`.
    fn numbers(&self, code: &Var) -> Var {
        let (latent, [mean, deviation]) = (self.latent(), self.scale());
        let given = self.decoder.forward(&code.narrow(1, 0, latent));
        let log_size = code.narrow(1, latent, 1) * deviation + mean;
        let features = self.widths[0];
        let rates = given.narrow(1, 0, features).log_softmax(1) + log_size;
        let Some(dispersion) = &self.log_dispersion else {
            return rates;
        };
        let dispersion = dispersion.beside(code).broadcast_to(*rates.shape());
        match self.likelihood {
            Likelihood::ZeroInflated => {
                let gates = given.narrow(1, features, features);
                Var::cat(&[&rates, &dispersion, &gates], 1)
            }
            _ => Var::cat(&[&rates, &dispersion], 1),
        }
    }

    /// Mean and deviation of the logarithms of all training samples' sums.
    fn measure(&self, pause: &mut Pause<'_>) {
        if pause.moment.epoch > 0 {
            return;
        }
        let logs: Vec<f64> = pause
            .batches
            .flat_map(|input| log_sums(&input).into_value().to_vec())
            .collect();
        let count = logs.len().max(1) as f64;
        let mean = logs.iter().sum::<f64>() / count;
        let square = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / count;
        let scale = vec![mean, square.sqrt().max(LEAST)];
        self.log_size.set(Tensor::from_vec(scale, [2]));
    }

    /// The share of zeros of every feature, and what the model expects.
    fn zeros(&self, input: &Input) -> Exhibit {
        let numbers = self.numbers(&self.posterior(input).mean());
        let costs = self.likelihood.of_features(&numbers, &input.x.scalar_like(0.0));
        let expected = (-costs).exp().mean(0).into_value().to_vec();
        let found = input.x.value().map(|x| if x == 0.0 { 1.0 } else { 0.0 });
        let points = found.mean(0).to_vec().into_iter().zip(expected);
        Exhibit {
            heading: "Zeros".to_owned(),
            sentence: format!(
                "A point for each feature: how often it was 0, and how often the model says so. Points below the diagonal are features with more zeros than the distribution has{}.",
                match self.likelihood {
                    Likelihood::ZeroInflated => "",
                    _ => "; try --decoder zinb",
                }
            ),
            content: Content::Points {
                axes: ["share of zeros".to_owned(), "expected".to_owned()],
                groups: vec![("features".to_owned(), points.collect())],
            },
        }
    }
}

/// What was observed of the samples, and 0 elsewhere.
fn known(input: &Input) -> Var {
    match &input.observed {
        Some(observed) => Target::of(&input.x, Some(observed)).values,
        None => input.x.clone(),
    }
}

/// log ℓ of samples, `[batch, 1]`.
fn log_sums(input: &Input) -> Var {
    (known(input).sum(-1).unsqueeze(-1) + NOTHING).log()
}

/// A code whose last number is known.
#[derive(Debug)]
struct Sized {
    told: Gaussian,
    /// `[batch, 1]`.
    size: Var,
}

impl Posterior for Sized {
    fn mean(&self) -> Var {
        Var::cat(&[&self.told.mean, &self.size], 1)
    }

    fn draw(&self) -> Var {
        Var::cat(&[&self.told.draw(), &self.size], 1)
    }

    /// The last number is given and has no density of its own. That of the prior stands for it, so that weights
    /// p(x|z) p(z)/q(z|x) are of p(x|ℓ).
    fn log_density(&self, z: &Var) -> Var {
        let latent = self.told.mean.shape()[1];
        let size = StandardNormal { latent: 1 }.log_density(&z.narrow(-1, latent, 1));
        self.told.log_density(&z.narrow(-1, 0, latent)) + size
    }

    fn log_densities(&self, z: &Var) -> Option<Var> {
        let latent = self.told.mean.shape()[1];
        let told = self.told.log_densities(&z.narrow(-1, 0, latent));
        let size = StandardNormal { latent: 1 }.log_density(&z.narrow(-1, latent, 1));
        Some(Var::cat(&[&told, &size.unsqueeze(-1)], -1))
    }

    fn divergences(&self) -> Var {
        let zero = self.size.scalar_like(0.0).broadcast_to(*self.size.shape());
        Var::cat(&[&self.told.divergences(), &zero], 1)
    }
}

impl Module for Counts {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("mean", &self.mean);
        visitor.child("log_variance", &self.log_variance);
        visitor.child("decoder", &self.decoder);
        if let Some(dispersion) = &self.log_dispersion {
            visitor.param("log_dispersion", dispersion);
        }
        visitor.buffer("log_size", &self.log_size);
    }
}

impl Autoencoder for Counts {
    fn encode(&self, input: &Input) -> Code {
        Code::Distribution(self.posterior(input))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.likelihood.mean(&self.numbers(code))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let told = self.told(input);
        let draw = told.draw_with(&noise(&input.x, told.mean.shape()));
        let size = self.observed_size(input);
        let code = match self.library {
            Library::Learnt => draw,
            Library::Observed => Var::cat(&[&draw, &size], 1),
        };
        let cost = self
            .likelihood
            .cost(&self.numbers(&code), &Target::from(input));
        let terms = Terms::new(self.likelihood.name(), cost);
        let (latent, batch) = (self.latent(), input.samples().max(1) as f64);
        let each = told.divergences();
        let terms = terms.with("kl", each.narrow(1, 0, latent).sum(..) / batch);
        match self.library {
            Library::Learnt => terms.with("kl_size", each.narrow(1, latent, 1).sum(..) / batch),
            Library::Observed => terms,
        }
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
        let target = Target::from(input);
        Some(-self.likelihood.of_samples(&self.numbers(code), &target))
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        vec![self.zeros(input)]
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let objective = |input: &Input, step: &Step| self.objective_at(input, step);
        let phase = Phase::new("training", 1.0, self.params(), objective);
        vec![phase.between_epochs(|pause| self.measure(pause))]
    }
}
