//! The semi-supervised model M2: a label that is given for a few samples, and guessed for the others.
//!
//! ```text
//! L(x, y) = −log p(x|y, z) − log p(y) + KL(q(z|x, y) ‖ N(0, 1))
//! label given      min L(x, y) − α log q(y|x)
//! label unknown    min Σ_y q(y|x) L(x, y) − H(q(y|x))
//! ```
//!
//! With the label given this is the conditional autoencoder. Where nobody knows it, the bound is what the
//! conditional one costs on average over the labels that the classifier q(y|x) thinks possible, less the
//! entropy of that guess. So all samples teach the classifier: a label under which the sample is dear is
//! a wrong one. All labels are tried, so an unknown one costs as much time as ten given ones.
//!
//! **Nothing may be left out.** Without the entropy H the guess is as sure as it can be, right or wrong.
//! −log p(y), of labels as likely as each other, is the same number everywhere, and without it the bound
//! is none. The bound alone teaches the classifier nothing where the label is given; that is what the α
//! term is for. In the source it is α N/N_l times the cross-entropy of a labelled sample in a sum over all N
//! samples; of the mean over samples, which is minimised here, that is α times the mean cross-entropy over
//! those with a label. The source's α of 0.1 is for thousands of epochs; 10 is what tens of them need.
//! Weights of the label start at 0: with random ones some label is the cheapest of all samples, and the
//! classifier believes that sooner than the labels.
//!
//! `labelled` training samples keep their label, equally many of each; about half of each batch are these,
//! and weights make the mean that over all samples again. In measuring every sample counts as unknown: the
//! loss is the bound on −log p(x), and a label that is there judges the classifier (`accuracy`). A code is
//! z beside the likeliest label.
//!
//! Changes with respect to the conditional autoencoder: the classifier. With all labels given it is that,
//! and a classifier beside it. Source: Kingma, Rezende, Mohamed and Welling 2014, equations 6 to 9. Sums over
//! features and code, means over the batch: nats per sample.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Sequential, Step, Terms, Visitor, loss};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Shape, Tensor, random};

use crate::composed::{Beside, Parts, Variational};
use crate::model::{
    Autoencoder, Categorical, Code, Content, Exhibit, FewLabels, Gaussian, Input, Likelihood, NATS,
    Posterior, Prior, Target, UNKNOWN, gumbel, noise, one_hot,
};
use crate::parts::Start;
use crate::parts::dense::stack;
use crate::registry::{
    CLASSES, Card, DECODER, DEVIATION, LATENT, OptimizerKind, Range, Recipe, Setting,
    Settings,
};
use crate::variants::variational::conditional;
use crate::variants::variational::variational::{self, likelihood};

pub(crate) const CARD: Card = Card {
    name: "m2",
    aliases: &["semisupervised", "ssvae", "ssl"],
    summary: "Told the label of a few samples, it guesses those of the others.",
    equation: "min L(x, y) − α log q(y|x), or Σ q(y|x) L(x, y) − H(q(y|x))",
    change: "a classifier for labels that nobody knows",
    source: "Kingma, Rezende, Mohamed and Welling 2014",
    parent: Some("conditional"),
    settings: &[SETTINGS],
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(5, 100, OptimizerKind::Adam, 1e-3),
        None => Recipe::new(20, 100, OptimizerKind::Adam, 1e-3),
    },
    check: |settings, data| {
        enough(settings)?;
        (variational::CARD.check)(settings, data)
    },
    model: |settings, data, rng| {
        let down = settings.down(data);
        let model = SemiSupervised::dense(settings, &down, likelihood(settings), rng);
        Box::new(model.of_images(data.image()))
    },
    ..conditional::CARD
};

pub(crate) const SETTINGS: &[Setting] = &[
    LATENT.by_default(|data| data.pick(20, data.half(), data.half()).into()),
    variational::WIDTHS.by_default(|data| match data.image() {
        Some(_) => [256].into(),
        None => [4 * data.half()].into(),
    }),
    variational::UNITS,
    DECODER,
    DEVIATION,
    CLASSES,
    LABELLED,
    ALPHA,
];
const LABELLED: Setting = Setting::new(
    "labelled",
    "Training samples whose label is told, equally many of each label.",
    Range::Count(1),
    |_| 100.into(),
);
const ALPHA: Setting = Setting::new(
    "alpha",
    "Weight α of the classifier's mean cross-entropy where the label is told.",
    Range::NOT_NEGATIVE,
    |_| 10.0.into(),
);

/// Whether there can be a sample for each label.
pub(crate) fn enough(settings: &Settings) -> Result<(), String> {
    let (labelled, classes) = (settings.count("labelled"), settings.count("classes"));
    if labelled >= classes {
        return Ok(());
    }
    Err(format!(
        "{labelled} labelled samples of {classes} labels, of which each needs one; give labelled {classes} or more"
    ))
}

