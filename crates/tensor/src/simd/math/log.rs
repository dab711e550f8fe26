//! The logarithm: log x = k·log 2 + log m.
//!
//! x = 2ᵏ·m with ¾ ≤ m < 1.5 is read off the bits of x. With f = m − 1, which is exact,
//!
//! - `f32`: log m = f + f²·q(f),
//! - `f64`: log m = 2 artanh s for s = f / (2 + f), |s| ≤ 0.2, whose series has odd powers only:
//!   2s + s³·R(s²). Since f − 2s = s·f, that is f − f²/2 + s·(f²/2 + s²·R(s²)), where f is exact
//!   and the rest is small.
//!
//! log 2 is split in two, so that k times the high part is exact.
//!
//! Logarithms of other bases multiply a pair of numbers with a pair and round once, so that those of
//! powers of the base are whole numbers.
//!
//! log(1 + x) takes the logarithm of the rounded sum u = 1 + x and adds c / u for the rounding
//! error c, which is the first term of the series of log((u + c) / u).
//!
//! Zero, subnormal numbers, infinities, NaN and everything negative are seen by one comparison and
//! set right afterwards.

use super::pair::{self, Pair};
use super::{LN_2, polynomial, recip};
use crate::simd::Simd;

/// 1/log 2 and 1/log 10, as pairs.
const LOG2_E: (f64, f64) = (std::f64::consts::LOG2_E, 2.0355273740931033e-17);
const LOG10_E: (f64, f64) = (std::f64::consts::LOG10_E, 1.098319650216765e-17);

/// log 2 to 16 bits, and the rest.
const LN_2_SINGLE: (f32, f32) = (0.693_145_75, 1.428_606_8e-6);

/// q on −¼ ≤ f ≤ ½, error 2⁻²⁷·⁵.
const SINGLE: [f32; 9] = [
    -0.5,
    0.33333462,
    -0.25000194,
    0.19990374,
    -0.16642536,
    0.1447554,
    -0.132107,
    0.105952695,
    -0.04607406,
];

/// R on 0 ≤ s² ≤ 0.04, error 2⁻⁶²·⁶.
const DOUBLE: [f64; 8] = [
    0.666666666666666,
    0.4000000000005664,
    0.2857142855584151,
    0.22222224294677723,
    0.18181665994384275,
    0.15391107825650957,
    0.1317367137471121,
    0.1384253877941963,
];

/// log x in `f32`.
#[inline(always)]
pub(super) fn single<S: Simd<f32>>(simd: S, x: S::Vector) -> S::Vector {
    let (zero, infinity) = (simd.splat(0.0), simd.splat(f32::INFINITY));
    let smallest = simd.splat(f32::MIN_POSITIVE);
    let usual = simd.both(simd.less_equal(smallest, x), simd.less(x, infinity));
    if simd.all(usual) {
        return single_regular(simd, x, zero);
    }
    let small = simd.less(x, smallest);
    let scaled = simd.select(small, simd.mul(x, simd.splat(8_388_608.0)), x); // 2²³
    let y = single_regular(simd, scaled, simd.select(small, simd.splat(-23.0), zero));
    let y = simd.select(simd.equal(x, zero), simd.splat(f32::NEG_INFINITY), y);
    let y = simd.select(simd.less(x, zero), simd.splat(f32::NAN), y);
    simd.select(simd.less(x, infinity), y, x)
}

