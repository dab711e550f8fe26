//! Whole training paths against PyTorch's: first gradients, 20 losses and final parameters.
//!
//! `train/train_*.safetensors` has a path each: start values, data, and what came of them. The models
//! are made of layers here; those of the autoencoders' crate follow their paths in its own tests.

use std::collections::HashMap;

use retrograd_autograd::{Tape, Var, grad};
use retrograd_nn::{
    Activation, Adadelta, Adam, Conv2d, ConvTranspose2d, Linear, Module, Optimizer, Param,
    Reduction, RmsProp, Sequential, Sgd, UpdateRule, Visitor, checkpoint, loss,
};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

use crate::oracle::folder::oracle;

/// Bound on all errors, relative to the largest entry of the tensor.
const TOLERANCE: f64 = 1e-9;

/// Everything that was computed elsewhere, by name.
type Reference = HashMap<String, Tensor>;

/// Trains `model` as the reference was trained, and compares everything; `objective` gets the data,
/// the reference and the number of the step.
fn follow(
    name: &str,
    model: &dyn Module,
    rule: impl UpdateRule + 'static,
    rate: f64,
    objective: impl Fn(&Var, &Reference, usize) -> Var,
) {
    let Some(folder) = oracle(name) else { return };
    let path = folder.join(format!("train/train_{name}.safetensors"));
    let reference = checkpoint::read(&path).unwrap_or_else(|error| panic!("{error}"));
    let reference: Reference = reference.into_iter().collect();
    model.cast(DType::F64);
    let params = model.params();
    let starts = reference.keys().filter(|key| key.starts_with("init."));
    assert_eq!(starts.count(), params.len(), "{name}: parameters");
    for (key, param) in &params {
        param.set(reference[&format!("init.{key}")].clone());
    }
    let mut optimizer = Optimizer::new(rule, rate, params.clone());
    let losses = reference["losses"].to_vec();
    assert_eq!(losses.len(), 20, "{name}: steps");
    for (step, expected) in losses.into_iter().enumerate() {
        let tape = Tape::new();
        let x = tape.constant(reference["x"].clone());
        let loss = objective(&x, &reference, step);
        let what = format!("{name}: loss {step}");
        assert_near(&what, loss.value(), &Tensor::scalar(expected));
        let gradients = loss.backward();
        for (key, param) in params.iter().filter(|_| step == 0) {
            let gradient = gradients.of_key(param.id());
            let gradient = gradient.unwrap_or_else(|| panic!("{name}: {key} has no gradient"));
            let what = format!("{name}: the first gradient of {key}");
            assert_near(&what, gradient, &reference[&format!("grad0.{key}")]);
        }
        drop(loss);
        optimizer.step(&gradients);
    }
    for (key, param) in &params {
        let what = format!("{name}: the final {key}");
        assert_near(&what, &param.value(), &reference[&format!("final.{key}")]);
    }
}

