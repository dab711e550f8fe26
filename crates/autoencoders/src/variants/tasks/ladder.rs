//! The ladder network: a classifier that learns from few labels, since every one of its layers must also
//! take noise away from itself.
//!
//! ```text
//! clean     zₗ = N(Wₗ hₗ₋₁),  hₗ = a(zₗ + βₗ);  at the top  h = γ(z + β), the logits
//! noisy     z̃ₗ = N(Wₗ h̃ₗ₋₁) + ε,  ε ~ N(0, noise²), the same weights;  z̃₀ = x + ε
//! back      uₗ = N(Vₗ₊₁ ẑₗ₊₁),  ẑₗ = gₗ(z̃ₗ, uₗ);  at the top  u = N(softmax of the noisy logits)
//! min CE(noisy logits, labels) + Σₗ λₗ ‖zₗ − (ẑₗ − mₗ) / sₗ‖² / width
//! gₗ(z̃, u) = (z̃ − μ(u)) v(u) + μ(u),  μ and v each  a₁ σ(a₂u + a₃) + a₄u + a₅
//! ```
//!
//! N brings every unit to mean 0 and variance 1 over the batch. The way back sees a noisy layer and what the
//! layers above make of it, and has to say what the layer was without noise. A layer is so told to keep what
//! can be predicted, with labels or without.
//!
//! What is easily got wrong. The clean and the noisy pass normalise by **their own** statistics of the batch;
//! the estimate ẑ is brought to the scale of the clean pass, by mₗ and sₗ of that. In training, samples with a
//! label are normalised **apart** from those without: they are the same few again and again, and a network
//! that knows them by heart gives them other statistics than anything else that it will ever see. Noise is added at **every**
//! layer, after the normalisation. γ stands at the top alone: before a rectified unit the next layer's
//! weights undo it. What is measured, encoded and decoded has **the statistics of training**, running ones of
//! either pass over the samples without a label, so that it does not depend on what else is in a batch. The held-out loss is that of training,
//! with noise; `error`, codes and decoded codes are those of the clean pass: the share of wrong labels among
//! the samples whose label is known.
//!
//! The cross-entropy is a mean over the samples with a label, the squares are means over a layer and all
//! samples, where weights of samples count. Of x nothing is normalised (m = 0, s = 1).
//!
//! The code is the clean z of all layers, the one nearest to the sample first. `decode` has no sample to look
//! at, so at the input it gives μ(u), what the layers above expect of it.
//!
//! Changes with respect to the denoising autoencoder: noise and costs at every layer, normalisation, and a
//! classifier on top. With all λ at 0 it is a noisy classifier; without labels, and λ at the input alone, a
//! denoising autoencoder. Source: Rasmus, Valpola, Honkala, Berglund and Raiko 2015, with their "gauss"
//! function g; noise 0.3 and λ of 1000, 10 and 0.1 are theirs for 100 labels of MNIST.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Mode, Pointwise, Tape, Var};
use retrograd_nn::{
    Activation, Buffer, Counter, Init, Linear, Module, Param, Reduction, Schedule, Step, Terms, Visitor,
    loss, may_change,
};
use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{Array, DType, Tensor};

use crate::model::{
    Autoencoder, Code, Content, Exhibit, FewLabels, Input, Target, UNKNOWN,
};
use crate::registry::{
    ACTIVATION, CLASSES, Card, DataShape, Gradients, HIDDEN, Nonlinearity, OptimizerKind, Range,
    Recipe, Setting, Settings,
};
use crate::variants::robust::denoising;

pub(crate) const CARD: Card = Card {
    name: "ladder",
    aliases: &["laddernetwork", "rasmus"],
    summary: "A classifier from few labels, which takes noise away from each of its layers.",
    equation: "min CE + Σₗ λₗ ‖zₗ − N(ẑₗ)‖²,  ẑₗ = g(z̃ₗ, uₗ)",
    change: "noise and costs at every layer, and a classifier on top",
    source: "Rasmus, Valpola, Honkala, Berglund and Raiko 2015",
    parent: Some("denoising"),
    data: "digits",
    gradients: Gradients::Exact,
    // Layers that are normalised over a few samples.
    bends: true,
    settings: &[&[
        HIDDEN.by_default(|data| match data.image() {
            Some(_) => [1000, 500, 250, 250, 250].into(),
            None => [8 * data.half(), 4 * data.half()].into(),
        }),
        // Few units over a batch of three are bent enough.
        ACTIVATION
            .by_default(|_| Nonlinearity::Relu.into())
            .in_miniature(|_, _| Nonlinearity::Silu.into()),
        CLASSES,
        LABELLED,
        NOISE,
        LAMBDA,
        LAMBDA_FIRST,
        LAMBDA_REST,
    ]],
    recipe: |data| {
        let recipe = match data.image() {
            Some(_) => Recipe::new(5, 100, OptimizerKind::Adam, 2e-3),
            None => Recipe::new(30, 100, OptimizerKind::Adam, 2e-3),
        };
        Recipe {
            // Published: from two thirds on; this is the one that a run can be asked for by name.
            schedule: Schedule::CoolDown { from: 0.8 },
            ..recipe
        }
    },
    check: |_, _| Ok(()),
    model: |settings, data, rng| Box::new(Ladder::new(settings, data, rng)),
    ..denoising::CARD
};

