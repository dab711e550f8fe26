//! The autoencoder with a mixture for a prior: codes come in clusters, which are learnt with the rest.
//!
//! ```text
//! p(x, z, y) = p(x|z) N(z; μ_y, σ_y²) π_y        y one of k clusters
//! min −log p(x|z) − log Σ_y π_y exp(−KL(q(z|x) ‖ N(μ_y, σ_y²)))
//! ```
//!
//! Two models go by this name. In one, M2 without labels, the encoder of z is told the cluster, and every
//! cluster is decoded; in the other, VaDE, which this is, clusters are of the prior alone:
//! q(z, y|x) = q(z|x) q(y|x). With q(z|x) given the best q(y|x) is known,
//!
//! ```text
//! q(y|x) = π_y exp(−KL_y) / Σ π exp(−KL)        KL_y = KL(q(z|x) ‖ N(μ_y, σ_y²))
//! ```
//!
//! and with it the divergence KL(q(z|x) q(y|x) ‖ p(z|y) p(y)) is the logarithm above: exact, no classifier is
//! needed, and no draw of z. (VaDE takes q(y|x) = p(y|z) at the draw, which is never better.) The sum is a
//! bound on −log p(x), in nats per sample.
//!
//! From random weights clusters collapse: the prior is pulled to where all codes are before these say
//! anything, and one cluster takes all. So a first phase is an autoencoder without noise, and a mixture that
//! is fitted to its codes is where the clusters start. Results differ from seed to seed by more than
//! most tables say: look at a few, and at how many clusters are in use. Nothing says that clusters are
//! the kinds that people have names for.
//!
//! Changes with respect to the variational autoencoder: the prior and the phases. One cluster at N(0, 1) is
//! that. Source: Jiang, Zheng, Tan, Tang and Zhou 2017; the other model: Dilokthanakul et al. 2016, and Kingma
//! et al. 2014 without labels.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Module, Param, Step, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use crate::composed::{Variational, agreement};
use crate::model::{
    Autoencoder, Code, Content, Exhibit, Gaussian, Input, Likelihood, Mixture, NATS, Pause, Phase,
    Posterior, Prior, Target,
};
use crate::registry::{
    Card, DECODER, DEVIATION, HIDDEN, LATENT, OptimizerKind, Range, Recipe, Setting,
};
use crate::variants::variational::variational::{self, likelihood};

