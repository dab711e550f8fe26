//! MADE (masked autoencoder for distribution estimation): the reconstruction of every number sees only
//! those before it, so all of them together are the probability of the sample.
//!
//! ```text
//! min −Σᵢ log p(xᵢ | x before i)        p(x) = Πᵢ p(xᵢ | x before i)
//! ```
//!
//! Every input, hidden unit and output has a number: inputs and outputs i of 1 … D by their place in an
//! order, hidden units m of 1 … D − 1 spread evenly. A weight stays where what it leads to may see what it
//! comes from, and is 0 elsewhere:
//!
//! ```text
//! into a hidden unit      m(to) ≥ m(from)
//! into an output          i(to) > m(from)
//! straight to an output   i(to) > i(from)        with `direct`
//! ```
//!
//! So output i depends on the inputs before i alone, and the first is a bias. Sums over all samples of p are
//! 1, which no other variant's loss says. The order is that of the data, or a shuffled one that is drawn with
//! the start values and saved with the weights. One order is one model: averaging the numbers of several
//! orders, as programs do that are cited with better figures, gives no likelihood unless probabilities of
//! whole samples are averaged.
//!
//! A sample is drawn a number at a time, which takes D passes. There is no code in the sense of the other
//! variants: `encode` gives **what the output layer reads**, the last hidden layer, and with `direct` the
//! sample beside it; `decode` gives the probabilities from that. Of data in [0, 1] that is not 0 or 1, the
//! loss is the cross-entropy of shares, and no likelihood.
//!
//! Changes with respect to the deep autoencoder: masks, and sums in place of means. Source: Germain, Gregor,
//! Murray and Larochelle 2015, equations 8 to 11. In nats, summed over features, averaged over the batch.

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, Buffer, MaskedLinear, Module, Sequential, Step, Terms, Visitor, Weighted,
};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor, random};

use crate::model::{
    Autoencoder, Code, Content, Exhibit, Input, Likelihood, NATS, Target,
};
use crate::registry::{
    ACTIVATION, Card, DataShape, Gradients, HIDDEN, Nonlinearity, OptimizerKind, Range, Recipe,
    Setting, Settings, Word, words,
};
use crate::variants::dense::deep;

pub(crate) const CARD: Card = Card {
    name: "made",
    aliases: &["maskedautoencoder", "autoregressive", "mademlp"],
    summary: "Each number is told from those before it; gives the probability of a sample.",
    equation: "min −Σᵢ log p(xᵢ | x₁ … xᵢ₋₁)",
    change: "masks, by which no number sees itself or later ones",
    source: "Germain, Gregor, Murray and Larochelle 2015",
    parent: Some("deep"),
    gradients: Gradients::Exact,
    settings: &[&[
        HIDDEN.by_default(|data| match data.image() {
            Some(_) => [500].into(),
            None => [8 * data.half()].into(),
        }),
        ACTIVATION.by_default(|_| Nonlinearity::Relu.into()),
        ORDER,
        DIRECT,
    ]],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
    },
    check: |settings, data| {
        if settings.widths("hidden").is_empty() {
            return Err("what the output layer reads is its code; give hidden a width".to_owned());
        }
        if data.is_unit() {
            return Ok(());
        }
        Err("it gives the probability of a 1 and the data is not between 0 and 1; scale the data to [0, 1]".to_owned())
    },
    model: |settings, data, rng| Box::new(Made::new(settings, data, rng)),
    ..deep::CARD
};

/// Which number is before which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Natural,
    Shuffled,
}

words!(Order {
    Natural = "natural",
    Shuffled = "shuffled",
});

const ORDER: Setting = Setting::new(
    "order",
    "Which number comes before which: that of the data, or a random one.",
    Range::Words(Order::NAMES),
    |_| Order::Natural.into(),
);

const DIRECT: Setting = Setting::new(
    "direct",
    "Whether outputs also read the inputs before them without a hidden layer.",
    Range::Switch,
    |_| false.into(),
);

/// The images that are drawn to be looked at.
const SHOWN: usize = 16;
const SEED: u64 = 0;

/// Masked layers.
#[derive(Debug)]
struct Made {
    /// Up to the last hidden layer.
    hidden: Sequential,
    output: MaskedLinear,
    direct: Option<MaskedLinear>,
    /// The place of each feature in the order, `[features]`, from 0.
    order: Buffer,
    widths: Vec<usize>,
    image: Option<[usize; 3]>,
}

