//! The hyperbolic tangent: tanh x = (e²ˣ − 1) / (e²ˣ + 1).
//!
//! It is odd, so a = |x| is enough. In `f64`, with e²ᵃ = 2ⁿ·(1 + p) as in [`exp`](super::exp), the
//! factor 2ⁿ cancels,
//!
//! tanh a = ((1 − 2⁻ⁿ) + p) / ((1 + 2⁻ⁿ) + p),
//!
//! and near 0, where n = 0, this is p / (2 + p) and loses nothing. Numerator, denominator and
//! quotient carry twice the digits, so that only the last rounding counts.
//!
//! In `f32` there are two cases. Up to a = 0.8, tanh a = a + a³·P(a²): the second term is at most a
//! fifth of the first and its roundings count that much. Above, tanh a = 1 − 2 / (e²ᵃ + 1): the
//! fraction is below 0.34, and what it carries over is three roundings with that weight.

use super::{exp, logistic, pair, polynomial};
use crate::simd::Simd;

/// P on 0 ≤ a² ≤ 0.64, error 2⁻³².
const SINGLE: [f32; 7] = [
    -0.3333333,
    0.13333242,
    -0.053954747,
    0.02177643,
    -0.008517468,
    0.0028612446,
    -0.00057541905,
];

/// tanh x in `f32`.
#[inline(always)]
pub(super) fn single<S: Simd<f32>>(simd: S, x: S::Vector) -> S::Vector {
    let a = simd.abs(x);
    let square = simd.mul(a, a);
    let near = simd.mul_add(simd.mul(square, a), polynomial(simd, square, SINGLE), a);
    // e^(−2a), of which the fraction is 2e/(1 + e).
    let decay = exp::single(simd, simd.mul(a, simd.splat(-2.0)));
    let share = logistic::share(simd, decay);
    let far = simd.neg_mul_add(simd.mul(decay, simd.splat(2.0)), share, simd.splat(1.0));
    let magnitude = simd.select(simd.less(a, simd.splat(0.8)), near, far);
    simd.copy_sign(magnitude, x)
}

/// tanh x in `f64`.
#[inline(always)]
pub(super) fn double<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    // From 20 on the result rounds to 1.
    let a = simd.min(simd.splat(20.0), simd.abs(x));
    let reduced = exp::reduce(simd, simd.add(a, a), simd.splat(0.0));
    let one = simd.splat(1.0);
    let inverse = simd.scale(one, simd.neg(reduced.n));
    let numerator = reduced.plus(simd, pair::ordered_sum(simd, one, simd.neg(inverse)));
    let denominator = reduced.plus(simd, pair::ordered_sum(simd, one, inverse));
    simd.copy_sign(numerator.div(simd, denominator).value(simd), x)
}
