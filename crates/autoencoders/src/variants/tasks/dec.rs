//! Deep embedded clustering: an autoencoder first; then codes and cluster centres move so that every code
//! belongs more clearly to one cluster.
//!
//! ```text
//! autoencoder    min L(x, g(f(x)))                                        over f and g
//! clustering     min KL(P ‖ Q) = Σⱼ pⱼ log (pⱼ / qⱼ)                      over f and the centres
//!                qⱼ ∝ 1 / (1 + ‖z − cⱼ‖²),  pⱼ ∝ qⱼ² / fⱼ,  fⱼ = Σ qⱼ over the data
//! ```
//!
//! Q says how much a code belongs to each cluster (Student's t with one degree of freedom), and P is the
//! same, made sharper: training pulls codes to the centres that they are nearest to, the sure ones most.
//! Dividing by fⱼ keeps large clusters from swallowing small ones. Centres begin where k-means finds
//! them among the codes of the first phase.
//!
//! **P is of the whole data and stands still.** It is renewed before the first epoch of the second phase
//! and after each (published: every 140 steps, which with their batches of 256 is twice an epoch). A P of
//! each minibatch, which programs are found with, has an f of 256 samples and follows Q at every step. Here P
//! is computed from a copy of the encoder and of the centres as they were, which are buffers beside f: so it
//! needs no table of all samples, is there for held-out ones too, and a resumed run has it. The same pass
//! counts how many samples have changed their cluster (`changed`) and how many clusters have samples
//! (`clusters`). The phase ends when fewer than `tolerance` changed.
//!
//! The second phase has no decoder: nothing keeps codes reconstructible, so it can get worse than k-means
//! on the codes of the first, and clusters can empty; both figures say so. With P = Q the loss and its
//! gradient are 0: where each code is at its centre and far from the others.
//!
//! Changes with respect to the deep autoencoder: a linear code, and the second phase, at a tenth of the
//! rate. Source: Xie, Girshick and Farhadi 2016, equations 1 to 3. The divergence is summed over clusters
//! and averaged over the batch, in nats.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Activation, Buffer, Linear, Module, Param, Step, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use crate::model::{
    Ability, Autoencoder, Code, Content, Exhibit, Input, Pause, Phase, Target,
};
use crate::parts::dense::{Start, layers, mirror, sequence};
use crate::parts::distance::square_distances;
use crate::parts::k_means::k_means;
use crate::parts::{Body, Output};
use crate::registry::{
    ACTIVATION, Card, DataShape, Gradients, HIDDEN, LATENT, Nonlinearity, OUTPUT, OptimizerKind, Range, Recipe,
    Setting, Settings, Value,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "dec",
    aliases: &["deepembeddedclustering", "clustering", "deepclustering"],
    summary: "Codes gather around centres, and every sample belongs to one of them.",
    equation: "min KL(P ‖ Q),  q ∝ 1 / (1 + ‖z − c‖²),  p ∝ q² / Σ q",
    change: "a second phase, which moves codes to cluster centres",
    source: "Xie, Girshick and Farhadi 2016",
    parent: Some("deep"),
    gradients: Gradients::Exact,
    settings: &[&[
        LATENT.by_default(|data| data.pick(10, data.half(), data.half()).into()),
        HIDDEN.by_default(|data| match data.image() {
            Some(_) => [500, 500, 2000].into(),
            None => [8 * data.half(), 8 * data.half()].into(),
        }),
        // In miniature all units of a layer can be off, which puts those of the next exactly at a kink.
        ACTIVATION.in_miniature(|_, _| Nonlinearity::Silu.into()),
        OUTPUT.by_default(|_| Output::Real.into()),
        CLUSTERS,
        TOLERANCE,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 256, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(20, 256, OptimizerKind::Adam, 1e-3),
    },
    model: |settings, data, rng| Box::new(Dec::new(settings, data, rng)),
    ..deep::CARD
};

const CLUSTERS: Setting = Setting::new(
    "clusters",
    "Clusters that samples are sorted into.",
    Range::Count(2),
    |data| Value::Count(data.classes.unwrap_or(10).max(2)),
)
.in_miniature(|_, _| 3.into());

const TOLERANCE: Setting = Setting::new(
    "tolerance",
    "The share of samples that change their cluster in an epoch below which clustering ends.",
    Range::NOT_NEGATIVE,
    |_| 1e-3.into(),
);

/// The share of the epochs that goes to the autoencoder, and the rate of clustering in units of the
/// recipe's.
const PRETRAINING: f64 = 0.5;
const RATE: f64 = 0.1;
/// Searches of k-means, of which the best counts.
const SEARCHES: usize = 10;
/// Images of a cluster that are shown, and most clusters.
const SHOWN: usize = 12;
const MOST: usize = 20;

/// log q of codes `[batch, code]` for centres `[clusters, code]`, `[batch, clusters]`: how much each code
/// belongs to each cluster, by Student's t distribution with one degree of freedom (Xie et al. 2016,
/// equation 1).
#[must_use]
pub fn soft_assignments(codes: &Var, centres: &Var) -> Var {
    static CLOSENESS: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("closeness", |[d]: [Expr; 1]| -d.log1p()));
    let distances = square_distances(codes, centres);
    CLOSENESS.apply(&[&distances]).log_softmax(1)
}

