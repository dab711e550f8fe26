//! The scalar functions of programs, on vectors.
//!
//! Each agrees with [`Unary::at`] and [`Binary::at`]: arithmetic and comparisons to the last bit.

use super::long;
use super::operator::{Binary, Unary};
use super::row::{Row, each, one_by_one};
use crate::element::Float;
use crate::simd::Math;

impl Unary {
    /// `y` ← the function of `x`. One match a row leaves a plain loop.
    ///
    /// # Safety
    /// As [`each`].
    #[inline(always)]
    pub(super) unsafe fn over<T: Float, S: Math<T>>(
        self,
        simd: S,
        x: Row<T>,
        y: *mut T,
        len: usize,
    ) {
        // SAFETY: the caller's promise is what the loops ask for.
        unsafe {
            match self {
                Self::Neg => each(simd, [x], y, len, |[x]| negative(simd, x)),
                Self::Abs => each(simd, [x], y, len, |[x]| magnitude(simd, x)),
                Self::Sign => each(simd, [x], y, len, |[x]| sign(simd, x)),
                Self::Recip => each(simd, [x], y, len, |[x]| simd.div(simd.splat(T::ONE), x)),
                Self::Square => each(simd, [x], y, len, |[x]| simd.mul(x, x)),
                Self::Sqrt => each(simd, [x], y, len, |[x]| simd.sqrt(x)),
                Self::Exp => long::over::<T, S, long::Exp, 1>([x], y, len),
                Self::Expm1 => long::over::<T, S, long::Expm1, 1>([x], y, len),
                Self::Log => long::over::<T, S, long::Log, 1>([x], y, len),
                Self::Log1p => long::over::<T, S, long::Log1p, 1>([x], y, len),
                Self::Sin => long::over::<T, S, long::Sin, 1>([x], y, len),
                Self::Cos => long::over::<T, S, long::Cos, 1>([x], y, len),
                Self::Tanh => long::over::<T, S, long::Tanh, 1>([x], y, len),
                Self::Sigmoid => long::over::<T, S, long::Sigmoid, 1>([x], y, len),
                Self::Softplus => long::over::<T, S, long::Softplus, 1>([x], y, len),
                Self::Erf => long::over::<T, S, long::Erf, 1>([x], y, len),
                Self::Erfc
                | Self::Asin
                | Self::Acos
                | Self::Atan
                | Self::Asinh
                | Self::Acosh
                | Self::Atanh
                | Self::Lgamma => one_by_one([x], y, len, |[x]| self.at(x)),
            }
        }
    }
}

impl Binary {
    /// `y` ← the function of `a` and `b`.
    ///
    /// # Safety
    /// As [`each`].
    #[inline(always)]
    pub(super) unsafe fn over<T: Float, S: Math<T>>(
        self,
        simd: S,
        [a, b]: [Row<T>; 2],
        y: *mut T,
        len: usize,
    ) {
        let truth = |mask| simd.select(mask, simd.splat(T::ONE), simd.splat(T::ZERO));
        let rows = [a, b];
        // SAFETY: the caller's promise is what the loops ask for.
        unsafe {
            match self {
                Self::Add => each(simd, rows, y, len, |[a, b]| simd.add(a, b)),
                Self::Sub => each(simd, rows, y, len, |[a, b]| simd.sub(a, b)),
                Self::Mul => each(simd, rows, y, len, |[a, b]| simd.mul(a, b)),
                Self::Div => each(simd, rows, y, len, |[a, b]| simd.div(a, b)),
                Self::Max => each(simd, rows, y, len, |[a, b]| maximum(simd, a, b)),
                Self::Min => each(simd, rows, y, len, |[a, b]| minimum(simd, a, b)),
                Self::Pow => long::over::<T, S, long::Pow, 2>(rows, y, len),
                Self::Less => each(simd, rows, y, len, |[a, b]| truth(simd.less(a, b))),
                Self::LessEqual => each(simd, rows, y, len, |[a, b]| truth(simd.less_equal(a, b))),
                Self::Equal => each(simd, rows, y, len, |[a, b]| truth(simd.equal(a, b))),
                Self::Atan2 | Self::Hypot | Self::Polygamma => {
                    one_by_one(rows, y, len, |[a, b]| self.at(a, b));
                }
            }
        }
    }

