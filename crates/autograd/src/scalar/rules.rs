//! The slope of every operation, once for both modes.
//!
//! An operation y = f(a, b) on numbers that carry derivatives has to say two things: the value y, and
//! how fast y moves with a and with b. What becomes of the slopes is the affair of the number: a
//! [`Dual`](super::Dual) multiplies them with what it carries, a [`Scalar`](super::Scalar) writes
//! them down. The slopes are numbers of the kind underneath, so if those carry derivatives, the
//! derivative of the derivative is computed in the same line.

use super::function::Function;
use super::real::{Arithmetic, Real, same_length};

/// A number that carries derivatives: all that the rules need to know of it.
///
/// Whoever implements this, and the operators by [`scalar_operators!`](crate::scalar_operators), is
/// [`Real`].
pub trait Chain: Arithmetic {
    /// The numbers it is made of.
    type Inner: Real;

    /// The value, without what this level carries.
    fn inner(self) -> Self::Inner;

    /// A number of this value that carries nothing.
    #[must_use]
    fn still(value: Self::Inner) -> Self;

    /// Whether nothing is carried, so that no slope with respect to this counts.
    fn is_constant(self) -> bool;

    /// y = f(self), which moves `slope` times as fast as `self`.
    #[must_use]
    fn unary(self, y: Self::Inner, slope: Self::Inner) -> Self;

    /// y = f(self, other), and how fast it moves with each.
    #[must_use]
    fn binary(self, other: Self, y: Self::Inner, slopes: [Self::Inner; 2]) -> Self;

    /// y as a function of `count` terms: `term(i)` is the i-th, and how fast y moves with it.
    #[must_use]
    fn nary<'a>(
        y: Self::Inner,
        count: usize,
        term: impl Fn(usize) -> (&'a Self, Self::Inner),
    ) -> Self
    where
        Self: 'a,
    {
        // Each term is a step on the way, which has the value of the end all along.
        (0..count).fold(Self::still(y), |sum, i| {
            let (term, slope) = term(i);
            sum.binary(*term, y, [1.0.into(), slope])
        })
    }

    /// The first result of f(x), of which nothing but the slopes has to be kept.
    #[must_use]
    fn preaccumulated<F: Function>(f: &F, x: &[Self]) -> Self {
        let mut y = [0.0.into()];
        f.eval(x, &mut y);
        y[0]
    }
}