/// That no difference is more than the tolerance's part of the largest expected entry.
#[track_caller]
fn assert_near(what: &str, found: &Tensor, expected: &Tensor) {
    let largest = expected.iter().fold(0.0_f64, |max, e| max.max(e.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    assert_abs_diff_eq!(found, expected, epsilon = TOLERANCE * scale, "{what}");
}

/// Linear layers with an activation between them, and another at the end.
fn network(sizes: &[usize], between: Activation, last: Activation) -> Sequential {
    let mut rng = random::rng(0);
    let mut layers = Sequential::new();
    for (position, pair) in sizes.windows(2).enumerate() {
        if position > 0 {
            layers = layers.with(between);
        }
        layers = layers.with(Linear::new(pair[0], pair[1], &mut rng));
    }
    layers.with(last)
}

/// Linear layers whose inner values the objective reads; the activations between them count as
/// positions, so the names are `0.weight`, `2.weight`, ...
struct Chain(Vec<Linear>);

impl Chain {
    fn new(sizes: &[usize]) -> Self {
        let mut rng = random::rng(0);
        let pairs = sizes.windows(2);
        Self(
            pairs
                .map(|pair| Linear::new(pair[0], pair[1], &mut rng))
                .collect(),
        )
    }

    /// Layer `i` of x.
    fn apply(&self, i: usize, x: &Var) -> Var {
        self.0[i].forward(x)
    }
}

impl Module for Chain {
    fn forward(&self, x: &Var) -> Var {
        self.0.iter().fold(x.clone(), |x, layer| layer.forward(&x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (i, layer) in self.0.iter().enumerate() {
            visitor.child(&(2 * i).to_string(), layer);
        }
    }
}

fn mse(y: &Var, x: &Var) -> Var {
    loss::mse(y, x, Reduction::Mean)
}

/// ½ Σ w².
fn half_squares(weight: &Var) -> Var {
    weight.square().sum(..) * 0.5
}

#[test]
fn linear() {
    let model = network(&[3, 2, 3], Activation::Identity, Activation::Identity);
    follow("linear", &model, Adam::default(), 0.01, |x, _, _| {
        mse(&model.forward(x), x)
    });
}

#[test]
fn deep_tabular() {
    let sizes = [18, 15, 11, 11, 8, 11, 11, 15, 18];
    let model = network(&sizes, Activation::Sigmoid, Activation::Relu);
    let rule = Adadelta {
        rho: 0.95,
        epsilon: 1e-7,
    };
    follow("deep_tabular", &model, rule, 1.0, |x, _, _| {
        mse(&model.forward(x), x)
    });
}

#[test]
fn deep_bce() {
    let model = network(&[20, 12, 6, 12, 20], Activation::Relu, Activation::Sigmoid);
    follow("deep_bce", &model, Adam::default(), 0.01, |x, _, _| {
        loss::bce(&model.forward(x), x, Reduction::Mean)
    });
}

#[test]
fn stacked_l2() {
    let model = network(
        &[20, 12, 8, 12, 20],
        Activation::Elu(1.0),
        Activation::Identity,
    );
    let weights: Vec<Param> = model
        .params()
        .into_iter()
        .filter(|(name, _)| name.ends_with("weight"))
        .map(|(_, param)| param)
        .collect();
    follow("stacked_l2", &model, Adam::default(), 0.01, |x, _, _| {
        weights
            .iter()
            .fold(mse(&model.forward(x), x), |sum, weight| {
                sum + half_squares(&weight.beside(x)) * 0.001
            })
    });
}

/// Two layers there, and back through the same weights.
struct Tied {
    weights: [Param; 2],
    biases: [Param; 4],
}

impl Module for Tied {
    fn forward(&self, x: &Var) -> Var {
        let [w1, w2] = self.weights.each_ref().map(|weight| weight.beside(x));
        let [b1, b2, b3, b4] = self.biases.each_ref().map(|bias| bias.beside(x));
        let code = x.affine(&w1, &b1).elu(1.0).affine(&w2, &b2).elu(1.0);
        (code.matmul(&w2) + b3).elu(1.0).matmul(&w1) + b4
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (i, weight) in self.weights.iter().enumerate() {
            visitor.param(&format!("w{}", i + 1), weight);
        }
        for (i, bias) in self.biases.iter().enumerate() {
            visitor.param(&format!("b{}", i + 1), bias);
        }
    }
}

#[test]
fn tied() {
    let model = Tied {
        weights: [[12, 20], [8, 12]].map(|shape| Param::new(Tensor::zeros(shape, DType::F64))),
        biases: [12, 8, 12, 20].map(|size| Param::new(Tensor::zeros([size], DType::F64))),
    };
    follow("tied", &model, Adam::default(), 0.01, |x, _, _| {
        let [w1, w2] = model.weights.each_ref().map(|weight| weight.beside(x));
        mse(&model.forward(x), x) + (half_squares(&w1) + half_squares(&w2)) * 0.001
    });
}

#[test]
fn sparse_l1() {
    let model = Chain::new(&[20, 9, 20]);
    follow("sparse_l1", &model, Adam::default(), 0.01, |x, _, _| {
        let code = model.apply(0, x).relu();
        let y = model.apply(1, &code).sigmoid();
        mse(&y, x) + code.abs().sum(1).mean(..) * 1e-3
    });
}

#[test]
fn sparse_kl() {
    let model = Chain::new(&[20, 9, 20]);
    follow("sparse_kl", &model, Adam::default(), 0.01, |x, _, _| {
        let code = model.apply(0, x).sigmoid();
        let (active, rate) = (code.mean(0), 0.1);
        let on = (rate / &active).log() * rate;
        let off = ((1.0 - rate) / (1.0 - &active)).log() * (1.0 - rate);
        mse(&model.apply(1, &code), x) + (on + off).sum(..) * 0.2
    });
}

#[test]
fn contractive() {
    let model = Chain::new(&[20, 9, 20]);
    follow("contractive", &model, Sgd::default(), 0.1, |x, _, _| {
        let code = model.apply(0, x).sigmoid();
        let slopes = &code * (1.0 - &code);
        let rows = model.0[0].weight.beside(x).square().sum(1);
        mse(&model.apply(1, &code), x) + slopes.square().mv(&rows).mean(..) * 0.1
    });
}

/// The Jacobian is a derivative here as well, so that the step takes a gradient of a gradient.
#[test]
fn contractive_deep() {
    let model = Chain::new(&[20, 14, 9, 20]);
    follow(
        "contractive_deep",
        &model,
        Adam::default(),
        0.01,
        |x, _, _| {
            let tape = x.tape().expect("the data is on the tape");
            let input = tape.leaf(x.value().clone());
            let code = model.apply(1, &model.apply(0, &input).tanh()).tanh();
            let mut size = tape.constant(Tensor::scalar(0.0));
            for unit in 0..9 {
                let row = grad(&code.select(1, unit).sum(..), &[&input]).remove(0);
                size = size + row.square().sum(1).mean(..);
            }
            mse(&model.apply(2, &code), x) + size * 0.1
        },
    );
}

/// An encoder to means and logarithms of variances, and a decoder to logits.
struct Variational([(&'static str, Linear); 5]);

impl Variational {
    fn apply(&self, i: usize, x: &Var) -> Var {
        self.0[i].1.forward(x)
    }
}

impl Module for Variational {
    fn forward(&self, x: &Var) -> Var {
        self.apply(1, &self.apply(0, x).elu(1.0))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (name, layer) in &self.0 {
            visitor.child(name, layer);
        }
    }
}

#[test]
fn vae() {
    let mut rng = random::rng(0);
    let model = Variational(
        [
            ("hidden", [20, 14]),
            ("mean", [14, 4]),
            ("logvar", [14, 4]),
            ("dec1", [4, 14]),
            ("dec2", [14, 20]),
        ]
        .map(|(name, [inputs, outputs])| (name, Linear::new(inputs, outputs, &mut rng))),
    );
    follow(
        "vae",
        &model,
        Adam::default(),
        0.01,
        |x, reference, step| {
            let noise = Var::constant(reference["eps"].select(0, step));
            let hidden = model.apply(0, x).elu(1.0);
            let (mean, log_variance) = (model.apply(1, &hidden), model.apply(2, &hidden));
            let z = &mean + (&log_variance * 0.5).exp() * noise;
            let logits = model.apply(4, &model.apply(3, &z).elu(1.0));
            let divergence =
                (log_variance.exp() + mean.square() - 1.0 - log_variance).sum(..) * 0.5;
            (loss::bce_with_logits(&logits, x, Reduction::Sum) + divergence) / 32.0
        },
    );
}

#[test]
fn conv() {
    let mut rng = random::rng(0);
    let model = Sequential::new()
        .with(
            Conv2d::new(1, 4, [4, 4], &mut rng)
                .stride([2, 2])
                .padding([1, 1]),
        )
        .with(Activation::Relu)
        .with(
            Conv2d::new(4, 3, [3, 3], &mut rng)
                .stride([2, 2])
                .padding([1, 1]),
        )
        .with(Activation::Relu)
        .with(
            ConvTranspose2d::new(3, 4, [3, 3], &mut rng)
                .stride([2, 2])
                .padding([1, 1])
                .output_padding([1, 1]),
        )
        .with(Activation::Relu)
        .with(
            ConvTranspose2d::new(4, 1, [4, 4], &mut rng)
                .stride([2, 2])
                .padding([1, 1]),
        );
    follow("conv", &model, RmsProp::default(), 0.005, |x, _, _| {
        loss::bce_with_logits(&model.forward(x), x, Reduction::Mean)
    });
}