impl Made {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let features = data.features();
        let places: Vec<usize> = match settings.word("order") {
            Order::Natural => (0..features).collect(),
            Order::Shuffled => shuffled(features, rng),
        };
        let activation: Activation = settings.layer();
        // Of inputs and outputs 1 to D; of hidden units 1 to D − 1.
        let inputs: Vec<usize> = places.iter().map(|place| place + 1).collect();
        let mut before = inputs.clone();
        let mut hidden = Sequential::new();
        for &width in settings.widths("hidden") {
            let own: Vec<usize> = (0..width).map(|unit| degree(unit, width, features)).collect();
            let layer = MaskedLinear::new(mask(&own, &before, |to, from| to >= from), rng);
            hidden = hidden.with(layer).with(activation);
            before = own;
        }
        let output = MaskedLinear::new(mask(&inputs, &before, |to, from| to > from), rng);
        let direct = settings.switch("direct").then(|| {
            let mask = mask(&inputs, &inputs, |to, from| to > from);
            MaskedLinear::new(mask, rng).without_bias()
        });
        let inner = settings.widths("hidden");
        let (last, earlier) = inner.split_last().expect("checked widths are some");
        let code = last + if direct.is_some() { features } else { 0 };
        Self {
            hidden,
            output,
            direct,
            order: Buffer::new(Tensor::from_fn([features], |at| places[at[0]] as f64).cast(DType::F32)),
            widths: [&[features], earlier, &[code, features]].concat(),
            image: data.image(),
        }
    }

    /// What the output layer reads.
    fn read(&self, x: &Var) -> Var {
        let units = self.hidden.forward(x);
        match self.direct {
            Some(_) => Var::cat(&[&units, x], 1),
            None => units,
        }
    }

    /// The logits of all numbers, from what the output layer reads.
    fn logits(&self, code: &Var) -> Var {
        let Some(direct) = &self.direct else {
            return self.output.forward(code);
        };
        let units = self.output.weight().shape()[1] as isize;
        let x = code.slice(1, units..);
        self.output.forward(&code.slice(1, ..units)) + direct.forward(&x)
    }
}

/// The number of a hidden unit: 1 to features − 1, spread evenly over the layer. One feature has nothing
/// before it, and no unit leads to it.
fn degree(unit: usize, width: usize, features: usize) -> usize {
    match features - 1 {
        0 => 1,
        most => 1 + unit * most / width,
    }
}

/// 1 where a unit of number `to` may read one of number `from`, `[to, from]`.
fn mask(to: &[usize], from: &[usize], may: impl Fn(usize, usize) -> bool) -> Tensor {
    Tensor::from_fn([to.len(), from.len()], |at| {
        f64::from(may(to[at[0]], from[at[1]]))
    })
    .cast(DType::F32)
}

/// The numbers below `count`, each once, in a random order.
fn shuffled(count: usize, rng: &mut Rng) -> Vec<usize> {
    let draws = Tensor::uniform([count], 0.0, 1.0, rng, DType::F64).to_vec();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| draws[a].total_cmp(&draws[b]));
    order
}

impl Module for Made {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("hidden", &self.hidden);
        visitor.child("output", &self.output);
        if let Some(direct) = &self.direct {
            visitor.child("direct", direct);
        }
        visitor.buffer("order", &self.order);
    }
}

impl Autoencoder for Made {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.read(&input.x))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        Likelihood::Bernoulli.mean(&self.logits(code))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let z = self.logits(&self.read(&input.x));
        let likelihood = Likelihood::Bernoulli;
        Terms::new(likelihood.name(), likelihood.cost(&z, &Target::from(input)))
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        self.widths.clone()
    }

    fn sample(&self, count: usize, rng: &mut Rng) -> Option<Tensor> {
        let places = self.order.value().to_vec();
        let features = places.len();
        let mut order: Vec<usize> = (0..features).collect();
        order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
        let mut x = Tensor::zeros([count, features], self.dtype());
        for feature in order {
            let shares = self.forward(&x.clone().into()).into_value();
            let column = feature as isize..feature as isize + 1;
            let shares = shares.slice(1, column.clone());
            let draws = Tensor::uniform([count, 1], 0.0, 1.0, rng, DType::F64);
            let ones = (draws - shares.cast(DType::F64)).map(|below| f64::from(below < 0.0));
            x = x.with(1, column, &ones.cast(x.dtype()));
        }
        Some(x)
    }

    fn exhibits(&self, _: &Input) -> Vec<Exhibit> {
        let draw = |sizes| {
            let images = self.sample(SHOWN, &mut random::rng(SEED))?;
            Some(Exhibit {
                heading: "New images, drawn a pixel at a time".into(),
                sentence: "Each pixel is 0 or 1 with the probability that the pixels before it give it.".into(),
                content: Content::Images {
                    sizes,
                    rows: vec![("new".into(), images)],
                },
            })
        };
        self.image.and_then(draw).into_iter().collect()
    }
}
