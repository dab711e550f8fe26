//! What makes axes go away, and what brings them back.

use retrograd_tensor::{Shape, keep};

use super::samples::sample;
use super::{LINEAR, Row, SMOOTH, row};

/// Over all axes, some, and none kept or kept.
pub(super) fn rows() -> Vec<Row> {
    let x = &[sample([2, 3, 2])];
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
        row(LINEAR, "sum_to", x, |x| x[0].sum_to(&Shape::from([3, 1]))),
        row(LINEAR, "sum_to number", x, |x| x[0].sum_to(&Shape::SCALAR)),
        row(LINEAR, "broadcast_to", &[sample([3, 1])], |x| {
            x[0].broadcast_to([2, 3, 2])
        }),
    ]
}
