//! Whole training paths against PyTorch's, in f64: every loss and every final weight.
//!
//! The reference values lie outside the project, in the folder that `RETROGRAD_ORACLE` names
//! (default `../shared/oracle` beside the project). Without it these tests say that they are
//! skipped, and fail under CI.

use std::collections::HashMap;
use std::path::PathBuf;

use retrograd_autoencoders::{
    Autoencoder, Body, DataShape, Deterministic, Likelihood, OptimizerKind, Output, Penalty,
    Variational, contraction_by_sweeps,
};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Activation, Linear, Sequential, Terms, checkpoint};
use retrograd_tensor::{DType, Tensor, assert_relative_eq, random};

use crate::{assert_near, model};

/// Largest error of a loss or weight, relative to the largest entry of the tensor.
const TOLERANCE: f64 = 1e-9;

fn oracle(name: &str) -> Option<Reference> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/oracle");
    let folder =
        PathBuf::from(std::env::var_os("RETROGRAD_ORACLE").unwrap_or_else(|| default.into()));
    let path = folder
        .join("train")
        .join(format!("train_{name}.safetensors"));
    if path.exists() {
        return Some(
            checkpoint::read(&path)
                .expect("the oracle is readable")
                .into_iter()
                .collect(),
        );
    }
    let message = format!(
        "skipped: no reference values at {}; set RETROGRAD_ORACLE",
        path.display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
    eprintln!("{message}");
    None
}

/// The name, in a reference that is one stack of layers, of a parameter of ours.
///
/// `split` says at which position of the stack the decoder starts: its parameter `6.weight` is
/// `decoder.2.weight` of a model that splits at 4.
fn stacked(split: usize) -> impl Fn(&str) -> String {
    move |ours| {
        let [half, position, kind] = ours.split('.').collect::<Vec<_>>()[..] else {
            panic!("{ours}")
        };
        let position: usize = position.parse().expect("a position");
        let start = if half == "decoder" { split } else { 0 };
        format!("{}.{kind}", position + start)
    }
}

/// A model's objective without anything beside the batch.
fn plain(model: &dyn Autoencoder) -> impl Fn(&Var, &Reference, usize) -> Terms {
    |x, _, _| model.objective(&x.into())
}

type Reference = HashMap<String, Tensor>;

/// Trains `model` as the reference was trained and compares everything: every loss, the gradients of
/// the first step, the weights after the last.
fn follow(
    name: &str,
    model: &dyn Autoencoder,
    theirs: impl Fn(&str) -> String,
    objective: impl Fn(&Var, &Reference, usize) -> Terms,
    (optimizer, learning_rate): (OptimizerKind, f64),
) {
    let Some(reference) = oracle(name) else {
        return;
    };
    model.cast(DType::F64);
    for (ours, param) in model.params() {
        param.set(reference[&format!("init.{}", theirs(&ours))].clone());
    }
    let (x, losses) = (&reference["x"], reference["losses"].to_vec());
    let x = x.reshape(&[x.shape()[0] as isize, -1]);
    let mut optimizer = optimizer.build(learning_rate, model.params());
    for (step, expected) in losses.iter().enumerate() {
        let tape = Tape::new();
        let loss = objective(&tape.constant(x.clone()), &reference, step).total();
        assert_relative_eq!(
            loss.item(),
            *expected,
            max_relative = TOLERANCE,
            "{name}: loss {step}"
        );
        let gradients = loss.backward();
        if step == 0 {
            for (ours, param) in model.params() {
                let gradient = gradients
                    .of_key(param.id())
                    .expect("every parameter has a gradient");
                let expected = &reference[&format!("grad0.{}", theirs(&ours))];
                assert_near(
                    &format!("{name}: slope of {ours}"),
                    gradient,
                    expected,
                    TOLERANCE,
                );
            }
        }
        drop(loss);
        optimizer.step(&gradients);
    }
    for (ours, param) in model.params() {
        let expected = &reference[&format!("final.{}", theirs(&ours))];
        assert_near(
            &format!("{name}: {ours}"),
            &param.value(),
            expected,
            TOLERANCE,
        );
    }
}

const ADAM: (OptimizerKind, f64) = (OptimizerKind::Adam, 0.01);

/// Rows of so many numbers in [0, 1], and of any numbers.
const fn unit(features: usize) -> DataShape {
    DataShape::table(features)
}
const fn real(features: usize) -> DataShape {
    DataShape::points(features)
}

#[test]
fn linear() {
    let model = model("linear", "latent = 2", real(3), 0);
    // The reference has an identity at position 1.
    follow(
        "linear",
        model.as_ref(),
        stacked(2),
        plain(model.as_ref()),
        ADAM,
    );
}

