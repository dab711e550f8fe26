//! Optimisers against PyTorch, in f64.
//!
//! The reference values are tensors in a safetensors file beside an index in JSON:
//! `train/optimizers.*` holds 25 steps of every optimiser on given gradients.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use retrograd_autograd::{Gradients, Tape};
use retrograd_nn::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, DynUpdateRule, NAdam, Optimizer, Param, RAdam, RmsProp,
    Sgd, checkpoint,
};
use retrograd_tensor::Tensor;
use serde_json::Value;

type Tensors = HashMap<String, Tensor>;

/// Bound on the error of an optimiser's path, relative to the largest parameter.
const PATH: f64 = 1e-12;

#[test]
fn optimizers_follow_pytorch() {
    let Some(folder) = crate::oracle::folder::oracle("optimizers_follow_pytorch") else {
        return;
    };
    let tensors = read(&folder.join("train/optimizers.safetensors"));
    let settings = json(&fs::read_to_string(folder.join("train/optimizers.json")).unwrap());
    let settings = settings.as_object().unwrap();
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (name, settings) in settings {
        let param = Param::new(tensors[&format!("{name}.init")].clone());
        let mut optimizer = optimizer(name, settings, &param);
        let (gradients, path) = (
            &tensors[&format!("{name}.grads")],
            &tensors[&format!("{name}.path")],
        );
        for step in 0..path.shape()[0] {
            optimizer.step(&given(&param, &gradients.select(0, step)));
            let error = relative_error(&param.value(), &path.select(0, step));
            assert!(error <= PATH, "{name}, step {}: off by {error:e}", step + 1);
            worst = worst.max(error);
        }
        compared += 1;
    }
    println!(
        "optimisers: {compared} of {} compared, worst relative error {worst:.1e}",
        settings.len()
    );
    assert_eq!(compared, settings.len(), "none is left out");
}

/// Our optimiser with these settings; what they leave out is PyTorch's default.
fn optimizer(name: &str, settings: &Value, param: &Param) -> Optimizer {
    const USED: [&str; 15] = [
        "class_",
        "lr",
        "momentum",
        "nesterov",
        "dampening",
        "weight_decay",
        "rho",
        "betas",
        "eps",
        "amsgrad",
        "momentum_decay",
        "lr_decay",
        "initial_accumulator_value",
        "alpha",
        "centered",
    ];
    for setting in settings.as_object().unwrap().keys() {
        assert!(USED.contains(&setting.as_str()), "{name}: {setting}?");
    }
    let number = |key: &str, default: f64| settings[key].as_f64().unwrap_or(default);
    let flag = |key: &str| settings[key].as_bool().unwrap_or(false);
    let beta = |i: usize, default: f64| settings["betas"][i].as_f64().unwrap_or(default);
    let (beta1, beta2, epsilon) = (beta(0, 0.9), beta(1, 0.999), number("eps", 1e-8));
    let rate = settings["lr"].as_f64().expect("every optimiser has a rate");
    let rule: Box<dyn DynUpdateRule> = match settings["class_"].as_str() {
        Some("SGD") => Box::new(Sgd {
            momentum: number("momentum", 0.0),
            dampening: number("dampening", 0.0),
            nesterov: flag("nesterov"),
            weight_decay: number("weight_decay", 0.0),
        }),
        Some("Adam") => Box::new(Adam {
            beta1,
            beta2,
            epsilon,
            weight_decay: number("weight_decay", 0.0),
            amsgrad: flag("amsgrad"),
        }),
        Some("AdamW") => Box::new(AdamW {
            beta1,
            beta2,
            epsilon,
            weight_decay: number("weight_decay", 0.01),
            amsgrad: flag("amsgrad"),
        }),
        Some("NAdam") => Box::new(NAdam {
            beta1,
            beta2,
            epsilon,
            momentum_decay: number("momentum_decay", 0.004),
        }),
        Some("RAdam") => Box::new(RAdam {
            beta1,
            beta2,
            epsilon,
        }),
        Some("Adamax") => Box::new(Adamax {
            beta1,
            beta2,
            epsilon,
        }),
        Some("Adagrad") => Box::new(Adagrad {
            rate_decay: number("lr_decay", 0.0),
            initial_sum: number("initial_accumulator_value", 0.0),
            epsilon: number("eps", 1e-10),
        }),
        Some("Adadelta") => Box::new(Adadelta {
            rho: number("rho", 0.9),
            epsilon: number("eps", 1e-6),
        }),
        Some("RMSprop") => Box::new(RmsProp {
            alpha: number("alpha", 0.99),
            epsilon,
            centred: flag("centered"),
            momentum: number("momentum", 0.0),
        }),
        other => panic!("{name}: no rule for {other:?}"),
    };
    Optimizer::new(rule, rate, vec![("parameter".to_owned(), param.clone())])
}

/// Gradients in which the parameter's is exactly `gradient`: those of Σ parameter·gradient.
fn given(param: &Param, gradient: &Tensor) -> Gradients {
    let constant = Tape::new().constant(gradient.clone());
    (param.beside(&constant) * constant).sum(..).backward()
}

/// Largest difference, relative to the largest expected entry where that is not 0; a NaN counts
/// as infinitely wrong.
fn relative_error(found: &Tensor, expected: &Tensor) -> f64 {
    let largest = expected.iter().fold(0.0_f64, |max, e| max.max(e.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    found
        .iter()
        .zip(expected.iter())
        .fold(0.0, |worst, (f, e)| {
            let error = (f - e).abs() / scale;
            if error.is_nan() {
                f64::INFINITY
            } else {
                error.max(worst)
            }
        })
}

fn read(path: &Path) -> Tensors {
    let tensors = checkpoint::read(path).unwrap_or_else(|error| panic!("{error}"));
    tensors.into_iter().collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}