const LABELLED: Setting = Setting::new(
    "labelled",
    "Training samples whose label is told.",
    Range::Count(1),
    |_| 100.into(),
);
const NOISE: Setting = Setting::new(
    "noise",
    "Standard deviation of the noise at every layer.",
    Range::NOT_NEGATIVE,
    |_| 0.3.into(),
);
const LAMBDA: Setting = Setting::new(
    "lambda",
    "Weight λ of the estimate of the input.",
    Range::NOT_NEGATIVE,
    |_| 1000.0.into(),
)
.in_miniature(|_, _| 10.0.into());
const LAMBDA_FIRST: Setting = Setting::new(
    "lambda-first",
    "Weight λ of the estimate of the first layer.",
    Range::NOT_NEGATIVE,
    |_| 10.0.into(),
)
.in_miniature(|_, _| 1.0.into());
const LAMBDA_REST: Setting = Setting::new(
    "lambda-rest",
    "Weight λ of the estimate of each layer above.",
    Range::NOT_NEGATIVE,
    |_| 0.1.into(),
);

/// What is added to variances.
const EPSILON: f64 = 1e-5;
/// The share of a batch in running statistics, when there were many.
const MOMENTUM: f64 = 0.1;
/// The numbers of g for a unit: five for μ, five for v.
const NUMBERS: usize = 10;

/// Layers up and down.
#[derive(Debug)]
struct Ladder {
    /// From the sample to the top.
    rungs: Vec<Rung>,
    /// γ, `[classes]`.
    scale: Param,
    /// The numbers of g at the sample, `[10, features]`.
    estimate: Param,
    /// N of what comes down to the sample.
    below: Norm,
    activation: Activation,
    noise: f64,
    lambdas: [f64; 3],
    few: FewLabels,
}

/// A layer: the way up to it and the way down from it.
#[derive(Debug)]
struct Rung {
    /// W, without a bias, which normalisation would take away.
    up: Linear,
    /// N of the clean pass, and of the noisy one.
    norm: Norm,
    noisy_norm: Norm,
    /// β, `[units]`.
    shift: Param,
    /// N of what comes down to the layer.
    above: Norm,
    /// The numbers of g, `[10, units]`.
    estimate: Param,
    /// V, from this layer to the one below.
    down: Linear,
}

/// Mean and variance of every unit in the batches that were seen.
#[derive(Debug)]
struct Norm {
    mean: Buffer,
    variance: Buffer,
    batches: Counter,
}

/// Mean and variance of every unit, `[units]` each, or `[batch, units]` where rows have their own.
#[derive(Clone)]
struct Statistics {
    mean: Var,
    variance: Var,
}

/// Rows of a batch that are normalised apart from the others.
struct Groups {
    /// 1 where a row is of a group, `[batch, groups]`.
    member: Var,
    /// The same over the rows of the group, `[groups, batch]`: times rows it is the mean of each group.
    share: Var,
}

impl Groups {
    /// Those whose label is known and the others; none in measuring, or if either are fewer than two.
    fn of(input: &Input) -> Option<Self> {
        let labels = input.labels.as_ref()?;
        let is_known = |row: usize| labels.at(&[row]) != UNKNOWN;
        let batch = input.samples();
        let known = (0..batch).filter(|&row| is_known(row)).count();
        let sizes = [known, batch - known];
        if input.x.mode() != Mode::Training || sizes.iter().any(|&size| size < 2) {
            return None;
        }
        let group = |row| usize::from(!is_known(row));
        let member = |at: &[usize]| f64::from(u8::from(group(at[0]) == at[1]));
        let share = |at: &[usize]| member(&[at[1], at[0]]) / sizes[at[0]] as f64;
        let dtype = input.x.dtype();
        Some(Self {
            member: Tensor::from_fn([batch, 2], member).cast(dtype).into(),
            share: Tensor::from_fn([2, batch], share).cast(dtype).into(),
        })
    }
}

