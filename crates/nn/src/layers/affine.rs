//! Scale and shift, the learnt part of every normalisation.

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Shape, Tensor};

use crate::module::Visitor;
use crate::param::Param;

/// A weight that multiplies and a bias that is added, either of which may be left out.
#[doc(alias = "elementwise_affine")]
#[derive(Clone, Debug)]
pub struct Affine {
    /// The scale; 1 at first.
    pub weight: Option<Param>,
    /// The shift; 0 at first.
    pub bias: Option<Param>,
}

impl Affine {
    pub(super) fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self {
            weight: Some(Param::new(Tensor::ones(shape, DType::default()))),
            bias: Some(Param::new(Tensor::zeros(shape, DType::default()))),
        }
    }

    pub(super) fn none() -> Self {
        Self {
            weight: None,
            bias: None,
        }
    }

    /// Both as operands beside `x`.
    pub(super) fn beside(&self, x: &Var) -> (Option<Var>, Option<Var>) {
        let of = |param: &Option<Param>| param.as_ref().map(|param| param.beside(x));
        (of(&self.weight), of(&self.bias))
    }

    pub(super) fn visit(&self, visitor: &mut Visitor<'_>) {
        if let Some(weight) = &self.weight {
            visitor.param("weight", weight);
        }
        if let Some(bias) = &self.bias {
            visitor.param("bias", bias);
        }
    }
}
