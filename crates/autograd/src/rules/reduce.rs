//! Reductions along axes, and the broadcast that is the sum's adjoint.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{Axes, OrPanic, ReducedAxes, Shape, Tensor};

use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// The sum over axes. Its adjoint hands the cotangent to every summand.
#[derive(Clone, Copy, Debug)]
struct Sum(ReducedAxes);

impl Primitive for Sum {
    fn name(&self) -> Cow<'static, str> {
        "sum".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sum_resolved(self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g
            .with_shape(self.0.kept(x.shape(0)))
            .broadcast_to(*x.shape(0)))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(x[0].value.sum_resolved(self.0.behind_batch()))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = Σ x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g, stretched to x".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// The sum over whatever axes were stretched from this shape; the adjoint of broadcasting.
#[derive(Clone, Copy, Debug)]
struct SumTo(Shape);

impl Primitive for SumTo {
    fn name(&self) -> Cow<'static, str> {
        "sum_to".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sum_to(&self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.broadcast_to(*x.shape(0)))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let sum = x[0].value.sum_to(&x[0].behind(&self.0, x[0].rank()));
        Some(sum.with_shape(x[0].behind(&self.0, 0)))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = Σ x over the stretched axes".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g, stretched to x".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// Stretching to a shape. Its adjoint is the sum over what was stretched.
#[derive(Clone, Copy, Debug)]
struct BroadcastTo(Shape);

impl Primitive for BroadcastTo {
    fn name(&self) -> Cow<'static, str> {
        "broadcast_to".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].broadcast_to(self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.sum_to(x.shape(0)))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(
            x[0].aligned(self.0.rank())
                .broadcast_to(x[0].behind(&self.0, 0)),
        )
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x, stretched".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = Σ g over the stretched axes".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// The largest or smallest along axes; elements that tie for it share the cotangent equally.
#[derive(Clone, Copy, Debug)]
struct Extremum {
    axes: ReducedAxes,
    largest: bool,
}

impl Primitive for Extremum {
    fn name(&self) -> Cow<'static, str> {
        if self.largest { "max" } else { "min" }.into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let axes = self.axes.to_axes();
        if self.largest {
            x[0].max(axes)
        } else {
            x[0].min(axes)
        }
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let kept = self.axes.kept(x.shape(0));
        let chosen = x[0].equal(&y.with_shape(kept));
        let ties = chosen.sum_to(&kept);
        one(chosen * (g.with_shape(kept) / ties))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axes = self.axes.behind_batch();
        Some(Self { axes, ..*self }.forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        format!("y = {} x", if self.largest { "max" } else { "min" }).into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g where x = y, shared by those that tie".into()
    }
    fn attributes(&self) -> String {
        format!("{:?}", self.axes)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// log Σ exp along axes. Its slope is the softmax, exp(x − y).
#[derive(Clone, Copy, Debug)]
struct LogSumExp(ReducedAxes);

impl Primitive for LogSumExp {
    fn name(&self) -> Cow<'static, str> {
        "logsumexp".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].logsumexp(self.0.to_axes())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        // In a group of −∞ alone y is −∞ too; −∞ − (−∞) is no number, and the slope there is 0.
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("logsumexp.vjp", |[x, y, g]: [Expr; 3]| {
                Expr::select(
                    &x.equal(f64::NEG_INFINITY),
                    &Expr::from(0.0),
                    &(g * (x - y).exp()),
                )
            })
        });
        let kept = self.0.kept(x.shape(0));
        one(SLOPE.apply(&[&x[0], &y.with_shape(kept), &g.with_shape(kept)]))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(Self(self.0.behind_batch()).forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = log Σ exp(x)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g·exp(x − y)".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        3 * x[0].elements() as u64
    }
}

impl Var {
    /// Sum along axes: `x.sum(..)`, `x.sum(0)`, `x.sum(keep(-1))`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "reduce_sum")]
    #[track_caller]
    #[must_use]
    pub fn sum(&self, axes: impl Into<Axes>) -> Self {
        Self::apply(Sum(self.reduced("sum", axes)), &[self])
    }

    /// Arithmetic mean along axes; the mean of nothing is 0/0, a NaN.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "reduce_mean")]
    #[track_caller]
    #[must_use]
    pub fn mean(&self, axes: impl Into<Axes>) -> Self {
        let axes = self.reduced("mean", axes);
        let count = axes.count(self.shape()) as f64;
        Self::apply(Sum(axes), &[self]) / self.scalar_like(count)
    }

    /// Largest along axes; ties share the derivative.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[doc(alias = "amax")]
    #[track_caller]
    #[must_use]
    pub fn max(&self, axes: impl Into<Axes>) -> Self {
        Self::apply(
            Extremum {
                axes: self.reduced("max", axes),
                largest: true,
            },
            &[self],
        )
    }

    /// Smallest along axes; ties share the derivative.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[doc(alias = "amin")]
    #[track_caller]
    #[must_use]
    pub fn min(&self, axes: impl Into<Axes>) -> Self {
        Self::apply(
            Extremum {
                axes: self.reduced("min", axes),
                largest: false,
            },
            &[self],
        )
    }

    /// log Σ exp along axes, without overflow.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to sum.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axes: impl Into<Axes>) -> Self {
        Self::apply(LogSumExp(self.reduced("logsumexp", axes)), &[self])
    }

    /// Sum over whatever axes `shape` was stretched along; itself if nothing was.
    ///
    /// # Panics
    /// If `shape` does not stretch to this shape.
    #[doc(alias = "sum_to_size")]
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: &Shape) -> Self {
        if self.shape() == shape {
            self.clone()
        } else {
            Self::apply(SumTo(*shape), &[self])
        }
    }

    /// As [`sum_to`](Self::sum_to), for rules: what has the shape already is handed on.
    #[track_caller]
    pub(crate) fn into_sum_to(self, shape: &Shape) -> Self {
        if self.shape() == shape {
            self
        } else {
            self.sum_to(shape)
        }
    }

    /// Stretched to `shape`; itself if it has that shape.
    ///
    /// # Panics
    /// If this shape does not stretch to it.
    #[doc(alias = "expand_as")]
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if *self.shape() == shape {
            self.clone()
        } else {
            Self::apply(BroadcastTo(shape), &[self])
        }
    }

    #[track_caller]
    pub(super) fn reduced(&self, operation: &str, axes: impl Into<Axes>) -> ReducedAxes {
        ReducedAxes::new(operation, self.shape(), &axes.into()).or_panic()
    }
}