impl Statistics {
    fn of(z: &Var) -> Self {
        Self {
            mean: z.mean(0),
            variance: z.var(0, 0.0),
        }
    }

    /// Of each row those of its group; and those of the last group.
    fn apart(z: &Var, groups: &Groups) -> [Self; 2] {
        let rows = |of: &Var| groups.member.matmul(of);
        let mean = groups.share.matmul(z);
        let own = rows(&mean);
        let variance = groups.share.matmul(&(z - &own).square());
        let last = Self {
            mean: mean.select(0, 1),
            variance: variance.select(0, 1),
        };
        let own = Self {
            mean: own,
            variance: rows(&variance),
        };
        [own, last]
    }

    /// (z − m) / s.
    fn normalise(&self, z: &Var) -> Var {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("standardise", |[z, m, v]: [Expr; 3]| {
                (z - m) / (v + EPSILON).sqrt()
            })
        });
        FORMULA.apply(&[z, &self.mean, &self.variance])
    }
}

impl Norm {
    fn new(units: usize) -> Self {
        Self {
            mean: Buffer::new(Tensor::zeros([units], DType::F32)),
            variance: Buffer::new(Tensor::ones([units], DType::F32)),
            batches: Counter::new(),
        }
    }

    /// Those of the batch, which are remembered (of two groups the last); in measuring what was remembered.
    fn statistics(&self, z: &Var, groups: Option<&Groups>) -> Statistics {
        if z.mode() != Mode::Training {
            return Statistics {
                mean: self.mean.beside(z),
                variance: self.variance.beside(z),
            };
        }
        let [own, seen] = match groups {
            Some(groups) => Statistics::apart(z, groups),
            None => {
                let all = Statistics::of(z);
                [all.clone(), all]
            }
        };
        if may_change(z) {
            // The first batches count the same, so that nothing is left of the start.
            let share = MOMENTUM.max(1.0 / self.batches.increment() as f64);
            let blend = |old: &Buffer, new: &Var| {
                old.set(old.value().scale(1.0 - share) + new.value().scale(share));
            };
            blend(&self.mean, &seen.mean);
            blend(&self.variance, &seen.variance);
        }
        own
    }
}

/// What a pass up leaves: z of the sample and of each layer, and the logits.
struct Pass {
    layers: Vec<Var>,
    /// Of each layer before normalisation.
    statistics: Vec<Statistics>,
    logits: Var,
}

