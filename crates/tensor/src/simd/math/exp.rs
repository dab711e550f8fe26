//! The exponential: eˣ = 2ⁿ·eʳ.
//!
//! n is the integer nearest to x / log 2, which leaves r = x − n·log 2 with |r| ≤ ½ log 2 ≈ 0.347.
//! On that interval
//!
//! eʳ = 1 + r + r²·q(r)
//!
//! with a polynomial q, and the factor 2ⁿ moves the exponent.
//!
//! The difference x − n·log 2 cancels most digits of x, so log 2 is split in two: n times the high
//! part has no more bits than a number holds, and subtracting it is exact (Cody and Waite 1980).
//!
//! Error: 1 + (…) rounds by ½ ULP; what is added to 1 is at most 0.41 and brings its own rounding
//! with a weight of a quarter. In `f64` r itself is rounded as well, which is another quarter. For x near 0, eˣ − 1 keeps its digits when the 1 is taken from 2ⁿ
//! first:
//!
//! eˣ − 1 = 2ⁿ·((1 − 2⁻ⁿ) + r + r²·q(r)).

use super::pair::{self, Pair};
use super::{LN_2, ROUND, polynomial};
use crate::simd::Simd;

/// Adding 1.5·2²³ leaves no bits for a fraction; taking it away again leaves the nearest integer.
const ROUND_SINGLE: f32 = 12_582_912.0;

/// log 2 to 9 bits, and the rest.
const LN_2_SINGLE: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);

/// q on |r| ≤ ½ log 2, error 2⁻²⁷·⁸.
const SINGLE: [f32; 5] = [0.5, 0.16666488, 0.04166555, 0.0083722845, 0.0014035688];

/// eˣ in `f32`.
#[inline(always)]
pub(super) fn single<S: Simd<f32>>(simd: S, x: S::Vector) -> S::Vector {
    // Beyond these, the result is 0 or infinite; a NaN passes.
    let x = simd.min(simd.splat(89.0), simd.max(simd.splat(-104.0), x));
    let round = simd.splat(ROUND_SINGLE);
    let shifted = simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), round);
    let n = simd.sub(shifted, round);
    let r = simd.neg_mul_add(n, simd.splat(LN_2_SINGLE.0), x);
    let r = simd.neg_mul_add(n, simd.splat(LN_2_SINGLE.1), r);
    let q = polynomial(simd, r, SINGLE);
    let one = simd.splat(1.0);
    let power = simd.mul_add(simd.mul_add(q, r, one), r, one);
    simd.scale(power, n)
}

/// q on |r| ≤ ½ log 2, error 2⁻⁶¹·⁴.
const DOUBLE: [f64; 11] = [
    0.5,
    0.16666666666666677,
    0.04166666666666669,
    0.008333333333321744,
    0.0013888888888883108,
    0.00019841269885353374,
    2.4801587303935002e-05,
    2.755724526916357e-06,
    2.755730808913437e-07,
    2.5108611029939113e-08,
    2.0900254193538916e-09,
];

/// eˣ = 2ⁿ·(1 + r + tail).
pub(super) struct Reduced<V> {
    pub(super) n: V,
    pub(super) r: V,
    pub(super) tail: V,
}

impl<V: Copy> Reduced<V> {
    /// `offset` + r + tail, with twice the digits.
    #[inline(always)]
    pub(super) fn plus<S: Simd<f64, Vector = V>>(&self, simd: S, offset: Pair<V>) -> Pair<V> {
        let Pair { high, low } = pair::sum(simd, offset.high, self.r);
        pair::ordered_sum(simd, high, simd.add(simd.add(low, offset.low), self.tail))
    }
}

/// n, r and the rest of eʳ for x + `low`, where `low` is at most a rounding error of x.
#[inline(always)]
pub(super) fn reduce<S: Simd<f64>>(simd: S, x: S::Vector, low: S::Vector) -> Reduced<S::Vector> {
    let n = nearest(simd, x);
    let high = simd.neg_mul_add(n, simd.splat(LN_2.0), x);
    let low = simd.neg_mul_add(n, simd.splat(LN_2.1), low);
    let Pair { high: r, low } = pair::sum(simd, high, low);
    let tail = simd.mul_add(simd.mul(r, r), polynomial(simd, r, DOUBLE), low);
    Reduced { n, r, tail }
}

