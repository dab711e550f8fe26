//! Exponentials as shares of their sum.
//!
//! ```text
//! yᵢ = exp xᵢ / Σⱼ exp xⱼ        x̄ = y·(g − Σ g·y)
//! ```

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{OrPanic, Shape, Tensor, keep};

use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// The maximum is subtracted first and alone: with the logarithm of the sum added to it, its rounding
/// would be an error of all shares.
static WEIGHT: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("softmax", |[x, most]: [Expr; 2]| (x - most).exp()));

/// The shares along an axis. Only the output is needed for the rule.
#[derive(Clone, Copy, Debug)]
struct Softmax {
    axis: usize,
    /// Whether what is −∞ all along the axis has shares of 0, and not of 0/0.
    of_some: bool,
}

impl Softmax {
    fn new(axis: usize) -> Self {
        let of_some = false;
        Self { axis, of_some }
    }
}

impl Primitive for Softmax {
    fn name(&self) -> Cow<'static, str> {
        "softmax".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let mut most = most(x[0], self.axis);
        if self.of_some {
            most = most.map(|most| if most == -f64::INFINITY { 0.0 } else { most });
        }
        let weights = WEIGHT.forward(&[x[0], &most]);
        let mut sum = weights.sum(keep(self.axis as isize));
        if self.of_some {
            sum = sum.map(|sum| if sum == 0.0 { 1.0 } else { sum });
        }
        weights / &sum
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        static PRODUCT: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("softmax.weighed", |[y, g]: [Expr; 2]| y * g));
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("softmax.vjp", |[y, g, mean]: [Expr; 3]| y * (g - mean))
        });
        let mean = PRODUCT.apply_sum(&[y, g], keep(self.axis as isize));
        one(SLOPE.apply(&[y, g, &mean]))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axis = self.axis + 1;
        Some(Self { axis, ..*self }.forward(&[x[0].value]))
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

impl Primitive for LogSoftmax {
    fn name(&self) -> Cow<'static, str> {
        "log_softmax".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        static DIFFERENCE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("log_softmax", |[x, most, sum]: [Expr; 3]| {
                x - most - sum.log()
            })
        });
        let most = most(x[0], self.axis);
        let sum = WEIGHT.sum_of(&[x[0], &most], &x[0].shape().with(self.axis, 1));
        DIFFERENCE.forward(&[x[0], &most, &sum])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("log_softmax.vjp", |[y, g, sum]: [Expr; 3]| {
                g - y.exp() * sum
            })
        });
        one(SLOPE.apply(&[y, g, &g.sum(keep(self.axis as isize))]))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axis = self.axis + 1;
        Some(Self { axis }.forward(&[x[0].value]))
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

/// The largest along an axis that stays; nothing has none and needs none.
fn most(x: &Tensor, axis: usize) -> Tensor {
    if x.elements() == 0 {
        return Tensor::zeros(x.shape().with(axis, 1), x.dtype());
    }
    x.max(keep(axis as isize))
}

impl Var {
    /// exp x as shares of its sum along `axis`: positive numbers that add up to 1.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn softmax(&self, axis: isize) -> Self {
        let axis = self.shape().axis("softmax", axis).or_panic();
        Self::apply(Softmax::new(axis), &[self])
    }

    /// The softmax along the last axis, where a row of −∞ alone has shares of 0.
    #[track_caller]
    pub(super) fn shares_of_some(&self) -> Self {
        let axis = self.rank() - 1;
        let of_some = true;
        Self::apply(Softmax { axis, of_some }, &[self])
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
        Self::apply(Softmax::new(axis), &[&-self])
    }
}
