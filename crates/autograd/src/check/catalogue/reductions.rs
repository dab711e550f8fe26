//! What makes axes go away, and what brings them back.

use retrograd_tensor::{Shape, Start, Tensor, keep};

use super::samples::{positive, sample};
use super::{LINEAR, Row, SMOOTH, row};

/// Over all axes, some, and none kept or kept.
pub(super) fn rows() -> Vec<Row> {
    let x = &[sample([2, 3, 2])];
    // None, one, two and three zeros in a row.
    let zeros = &[Tensor::from_vec(
        vec![0.7, -1.2, 0.4, 0.0, 0.9, 1.5, 0.0, -0.6, 0.0, 0.0, 0.0, 0.0],
        [4, 3],
    )];
    let (apart, both) = (&[positive([6])], &[sample([2, 3]), sample([3, 2]).t()]);
    let apart = &[apart[0].reshape(&[2, 3])];
    let pair = &[sample([2, 3]), positive([1, 3])];
    vec![
        row(LINEAR, "sum", x, |x| x[0].sum(..)),
        row(LINEAR, "sum middle", x, |x| x[0].sum(1)),
        row(LINEAR, "sum kept", x, |x| x[0].sum(keep([0, -1]))),
        row(LINEAR, "mean", x, |x| x[0].mean(..)),
        row(LINEAR, "mean middle", x, |x| x[0].mean(1)),
        row(LINEAR, "mean kept", x, |x| x[0].mean(keep([0, -1]))),
        row(LINEAR, "max", x, |x| x[0].max(..)).kinks("ties"),
        row(LINEAR, "max middle", x, |x| x[0].max(1)).kinks("ties"),
        row(LINEAR, "max kept", x, |x| x[0].max(keep([0, -1]))).kinks("ties"),
        row(LINEAR, "min", x, |x| x[0].min(..)).kinks("ties"),
        row(LINEAR, "min middle", x, |x| x[0].min(1)).kinks("ties"),
        row(LINEAR, "min kept", x, |x| x[0].min(keep([0, -1]))).kinks("ties"),
        row(SMOOTH, "logsumexp", x, |x| x[0].logsumexp(..)),
        row(SMOOTH, "logsumexp middle", x, |x| x[0].logsumexp(1)),
        row(SMOOTH, "logsumexp kept", x, |x| {
            x[0].logsumexp(keep([0, -1]))
        }),
        row(SMOOTH, "prod", x, |x| x[0].prod(..)),
        row(SMOOTH, "prod middle", x, |x| x[0].prod(1)),
        row(SMOOTH, "prod of zeros", zeros, |x| x[0].prod(keep(1))),
        row(SMOOTH, "var", x, |x| x[0].var(.., 1.0)),
        row(SMOOTH, "var kept", x, |x| x[0].var(keep([0, -1]), 0.0)),
        row(SMOOTH, "std", x, |x| x[0].std(1, 0.5)),
        row(LINEAR, "norm 0", x, |x| x[0].norm(0.0, 1)).kinks("x = 0"),
        row(LINEAR, "norm 1", x, |x| x[0].norm(1.0, 1)).kinks("x = 0"),
        row(SMOOTH, "norm 2", x, |x| x[0].norm(2.0, keep([0, -1]))).kinks("x = 0"),
        row(SMOOTH, "norm 3.5", x, |x| x[0].norm(3.5, ..)).kinks("x = 0"),
        row(SMOOTH, "norm -1.5", x, |x| x[0].norm(-1.5, 0)).kinks("x = 0"),
        row(LINEAR, "norm inf", apart, |x| x[0].norm(f64::INFINITY, 1)).kinks("ties"),
        row(LINEAR, "norm -inf", apart, |x| {
            x[0].norm(f64::NEG_INFINITY, 0)
        })
        .kinks("ties"),
        row(SMOOTH, "squared_norm", x, |x| x[0].squared_norm(1)),
        row(SMOOTH, "normalize", x, |x| x[0].normalize(2.0, 1, 1e-12)).kinks("x = 0"),
        row(SMOOTH, "cosine_similarity", pair, |x| {
            x[0].cosine_similarity(&x[1], -1, 1e-8)
        })
        .kinks("a vector is 0"),
        row(SMOOTH, "softmax", x, |x| x[0].softmax(1)),
        row(SMOOTH, "log_softmax", x, |x| x[0].log_softmax(-1)),
        row(SMOOTH, "softmin", x, |x| x[0].softmin(0)),
        row(SMOOTH, "cumprod", x, |x| x[0].cumprod(1)),
        row(SMOOTH, "cumprod of zeros", zeros, |x| x[0].cumprod(1)),
        row(SMOOTH, "logcumsumexp", x, |x| x[0].logcumsumexp(1)),
        row(SMOOTH, "recurrence", both, |x| {
            x[0].recurrence(&x[1], 1, Start::First)
        }),
        row(SMOOTH, "recurrence from the end", both, |x| {
            x[0].recurrence(&x[1], 0, Start::Last)
        }),
        row(LINEAR, "sum_to", x, |x| x[0].sum_to(&Shape::from([3, 1]))),
        row(LINEAR, "sum_to number", x, |x| x[0].sum_to(&Shape::SCALAR)),
        row(LINEAR, "broadcast_to", &[sample([3, 1])], |x| {
            x[0].broadcast_to([2, 3, 2])
        }),
    ]
}
