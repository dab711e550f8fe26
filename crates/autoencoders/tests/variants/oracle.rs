//! Whole training paths against PyTorch's, in f64: every loss and every final weight.
//!
//! The reference values lie outside the project, in the folder that `RETROGRAD_ORACLE` names
//! (default `../shared/oracle` beside the project). Without it these tests say that they are
//! skipped, and fail under CI.

use std::collections::HashMap;
use std::path::PathBuf;

use retrograd_autoencoders::{
    Autoencoder, ContractiveAutoencoder, DeepAutoencoder, Likelihood, LinearAutoencoder,
    Nonlinearity, OptimizerKind, Output, SparseKlAutoencoder, SparseL1Autoencoder,
    StackedAutoencoder, StridedAutoencoder, TiedAutoencoder, VariationalAutoencoder,
};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Activation, Terms, checkpoint};
use retrograd_tensor::{DType, Tensor, assert_relative_eq, random};

use crate::assert_near;

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
    |x, _, _| model.objective(x)
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

#[test]
fn linear() {
    let model = LinearAutoencoder::new(3, 2, &mut random::rng(0));
    // The reference has an identity at position 1.
    follow("linear", &model, stacked(2), plain(&model), ADAM);
}

#[test]
fn deep_bce() {
    let (units, output) = (Activation::Relu, Output::Probability);
    let model = DeepAutoencoder::new(&[20, 12, 6], units, output, &mut random::rng(0));
    follow("deep_bce", &model, stacked(4), plain(&model), ADAM);
}

#[test]
fn deep_tabular() {
    let model = DeepAutoencoder::table(18, &mut random::rng(0));
    let adadelta = (OptimizerKind::Adadelta, 1.0);
    follow("deep_tabular", &model, stacked(8), plain(&model), adadelta);
}

#[test]
fn stacked_l2() {
    let units = Activation::Elu(1.0);
    let model = StackedAutoencoder::new(&[20, 12, 8], units, 0.001, &mut random::rng(0));
    follow("stacked_l2", &model, stacked(4), plain(&model), ADAM);
}

#[test]
fn tied() {
    let units = Activation::Elu(1.0);
    let model = TiedAutoencoder::new(&[20, 12, 8], units, 0.001, &mut random::rng(0));
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
    follow("tied", &model, theirs, plain(&model), ADAM);
}

#[test]
fn sparse_l1() {
    let (units, output) = (Activation::Relu, Output::Squashed);
    let model = SparseL1Autoencoder::new(20, 9, units, output, 1e-3, &mut random::rng(0));
    follow("sparse_l1", &model, stacked(2), plain(&model), ADAM);
}

#[test]
fn sparse_kl() {
    let (units, output) = (Nonlinearity::Sigmoid, Output::Real);
    let target = (0.1, 0.2);
    let model = SparseKlAutoencoder::new(20, 9, units, output, target, &mut random::rng(0));
    follow("sparse_kl", &model, stacked(2), plain(&model), ADAM);
}

#[test]
fn contractive() {
    let (units, output) = (Activation::Sigmoid, Output::Real);
    let widths: [&[usize]; 2] = [&[20, 9], &[9, 20]];
    let model = ContractiveAutoencoder::new(widths, units, output, 0.1, &mut random::rng(0));
    let descent = (OptimizerKind::Sgd, 0.1);
    follow("contractive", &model, stacked(2), plain(&model), descent);
}

#[test]
fn contractive_deep() {
    let (units, output) = (Activation::Tanh, Output::Real);
    let widths: [&[usize]; 2] = [&[20, 14, 9], &[9, 20]];
    let model = ContractiveAutoencoder::new(widths, units, output, 0.1, &mut random::rng(0));
    follow("contractive_deep", &model, stacked(4), plain(&model), ADAM);
}

#[test]
fn variational() {
    let (units, likelihood) = (Activation::Elu(1.0), Likelihood::Bernoulli);
    let widths = [20, 14, 4];
    let model = VariationalAutoencoder::dense(&widths, units, likelihood, &mut random::rng(0));
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
        model.objective_with(x, &x.into(), &reference["eps"].select(0, step).into())
    };
    follow("vae", &model, theirs, objective, ADAM);
}

#[test]
fn strided() {
    let (units, output) = (Activation::Relu, Output::Probability);
    let layers = [(4, 4), (3, 3)];
    let model = StridedAutoencoder::new([1, 12, 12], &layers, units, output, &mut random::rng(0));
    let rms_prop = (OptimizerKind::RmsProp, 0.005);
    follow("conv", &model, stacked(4), plain(&model), rms_prop);
}
