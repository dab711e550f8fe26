//! The error function and the normal distribution function.
//!
//! Near 0 a polynomial does: erf x = x + x·P(x²) for |x| ≤ 1. Beyond, erf is 1 minus a tail that
//! falls like e^(−x²). What is left of the tail without that factor is smooth from 0 to infinity
//! and hardly varies once it is multiplied by 1 + 2x; t = (x − K) / (x + K) maps that half line
//! to an interval (Shepherd and Laframboise 1981):
//!
//! erfc x = 1 − erf x = e^(−x²)·W(t) / (1 + 2x), for x ≥ ½.
//!
//! Φ(x) = ½ erfc(−x/√2). For negative x it *is* the tail, so there the relative error of the tail
//! counts: its factors are pairs of numbers, and their product is rounded once. The exponent x²
//! must be a pair in any case, as its rounding error would be a relative error of e^(−x²). Near 0,
//! Φ(x) = ½ + x / √(2π) + x³·B(x²) needs no exponential. For positive x, Φ(x) = 1 − Φ(−x).

use super::pair::{self, Pair};
use super::{exp, polynomial, recip};
use crate::simd::Simd;

/// P on 0 ≤ x² ≤ 1, error 2⁻⁵⁵·⁹.
const NEAR: [f64; 12] = [
    0.12837916709551256,
    -0.37612638903183343,
    0.1128379167093695,
    -0.026866170641959137,
    0.005223977596735868,
    -0.0008548325484998415,
    0.00012055280496573482,
    -1.4924465639701325e-05,
    1.644415056257142e-06,
    -1.618399098394931e-07,
    1.3616697596805013e-08,
    -7.60780710490176e-10,
];
/// P good enough for `f32`, error 2⁻³⁴·⁸.
const NEAR_FOR_SINGLE: [f64; 8] = [
    0.1283791670580281,
    -0.3761263843479576,
    0.11283781976865942,
    -0.026865400228147433,
    0.005220946017444812,
    -0.0008482838171116155,
    0.00011257021097047826,
    -9.64174035941326e-06,
];

/// K of W.
const MIDDLE: f64 = 3.75;
/// The first coefficient of W, as a pair.
const TAIL_FIRST: (f64, f64) = (1.2375126308378275, 1.0525881783863501e-16);
/// The other coefficients of W, for ½ ≤ x ≤ 27.7, error 2⁻⁵⁸.
const TAIL: [f64; 22] = [
    -0.14024059858554702,
    0.003585415485463711,
    0.08227673849015096,
    -0.10880393014171015,
    0.09230432116021252,
    -0.0586933985904365,
    0.02836227742107878,
    -0.009746579549745012,
    0.0017556258385818422,
    0.0002937136174717997,
    -0.0002901540285838164,
    5.164925930445711e-05,
    2.2384156294780572e-05,
    -1.1444420391074673e-05,
    -9.736275221634706e-07,
    1.751683818425218e-06,
    -5.6662675335165215e-08,
    -2.5790091479665215e-07,
    2.222329423845321e-08,
    3.714561685126677e-08,
    -2.842550653219522e-09,
    -3.883525860864774e-09,
];
/// K of W for `f32`.
const MIDDLE_FOR_SINGLE: f64 = 3.0;
/// W good enough for `f32`, for ½ ≤ x ≤ 10.1, error 2⁻³¹.
const TAIL_FOR_SINGLE: [f64; 11] = [
    1.253008058791503,
    -0.13562110397202667,
    -0.04756237682660842,
    0.12964503119416004,
    -0.11927159027608099,
    0.0683105388505522,
    -0.023788789195988088,
    0.0025075947248059944,
    0.0019546433520967656,
    -0.0006949347727102515,
    -0.00018761383460645677,
];

/// 1/√(2π)
const DENSITY: (f64, f64) = (0.3989422804014327, -2.49232720227773e-17);
/// √2
const ROOT_2: (f64, f64) = (std::f64::consts::SQRT_2, -9.667293313452913e-17);
/// B on 0 ≤ x² ≤ 0.5625, error 2⁻⁶³·⁹.
const MIDST: [f64; 9] = [
    -0.06649038006690543,
    0.009973557010034774,
    -0.001187328215459129,
    0.00011543468739260615,
    -9.444654895389267e-06,
    6.659642214801753e-07,
    -4.1214598043682945e-08,
    2.256146242606369e-09,
    -9.891207919163007e-11,
];

/// erf x in `f64`.
#[inline(always)]
pub(super) fn erf<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    // From 6 on the result rounds to 1.
    let a = simd.min(simd.splat(6.0), simd.abs(x));
    let square = pair::product(simd, a, a);
    let near = simd.mul_add(a, polynomial(simd, square.high, NEAR), a);
    let decay = exp::with_low(simd, simd.neg(square.high), simd.neg(square.low));
    let one = simd.splat(1.0);
    let tail = smooth_tail(simd, a, Pair::exact(simd, simd.add(a, a)));
    let far = simd.neg_mul_add(decay, tail.high, one);
    simd.copy_sign(simd.select(simd.less(a, one), near, far), x)
}

