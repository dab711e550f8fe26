//! Elementwise arithmetic and functions. Each is one formula; see [`crate::calculus`].

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::LazyLock;

use super::pair::{at_least, at_most};
use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

/// `functions! { exp, |x| x.exp(), "eˣ."; }` gives `Var` the method `exp`: one formula, one node.
macro_rules! functions {
    ($($(#[$alias:meta])* $method:ident, |$x:ident| $formula:expr, $doc:literal;)*) => {
        impl Var {
            $(
                #[doc = $doc]
                $(#[$alias])*
                #[track_caller]
                #[must_use]
                pub fn $method(&self) -> Self {
                    static FORMULA: LazyLock<Pointwise> =
                        LazyLock::new(|| Pointwise::new(stringify!($method), |[$x]: [Expr; 1]| $formula));
                    FORMULA.apply(&[self])
                }
            )*
        }
    };
}
pub(super) use functions;

functions! {
    #[doc(alias = "absolute")]
    abs, |x| x.abs(), "Absolute value; the derivative at 0 is 0.";
    sign, |x| x.sign(), "−1, 0 or 1; the derivative is 0.";
    #[doc(alias = "reciprocal")]
    recip, |x| x.recip(), "1/x.";
    square, |x| x.square(), "x².";
    sqrt, |x| x.sqrt(), "√x.";
    exp, |x| x.exp(), "eˣ.";
    expm1, |x| x.expm1(), "eˣ − 1, accurate near 0.";
    #[doc(alias = "ln")]
    log, |x| x.log(), "Natural logarithm.";
    log1p, |x| x.log1p(), "log(1 + x), accurate near 0.";
    sin, |x| x.sin(), "Sine of radians.";
    cos, |x| x.cos(), "Cosine of radians.";
    tanh, |x| x.tanh(), "Hyperbolic tangent.";
    #[doc(alias = "expit")]
    #[doc(alias = "logistic")]
    sigmoid, |x| x.sigmoid(), "1 / (1 + e⁻ˣ).";
    softplus, |x| x.softplus(), "log(1 + eˣ).";
    erf, |x| x.erf(), "Error function.";
}

/// `pairs! { pow, |a, b| a.pow(b), "..."; }` gives `Var` the method `pow` of two Vars.
macro_rules! pairs {
    ($($(#[$alias:meta])* $method:ident, |$a:ident, $b:ident| $formula:expr, $doc:literal;)*) => {
        impl Var {
            $(
                #[doc = $doc]
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                $(#[$alias])*
                #[track_caller]
                #[must_use]
                pub fn $method(&self, other: &Self) -> Self {
                    static FORMULA: LazyLock<Pointwise> =
                        LazyLock::new(|| Pointwise::new(stringify!($method), |[$a, $b]: [Expr; 2]| $formula));
                    FORMULA.apply(&[self, other])
                }
            )*
        }
    };
}

pub(super) use pairs;

pairs! {
    maximum, |a, b| a.max(b), "The larger of each pair; a tie shares the derivative.";
    minimum, |a, b| a.min(b), "The smaller of each pair; a tie shares the derivative.";
    #[doc(alias = "power")]
    pow, |a, b| a.pow(b), "`self` to the power `other`.";
}

impl Var {
    /// `a` where `condition` is not 0, else `b`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[doc(alias = "select")]
    #[track_caller]
    #[must_use]
    pub fn where_(condition: &Self, a: &Self, b: &Self) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("where", |[c, a, b]: [Expr; 3]| Expr::select(&c, &a, &b))
        });
        FORMULA.apply(&[condition, a, b])
    }

    /// `self` to a fixed power.
    #[doc(alias = "float_power")]
    #[track_caller]
    #[must_use]
    pub fn powf(&self, exponent: f64) -> Self {
        self.pow(&self.scalar_like(exponent))
    }

    /// Every element moved into `[low, high]`; the derivative is 1 inside and at the ends. `high` wins
    /// where the ends are crossed.
    ///
    /// # Panics
    /// If an end is NaN.
    #[doc(alias = "clip")]
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        assert!(
            !low.is_nan() && !high.is_nan(),
            "clamp: the ends are {low} and {high}; use infinity for an end that is open"
        );
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("clamp", |[x, low, high]: [Expr; 3]| {
                at_most(&at_least(&x, &low), &high)
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(low), &self.scalar_like(high)])
    }
}

/// `operator!(Add, add, +)` implements `+` among `Var`, `&Var` and `f64`.
macro_rules! operator {
    ($trait:ident, $method:ident, $symbol:tt) => {
        impl $trait<&Var> for &Var {
            type Output = Var;
            #[track_caller]
            fn $method(self, other: &Var) -> Var {
                static FORMULA: LazyLock<Pointwise> =
                    LazyLock::new(|| Pointwise::new(stringify!($method), |[a, b]: [Expr; 2]| a $symbol b));
                FORMULA.apply(&[self, other])
            }
        }
        operator!(@ $trait, $method, Var, Var, |a, b| (&a, &b));
        operator!(@ $trait, $method, Var, &Var, |a, b| (&a, b));
        operator!(@ $trait, $method, &Var, Var, |a, b| (a, &b));
        operator!(@ $trait, $method, Var, f64, |a, b| (&a, &a.scalar_like(b)));
        operator!(@ $trait, $method, &Var, f64, |a, b| (a, &a.scalar_like(b)));
        operator!(@ $trait, $method, f64, Var, |a, b| (&b.scalar_like(a), &b));
        operator!(@ $trait, $method, f64, &Var, |a, b| (&b.scalar_like(a), b));
    };
    (@ $trait:ident, $method:ident, $left:ty, $right:ty, |$a:ident, $b:ident| ($x:expr, $y:expr)) => {
        impl $trait<$right> for $left {
            type Output = Var;
            #[track_caller]
            fn $method(self, $b: $right) -> Var {
                let $a = self;
                <&Var as $trait<&Var>>::$method($x, $y)
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl Neg for &Var {
    type Output = Var;
    #[track_caller]
    fn neg(self) -> Var {
        static FORMULA: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("neg", |[x]: [Expr; 1]| -x));
        FORMULA.apply(&[self])
    }
}

impl Neg for Var {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        -&self
    }
}