/// log p of log q `[batch, clusters]`, where the q of all data sum to `frequencies`, `[clusters]`: the same
/// assignments made sharper, `p ∝ q² / f` (Xie et al. 2016, equation 3).
#[must_use]
pub fn sharpened_assignments(log_q: &Var, frequencies: &Var) -> Var {
    (log_q * 2.0 - frequencies.log()).log_softmax(1)
}

/// An encoder, a decoder for the first phase, and cluster centres.
#[derive(Debug)]
struct Dec {
    body: Body,
    output: Output,
    activation: Activation,
    /// The encoder's layers, which the body runs.
    to_code: Vec<Linear>,
    /// c, `[clusters, code]`.
    centres: Param,
    target: Standing,
    tolerance: f64,
    image: Option<[usize; 3]>,
}

/// What P is computed from: all as it was when P was last renewed.
#[derive(Debug)]
struct Standing {
    /// Weight and bias of each layer of the encoder.
    layers: Vec<[Buffer; 2]>,
    centres: Buffer,
    /// f, `[clusters]`.
    frequencies: Buffer,
    /// The share of samples that had changed their cluster, and the clusters that had samples.
    changed: Buffer,
    used: Buffer,
}

impl Dec {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let (down, activation) = (settings.down(data), settings.layer());
        let to_code = layers(&down, activation, Start::Glorot, false, rng);
        let back = layers(&mirror(&down), activation, Start::Glorot, false, rng);
        let body = Body::new(
            sequence(&to_code, activation, false),
            sequence(&back, activation, false),
            [&down, &mirror(&down)[1..]].concat(),
        );
        let (clusters, latent) = (settings.count("clusters"), settings.count("latent"));
        // Until k-means has found better ones.
        let centres = Tensor::normal([clusters, latent], 0.0, 1.0, rng, DType::F32);
        let copy = |layer: &Linear| {
            let bias = layer.bias.as_ref().expect("a layer has a bias");
            [layer.weight.value(), bias.value()].map(Buffer::new)
        };
        let number = |value: f32| Buffer::new(Tensor::full([1], value));
        let target = Standing {
            layers: to_code.iter().map(copy).collect(),
            centres: Buffer::new(centres.clone()),
            frequencies: Buffer::new(Tensor::ones([clusters], DType::F32)),
            changed: number(1.0),
            used: number(clusters as f32),
        };
        Self {
            body,
            output: settings.word("output"),
            activation,
            to_code,
            centres: Param::new(centres),
            target,
            tolerance: settings.number("tolerance"),
            image: data.image(),
        }
    }

    /// log q of samples now.
    fn log_q(&self, x: &Var) -> Var {
        soft_assignments(&self.body.encode(x), &self.centres.beside(x))
    }

    /// log q of samples when P was last renewed.
    fn standing_log_q(&self, x: &Var) -> Var {
        let Standing {
            layers, centres, ..
        } = &self.target;
        let last = layers.len() - 1;
        let layer = |h: Var, (position, [weight, bias]): (usize, &[Buffer; 2])| {
            let z = h.affine(&weight.beside(x), &bias.beside(x));
            if position < last { self.activation.forward(&z) } else { z }
        };
        let code = layers.iter().enumerate().fold(x.clone(), layer);
        soft_assignments(&code, &centres.beside(x))
    }

    /// Renews P, and ends the phase if hardly any sample has changed its cluster since the last time.
    /// Before the first epoch it places the centres.
    fn renew(&self, pause: &mut Pause<'_>) {
        let mut codes = Vec::new();
        let mut before = Vec::new();
        for input in &mut *pause.batches {
            codes.push(self.body.encode(&input.x).into_value());
            before.push(self.standing_log_q(&input.x).value().argmax(1));
        }
        let is_first = pause.moment.epoch == 0;
        if is_first && !codes.is_empty() {
            let all = Tensor::cat(&codes, 0);
            let count = self.centres.shape()[0];
            let centres = k_means(&all, count, SEARCHES, pause.rng);
            self.centres.set(centres.cast(self.centres.dtype()));
        }
        let target = &self.target;
        let centres = Var::from(self.centres.value());
        let mut frequencies = target.frequencies.value().map(|_| 0.0).cast(DType::F64);
        let mut sizes = frequencies.clone();
        let (mut changed, mut samples) = (0, 0);
        for (codes, before) in codes.into_iter().zip(before) {
            let q = soft_assignments(&codes.into(), &centres).exp().into_value();
            let now = q.argmax(1);
            changed += now.iter().zip(before.iter()).filter(|(a, b)| a != b).count();
            samples += now.elements();
            let ones = Tensor::ones([now.elements(), 1], DType::F64);
            sizes = sizes + ones.scatter_add_rows(&now, self.centres.shape()[0]).sum(1);
            frequencies = frequencies + q.cast(DType::F64).sum(0);
        }
        let share = changed as f64 / samples.max(1) as f64;
        target.frequencies.set(frequencies);
        target.changed.set(Tensor::full([1], if is_first { 1.0 } else { share }));
        let used = sizes.iter().filter(|size| *size > 0.0).count();
        target.used.set(Tensor::full([1], used as f64));
        target.centres.set(self.centres.value());
        for (layer, [weight, bias]) in self.to_code.iter().zip(&target.layers) {
            weight.set(layer.weight.value());
            bias.set(layer.bias.as_ref().expect("a layer has a bias").value());
        }
        if !is_first && share < self.tolerance {
            pause.finish();
        }
    }
}

