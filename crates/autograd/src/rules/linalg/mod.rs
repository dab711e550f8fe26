//! Linear algebra: factors and solutions. Their derivatives are solutions of systems with the same
//! matrix (Giles 2008), or come from the factor (Murray 2016).
//!
//! Where a matrix may be singular or not positive definite, ask the tensor first:
//! `x.value().try_cholesky()` and its kin return what is wrong, and the methods here panic with it.

mod cholesky;
mod det;
mod eigen;
mod exponential;
mod qr;
mod solve;
mod svd;
mod triangular;

use retrograd_tensor::{Shape, Tensor};

use crate::primitive::{Cotangents, Inputs};
use crate::var::Var;

/// Both stretched to the leading axes `lead`.
#[track_caller]
fn batches(lead: &Shape, operands: [&Var; 2]) -> [Var; 2] {
    let stretched = |var: &Var| {
        let matrix = &var.shape()[var.rank() - 2..];
        Shape::from([&lead[..], matrix].concat())
    };
    let [a, b] = operands;
    [a.broadcast_to(stretched(a)), b.broadcast_to(stretched(b))]
}

/// (X + Xᵀ) / 2.
#[track_caller]
fn symmetric(x: &Var) -> Var {
    (x + x.t()) * 0.5
}

/// The rows of a square matrix.
fn size(matrix: &Shape) -> usize {
    matrix[matrix.rank() - 1]
}

/// An operand that is the result itself, where it is known already.
fn known(x: &[&Tensor], operand: usize) -> Option<Tensor> {
    x.get(operand).map(|&known| known.clone())
}

/// The cotangents where the first input alone moves.
fn alone(x: &Inputs, cotangent: Var) -> Cotangents {
    let others = (1..x.len()).map(|_| None);
    std::iter::once(Some(cotangent)).chain(others).collect()
}
