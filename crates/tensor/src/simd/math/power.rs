//! Powers: xʸ = e^(y·log x).
//!
//! The exponential turns an absolute error of its argument into a relative one, and y·log x may be
//! as large as 745. So the logarithm needs ten bits more than the result, and y·log x must be kept
//! unrounded. With x = 2ᵏ·m, f = m − 1 and s = f / (2 + f) as in [`log`](super::log),
//!
//! log x = k·log 2 + 2s + s³·(⅔ + s²·R(s²)),
//!
//! all of it in pairs of numbers except R, which matters 2⁻¹³ times as much as the whole. The
//! exponential then takes the high part of y·log x as its argument and the low part as a correction.
//! For `f32`, the logarithm in `f64` is enough as it is.
//!
//! Negative x: |x|ʸ with the sign of (−1)ʸ for an integer y, NaN for any other. Zero, infinities and
//! NaN are left to `libm`, lane by lane.

use super::pair::{self, Pair};
use super::{LN_2, exp, log, patch, polynomial};
use crate::simd::Simd;

/// ⅔ and the rest.
const TWO_THIRDS: (f64, f64) = (0.666_666_666_666_666_6, 3.700_743_415_417_188e-17);

/// R on 0 ≤ s² ≤ 0.04, error 2⁻⁶⁹.
const SERIES: [f64; 8] = [
    0.39999999999999725,
    0.28571428571577334,
    0.22222222191243232,
    0.18181821526612987,
    0.15384406609937926,
    0.13341145950438754,
    0.11592331052059339,
    0.12571631335174127,
];

/// 1/√x in `f64`.
#[inline(always)]
pub(super) fn rsqrt<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    simd.div(simd.splat(1.0), simd.sqrt(x))
}

/// xʸ in `f64`.
#[inline(always)]
pub(super) fn pow<S: Simd<f64>>(simd: S, x: S::Vector, y: S::Vector) -> S::Vector {
    let log = log_pair(simd, simd.abs(x));
    let Pair { high, low } = pair::product(simd, log.high, y);
    let low = simd.mul_add(log.low, y, low);
    // Beyond the range of the exponential, the error may be infinite minus infinite.
    let inside = simd.less(simd.abs(high), simd.splat(800.0));
    let low = simd.select(inside, low, simd.splat(0.0));
    signed(simd, x, y, exp::with_low(simd, high, low))
}

/// xʸ, good enough for `f32`.
#[inline(always)]
pub(super) fn pow_for_single<S: Simd<f64>>(simd: S, x: S::Vector, y: S::Vector) -> S::Vector {
    let zero = simd.splat(0.0);
    let log = log::regular(simd, simd.abs(x), zero);
    signed(simd, x, y, exp::double(simd, simd.mul(log, y)))
}

/// log x with twice the digits, for positive, normal x.
#[inline(always)]
fn log_pair<S: Simd<f64>>(simd: S, x: S::Vector) -> Pair<S::Vector> {
    let (k, f) = log::reduce(simd, x);
    let two_and_f = pair::ordered_sum(simd, simd.splat(2.0), f);
    let s = Pair::exact(simd, f).div(simd, two_and_f);
    let square = s.mul(simd, s);
    let series = simd.mul(square.high, polynomial(simd, square.high, SERIES));
    let series = Pair::splat(simd, TWO_THIRDS).add(simd, Pair::exact(simd, series));
    let cubic = s.mul(simd, square).mul(simd, series);
    let log_m = s.add(simd, s).add(simd, cubic);
    let (high, low) = (
        simd.mul(k, simd.splat(LN_2.0)),
        simd.mul(k, simd.splat(LN_2.1)),
    );
    Pair { high, low }.add(simd, log_m)
}

/// xʸ from |x|ʸ, in all cases.
#[inline(always)]
fn signed<S: Simd<f64>>(simd: S, x: S::Vector, y: S::Vector, power: S::Vector) -> S::Vector {
    let zero = simd.splat(0.0);
    let half = simd.mul(y, simd.splat(0.5));
    let even = simd.equal(simd.round(half), half);
    let whole = simd.equal(simd.round(y), y);
    let negative = simd.less(x, zero);
    let flipped = simd.select(even, power, simd.neg(power));
    let flipped = simd.select(whole, flipped, simd.splat(f64::NAN));
    let power = simd.select(negative, flipped, power);

    let a = simd.abs(x);
    let positive = simd.less_equal(simd.splat(f64::MIN_POSITIVE), a);
    let finite = simd.less(a, simd.splat(f64::INFINITY));
    let moderate = simd.less(simd.abs(y), simd.splat(1e290));
    let usual = simd.both(simd.both(positive, finite), moderate);
    if simd.all(usual) {
        return power;
    }
    let (mut bases, mut exponents) = ([0.0; 8], [0.0; 8]);
    simd.store(x, &mut bases);
    simd.store(y, &mut exponents);
    patch(simd, usual, power, |i| libm::pow(bases[i], exponents[i]))
}
