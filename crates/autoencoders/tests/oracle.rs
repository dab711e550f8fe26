//! Whole training paths against PyTorch's, in f64: every loss and every final weight.
//!
//! The reference values lie outside the project, in the folder that `RETROGRAD_ORACLE` names
//! (default `../shared/oracle` beside the project). Without it these tests say that they are
//! skipped, and fail under CI.

use std::collections::HashMap;
use std::path::PathBuf;

use retrograd_autoencoders::{
    Autoencoder, DeepAutoencoder, LinearAutoencoder, OptimizerKind, Output,
};
use retrograd_autograd::Tape;
use retrograd_nn::{Activation, checkpoint};
use retrograd_tensor::{Tensor, random};

/// Largest error of a loss or weight, relative to the largest entry of the tensor.
const TOLERANCE: f64 = 1e-9;

fn oracle(name: &str) -> Option<HashMap<String, Tensor<f64>>> {
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

/// Trains `model` as the reference was trained and compares everything.
///
/// The reference is one stack of layers; `split` says at which of its positions the decoder
/// starts: its parameter `6.weight` is `decoder.2.weight` of a model that splits at 4.
fn follow(
    name: &str,
    model: &dyn Autoencoder<f64>,
    split: usize,
    optimizer: OptimizerKind,
    learning_rate: f64,
) {
    let Some(reference) = oracle(name) else {
        return;
    };
    let theirs = |ours: &str| {
        let [half, position, kind] = ours.split('.').collect::<Vec<_>>()[..] else {
            panic!("{ours}")
        };
        let position: usize = position.parse().expect("a position");
        format!(
            "{}.{kind}",
            if half == "decoder" {
                position + split
            } else {
                position
            }
        )
    };
    for (ours, param) in model.params() {
        param.set(reference[&format!("init.{}", theirs(&ours))].clone());
    }
    let (x, losses) = (&reference["x"], reference["losses"].to_vec());
    let mut optimizer = optimizer.build(learning_rate, model.params());
    let mut worst = 0.0_f64;
    for (step, expected) in losses.iter().enumerate() {
        let tape = Tape::new();
        let loss = model.objective(&tape.constant(x.clone())).total();
        let relative = (loss.item() - expected).abs() / expected.abs();
        assert!(
            relative <= TOLERANCE,
            "{name}: loss {step} is {} and not {expected}",
            loss.item()
        );
        let gradients = loss.backward();
        if step == 0 {
            for (ours, param) in model.params() {
                let gradient = gradients
                    .of_key(param.id())
                    .expect("every parameter has a gradient");
                worst = worst.max(compare(
                    name,
                    &ours,
                    gradient,
                    &reference[&format!("grad0.{}", theirs(&ours))],
                ));
            }
        }
        drop(loss);
        optimizer.step(&gradients);
        worst = worst.max(relative);
    }
    for (ours, param) in model.params() {
        worst = worst.max(compare(
            name,
            &ours,
            &param.value(),
            &reference[&format!("final.{}", theirs(&ours))],
        ));
    }
    println!(
        "{name}: {} steps, worst relative error {worst:.1e}",
        losses.len()
    );
}

fn compare(name: &str, tensor: &str, ours: &Tensor<f64>, theirs: &Tensor<f64>) -> f64 {
    let scale = theirs
        .iter()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let error = ours
        .iter()
        .zip(theirs.iter())
        .fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs()))
        / scale;
    assert!(
        ours.shape() == theirs.shape() && error <= TOLERANCE,
        "{name}: {tensor} is off by {error:e}"
    );
    error
}

#[test]
fn linear() {
    let model = LinearAutoencoder::new(3, 2, &mut random::rng(0));
    // The reference has an identity at position 1.
    follow("linear", &model, 2, OptimizerKind::Adam, 0.01);
}

#[test]
fn deep_bce() {
    let model = DeepAutoencoder::new(
        &[20, 12, 6],
        Activation::Relu,
        Output::Probability,
        &mut random::rng(0),
    );
    follow("deep_bce", &model, 4, OptimizerKind::Adam, 0.01);
}

#[test]
fn deep_tabular() {
    let model = DeepAutoencoder::table(18, &mut random::rng(0));
    follow("deep_tabular", &model, 8, OptimizerKind::Adadelta, 1.0);
}
