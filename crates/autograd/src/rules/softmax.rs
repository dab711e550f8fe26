//! Exponentials as shares of their sum.
//!
//! ```text
//! yᵢ = exp xᵢ / Σⱼ exp xⱼ        x̄ = y·(g − Σ g·y)
//! ```

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{Float, OrPanic, Shape, Tensor, keep};

use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// The shares along an axis. Only the output is needed for the rule.
#[derive(Clone, Copy, Debug)]
struct Softmax {
    axis: usize,
}

impl<T: Float> Primitive<T> for Softmax {
    fn name(&self) -> Cow<'static, str> {
        "softmax".into()
    }
    fn forward(&self, x: &[&Tensor<T>]) -> Tensor<T> {
        static SHARE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("softmax", |[x, log_sum]: [Expr; 2]| (x - log_sum).exp())
        });
        SHARE.forward(&[x[0], &log_sum(x[0], self.axis)])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs<T>, y: &Output<T>, g: &Var<T>) -> Cotangents<T> {
        static PRODUCT: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("softmax.weighed", |[y, g]: [Expr; 2]| y * g));
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("softmax.vjp", |[y, g, mean]: [Expr; 3]| y * (g - mean))
        });
        let mean = PRODUCT.apply_sum(&[y, g], keep(self.axis as isize));
        one(SLOPE.apply(&[y, g, &mean]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = exp x / Σ exp x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = y·(g − Σ g·y)".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        5 * x[0].elements() as u64
    }
}

/// The logarithms of the shares.
#[derive(Clone, Copy, Debug)]
struct LogSoftmax {
    axis: usize,
}

impl<T: Float> Primitive<T> for LogSoftmax {
    fn name(&self) -> Cow<'static, str> {
        "log_softmax".into()
    }
    fn forward(&self, x: &[&Tensor<T>]) -> Tensor<T> {
        x[0] - &log_sum(x[0], self.axis)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs<T>, y: &Output<T>, g: &Var<T>) -> Cotangents<T> {
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("log_softmax.vjp", |[y, g, sum]: [Expr; 3]| {
                g - y.exp() * sum
            })
        });
        one(SLOPE.apply(&[y, g, &g.sum(keep(self.axis as isize))]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x − log Σ exp x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g − exp y·Σ g".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        4 * x[0].elements() as u64
    }
}

/// log Σ exp along an axis that stays; nothing has no sum and needs none.
fn log_sum<T: Float>(x: &Tensor<T>, axis: usize) -> Tensor<T> {
    if x.elements() == 0 {
        return Tensor::zeros(x.shape().with(axis, 1));
    }
    x.logsumexp(keep(axis as isize))
}

impl<T: Float> Var<T> {
    /// exp x as shares of its sum along `axis`: positive numbers that add up to 1.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn softmax(&self, axis: isize) -> Self {
        let axis = self.shape().axis("softmax", axis).or_panic();
        Self::apply(Softmax { axis }, &[self])
    }

    /// The logarithm of [`softmax`](Self::softmax), exact where that is close to 0.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let axis = self.shape().axis("log_softmax", axis).or_panic();
        Self::apply(LogSoftmax { axis }, &[self])
    }

    /// The softmax of −x: the smallest has the largest share.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn softmin(&self, axis: isize) -> Self {
        let axis = self.shape().axis("softmin", axis).or_panic();
        Self::apply(Softmax { axis }, &[&-self])
    }
}
