//! Sine and cosine: a quarter turn is taken off as often as it fits.
//!
//! n is the integer nearest to x·2/π, and r = x − n·π/2 lies within ±π/4. There
//!
//! sin r = r + r³·S(r²) and cos r = 1 − r²/2 + r⁴·C(r²),
//!
//! and n modulo 4 says which of the two it is, with which sign.
//!
//! As x may lie very close to a multiple of π/2, r needs many more digits of π than a number holds:
//! π/2 comes as three numbers of 33, 33 and 53 bits, and n times each of the first two is exact up
//! to n = 2²⁰. r is kept as a pair. Beyond, the reduction takes a hundred digits of π (Payne and
//! Hanek 1983); such angles are rare and left to `libm`, lane by lane.

use super::pair::{self, Pair};
use super::{ROUND, patch, polynomial};
use crate::simd::Simd;

/// π/2 in three parts.
const HALF_PI: [f64; 3] = [
    1.570_796_326_734_125_6,
    6.077_100_506_303_966e-11,
    2.022_266_248_795_950_6e-21,
];
/// The largest |x| for which the reduction is good.
const LARGE: f64 = 1_600_000.0;

/// S on 0 ≤ r² ≤ π²/16, error 2⁻⁵⁷·⁹.
const SIN: [f64; 6] = [
    -0.1666666666666663,
    0.00833333333332184,
    -0.00019841269829358528,
    2.7557313538510956e-06,
    -2.5050734387635402e-08,
    1.5895433097426008e-10,
];
/// C on 0 ≤ r² ≤ π²/16, error 2⁻⁶³·⁹.
const COS: [f64; 6] = [
    0.041666666666666595,
    -0.001388888888887334,
    2.480158728899977e-05,
    -2.7557314216158015e-07,
    2.0875705252688658e-09,
    -1.1358740786105747e-11,
];
/// S good enough for `f32`, error 2⁻³⁷·⁵.
const SIN_FOR_SINGLE: [f64; 4] = [
    -0.1666666664078603,
    0.00833332930355161,
    -0.00019839311823664313,
    2.7181170817739216e-06,
];
/// C good enough for `f32`, error 2⁻⁴²·⁹.
const COS_FOR_SINGLE: [f64; 4] = [
    0.0416666666194729,
    -0.0013888883498413013,
    2.4799459738718128e-05,
    -2.7205722702590837e-07,
];

/// sin x in `f64`.
#[inline(always)]
pub(super) fn sin<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (turns, r) = reduce(simd, x);
    let y = quadrant(simd, turns, sin_pair(simd, r), cos_pair(simd, r));
    // The sign of a zero was lost on the way.
    let y = simd.select(simd.equal(x, simd.splat(0.0)), x, y);
    large(simd, x, y, libm::sin)
}

/// cos x in `f64`.
#[inline(always)]
pub(super) fn cos<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (turns, r) = reduce(simd, x);
    let turns = simd.bits_add(turns, simd.bits_splat(1));
    large(
        simd,
        x,
        quadrant(simd, turns, sin_pair(simd, r), cos_pair(simd, r)),
        libm::cos,
    )
}

/// sin x, good enough for `f32`.
#[inline(always)]
pub(super) fn sin_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (turns, sin, cos) = both_for_single(simd, x);
    let y = quadrant(simd, turns, sin, cos);
    let y = simd.select(simd.equal(x, simd.splat(0.0)), x, y);
    large(simd, x, y, libm::sin)
}

/// cos x, good enough for `f32`.
#[inline(always)]
pub(super) fn cos_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let (turns, sin, cos) = both_for_single(simd, x);
    let turns = simd.bits_add(turns, simd.bits_splat(1));
    large(simd, x, quadrant(simd, turns, sin, cos), libm::cos)
}

/// n, as the last bits of a pattern, and r.
#[inline(always)]
fn reduce<S: Simd<f64>>(simd: S, x: S::Vector) -> (S::Bits, Pair<S::Vector>) {
    let (turns, n) = quarter_turns(simd, x);
    let first = simd.neg_mul_add(n, simd.splat(HALF_PI[0]), x);
    let second = simd.mul(n, simd.splat(HALF_PI[1]));
    let Pair { high, low } = pair::sum(simd, first, simd.neg(second));
    let low = simd.neg_mul_add(n, simd.splat(HALF_PI[2]), low);
    (turns, pair::ordered_sum(simd, high, low))
}

