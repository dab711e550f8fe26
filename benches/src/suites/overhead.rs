//! What do an operation, its node and a buffer cost by themselves?
//!
//! On tensors of one element arithmetic is free, so what remains is bookkeeping: choosing a kernel,
//! allocating, recording a node, and visiting it in the sweep. From the bottom up: the tensor
//! operation, the same on free constants (nothing recorded), on tracked Vars, with the sweep, and
//! with a sweep that is itself recorded. The chains are of 100 operations. The scalar tape does the
//! same for single numbers: a chain of 1000 products and sums.

use std::hint::black_box;

use retrograd_autograd::scalar::{Real, Scalar, ScalarTape};
use retrograd_autograd::{Tape, Var, grad};
use retrograd_nn::{Linear, Module};
use retrograd_tensor::pointwise::Unary;
use retrograd_tensor::{DType, Tensor, random};

use super::Suite;
use crate::case::{Case, Work, repeat};

/// Operations of a chain.
const LENGTH: usize = 100;
/// Degree of the polynomial on the scalar tape; every degree is a product and a sum.
const DEGREE: usize = 500;

/// Chains of small operations, a small layer, and buffers.
#[must_use]
pub fn suite() -> Suite {
    let mut cases = chains();
    cases.extend(scalars());
    cases.push(small_add());
    cases.push(small_layer());
    cases.push(Case::new("tape", Work::Operations(1), || repeat(Tape::new)));
    for size in [1 << 10, 1 << 18] {
        cases.push(buffer(size));
        cases.push(vector(size));
    }
    Suite {
        name: "overhead",
        cases,
    }
}

fn sines(x: Var) -> Var {
    (0..LENGTH).fold(x, |x, _| x.sin())
}

/// A leaf on a tape of its own.
fn leaf(value: &Tensor) -> Var {
    Tape::new().leaf(black_box(value).clone())
}

fn chains() -> Vec<Case> {
    let chain = |name: &str, run: fn(&Tensor)| {
        Case::new(name, Work::Operations(LENGTH), move || {
            let one = Tensor::scalar(1.0_f32);
            repeat(move || run(&one))
        })
    };
    vec![
        chain("sine on tensors", |one| {
            black_box((0..LENGTH).fold(black_box(one).clone(), |x, _| x.unary(Unary::Sin)));
        }),
        chain("sine unrecorded", |one| {
            black_box(sines(black_box(one).clone().into()));
        }),
        chain("sine recorded", |one| {
            black_box(sines(leaf(one)));
        }),
        chain("sine recorded and swept", |one| {
            black_box(sines(leaf(one)).backward());
        }),
        chain("sine recorded, sweep recorded", |one| {
            let x = leaf(one);
            black_box(grad(&sines(x.clone()), &[&x]));
        }),
    ]
}

/// Horner's rule of degree [`DEGREE`] on the scalar tape: y ← y·x + c again and again, with c
/// on the tape as well, and a chain of sines.
fn scalars() -> Vec<Case> {
    fn case(name: &str, run: impl Fn(&mut ScalarTape) -> f64 + Copy + 'static) -> Case {
        Case::new(name, Work::Operations(2 * DEGREE), move || {
            let mut tape = ScalarTape::new();
            repeat(move || run(&mut tape))
        })
    }
    fn horner<'t>(tape: &'t mut ScalarTape) -> (Scalar<'t>, Scalar<'t>) {
        tape.clear();
        let (x, c) = (tape.variable(black_box(0.5)), tape.variable(black_box(1.0)));
        (x, (0..DEGREE).fold(x, |y, _| y * x + c))
    }
    vec![
        case("scalars recorded", |tape| horner(tape).1.value()),
        case("scalars recorded and swept", |tape| {
            let (x, y) = horner(tape);
            y.backward().of(x)
        }),
        case("scalars recorded and swept, sines", |tape| {
            tape.clear();
            let x = tape.variable(black_box(0.5));
            let y = (0..2 * DEGREE).fold(x, |y, _| y.sin());
            y.backward().of(x)
        }),
    ]
}

/// A row of 16 added to itself: the least that an operation on tensors can take.
fn small_add() -> Case {
    Case::new("add of 16", Work::Operations(1), || {
        let x = Tensor::ones([16], DType::F32);
        repeat(move || black_box(&x) + black_box(&x))
    })
}

/// A layer 8 → 8 on a batch of 4, forward and backward.
fn small_layer() -> Case {
    Case::new("linear 4x8x8 swept", Work::Operations(1), || {
        let layer = Linear::new(8, 8, &mut random::rng(0));
        let x = Tensor::normal([4, 8], 0.0, 1.0, &mut random::rng(1), DType::F32);
        repeat(move || {
            let x = Tape::new().constant(x.clone());
            layer.forward(&x).sum(..).backward()
        })
    })
}

/// A buffer of the pool, taken, filled with 0 and given back.
fn buffer(size: usize) -> Case {
    let name = format!("zeros {size}");
    Case::new(name, Work::Operations(1), move || {
        repeat(move || Tensor::zeros([size], DType::F32))
    })
}

/// The same from the system's allocator.
fn vector(size: usize) -> Case {
    let name = format!("zeros {size}");
    let build = move || repeat(move || vec![black_box(0.0_f32); size]);
    Case::new(name, Work::Operations(1), build).by("std")
}