    /// `y` ← `yes` where the comparison of `a` and `b` holds, else `no`, without writing the truth
    /// values out.
    ///
    /// # Safety
    /// As [`each`].
    ///
    /// # Panics
    /// If this is not a comparison.
    #[inline(always)]
    pub(super) unsafe fn choose<T: Float, S: Math<T>>(
        self,
        simd: S,
        rows: [Row<T>; 4],
        y: *mut T,
        len: usize,
    ) {
        // SAFETY: the caller's promise is what the loops ask for.
        unsafe {
            match self {
                Self::Less => each(simd, rows, y, len, |[a, b, yes, no]| {
                    simd.select(simd.less(a, b), yes, no)
                }),
                Self::LessEqual => each(simd, rows, y, len, |[a, b, yes, no]| {
                    simd.select(simd.less_equal(a, b), yes, no)
                }),
                Self::Equal => each(simd, rows, y, len, |[a, b, yes, no]| {
                    simd.select(simd.equal(a, b), yes, no)
                }),
                _ => unreachable!("only comparisons choose"),
            }
        }
    }

    /// Whether the function gives 1 for true and 0 for false.
    pub(super) fn is_comparison(self) -> bool {
        matches!(self, Self::Less | Self::LessEqual | Self::Equal)
    }
}

/// `y` ← `a` where `condition` is not 0, else `b`.
///
/// # Safety
/// As [`each`].
#[inline(always)]
pub(super) unsafe fn select<T: Float, S: Math<T>>(
    simd: S,
    rows: [Row<T>; 3],
    y: *mut T,
    len: usize,
) {
    let zero = simd.splat(T::ZERO);
    // SAFETY: the caller's promise.
    unsafe {
        each(simd, rows, y, len, |[condition, a, b]| {
            simd.select(simd.equal(condition, zero), b, a)
        });
    }
}

#[inline(always)]
fn negative<T: Float, S: Math<T>>(simd: S, x: S::Vector) -> S::Vector {
    let sign = simd.bits(simd.splat(-T::ZERO));
    simd.of_bits(simd.bits_xor(simd.bits(x), sign))
}

#[inline(always)]
fn magnitude<T: Float, S: Math<T>>(simd: S, x: S::Vector) -> S::Vector {
    let all_but_sign = simd.shift_right::<1>(simd.bits_splat(u64::MAX));
    simd.of_bits(simd.bits_and(simd.bits(x), all_but_sign))
}

#[inline(always)]
fn sign<T: Float, S: Math<T>>(simd: S, x: S::Vector) -> S::Vector {
    let (zero, one) = (simd.splat(T::ZERO), simd.splat(T::ONE));
    let other = simd.select(simd.less(x, zero), simd.splat(-T::ONE), simd.mul(x, zero));
    simd.select(simd.less(zero, x), one, other)
}

/// The larger; NaN if either is.
#[inline(always)]
pub(super) fn maximum<T: Float, S: Math<T>>(simd: S, a: S::Vector, b: S::Vector) -> S::Vector {
    let larger = simd.select(simd.less_equal(b, a), a, b);
    simd.select(simd.equal(a, a), larger, a)
}

/// The smaller; NaN if either is.
#[inline(always)]
pub(super) fn minimum<T: Float, S: Math<T>>(simd: S, a: S::Vector, b: S::Vector) -> S::Vector {
    let smaller = simd.select(simd.less_equal(a, b), a, b);
    simd.select(simd.equal(a, a), smaller, a)
}