pub(crate) const CARD: Card = Card {
    name: "gmvae",
    aliases: &["vade", "mixtureprior", "gaussianmixture"],
    summary: "Variational with a prior of clusters, which are learnt with the rest.",
    equation: "min −log p(x|z) − log Σ π exp(−KL(q(z|x) ‖ N(μ, σ²)))",
    change: "a mixture for a prior, and a start for it",
    source: "Jiang, Zheng, Tan, Tang and Zhou 2017",
    parent: Some("variational"),
    settings: &[&[
        LATENT.by_default(|data| data.pick(10, data.half(), data.half()).into()),
        HIDDEN.by_default(|data| match data.image() {
            Some(_) => [256, 256].into(),
            None => [4 * data.half(), 4 * data.half()].into(),
        }),
        variational::UNITS,
        DECODER,
        DEVIATION,
        CLUSTERS,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(30, 100, OptimizerKind::Adam, 1e-3),
    },
    model: |settings, data, rng| {
        let down = settings.down(data);
        let (units, latent) = (settings.layer(), settings.count("latent"));
        Box::new(Clustered {
            model: Variational::dense(&down, 0, units, likelihood(settings), rng),
            clusters: Clusters::new(settings.count("clusters"), latent, rng),
            image: data.image(),
        })
    },
    ..variational::CARD
};

const CLUSTERS: Setting = Setting::new(
    "clusters",
    "Clusters of the prior.",
    Range::Count(1),
    |data| data.classes.unwrap_or(10).into(),
)
.in_miniature(|_, _| 3.into());

/// The share of the epochs that goes to an autoencoder without noise.
const START: f64 = 0.4;
/// Codes that a mixture is fitted to, and how often it is tried.
const FITTED: usize = 5000;
const TRIES: usize = 10;
/// How sharp codes are at first, as a share of the clusters' mean variance: noise as wide as a cluster would
/// blur what was found.
const SHARP: f64 = 0.1;

/// A variational model whose prior is a mixture.
#[derive(Debug)]
struct Clustered {
    model: Variational,
    clusters: Clusters,
    image: Option<[usize; 3]>,
}

/// Σ π_y N(z; μ_y, σ_y²), all of it parameters.
#[derive(Debug)]
struct Clusters {
    /// Scores whose softmax is π, `[clusters]`.
    logits: Param,
    /// μ, `[clusters, latent]`.
    means: Param,
    /// log σ², `[clusters, latent]`.
    log_variances: Param,
}

impl Clusters {
    /// Clusters of variance 1 at random places; a single one is N(0, 1).
    fn new(count: usize, latent: usize, rng: &mut Rng) -> Self {
        let zeros = || Tensor::zeros([count, latent], DType::F32);
        Self {
            logits: Param::new(Tensor::zeros([count], DType::F32)),
            means: Param::new(match count {
                1 => zeros(),
                _ => Tensor::normal([count, latent], 0.0, 1.0, rng, DType::F32),
            }),
            log_variances: Param::new(zeros()),
        }
    }

    /// log π_y − KL(q(z|x) ‖ N(μ_y, σ_y²)), `[batch, clusters]`.
    fn scores(&self, posterior: &Gaussian) -> Var {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new(
                "divergence_from_gaussian",
                |[mean, log_variance, centre, log_width]: [Expr; 4]| {
                    // ½(σ²/s² − 1 − log(σ²/s²) + (m − μ)²/s²), accurate near its minimum.
                    let ratio = log_variance - &log_width;
                    let apart = (mean - centre).square() * (-log_width).exp();
                    (ratio.expm1() - ratio + apart) * 0.5
                },
            )
        });
        let mean = posterior.mean.unsqueeze(1);
        let log_variance = posterior.log_variance.unsqueeze(1);
        let centre = self.means.beside(&mean);
        let log_width = self.log_variances.beside(&mean);
        let divergences = FORMULA.apply_sum(&[&mean, &log_variance, &centre, &log_width], -1);
        self.logits.beside(&mean).log_softmax(-1) - divergences
    }

    /// Moves to a mixture that fits codes `[samples, latent]`: of a few tries the likeliest.
    fn fit(&self, codes: &Tensor, rng: &mut Rng) {
        let [count, latent] = self.means.shape()[..] else {
            unreachable!("centres are a matrix");
        };
        let tries = (0..TRIES).map(|_| {
            let mixture = Mixture::fit(codes, count, rng);
            let density = mixture.log_density(&codes.cast(DType::F64).into());
            (density.mean(..).item(), mixture)
        });
        let best = tries.max_by(|(a, _), (b, _)| a.total_cmp(b));
        let Some((_, mixture)) = best else { return };
        let mut logits = vec![(0.5 / codes.shape()[0] as f64).ln(); count];
        let (mut means, mut variances) = (self.means.value(), self.log_variances.value());
        for (place, (weight, normal)) in mixture.components().enumerate() {
            let (mean, variance) = (normal.mean(), normal.covariance().diagonal(0, [0, 1]));
            let own = |row: &Tensor| row.reshape(&[1, latent as isize]);
            let at = place as isize..place as isize + 1;
            logits[place] = weight.ln();
            means = means.with(0, at.clone(), &own(&mean.cast(means.dtype())));
            let log = variance.map(f64::ln).cast(variances.dtype());
            variances = variances.with(0, at, &own(&log));
        }
        let logits = Tensor::from_vec(logits, [count]).cast(self.logits.value().dtype());
        self.logits.set(logits);
        self.means.set(means);
        self.log_variances.set(variances);
    }

    /// π, μ and σ as numbers, `[clusters]` and `[clusters, latent]`.
    fn values(&self) -> [Tensor; 3] {
        let shares = Var::from(self.logits.value()).softmax(-1).into_value();
        let widths = self.log_variances.value().map(|log| (0.5 * log).exp());
        [shares, self.means.value(), widths]
    }
}

impl Module for Clusters {
    /// The densities of codes.
    fn forward(&self, z: &Var) -> Var {
        self.log_density(z)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("logits", &self.logits);
        visitor.param("means", &self.means);
        visitor.param("log_variances", &self.log_variances);
    }
}

impl Prior for Clusters {
    fn name(&self) -> String {
        match self.means.shape()[0] {
            1 => "the prior's only cluster".to_owned(),
            count => format!("the prior's {count} clusters"),
        }
    }

    fn latent(&self) -> usize {
        self.means.shape()[1]
    }

    fn draw(&self, count: usize, rng: &mut Rng, dtype: DType) -> Tensor {
        let [shares, means, widths] = self.values().map(|part| part.cast(DType::F64));
        let shares = shares.to_vec();
        let places = Tensor::uniform([count], 0.0, 1.0, rng, DType::F64);
        let of = places.iter().map(|place| {
            let mut left = place;
            let found = shares.iter().position(|share| {
                left -= share;
                left <= 0.0
            });
            found.unwrap_or(shares.len() - 1)
        });
        let of: Vec<usize> = of.collect();
        let noise = Tensor::normal([count, self.latent()], 0.0, 1.0, rng, DType::F64);
        (means.rows(&of) + noise * widths.rows(&of)).cast(dtype)
    }

    fn log_density(&self, z: &Var) -> Var {
        let z = z.unsqueeze(-2);
        let each = Gaussian {
            mean: self.means.beside(&z),
            log_variance: self.log_variances.beside(&z),
        };
        let shares = self.logits.beside(&z).log_softmax(-1);
        (each.log_density(&z) + shares).logsumexp(-1)
    }
}

