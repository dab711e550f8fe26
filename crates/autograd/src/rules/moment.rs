//! Variances and standard deviations.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{Axes, Float, ReducedAxes, Shape, Tensor, keep};

use super::arithmetic::number;
use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Σ (x − m)² along axes, m the mean along them. The mean is where this is smallest, so moving it
/// changes nothing and the rule has no part for it.
#[derive(Clone, Copy, Debug)]
struct Scatter(ReducedAxes);

impl<T: Float> Primitive<T> for Scatter {
    fn name(&self) -> Cow<'static, str> {
        "scatter_around_mean".into()
    }
    fn forward(&self, x: &[&Tensor<T>]) -> Tensor<T> {
        let mean = Var::constant(x[0].mean(keep(self.0.to_axes())));
        let x = Var::constant(x[0].clone());
        let sum = SQUARE.apply_sum(&[&x, &mean], self.0.to_axes());
        sum.into_value()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs<T>, _y: &Output<T>, g: &Var<T>) -> Cotangents<T> {
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("scatter_around_mean.vjp", |[x, m, g]: [Expr; 3]| {
                2.0 * g * (x - m)
            })
        });
        let mean = x[0].mean(keep(self.0.to_axes()));
        let g = g.with_shape(self.0.kept(x.shape(0)));
        one(SLOPE.apply(&[&x[0], &mean, &g]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = Σ (x − mean x)²".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = 2g·(x − mean x)".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        4 * x[0].elements() as u64
    }
}

static SQUARE: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("scatter_around_mean", |[x, m]: [Expr; 2]| (x - m).square()));

impl<T: Float> Var<T> {
    /// Variance along axes: Σ (x − mean)² / (n − `correction`). A correction of 1 makes it unbiased
    /// where the mean is estimated from the same numbers (Bessel), 0 is that of the numbers as they
    /// are.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn var(&self, axes: impl Into<Axes>, correction: f64) -> Self {
        let axes = self.reduced("var", axes);
        let count = axes.count(self.shape()) as f64;
        let freedom = (count - correction).max(0.0);
        Self::apply(Scatter(axes), &[self]) / number(freedom)
    }

    /// Standard deviation along axes, the root of [`var`](Self::var); its derivative at 0 is 0.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn std(&self, axes: impl Into<Axes>, correction: f64) -> Self {
        self.var(axes, correction).root()
    }

    /// √x with derivative 0 at 0, where what it is the size of has no direction.
    #[track_caller]
    pub(super) fn root(&self) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("root", |[x]: [Expr; 1]| {
                Expr::select(&x.equal(0.0), &Expr::from(0.0), &x.sqrt())
            })
        });
        FORMULA.apply(&[self])
    }
}
