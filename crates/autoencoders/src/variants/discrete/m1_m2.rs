//! The semi-supervised model M1+M2: M2 on the codes of a variational autoencoder.
//!
//! ```text
//! M1    min −log p(x|z₁) + KL(q(z₁|x) ‖ N(0, 1))
//! M2    min the bound of M2 on −log p(z₁),  z₁ ~ q(z₁|x)
//! ```
//!
//! Pixels are many and most say nothing of the label; the code of M1 is small and smooth. So first M1 learns
//! from all samples, without any label, and then M2 learns from few labels what codes belong together.
//! Together they are one model: y and z₂ give z₁, and z₁ gives x,
//!
//! ```text
//! −log p(x) ≤ −log p(x|z₁) + log q(z₁|x) + M2's bound on −log p(z₁)
//! ```
//!
//! which is what the second phase tells; M1 stands still in it, so what moves minimises M2's bound alone.
//! The code z₁ is drawn anew in every step, and not its mean taken: the classifier sees what the noise of the
//! code leaves of a sample. M2's decoder says z₁ up to a normal error of `feature-deviation`.
//!
//! Changes with respect to M2: what it reads. Source: Kingma, Rezende, Mohamed and Welling 2014, section 3.1.3,
//! where the phases are two programs. Nats per sample.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Step, Terms, Visitor};
use retrograd_tensor::Array;

use super::m2::{self, SemiSupervised};
use crate::composed::Variational;
use crate::model::{
    Autoencoder, Code, FewLabels, Gaussian, Input, Likelihood, NATS, Phase, Posterior, Prior,
    Target, noise,
};
use crate::parts::dense::through;
use crate::registry::{Card, LATENT, OptimizerKind, Range, Recipe, Setting};
use crate::variants::variational::variational::{self, likelihood};

pub(crate) const CARD: Card = Card {
    name: "m1-m2",
    aliases: &["m1m2", "m1plusm2", "semisupervisedstack"],
    summary: "M2 on the codes of a variational autoencoder, one after the other.",
    equation: "min −log p(x|z₁) + KL(q(z₁|x) ‖ N(0, 1)),  then the bound of M2 on −log p(z₁)",
    change: "reads codes that were learnt without labels",
    source: "Kingma, Rezende, Mohamed and Welling 2014",
    parent: Some("m2"),
    settings: &[m2::SETTINGS, &[TOP, TOP_WIDTHS, FEATURE_DEVIATION]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 100, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
    },
    check: |settings, data| {
        if settings.widths("top-hidden").is_empty() {
            return Err(
                "the heads of mean and variance need a hidden layer; give top-hidden a width"
                    .to_owned(),
            );
        }
        (m2::CARD.check)(settings, data)
    },
    model: |settings, data, rng| {
        let down = settings.down(data);
        let units = settings.layer();
        let features = Variational::dense(&down, 0, units, likelihood(settings), rng);
        let latent = settings.count("latent");
        let top = settings.count("top");
        let widths = through(latent, settings.widths("top-hidden"), top);
        let error = Likelihood::Gaussian(settings.number("feature-deviation"));
        Box::new(Stacked {
            labels: SemiSupervised::dense(settings, &widths, error, rng),
            features,
        })
    },
    ..m2::CARD
};

const TOP: Setting = LATENT
    .renamed("top", "Numbers in the code above the features, beside the label.")
    .by_default(|data| data.pick(20, data.half(), data.half()).into());
const TOP_WIDTHS: Setting = variational::WIDTHS
    .renamed(
        "top-hidden",
        "Widths of the layers between the features, and the code above them or the label.",
    )
    .by_default(|data| match data.image() {
        Some(_) => [200].into(),
        None => [4 * data.half()].into(),
    });
const FEATURE_DEVIATION: Setting = Setting::new(
    "feature-deviation",
    "Standard deviation of the features, given the label and the code above.",
    Range::POSITIVE,
    |_| 0.5.into(),
);

/// The share of the epochs that goes to the features.
const FEATURES: f64 = 0.5;

/// M1 and M2.
#[derive(Debug)]
struct Stacked {
    features: Variational,
    labels: SemiSupervised,
}

impl Stacked {
    /// A draw of z₁ for each sample with this noise, where it comes from, and what the sample costs then.
    fn drawn(&self, input: &Input, noise: &Var) -> (Var, Gaussian, Terms) {
        let posterior = self.features.posterior(input);
        let features = posterior.draw_with(noise);
        let last = self.features.decoder.forward(&features);
        let likelihood = self.features.likelihood;
        let cost = likelihood.of_samples(&last, &Target::from(input));
        let terms = Terms::new(likelihood.name(), mean(input, &cost));
        (features, posterior, terms)
    }

    /// Noise for a draw of z₁.
    fn noise(&self, input: &Input) -> Var {
        let latent = self.features.mean.weight.shape()[0];
        noise(&input.x, &[input.samples(), latent])
    }

    /// Both together, M1 as it is: nothing of it is recorded.
    fn learn_labels(&self, input: &Input, step: &Step) -> Terms {
        let free = |part: &Var| Var::constant(part.value().clone());
        let own = Input {
            x: free(&input.x),
            target: input.target.as_ref().map(free),
            observed: input.observed.as_ref().map(free),
            weights: input.weights.as_ref().map(free),
            ..input.clone()
        };
        let (features, posterior, terms) = self.drawn(&own, &self.noise(input));
        let features = match input.x.tape() {
            Some(tape) => tape.constant(features.into_value()),
            None => features,
        };
        self.together(input, (features, posterior, terms), step)
    }

