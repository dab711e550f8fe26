//! What a number can do, whether or not it carries derivatives.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use retrograd_tensor::Float;

use super::function::Function;

/// A real number: `f64`, or one that carries derivatives beside its value.
///
/// A function that is generic over `Real` can be computed, differentiated forward and backward, and
/// both at once. Constants are written as they are, on either side: `2.0 * x`, `x > 0.0`; `R::from(2.0)`
/// is one by itself. Comparing looks at values alone, so a program takes the same branches whatever its
/// numbers carry.
///
/// ```
/// use retrograd_autograd::scalar::{Dual, Real};
///
/// fn logistic<R: Real>(x: R) -> R {
///     1.0 / (1.0 + (-x).exp())
/// }
///
/// assert_eq!(logistic(0.0), 0.5);
/// assert_eq!(logistic(Dual::variable(0.0)).slope, 0.25);
/// ```
pub trait Real: Arithmetic {
    /// Whether it carries nothing, so that there is nothing to save by leaving out what is 0 or 1.
    const PLAIN: bool = false;

    /// The plain number underneath all that is carried.
    fn to_f64(self) -> f64;
    /// Whether this is 0 and every derivative it carries is 0 too, so that no product with it counts.
    fn is_zero(self) -> bool;
    /// Whether this is 1 and carries no derivative, so that products with it are the other factor.
    fn is_one(self) -> bool;
    /// Whether every product of 0 with this is 0 and as cheap to form as to avoid: a plain number
    /// that is finite.
    fn is_tame(self) -> bool {
        false
    }
    /// What of `self` comes through an operation with this slope. Nothing comes of nothing, also where
    /// the operation is infinitely steep: √x has a slope of 0 at a constant x of 0.
    #[must_use]
    #[inline(always)]
    fn through(self, slope: Self) -> Self {
        if self.is_zero() {
            self
        } else {
            self.surely_through(slope)
        }
    }
    /// The same where it is known that something comes: `self` is not 0.
    #[must_use]
    #[inline(always)]
    fn surely_through(self, slope: Self) -> Self {
        if !Self::PLAIN && slope.is_one() {
            self
        } else if !Self::PLAIN && self.is_one() {
            slope
        } else {
            slope * self
        }
    }
    /// The sum of what comes two ways.
    #[must_use]
    #[inline(always)]
    fn joined(self, other: Self) -> Self {
        if !Self::PLAIN && self.is_zero() {
            other
        } else if !Self::PLAIN && other.is_zero() {
            self
        } else {
            self + other
        }
    }

    /// Absolute value; the slope at 0 is 0.
    #[must_use]
    fn abs(self) -> Self;
    /// 1, −1, or 0 at 0; its slope is 0.
    #[must_use]
    fn sign(self) -> Self;
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
    /// Sine and cosine, for little more than one of them.
    #[must_use]
    fn sin_cos(self) -> (Self, Self);
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

    /// The logistic function, 1/(1 + e⁻ˣ).
    #[must_use]
    fn sigmoid(self) -> Self;
    /// √(x² + y²); the slopes at the origin are 0.
    #[must_use]
    fn hypot(self, other: Self) -> Self;
    /// 1/√(x² + y²), the potential of a charge; infinite at the origin, where it has no slopes.
    #[must_use]
    #[inline]
    fn rhypot(self, other: Self) -> Self {
        self.hypot(other).recip()
    }
    /// The slopes of [`rhypot`](Self::rhypot) with respect to both, the field of the charge.
    #[must_use]
    #[inline(always)]
    fn rhypot_slopes(self, other: Self) -> [Self; 2] {
        let y = self.rhypot(other);
        let cube = y * y.square();
        [-(self * cube), -(other * cube)]
    }
    /// x².
    #[must_use]
    fn square(self) -> Self;

    /// log Σ eˣ over all of `terms`, which may be as large as they like; −∞ if there are none.
    #[must_use]
    fn logsumexp(terms: &[Self]) -> Self;

    /// Σ a·b over the pairs of two slices of one length.
    ///
    /// # Panics
    /// If the lengths differ.
    #[must_use]
    #[track_caller]
    fn dot(a: &[Self], b: &[Self]) -> Self;

    /// Σ w·x with constant weights w.
    ///
    /// # Panics
    /// If the lengths differ.
    #[must_use]
    #[track_caller]
    fn linear(weights: &[f64], x: &[Self]) -> Self;

    /// The first result of `f` at `x`. A tape keeps its slopes alone and not what it was computed by, so
    /// that a long computation made of such parts needs little memory.
    #[must_use]
    fn region<F: Function>(f: &F, x: &[Self]) -> Self {
        let mut y = [0.0.into()];
        f.eval(x, &mut y);
        y[0]
    }

    /// The larger of two numbers, with what it carries; equal ones share it. NaN if either is NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;

    /// The smaller of two numbers, with what it carries; equal ones share it. NaN if either is NaN.
    #[must_use]
    fn min(self, other: Self) -> Self;
}

/// The operators of a number, among its own kind and with constants on either side.
pub trait Arithmetic:
    Copy
    + Debug
    + PartialOrd
    + PartialOrd<f64>
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
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + AddAssign<f64>
    + SubAssign<f64>
    + MulAssign<f64>
    + DivAssign<f64>
    + Sum
    + Beside<
        f64,
        It: Add<Self, Output = Self>
                + Sub<Self, Output = Self>
                + Mul<Self, Output = Self>
                + Div<Self, Output = Self>
                + Add<f64, Output = f64>
                + Sub<f64, Output = f64>
                + Mul<f64, Output = f64>
                + Div<f64, Output = f64>,
    >
{
}

