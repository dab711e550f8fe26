//! Every variant: derivatives, PyTorch's training paths, the identities that tie the family
//! together, options, and the mistakes of the source texts.

mod autoregressive;
mod clusters;
mod constrain;
mod dictionary;
mod discrete;
mod evidence;
mod exhibits;
mod families;
mod few_labels;
mod gradients;
mod identities;
mod matching;
mod missing;
mod mistakes;
mod options;
mod oracle;
mod pca;
mod peers;
mod points;
mod shapes;
mod tables;
mod tasks;
mod training;
mod types;

use retrograd_autoencoders::{
    Autoencoder, BoxedAutoencoder, Card, DataShape, Input, Settings, UNKNOWN,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::{Module, Moment, Step, Terms};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, random};

/// Small data of every shape.
const SHAPES: [DataShape; 3] = [
    DataShape::images([1, 4, 4]),
    DataShape::table(6),
    DataShape::points(3),
];
/// For variants that take none of those.
const COUNTS: DataShape = DataShape::counts(5);
/// Images for variants that halve them three times.
const LARGE: DataShape = DataShape::images([1, 8, 8]);

fn card(name: &str) -> &'static Card {
    Card::named(name).unwrap()
}

/// Options as a file has them.
fn settings(text: &str) -> Settings {
    toml::from_str(text).unwrap()
}

/// A variant in `f64` with these options.
fn model(name: &str, options: &str, data: DataShape, seed: u64) -> BoxedAutoencoder {
    let built = card(name).build(&settings(options), data, &mut random::rng(seed));
    let model = built.unwrap_or_else(|error| panic!("{options}: {error}"));
    model.cast(DType::F64);
    model
}

/// A variant in `f64` at its small size, for data of a shape that it fits.
struct Miniature {
    what: String,
    card: &'static Card,
    settings: Settings,
    shape: DataShape,
    model: BoxedAutoencoder,
}

/// Every variant, for every shape of data.
fn miniatures() -> impl Iterator<Item = Miniature> {
    let shapes = |card: &'static Card| {
        let fits = |shape: DataShape| card.resolve(&card.miniature(shape), shape).is_ok();
        let larger = move |shape: DataShape| match shape.image() {
            Some(_) if !fits(shape) => LARGE,
            _ => shape,
        };
        let fitting = SHAPES.into_iter().filter(|&shape| fits(larger(shape)));
        let other = (fitting.count() == 0).then_some(COUNTS);
        let shapes = SHAPES.into_iter().chain(other);
        shapes.map(move |shape| (card, larger(shape)))
    };
    // What the defaults leave out: the other body, the other units, the other noises.
    let others = |(card, shape): (&'static Card, DataShape)| {
        let plain = card.miniature(shape);
        let changes = [
            ("", ""),
            ("body", "convolutional"),
            ("activation", "tanh"),
            ("corruption", "dropout"),
            ("corruption", "masking"),
            ("decoder", "gaussian"),
        ];
        changes.into_iter().filter_map(move |(name, value)| {
            let mut settings = plain.clone();
            if !name.is_empty() {
                plain.get(name).filter(|now| now.to_string() != value)?;
                settings.set(name, value);
            }
            if name == "corruption" {
                // Samples of which nothing is left put units exactly at a kink.
                settings.set("activation", "tanh");
            }
            let model = card.build(&settings, shape, &mut random::rng(11)).ok()?;
            model.cast(DType::F64);
            Some(Miniature {
                what: format!("{card} of {} {name} {value}", shape.name()),
                card,
                settings: card.resolve(&settings, shape).ok()?,
                shape,
                model,
            })
        })
    };
    Card::all().flat_map(shapes).flat_map(others)
}

/// Samples in [0, 1], `[count, features]`.
fn uniform(count: usize, features: usize, seed: u64) -> Tensor {
    Tensor::uniform(
        [count, features],
        0.05,
        0.95,
        &mut random::rng(seed),
        DType::F64,
    )
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64)
}

/// A parameter or a buffer by its path.
fn state(model: &dyn Module, name: &str) -> Tensor {
    let state = model.state().into_iter().find(|(path, _)| path == name);
    match state.unwrap_or_else(|| panic!("there is no {name}")).1 {
        retrograd_nn::State::Param(param) => param.value(),
        retrograd_nn::State::Buffer(buffer) => buffer.value(),
        retrograd_nn::State::Counter(_) => panic!("{name} is a counter"),
    }
}

/// The last step of a training: what is minimised there may differ from what is measured, and
/// coefficients that change are what they end as.
fn training() -> Step {
    Step {
        mode: Mode::Training,
        moment: Moment {
            step: 999,
            epoch: 9,
            steps_per_epoch: 100,
            epochs: 10,
        },
        ..Step::default()
    }
}

/// A batch as the model needs it: with all labels in turn, if it reads them, and if it learns from some,
/// the unknown one among them.
fn input(model: &dyn Autoencoder, x: &Var) -> Input {
    let samples = x.shape()[0];
    let labels = model.classes().map(|classes| {
        let labels = (0..samples).map(|sample| (sample % classes) as i64);
        Array::from_vec(labels.collect(), [samples])
    });
    let some = model.few_labels().map(|few| {
        let labels = (0..samples).map(|sample| (sample % (few.classes + 1)) as i64 + UNKNOWN);
        Array::from_vec(labels.collect(), [samples])
    });
    Input::from(x).labelled(labels.or(some))
}

/// The loss of one training step and its gradients by path, in the order of the parameters.
fn step(
    model: &dyn Module,
    x: &Tensor,
    objective: impl Fn(&Var) -> Terms,
) -> (f64, Vec<(String, Tensor)>) {
    let tape = Tape::new();
    let loss = objective(&tape.constant(x.clone())).total();
    let (value, gradients) = (loss.item(), loss.backward());
    let of = |param: &retrograd_nn::Param| {
        let gradient = gradients.of_key(param.id()).cloned();
        gradient.unwrap_or_else(|| Tensor::zeros(param.shape(), DType::F64))
    };
    let params = model.params();
    let named = params.iter().map(|(name, param)| (name.clone(), of(param)));
    (value, named.collect())
}

/// Gives `to` the values that `from` has under the same paths.
fn copy(from: &dyn Module, to: &dyn Module) {
    let (from, to) = (from.params(), to.params());
    assert_eq!(from.len(), to.len());
    for ((theirs, source), (ours, target)) in from.iter().zip(&to) {
        assert_eq!(theirs, ours);
        target.set(source.value());
    }
}

/// That no difference is more than this share of the largest number.
#[track_caller]
fn assert_near(what: &str, found: &Tensor, expected: &Tensor, share: f64) {
    let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    assert_abs_diff_eq!(found, expected, epsilon = share * largest, "{what}");
}
