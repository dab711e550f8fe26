//! The slope of every operation, once for both modes.
//!
//! An operation y = f(a, b) on numbers that carry derivatives has to say two things: the value y, and
//! how fast y moves with a and with b. What becomes of the slopes is the affair of the number: a
//! [`Dual`](super::Dual) multiplies them with what it carries, a [`Scalar`](super::Scalar) writes
//! them down. The slopes are numbers of the kind underneath, so if those carry derivatives, the
//! derivative of the derivative is computed in the same line.

use retrograd_tensor::Float;

use super::real::{Arithmetic, Real};

/// A number that carries derivatives: all that the rules need to know of it.
///
/// Whoever implements this, and the operators, is [`Real`].
pub trait Chain: Arithmetic {
    /// The numbers it is made of.
    type Inner: Real;

    /// The value, without what this level carries.
    fn inner(self) -> Self::Inner;

    /// Whether nothing is carried, so that no slope with respect to this counts.
    fn is_constant(self) -> bool;

    /// y = f(self), which moves `slope` times as fast as `self`.
    #[must_use]
    fn unary(self, y: Self::Inner, slope: Self::Inner) -> Self;

    /// y = f(self, other), and how fast it moves with each.
    #[must_use]
    fn binary(self, other: Self, y: Self::Inner, slopes: [Self::Inner; 2]) -> Self;
}

/// The table: for every function its value y and its slope, in terms of x or, where that is cheaper, y.
impl<C: Chain> Real for C {
    fn to_f64(self) -> f64 {
        self.inner().to_f64()
    }
    fn is_zero(self) -> bool {
        self.is_constant() && self.inner().is_zero()
    }
    fn abs(self) -> Self {
        let x = self.inner();
        self.unary(x.abs(), Float::sign(x.to_f64()).into())
    }
    fn recip(self) -> Self {
        let y = self.inner().recip();
        self.unary(y, -(y * y))
    }
    fn sqrt(self) -> Self {
        let y = self.inner().sqrt();
        self.unary(y, y.recip() * 0.5)
    }
    fn exp(self) -> Self {
        let y = self.inner().exp();
        self.unary(y, y)
    }
    fn log(self) -> Self {
        let x = self.inner();
        self.unary(x.log(), x.recip())
    }
    fn log1p(self) -> Self {
        let x = self.inner();
        self.unary(x.log1p(), (x + 1.0).recip())
    }
    fn sin(self) -> Self {
        let x = self.inner();
        self.unary(x.sin(), x.cos())
    }
    fn cos(self) -> Self {
        let x = self.inner();
        self.unary(x.cos(), -x.sin())
    }
    fn atan(self) -> Self {
        let x = self.inner();
        self.unary(x.atan(), (x * x + 1.0).recip())
    }
    fn tanh(self) -> Self {
        let y = self.inner().tanh();
        self.unary(y, -(y * y) + 1.0)
    }
    fn powi(self, exponent: i32) -> Self {
        let x = self.inner();
        // The slope of x⁰ is 0 everywhere, also where 1/x is not finite.
        let slope = if exponent == 0 {
            0.0.into()
        } else {
            x.powi(exponent - 1) * f64::from(exponent)
        };
        self.unary(x.powi(exponent), slope)
    }
    fn powf(self, exponent: f64) -> Self {
        let x = self.inner();
        let slope = if exponent == 0.0 {
            0.0.into()
        } else {
            x.powf(exponent - 1.0) * exponent
        };
        self.unary(x.powf(exponent), slope)
    }
    fn pow(self, exponent: Self) -> Self {
        let (a, b) = (self.inner(), exponent.inner());
        let y = a.pow(b);
        // A constant exponent leaves the logarithm alone, which a negative number has not got. At
        // a = 0 ≤ b stands the limit 0.
        let is_limit = a.to_f64() == 0.0 && b.to_f64() >= 0.0;
        let of_exponent = if exponent.is_constant() || is_limit {
            0.0.into()
        } else {
            y * a.log()
        };
        // a⁰ is 1 for every a, where aᵇ⁻¹ may be infinite.
        let of_base = if exponent.is_constant() && b.is_zero() {
            0.0.into()
        } else {
            b * a.pow(b - 1.0)
        };
        self.binary(exponent, y, [of_base, of_exponent])
    }
    fn max(self, other: Self) -> Self {
        let (a, b) = (self.inner(), other.inner());
        if a < b || b < a {
            return if a < b { other } else { self };
        }
        self.binary(other, a.max(b), shares(a == b))
    }
    fn min(self, other: Self) -> Self {
        let (a, b) = (self.inner(), other.inner());
        if a < b || b < a {
            return if a < b { self } else { other };
        }
        self.binary(other, a.min(b), shares(a == b))
    }
}

