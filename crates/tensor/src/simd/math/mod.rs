//! Functions of vectors: exponential, logarithm and what is made of them.
//!
//! Each family is a page of its own. It opens with the identity that shrinks the argument, then
//! says what polynomial stands for the function on the small interval that is left, and how much
//! each step rounds. Errors are in units in the last place (ULP) of the correctly rounded result.
//!
//! | functions | `f32` | `f64` |
//! |---|---|---|
//! | exp, expm1, log, log1p, log2, log10, rsqrt, sin, cos, tanh, erf, normal_cdf, pow | 1 | 2 |
//! | sigmoid, softplus | 2 | 2 |
//!
//! NaN gives NaN; infinities, signed zeros and overflow give what the limit is; results that are
//! subnormal are as good as any. The tests look at every `f32`.
//!
//! An `f32` function is either written in `f32` (`single`), where speed matters most, or computed in
//! `f64` and rounded at the end: with shorter polynomials (`…_for_single`), or as the `f64` function
//! itself. Then nothing is left of its error but the last rounding. The former need a fused
//! multiply-add, so without one they are of the latter kind too.
//!
//! The coefficients are minimax polynomials: found by the exchange algorithm (Remez 1934) in 200
//! bits and rounded one after the other, those behind making up for those before. Each states its
//! interval and the largest error relative to the function.

use super::{InstructionSet, Simd};

mod error;
mod exp;
mod hyperbolic;
pub(crate) mod lane;
mod log;
mod logistic;
mod pair;
mod power;
mod trigonometric;

/// log 2 to 42 bits, and the rest: an integer of at most eleven bits times the former is exact.
const LN_2: (f64, f64) = (0.693_147_180_559_890_3, 5.497_923_018_708_371e-14);
/// 1.5·2⁵²: adding it leaves no bits for a fraction, and taking it away again leaves the nearest
/// integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// A function of an `f32` vector, computed in `f64`: `through_f64!(simd, expm1::double, x)`.
macro_rules! through_f64 {
    ($simd:ident, $function:path, $x:ident) => {{
        let (low, high) = $simd.widen($x);
        $simd.narrow($function($simd, low), $function($simd, high))
    }};
}

/// The functions of a vector, beyond the arithmetic of [`Simd`].
pub trait Math<T>: Simd<T> {
    /// eˣ
    fn exp(self, x: Self::Vector) -> Self::Vector;
    /// eˣ − 1, accurate near 0.
    fn expm1(self, x: Self::Vector) -> Self::Vector;
    /// Natural logarithm; NaN below 0.
    fn log(self, x: Self::Vector) -> Self::Vector;
    /// log(1 + x), accurate near 0; NaN below −1.
    fn log1p(self, x: Self::Vector) -> Self::Vector;
    /// Logarithm to base 2; a whole number at powers of 2.
    fn log2(self, x: Self::Vector) -> Self::Vector;
    /// Logarithm to base 10; a whole number at powers of 10.
    fn log10(self, x: Self::Vector) -> Self::Vector;
    /// 1/√x; NaN below 0.
    fn rsqrt(self, x: Self::Vector) -> Self::Vector;
    /// Sine of an angle in radians.
    fn sin(self, x: Self::Vector) -> Self::Vector;
    /// Cosine of an angle in radians.
    fn cos(self, x: Self::Vector) -> Self::Vector;
    /// Hyperbolic tangent.
    fn tanh(self, x: Self::Vector) -> Self::Vector;
    /// The logistic function 1 / (1 + e⁻ˣ).
    fn sigmoid(self, x: Self::Vector) -> Self::Vector;
    /// log(1 + eˣ)
    fn softplus(self, x: Self::Vector) -> Self::Vector;
    /// [`softplus`](Self::softplus) and [`sigmoid`](Self::sigmoid), its derivative, from one
    /// exponential; the same bits as one by one.
    fn softplus_and_sigmoid(self, x: Self::Vector) -> (Self::Vector, Self::Vector);
    /// log(1 + e^(−|x|)) and σ(−|x|): what is left of a logistic loss and of its slope on the right
    /// side.
    fn logistic_tail(self, x: Self::Vector) -> (Self::Vector, Self::Vector);
    /// Error function, 2/√π ∫₀ˣ e^(−t²) dt.
    fn erf(self, x: Self::Vector) -> Self::Vector;
    /// Φ(x), the distribution function of the standard normal distribution, accurate where it is
    /// small.
    fn normal_cdf(self, x: Self::Vector) -> Self::Vector;
    /// x to the power y; NaN for x < 0 unless y is an integer.
    fn pow(self, x: Self::Vector, y: Self::Vector) -> Self::Vector;
}

