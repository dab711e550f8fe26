//! The number types a tensor can hold.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use approx::{AbsDiffEq, RelativeEq, UlpsEq};

use crate::array::Array;
use crate::kernels::Kernels;
use crate::simd::{Dispatch, lane};
use crate::special;
use crate::tensor::{DType, Tensor};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
}

/// Anything a tensor can store: `f32`, `f64`, and `i64` for indices and labels.
///
/// Every bit pattern is a valid value, which is what lets buffers be reused without clearing.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + Debug + Display + Send + Sync + 'static
{
    /// The type's name as users write it, such as `f32`.
    const NAME: &'static str;
    /// Additive identity.
    const ZERO: Self;
    /// Multiplicative identity.
    const ONE: Self;
    /// The type as a value.
    const DTYPE: DType;

    /// The value as `f64`; exact for `f32` and for integers below 2⁵³.
    fn to_f64(self) -> f64;
    /// The nearest value of this type; of integers, the number without its fraction.
    fn from_f64(value: f64) -> Self;

    /// An array of this type as a tensor.
    #[doc(hidden)]
    fn erase(array: Array<Self>) -> Tensor;
    /// The array inside of a tensor, if it is of this type.
    #[doc(hidden)]
    fn typed(tensor: &Tensor) -> Option<&Array<Self>>;
    /// As [`typed`](Self::typed), for writing.
    #[doc(hidden)]
    fn typed_mut(tensor: &mut Tensor) -> Option<&mut Array<Self>>;
    /// As [`typed`](Self::typed), for good.
    #[doc(hidden)]
    fn into_typed(tensor: Tensor) -> Option<Array<Self>>;
}