    /// The terms of both.
    fn together(
        &self,
        input: &Input,
        (features, posterior, terms): (Var, Gaussian, Terms),
        step: &Step,
    ) -> Terms {
        let terms = terms.with("log-q", mean(input, &log_density(&posterior)));
        let above = self.above(input, features);
        let nats = self.labels.nats(&above, step.is_training());
        nats.added_to(Some(terms), "features", self.labels.alpha())
    }

    /// M1 alone.
    fn learn_features(&self, input: &Input) -> Terms {
        let (_, posterior, terms) = self.drawn(input, &self.noise(input));
        terms.with("kl", mean(input, &posterior.divergences().sum(-1)))
    }

    /// z₁ and what is known of each sample, as M2 reads it.
    fn above(&self, input: &Input, features: Var) -> Input {
        Input {
            weights: input.weights.clone(),
            ..Input::from(features).labelled(input.labels.clone())
        }
    }
}

/// q(z₁|x) q(y|z₁) q(z₂|z₁, y). Codes are z₂ beside the label's vector, as the prior has them, and then z₁.
#[derive(Debug)]
struct Chain<'a> {
    features: Gaussian,
    labels: &'a SemiSupervised,
}

impl Chain<'_> {
    /// Numbers of z₂ and the label together, and of z₁.
    fn parts(&self) -> [usize; 2] {
        let above = self.labels.prior().map_or(0, Prior::latent);
        [above, self.features.mean.shape()[1]]
    }
}

impl Posterior for Chain<'_> {
    /// Of z₂ and the label that at the mean of z₁.
    fn mean(&self) -> Var {
        let features = &self.features.mean;
        Var::cat(&[&self.labels.guess(features).mean(), features], -1)
    }

    fn draw(&self) -> Var {
        let features = self.features.draw();
        Var::cat(&[&self.labels.guess(&features).draw(), &features], -1)
    }

    fn log_density(&self, z: &Var) -> Var {
        let [above, below] = self.parts();
        let features = z.narrow(-1, above, below);
        let own = self.features.log_density(&features);
        // M2 reads rows; before the last axis there may be more than one.
        let rows = |part: &Var, width: usize| part.reshape(&[-1, width as isize]);
        let code = rows(&z.narrow(-1, 0, above), above);
        let guess = self.labels.guess(&rows(&features, below));
        let shape = *own.shape();
        own + guess.log_density(&code).with_shape(shape)
    }

    /// Of z₂ and the label those at the mean of z₁.
    fn divergences(&self) -> Var {
        let above = self.labels.guess(&self.features.mean).divergences();
        Var::cat(&[&above, &self.features.divergences()], -1)
    }
}

/// E log q(z₁|x) of each sample in nats, `[batch]`: less the entropy of a normal distribution.
fn log_density(posterior: &Gaussian) -> Var {
    let each = std::f64::consts::TAU.ln() + 1.0;
    (&posterior.log_variance + each).sum(-1) * -0.5
}

/// The mean over the batch of numbers `[batch]`, each as often as its sample counts: those with a label
/// come more often than others.
fn mean(input: &Input, nats: &Var) -> Var {
    match &input.weights {
        None => nats.mean(..),
        Some(weights) => (nats * weights).mean(..),
    }
}

impl Module for Stacked {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("features", &self.features);
        visitor.child("labels", &self.labels);
    }
}

impl Autoencoder for Stacked {
    fn encode(&self, input: &Input) -> Code {
        let features = self.features.posterior(input).mean;
        self.labels.encode(&features.into())
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        let features = self.labels.decode(code, None);
        self.features.decode(&features, None)
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let drawn = self.drawn(input, &self.noise(input));
        self.together(input, drawn, step)
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        let outer = self.features.widths();
        let half = outer.len() / 2;
        [&outer[..half], &self.labels.widths(), &outer[half + 1..]].concat()
    }

    fn few_labels(&self) -> Option<FewLabels> {
        self.labels.few_labels()
    }

    fn prior(&self) -> Option<&dyn Prior> {
        self.labels.prior()
    }

    fn likelihood(&self) -> Option<Likelihood> {
        Some(self.features.likelihood)
    }

    /// log p(x|z₁) + log p(z₁|y, z₂) + log p(y) + log p(z₂).
    fn log_joint(&self, input: &Input, z: &Var) -> Option<Var> {
        let above = self.labels.prior()?.latent();
        let features = z.slice(-1, above as isize..);
        let likely = self.features.log_likelihood(input, &features)?;
        let code = z.narrow(-1, 0, above);
        Some(likely + self.labels.log_joint(&features.into(), &code)?)
    }

    fn proposal(&self, input: &Input) -> Option<Box<dyn Posterior + '_>> {
        Some(Box::new(Chain {
            features: self.features.posterior(input),
            labels: &self.labels,
        }))
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let part = |name: &str| {
            let mut params = self.params();
            params.retain(|(path, _)| path.starts_with(name));
            params
        };
        let first = |input: &Input, _: &Step| self.learn_features(input);
        let second = |input: &Input, step: &Step| self.learn_labels(input, step);
        vec![
            Phase::new("features", FEATURES, part("features."), first),
            Phase::new("labels", 1.0 - FEATURES, part("labels."), second),
        ]
    }
}
