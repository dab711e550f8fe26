//! A rule is right when the slope it claims is the slope that differences find.
//!
//! ```text
//! what the rules say     Jᵀ·v, by the backward sweep
//! what the values say    J·u ≈ (f(x + h u) − f(x − h u)) / 2h, extrapolated to h = 0
//! both are right when    ⟨v, J·u⟩ = ⟨Jᵀ·v, u⟩
//! ```
//!
//! Check every operation you write and, once, the loss you train with: a wrong gradient often still
//! trains, only worse, and nothing else will tell.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 07_gradient_check`. It prints
//!
//! ```text
//! A small autoencoder
//!   order 1: 27 numbers agree to ten digits
//!   order 2: 756 numbers agree to ten digits
//! A larger one, of 3600 numbers
//!   order 1: 24 numbers agree to ten digits
//! A wrong rule
//! order 1: 1 of 4 derivatives are wrong, worst at input 0 entry [1], for the output's entry [1]
//!   analytic (rules)       +6.000000000000e0
//!   numeric (differences)  +1.200000000000e1, off by at most 1.2e-12
//!   difference 6.00e0, which is 5.00e-1 of 1.20e1, tolerance 1.0e-8 and 9.9e-14 for the bound
//!   step h     (f(x + h) - f(x - h)) / 2h
//!   3.125e-2  +1.200097656250e1
//!   1.531e-2  +1.200023447266e1
//!   7.503e-3  +1.200005629688e1
//!   3.677e-3  +1.200001351688e1
//!   1.802e-3  +1.200000324540e1
//!   8.827e-4  +1.200000077922e1
//!   4.325e-4  +1.200000018709e1
//!   2.119e-4  +1.200000004492e1
//!   Differences that settle as h shrinks contradict the rule. A change between two steps is a kink that the larger one crosses. Doubling with every step is a jump in the function. Scatter that grows is noise.
//! ```

use std::borrow::Cow;

use retrograd_autograd::check::{Report, gradcheck, gradgradcheck};
use retrograd_autograd::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Var};
use retrograd_tensor::{DType, Tensor, random};

fn main() {
    right();
    large();
    wrong();
}

/// The loss of a small autoencoder as a function of everything in it: inputs are `x`, the encoder
/// and the decoder.
fn autoencoder(inputs: &[Var]) -> Var {
    let [x, encoder, decoder] = inputs else {
        unreachable!("three inputs are given")
    };
    let code = x.matmul_nt(encoder).tanh();
    (code.matmul_nt(decoder) - x).square().mean(..)
}

/// A batch and weights for codes of `code` numbers.
fn draw(batch: usize, features: usize, code: usize) -> [Tensor; 3] {
    let rng = &mut random::rng(0);
    [[batch, features], [code, features], [features, code]]
        .map(|shape| Tensor::normal(shape, 0.0, 0.5, rng, DType::F64))
}

/// A small Jacobian is compared entry by entry, and so is the derivative of the sweep itself.
fn right() {
    let inputs = draw(5, 3, 2);
    let first = gradcheck(autoencoder, &inputs).expect("the gradient is right");
    let second = gradgradcheck(autoencoder, &inputs).expect("and so is the gradient's gradient");
    println!("A small autoencoder");
    passed(&first);
    passed(&second);
}

/// A large one would take a pair of evaluations an entry, so it is compared along random
/// directions: a wrong rule shows in almost every one.
fn large() {
    let inputs = draw(16, 100, 10);
    let entries: usize = inputs.iter().map(Tensor::elements).sum();
    let report = gradcheck(autoencoder, &inputs).expect("the gradient is right");
    println!("A larger one, of {entries} numbers");
    passed(&report);
    assert!(report.entries < entries);
}

fn passed(report: &Report) {
    assert!(report.worst_error() < 1e-10);
    println!(
        "  order {}: {} numbers agree to ten digits",
        report.order, report.entries
    );
}

/// x³ with a mistake in its rule: 3x where it should say 3x².
#[derive(Debug)]
struct Cube;

impl Primitive for Cube {
    fn name(&self) -> Cow<'static, str> {
        "cube".into()
    }

    fn forward(&self, x: &[&Tensor]) -> Tensor {
        &(x[0] * x[0]) * x[0]
    }

    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }

    fn vjp(&self, x: &Inputs, _: &Output, g: &Var) -> Cotangents {
        Cotangents::from_iter([Some(g * &x[0] * 3.0)])
    }
}

/// The report names the entry, both numbers, and the difference at every step size: those that
/// settle as h shrinks convict the rule; those that do not would acquit it.
fn wrong() {
    // At 1 the mistake would not show: there x² = x.
    let x = Tensor::from_vec(vec![1.0, 2.0], [2]);
    let failure = gradcheck(|x| Var::apply(Cube, &[&x[0]]), &[x]).expect_err("the rule is wrong");
    println!("A wrong rule\n{failure}");
    assert!(failure.to_string().contains("entry [1]"));
}
