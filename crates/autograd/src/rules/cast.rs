//! Another element type. Rounding is treated as no change, so the adjoint is the cast back.

use std::borrow::Cow;

use retrograd_tensor::{DType, Shape, Tensor};

use super::one;
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// The same numbers in the type `to`.
#[derive(Clone, Copy, Debug)]
struct Cast {
    from: DType,
    to: DType,
}

impl Primitive for Cast {
    fn name(&self) -> Cow<'static, str> {
        "cast".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].cast(self.to)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.cast(self.from))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(self.forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        format!("y = x as {}", self.to).into()
    }
    fn rule(&self) -> Cow<'static, str> {
        format!("x̄ = g as {}", self.from).into()
    }
    fn attributes(&self) -> String {
        String::new()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

impl Var {
    /// The same numbers in another element type, rounded to nearest; itself if it has that type.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec(vec![1.0_f32, 2.0], [2]));
    /// let y = x.cast(DType::F64).square().sum(..);
    /// assert_eq!(y.dtype(), DType::F64);
    /// let slope = y.backward().of(&x).unwrap().clone();
    /// assert_eq!((slope.dtype(), slope.to_vec()), (DType::F32, vec![2.0, 4.0]));
    /// ```
    #[doc(alias = "to")]
    #[doc(alias = "astype")]
    #[track_caller]
    #[must_use]
    pub fn cast(&self, dtype: DType) -> Self {
        let from = self.dtype();
        if from == dtype {
            return self.clone();
        }
        Self::apply(Cast { from, to: dtype }, &[self])
    }
}
