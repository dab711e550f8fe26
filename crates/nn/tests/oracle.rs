//! Layers, losses and optimisers against PyTorch, in f64.
//!
//! The reference values are tensors in safetensors files beside an index in JSON:
//! `train/optimizers.*` holds 25 steps of every optimiser on given gradients, `ops/cases.jsonl`
//! and `ops/<operation>.safetensors` hold values and derivatives of first and second order.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use retrograd_autograd::{Gradients, Tape, Var, grad};
use retrograd_nn::{
    Activation, Adadelta, Adam, Linear, Module, Optimizer, Param, Reduction, Sgd, checkpoint, loss,
};
use retrograd_tensor::Tensor;
use serde_json::Value;

type Tensors = HashMap<String, Tensor<f64>>;

/// Bound on the error of an optimiser's path, relative to the largest parameter.
const PATH: f64 = 1e-12;
/// Bound on the error of values and derivatives, relative to the largest entry.
const EXACT: f64 = 1e-12;
/// The same for the second derivative of binary cross-entropy, in which PyTorch adds 1e-12 to
/// p·(1 − p) before squaring it and dividing: 3e-10 of the largest entry in these cases.
const ROUNDED: f64 = 1e-8;

#[test]
fn optimizers_follow_pytorch() {
    let Some(folder) = common::oracle("optimizers_follow_pytorch") else {
        return;
    };
    let tensors = read(&folder.join("train/optimizers.safetensors"));
    let settings = json(&fs::read_to_string(folder.join("train/optimizers.json")).unwrap());
    let settings = settings.as_object().unwrap();
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (name, settings) in settings {
        if let Some((_, reason)) = NOT_YET.iter().find(|(other, _)| other == name) {
            println!("not compared: {name}: {reason}");
            continue;
        }
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
    assert_eq!(compared + NOT_YET.len(), settings.len(), "none is left out");
}

/// The optimisers of the file that we do not have, and what is missing.
const NOT_YET: [(&str, &str); 10] = [
    ("sgd_dampening_decay", "no dampening, no weight decay"),
    ("adam_amsgrad", "no AMSGrad"),
    ("adam_l2", "no weight decay"),
    ("adamw", "no weight decay"),
    ("nadam", "no NAdam"),
    ("radam", "no RAdam"),
    ("adamax", "no Adamax"),
    ("adagrad", "no Adagrad"),
    ("rmsprop", "no RMSprop"),
    ("rmsprop_centered_momentum", "no RMSprop"),
];

/// Our optimiser with these settings; what they leave out is PyTorch's default.
fn optimizer(name: &str, settings: &Value, param: &Param<f64>) -> Optimizer<f64> {
    const USED: [&str; 7] = [
        "class_", "lr", "momentum", "nesterov", "rho", "betas", "eps",
    ];
    for setting in settings.as_object().unwrap().keys() {
        assert!(USED.contains(&setting.as_str()), "{name}: {setting}?");
    }
    let number = |key: &str, default: f64| settings[key].as_f64().unwrap_or(default);
    let rate = settings["lr"].as_f64().expect("every optimiser has a rate");
    let params = vec![("parameter".to_owned(), param.clone())];
    match settings["class_"].as_str() {
        Some("SGD") => {
            let rule = Sgd {
                momentum: number("momentum", 0.0),
                nesterov: settings["nesterov"].as_bool().unwrap_or(false),
            };
            Optimizer::new(rule, rate, params)
        }
        Some("Adam") => {
            let rule = Adam {
                beta1: settings["betas"][0].as_f64().unwrap_or(0.9),
                beta2: settings["betas"][1].as_f64().unwrap_or(0.999),
                epsilon: number("eps", 1e-8),
            };
            Optimizer::new(rule, rate, params)
        }
        Some("Adadelta") => {
            let rule = Adadelta {
                rho: number("rho", 0.9),
                epsilon: number("eps", 1e-6),
            };
            Optimizer::new(rule, rate, params)
        }
        other => panic!("{name}: no rule for {other:?}, and no reason in the table"),
    }
}

/// Gradients in which the parameter's is exactly `gradient`: those of Σ parameter·gradient.
fn given(param: &Param<f64>, gradient: &Tensor<f64>) -> Gradients<f64> {
    let constant = Tape::new().constant(gradient.clone());
    (param.beside(&constant) * constant).sum(..).backward()
}

#[test]
fn layers_and_losses_agree_with_pytorch() {
    let Some(folder) = common::oracle("layers_and_losses_agree_with_pytorch") else {
        return;
    };
    let folder = folder.join("ops");
    let index = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut files: HashMap<String, Tensors> = HashMap::new();
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    let mut compared: BTreeMap<&str, usize> = OPERATIONS.iter().map(|&op| (op, 0)).collect();
    let mut worst = Errors::default();
    for case in index.lines().map(json) {
        let Some(&name) = OPERATIONS.iter().find(|name| case["op"] == **name) else {
            continue;
        };
        let file = files
            .entry(name.to_owned())
            .or_insert_with(|| read(&folder.join(format!("{name}.safetensors"))));
        match compare(&case, file) {
            Ok(errors) => {
                worst.include(&errors);
                *compared.entry(name).or_default() += 1;
            }
            Err(reason) => *skipped.entry(format!("{name}: {reason}")).or_default() += 1,
        }
    }
    for (reason, count) in &skipped {
        println!("skipped: {count} of {reason}");
    }
    println!(
        "cases: {} compared, {} skipped; worst relative errors: value {:.1e}, first order {:.1e}, second order {:.1e}",
        compared.values().sum::<usize>(),
        skipped.values().sum::<usize>(),
        worst.value,
        worst.first,
        worst.second,
    );
    for (name, count) in compared {
        let all_skipped = name == "nn.functional.softplus";
        assert!(count > 0 || all_skipped, "{name}: no case was compared");
    }
}

/// The operations of the index that this crate has as a layer or a loss.
///
/// Every case of softplus has another β than 1, so the layer is compared as
/// log σ(x) = −softplus(−x) as well.
const OPERATIONS: [&str; 14] = [
    "nn.functional.mse_loss",
    "nn.functional.binary_cross_entropy",
    "nn.functional.binary_cross_entropy_with_logits",
    "nn.functional.linear",
    "nn.functional.relu",
    "nn.functional.leaky_relu",
    "nn.functional.elu",
    "nn.functional.selu",
    "nn.functional.gelu",
    "nn.functional.silu",
    "nn.functional.softplus",
    "nn.functional.logsigmoid",
    "sigmoid",
    "tanh",
];

/// Worst relative errors.
#[derive(Clone, Copy, Debug, Default)]
struct Errors {
    value: f64,
    first: f64,
    second: f64,
}

impl Errors {
    fn include(&mut self, other: &Self) {
        self.value = self.value.max(other.value);
        self.first = self.first.max(other.first);
        self.second = self.second.max(other.second);
    }
}

/// Holds one case to its bounds, or says why it is not ours.
fn compare(case: &Value, file: &Tensors) -> Result<Errors, &'static str> {
    let id = case["id"].as_str().unwrap();
    let tensor = |reference: &Value| &file[reference.as_str().unwrap()];
    let (y, inputs) = apply(case, file)?;
    let mut errors = Errors {
        value: bounded(id, "value", y.value(), tensor(&case["outputs"][0]), EXACT),
        ..Errors::default()
    };
    let cotangent = tensor(&case["cotangents"]["0"]);

    let gradients = y.backward_from(cotangent);
    for (input, leaf) in inputs.iter().enumerate() {
        let zeros = Tensor::zeros(leaf.shape());
        let found = gradients.of(leaf).unwrap_or(&zeros);
        let expected = tensor(&case["vjps"][format!("arg{input}")]);
        let what = format!("vjp of input {input}");
        errors.first = errors.first.max(bounded(id, &what, found, expected, EXACT));
    }

    // Once more, recorded: d/d(input) of Σⱼ ⟨vjpⱼ, wⱼ⟩.
    let (y, inputs) = apply(case, file)?;
    let inputs: Vec<&Var<f64>> = inputs.iter().collect();
    let vjps = grad(&(y * Var::constant(cotangent.clone())).sum(..), &inputs);
    let mut sum = Var::constant(Tensor::scalar(0.0));
    for (input, vjp) in vjps.iter().enumerate() {
        let expected = tensor(&case["vjps"][format!("arg{input}")]);
        let what = format!("recorded vjp of input {input}");
        bounded(id, &what, vjp.value(), expected, EXACT);
        let w = tensor(&case["second"]["w"][format!("arg{input}")]);
        sum = sum + (vjp * Var::constant(w.clone())).sum(..);
    }
    let second = if sum.is_tracked() {
        grad(&sum, &inputs)
    } else {
        inputs
            .iter()
            .map(|input| Tensor::zeros(input.shape()).into())
            .collect()
    };
    let bound = if id.starts_with("nn.functional.binary_cross_entropy:") {
        ROUNDED
    } else {
        EXACT
    };
    for (input, found) in second.iter().enumerate() {
        // PyTorch has no entry where the vjps do not depend on an input.
        let zeros = Tensor::zeros(found.shape());
        let expected = match &case["second"]["grads"][format!("arg{input}")] {
            Value::Null => &zeros,
            reference => tensor(reference),
        };
        let what = format!("second derivative of input {input}");
        errors.second = errors
            .second
            .max(bounded(id, &what, found.value(), expected, bound));
    }
    Ok(errors)
}

