//! Deep SVDD (support vector data description): codes of what is usual are drawn to one point, and what
//! lies far from it is not usual.
//!
//! ```text
//! autoencoder    min L(x, g(φ(x))) + λ Σ ½‖W‖²            over φ and g
//! sphere         min ‖φ(x) − c‖² + λ Σ ½‖W‖²             over φ alone
//! score          ‖φ(x) − c‖²
//! ```
//!
//! It is trained with samples of one kind, such as whole parts or honest payments. c is where their codes
//! are on average after the first phase. Drawing all codes to c asks φ for functions that hardly vary
//! among the samples, and on a sample of another kind those take other values.
//!
//! A φ that gives c for everything would be perfect and say nothing, so nothing that could give a constant
//! is allowed (propositions 1 to 4 of the source): no layer of φ has a bias (batch normalisation has no
//! shift), no activation has a bound or a value at 0 but 0 itself, and every number of c that is within ±0.1
//! is moved out to that, 0 to +0.1 (a φ of zeros would reach a c of zeros). c is a buffer: it is found once,
//! before the first step of the second phase, and saved with the weights. Whether the codes shrink to a
//! point nevertheless says `spread`, the sum of their variances over a batch.
//!
//! Changes with respect to the deep autoencoder: the second phase, a linear code, no biases. Source: Ruff et
//! al. 2018, equation 4 (one-class; their other form with a radius is not here), and their program, whose
//! network for digits is the body `convolutional`. Distances are summed over the code and averaged over the
//! batch; the first phase has the reductions of its output. λ holds in both: the program has 5e-4 beside an
//! error that is summed over 784 pixels and 5e-7 later, which is nearly the same here. After the second
//! phase the decoder no longer fits the encoder.

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, BatchNorm2d, Buffer, Conv2d, Flatten, Linear, MaxPool2d, Module, Param, Reshape,
    Sequential, Step, Terms, Upsample, Visitor,
};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use crate::model::{
    Ability, Autoencoder, Code, Content, Exhibit, Input, Pause, Phase, Target,
};
use crate::parts::convolution::{halved, sizes};
use crate::parts::dense::{Start, layers, mirror, sequence, through};
use crate::parts::{Body, Output, Per, checks, penalty};
use crate::registry::{
    ACTIVATION, BODY, BodyKind, CHANNELS, Card, DataShape, Gradients, HIDDEN, LAMBDA, LATENT,
    Nonlinearity, OUTPUT, OptimizerKind, Recipe, Setting, Settings, Value,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "svdd",
    aliases: &["deepsvdd", "oneclass", "anomaly", "sphere"],
    summary: "Codes of the usual are drawn to a point; the unusual lies far from it.",
    equation: "min ‖φ(x) − c‖² + λ Σ ½‖W‖²,  c the mean code after training as an autoencoder",
    change: "a second phase, which draws codes to their centre",
    source: "Ruff, Vandermeulen, Goernitz, Deecke, Siddiqui, Binder, Müller and Kloft 2018",
    parent: Some("deep"),
    data: "oneclass",
    gradients: Gradients::ExactBesides("equal numbers in the window of a pool"),
    settings: &[SETTINGS],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 200, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(40, 200, OptimizerKind::Adam, 1e-3),
    },
    check,
    model: |settings, data, rng| Box::new(Svdd::new(settings, data, rng)),
    ..deep::CARD
};

const SETTINGS: &[Setting] = &[
    LATENT.by_default(|data| data.pick(32, data.half(), data.half()).into()),
    HIDDEN.by_default(|data| match data.image() {
        // Convolutions lead straight to the code.
        Some(_) => Value::Widths(Vec::new()),
        None => [8 * data.half(), 4 * data.half()].into(),
    }),
    BODY.by_default(|_| BodyKind::Convolutional.into())
        .in_miniature(|_, _| BodyKind::Dense.into()),
    CHANNELS
        .by_default(|_| [8, 4].into())
        // The pool of one map has few kinks.
        .in_miniature(|_, _| [1].into())
        .only_for(|data| data.image().is_some()),
    ACTIVATION
        .by_default(|_| Nonlinearity::LeakyRelu.into())
        .in_miniature(|_, _| Nonlinearity::Silu.into()),
    OUTPUT.by_default(|data| data.pick(Output::Squashed, Output::Squashed, Output::Real).into()),
    LAMBDA.by_default(|_| 5e-7.into()),
];

/// Numbers of the centre are at least so far from 0.
const LEAST: f64 = 0.1;
/// The side of a convolution's window, and what batch normalisation adds to a variance.
const WINDOW: usize = 5;
const EPSILON: f64 = 1e-4;
/// The share of the epochs that goes to the autoencoder.
const PRETRAINING: f64 = 0.5;
/// Images that are shown at each end.
const SHOWN: usize = 16;