/// log x + `more`·log 2 for positive, normal x.
#[inline(always)]
fn single_regular<S: Simd<f32>>(simd: S, x: S::Vector, more: S::Vector) -> S::Vector {
    // Half a unit of the exponent on top, so that fractions from 1.5 on go up.
    let exponent = simd.shift_right::<23>(simd.bits_add(simd.bits(x), simd.bits_splat(1 << 22)));
    let one = simd.bits_splat(0x3f80_0000);
    let m = simd.bits_add(
        simd.bits_sub(simd.bits(x), simd.shift_left::<23>(exponent)),
        one,
    );
    // As the last digits of 2²³, an integer is a float.
    let large = simd.bits_or(exponent, simd.bits_splat(0x4b00_0000));
    let k = simd.sub(simd.of_bits(large), simd.splat(8_388_608.0 + 127.0));
    let k = simd.add(k, more);

    let f = simd.sub(simd.of_bits(m), simd.splat(1.0));
    let rest = simd.mul(simd.mul(f, f), polynomial(simd, f, SINGLE));
    let rest = simd.mul_add(k, simd.splat(LN_2_SINGLE.1), rest);
    // k·log 2 + f with its rounding error; |k·log 2| > |f| unless k = 0.
    let whole = simd.mul(k, simd.splat(LN_2_SINGLE.0));
    let high = simd.add(whole, f);
    let low = simd.sub(f, simd.sub(high, whole));
    simd.add(high, simd.add(low, rest))
}

/// log x in `f64`.
#[inline(always)]
pub(super) fn double<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (zero, infinity) = (simd.splat(0.0), simd.splat(f64::INFINITY));
    let smallest = simd.splat(f64::MIN_POSITIVE);
    let usual = simd.both(simd.less_equal(smallest, x), simd.less(x, infinity));
    if simd.all(usual) {
        return regular(simd, x, zero);
    }
    let small = simd.less(x, smallest);
    let scaled = simd.select(small, simd.mul(x, simd.splat(TWO_52)), x);
    let y = regular(simd, scaled, zero);
    let less = simd.sub(y, simd.splat(52.0 * std::f64::consts::LN_2));
    special(simd, x, simd.select(small, less, y))
}

const TWO_52: f64 = 4_503_599_627_370_496.0;

/// `y` = log x, put right where x is not positive and finite.
#[inline(always)]
fn special<S: Simd<f64>>(simd: S, x: S::Vector, y: S::Vector) -> S::Vector {
    let zero = simd.splat(0.0);
    let y = simd.select(simd.equal(x, zero), simd.splat(f64::NEG_INFINITY), y);
    let y = simd.select(simd.less(x, zero), simd.splat(f64::NAN), y);
    simd.select(simd.less(x, simd.splat(f64::INFINITY)), y, x)
}

/// log(1 + x) in `f64`.
#[inline(always)]
pub(super) fn log1p<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let sum = pair::sum(simd, simd.splat(1.0), x);
    let y = regular_sum(simd, sum);
    let (zero, infinity) = (simd.splat(0.0), simd.splat(f64::INFINITY));
    let usual = simd.both(simd.less(zero, sum.high), simd.less(x, infinity));
    let y = if simd.all(usual) {
        y
    } else {
        special(simd, sum.high, y)
    };
    // The sign of a zero was lost on the way.
    simd.copy_sign(y, x)
}

/// q on −¼ ≤ f ≤ ½, error 2⁻³³: enough for what is rounded to `f32`.
const FOR_SINGLE: [f64; 11] = [
    -0.4999999980973381,
    0.3333333001609227,
    -0.25000037183116663,
    0.20000429597895503,
    -0.16665273981401113,
    0.14267486813153504,
    -0.12499214798181055,
    0.1140564205004527,
    -0.10582066201919285,
    0.08006040909568014,
    -0.03125930238459057,
];

/// log(1 + x), good enough for `f32`.
#[inline(always)]
pub(super) fn log1p_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    // Exact for an `f32` from 2⁻²⁹ on; below, log(1 + x) rounds to x.
    let u = simd.add(simd.splat(1.0), x);
    let (k, f) = reduce(simd, u);
    let log_m = simd.mul_add(simd.mul(f, f), polynomial(simd, f, FOR_SINGLE), f);
    let y = simd.mul_add(k, simd.splat(std::f64::consts::LN_2), log_m);
    let y = simd.select(
        simd.less(simd.abs(x), simd.splat(1.862_645_149_230_957e-9)),
        x,
        y,
    );
    let (zero, infinity) = (simd.splat(0.0), simd.splat(f64::INFINITY));
    let usual = simd.both(simd.less(zero, u), simd.less(x, infinity));
    if simd.all(usual) {
        y
    } else {
        special(simd, u, y)
    }
}

