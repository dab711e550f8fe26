//! Models that learn from the labels of some samples.

use retrograd_autoencoders::{
    Autoencoder, BoxedAutoencoder, Card, Code, DataShape, FewLabels, Input, Likelihood, Settings,
    UNKNOWN, Variational,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_datasets::{Dataset, MIXTURE_KINDS, mixture_split};
use retrograd_nn::data::SampleBatch;
use retrograd_nn::{Activation, Adam, DataLoader, Module, Optimizer, Param, Schedule, loss};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, model, step, training, uniform};

const ROWS: DataShape = DataShape::table(8);
const OPTIONS: &str = "hidden = [6]\nlatent = 3\nclasses = 3\nlabelled = 6\nactivation = \"elu\"\n";

fn labelled(x: &Tensor, labels: Vec<i64>) -> Input {
    let count = labels.len();
    Input::from(x.clone()).labelled(Array::from_vec(labels, [count]))
}

/// The conditional model that is inside of an `m2`.
fn inside(m2: &dyn Autoencoder) -> Variational {
    let (units, rng) = (Activation::Elu(1.0), &mut random::rng(9));
    let likelihood = Likelihood::Gaussian(0.1);
    let own = Variational::dense(&[8, 6, 3], 3, units, likelihood, rng).to(DType::F64);
    let theirs = m2.params();
    for (path, param) in own.params() {
        let (_, theirs) = theirs.iter().find(|(name, _)| *name == path).unwrap();
        param.set(theirs.value());
    }
    own
}

/// The classifier's scores.
fn scores(m2: &dyn Autoencoder, x: &Var) -> Var {
    let params = m2.params();
    let of = |name: &str| {
        let (_, param) = params.iter().find(|(path, _)| path == name).unwrap();
        param.beside(x)
    };
    let layer = |x: &Var, number: usize| {
        let [weight, bias] =
            ["weight", "bias"].map(|part| of(&format!("classifier.{number}.{part}")));
        x.matmul_nt(&weight) + bias
    };
    layer(&layer(x, 0).elu(1.0), 2)
}

#[test]
fn with_all_labels_it_is_the_conditional_model_and_a_classifier() {
    let m2 = model("m2", &format!("{OPTIONS}alpha = 0.7"), ROWS, 1);
    let conditional = inside(m2.as_ref());
    let x = uniform(5, 8, 2);
    let labels = Array::from_vec(vec![0, 2, 1, 1, 0], [5]);
    let input = |x: &Var| Input::from(x).labelled(labels.clone());
    let ours = step(m2.as_ref(), &x, |x| m2.objective_at(&input(x), &training()));
    let theirs = step(&conditional, &x, |x| conditional.objective(&input(x)));
    let classifier = step(m2.as_ref(), &x, |x| {
        let cost = loss::cross_entropy(&scores(m2.as_ref(), x), &labels);
        retrograd_nn::Terms::new("ce", cost)
    });
    let expected = theirs.0 + 3.0_f64.ln() + 0.7 * classifier.0;
    assert_relative_eq!(ours.0, expected, max_relative = 1e-13);
    let named = |of: &[(String, Tensor)], name: &str| {
        let found = of.iter().find(|(path, _)| path == name);
        found.map(|(_, gradient)| gradient.clone())
    };
    for (name, ours) in &ours.1 {
        let theirs = named(&theirs.1, name);
        let own = || named(&classifier.1, name).unwrap().scale(0.7);
        assert_near(name, ours, &theirs.unwrap_or_else(own), 1e-12);
    }
}

#[test]
fn an_unknown_label_costs_the_explicit_sum_over_all_labels() {
    let m2 = model("m2", OPTIONS, ROWS, 1);
    let conditional = inside(m2.as_ref());
    let x = uniform(1, 8, 2);
    // The noise of all three labels, as it comes without a tape.
    let noise = Tensor::normal([3, 3], 0.0, 1.0, &mut random::rng(0), DType::F64);
    let costs: Vec<f64> = (0..3)
        .map(|label| {
            let input = labelled(&x, vec![label]);
            let own = noise.rows(&[label as usize]);
            let cost = conditional.objective_with(&input, &own.into());
            cost.total().item() + 3.0_f64.ln()
        })
        .collect();
    let guess = scores(m2.as_ref(), &x.clone().into())
        .softmax(-1)
        .value()
        .to_vec();
    let sum: f64 = guess
        .iter()
        .zip(&costs)
        .map(|(q, cost)| q * (cost + q.ln()))
        .sum();
    let objective = |input: &Input| m2.objective_at(input, &training());
    let ours = objective(&labelled(&x, vec![UNKNOWN])).total().item();
    assert_relative_eq!(ours, sum, max_relative = 1e-13);
    assert_eq!(ours, objective(&x.clone().into()).total().item());
    // No guess is better than the one that the costs themselves imply.
    let least = -costs.iter().map(|cost| (-cost).exp()).sum::<f64>().ln();
    let lowest = costs.iter().fold(f64::INFINITY, |a, &b| a.min(b));
    let stable = lowest - costs.iter().map(|c| (lowest - c).exp()).sum::<f64>().ln();
    assert!(least.is_infinite() || (least - stable).abs() < 1e-9);
    assert!(ours >= stable, "{ours} {stable}");
}