/// The floating-point types that arithmetic is defined for: `f32` and `f64`.
///
/// The same generic code runs in both, so gradients of an `f32` model are checked in `f64`.
pub trait Float:
    Element
    + Kernels
    + Dispatch
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
    + Sum
    + AbsDiffEq<Epsilon = Self>
    + RelativeEq
    + UlpsEq
{
    /// Distance between 1 and the next larger number.
    const EPSILON: Self;
    /// The smallest positive number of full precision.
    const MIN_POSITIVE: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;

    /// Absolute value.
    fn abs(self) -> Self;
    /// −1, 0 or 1 with the sign of `self`; NaN stays NaN.
    fn sign(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;

    /// eˣ.
    fn exp(self) -> Self;
    /// eˣ − 1, accurate near 0.
    fn expm1(self) -> Self;
    /// Natural logarithm.
    fn log(self) -> Self;
    /// log(1 + x), accurate near 0.
    fn log1p(self) -> Self;
    /// Logarithm to base 2; a whole number at powers of 2.
    fn log2(self) -> Self;
    /// Logarithm to base 10; a whole number at powers of 10.
    fn log10(self) -> Self;
    /// 1/√x.
    fn rsqrt(self) -> Self;
    /// Sine of an angle in radians.
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    fn cos(self) -> Self;
    /// Hyperbolic sine, accurate near 0.
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The logistic function 1 / (1 + e⁻ˣ), without overflow on either side.
    fn sigmoid(self) -> Self;
    /// log(1 + eˣ), without overflow.
    fn softplus(self) -> Self;
    /// −t·log σ(z) − (1 − t)·log σ(−z) for this logit z and a target t.
    fn logistic_loss(self, target: Self) -> Self;
    /// σ(z) − t, the slope of [`logistic_loss`](Self::logistic_loss).
    fn logistic_slope(self, target: Self) -> Self;
    /// Error function, 2/√π ∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// Φ(x), the distribution function of the standard normal distribution, accurate where it is
    /// small.
    fn normal_cdf(self) -> Self;
    /// `self` raised to `exponent`.
    fn pow(self, exponent: Self) -> Self;
    /// 1 − erf x, accurate where that is small.
    fn erfc(self) -> Self;
    /// The angle in radians whose sine this is, in `[−π/2, π/2]`; NaN beyond ±1.
    fn asin(self) -> Self;
    /// The angle in radians whose cosine this is, in `[0, π]`; NaN beyond ±1.
    fn acos(self) -> Self;
    /// The angle in radians whose tangent this is, in `[−π/2, π/2]`.
    fn atan(self) -> Self;
    /// The number whose hyperbolic sine this is.
    fn asinh(self) -> Self;
    /// The number, 0 or above, whose hyperbolic cosine this is; NaN below 1.
    fn acosh(self) -> Self;
    /// The number whose hyperbolic tangent this is; NaN beyond ±1.
    fn atanh(self) -> Self;
    /// Logarithm of the absolute value of Γ; infinite at 0, −1, −2 and so on.
    fn lgamma(self) -> Self;
    /// The angle in radians of the point (`x`, `self`), in `[−π, π]`.
    fn atan2(self, x: Self) -> Self;
    /// √(`self`² + `other`²), without overflow on the way.
    fn hypot(self, other: Self) -> Self;
    /// Derivative number `order` of the digamma function, itself at order 0: derivative
    /// `order + 1` of log Γ. NaN unless `order` is 0 or a positive integer.
    fn polygamma(self, order: Self) -> Self;
    /// The largest whole number that is not above this.
    fn floor(self) -> Self;
    /// The smallest whole number that is not below this.
    fn ceil(self) -> Self;
    /// The nearest whole number, the even one of two.
    fn round(self) -> Self;
    /// This without its fraction.
    fn trunc(self) -> Self;
    /// `self` − `divisor`·⌊`self` / `divisor`⌋, which has the sign of the divisor or is 0; NaN for
    /// a divisor of 0.
    fn remainder(self, divisor: Self) -> Self;

    /// The value itself, or 0 if it is subnormal.
    ///
    /// Arithmetic on subnormal numbers can be fifty times slower. A running mean of gradients that
    /// have died out ends in them and stays there, because the smallest ones times 0.9 round back
    /// to themselves.
    #[must_use]
    fn without_subnormal(self) -> Self {
        if self.abs() < Self::MIN_POSITIVE {
            Self::ZERO
        } else {
            self
        }
    }

    /// The larger of the two, where 0 is larger than −0; NaN if either is NaN (IEEE 754-2019
    /// `maximum`).
    fn maximum(self, other: Self) -> Self {
        if self == Self::ZERO && other == Self::ZERO {
            self + other
        } else if self >= other || self.is_nan() {
            self
        } else {
            other
        }
    }

    /// The smaller of the two, where −0 is smaller than 0; NaN if either is NaN (IEEE 754-2019
    /// `minimum`).
    fn minimum(self, other: Self) -> Self {
        if self == Self::ZERO && other == Self::ZERO {
            -(-self - other)
        } else if self <= other || self.is_nan() {
            self
        } else {
            other
        }
    }
}

/// `from_vectors! { exp }` gives `fn exp(self) -> Self { lane::exp(self) }`.
macro_rules! from_vectors {
    ($($name:ident)*) => {
        $(fn $name(self) -> Self {
            lane::$name(self)
        })*
    };
}

/// `from_special! { asin(), atan2(x) }` gives `fn asin(self) -> Self` and
/// `fn atan2(self, x: Self) -> Self`, computed in `f64`: there they are right to the last digits, and
/// rounding to `f32` is all that is left of their error.
macro_rules! from_special {
    ($($name:ident($($other:ident)?))*) => {
        $(fn $name(self $(, $other: Self)?) -> Self {
            Self::from_f64(special::$name(self.to_f64() $(, $other.to_f64())?))
        })*
    };
}

/// `impl_element!(f32, F32, "f32", 0.0, 1.0)` gives `impl Element for f32`.
macro_rules! impl_element {
    ($type:ident, $dtype:ident, $name:literal, $zero:literal, $one:literal) => {
        impl Element for $type {
            const NAME: &'static str = $name;
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            const DTYPE: DType = DType::$dtype;

            #[inline]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline]
            fn erase(array: Array<Self>) -> Tensor {
                Tensor::$dtype(array)
            }
            #[inline]
            fn typed(tensor: &Tensor) -> Option<&Array<Self>> {
                match tensor {
                    Tensor::$dtype(array) => Some(array),
                    _ => None,
                }
            }
            #[inline]
            fn typed_mut(tensor: &mut Tensor) -> Option<&mut Array<Self>> {
                match tensor {
                    Tensor::$dtype(array) => Some(array),
                    _ => None,
                }
            }
            #[inline]
            fn into_typed(tensor: Tensor) -> Option<Array<Self>> {
                match tensor {
                    Tensor::$dtype(array) => Some(array),
                    _ => None,
                }
            }
        }
    };
}

impl_element!(f32, F32, "f32", 0.0, 1.0);
impl_element!(f64, F64, "f64", 0.0, 1.0);
impl_element!(i64, I64, "i64", 0, 1);

/// Implements [`Float`] by forwarding to the inherent methods of the type
/// and to the functions of vectors.
///
/// `impl_float!(f32)` gives `impl Float for f32 { fn sqrt(self) { f32::sqrt(self) } .. }`.
macro_rules! impl_float {
    ($type:ident) => {
        impl Float for $type {
            const EPSILON: Self = $type::EPSILON;
            const MIN_POSITIVE: Self = $type::MIN_POSITIVE;
            const INFINITY: Self = $type::INFINITY;
            const NAN: Self = $type::NAN;

            #[inline]
            fn abs(self) -> Self {
                $type::abs(self)
            }
            #[inline]
            fn sign(self) -> Self {
                if self > 0.0 {
                    1.0
                } else if self < 0.0 {
                    -1.0
                } else {
                    self * 0.0
                }
            }
            #[inline]
            fn sqrt(self) -> Self {
                $type::sqrt(self)
            }
            from_vectors! {
                exp expm1 log log1p log2 log10 rsqrt sin cos sinh cosh tanh sigmoid softplus erf normal_cdf
            }
            fn pow(self, exponent: Self) -> Self {
                lane::pow(self, exponent)
            }
            fn logistic_loss(self, target: Self) -> Self {
                lane::logistic_loss(self, target)
            }
            fn logistic_slope(self, target: Self) -> Self {
                lane::logistic_slope(self, target)
            }
            from_special! {
                erfc() asin() acos() atan() asinh() acosh() atanh() lgamma()
                atan2(x) hypot(other) polygamma(order) remainder(divisor)
            }
            #[inline]
            fn floor(self) -> Self {
                $type::floor(self)
            }
            #[inline]
            fn ceil(self) -> Self {
                $type::ceil(self)
            }
            #[inline]
            fn round(self) -> Self {
                $type::round_ties_even(self)
            }
            #[inline]
            fn trunc(self) -> Self {
                $type::trunc(self)
            }
            #[inline]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }
            #[inline]
            fn is_nan(self) -> bool {
                $type::is_nan(self)
            }
        }
    };
}

impl_float!(f32);
impl_float!(f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_and_softplus_survive_large_arguments() {
        assert_eq!(Float::sigmoid(-1000.0_f64), 0.0);
        assert_eq!(Float::sigmoid(1000.0_f64), 1.0);
        assert_eq!(Float::softplus(-1000.0_f64), 0.0);
        assert_eq!(Float::softplus(1000.0_f64), 1000.0);
        assert_eq!(Float::sigmoid(0.0_f32), 0.5);
        assert!(Float::sigmoid(f32::NAN).is_nan());
        assert!(Float::softplus(f32::NAN).is_nan());
    }

    #[test]
    fn remainders_have_the_sign_of_the_divisor() {
        for (a, b, remainder) in [
            (5.5, 2.0, 1.5),
            (-5.5, 2.0, 0.5),
            (5.5, -2.0, -0.5),
            (-5.5, -2.0, -1.5),
            (6.0, -3.0, 0.0),
            (-1e-20, 1.0, 1.0),
            (1e20, 3.0, 1.0),
            (3.0, f64::INFINITY, 3.0),
            (-3.0, f64::INFINITY, f64::INFINITY),
        ] {
            assert_eq!(a.remainder(b), remainder, "{a} by {b}");
        }
        assert!(Float::remainder(1.0_f32, 0.0).is_nan());
        assert!(Float::remainder(f64::INFINITY, 2.0).is_nan());
        assert_eq!(Float::remainder(7.25_f32, -2.5), -0.25);
    }

    #[test]
    fn halves_are_rounded_to_even_numbers() {
        assert_eq!([0.5, 1.5, -2.5].map(Float::round), [0.0, 2.0, -2.0]);
        assert_eq!([-0.5, 1.5, 2.0].map(Float::floor), [-1.0, 1.0, 2.0]);
        assert_eq!([-1.5, 0.5, 2.0].map(Float::ceil), [-1.0, 1.0, 2.0]);
        assert_eq!([-1.5, 1.5, 2.0].map(Float::trunc), [-1.0, 1.0, 2.0]);
    }

    #[test]
    fn only_subnormal_numbers_are_flushed() {
        assert_eq!(f32::MIN_POSITIVE.without_subnormal(), f32::MIN_POSITIVE);
        assert_eq!((-f32::MIN_POSITIVE / 2.0).without_subnormal(), 0.0);
        assert!(f64::NAN.without_subnormal().is_nan());
    }

    #[test]
    fn extremes_let_nan_through() {
        assert!(Float::maximum(f64::NAN, 1.0).is_nan());
        assert!(Float::maximum(1.0, f64::NAN).is_nan());
        assert!(Float::minimum(1.0, f64::NAN).is_nan());
        assert_eq!(Float::maximum(1.0, 2.0), 2.0);
        for (a, b) in [(0.0_f64, -0.0), (-0.0, 0.0)] {
            assert_eq!(Float::maximum(a, b).to_bits(), 0.0_f64.to_bits());
            assert_eq!(Float::minimum(a, b).to_bits(), (-0.0_f64).to_bits());
        }
        assert!(Float::sign(f64::NAN).is_nan());
        assert_eq!(Float::sign(-0.0_f64), 0.0);
    }
}