/// A conditional model and a classifier that stands in where the label is unknown.
#[derive(Debug)]
pub(crate) struct SemiSupervised {
    conditional: Variational,
    /// q(y|x) up to its softmax.
    classifier: Sequential,
    latent: usize,
    few: FewLabels,
    alpha: f64,
    prior: Beside,
    image: Option<[usize; 3]>,
}

/// What a batch costs, each a mean over the batch in nats.
pub(crate) struct Nats {
    pub(crate) cost: Var,
    pub(crate) code: Var,
    pub(crate) label: Var,
    /// The classifier's cross-entropy where the label is told, if it is anywhere.
    pub(crate) told: Option<Var>,
    /// The share of the labels there are that it guesses.
    pub(crate) accuracy: Option<f64>,
}

impl Nats {
    /// These as terms after others, if there are any; `told` counts α times.
    pub(crate) fn added_to(self, terms: Option<Terms>, cost: &'static str, alpha: f64) -> Terms {
        let terms = match terms {
            None => Terms::new(cost, self.cost),
            Some(terms) => terms.with(cost, self.cost),
        };
        let terms = terms.with("kl", self.code).with("kl_label", self.label);
        let terms = match self.told {
            Some(told) => terms.weighted("ce", told, alpha),
            None => terms,
        };
        match self.accuracy {
            Some(accuracy) => terms.watching("accuracy", accuracy),
            None => terms,
        }
    }
}

/// Sums over rows of a batch: of −log p(x|y, z), of the code's divergence, and of the label's.
type Sums = [Var; 3];

impl SemiSupervised {
    /// Fully connected through the widths in `down` from features to code, the classifier through all but
    /// the last.
    pub(crate) fn dense(
        settings: &Settings,
        down: &[usize],
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let classes = settings.count("classes");
        let units = settings.layer();
        let [through @ .., latent] = down else {
            panic!("widths from features to code, not {down:?}");
        };
        let conditional = Variational::dense(down, classes, units, likelihood, rng);
        // What a label says is still to be learnt: with columns of its own at random, some label would be
        // the cheapest of all samples, and the classifier would believe it.
        for (half, width) in [
            (&conditional.encoder, down[0]),
            (&conditional.decoder, *latent),
        ] {
            if let Some((_, weight)) = half.params().first() {
                let value = weight.value();
                let kept = value.slice(1, ..width as isize);
                let zeros = Tensor::zeros([value.shape()[0], classes], value.dtype());
                weight.set(Tensor::cat(&[kept, zeros], 1));
            }
        }
        let widths = [through, &[classes]].concat();
        let parts = Parts {
            normal: *latent,
            groups: 1,
            categories: classes,
        };
        Self {
            conditional,
            classifier: stack(&widths, units, Start::He, false, rng),
            latent: *latent,
            few: FewLabels {
                classes,
                count: settings.count("labelled"),
            },
            alpha: settings.number("alpha"),
            prior: Beside::of(parts),
            image: None,
        }
    }

    /// The same, whose samples are images: what each label looks like is shown.
    pub(crate) fn of_images(self, image: Option<[usize; 3]>) -> Self {
        Self { image, ..self }
    }

    pub(crate) fn alpha(&self) -> f64 {
        self.alpha
    }

    /// What a batch costs. In training labels count where there are some; in measuring they only judge.
    pub(crate) fn nats(&self, input: &Input, is_training: bool) -> Nats {
        let samples = input.samples();
        let labels = input.labels.as_ref().map(Array::to_vec);
        let labels = labels.unwrap_or_else(|| vec![UNKNOWN; samples]);
        let logits = self.classifier.forward(&input.x);
        let is_told = |row: &usize| is_training && labels[*row] != UNKNOWN;
        let (told, hidden): (Vec<usize>, Vec<usize>) = (0..samples).partition(is_told);
        let of_told: Vec<i64> = told.iter().map(|&row| labels[row]).collect();

        let given = (!told.is_empty()).then(|| self.given(input, &told, &of_told));
        let guessed = (!hidden.is_empty()).then(|| self.guessed(input, &hidden, &logits));
        let sums = match (given, guessed) {
            (Some([a, b, c]), Some([d, e, f])) => [a + d, b + e, c + f],
            (Some(sums), None) | (None, Some(sums)) => sums,
            (None, None) => [(); 3].map(|()| input.x.scalar_like(0.0)),
        };
        let [cost, code, label] = sums.map(|sum| sum / samples as f64);
        let told = (!told.is_empty()).then(|| {
            let logits = logits.index_select(0, &places(&told));
            let count = of_told.len();
            loss::cross_entropy(&logits, &Array::from_vec(of_told, [count]))
        });
        Nats {
            cost,
            code,
            label,
            told,
            accuracy: accuracy(&logits, &labels),
        }
    }