/// What two numbers get of their extremum: half each if they are equal; where one is NaN, it
/// does not matter.
fn shares<R: Real>(tie: bool) -> [R; 2] {
    if tie {
        [0.5.into(), 0.5.into()]
    } else {
        [0.0.into(), 1.0.into()]
    }
}

/// The operators of a number that carries derivatives, among themselves and with constants.
///
/// `operators!([R: Real] Dual<R>)` starts with
///
/// ```ignore
/// impl<R: Real> Add for Dual<R> {
///     type Output = Self;
///     #[inline]
///     fn add(self, other: Self) -> Self {
///         let (a, b) = (self.inner(), other.inner());
///         self.binary(other, a + b, [1.0.into(), 1.0.into()])
///     }
/// }
/// ```
macro_rules! operators {
    ([$($parameters:tt)*] $number:ty) => {
        operators!(@ [$($parameters)*] $number, Add, add, |a, b| a + b, [1.0.into(), 1.0.into()]);
        operators!(@ [$($parameters)*] $number, Sub, sub, |a, b| a - b, [1.0.into(), (-1.0).into()]);
        operators!(@ [$($parameters)*] $number, Mul, mul, |a, b| a * b, [b, a]);
        operators!(@ [$($parameters)*] $number, Div, div, |a, b| a / b, {
            let r = b.recip();
            [r, -(a * r * r)]
        });
        operators!(@constant [$($parameters)*] $number, Add, add, |x, c| x + c, 1.0.into());
        operators!(@constant [$($parameters)*] $number, Sub, sub, |x, c| x - c, 1.0.into());
        operators!(@constant [$($parameters)*] $number, Mul, mul, |x, c| x * c, c.into());
        operators!(@constant [$($parameters)*] $number, Div, div, |x, c| x / c, c.recip().into());

        impl<$($parameters)*> super::real::Arithmetic for $number {}

        impl<$($parameters)*> std::ops::Neg for $number {
            type Output = Self;
            #[inline]
            fn neg(self) -> Self {
                self.unary(-self.inner(), (-1.0).into())
            }
        }
        impl<$($parameters)*> PartialEq for $number {
            fn eq(&self, other: &Self) -> bool {
                self.inner() == other.inner()
            }
        }
        impl<$($parameters)*> PartialOrd for $number {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                self.inner().partial_cmp(&other.inner())
            }
        }
        impl<$($parameters)*> std::iter::Sum for $number {
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                terms.reduce(|a, b| a + b).unwrap_or_else(|| 0.0.into())
            }
        }
    };
    (@ [$($parameters:tt)*] $number:ty, $trait:ident, $method:ident, |$a:ident, $b:ident| $y:expr, $slopes:expr) => {
        impl<$($parameters)*> std::ops::$trait for $number {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self.inner(), other.inner());
                self.binary(other, $y, $slopes)
            }
        }
        impl<$($parameters)*> std::ops::$trait<$number> for f64 {
            type Output = $number;
            #[inline]
            fn $method(self, other: $number) -> $number {
                std::ops::$trait::$method(<$number>::from(self), other)
            }
        }
    };
    (@constant [$($parameters:tt)*] $number:ty, $trait:ident, $method:ident, |$x:ident, $c:ident| $y:expr, $slope:expr) => {
        impl<$($parameters)*> std::ops::$trait<f64> for $number {
            type Output = Self;
            #[inline]
            fn $method(self, $c: f64) -> Self {
                let $x = self.inner();
                self.unary($y, $slope)
            }
        }
    };
}

pub(super) use operators;
