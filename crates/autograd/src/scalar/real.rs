//! What a number can do, whether or not it carries derivatives.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

use retrograd_tensor::Float;

/// A real number: `f64`, or one that carries derivatives beside its value.
///
/// A function that is generic over `Real` can be computed, differentiated forward and backward, and
/// both at once. Constants are written as they are where they stand on the right,
/// `x * 2.0`, and as `R::from(2.0)` elsewhere. Comparing looks at values alone, so a program takes the same branches whatever its numbers carry.
///
/// ```
/// use retrograd_autograd::scalar::{Dual, Real};
///
/// fn logistic<R: Real>(x: R) -> R {
///     ((-x).exp() + 1.0).recip()
/// }
///
/// assert_eq!(logistic(0.0), 0.5);
/// assert_eq!(logistic(Dual::variable(0.0)).slope, 0.25);
/// ```
pub trait Real: Arithmetic {
    /// The plain number underneath all that is carried.
    fn to_f64(self) -> f64;
    /// Whether this is 0 and every derivative it carries is 0 too, so that no product with it counts.
    fn is_zero(self) -> bool;

    /// Absolute value; the slope at 0 is 0.
    #[must_use]
    fn abs(self) -> Self;
    /// 1/x.
    #[must_use]
    fn recip(self) -> Self;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// eˣ.
    #[must_use]
    fn exp(self) -> Self;
    /// Natural logarithm.
    #[must_use]
    fn log(self) -> Self;
    /// log(1 + x), accurate near 0.
    #[must_use]
    fn log1p(self) -> Self;
    /// Sine of an angle in radians.
    #[must_use]
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    #[must_use]
    fn cos(self) -> Self;
    /// Arc tangent, in radians.
    #[must_use]
    fn atan(self) -> Self;
    /// Hyperbolic tangent.
    #[must_use]
    fn tanh(self) -> Self;
    /// A whole power.
    #[must_use]
    fn powi(self, exponent: i32) -> Self;
    /// A fixed power.
    #[must_use]
    fn powf(self, exponent: f64) -> Self;
    /// A power whose exponent is a variable as well, of a positive number.
    #[must_use]
    fn pow(self, exponent: Self) -> Self;

    /// x².
    #[must_use]
    fn square(self) -> Self {
        self * self
    }

    /// The larger of two numbers, with what it carries; equal ones share it. NaN if either is NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;

    /// The smaller of two numbers, with what it carries; equal ones share it. NaN if either is NaN.
    #[must_use]
    fn min(self, other: Self) -> Self;
}

/// The operators of a number, among its own kind and with constants.
pub trait Arithmetic:
    Copy
    + Debug
    + PartialOrd
    + From<f64>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + Sum
{
}

impl Arithmetic for f64 {}

/// A number that carries nothing.
impl Real for f64 {
    fn to_f64(self) -> f64 {
        self
    }
    fn is_zero(self) -> bool {
        self == 0.0
    }
    fn abs(self) -> Self {
        f64::abs(self)
    }
    fn recip(self) -> Self {
        f64::recip(self)
    }
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn exp(self) -> Self {
        f64::exp(self)
    }
    fn log(self) -> Self {
        f64::ln(self)
    }
    fn log1p(self) -> Self {
        f64::ln_1p(self)
    }
    fn sin(self) -> Self {
        f64::sin(self)
    }
    fn cos(self) -> Self {
        f64::cos(self)
    }
    fn atan(self) -> Self {
        f64::atan(self)
    }
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    fn powi(self, exponent: i32) -> Self {
        f64::powi(self, exponent)
    }
    fn powf(self, exponent: f64) -> Self {
        f64::powf(self, exponent)
    }
    fn pow(self, exponent: Self) -> Self {
        f64::powf(self, exponent)
    }
    fn max(self, other: Self) -> Self {
        Float::maximum(self, other)
    }
    fn min(self, other: Self) -> Self {
        Float::minimum(self, other)
    }
}
