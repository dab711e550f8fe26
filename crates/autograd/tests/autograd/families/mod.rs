//! Shapes and values that rules get wrong, family by family: empty, rank 0, strided, broadcast,
//! repeated, singular.

mod attention;
mod distributions;
mod indexing;
mod linalg;
mod logic;
mod movement;
mod order;
mod products;
mod volume;

use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::{Tape, Var};
use retrograd_tensor::{Array, DType, Shape, Slice, Tensor, random};

type Function = fn(&[Var]) -> Var;

fn normal(shape: impl Into<Shape>) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(6), DType::F64)
}

/// Orders 1 and 2; returns how many first derivatives were compared.
#[track_caller]
fn agrees(what: &str, f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) -> usize {
    let report = gradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    gradgradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    report.entries
}

/// The gradients of Σ f(x).
fn slopes(f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) -> Vec<Vec<f64>> {
    let tape = Tape::new();
    let x: Vec<Var> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let gradients = f(&x).sum(..).backward();
    x.iter()
        .map(|x| gradients.of(x).expect("f depends on x").to_vec())
        .collect()
}

fn constant(values: &[f64], shape: impl Into<Shape>) -> Var {
    Tensor::from_vec(values.to_vec(), shape).into()
}

fn indices(values: &[i64], shape: impl Into<Shape>) -> Array<i64> {
    Array::from_vec(values.to_vec(), shape)
}

/// Views of a tensor of two axes, none of them contiguous.
fn views(x: &Tensor) -> Vec<Tensor> {
    vec![
        x.t(),
        x.flip(..),
        x.slice(1, Slice::all().step(-2)),
        x.slice(1, 0..1).broadcast_to([4, 3]),
    ]
}

/// What a panic of `f` says.
fn refusal<V>(f: impl FnOnce() -> V) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(f())));
    let words = panic.expect_err("it is refused");
    words
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| "a panic without words".to_owned())
}