type F32s<S> = <S as Simd<f32>>::Vector;
type F64s<S> = <S as Simd<f64>>::Vector;

impl<S: InstructionSet> Math<f32> for S {
    #[inline(always)]
    fn exp(self, x: F32s<S>) -> F32s<S> {
        if <S as Simd<f32>>::FUSED {
            exp::single(self, x)
        } else {
            through_f64!(self, exp::exp_for_single, x)
        }
    }
    #[inline(always)]
    fn expm1(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, exp::expm1_for_single, x)
    }
    #[inline(always)]
    fn log(self, x: F32s<S>) -> F32s<S> {
        if <S as Simd<f32>>::FUSED {
            log::single(self, x)
        } else {
            through_f64!(self, log::double, x)
        }
    }
    #[inline(always)]
    fn log1p(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, log::log1p_for_single, x)
    }
    #[inline(always)]
    fn log2(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, log::log2, x)
    }
    #[inline(always)]
    fn log10(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, log::log10, x)
    }
    #[inline(always)]
    fn rsqrt(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, power::rsqrt, x)
    }
    #[inline(always)]
    fn sin(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, trigonometric::sin_for_single, x)
    }
    #[inline(always)]
    fn cos(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, trigonometric::cos_for_single, x)
    }
    #[inline(always)]
    fn tanh(self, x: F32s<S>) -> F32s<S> {
        if <S as Simd<f32>>::FUSED {
            hyperbolic::single(self, x)
        } else {
            through_f64!(self, hyperbolic::double, x)
        }
    }
    #[inline(always)]
    fn sigmoid(self, x: F32s<S>) -> F32s<S> {
        if <S as Simd<f32>>::FUSED {
            logistic::single(self, x).1
        } else {
            through_f64!(self, logistic::sigmoid, x)
        }
    }
    #[inline(always)]
    fn softplus(self, x: F32s<S>) -> F32s<S> {
        if <S as Simd<f32>>::FUSED {
            logistic::single(self, x).0
        } else {
            through_f64!(self, logistic::softplus, x)
        }
    }
    #[inline(always)]
    fn softplus_and_sigmoid(self, x: F32s<S>) -> (F32s<S>, F32s<S>) {
        if <S as Simd<f32>>::FUSED {
            logistic::single(self, x)
        } else {
            let softplus = through_f64!(self, logistic::softplus, x);
            (softplus, through_f64!(self, logistic::sigmoid, x))
        }
    }
    #[inline(always)]
    fn logistic_tail(self, x: F32s<S>) -> (F32s<S>, F32s<S>) {
        if <S as Simd<f32>>::FUSED {
            logistic::single_tail(self, x)
        } else {
            let log = through_f64!(self, logistic::tail_log, x);
            (log, through_f64!(self, logistic::tail, x))
        }
    }
    #[inline(always)]
    fn erf(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, error::erf_for_single, x)
    }
    #[inline(always)]
    fn normal_cdf(self, x: F32s<S>) -> F32s<S> {
        through_f64!(self, error::normal_cdf_for_single, x)
    }
    #[inline(always)]
    fn pow(self, x: F32s<S>, y: F32s<S>) -> F32s<S> {
        let (x_low, x_high) = self.widen(x);
        let (y_low, y_high) = self.widen(y);
        let low = power::pow_for_single(self, x_low, y_low);
        self.narrow(low, power::pow_for_single(self, x_high, y_high))
    }
}

