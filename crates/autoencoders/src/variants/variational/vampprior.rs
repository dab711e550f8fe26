//! The variational autoencoder with a VampPrior: the prior is a mixture of what the encoder makes of samples that
//! are learnt.
//!
//! ```text
//! p(z) = (1/k) Σᵢ q(z|uᵢ)        u₁ … uₖ pseudo-inputs, learnt
//! min −log p(x|z) + log q(z|x) − log p(z)
//! ```
//!
//! The best prior of given codes is their distribution over the data, (1/N) Σ q(z|xₙ), which is as large as the
//! data. Pseudo-inputs stand for it: they go through the encoder as samples do, so the prior moves with the
//! codes, and has holes where they have some. New samples come from the code of a pseudo-input that is drawn
//! evenly.
//!
//! Of data in [0, 1] a pseudo-input is σ of what is learnt, which has a slope everywhere; held between 0 and 1
//! by a clamp, a pixel that is outside never comes back. The divergence has no formula and is estimated by the
//! draw itself: in a batch it may be below 0. In measuring it is told how many pseudo-inputs a batch uses:
//! exp H of the mean of their shares q(uᵢ|z), at most the samples of the batch.
//!
//! Changes with respect to the variational autoencoder: the prior. With one pseudo-input it is the normal
//! distribution q(z|u); if they are all N samples of the data, no sample's divergence is above log N. Source:
//! Tomczak and Welling 2018. The paper has 500 pseudo-inputs; each costs a pass through the encoder
//! in every step.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Param, Step, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use super::variational;
use crate::composed::Variational;
use crate::measures::perplexity;
use crate::model::{
    Autoencoder, Code, Content, Exhibit, Gaussian, Input, Likelihood, Posterior, Prior,
};
use crate::registry::{Card, DataShape, Gradients, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "vampprior",
    aliases: &["vamp", "vampvae"],
    summary: "Variational, its prior made of learnt samples that are encoded.",
    equation: "min −log p(x|z) + log q(z|x) − log (1/k) Σᵢ q(z|uᵢ)",
    change: "the prior is a mixture of the codes of learnt samples",
    source: "Tomczak and Welling 2018",
    parent: Some("variational"),
    gradients: Gradients::Exact,
    settings: &[variational::SETTINGS, &[PSEUDO_INPUTS]],
    model: |settings, data, rng| {
        let model = variational::model(settings, data, rng);
        let count = settings.count("pseudo-inputs");
        Box::new(VampPrior::new(model, count, data, rng))
    },
    ..variational::CARD
};

const PSEUDO_INPUTS: Setting = Setting::new(
    "pseudo-inputs",
    "Learnt samples k, whose codes make the prior.",
    Range::Count(1),
    |_| 50.into(),
)
.fitted(|_, _| 20.into())
.in_miniature(|_, _| 3.into());

/// Mean and deviation of what is learnt where data is in [0, 1]. σ of the mean is about ¼, twice the ink of a
/// digit; pseudo-inputs that start nearly alike are one component for epochs.
const START: (f64, f64) = (-1.0, 1.0);
/// Pseudo-inputs that are shown.
const SHOWN: usize = 20;

/// A variational autoencoder that is its own prior.
#[derive(Debug)]
struct VampPrior {
    model: Variational,
    /// What the pseudo-inputs are made of, `[k, features]`.
    pseudo: Param,
    data: DataShape,
}

impl VampPrior {
    fn new(model: Variational, count: usize, data: DataShape, rng: &mut Rng) -> Self {
        let (mean, deviation) = if data.is_unit() { START } else { (0.0, 1.0) };
        let start = Tensor::normal([count, data.features()], mean, deviation, rng, DType::F32);
        Self {
            model,
            pseudo: Param::new(start),
            data,
        }
    }

    /// u, `[k, features]`, beside `x`.
    fn pseudo_inputs(&self, x: &Var) -> Var {
        let learnt = self.pseudo.beside(x);
        if self.data.is_unit() {
            learnt.sigmoid()
        } else {
            learnt
        }
    }

    /// q(z|u), `[k, code]`, beside `x`.
    fn components(&self, x: &Var) -> Gaussian {
        self.model.posterior(&self.pseudo_inputs(x).into())
    }