#[test]
fn in_measuring_labels_judge_and_do_not_count() {
    let m2 = model("m2", OPTIONS, ROWS, 1);
    let x = uniform(4, 8, 2);
    let right = scores(m2.as_ref(), &x.clone().into())
        .value()
        .argmax(-1)
        .to_vec();
    let wrong: Vec<i64> = right.iter().map(|label| (label + 1) % 3).collect();
    let half = vec![right[0], wrong[1], UNKNOWN, UNKNOWN];
    let unlabelled = m2.objective(&x.clone().into()).metrics();
    for (labels, accuracy) in [(right, 1.0), (wrong, 0.0), (half, 0.5)] {
        let told = m2.objective(&labelled(&x, labels)).metrics();
        assert_eq!(told.total(), unlabelled.total());
        assert_eq!(told.get("accuracy"), Some(accuracy));
        assert_eq!(told.get("ce"), None);
    }
    assert_eq!(unlabelled.get("accuracy"), None);
}

#[test]
fn weights_say_how_often_a_sample_counts() {
    let m2 = model("m2", &format!("{OPTIONS}alpha = 0.0"), ROWS, 1);
    let x = uniform(4, 8, 2);
    let total = |labels: Vec<i64>, weights: Option<Vec<f64>>| {
        let weights = weights.map(|weights| Tensor::from_vec(weights, [4]).into());
        let input = Input {
            weights,
            ..labelled(&x, labels)
        };
        m2.objective_at(&input, &training()).total().item()
    };
    let mixed = || vec![0, UNKNOWN, 2, UNKNOWN];
    let plain = total(mixed(), None);
    assert_relative_eq!(
        plain,
        total(mixed(), Some(vec![1.0; 4])),
        max_relative = 1e-14
    );
    let told = total(mixed(), Some(vec![1.0, 0.0, 1.0, 0.0]));
    let hidden = total(mixed(), Some(vec![0.0, 1.0, 0.0, 1.0]));
    assert_relative_eq!(told + hidden, plain, max_relative = 1e-13);
    assert!(told != 0.0 && hidden != 0.0);
}

#[test]
fn a_code_is_z_and_the_likeliest_label() {
    for (name, options) in [("m2", ""), ("m1-m2", "top = 2\ntop-hidden = [5]")] {
        let model = model(name, &format!("{OPTIONS}{options}"), ROWS, 1);
        let x = uniform(4, 8, 2);
        let Code::Layers(layers) = model.encode(&x.clone().into()) else {
            panic!("{name}: z and a label");
        };
        let [Code::Distribution(z), Code::Discrete { index, vector }] = &layers[..] else {
            panic!("{name}: {layers:?}");
        };
        assert_eq!(
            (index.shape()[..].to_vec(), vector.shape()[1]),
            (vec![4, 1], 3)
        );
        let prior = model.prior().unwrap();
        assert_eq!(prior.latent(), z.mean().shape()[1] + 3);
        assert_eq!(
            model.few_labels(),
            Some(FewLabels {
                classes: 3,
                count: 6
            })
        );
        assert_eq!(model.classes(), None, "nothing but training needs labels");
    }
}