    /// L(x, y) of rows with these labels.
    fn given(&self, input: &Input, rows: &[usize], labels: &[i64]) -> Sums {
        let [cost, code] = self.costs(input, rows, labels);
        let own = rows.len();
        let label = cost.scalar_like((self.few.classes as f64).ln());
        let label = label.broadcast_to([own]);
        [cost, code, label].map(|nats| weighted(input, rows, &nats))
    }

    /// Σ_y q(y|x) L(x, y) − H(q(y|x)) of rows without a label.
    fn guessed(&self, input: &Input, rows: &[usize], logits: &Var) -> Sums {
        let (own, classes) = (rows.len(), self.few.classes);
        // All rows with the first label, then all with the second, and so on.
        let many: Vec<usize> = (0..own * classes).map(|place| rows[place % own]).collect();
        let labels: Vec<i64> = (0..own * classes).map(|place| (place / own) as i64).collect();
        let costs = self.costs(input, &many, &labels);
        let logits = logits.index_select(0, &places(rows));
        let guess = logits.softmax(-1);
        let [cost, code] = costs.map(|nats| {
            let of_rows = nats.with_shape(Shape::from([classes, own])).t();
            (of_rows * &guess).sum(-1)
        });
        // Σ q (log q − log p(y)), with p(y) = 1/classes.
        let label = Categorical {
            logits: logits.unsqueeze(1),
        };
        let label = label.divergences().squeeze(1);
        [cost, code, label].map(|nats| weighted(input, rows, &nats))
    }

    /// −log p(x|y, z) and KL(q(z|x, y) ‖ N(0, 1)) of rows with labels, `[rows]` each.
    fn costs(&self, input: &Input, rows: &[usize], labels: &[i64]) -> [Var; 2] {
        let index = places(rows);
        let own = |part: &Var| part.index_select(0, &index);
        let labels = Array::from_vec(labels.to_vec(), [rows.len()]);
        let input = Input::from(own(&input.x))
            .against(input.target.as_ref().map(own))
            .observed(input.observed.as_ref().map(own))
            .labelled(labels.clone());
        let posterior = self.conditional.posterior(&input);
        let z = posterior.draw_with(&noise(&input.x, &[rows.len(), self.latent]));
        let hot = one_hot(&labels, self.few.classes, input.x.dtype());
        let code = Var::cat(&[&z, &hot.into()], 1);
        let last = self.conditional.decoder.forward(&code);
        let cost = self.conditional.likelihood;
        let cost = cost.of_samples(&last, &Target::from(&input));
        [cost, posterior.divergences().sum(-1)]
    }

    /// What it makes of samples whose label nobody knows.
    pub(crate) fn guess(&self, x: &Var) -> Guess {
        let (samples, logits) = (x.shape()[0], self.classifier.forward(x).unsqueeze(1));
        let given = |label| {
            let labels = Array::full([samples], label as i64);
            let input = Input::from(x).labelled(labels);
            self.conditional.posterior(&input)
        };
        Guess {
            label: Categorical { logits },
            given: (0..self.few.classes).map(given).collect(),
        }
    }

    /// Every label in a row of images, that differ by z alone.
    fn pictures(&self, image: [usize; 3], dtype: DType) -> Exhibit {
        const ACROSS: usize = 10;
        let rng = &mut random::rng(0);
        let z = Tensor::normal([ACROSS, self.latent], 0.0, 1.0, rng, dtype);
        let row = |label: usize| {
            let labels = Array::full([ACROSS], label as i64);
            let hot = one_hot(&labels, self.few.classes, dtype);
            let code = Tensor::cat(&[z.clone(), hot], 1);
            (label.to_string(), self.decode(&code.into(), None).into_value())
        };
        Exhibit {
            heading: "Every label in several hands".to_owned(),
            sentence: "A row for each label; z is the same in each column. If all rows look alike, the label says nothing, and z all.".to_owned(),
            content: Content::Images {
                sizes: image,
                rows: (0..self.few.classes).map(row).collect(),
            },
        }
    }
}

/// q(y|x) q(z|x, y): a label, and a code given it. Codes are z beside the label's vector.
#[derive(Debug)]
pub(crate) struct Guess {
    /// q(y|x), one group.
    label: Categorical,
    /// q(z|x, y) for each y.
    given: Vec<Gaussian>,
}

impl Guess {
    /// Σ_y w_y g(q(z|x, y)), for weights `[..., batch, classes]`: `[..., batch, latent]`.
    fn weighed(&self, weights: &Var, of: impl Fn(&Gaussian) -> Var) -> Var {
        let parts = self.given.iter().enumerate();
        let parts = parts.map(|(label, own)| weights.narrow(-1, label, 1) * of(own));
        parts.reduce(|sum, part| sum + part).expect("a label")
    }