    /// log q(z|uᵢ) of codes `[..., code]`, `[..., k]`.
    fn log_densities(&self, z: &Var) -> Var {
        self.components(z).log_density(&z.unsqueeze(-2))
    }

    /// The mean of the shares q(uᵢ|z) over codes `[batch, code]`, `[k]`: numbers, of which nothing is recorded.
    fn shares(&self, code: &Var) -> Tensor {
        let code = Var::constant(code.value().clone());
        self.log_densities(&code).softmax(-1).mean(0).into_value()
    }
}

impl Module for VampPrior {
    fn forward(&self, x: &Var) -> Var {
        self.model.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.model.visit(visitor);
        visitor.param("pseudo_inputs", &self.pseudo);
    }
}

impl Prior for VampPrior {
    fn name(&self) -> String {
        format!("the codes of {} pseudo-inputs", self.pseudo.shape()[0])
    }

    fn latent(&self) -> usize {
        self.model.mean.weight.shape()[0]
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        let k = self.pseudo.shape()[0];
        let which = Tensor::uniform([count], 0.0, k as f64, rng, DType::F64);
        let which: Vec<usize> = which.iter().map(|at| (at as usize).min(k - 1)).collect();
        let noise = Tensor::normal([count, self.latent()], 0.0, 1.0, rng, self.pseudo.dtype());
        let of = self.components(&noise.clone().into());
        let chosen = Gaussian {
            mean: of.mean.value().rows(&which).into(),
            log_variance: of.log_variance.value().rows(&which).into(),
        };
        chosen.draw_with(&noise.into()).into_value().cast(dtype)
    }

    /// log (1/k) Σ q(z|uᵢ).
    fn log_density(&self, z: &Var) -> Var {
        let k = self.pseudo.shape()[0] as f64;
        self.log_densities(z).logsumexp(-1) - k.ln()
    }
}

impl Autoencoder for VampPrior {
    fn encode(&self, input: &Input) -> Code {
        self.model.encode(input)
    }

    fn decode(&self, code: &Var, labels: Option<&Array<i64>>) -> Var {
        self.model.decode(code, labels)
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let noise = self.model.noise(input);
        let terms = self.model.objective_under(self, input, &noise, step);
        if step.is_training() {
            return terms;
        }
        let code = self.model.posterior(input).draw_with(&noise);
        terms.watching("pseudo_inputs_used", perplexity(&self.shares(&code).to_vec()))
    }

    fn unit(&self) -> &'static str {
        self.model.unit()
    }

    fn widths(&self) -> Vec<usize> {
        self.model.widths()
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(self)
    }

    fn likelihood(&self) -> Option<Likelihood> {
        self.model.likelihood()
    }

    fn log_likelihood(&self, input: &Input, code: &Var) -> Option<Var> {
        self.model.log_likelihood(input, code)
    }

    /// Those that are used most, and what the decoder makes of their codes.
    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let shares = self.shares(&self.model.encode(input).flat()).to_vec();
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
        let bars = Exhibit {
            heading: "Pseudo-inputs in use".to_owned(),
            sentence: "The share of held-out codes that each stands for, the largest first; many \
                       without a share are more than the data needs, a single one is a normal prior."
                .to_owned(),
            content: Content::Bars {
                axes: ["pseudo-input", "share of codes"].map(str::to_owned),
                heights: order.iter().map(|&at| shares[at]).collect(),
                target: Some(("all alike".to_owned(), 1.0 / shares.len() as f64)),
            },
        };
        let Some(sizes) = self.data.image() else {
            return vec![bars];
        };
        order.truncate(SHOWN);
        let pseudo = self.pseudo_inputs(&Var::constant(self.pseudo.value()));
        let codes = self.model.encode(&pseudo.clone().into()).flat();
        let decoded = self.model.decode(&codes, None);
        let rows = |of: &Var| of.value().rows(&order);
        let images = Exhibit {
            heading: "Pseudo-inputs".to_owned(),
            sentence: "The learnt samples that are used most, and what the decoder makes of their \
                       codes: the second row shows the prior's modes, the first need look like nothing."
                .to_owned(),
            content: Content::Images {
                sizes,
                rows: vec![
                    ("pseudo-input".to_owned(), rows(&pseudo)),
                    ("decoded".to_owned(), rows(&decoded)),
                ],
            },
        };
        vec![bars, images]
    }
}
