//! Products of matrices, one by one and in batches.

use retrograd_tensor::{Shape, Tensor};

use super::samples::sample;
use super::{LINEAR, Row, row};
use crate::var::Var;

/// All four readings, in two dimensions and in batches that broadcast on either side.
pub(super) fn rows() -> Vec<Row> {
    let pair = |a: &[usize], b: &[usize]| {
        let shape = |sizes: &[usize]| Shape::new(sizes).expect("a small shape");
        [sample(shape(a)), sample(shape(b))]
    };
    let linear = |name, inputs: [Tensor<f64>; 2], f: fn(&[Var<f64>]) -> Var<f64>| {
        row(LINEAR, name, &inputs, f)
    };
    vec![
        linear("matmul", pair(&[2, 3], &[3, 4]), |x| x[0].matmul(&x[1])),
        linear("matmul_nt", pair(&[2, 3], &[4, 3]), |x| {
            x[0].matmul_nt(&x[1])
        }),
        linear("matmul_tn", pair(&[3, 2], &[3, 4]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tt", pair(&[3, 2], &[4, 3]), |x| {
            x[0].matmul_tt(&x[1])
        }),
        row(
            LINEAR,
            "affine",
            &[sample([2, 3]), sample([4, 3]), sample([4])],
            |x| x[0].affine(&x[1], &x[2]),
        ),
        linear("matmul batched", pair(&[2, 2, 3], &[2, 3, 1]), |x| {
            x[0].matmul(&x[1])
        }),
        linear("matmul broadcast right", pair(&[2, 2, 3], &[3, 2]), |x| {
            x[0].matmul(&x[1])
        }),
        linear("matmul broadcast left", pair(&[1, 2, 3], &[2, 3, 2]), |x| {
            x[0].matmul(&x[1])
        }),
        linear(
            "matmul broadcast both",
            pair(&[2, 1, 1, 2], &[3, 2, 1]),
            |x| x[0].matmul(&x[1]),
        ),
        linear("matmul_nt batched", pair(&[2, 1, 3], &[2, 3]), |x| {
            x[0].matmul_nt(&x[1])
        }),
        linear("matmul_tn batched", pair(&[3, 2], &[2, 3, 1]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tt batched", pair(&[2, 3, 2], &[1, 2, 3]), |x| {
            x[0].matmul_tt(&x[1])
        }),
    ]
}