impl Module for Standing {
    fn forward(&self, x: &Var) -> Var {
        x.clone()
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (position, [weight, bias]) in self.layers.iter().enumerate() {
            visitor.buffer(&format!("{position}.weight"), weight);
            visitor.buffer(&format!("{position}.bias"), bias);
        }
        visitor.buffer("centres", &self.centres);
        visitor.buffer("frequencies", &self.frequencies);
        visitor.buffer("changed", &self.changed);
        visitor.buffer("used", &self.used);
    }
}

impl Module for Dec {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.body.encoder);
        visitor.child("decoder", &self.body.decoder);
        visitor.param("centres", &self.centres);
        visitor.child("target", &self.target);
    }
}

impl Autoencoder for Dec {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.body.encode(&input.x))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.output.reconstruction(&self.body.decode(code))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        static DIVERGENCE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("divergence_of_logs", |[p, q]: [Expr; 2]| {
                p.exp() * (&p - q)
            })
        });
        let x = &input.x;
        let log_p = sharpened_assignments(
            &self.standing_log_q(x),
            &self.target.frequencies.beside(x),
        );
        let divergence = DIVERGENCE.apply_sum(&[&log_p, &self.log_q(x)], ..);
        Terms::new("kl", divergence / input.samples() as f64)
            .watching("clusters", self.target.used.value().item())
            .watching("changed", self.target.changed.value().item())
    }

    fn unit(&self) -> &'static str {
        "divergence of assignments, nats per sample"
    }

    fn widths(&self) -> Vec<usize> {
        self.body.widths().to_vec()
    }

    fn clusters(&self, input: &Input) -> Option<Array<i64>> {
        Some(self.log_q(&input.x).value().argmax(1))
    }

    fn has(&self, ability: Ability) -> bool {
        ability == Ability::LeavesDecoder
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let log_q = self.log_q(&input.x).into_value();
        let own: Vec<usize> = log_q.argmax(1).iter().map(|k| k as usize).collect();
        let count = self.centres.shape()[0];
        let members = |k: usize| -> Vec<usize> {
            let mut rows: Vec<usize> = (0..own.len()).filter(|&row| own[row] == k).collect();
            rows.sort_by(|&a, &b| log_q.at(&[b, k]).total_cmp(&log_q.at(&[a, k])));
            rows
        };
        let sizes = Exhibit {
            heading: "Samples in each cluster".into(),
            sentence: "Held-out samples, by the cluster that they belong to most. A cluster of none is lost; one of nearly all says that codes have fallen together.".into(),
            content: Content::Bars {
                axes: ["cluster".into(), "samples".into()],
                heights: (0..count).map(|k| members(k).len() as f64).collect(),
                target: Some(("equal shares".into(), own.len() as f64 / count as f64)),
            },
        };
        let images = self.image.map(|sizes| {
            let row = |k: usize| {
                let mut rows = members(k);
                rows.truncate(SHOWN);
                (format!("cluster {k}"), input.x.value().rows(&rows))
            };
            let rows = (0..count.min(MOST)).map(row);
            Exhibit {
                heading: "What is in each cluster".into(),
                sentence: "The held-out images that belong most to each cluster. Which number a cluster has means nothing.".into(),
                content: Content::Images {
                    sizes,
                    rows: rows.filter(|(_, images)| images.shape()[0] > 0).collect(),
                },
            }
        });
        std::iter::once(sizes).chain(images).collect()
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let mut autoencoder = self.params();
        autoencoder.retain(|(path, _)| path != "centres");
        let mut clustering = self.params();
        clustering.retain(|(path, _)| !path.starts_with("decoder"));
        let reconstruction = |input: &Input, _: &Step| {
            let z = self.body.decode(&self.body.encode(&input.x));
            self.output.cost(&z, &Target::from(input))
        };
        let objective = |input: &Input, step: &Step| self.objective_at(input, step);
        vec![
            Phase::new("autoencoder", PRETRAINING, autoencoder, reconstruction)
                .measured_in(self.output.unit()),
            Phase::new("clustering", 1.0 - PRETRAINING, clustering, objective)
                .at_rate(RATE)
                .between_epochs(|pause| self.renew(pause)),
        ]
    }
}
