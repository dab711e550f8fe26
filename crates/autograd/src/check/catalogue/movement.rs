//! What moves elements and computes nothing.

use retrograd_tensor::{Shape, Slice};

use super::samples::sample;
use super::{LINEAR, Row, row};
use crate::var::Var;

/// Nothing is computed, so every derivative is 0 or 1.
pub(super) fn rows() -> Vec<Row> {
    let x = &[sample([2, 3, 4])];
    let m = &[sample([3, 4])];
    let parts = &[sample([2, 1]), sample([2, 3]), sample([2, 2])];
    vec![
        row(LINEAR, "reshape", x, |x| x[0].reshape(&[4, -1])),
        row(LINEAR, "with_shape", x, |x| {
            x[0].with_shape(Shape::from([3, 8]))
        }),
        row(LINEAR, "permute", x, |x| x[0].permute(&[1, 2, 0])),
        row(LINEAR, "t", m, |x| x[0].t()),
        row(LINEAR, "t batched", x, |x| x[0].t()),
        row(LINEAR, "slice", m, |x| x[0].slice(0, 1..3)),
        row(LINEAR, "slice step 2", m, |x| {
            x[0].slice(-1, Slice::all().step(2))
        }),
        row(LINEAR, "slice step -1", m, |x| {
            x[0].slice(1, Slice::span(-1, 0).step(-1))
        }),
        row(LINEAR, "slice step -2", x, |x| {
            x[0].slice(-1, Slice::all().step(-2))
        }),
        row(LINEAR, "flip", m, |x| x[0].flip(-1)),
        row(LINEAR, "select", m, |x| x[0].select(-1, 2)),
        row(LINEAR, "unsqueeze", m, |x| x[0].unsqueeze(1)),
        row(LINEAR, "squeeze", &[sample([3, 1, 2])], |x| x[0].squeeze(1)),
        row(LINEAR, "cat", parts, |x| {
            Var::cat(&[&x[0], &x[1], &x[2]], -1)
        }),
        row(LINEAR, "cat twice the same", m, |x| {
            Var::cat(&[&x[0], &x[0]], 0)
        }),
    ]
}
