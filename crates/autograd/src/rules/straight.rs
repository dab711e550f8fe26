//! Straight-through: a value that moves in steps, with the slope of what it was made from.

use std::borrow::Cow;

use retrograd_tensor::{Shape, Tensor};

use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// The second input, with the derivative of the first: the cotangent goes there unchanged.
#[derive(Clone, Copy, Debug)]
struct StraightThrough;

impl Primitive for StraightThrough {
    fn name(&self) -> Cow<'static, str> {
        "straight_through".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[1].clone()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        Cotangents::from_iter([Some(g.clone()), None])
    }
    fn jvp(&self, _x: &[&Var], _y: &Output, t: &[Option<&Var>]) -> Tangent {
        t[0].map_or(Tangent::Zero, |t| Tangent::Of(t.clone()))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        x[1].is_batched.then(|| x[1].value.clone())
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = v".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

impl Var {
    /// `value` going forward and this going backward: the straight-through estimator of Hinton
    /// (2012) and of Bengio, Léonard and Courville (2013).
    ///
    /// For values that are made from this by steps, such as rounding or the nearest code of a
    /// codebook, whose true derivative is 0. No derivative flows to `value`.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec(vec![0.2, 1.7], [2]));
    /// let rounded = x.straight_through_map(f64::round);
    /// assert_eq!(rounded.value().to_vec(), [0.0, 2.0]);
    /// assert_eq!(rounded.square().sum(..).backward().of(&x).unwrap().to_vec(), [0.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    #[doc(alias = "ste")]
    #[track_caller]
    #[must_use]
    pub fn straight_through(&self, value: &Self) -> Self {
        assert!(
            self.shape() == value.shape(),
            "straight_through: {} and {}: the shapes must be equal",
            self.shape(),
            value.shape()
        );
        Self::apply(StraightThrough, &[self, &value.stop_gradient()])
    }

    /// [`straight_through`](Self::straight_through) to what `step` makes of each element.
    #[track_caller]
    #[must_use]
    pub fn straight_through_map(&self, step: impl Fn(f64) -> f64) -> Self {
        self.straight_through(&self.mapped(step))
    }
}
