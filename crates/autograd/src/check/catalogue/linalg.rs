//! Factors and solutions, at matrices far from singular.

use retrograd_tensor::{Tensor, Triangular};

use super::samples::sample;
use super::{LINEAR, Row, SMOOTH, row};

/// One matrix and batches, on either side.
pub(super) fn rows() -> Vec<Row> {
    let square = &[dominant(3)];
    let batch = &[Tensor::stack(&[dominant(2), dominant(2).t() * 1.5], 0)];
    let system = &[dominant(3), sample([3, 2])];
    let systems = &[dominant(3), sample([2, 3, 1])];
    let many = &[batch[0].clone(), sample([2, 2])];
    let domain = "positive definite";
    let mut rows = vec![
        row(SMOOTH, "cholesky", square, |x| x[0].cholesky()).domain(domain),
        row(SMOOTH, "cholesky batch", batch, |x| x[0].cholesky()).domain(domain),
        row(SMOOTH, "solve", system, |x| x[0].solve(&x[1])).domain("invertible"),
        row(SMOOTH, "solve batch", systems, |x| x[0].solve(&x[1])).domain("invertible"),
        row(SMOOTH, "solve many", many, |x| x[0].solve(&x[1])).domain("invertible"),
        row(SMOOTH, "inverse", batch, |x| x[0].inverse()).domain("invertible"),
        row(SMOOTH, "slogdet", batch, |x| x[0].slogdet().1).domain("invertible"),
        row(SMOOTH, "logdet", square, |x| x[0].logdet()).domain("positive determinant"),
        row(SMOOTH, "eigh values", square, |x| x[0].eigh().0).kinks("equal eigenvalues"),
        row(SMOOTH, "eigh vectors", square, |x| x[0].eigh().1).kinks("equal eigenvalues"),
        row(SMOOTH, "eigh both", batch, |x| {
            let (values, vectors) = x[0].eigh();
            vectors.matmul(&values.exp().unsqueeze(-1))
        })
        .kinks("equal eigenvalues"),
    ];
    rows.extend(triangles(system, many));
    rows
}

/// Every triangle in either direction. With ones on the diagonal and two rows the solution is
/// linear in the matrix.
fn triangles(system: &[Tensor<f64>], many: &[Tensor<f64>]) -> Vec<Row> {
    let unit = &[sample([2, 2]), sample([2, 3])];
    let rows = vec![
        row(SMOOTH, "solve_triangular", system, |x| {
            x[0].solve_triangular(&x[1], Triangular::LOWER)
        }),
        row(SMOOTH, "solve_triangular upper", system, |x| {
            x[0].solve_triangular(&x[1], Triangular::UPPER)
        }),
        row(SMOOTH, "solve_triangular turned", system, |x| {
            x[0].solve_triangular(&x[1], Triangular::LOWER.turned())
        }),
        row(SMOOTH, "solve_triangular upper turned", many, |x| {
            x[0].solve_triangular(&x[1], Triangular::UPPER.turned())
        }),
        row(LINEAR, "solve_triangular unit", unit, |x| {
            x[0].solve_triangular(&x[1], Triangular::LOWER.unit())
        }),
        row(LINEAR, "solve_triangular unit turned", unit, |x| {
            x[0].solve_triangular(&x[1], Triangular::UPPER.unit().turned())
        }),
    ];
    let domain = "no 0 on the diagonal";
    rows.into_iter().map(|row| row.domain(domain)).collect()
}

/// A matrix whose diagonal outweighs what is beside it, with eigenvalues well apart, and which is
/// not symmetric.
fn dominant(size: usize) -> Tensor<f64> {
    let beside = sample([size, size]) * 0.3;
    Tensor::from_fn([size, size], |i| match i[0] == i[1] {
        true => 2.0 + 1.5 * i[0] as f64,
        false => beside.at(i),
    })
}
