//! Comparisons, and conditions made of them: 1 for true and 0 for false, without a derivative. What
//! is not 0 counts as true, a NaN too. A number stands on the right as `&Tensor::scalar(0.5).into()`.

use std::sync::LazyLock;

use retrograd_tensor::Axes;

use super::arithmetic::{functions, pairs};
use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

pairs! {
    #[doc(alias = "lt")]
    less, |a, b| a.less(b), "1 where `self` < `other`, else 0.";
    #[doc(alias = "le")]
    #[doc(alias = "less_or_equal")]
    less_equal, |a, b| a.less_equal(b), "1 where `self` ≤ `other`, else 0.";
    #[doc(alias = "gt")]
    greater, |a, b| a.greater(b), "1 where `self` > `other`, else 0.";
    #[doc(alias = "ge")]
    greater_equal, |a, b| a.greater_equal(b), "1 where `self` ≥ `other`, else 0.";
    #[doc(alias = "eq")]
    equal, |a, b| a.equal(b), "1 where both are equal, else 0.";
    #[doc(alias = "ne")]
    not_equal, |a, b| a.not_equal(b), "0 where both are equal, else 1, as for NaN.";
    logical_and, |a, b| a.logical_and(b), "1 where neither is 0, else 0.";
    logical_or, |a, b| a.logical_or(b), "1 where one is not 0, else 0.";
}

functions! {
    logical_not, |x| x.logical_not(), "1 where x is 0, else 0.";
    is_nan, |x| x.is_nan(), "1 where x is NaN, else 0.";
    is_finite, |x| x.is_finite(), "1 where x is neither infinite nor NaN, else 0.";
}

impl Var {
    /// 1 where some element along the axes is not 0, else 0; 0 of nothing.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn any(&self, axes: impl Into<Axes>) -> Self {
        let zero = self.scalar_like(0.0);
        self.not_equal(&zero).sum(axes).not_equal(&zero)
    }

    /// 1 where no element along the axes is 0, else 0; 1 of nothing.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn all(&self, axes: impl Into<Axes>) -> Self {
        self.logical_not().sum(axes).logical_not()
    }
}