impl Clustered {
    /// q(y|x), `[batch, clusters]`, as numbers alone.
    fn assigned(&self, input: &Input) -> Tensor {
        let posterior = self.model.posterior(input);
        self.clusters.scores(&posterior).softmax(-1).into_value()
    }

    /// An autoencoder without noise.
    fn plain(&self, input: &Input) -> Terms {
        let code = self.model.posterior(input).mean;
        let last = self.model.decoder.forward(&code);
        let likelihood = self.model.likelihood;
        Terms::new(likelihood.name(), likelihood.cost(&last, &Target::from(input)))
    }

    /// Starts the clusters where codes are, before the first epoch.
    fn start(&self, pause: &mut Pause<'_>) {
        if pause.moment.epoch > 0 {
            return;
        }
        let mut codes = Vec::new();
        let mut count = 0;
        for input in &mut *pause.batches {
            if count >= FITTED {
                break;
            }
            count += input.samples();
            codes.push(self.model.posterior(&input).mean.into_value());
        }
        self.clusters.fit(&Tensor::cat(&codes, 0), pause.rng);
        let width = self.clusters.log_variances.value().map(f64::exp).mean(..);
        let head = &self.model.log_variance;
        head.weight.set(head.weight.value().scale(0.0));
        if let Some(bias) = &head.bias {
            let sharp = (SHARP * width.item()).ln();
            bias.set(bias.value().map(|_| sharp));
        }
    }

    fn params_but(&self, without: &[&str]) -> Vec<(String, Param)> {
        let mut params = self.params();
        params.retain(|(path, _)| !without.iter().any(|part| path.starts_with(part)));
        params
    }
}

impl Module for Clustered {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.model.visit(visitor);
        visitor.child("clusters", &self.clusters);
    }
}

impl Autoencoder for Clustered {
    fn encode(&self, input: &Input) -> Code {
        self.model.encode(input)
    }

    fn decode(&self, code: &Var, labels: Option<&Array<i64>>) -> Var {
        self.model.decode(code, labels)
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let posterior = self.model.posterior(input);
        let last = self.model.decoder.forward(&posterior.draw());
        let likelihood = self.model.likelihood;
        let cost = likelihood.cost(&last, &Target::from(input));
        let scores = self.clusters.scores(&posterior);
        let nats = -scores.logsumexp(-1).mean(..);
        let shares = Var::constant(scores.into_value()).softmax(-1).into_value();
        Terms::new(likelihood.name(), cost)
            .with("kl", nats)
            .watching("clusters", used(&shares) as f64)
            .watching("certainty", shares.max(-1).mean(..).item())
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        self.model.widths()
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(&self.clusters)
    }

    fn likelihood(&self) -> Option<Likelihood> {
        Some(self.model.likelihood)
    }

    fn log_likelihood(&self, input: &Input, code: &Var) -> Option<Var> {
        self.model.log_likelihood(input, code)
    }

    fn clusters(&self, input: &Input) -> Option<Array<i64>> {
        Some(self.assigned(input).argmax(-1))
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let shares = self.assigned(input);
        let count = shares.shape()[1];
        let used = used(&shares);
        let mut heights = shares.mean(0).to_vec();
        heights.sort_by(|a, b| b.total_cmp(a));
        let clusters = shares.argmax(-1).to_vec();
        let agrees = agreement(&clusters, input.labels.as_ref());
        let usage = Exhibit {
            heading: "Clusters in use".to_owned(),
            sentence: format!(
                "{used} of {count} clusters are the likeliest of some sample. Where one has nearly all, the mixture has collapsed: give the first phase more epochs, or try another seed.{agrees}"
            ),
            content: Content::Bars {
                axes: ["cluster, the largest first", "share of the samples"].map(str::to_owned),
                heights,
                target: Some(("all alike".to_owned(), 1.0 / count as f64)),
            },
        };
        let middles = self.image.map(|sizes| Exhibit {
            heading: "The middle of each cluster".to_owned(),
            sentence: "What the decoder makes of the clusters' centres. Two that are alike are one kind of sample cut in two; a blur is several kinds in one.".to_owned(),
            content: Content::Images {
                sizes,
                rows: vec![("centre".to_owned(), {
                    let centres = self.clusters.means.value();
                    self.decode(&centres.into(), None).into_value()
                })],
            },
        });
        std::iter::once(usage).chain(middles).collect()
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let plain = |input: &Input, _: &Step| self.plain(input);
        let whole = |input: &Input, step: &Step| self.objective_at(input, step);
        let first = self.params_but(&["clusters", "log_variance"]);
        vec![
            Phase::new("without noise", START, first, plain),
            Phase::new("clusters", 1.0 - START, self.params(), whole)
                .between_epochs(|pause| self.start(pause)),
        ]
    }
}

/// How many columns are the largest of some row.
fn used(shares: &Tensor) -> usize {
    let mut seen = vec![false; shares.shape()[1]];
    shares.argmax(-1).iter().for_each(|cluster| seen[cluster as usize] = true);
    seen.into_iter().filter(|&seen| seen).count()
}
