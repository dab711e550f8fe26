//! Variances and standard deviations.
//!
//! A mean that is large beside the deviations from it is rounded by about as much as they are. So all
//! numbers are taken from the first one of their group, which is exact where it matters: what is
//! far away from 0 and close together stays apart, and numbers that are all the same have variance 0.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{Axes, ReducedAxes, Shape, Tensor, keep};

use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

static FROM_FIRST: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("from_first", |[x, first]: [Expr; 2]| x - first));

/// The mean of each group as its first element and the mean's distance from there, with the axes
/// that are averaged left at size 1.
#[derive(Clone, Debug)]
pub(super) struct Centre<V> {
    pub(super) first: V,
    pub(super) distance: V,
}

impl Centre<Tensor> {
    pub(super) fn of(x: &Tensor, axes: ReducedAxes) -> Self {
        let first = first(x, axes);
        let sum = FROM_FIRST.sum_of(&[x, &first], first.shape());
        let count = axes.count(x.shape()) as f64;
        let distance = sum / count;
        Self { first, distance }
    }

    pub(super) fn mean(&self) -> Tensor {
        &self.first + &self.distance
    }

    /// Σ (x − mean)², of numbers times `units`.
    pub(super) fn scatter(&self, x: &Tensor, units: &Tensor) -> Tensor {
        SQUARE.sum_of(&[x, &self.first, &self.distance, units], self.first.shape())
    }
}

impl Centre<Var> {
    /// The same as a function of `x`. Which element is the first makes no difference to the mean, so
    /// it is a constant.
    pub(super) fn recorded(x: &Var, axes: ReducedAxes) -> Self {
        let first = match x.batch_size() {
            None => Var::constant(first(x.raw(), axes)),
            Some(_) => {
                let reduced = (0..x.rank()).filter(|&axis| axes.contains(axis));
                reduced.fold(x.stop_gradient(), |x, axis| x.slice(axis as isize, ..1))
            }
        };
        let count = x.scalar_like(axes.count(x.shape()) as f64);
        let distance = FROM_FIRST.apply_sum(&[x, &first], keep(axes.to_axes())) / count;
        Self { first, distance }
    }
}

/// The first element of each group; of groups of nothing, 0.
fn first(x: &Tensor, axes: ReducedAxes) -> Tensor {
    if x.elements() == 0 {
        return Tensor::zeros(axes.kept(x.shape()), x.dtype());
    }
    let reduced = (0..x.rank()).filter(|&axis| axes.contains(axis));
    let first = reduced.fold(x.clone(), |x, axis| x.slice(axis as isize, ..1));
    first.contiguous()
}

/// Σ (x − m)² along axes, m the mean along them. The mean is where this is smallest, so moving it
/// changes nothing and the rule has no part for it.
#[derive(Clone, Copy, Debug)]
struct Scatter(ReducedAxes);

impl Primitive for Scatter {
    fn name(&self) -> Cow<'static, str> {
        "scatter_around_mean".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let scatter = Centre::of(x[0], self.0).scatter(x[0], &x[0].scalar_like(1.0));
        scatter.with_shape(self.0.result(x[0].shape()))
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new(
                "scatter_around_mean.vjp",
                |[x, first, distance, g]: [Expr; 4]| 2.0 * g * (x - first - distance),
            )
        });
        let Centre { first, distance } = Centre::recorded(&x[0], self.0);
        let g = g.with_shape(self.0.kept(x.shape(0)));
        one(SLOPE.apply(&[&x[0], &first, &distance, &g]))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(Self(self.0.behind_batch()).forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = Σ (x − mean x)²".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = 2g·(x − mean x)".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        5 * x[0].elements() as u64
    }
}

static SQUARE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new(
        "scatter_around_mean",
        |[x, first, distance, unit]: [Expr; 4]| ((x - first - distance) * unit).square(),
    )
});

impl Var {
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
        Self::apply(Scatter(axes), &[self]) / self.scalar_like(freedom)
    }

    /// Standard deviation along axes, the root of [`var`](Self::var); its derivative at 0 is 0.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "reduce_std")]
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
