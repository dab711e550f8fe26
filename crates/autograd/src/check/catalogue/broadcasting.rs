//! Functions of pairs and threes, in equal shapes and broadcast on either side.

use retrograd_tensor::Tensor;

use super::samples::{positive, sample};
use super::{LINEAR, Row, SMOOTH, row};
use crate::var::Var;

/// Functions of pairs and threes, equal shapes and broadcast on either side.
pub(super) fn rows() -> Vec<Row> {
    let same = &[sample([2, 3]), positive([3, 2]).t()];
    let right = &[sample([2, 3]), positive([3])];
    let left = &[sample([2, 1]), positive([2, 1, 3])];
    let powers = &[positive([2, 3]), sample([3])];
    // Twelve numbers that are apart: half of them meet the other half.
    let apart = sample([4, 3]);
    let rivals = &[apart.slice(0, ..2), apart.slice(0, 2..)];
    // Quotients 2.3, −3.4, −3.83, 1.55, 0.24, −0.14.
    let divided = &[
        Tensor::from_vec(vec![2.3, 3.4, -4.6, 1.55, -0.24, -0.17], [2, 3]),
        Tensor::from_vec(vec![1.0, -1.0, 1.2], [3]),
    ];
    // The condition is not near 0, where it changes.
    let three = &[sample([2, 3]), sample([3]), sample([2, 1])];
    let ends = &[
        apart.slice(0, ..2),
        apart.slice(0, 2..3),
        apart.slice(0, 3..),
    ];
    // No weight is near ½, where the sum is taken from the other end.
    let weighed = &[sample([2, 3]), positive([3]), sample([2, 1])];
    vec![
        row(LINEAR, "add", same, |x| &x[0] + &x[1]),
        row(LINEAR, "add right", right, |x| &x[0] + &x[1]),
        row(LINEAR, "add left", left, |x| &x[0] + &x[1]),
        row(LINEAR, "add number", &same[..1], |x| &x[0] + 2.5),
        row(LINEAR, "sub number left", &same[..1], |x| 2.5 - &x[0]),
        row(SMOOTH, "div number left", &same[..1], |x| 2.5 / &x[0]).domain("divisor ≠ 0"),
        row(LINEAR, "sub", same, |x| &x[0] - &x[1]),
        row(LINEAR, "sub right", right, |x| &x[0] - &x[1]),
        row(LINEAR, "sub left", left, |x| &x[0] - &x[1]),
        row(LINEAR, "mul", same, |x| &x[0] * &x[1]),
        row(LINEAR, "mul right", right, |x| &x[0] * &x[1]),
        row(LINEAR, "mul left", left, |x| &x[0] * &x[1]),
        row(SMOOTH, "div", same, |x| &x[0] / &x[1]).domain("divisor ≠ 0"),
        row(SMOOTH, "div right", right, |x| &x[0] / &x[1]).domain("divisor ≠ 0"),
        row(SMOOTH, "div left", left, |x| &x[0] / &x[1]).domain("divisor ≠ 0"),
        row(LINEAR, "maximum", rivals, |x| x[0].maximum(&x[1])).kinks("a = b"),
        row(LINEAR, "minimum", rivals, |x| x[0].minimum(&x[1])).kinks("a = b"),
        row(SMOOTH, "pow", powers, |x| x[0].pow(&x[1])).domain("base > 0"),
        row(LINEAR, "where_", three, |x| {
            Var::where_(&x[0], &x[1], &x[2])
        })
        .kinks("condition = 0"),
        row(SMOOTH, "atan2", same, |x| x[0].atan2(&x[1])).domain("not both 0"),
        row(SMOOTH, "atan2 left", left, |x| x[1].atan2(&x[0])).domain("not both 0"),
        row(SMOOTH, "hypot", same, |x| x[0].hypot(&x[1])).kinks("both 0"),
        row(SMOOTH, "hypot right", right, |x| x[0].hypot(&x[1])).kinks("both 0"),
        row(SMOOTH, "logaddexp", same, |x| x[0].logaddexp(&x[1])),
        row(SMOOTH, "logaddexp left", left, |x| x[0].logaddexp(&x[1])),
        row(SMOOTH, "logaddexp tie", &same[..1], |x| {
            x[0].logaddexp(&x[0])
        }),
        row(SMOOTH, "xlogy", right, |x| x[0].xlogy(&x[1])).domain("b > 0"),
        row(LINEAR, "fmax", rivals, |x| x[0].fmax(&x[1])).kinks("a = b"),
        row(LINEAR, "fmin", rivals, |x| x[0].fmin(&x[1])).kinks("a = b"),
        row(LINEAR, "clamp_min", rivals, |x| x[0].clamp_min(&x[1])).kinks("x = low"),
        row(LINEAR, "clamp_max", rivals, |x| x[0].clamp_max(&x[1])).kinks("x = high"),
        row(LINEAR, "clamp_between", ends, |x| {
            x[0].clamp_between(&x[1], &x[2])
        })
        .kinks("x = low, x = high, low = high"),
        row(LINEAR, "lerp", weighed, |x| x[0].lerp(&x[1], &x[2])),
        row(LINEAR, "remainder", divided, |x| x[0].remainder(&x[1])).kinks("a/b is a whole number"),
        row(LINEAR, "remainder left", divided, |x| {
            x[0].slice(1, ..1).remainder(&x[1].unsqueeze(0))
        })
        .kinks("a/b is a whole number"),
    ]
    .into_iter()
    .chain(conditions(rivals))
    .collect()
}

/// What is true or false: flat wherever that does not change.
fn conditions(rivals: &[Tensor]) -> Vec<Row> {
    let x = &rivals[..1];
    vec![
        row(LINEAR, "less", rivals, |x| x[0].less(&x[1])).kinks("a = b"),
        row(LINEAR, "less_equal", rivals, |x| x[0].less_equal(&x[1])).kinks("a = b"),
        row(LINEAR, "greater", rivals, |x| x[0].greater(&x[1])).kinks("a = b"),
        row(LINEAR, "greater_equal", rivals, |x| {
            x[0].greater_equal(&x[1])
        })
        .kinks("a = b"),
        row(LINEAR, "equal", rivals, |x| x[0].equal(&x[1])).kinks("a = b"),
        row(LINEAR, "not_equal", rivals, |x| x[0].not_equal(&x[1])).kinks("a = b"),
        row(LINEAR, "logical_and", rivals, |x| x[0].logical_and(&x[1])).kinks("a = 0, b = 0"),
        row(LINEAR, "logical_or", rivals, |x| x[0].logical_or(&x[1])).kinks("a = 0, b = 0"),
        row(LINEAR, "logical_not", x, |x| x[0].logical_not()).kinks("x = 0"),
        row(LINEAR, "is_nan", x, |x| x[0].is_nan()),
        row(LINEAR, "is_finite", x, |x| x[0].is_finite()),
        row(LINEAR, "any", x, |x| x[0].any(1)).kinks("x = 0"),
        row(LINEAR, "all", x, |x| x[0].all(..)).kinks("x = 0"),
    ]
}