/// The layer or loss of a case on a tape of its own, with the leaves that are its inputs.
fn apply(case: &Value, file: &Tensors) -> Result<(Var<f64>, Vec<Var<f64>>), &'static str> {
    let tape = Tape::new();
    let arg = |i: usize| file.get(case["args"][i]["tensor"].as_str()?).cloned();
    let options = &case["kwargs"];
    let name = case["op"].as_str().unwrap();
    let name = name.rsplit('.').next().unwrap();
    if name == "linear" {
        return linear(&tape, arg(0).unwrap(), arg(1).unwrap(), arg(2));
    }
    let inputs: Vec<Var<f64>> = (0..).map_while(arg).map(|x| tape.leaf(x)).collect();
    let y = match (name, inputs.as_slice()) {
        (_, [x]) => activation(name, options)?(x),
        (_, [y, target]) => {
            let loss: fn(&Var<f64>, &Var<f64>, Reduction) -> Var<f64> = match name {
                "mse_loss" => loss::mse,
                "binary_cross_entropy" => loss::bce,
                "binary_cross_entropy_with_logits" => loss::bce_with_logits,
                _ => panic!("{name} of two inputs"),
            };
            loss(y, target, reduction(options)?)
        }
        (_, inputs) => panic!("{name} of {} inputs", inputs.len()),
    };
    Ok((y, inputs))
}

