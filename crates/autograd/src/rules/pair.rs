//! More functions of two and three numbers. Each is one formula; see [`crate::calculus`].

use std::sync::LazyLock;

use super::arithmetic::pairs;
use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

pairs! {
    #[doc(alias = "arctan2")]
    atan2, |a, b| a.atan2(b), "The angle in radians of the point (`other`, `self`), in `[−π, π]`.";
    hypot, |a, b| a.hypot(b), "√(a² + b²) without overflow; the derivative at the origin is 0.";
    logaddexp, |a, b| logaddexp(&a, &b), "log(eᵃ + eᵇ), without overflow.";
    xlogy, |a, b| xlogy(&a, &b), "a·log b, 0 at a = 0.";
    fmax, |a, b| Expr::select(&b.less_equal(&a).logical_or(b.is_nan()), &a, &b), "The larger of each pair, the other one where one is NaN; a tie is `self`'s.";
    fmin, |a, b| Expr::select(&a.less_equal(&b).logical_or(b.is_nan()), &a, &b), "The smaller of each pair, the other one where one is NaN; a tie is `self`'s.";
    clamp_min, |x, low| at_least(&x, &low), "x, or `other` where that is larger; at a tie the derivative is x's.";
    clamp_max, |x, high| at_most(&x, &high), "x, or `other` where that is smaller; at a tie the derivative is x's.";
    remainder, |a, b| a.remainder(b), "a − b·⌊a/b⌋, which has the sign of b or is 0; NaN for b = 0. The slopes are 1 and −⌊a/b⌋.";
}

/// The larger plus log(1 + e^−|difference|), whose slopes are smooth although the choice is not.
/// Where both are the same infinity there is no difference.
fn logaddexp(a: &Expr, b: &Expr) -> Expr {
    let first_is_larger = a + (b - a).softplus();
    let second_is_larger = b + (a - b).softplus();
    let larger = Expr::select(&a.less(b), &second_is_larger, &first_is_larger);
    let same_infinity = a.equal(b) * a.abs().equal(f64::INFINITY);
    Expr::select(&same_infinity, a, &larger)
}

/// a·log b, but 0 where a is 0 and the logarithm is infinite or no number.
fn xlogy(a: &Expr, b: &Expr) -> Expr {
    let no_logarithm = b.less_equal(0.0).logical_or(b.equal(f64::INFINITY));
    let nothing = a.equal(0.0) * no_logarithm;
    Expr::select(&nothing, &Expr::from(0.0), &(a * b.log()))
}

/// `low` where x is below. Written so that a NaN goes through as x.
pub(super) fn at_least(x: &Expr, low: &Expr) -> Expr {
    Expr::select(&x.less(low), low, x)
}

/// `high` where x is above.
pub(super) fn at_most(x: &Expr, high: &Expr) -> Expr {
    Expr::select(&high.less(x), high, x)
}

impl Var {
    /// Every element moved into `[low, high]`, ends of the same element each. The derivative is x's
    /// inside and at the ends, and that of an end beyond it; `high` wins where the ends are crossed,
    /// and an end that is NaN is open.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn clamp_between(&self, low: &Self, high: &Self) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("clamp_between", |[x, low, high]: [Expr; 3]| {
                at_most(&at_least(&x, &low), &high)
            })
        });
        FORMULA.apply(&[self, low, high])
    }

    /// a + w·(b − a): `self` at weight 0, `end` at weight 1, exactly.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn lerp(&self, end: &Self, weight: &Self) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("lerp", |[a, b, w]: [Expr; 3]| {
                let (from_a, from_b) = (&a + &w * (&b - &a), &b - (1.0 - &w) * (&b - &a));
                Expr::select(&w.less(0.5), &from_a, &from_b)
            })
        });
        FORMULA.apply(&[self, end, weight])
    }
}