/// The table: for every function its value y and its slope, in terms of x or, where that is cheaper, y.
impl<C: Chain> Real for C {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn to_f64(self) -> f64 {
        self.inner().to_f64()
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_zero(self) -> bool {
        self.is_constant() && self.inner().is_zero()
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_one(self) -> bool {
        self.is_constant() && self.inner().is_one()
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn abs(self) -> Self {
        let x = self.inner();
        self.unary(x.abs(), x.sign())
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sign(self) -> Self {
        self.unary(self.inner().sign(), 0.0.into())
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn recip(self) -> Self {
        let y = self.inner().recip();
        self.unary(y, -y.square())
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sqrt(self) -> Self {
        let y = self.inner().sqrt();
        self.unary(y, y.recip() * 0.5)
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn exp(self) -> Self {
        let y = self.inner().exp();
        self.unary(y, y)
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn log(self) -> Self {
        let x = self.inner();
        self.unary(x.log(), x.recip())
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn log1p(self) -> Self {
        let x = self.inner();
        self.unary(x.log1p(), (x + 1.0).recip())
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sin(self) -> Self {
        let (sin, cos) = self.inner().sin_cos();
        self.unary(sin, cos)
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn cos(self) -> Self {
        let (sin, cos) = self.inner().sin_cos();
        self.unary(cos, -sin)
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sin_cos(self) -> (Self, Self) {
        let (sin, cos) = self.inner().sin_cos();
        (self.unary(sin, cos), self.unary(cos, -sin))
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn atan(self) -> Self {
        let x = self.inner();
        self.unary(x.atan(), (x * x + 1.0).recip())
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tanh(self) -> Self {
        let y = self.inner().tanh();
        self.unary(y, -(y * y) + 1.0)
    }
    #[inline]
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
    #[inline]
    fn powf(self, exponent: f64) -> Self {
        let x = self.inner();
        let slope = if exponent == 0.0 {
            0.0.into()
        } else {
            x.powf(exponent - 1.0) * exponent
        };
        self.unary(x.powf(exponent), slope)
    }
    #[inline]
    fn pow(self, exponent: Self) -> Self {
        let (a, b) = (self.inner(), exponent.inner());
        let y = a.pow(b);
        // A constant exponent leaves the logarithm alone, which a negative number has not got. At
        // a = 0 ≤ b stands the limit 0.
        let is_limit = a == 0.0 && b >= 0.0;
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sigmoid(self) -> Self {
        let y = self.inner().sigmoid();
        self.unary(y, y * (-y + 1.0))
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hypot(self, other: Self) -> Self {
        let (a, b) = (self.inner(), other.inner());
        let y = a.hypot(b);
        let slope = |of: C::Inner| if y == 0.0 { 0.0.into() } else { of / y };
        self.binary(other, y, [slope(a), slope(b)])
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn rhypot(self, other: Self) -> Self {
        let (a, b) = (self.inner(), other.inner());
        self.binary(other, a.rhypot(b), a.rhypot_slopes(b))
    }
    /// An operation for each slope, so that a tape around a tape records no more.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn rhypot_slopes(self, other: Self) -> [Self; 2] {
        let (a, b) = (self.inner(), other.inner());
        let y = a.rhypot(b);
        let (cube, third) = (y * y.square(), y.square() * 3.0);
        let (of_a, of_b) = (a * cube, b * cube);
        let mixed = of_a * b * third;
        let slopes = [
            [of_a * a * third - cube, mixed],
            [mixed, of_b * b * third - cube],
        ];
        [
            self.binary(other, -of_a, slopes[0]),
            self.binary(other, -of_b, slopes[1]),
        ]
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn square(self) -> Self {
        let x = self.inner();
        self.unary(x.square(), x * 2.0)
    }
    #[inline]
    fn logsumexp(terms: &[Self]) -> Self {
        let inner: Vec<C::Inner> = terms.iter().map(|x| x.inner()).collect();
        let y = C::Inner::logsumexp(&inner);
        Self::nary(y, terms.len(), |i| (&terms[i], (inner[i] - y).exp()))
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn dot(a: &[Self], b: &[Self]) -> Self {
        same_length(a.len(), b.len());
        let mut y = C::Inner::from(0.0);
        for (a, b) in a.iter().zip(b) {
            y = y.joined(a.inner() * b.inner());
        }
        let n = a.len();
        Self::nary(y, 2 * n, |i| match i < n {
            true => (&a[i], b[i].inner()),
            false => (&b[i - n], a[i - n].inner()),
        })
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn linear(weights: &[f64], x: &[Self]) -> Self {
        same_length(weights.len(), x.len());
        let mut y = C::Inner::from(0.0);
        for (w, x) in weights.iter().zip(x) {
            y = y.joined(x.inner() * *w);
        }
        Self::nary(y, x.len(), |i| (&x[i], weights[i].into()))
    }
    fn region<F: Function>(f: &F, x: &[Self]) -> Self {
        Self::preaccumulated(f, x)
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn max(self, other: Self) -> Self {
        let (a, b) = (self.inner(), other.inner());
        if a < b || b < a {
            return if a < b { other } else { self };
        }
        self.binary(other, a.max(b), shares(a == b))
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
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

/// The operators of a number that carries derivatives, among themselves and with constants. They are
/// always inlined: compiled by themselves they would know nothing of the vectors around them. Not so in
/// debug builds, where what is inlined fills the stack.
///
/// `scalar_operators!([R: Real] Dual<R>)` starts with
///
/// ```ignore
/// impl<R: Real> Add for Dual<R> {
///     type Output = Self;
///     #[cfg_attr(not(debug_assertions), inline(always))]
///     fn add(self, other: Self) -> Self {
///         let (a, b) = (self.inner(), other.inner());
///         self.binary(other, a + b, [1.0.into(), 1.0.into()])
///     }
/// }
/// ```
#[macro_export]
macro_rules! scalar_operators {
    ([$($parameters:tt)*] $number:ty) => {
        $crate::scalar_operators!(@ [$($parameters)*] $number, Add, add, AddAssign, add_assign, |a, b| a + b, [1.0.into(), 1.0.into()]);
        $crate::scalar_operators!(@ [$($parameters)*] $number, Sub, sub, SubAssign, sub_assign, |a, b| a - b, [1.0.into(), (-1.0).into()]);
        $crate::scalar_operators!(@ [$($parameters)*] $number, Mul, mul, MulAssign, mul_assign, |a, b| a * b, [b, a]);
        $crate::scalar_operators!(@ [$($parameters)*] $number, Div, div, DivAssign, div_assign, |a, b| a / b, {
            let r = $crate::scalar::Real::recip(b);
            [r, -(a * r * r)]
        });
        $crate::scalar_operators!(@constant [$($parameters)*] $number, Add, add, AddAssign, add_assign, |x, c| x + c, 1.0.into());
        $crate::scalar_operators!(@constant [$($parameters)*] $number, Sub, sub, SubAssign, sub_assign, |x, c| x - c, 1.0.into());
        $crate::scalar_operators!(@constant [$($parameters)*] $number, Mul, mul, MulAssign, mul_assign, |x, c| x * c, c.into());
        $crate::scalar_operators!(@constant [$($parameters)*] $number, Div, div, DivAssign, div_assign, |x, c| x / c, c.recip().into());
        $crate::scalar_operators!(@left [$($parameters)*] $number, Add, add, |c, x| c + x, 1.0.into());
        $crate::scalar_operators!(@left [$($parameters)*] $number, Sub, sub, |c, x| c - x, (-1.0).into());
        $crate::scalar_operators!(@left [$($parameters)*] $number, Mul, mul, |c, x| c * x, c.into());
        $crate::scalar_operators!(@left [$($parameters)*] $number, Div, div, |c, x| c / x, {
            let r = $crate::scalar::Real::recip(x);
            -(c * r * r)
        });

        impl<$($parameters)*> $crate::scalar::Arithmetic for $number {}

        impl<$($parameters)*> std::ops::Neg for $number {
            type Output = Self;
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn neg(self) -> Self {
                use $crate::scalar::Chain;
                self.unary(-self.inner(), (-1.0).into())
            }
        }
        impl<$($parameters)*> PartialEq for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn eq(&self, other: &Self) -> bool {
                use $crate::scalar::Chain;
                self.inner() == other.inner()
            }
        }
        impl<$($parameters)*> PartialOrd for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                use $crate::scalar::Chain;
                self.inner().partial_cmp(&other.inner())
            }
        }
        impl<$($parameters)*> PartialEq<f64> for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn eq(&self, other: &f64) -> bool {
                use $crate::scalar::Chain;
                self.inner() == *other
            }
        }
        impl<$($parameters)*> PartialOrd<f64> for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn partial_cmp(&self, other: &f64) -> Option<std::cmp::Ordering> {
                use $crate::scalar::Chain;
                self.inner().partial_cmp(other)
            }
        }
        impl<$($parameters)*> std::iter::Sum for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                terms.reduce(|a, b| a + b).unwrap_or_else(|| 0.0.into())
            }
        }
    };
    (@ [$($parameters:tt)*] $number:ty, $trait:ident, $method:ident, $assign:ident, $assign_method:ident, |$a:ident, $b:ident| $y:expr, $slopes:expr) => {
        impl<$($parameters)*> std::ops::$trait for $number {
            type Output = Self;
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $method(self, other: Self) -> Self {
                use $crate::scalar::Chain;
                let ($a, $b) = (self.inner(), other.inner());
                self.binary(other, $y, $slopes)
            }
        }
        impl<$($parameters)*> std::ops::$assign for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $assign_method(&mut self, other: Self) {
                *self = std::ops::$trait::$method(*self, other);
            }
        }
    };
    (@constant [$($parameters:tt)*] $number:ty, $trait:ident, $method:ident, $assign:ident, $assign_method:ident, |$x:ident, $c:ident| $y:expr, $slope:expr) => {
        impl<$($parameters)*> std::ops::$trait<f64> for $number {
            type Output = Self;
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $method(self, $c: f64) -> Self {
                use $crate::scalar::Chain;
                let $x = self.inner();
                self.unary($y, $slope)
            }
        }
        impl<$($parameters)*> std::ops::$assign<f64> for $number {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $assign_method(&mut self, other: f64) {
                *self = std::ops::$trait::$method(*self, other);
            }
        }
    };
    (@left [$($parameters:tt)*] $number:ty, $trait:ident, $method:ident, |$c:ident, $x:ident| $y:expr, $slope:expr) => {
        impl<$($parameters)*> std::ops::$trait<$number> for f64 {
            type Output = $number;
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $method(self, other: $number) -> $number {
                use $crate::scalar::Chain;
                let ($c, $x) = (self, other.inner());
                other.unary($y, $slope)
            }
        }
    };
}

pub(super) use scalar_operators;