    /// q(z|x, y) where y is one of these, `[..., batch, classes]`.
    fn of_labels(&self, labels: &Var) -> Gaussian {
        Gaussian {
            mean: self.weighed(labels, |own| own.mean.clone()),
            log_variance: self.weighed(labels, |own| own.log_variance.clone()),
        }
    }

    /// q(y|x), `[batch, classes]`.
    fn shares(&self) -> Var {
        self.label.logits.softmax(-1).squeeze(1)
    }
}

impl Posterior for Guess {
    /// Of the label its shares.
    fn mean(&self) -> Var {
        let shares = self.shares();
        Var::cat(&[&self.weighed(&shares, |own| own.mean.clone()), &shares], -1)
    }

    /// The label is drawn as a constant.
    fn draw(&self) -> Var {
        let logits = &self.label.logits;
        let label = self.label.hard_with(&gumbel(logits, logits.shape()));
        let label = label.squeeze(1);
        Var::cat(&[&self.of_labels(&label).draw(), &label], -1)
    }

    /// Of codes whose label is a vector of one 1.
    fn log_density(&self, z: &Var) -> Var {
        let latent = self.given[0].mean.shape()[1];
        let label = z.narrow(-1, latent, self.given.len());
        let of_label = (&label * self.label.logits.log_softmax(-1).squeeze(1)).sum(-1);
        let code = self.of_labels(&label);
        of_label + code.log_density(&z.narrow(-1, 0, latent))
    }

    /// Of z what it is on average over the labels.
    fn divergences(&self) -> Var {
        let code = self.weighed(&self.shares(), Posterior::divergences);
        Var::cat(&[&code, &self.label.divergence_terms().squeeze(1)], -1)
    }
}

/// Positions of an axis.
fn places(rows: &[usize]) -> Array<i64> {
    Array::from_vec(rows.iter().map(|&row| row as i64).collect(), [rows.len()])
}

/// The sum of numbers of these rows `[rows]`, each as often as its sample counts.
fn weighted(input: &Input, rows: &[usize], nats: &Var) -> Var {
    match &input.weights {
        None => nats.sum(..),
        Some(weights) => (nats * weights.index_select(0, &places(rows))).sum(..),
    }
}

/// The share of the known labels that have the largest score.
fn accuracy(logits: &Var, labels: &[i64]) -> Option<f64> {
    let guesses = logits.value().argmax(-1);
    let known = guesses.iter().zip(labels);
    let known = known.filter(|&(_, &label)| label != UNKNOWN);
    let right: Vec<bool> = known.map(|(guess, &label)| guess == label).collect();
    let count = right.iter().filter(|&&right| right).count();
    (!right.is_empty()).then(|| count as f64 / right.len() as f64)
}

impl Module for SemiSupervised {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.conditional.visit(visitor);
        visitor.child("classifier", &self.classifier);
    }
}

impl Autoencoder for SemiSupervised {
    /// z of the likeliest label, and that label.
    fn encode(&self, input: &Input) -> Code {
        let logits = self.classifier.forward(&input.x).unsqueeze(1);
        let labels = Categorical { logits };
        let (index, vector) = (labels.likeliest(), labels.mode());
        let flat = index.with_shape(Shape::from([index.elements()]));
        let posterior = self
            .conditional
            .posterior(&Input::from(&input.x).labelled(flat));
        Code::Layers(vec![
            Code::Distribution(Box::new(posterior)),
            Code::Discrete { index, vector },
        ])
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        let last = self.conditional.decoder.forward(code);
        self.conditional.likelihood.mean(&last)
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let nats = self.nats(input, step.is_training());
        nats.added_to(None, self.conditional.likelihood.name(), self.alpha)
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    /// Through the code as the decoder reads it: z and the label.
    fn widths(&self) -> Vec<usize> {
        let both = self.latent + self.few.classes;
        let mut widths = self.conditional.widths();
        let middle = widths.len() / 2;
        widths[middle] = both;
        widths
    }

    fn few_labels(&self) -> Option<FewLabels> {
        Some(self.few)
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(&self.prior)
    }

    fn likelihood(&self) -> Option<Likelihood> {
        Some(self.conditional.likelihood)
    }

    fn log_likelihood(&self, input: &Input, code: &Var) -> Option<Var> {
        let last = self.conditional.decoder.forward(code);
        let likelihood = self.conditional.likelihood;
        Some(-likelihood.of_samples(&last, &Target::from(input)))
    }

    fn proposal(&self, input: &Input) -> Option<Box<dyn Posterior + '_>> {
        Some(Box::new(self.guess(&input.x)))
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let pictures = self.image.map(|image| self.pictures(image, input.x.dtype()));
        pictures.into_iter().collect()
    }
}
