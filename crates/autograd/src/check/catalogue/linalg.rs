//! Factors and solutions, at matrices far from singular.

use retrograd_tensor::{DType, Tensor, Triangular};

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
        row(SMOOTH, "matrix_function", square, |x| {
            x[0].matrix_function(|x| x.sin())
        }),
        row(SMOOTH, "matrix_function batch", batch, |x| {
            x[0].matrix_function(|x| x.exp())
        }),
    ];
    rows.extend(triangles(system, many));
    rows.extend(rectangles());
    rows.extend(functions(square, batch));
    rows
}

/// Every triangle in either direction. With ones on the diagonal and two rows the solution is
/// linear in the matrix.
fn triangles(system: &[Tensor], many: &[Tensor]) -> Vec<Row> {
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

/// Factors of matrices with more rows than columns, fewer, and as many.
fn rectangles() -> Vec<Row> {
    let (tall, wide) = (&[rectangle(4, 2)], &[rectangle(2, 3)]);
    let batch = &[Tensor::stack(&[dominant(2), dominant(2).t() * 1.5], 0)];
    let over = &[rectangle(4, 2), sample([4, 2])];
    let under = &[rectangle(2, 3), sample([2, 2, 1])];
    let kinks = "equal singular values, 0";
    let domain = "full rank";
    vec![
        row(SMOOTH, "qr q", tall, |x| x[0].qr().0).domain(domain),
        row(SMOOTH, "qr r", tall, |x| x[0].qr().1).domain(domain),
        row(SMOOTH, "qr batch", batch, |x| {
            let (q, r) = x[0].qr();
            q.exp().matmul(&r)
        })
        .domain(domain),
        row(SMOOTH, "qr wide", wide, |x| {
            let (q, r) = x[0].qr();
            q.exp().matmul(&r)
        })
        .domain(domain),
        row(SMOOTH, "lstsq", over, |x| x[0].lstsq(&x[1])).domain(domain),
        row(SMOOTH, "lstsq wide", under, |x| x[0].lstsq(&x[1])).domain(domain),
        row(SMOOTH, "svd values", tall, |x| x[0].svd().1).kinks(kinks),
        row(SMOOTH, "svd left", tall, |x| x[0].svd().0).kinks(kinks),
        row(SMOOTH, "svd right", wide, |x| x[0].svd().2).kinks(kinks),
        row(SMOOTH, "svd all", wide, |x| {
            let (u, s, v) = x[0].svd();
            (u.exp() * s.sqrt().unsqueeze(-2)).matmul_nt(&v.tanh())
        })
        .kinks(kinks),
        row(SMOOTH, "singular_function", tall, |x| {
            x[0].singular_function(|s| s.sin())
        }),
        row(SMOOTH, "singular_function wide", wide, |x| {
            x[0].singular_function(|s| s.sqrt())
        }),
        row(SMOOTH, "singular_function batch", batch, |x| {
            x[0].singular_function(|s| s * 0.0 + 1.0)
        }),
        row(SMOOTH, "svd batch", batch, |x| {
            let (u, s, v) = x[0].svd();
            (u.exp() * s.sqrt().unsqueeze(-2)).matmul_nt(&v.tanh())
        })
        .kinks(kinks),
    ]
}

/// The determinant, far from singular and where one and two dimensions are lost, and the
/// exponential, of small matrices and of large ones.
fn functions(square: &[Tensor], batch: &[Tensor]) -> Vec<Row> {
    let lost = |dimensions: usize| {
        let kept = Tensor::from_fn([4], |i| f64::from(u8::from(i[0] >= dimensions)));
        let turn = rectangle(4, 4).qr().0;
        [(&dominant(4) * &kept).matmul(&turn)]
    };
    let mixed = &[Tensor::stack(
        &[dominant(2), Tensor::ones([2, 2], DType::F64)],
        0,
    )];
    vec![
        row(SMOOTH, "det", square, |x| x[0].det()),
        row(SMOOTH, "det batch", batch, |x| x[0].det()),
        row(SMOOTH, "det singular", &lost(1), |x| x[0].det()),
        row(SMOOTH, "det of rank 2", &lost(2), |x| x[0].det()),
        row(SMOOTH, "det mixed", mixed, |x| x[0].det()),
        row(SMOOTH, "matrix_exp", batch, |x| x[0].matrix_exp()),
        row(SMOOTH, "matrix_exp halved", square, |x| {
            (&x[0] * 1.5).matrix_exp() * 1e-3
        }),
    ]
}

/// Of full rank, with singular values well apart.
fn rectangle(rows: usize, columns: usize) -> Tensor {
    let beside = sample([rows, columns]) * 0.3;
    Tensor::from_fn([rows, columns], |i| match i[0] == i[1] {
        true => 2.0 + 1.5 * i[0] as f64,
        false => beside.at(i),
    })
}

/// A matrix whose diagonal outweighs what is beside it, with eigenvalues well apart, and which is
/// not symmetric.
fn dominant(size: usize) -> Tensor {
    rectangle(size, size)
}
