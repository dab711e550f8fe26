//! The logistic function and its integral, from one exponential that cannot overflow.
//!
//! With e = e^(−|x|), which lies in (0, 1],
//!
//! - σ(x) = 1 / (1 + e) for x ≥ 0 and e / (1 + e) below,
//! - softplus(x) = max(x, 0) + log(1 + e).
//!
//! What a logistic loss needs are log(1 + e) and the tail σ(−|x|) = e / (1 + e), which keep their
//! digits however small they are.
//!
//! The sum 1 + e loses digits of e. In `f32`, one step of Newton's method for the reciprocal gets
//! them back: its residual 1 − y·(1 + e) = (1 − y) − y·e is exact but for one rounding; and
//! log(1 + e) = e + e²·Q(e) does without the sum. What remains is the error of e, and a rounding or
//! two. In `f64` all of it is done with twice the digits.

use super::pair::{self, Pair};
use super::{exp, log, polynomial};
use crate::simd::Simd;

/// Q on 0 ≤ e ≤ 1, error 2⁻²⁸.
const SINGLE: [f32; 10] = [
    -0.5,
    0.33333093,
    -0.24993312,
    0.19926336,
    -0.16228367,
    0.12679501,
    -0.08591706,
    0.044297133,
    -0.014681685,
    0.0022762937,
];

/// 1 / (1 + e) for 0 ≤ e ≤ 1.
#[inline(always)]
pub(super) fn share<S: Simd<f32>>(simd: S, e: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    let y = simd.recip_estimate(simd.add(one, e));
    let residual = simd.neg_mul_add(y, e, simd.sub(one, y));
    simd.mul_add(y, residual, y)
}

/// log(1 + e), σ(−|x|) and σ(|x|) in `f32`.
#[inline(always)]
fn parts<S: Simd<f32>>(simd: S, x: S::Vector) -> [S::Vector; 3] {
    let e = exp::single(simd, simd.neg(simd.abs(x)));
    let log = simd.mul_add(simd.mul(e, e), polynomial(simd, e, SINGLE), e);
    let share = share(simd, e);
    [log, simd.mul(e, share), share]
}

/// log(1 + e) and σ(−|x|) in `f32`.
#[inline(always)]
pub(super) fn single_tail<S: Simd<f32>>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    let [log, tail, _] = parts(simd, x);
    (log, tail)
}

/// softplus(x) and σ(x) in `f32`.
#[inline(always)]
pub(super) fn single<S: Simd<f32>>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    let [log, tail, share] = parts(simd, x);
    let zero = simd.splat(0.0);
    let softplus = simd.add(simd.max(zero, x), log);
    (softplus, simd.select(simd.less(x, zero), tail, share))
}

/// e^(−|x|) and 1 + e^(−|x|) in `f64`.
#[inline(always)]
fn decay<S: Simd<f64>>(simd: S, x: S::Vector) -> (Pair<S::Vector>, Pair<S::Vector>) {
    let x = simd.max(simd.splat(-746.0), simd.neg(simd.abs(x)));
    let e = exp::pair(simd, x, simd.splat(0.0));
    let sum = pair::ordered_sum(simd, simd.splat(1.0), e.high);
    let low = simd.add(sum.low, e.low);
    (
        e,
        Pair {
            high: sum.high,
            low,
        },
    )
}

/// σ(x) in `f64`.
#[inline(always)]
pub(super) fn sigmoid<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (e, sum) = decay(simd, x);
    let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
    let negative = simd.less(x, zero);
    let numerator = Pair {
        high: simd.select(negative, e.high, one),
        low: simd.select(negative, e.low, zero),
    };
    numerator.div(simd, sum).value(simd)
}

/// softplus(x) in `f64`.
#[inline(always)]
pub(super) fn softplus<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    simd.add(simd.max(simd.splat(0.0), x), tail_log(simd, x))
}

/// log(1 + e) in `f64`.
#[inline(always)]
pub(super) fn tail_log<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (_, sum) = decay(simd, x);
    log::regular_sum(simd, sum)
}

/// σ(−|x|) in `f64`.
#[inline(always)]
pub(super) fn tail<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (e, sum) = decay(simd, x);
    e.div(simd, sum).value(simd)
}