/// The integer nearest to x / log 2.
#[inline(always)]
fn nearest<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let round = simd.splat(ROUND);
    let shifted = simd.mul_add(x, simd.splat(std::f64::consts::LOG2_E), round);
    simd.sub(shifted, round)
}

/// eˣ in `f64`. What r loses in rounding, a quarter ULP of the result, need not be kept here.
#[inline(always)]
pub(super) fn double<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let x = simd.min(simd.splat(710.0), simd.max(simd.splat(-746.0), x));
    let n = nearest(simd, x);
    let r = simd.neg_mul_add(n, simd.splat(LN_2.0), x);
    let r = simd.neg_mul_add(n, simd.splat(LN_2.1), r);
    let power = simd.mul_add(simd.mul(r, r), polynomial(simd, r, DOUBLE), r);
    simd.scale(simd.add(simd.splat(1.0), power), n)
}

/// e to the power of x + `low`, where `low` is at most a rounding error of x.
#[inline(always)]
pub(super) fn with_low<S: Simd<f64>>(simd: S, x: S::Vector, low: S::Vector) -> S::Vector {
    let x = simd.min(simd.splat(710.0), simd.max(simd.splat(-746.0), x));
    let Reduced { n, r, tail } = reduce(simd, x, low);
    simd.scale(simd.add(simd.splat(1.0), simd.add(r, tail)), n)
}

/// e to the power of x + `low` with twice the digits; −746 ≤ x ≤ 1.
#[inline(always)]
pub(super) fn pair<S: Simd<f64>>(simd: S, x: S::Vector, low: S::Vector) -> Pair<S::Vector> {
    let reduced = reduce(simd, x, low);
    let Pair { high, low } = reduced.plus(simd, Pair::splat(simd, (1.0, 0.0)));
    let (high, low) = (simd.scale(high, reduced.n), simd.scale(low, reduced.n));
    Pair { high, low }
}

/// eˣ − 1 in `f64`.
#[inline(always)]
pub(super) fn expm1<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    // Below −40 the result rounds to −1.
    let inside = simd.min(simd.splat(710.0), simd.max(simd.splat(-40.0), x));
    let reduced = reduce(simd, inside, simd.splat(0.0));
    let one = simd.splat(1.0);
    let offset = pair::sum(simd, one, simd.neg(simd.scale(one, simd.neg(reduced.n))));
    let power = reduced.plus(simd, offset).value(simd);
    // The sign of a zero was lost on the way.
    simd.copy_sign(simd.scale(power, reduced.n), x)
}

/// q on |r| ≤ ½ log 2, error 2⁻³¹·³: enough for what is rounded to `f32`.
const FOR_SINGLE: [f64; 6] = [
    0.500000004786147,
    0.1666666654050139,
    0.04166635419058452,
    0.008333324412547714,
    0.0013940768430387392,
    0.0001988269118401573,
];

/// n and eʳ − 1 for x = n·log 2 + r, good enough for `f32`.
#[inline(always)]
fn reduce_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    let n = nearest(simd, x);
    let r = simd.neg_mul_add(n, simd.splat(std::f64::consts::LN_2), x);
    (
        n,
        simd.mul_add(simd.mul(r, r), polynomial(simd, r, FOR_SINGLE), r),
    )
}

/// eˣ, good enough for `f32`.
#[inline(always)]
pub(super) fn exp_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    // Beyond these, the result is 0 or infinite in `f32`.
    let x = simd.min(simd.splat(700.0), simd.max(simd.splat(-700.0), x));
    let (n, p) = reduce_for_single(simd, x);
    simd.scale(simd.add(simd.splat(1.0), p), n)
}

/// eˣ − 1, good enough for `f32`.
#[inline(always)]
pub(super) fn expm1_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let inside = simd.min(simd.splat(100.0), simd.max(simd.splat(-40.0), x));
    let (n, p) = reduce_for_single(simd, inside);
    // 2ⁿ·p + (2ⁿ − 1)
    let one = simd.splat(1.0);
    let power = simd.scale(one, n);
    let y = simd.mul_add(power, p, simd.sub(power, one));
    simd.copy_sign(y, x)
}