#[test]
fn deep_bce() {
    let options = "hidden = [12]\nlatent = 6\nactivation = \"relu\"\noutput = \"probability\"";
    let model = model("deep", options, unit(20), 0);
    follow(
        "deep_bce",
        model.as_ref(),
        stacked(4),
        plain(model.as_ref()),
        ADAM,
    );
}

#[test]
fn deep_tabular() {
    let model = model("deep", "", unit(18), 0);
    let adadelta = (OptimizerKind::Adadelta, 1.0);
    let objective = plain(model.as_ref());
    follow(
        "deep_tabular",
        model.as_ref(),
        stacked(8),
        objective,
        adadelta,
    );
}

#[test]
fn stacked_l2() {
    let model = model("stacked", "hidden = [12]\nlatent = 8", real(20), 0);
    follow(
        "stacked_l2",
        model.as_ref(),
        stacked(4),
        plain(model.as_ref()),
        ADAM,
    );
}

#[test]
fn tied() {
    let model = model("tied", "hidden = [12]\nlatent = 8", real(20), 0);
    let theirs = |ours: &str| {
        let theirs = match ours {
            "encoder.0.weight" => "w1",
            "encoder.2.weight" => "w2",
            "encoder.0.bias" => "b1",
            "encoder.2.bias" => "b2",
            "decoder.0.bias" => "b3",
            "decoder.2.bias" => "b4",
            _ => panic!("{ours}"),
        };
        theirs.to_owned()
    };
    follow("tied", model.as_ref(), theirs, plain(model.as_ref()), ADAM);
}

#[test]
fn sparse_l1() {
    let options = "latent = 9\nactivation = \"relu\"\noutput = \"squashed\"\nlambda = 1e-3";
    let model = model("sparse-l1", options, unit(20), 0);
    follow(
        "sparse_l1",
        model.as_ref(),
        stacked(2),
        plain(model.as_ref()),
        ADAM,
    );
}

#[test]
fn sparse_kl() {
    let model = model(
        "sparse-kl",
        "latent = 9\nrho = 0.1\nweight = 0.2",
        unit(20),
        0,
    );
    follow(
        "sparse_kl",
        model.as_ref(),
        stacked(2),
        plain(model.as_ref()),
        ADAM,
    );
}

#[test]
fn contractive() {
    let options = "latent = 9\noutput = \"real\"\nlambda = 0.1";
    let model = model("contractive", options, unit(20), 0);
    let descent = (OptimizerKind::Sgd, 0.1);
    follow(
        "contractive",
        model.as_ref(),
        stacked(2),
        plain(model.as_ref()),
        descent,
    );
}

#[test]
fn contractive_deep() {
    let mut rng = random::rng(0);
    let mut layer = |inputs, outputs| Linear::new(inputs, outputs, &mut rng);
    let encoder = Sequential::new()
        .with(layer(20, 14))
        .with(Activation::Tanh)
        .with(layer(14, 9))
        .with(Activation::Tanh);
    let decoder = Sequential::new().with(layer(9, 20));
    let body = Body::new(encoder, decoder, vec![20, 14, 9, 20]);
    let penalty = Penalty::new("contraction", 0.1, |batch| {
        contraction_by_sweeps(batch.x, |x| batch.body.encode(x))
    });
    let model = Deterministic::new(body, Output::Real).with_penalty(penalty);
    follow("contractive_deep", &model, stacked(4), plain(&model), ADAM);
}

#[test]
fn variational() {
    let (units, likelihood) = (Activation::Elu(1.0), Likelihood::Bernoulli);
    let model = Variational::dense(&[20, 14, 4], 0, units, likelihood, &mut random::rng(0));
    let theirs = |ours: &str| {
        let names = [
            ("encoder.0", "hidden"),
            ("log_variance", "logvar"),
            ("decoder.0", "dec1"),
            ("decoder.2", "dec2"),
        ];
        let renamed = |name: String, (ours, theirs): &(&str, &str)| name.replace(ours, theirs);
        names.iter().fold(ours.to_owned(), renamed)
    };
    let objective = |x: &Var, reference: &Reference, step| {
        model.objective_with(&x.into(), &reference["eps"].select(0, step).into())
    };
    follow("vae", &model, theirs, objective, ADAM);
}

#[test]
fn strided() {
    let layers = [(4, 4), (3, 3)];
    let body = Body::strided([1, 12, 12], &layers, Activation::Relu, &mut random::rng(0));
    let model = Deterministic::new(body, Output::Probability);
    let rms_prop = (OptimizerKind::RmsProp, 0.005);
    follow("conv", &model, stacked(4), plain(&model), rms_prop);
}