/// n as the last bits of a pattern (of n + 1.5·2⁵²), and as a number.
#[inline(always)]
fn quarter_turns<S: Simd<f64>>(simd: S, x: S::Vector) -> (S::Bits, S::Vector) {
    let round = simd.splat(ROUND);
    let shifted = simd.mul_add(x, simd.splat(std::f64::consts::FRAC_2_PI), round);
    (simd.bits(shifted), simd.sub(shifted, round))
}

/// sin(r + low) = sin r + low·cos r, with cos r ≈ 1 − r²/2.
#[inline(always)]
fn sin_pair<S: Simd<f64>>(simd: S, r: Pair<S::Vector>) -> S::Vector {
    let Pair { high: r, low } = r;
    let square = simd.mul(r, r);
    let half = simd.mul(square, simd.splat(0.5));
    let cubic = simd.mul(simd.mul(square, r), polynomial(simd, square, SIN));
    let low = simd.neg_mul_add(half, low, low);
    simd.add(r, simd.add(cubic, low))
}

/// cos(r + low) = cos r − low·r; 1 − r²/2 with its rounding error.
#[inline(always)]
fn cos_pair<S: Simd<f64>>(simd: S, r: Pair<S::Vector>) -> S::Vector {
    let Pair { high: r, low } = r;
    let square = simd.mul(r, r);
    let half = simd.mul(square, simd.splat(0.5));
    let Pair { high, low: error } = pair::ordered_sum(simd, simd.splat(1.0), simd.neg(half));
    let quartic = simd.mul(simd.mul(square, square), polynomial(simd, square, COS));
    let low = simd.neg_mul_add(r, low, error);
    simd.add(high, simd.add(quartic, low))
}

/// n, sin r and cos r, good enough for `f32`.
#[inline(always)]
fn both_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> (S::Bits, S::Vector, S::Vector) {
    let (turns, n) = quarter_turns(simd, x);
    let r = simd.neg_mul_add(n, simd.splat(HALF_PI[0]), x);
    let r = simd.neg_mul_add(n, simd.splat(HALF_PI[1]), r);
    let r = simd.neg_mul_add(n, simd.splat(HALF_PI[2]), r);
    let square = simd.mul(r, r);
    let cubic = simd.mul(
        simd.mul(square, r),
        polynomial(simd, square, SIN_FOR_SINGLE),
    );
    let parabola = simd.neg_mul_add(square, simd.splat(0.5), simd.splat(1.0));
    let quartic = simd.mul(square, square);
    let cos = simd.mul_add(quartic, polynomial(simd, square, COS_FOR_SINGLE), parabola);
    (turns, simd.add(r, cubic), cos)
}

/// The sine of r + n·π/2: sin r, cos r, −sin r, −cos r for n = 0, 1, 2, 3.
#[inline(always)]
fn quadrant<S: Simd<f64>>(simd: S, turns: S::Bits, sin: S::Vector, cos: S::Vector) -> S::Vector {
    // The last bit as the sign of a one, for there is no comparison of integers.
    let one = simd.bits(simd.splat(1.0));
    let odd = simd.of_bits(simd.bits_or(simd.shift_left::<63>(turns), one));
    let y = simd.select(simd.less(odd, simd.splat(0.0)), cos, sin);
    let sign = simd.shift_left::<63>(simd.shift_right::<1>(turns));
    simd.of_bits(simd.bits_xor(simd.bits(y), sign))
}

/// `y`, but `f(x)` in the lanes with large angles.
#[inline(always)]
fn large<S: Simd<f64>>(simd: S, x: S::Vector, y: S::Vector, f: fn(f64) -> f64) -> S::Vector {
    let usual = simd.less(simd.abs(x), simd.splat(LARGE));
    if simd.all(usual) {
        return y;
    }
    let mut lanes = [0.0; 8];
    simd.store(x, &mut lanes);
    patch(simd, usual, y, |i| f(lanes[i]))
}