/// W(t) / (1 + 2x) for x ≥ ½, given 2x as a pair.
#[inline(always)]
fn smooth_tail<S: Simd<f64>>(simd: S, x: S::Vector, twice: Pair<S::Vector>) -> Pair<S::Vector> {
    let middle = simd.splat(MIDDLE);
    let t = simd.div(simd.sub(x, middle), simd.add(x, middle));
    let rest = simd.mul(t, polynomial(simd, t, TAIL));
    let first = simd.splat(TAIL_FIRST.0);
    let Pair { high, low } = pair::ordered_sum(simd, first, rest);
    let low = simd.add(low, simd.splat(TAIL_FIRST.1));
    let divisor = pair::sum(simd, simd.splat(1.0), twice.high);
    let rounding = simd.add(divisor.low, twice.low);
    let divisor = Pair {
        low: rounding,
        ..divisor
    };
    Pair { high, low }.div(simd, divisor)
}

/// Φ(x) in `f64`.
#[inline(always)]
pub(super) fn normal_cdf<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let near = simd.less(simd.abs(x), simd.splat(0.75));
    simd.select(near, normal_cdf_near(simd, x), normal_cdf_far(simd, x))
}

/// ½ + x / √(2π) + x³·B(x²) for |x| ≤ ¾.
#[inline(always)]
fn normal_cdf_near<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let square = simd.mul(x, x);
    let cubic = simd.mul(simd.mul(square, x), polynomial(simd, square, MIDST));
    let slope = pair::product(simd, x, simd.splat(DENSITY.0));
    let low = simd.add(simd.mul_add(x, simd.splat(DENSITY.1), slope.low), cubic);
    let Pair { high, low: error } = pair::ordered_sum(simd, simd.splat(0.5), slope.high);
    simd.add(high, simd.add(error, low))
}

/// Φ(−|x|) or 1 − Φ(−|x|) for |x| ≥ ¾.
#[inline(always)]
fn normal_cdf_far<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    // Beyond 39 the tail is 0.
    let a = simd.min(simd.splat(39.0), simd.abs(x));
    let half = simd.splat(0.5);
    let square = pair::product(simd, a, a);
    let exponent = simd.neg(simd.mul(square.high, half));
    let decay = exp::pair(simd, exponent, simd.neg(simd.mul(square.low, half)));
    // 2·(a/√2) = a·√2
    let twice = Pair::exact(simd, a).mul(simd, Pair::splat(simd, ROOT_2));
    let tail = smooth_tail(simd, simd.mul(twice.high, half), twice);
    // The decay may be subnormal, so its product is rounded once.
    let (high, low) = (simd.mul(tail.high, half), simd.mul(tail.low, half));
    let cross = simd.mul_add(high, decay.low, simd.mul(low, decay.high));
    let lower = simd.mul_add(high, decay.high, cross);
    let negative = simd.less(x, simd.splat(0.0));
    simd.select(negative, lower, simd.sub(simd.splat(1.0), lower))
}

/// erf x, good enough for `f32`.
#[inline(always)]
pub(super) fn erf_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let a = simd.min(simd.splat(6.0), simd.abs(x));
    let square = simd.mul(a, a);
    let near = simd.mul_add(a, polynomial(simd, square, NEAR_FOR_SINGLE), a);
    let one = simd.splat(1.0);
    let far = simd.sub(one, tail_for_single(simd, a, square));
    simd.copy_sign(simd.select(simd.less(a, one), near, far), x)
}

/// erfc x, good enough for `f32`, for x ≥ ½, given x².
#[inline(always)]
fn tail_for_single<S: Simd<f64>>(simd: S, x: S::Vector, square: S::Vector) -> S::Vector {
    // W(t) / (1 + 2x), where t and W / (1 + 2x) have one denominator: (x + K)·(1 + 2x).
    let (middle, one) = (simd.splat(MIDDLE_FOR_SINGLE), simd.splat(1.0));
    let (sum, divisor) = (simd.add(x, middle), simd.mul_add(x, simd.splat(2.0), one));
    let inverse = recip::<S, 1>(simd, simd.mul(sum, divisor));
    let t = simd.mul(simd.mul(simd.sub(x, middle), divisor), inverse);
    let smooth = simd.mul(polynomial(simd, t, TAIL_FOR_SINGLE), simd.mul(inverse, sum));
    simd.mul(smooth, exp::exp_for_single(simd, simd.neg(square)))
}

/// Φ(x), good enough for `f32`.
#[inline(always)]
pub(super) fn normal_cdf_for_single<S: Simd<f64>>(simd: S, x: S::Vector) -> S::Vector {
    let half = simd.splat(0.5);
    let square = simd.mul(x, x);
    let cubic = simd.mul(simd.mul(square, x), polynomial(simd, square, MIDST));
    let near = simd.add(half, simd.mul_add(x, simd.splat(DENSITY.0), cubic));
    // Beyond 15 the tail is 0 in `f32`.
    let a = simd.min(simd.splat(15.0), simd.abs(x));
    let (z, square) = (
        simd.mul(a, simd.splat(std::f64::consts::FRAC_1_SQRT_2)),
        simd.mul(a, a),
    );
    let lower = simd.mul(tail_for_single(simd, z, simd.mul(square, half)), half);
    let negative = simd.less(x, simd.splat(0.0));
    let far = simd.select(negative, lower, simd.sub(simd.splat(1.0), lower));
    simd.select(simd.less(simd.abs(x), simd.splat(0.75)), near, far)
}
