//! Running sums.

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, Tensor};

use super::one;
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Running sums along an axis. Element i flows into elements i and after of the output, so the
/// adjoint is the running sum from the other end.
#[derive(Clone, Copy, Debug)]
struct CumSum {
    axis: usize,
    reverse: bool,
}

impl Primitive for CumSum {
    fn name(&self) -> Cow<'static, str> {
        if self.reverse {
            "cumsum_reverse"
        } else {
            "cumsum"
        }
        .into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let axis = self.axis as isize;
        if self.reverse {
            x[0].cumsum_reverse(axis)
        } else {
            x[0].cumsum(axis)
        }
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let reverse = !self.reverse;
        one(Var::apply(Self { reverse, ..*self }, &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axis = self.axis + 1;
        Some(Self { axis, ..*self }.forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = running sums of x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = running sums of g from the other end".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

impl Var {
    /// Running sums along `axis`: element i of the result is the sum of elements 0 to i.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cumsum(&self, axis: isize) -> Self {
        let axis = self.shape().axis("cumsum", axis).or_panic();
        let reverse = false;
        Self::apply(CumSum { axis, reverse }, &[self])
    }

    /// Running sums along `axis` from its end: element i of the result is the sum of elements i to
    /// the last.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cumsum_reverse(&self, axis: isize) -> Self {
        let axis = self.shape().axis("cumsum_reverse", axis).or_panic();
        let reverse = true;
        Self::apply(CumSum { axis, reverse }, &[self])
    }
}