/// log(u + c) for positive, normal u and its rounding error c.
#[inline(always)]
pub(super) fn regular_sum<S: Simd<f64>>(simd: S, sum: Pair<S::Vector>) -> S::Vector {
    regular(
        simd,
        sum.high,
        simd.mul(sum.low, recip::<S, 2>(simd, sum.high)),
    )
}

/// log x + `more` for positive, normal x and a small correction.
#[inline(always)]
pub(super) fn regular<S: Simd<f64>>(simd: S, x: S::Vector, more: S::Vector) -> S::Vector {
    let (k, f) = reduce(simd, x);
    let low = simd.mul_add(k, simd.splat(LN_2.1), more);
    let log_m = simd.sub(f, below(simd, f, low));
    simd.mul_add(k, simd.splat(LN_2.0), log_m)
}

/// f − log(1 + f) − `more` for −¼ ≤ f < ½.
#[inline(always)]
fn below<S: Simd<f64>>(simd: S, f: S::Vector, more: S::Vector) -> S::Vector {
    let s = simd.mul(f, recip::<S, 2>(simd, simd.add(f, simd.splat(2.0))));
    let z = simd.mul(s, s);
    let half_square = simd.mul(simd.mul(f, f), simd.splat(0.5));
    let series = simd.mul(z, polynomial(simd, z, DOUBLE));
    let above = simd.mul_add(s, simd.add(half_square, series), more);
    simd.sub(half_square, above)
}

/// Logarithm to base 2.
#[inline(always)]
pub(super) fn log2<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    scaled(simd, x, LOG2_E)
}

/// Logarithm to base 10.
#[inline(always)]
pub(super) fn log10<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    scaled(simd, x, LOG10_E)
}

/// log x times a factor of twice the digits.
#[inline(always)]
fn scaled<S: Simd<f64>>(simd: S, x: S::Vector, factor: (f64, f64)) -> S::Vector {
    let small = simd.less(x, simd.splat(f64::MIN_POSITIVE));
    let normal = simd.select(small, simd.mul(x, simd.splat(TWO_52)), x);
    let (k, f) = reduce(simd, normal);
    let k = simd.add(k, simd.select(small, simd.splat(-52.0), simd.splat(0.0)));
    // |k·log 2| > |f| unless k = 0.
    let Pair { high, low } = pair::ordered_sum(simd, simd.mul(k, simd.splat(LN_2.0)), f);
    let rest = below(simd, f, simd.mul(k, simd.splat(LN_2.1)));
    let low = simd.sub(low, rest);
    let log = Pair { high, low };
    let y = log.mul(simd, Pair::splat(simd, factor)).value(simd);
    special(simd, x, y)
}

/// k and f with x = 2ᵏ·(1 + f) and −¼ ≤ f < ½, for positive, normal x.
#[inline(always)]
pub(super) fn reduce<S: Simd<f64>>(simd: S, x: S::Vector) -> (S::Vector, S::Vector) {
    // Half a unit of the exponent on top, so that fractions from 1.5 on go up.
    let exponent = simd.shift_right::<52>(simd.bits_add(simd.bits(x), simd.bits_splat(1 << 51)));
    let one = simd.bits_splat(0x3ff0_0000_0000_0000);
    let m = simd.bits_add(
        simd.bits_sub(simd.bits(x), simd.shift_left::<52>(exponent)),
        one,
    );
    // As the last digits of 2⁵², an integer is a float.
    let large = simd.bits_or(exponent, simd.bits_splat(0x4330_0000_0000_0000));
    let k = simd.sub(simd.of_bits(large), simd.splat(TWO_52 + 1023.0));
    (k, simd.sub(simd.of_bits(m), simd.splat(1.0)))
}