#[test]
fn what_both_minimise_together_is_the_bound_of_each() {
    // With M2's parts of no use, the bound of both is that of M1 with another prior.
    let options =
        format!("{OPTIONS}top = 2\ntop-hidden = [5]\nfeature-deviation = 1.0\nalpha = 0.0");
    let both = model("m1-m2", &options, ROWS, 1);
    for (path, param) in both.params() {
        if path.starts_with("labels.") {
            param.set(Tensor::zeros(param.shape(), DType::F64));
        }
    }
    let (x, now) = (uniform(6, 8, 2), training());
    // z₁ ~ N(0, 1) whatever z₂ and y are, and these as their priors: what is left is M1.
    let tape = || Tape::with(Mode::Training, random::rng(3));
    let phases = both.phases();
    let on = |tape: &Tape| Input::from(tape.constant(x.clone()));
    let first = phases[0].objective(&on(&tape()), &now).metrics();
    let second = phases[1].objective(&on(&tape()), &now).metrics();
    let get = |of: &retrograd_nn::train::Metrics, name: &str| of.get(name).unwrap();
    assert_eq!(get(&first, "nll"), get(&second, "nll"));
    for nothing in ["kl", "kl_label"] {
        assert_abs_diff_eq!(get(&second, nothing), 0.0, epsilon = 1e-14);
    }
    // log q − log p(z₁) of the draw, on average the divergence.
    let Code::Layers(_) = both.encode(&x.clone().into()) else {
        panic!("z and a label");
    };
    let many = Tensor::zeros([60_000, 8], DType::F64) + x.rows(&[0]);
    let many = || Input::from(tape().constant(many.clone()));
    let first = phases[0].objective(&many(), &now).metrics();
    let second = phases[1].objective(&many(), &now).metrics();
    let sampled = get(&second, "log-q") + get(&second, "features");
    assert_abs_diff_eq!(sampled, get(&first, "kl"), epsilon = 0.05);
    // M1 stands still while labels are learnt, and the other way round.
    let paths = |number: usize| phases[number].params().map(|(path, _)| path.clone());
    assert!(paths(0).all(|path| path.starts_with("features.")));
    assert!(paths(1).all(|path| path.starts_with("labels.")));
}

fn labels_of(data: &Dataset) -> Array<i64> {
    let labels = data.labels.as_ref().unwrap().iter();
    Array::from_vec(labels.map(|&label| label.into()).collect(), [data.len()])
}

/// Trains a variant on rows of eight kinds of which 40 are told, and gives what it comes to on others.
fn accuracy(name: &str, options: &str, epochs: [u64; 2], seed: u64) -> f64 {
    let data = mixture_split(2000, 500, 7);
    let shape = DataShape::table(12).with_classes(Some(MIXTURE_KINDS));
    let settings: Settings = toml::from_str(options).unwrap();
    let card = Card::named(name).unwrap();
    let model: BoxedAutoencoder = card
        .build(&settings, shape, &mut random::rng(seed))
        .unwrap();
    let samples = SampleBatch {
        labels: Some(labels_of(&data.train)),
        ..SampleBatch::new(data.train.features.clone())
    };
    let samples = model.few_labels().unwrap().hide(&samples);
    let loader = DataLoader::new(samples, 100).unwrap().shuffled(seed);
    for (phase, epochs) in model.phases().into_iter().zip(epochs) {
        let optimizer = |params: Vec<(String, Param)>, rate: f64| {
            Ok::<_, ()>(Optimizer::new(Adam::default(), 3e-3 * rate, params))
        };
        let trainer = phase.trainer(model.as_ref(), seed, &Schedule::Constant, optimizer);
        trainer
            .unwrap()
            .fit(epochs, &loader, None, &mut ())
            .unwrap();
    }
    let held_out = Input::from(data.held_out.features.clone()).labelled(labels_of(&data.held_out));
    model
        .objective(&held_out)
        .metrics()
        .get("accuracy")
        .unwrap()
}

#[test]
fn few_labels_suffice_where_kinds_are_clouds() {
    let options = "labelled = 40\nalpha = 10.0\nlatent = 3\nhidden = [24]";
    let alone = accuracy("m2", options, [12, 0], 1);
    let above = format!("{options}\ndeviation = 0.05\ntop = 2\ntop-hidden = [24]");
    let both = accuracy("m1-m2", &above, [20, 20], 1);
    println!("m2 {alone}, m1-m2 {both}");
    assert!(alone > 0.97, "m2: {alone}");
    assert!(both > 0.95, "m1-m2: {both}");
}

#[test]
fn fewer_samples_than_labels_are_refused() {
    let settings: Settings = toml::from_str("classes = 10\nlabelled = 9").unwrap();
    let refused = Card::named("m2").unwrap().resolve(&settings, ROWS);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("give labelled 10 or more"), "{text}");
}