impl Ladder {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let classes = settings.count("classes");
        let widths: Vec<usize> = std::iter::once(data.features())
            .chain(settings.widths("hidden").iter().copied())
            .chain([classes])
            .collect();
        let noise = settings.number("noise");
        let linear = |inputs, outputs, rng: &mut Rng| {
            Linear::with_init(inputs, outputs, Init::LecunNormal, rng).without_bias()
        };
        let rung = |pair: &[usize]| Rung {
            up: linear(pair[0], pair[1], rng),
            norm: Norm::new(pair[1]),
            noisy_norm: Norm::new(pair[1]),
            shift: Param::new(Tensor::zeros([pair[1]], DType::F32)),
            above: Norm::new(pair[1]),
            estimate: Param::new(numbers(pair[1], noise)),
            down: linear(pair[1], pair[0], rng),
        };
        Self {
            rungs: widths.windows(2).map(rung).collect(),
            scale: Param::new(Tensor::ones([classes], DType::F32)),
            estimate: Param::new(numbers(data.features(), noise)),
            below: Norm::new(data.features()),
            activation: settings.layer(),
            noise,
            lambdas: ["lambda", "lambda-first", "lambda-rest"].map(|name| settings.number(name)),
            few: FewLabels {
                classes,
                count: settings.count("labelled"),
            },
        }
    }

    /// z with noise, if there is some.
    fn noisy(z: &Var, noise: f64) -> Var {
        match z.tape() {
            Some(tape) if noise > 0.0 => {
                let draw = |rng: &mut Rng| Tensor::normal(*z.shape(), 0.0, noise, rng, z.dtype());
                z + Var::constant(tape.random(draw))
            }
            _ => z.clone(),
        }
    }

    /// The pass up, clean or with noise.
    fn up(&self, x: &Var, groups: Option<&Groups>, is_clean: bool) -> Pass {
        let noise = if is_clean { 0.0 } else { self.noise };
        let mut layers = vec![Self::noisy(x, noise)];
        let mut statistics = Vec::new();
        let mut h = layers[0].clone();
        for (position, rung) in self.rungs.iter().enumerate() {
            let before = rung.up.forward(&h);
            let norm = if is_clean { &rung.norm } else { &rung.noisy_norm };
            let own = norm.statistics(&before, groups);
            let z = Self::noisy(&own.normalise(&before), noise);
            h = &z + rung.shift.beside(x);
            if position + 1 < self.rungs.len() {
                h = self.activation.forward(&h);
            }
            layers.push(z);
            statistics.push(own);
        }
        Pass {
            layers,
            statistics,
            logits: h * self.scale.beside(x),
        }
    }

    /// The way down: the estimate of each layer, that of the sample first. Where no layer is given, what is
    /// expected of it.
    fn down(
        &self,
        logits: &Var,
        layers: &[Option<&Var>],
        groups: Option<&Groups>,
    ) -> Vec<Var> {
        let mut estimates = Vec::new();
        let mut from_above = logits.softmax(1);
        for (rung, z) in self.rungs.iter().zip(&layers[1..]).rev() {
            let own = rung.above.statistics(&from_above, groups);
            let u = own.normalise(&from_above);
            let estimate = estimate(*z, &u, &rung.estimate);
            from_above = rung.down.forward(&estimate);
            estimates.push(estimate);
        }
        let own = self.below.statistics(&from_above, groups);
        let u = own.normalise(&from_above);
        estimates.push(estimate(layers[0], &u, &self.estimate));
        estimates.reverse();
        estimates
    }

    fn lambda(&self, layer: usize) -> f64 {
        self.lambdas[layer.min(2)]
    }

    /// The mean over the samples whose label is known of their cross-entropy, and the share whose label is
    /// not the likeliest; 0 without any.
    fn judged(logits: &Var, labels: Option<&Array<i64>>) -> (Var, Option<f64>) {
        let known: Vec<usize> = labels.map_or_else(Vec::new, |labels| {
            let labels = labels.iter().enumerate();
            let known = labels.filter(|(_, label)| *label != UNKNOWN);
            known.map(|(row, _)| row).collect()
        });
        let Some(labels) = labels.filter(|_| !known.is_empty()) else {
            return (logits.sum(..) * 0.0, None);
        };
        let rows = known.iter().map(|&row| row as i64).collect();
        let own = logits.gather_rows(&Array::from_vec(rows, [known.len()]));
        let labels = labels.rows(&known);
        let likeliest = own.value().argmax(1);
        let wrong = likeliest.iter().zip(labels.iter()).filter(|(a, b)| a != b);
        let error = wrong.count() as f64 / known.len() as f64;
        let cost = loss::cross_entropy(&own, &labels);
        (cost, Some(error))
    }
}

/// The start of g: what is above says nothing, and a unit of variance 1 is estimated by its noisy value
/// times 1 / (1 + noise²), the best factor. (Published: times 0, where normalisation of what comes down has
/// nothing to work with.)
fn numbers(units: usize, noise: f64) -> Tensor {
    let start = |number: usize| match number {
        1 | 6 => 1.0,
        9 => 1.0 / (1.0 + noise * noise),
        _ => 0.0,
    };
    Tensor::from_fn([NUMBERS, units], |at| start(at[0])).cast(DType::F32)
}

/// g(z̃, u) with ten numbers for each unit; without z̃, μ(u).
fn estimate(z: Option<&Var>, u: &Var, numbers: &Param) -> Var {
    static BEND: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("bend", |[u, a, b, c, d, e]: [Expr; 6]| {
            a * (b * &u + c).sigmoid() + d * u + e
        })
    });
    static MIX: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("mix", |[z, m, v]: [Expr; 3]| (z - &m) * v + m)
    });
    let numbers = numbers.beside(u);
    let bend = |first: usize| {
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|number| numbers.select(0, first + number));
        BEND.apply(&[u, &a, &b, &c, &d, &e])
    };
    let expected = bend(0);
    match z {
        Some(z) => MIX.apply(&[z, &expected, &bend(5)]),
        None => expected,
    }
}