impl<S: InstructionSet> Math<f64> for S {
    #[inline(always)]
    fn exp(self, x: F64s<S>) -> F64s<S> {
        exp::double(self, x)
    }
    #[inline(always)]
    fn expm1(self, x: F64s<S>) -> F64s<S> {
        exp::expm1(self, x)
    }
    #[inline(always)]
    fn log(self, x: F64s<S>) -> F64s<S> {
        log::double(self, x)
    }
    #[inline(always)]
    fn log1p(self, x: F64s<S>) -> F64s<S> {
        log::log1p(self, x)
    }
    #[inline(always)]
    fn log2(self, x: F64s<S>) -> F64s<S> {
        log::log2(self, x)
    }
    #[inline(always)]
    fn log10(self, x: F64s<S>) -> F64s<S> {
        log::log10(self, x)
    }
    #[inline(always)]
    fn rsqrt(self, x: F64s<S>) -> F64s<S> {
        power::rsqrt(self, x)
    }
    #[inline(always)]
    fn sin(self, x: F64s<S>) -> F64s<S> {
        trigonometric::sin(self, x)
    }
    #[inline(always)]
    fn cos(self, x: F64s<S>) -> F64s<S> {
        trigonometric::cos(self, x)
    }
    #[inline(always)]
    fn tanh(self, x: F64s<S>) -> F64s<S> {
        hyperbolic::double(self, x)
    }
    #[inline(always)]
    fn sigmoid(self, x: F64s<S>) -> F64s<S> {
        logistic::sigmoid(self, x)
    }
    #[inline(always)]
    fn softplus(self, x: F64s<S>) -> F64s<S> {
        logistic::softplus(self, x)
    }
    #[inline(always)]
    fn softplus_and_sigmoid(self, x: F64s<S>) -> (F64s<S>, F64s<S>) {
        (logistic::softplus(self, x), logistic::sigmoid(self, x))
    }
    #[inline(always)]
    fn logistic_tail(self, x: F64s<S>) -> (F64s<S>, F64s<S>) {
        (logistic::tail_log(self, x), logistic::tail(self, x))
    }
    #[inline(always)]
    fn erf(self, x: F64s<S>) -> F64s<S> {
        error::erf(self, x)
    }
    #[inline(always)]
    fn normal_cdf(self, x: F64s<S>) -> F64s<S> {
        error::normal_cdf(self, x)
    }
    #[inline(always)]
    fn pow(self, x: F64s<S>, y: F64s<S>) -> F64s<S> {
        power::pow(self, x, y)
    }
}

/// c₀ + c₁x + c₂x² + …, from the inside out (Horner).
#[inline(always)]
fn polynomial<T: Copy, S: Simd<T>, const N: usize>(simd: S, x: S::Vector, c: [T; N]) -> S::Vector {
    let (last, others) = c.split_last().expect("a polynomial has coefficients");
    let mut sum = simd.splat(*last);
    for &coefficient in others.iter().rev() {
        sum = simd.mul_add(sum, x, simd.splat(coefficient));
    }
    sum
}

/// 1/x in `f64`, by steps of Newton's method, each of which doubles the digits: with one, the
/// relative error is below 2⁻²⁷; with two, a few roundings. Where x is infinite, NaN may come of it.
#[inline(always)]
fn recip<S: Simd<f64>, const STEPS: usize>(simd: S, x: S::Vector) -> S::Vector {
    let mut y = simd.recip_estimate(x);
    for _ in 0..STEPS {
        let residual = simd.neg_mul_add(x, y, simd.splat(1.0));
        y = simd.mul_add(y, residual, y);
    }
    y
}

/// `y` in the lanes of `usual`, `f(i)` in every other lane i.
#[inline(always)]
fn patch<S: Simd<f64>>(
    simd: S,
    usual: S::Mask,
    y: S::Vector,
    f: impl Fn(usize) -> f64,
) -> S::Vector {
    let (mut lanes, mut keep) = ([0.0; 8], [0.0; 8]);
    simd.store(y, &mut lanes);
    simd.store(
        simd.select(usual, simd.splat(1.0), simd.splat(0.0)),
        &mut keep,
    );
    for i in 0..S::LANES {
        if keep[i] == 0.0 {
            lanes[i] = f(i);
        }
    }
    simd.load(&lanes)
}

#[cfg(test)]
mod tests;