/// The layer, with weight and bias as its parameters.
fn linear(
    tape: &Tape<f64>,
    x: Tensor<f64>,
    weight: Tensor<f64>,
    bias: Option<Tensor<f64>>,
) -> Result<(Var<f64>, Vec<Var<f64>>), &'static str> {
    if weight.rank() != 2 {
        return Err("a weight that is not a matrix");
    }
    let layer = Linear {
        weight: Param::new(weight),
        bias: bias.map(Param::new),
    };
    let x = tape.leaf(x);
    let y = layer.forward(&x);
    let params = layer.params();
    let leaves = params.iter().map(|(_, param)| param.beside(&x));
    let inputs = [x.clone()].into_iter().chain(leaves).collect();
    Ok((y, inputs))
}

type Function = Box<dyn Fn(&Var<f64>) -> Var<f64>>;

/// The layer of this name; the settings that PyTorch leaves out are its defaults.
fn activation(name: &str, options: &Value) -> Result<Function, &'static str> {
    let number = |key: &str, default: f64| options[key]["value"].as_f64().unwrap_or(default);
    let layer = match name {
        "relu" => Activation::Relu,
        "leaky_relu" => Activation::LeakyRelu(number("negative_slope", 0.01)),
        "elu" => Activation::Elu(number("alpha", 1.0)),
        "selu" => Activation::Selu,
        "gelu" if options["approximate"]["value"] == "tanh" => {
            return Err("the approximation by tanh");
        }
        "gelu" => Activation::Gelu,
        "silu" => Activation::Silu,
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        "softplus" if number("beta", 1.0) != 1.0 => return Err("a sharpness β other than 1"),
        "softplus" => Activation::Softplus,
        "logsigmoid" => return Ok(Box::new(|x| -Activation::Softplus.forward(&-x))),
        _ => panic!("{name} of one input"),
    };
    Ok(Box::new(move |x| layer.forward(x)))
}

fn reduction(options: &Value) -> Result<Reduction, &'static str> {
    if options.get("weight").is_some() {
        return Err("weights of elements");
    }
    if options.get("pos_weight").is_some() {
        return Err("a weight of the positive class");
    }
    Ok(match options["reduction"]["value"].as_str() {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => panic!("reduction {other}"),
    })
}

/// The relative error, which must be within `bound`; the shapes must be equal.
fn bounded(id: &str, what: &str, found: &Tensor<f64>, expected: &Tensor<f64>, bound: f64) -> f64 {
    assert_eq!(found.shape(), expected.shape(), "{id}: shape of {what}");
    let error = relative_error(found, expected);
    assert!(
        error <= bound,
        "{id}: {what} is off by {error:e}: {found} for {expected}"
    );
    error
}

/// Largest difference, relative to the largest expected entry where that is not 0; a NaN counts
/// as infinitely wrong.
fn relative_error(found: &Tensor<f64>, expected: &Tensor<f64>) -> f64 {
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