impl Module for Norm {
    fn forward(&self, x: &Var) -> Var {
        self.statistics(x, None).normalise(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.buffer("mean", &self.mean);
        visitor.buffer("variance", &self.variance);
        visitor.counter("batches", &self.batches);
    }
}

impl Module for Rung {
    fn forward(&self, x: &Var) -> Var {
        self.norm.forward(&self.up.forward(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("up", &self.up);
        visitor.child("norm", &self.norm);
        visitor.child("noisy_norm", &self.noisy_norm);
        visitor.param("shift", &self.shift);
        visitor.child("above", &self.above);
        visitor.param("estimate", &self.estimate);
        visitor.child("down", &self.down);
    }
}

impl Module for Ladder {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (position, rung) in self.rungs.iter().enumerate() {
            visitor.child(&format!("rungs.{position}"), rung);
        }
        visitor.param("scale", &self.scale);
        visitor.param("estimate", &self.estimate);
        visitor.child("below", &self.below);
    }
}

impl Autoencoder for Ladder {
    fn encode(&self, input: &Input) -> Code {
        let layers = self.up(&input.x, None, true).layers;
        Code::Layers(layers.into_iter().skip(1).map(Code::Point).collect())
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        let mut start = 0;
        let layers: Vec<Var> = self
            .rungs
            .iter()
            .map(|rung| {
                let end = start + rung.shift.shape()[0] as isize;
                let layer = code.slice(1, start..end);
                start = end;
                layer
            })
            .collect();
        let top = self.rungs.last().expect("there is a layer");
        let z = layers.last().expect("there is a layer");
        let logits = (z + top.shift.beside(code)) * self.scale.beside(code);
        let layers: Vec<Option<&Var>> = std::iter::once(None)
            .chain(layers.iter().map(Some))
            .collect();
        self.down(&logits, &layers, None).swap_remove(0)
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let groups = Groups::of(input);
        let groups = groups.as_ref();
        let clean = self.up(&input.x, groups, true);
        let noisy = self.up(&input.x, groups, false);
        let layers: Vec<Option<&Var>> = noisy.layers.iter().map(Some).collect();
        let estimates = self.down(&noisy.logits, &layers, groups);
        let labels = input.labels.as_ref();
        let (cost, _) = Self::judged(&noisy.logits, labels);
        let (_, error) = Self::judged(&clean.logits, labels);
        let weigh = |squares: Var| match &input.weights {
            // [batch, units] times [batch, 1].
            Some(weights) => squares * weights.unsqueeze(1),
            None => squares,
        };
        let square = |x: &Var, y: &Var| (x - y).square();
        let target = Target::from(input);
        let sample = target.mean(|x, over| match over {
            Reduction::Mean => weigh(square(x, &estimates[0])).mean(..),
            _ => weigh(square(x, &estimates[0])),
        });
        let terms = Terms::new("ce", cost).weighted("input", sample, self.lambda(0));
        let terms = (1..estimates.len()).fold(terms, |terms, layer| {
            let estimate = clean.statistics[layer - 1].normalise(&estimates[layer]);
            let squares = weigh(square(&clean.layers[layer], &estimate));
            terms.weighted(format!("layer {layer}"), squares.mean(..), self.lambda(layer))
        });
        match error {
            Some(error) => terms.watching("error", error),
            None => terms,
        }
    }

    fn unit(&self) -> &'static str {
        "cross-entropy of labels in nats, and squared errors of layers"
    }

    fn widths(&self) -> Vec<usize> {
        let features = self.estimate.shape()[1];
        let code = self.rungs.iter().map(|rung| rung.shift.shape()[0]).sum();
        vec![features, code, features]
    }

    fn few_labels(&self) -> Option<FewLabels> {
        Some(self.few)
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        // Noise comes from a tape.
        let tape = Tape::with(Mode::Evaluation, random::stream(0, "noise of an exhibit", &[]));
        let input = Input {
            x: tape.constant(input.x.value().clone()),
            ..input.clone()
        };
        let metrics = self.objective(&input).metrics();
        let layers = metrics.iter().filter(|(name, _)| *name == "input" || name.starts_with("layer"));
        vec![Exhibit {
            heading: "Error of each layer".into(),
            sentence: "Squared error of each layer of held-out samples, as it is made again from its noisy copy and the layers above. Bar 0 is the sample itself. The other layers have variance 1: an error of 1 is as bad as to know nothing of a layer.".into(),
            content: Content::Bars {
                axes: ["layer".into(), "squared error".into()],
                heights: layers.map(|(_, error)| error).collect(),
                target: None,
            },
        }]
    }

    fn clusters(&self, input: &Input) -> Option<Array<i64>> {
        Some(self.up(&input.x, None, true).logits.value().argmax(1))
    }
}