fn check(settings: &Settings, data: DataShape) -> Result<(), String> {
    let units: Nonlinearity = settings.word("activation");
    if !is_allowed(units) {
        return Err(format!(
            "{} units have a bound or are not 0 at 0, so that the encoder could give one code for everything; use leaky-relu, relu, silu, gelu or identity",
            crate::registry::Word::name(units)
        ));
    }
    if is_convolutional(settings) {
        if !settings.widths("hidden").is_empty() {
            return Err("a convolutional body leads straight to the code and has no hidden layers; leave hidden out, or use --body dense".to_owned());
        }
        halved(sizes(data)?, settings.widths("channels").len())?;
    }
    checks::narrow_and_reaches(settings, data)
}

/// Whether a unit has no bound at which it could stay, and gives 0 for 0.
fn is_allowed(units: Nonlinearity) -> bool {
    match units {
        Nonlinearity::Identity
        | Nonlinearity::Relu
        | Nonlinearity::LeakyRelu
        | Nonlinearity::Gelu
        | Nonlinearity::Silu => true,
        Nonlinearity::Elu
        | Nonlinearity::Selu
        | Nonlinearity::Sigmoid
        | Nonlinearity::Tanh
        | Nonlinearity::Softplus => false,
    }
}

fn is_convolutional(settings: &Settings) -> bool {
    settings.word_if_any("body") == Some(BodyKind::Convolutional)
}

/// Codes around a centre.
#[derive(Debug)]
struct Svdd {
    body: Body,
    output: Output,
    /// c, `[code]`; 0.1 everywhere until the second phase begins.
    centre: Buffer,
    lambda: f64,
    image: Option<[usize; 3]>,
}

impl Svdd {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let (down, activation) = (settings.down(data), settings.layer());
        let body = match data.image() {
            Some(sample) if is_convolutional(settings) => {
                let (channels, latent) = (settings.widths("channels"), settings.count("latent"));
                convolutional(sample, channels, latent, activation, rng)
            }
            _ => {
                let [encoder, decoder] = [down.clone(), mirror(&down)].map(|widths| {
                    let layers = layers(&widths, activation, Start::He, false, rng);
                    let layers: Vec<_> = layers.into_iter().map(Linear::without_bias).collect();
                    sequence(&layers, activation, false)
                });
                let inner = &mirror(&down)[1..];
                Body::new(encoder, decoder, [&down, inner].concat())
            }
        };
        Self {
            body,
            output: settings.word("output"),
            centre: Buffer::new(Tensor::full([settings.count("latent")], LEAST).cast(DType::F32)),
            lambda: settings.number("lambda"),
            image: data.image(),
        }
    }

    /// φ(x) − c, `[batch, code]`.
    fn apart(&self, input: &Input) -> Var {
        self.body.encode(&input.x) - self.centre.beside(&input.x)
    }

    fn decay(&self, of: &str, input: &Input) -> Var {
        let params = self.params().into_iter();
        let weights: Vec<Param> = params
            .filter(|(path, _)| path.starts_with(of))
            .map(|(_, param)| param)
            .collect();
        penalty::decay(&weights, &input.x)
    }

    /// Before the first step of the second phase: the centre is where all codes are on average.
    fn find_centre(&self, pause: &mut Pause<'_>) {
        if pause.moment.epoch > 0 {
            return;
        }
        let mut sum = self.centre.value().map(|_| 0.0).cast(DType::F64);
        let mut count = 0;
        for input in &mut *pause.batches {
            let codes = self.body.encode(&input.x).into_value();
            count += codes.shape()[0];
            sum = sum + codes.cast(DType::F64).sum(0);
        }
        self.centre.set(centre(&sum.scale(1.0 / count.max(1) as f64)));
    }

    /// What is nearest to the centre and what is farthest from it.
    fn ends(&self, input: &Input, distances: &[f64], sizes: [usize; 3]) -> Exhibit {
        let mut order: Vec<usize> = (0..distances.len()).collect();
        order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        let shown = SHOWN.min(order.len());
        let rows = |rows: &[usize]| input.x.value().rows(rows);
        let near = rows(&order[..shown]);
        order.reverse();
        Exhibit {
            heading: "Nearest to the centre and farthest from it".into(),
            sentence: "Held-out images by the distance of their codes, which is their score. Below should stand what is odd.".into(),
            content: Content::Images {
                sizes,
                rows: vec![("nearest".into(), near), ("farthest".into(), rows(&order[..shown]))],
            },
        }
    }
}

/// A mean code as a centre: no number of it is within ±0.1.
pub(crate) fn centre(mean: &Tensor) -> Tensor {
    mean.map(|c| match c {
        c if c.abs() >= LEAST => c,
        c if c < 0.0 => -LEAST,
        _ => LEAST,
    })
}