/// Lets a trait say what another type can do, so that everyone who asks for the trait knows it:
/// a bound on `It` is one on `T`, and goes with the trait where a `where` clause would not.
pub trait Beside<T>: Same<T, It = T> {}

/// The half of [`Beside`] that holds the type.
pub trait Same<T> {
    /// `T` itself.
    type It;
}

impl<T, U> Same<T> for U {
    type It = T;
}

impl<T, U> Beside<T> for U {}

impl Arithmetic for f64 {}

/// A number that carries nothing.
impl Real for f64 {
    const PLAIN: bool = true;

    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline]
    fn is_zero(self) -> bool {
        self == 0.0
    }
    #[inline]
    fn is_one(self) -> bool {
        self == 1.0
    }
    #[inline]
    fn is_tame(self) -> bool {
        self.is_finite()
    }
    #[inline]
    fn abs(self) -> Self {
        f64::abs(self)
    }
    #[inline]
    fn sign(self) -> Self {
        Float::sign(self)
    }
    #[inline]
    fn recip(self) -> Self {
        f64::recip(self)
    }
    #[inline]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline]
    fn log(self) -> Self {
        f64::ln(self)
    }
    #[inline]
    fn log1p(self) -> Self {
        f64::ln_1p(self)
    }
    #[inline]
    fn sin(self) -> Self {
        f64::sin(self)
    }
    #[inline]
    fn cos(self) -> Self {
        f64::cos(self)
    }
    #[inline]
    fn sin_cos(self) -> (Self, Self) {
        f64::sin_cos(self)
    }
    #[inline]
    fn atan(self) -> Self {
        f64::atan(self)
    }
    #[inline]
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    #[inline]
    fn powi(self, exponent: i32) -> Self {
        f64::powi(self, exponent)
    }
    #[inline]
    fn powf(self, exponent: f64) -> Self {
        f64::powf(self, exponent)
    }
    #[inline]
    fn pow(self, exponent: Self) -> Self {
        f64::powf(self, exponent)
    }
    #[inline]
    fn sigmoid(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }
    #[inline]
    fn hypot(self, other: Self) -> Self {
        let square = self * self + other * other;
        // Where the squares have all their digits the root is as good, and much cheaper.
        if (1e-280..1e280).contains(&square) {
            square.sqrt()
        } else {
            f64::hypot(self, other)
        }
    }
    #[inline]
    fn square(self) -> Self {
        self * self
    }
    #[inline]
    fn logsumexp(terms: &[Self]) -> Self {
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, Real::max);
        if largest.is_infinite() {
            return largest;
        }
        largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
    }
    #[inline]
    fn dot(a: &[Self], b: &[Self]) -> Self {
        same_length(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }
    #[inline]
    fn linear(weights: &[f64], x: &[Self]) -> Self {
        Self::dot(weights, x)
    }
    #[inline]
    fn max(self, other: Self) -> Self {
        Float::maximum(self, other)
    }
    #[inline]
    fn min(self, other: Self) -> Self {
        Float::minimum(self, other)
    }
}

/// Products of pairs need partners.
#[track_caller]
#[inline(always)]
pub(super) fn same_length(a: usize, b: usize) {
    assert!(
        a == b,
        "dot: {a} numbers and {b}; the slices have one length"
    );
}

#[cfg(test)]
mod tests {
    use super::super::dual::Dual;
    use super::super::tape::ScalarTape;
    use super::*;

    /// Constants stand on either side, beside plain numbers that stay plain.
    fn mixed<R: Real>(x: R, steps: usize) -> R {
        let h = 2.0 / steps as f64;
        let third = f64::sqrt(2.0 * 4.5 - h + 1.0) - 2.9;
        let plain: f64 = h * third + (1.0 - h) / 2.0;
        let mut y = 1.0 - x * h;
        y *= x;
        y += 0.5 * x;
        y -= 3.0;
        y /= 2.0 / x;
        y += plain;
        if y > 0.0 && x != 7.0 { -1.0 + y } else { y }
    }

    #[test]
    fn constants_stand_on_either_side() {
        let (x, h) = (0.7_f64, 0.5_f64);
        let plain = h * (9.5_f64.sqrt() - 2.9) + 0.25;
        let value = ((1.0 - x * h) * x + 0.5 * x - 3.0) / (2.0 / x) + plain;
        // d/dx of ½(1.5x² − 0.5x³ − 3x)
        let slope = 0.5 * (3.0 * x - 1.5 * x * x - 3.0);
        assert!((mixed(x, 4) - value).abs() < 1e-15);
        let dual = mixed(Dual::variable(x), 4);
        let tape = ScalarTape::new();
        let leaf = tape.variable(x);
        let by_tape = mixed(leaf, 4).backward().of(leaf);
        for (found, wanted) in [(dual.value, value), (dual.slope, slope), (by_tape, slope)] {
            assert!((found - wanted).abs() < 2e-15, "{found} {wanted}");
        }
    }

    #[test]
    fn logsumexp_of_large_and_of_no_numbers() {
        assert_eq!(f64::logsumexp(&[1000.0, 1000.0]), 1000.0 + 2.0_f64.ln());
        assert_eq!(f64::logsumexp(&[]), f64::NEG_INFINITY);
        assert_eq!(f64::logsumexp(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(f64::logsumexp(&[f64::NAN, 1.0]).is_nan());
    }
}
