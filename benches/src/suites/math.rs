//! What does an elementwise function cost beyond moving the memory?
//!
//! A function of one tensor reads and writes each element once, as a copy does; what it takes
//! longer than the copy is arithmetic, or waste. Sizes: in the L1 cache, in the L2 cache, an image
//! batch of W1 (256 × 784), and 16 MiB, where memory is all that counts.
//!
//! `bce_with_logits` is the loss of the image autoencoders with its gradient: a formula of two
//! inputs, a mean, and the formula's derivative, through the tape as training does it.

use std::hint::black_box;

use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Reduction, loss};
use retrograd_tensor::pointwise::{Binary, Unary};
use retrograd_tensor::{Array, Tensor, random};

use super::Suite;
use crate::case::{Case, Work, repeat};

/// Elements of a tensor.
const SIZES: [usize; 4] = [4096, 1 << 16, 256 * 784, 1 << 22];
const FLOAT: usize = size_of::<f32>();

/// Functions of positive numbers take those; all others take normal ones.
const FUNCTIONS: [(&str, Unary); 14] = [
    ("sqrt", Unary::Sqrt),
    ("exp", Unary::Exp),
    ("expm1", Unary::Expm1),
    ("log", Unary::Log),
    ("log1p", Unary::Log1p),
    ("sin", Unary::Sin),
    ("cos", Unary::Cos),
    ("tanh", Unary::Tanh),
    ("sigmoid", Unary::Sigmoid),
    ("softplus", Unary::Softplus),
    ("erf", Unary::Erf),
    ("recip", Unary::Recip),
    ("square", Unary::Square),
    ("abs", Unary::Abs),
];

/// A copy, sums, functions, activations and a loss, at every size.
#[must_use]
pub fn suite() -> Suite {
    Suite {
        name: "math",
        cases: SIZES.into_iter().flat_map(of_size).collect(),
    }
}

fn of_size(size: usize) -> Vec<Case> {
    let mut cases = vec![copy(size), add(size)];
    cases.extend(FUNCTIONS.map(|(name, function)| of_function(name, function, size)));
    cases.push(power(size));
    for (name, activation) in activations() {
        cases.push(of_activation(name, activation, size));
    }
    cases.push(loss_and_gradient(size));
    cases
}

/// Reading `inputs` tensors and writing `outputs`.
fn pass(size: usize, inputs: usize, outputs: usize) -> Work {
    Work::Elements {
        count: size,
        bytes: size * (inputs + outputs) * FLOAT,
    }
}

/// Numbers that every function takes: positive, around 1.
fn positive(size: usize, seed: u64) -> Array {
    Array::uniform([size], 0.1, 2.0, &mut random::rng(seed))
}

fn normal(size: usize, seed: u64) -> Array {
    Array::normal([size], 0.0, 1.0, &mut random::rng(seed))
}

/// What moving the memory takes by itself.
fn copy(size: usize) -> Case {
    Case::new(format!("copy {size}"), pass(size, 1, 1), move || {
        let x = normal(size, 0);
        repeat(move || x.copied())
    })
}

fn add(size: usize) -> Case {
    Case::new(format!("add {size}"), pass(size, 2, 1), move || {
        let (x, y) = (normal(size, 0), normal(size, 1));
        repeat(move || &x + &y)
    })
}

fn power(size: usize) -> Case {
    Case::new(format!("pow {size}"), pass(size, 2, 1), move || {
        let (x, y) = (positive(size, 0), normal(size, 1));
        repeat(move || x.binary(Binary::Pow, &y))
    })
}

fn of_function(name: &str, function: Unary, size: usize) -> Case {
    let needs_positive = matches!(function, Unary::Sqrt | Unary::Log | Unary::Log1p);
    Case::new(format!("{name} {size}"), pass(size, 1, 1), move || {
        let x = if needs_positive {
            positive(size, 0)
        } else {
            normal(size, 0)
        };
        repeat(move || x.unary(function))
    })
}

type Activation = fn(&Var) -> Var;

/// Formulas of several operations, each one pass.
fn activations() -> [(&'static str, Activation); 4] {
    [
        ("relu", |x| x.relu()),
        ("elu", |x| x.elu(1.0)),
        ("gelu", |x| x.gelu()),
        ("silu", |x| x.silu()),
    ]
}

fn of_activation(name: &str, activation: Activation, size: usize) -> Case {
    Case::new(format!("{name} {size}"), pass(size, 1, 1), move || {
        let x = Var::constant(normal(size, 0).into());
        repeat(move || activation(&x))
    })
}

/// Reads logits and targets for the loss and again for the gradient, which it writes.
fn loss_and_gradient(size: usize) -> Case {
    let name = format!("bce_with_logits {size}");
    Case::new(name, pass(size, 2, 1), move || {
        let logits = Tensor::from(normal(size, 0));
        let targets = Tensor::from(positive(size, 1)).scale(0.5);
        repeat(move || {
            let tape = Tape::new();
            let z = tape.leaf(black_box(&logits).clone());
            let t = tape.constant(targets.clone());
            loss::bce_with_logits(&z, &t, Reduction::Mean).backward()
        })
    })
}