/// For images of these channels, height and width: convolutions and pools to a linear layer, and the way
/// back by repeated pixels; no biases.
fn convolutional(
    sample: [usize; 3],
    channels: &[usize],
    latent: usize,
    activation: Activation,
    rng: &mut Rng,
) -> Body {
    let [height, width] = halved(sample, channels.len()).expect("checked sides can be halved");
    let colours = sample[0];
    let coarse = channels.last().copied().unwrap_or(colours);
    let flat = coarse * height * width;
    let reshape = |sizes: [usize; 3]| Reshape::new(&sizes.map(|size| size as isize));
    let norm = |channels: usize| BatchNorm2d::new(channels).epsilon(EPSILON).without_affine();
    let conv = |inputs: usize, outputs: usize, rng: &mut Rng| {
        Conv2d::new(inputs, outputs, [WINDOW; 2], rng)
            .same()
            .without_bias()
    };
    let maps = through(colours, &channels[..channels.len() - 1], coarse);
    let encoder = maps.windows(2).fold(
        Sequential::new().with(reshape(sample)),
        |network, pair| {
            network
                .with(conv(pair[0], pair[1], rng))
                .with(norm(pair[1]))
                .with(activation)
                .with(MaxPool2d::new([2, 2]))
        },
    );
    let encoder = encoder
        .with(Flatten::default())
        .with(Linear::new(flat, latent, rng).without_bias());
    let decoder = Sequential::new()
        .with(Linear::new(latent, flat, rng).without_bias())
        .with(reshape([coarse, height, width]));
    let back = mirror(&maps);
    let decoder = back.windows(2).fold(decoder, |network, pair| {
        network
            .with(norm(pair[0]))
            .with(activation)
            .with(Upsample::by([2.0, 2.0]))
            .with(conv(pair[0], pair[1], rng))
    });
    let features = sample.iter().product();
    Body::new(
        encoder,
        decoder.with(Flatten::default()),
        vec![features, flat, latent, flat, features],
    )
}

impl Module for Svdd {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.body.encoder);
        visitor.child("decoder", &self.body.decoder);
        visitor.buffer("centre", &self.centre);
    }
}

impl Autoencoder for Svdd {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.body.encode(&input.x))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.output.reconstruction(&self.body.decode(code))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let apart = self.apart(input);
        // Of one sample there is no variance.
        let spread = apart.var(0, 0.0).sum(..);
        Terms::new("distance", apart.squared_norm(1).mean(..))
            .weighted("l2", self.decay("encoder", input), self.lambda)
            .watching("spread", spread)
    }

    fn unit(&self) -> &'static str {
        "squared distance of codes from the centre, and penalties"
    }

    fn widths(&self) -> Vec<usize> {
        self.body.widths().to_vec()
    }

    fn score(&self, input: &Input) -> Option<Var> {
        Some(self.apart(input).squared_norm(1))
    }

    fn has(&self, ability: Ability) -> bool {
        ability == Ability::LeavesDecoder
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let distances = self.apart(input).squared_norm(1).value().to_vec();
        let mut heights = distances.clone();
        heights.sort_by(f64::total_cmp);
        let sorted = Exhibit {
            heading: "Distances from the centre".into(),
            sentence: "Held-out samples, the nearest first. A bend upwards at the right is where the unusual begins; a flat line says that the codes have shrunk to a point.".into(),
            content: Content::Bars {
                axes: ["sample".into(), "squared distance".into()],
                heights,
                target: None,
            },
        };
        let ends = self.image.map(|sizes| self.ends(input, &distances, sizes));
        std::iter::once(sorted).chain(ends).collect()
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let pretraining = |input: &Input, _: &Step| {
            let z = self.body.decode(&self.body.encode(&input.x));
            let cost = self.output.cost(&z, &Target::from(input));
            cost.weighted("l2", self.decay("", input), self.lambda)
        };
        let mut encoder = self.params();
        encoder.retain(|(path, _)| path.starts_with("encoder"));
        let objective = |input: &Input, step: &Step| self.objective_at(input, step);
        vec![
            Phase::new("autoencoder", PRETRAINING, self.params(), pretraining)
                .measured_in(self.output.unit_per(Per::Feature, true)),
            Phase::new("sphere", 1.0 - PRETRAINING, encoder, objective)
                .between_epochs(|pause| self.find_centre(pause)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_a_centre_is_near_zero() {
        let mean = Tensor::from_vec(vec![0.3, -0.02, 0.02, 0.0, -0.5, -0.1], [6]);
        let expected = [0.3, -0.1, 0.1, 0.1, -0.5, -0.1];
        assert_eq!(centre(&mean).to_vec(), expected);
    }
}
