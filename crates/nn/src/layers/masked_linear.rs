//! A fully connected layer with connections left out for good.
//!
//! ```text
//! y = x·(M ⊙ W)ᵀ + b
//! ```
//!
//! M holds ones and zeros. With masks such that output d sees only inputs before d, a stack of these
//! gives the probability of each number given those before it (MADE; Germain et al. 2015, eq. 10).

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use super::linear::Linear;
use super::weighted::Weighted;
use crate::buffer::Buffer;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// y = x·(M ⊙ W)ᵀ + b, from `[.., inputs]` to `[.., outputs]`, with M as the buffer `mask`.
///
/// ```
/// use retrograd_nn::{MaskedLinear, Module, Weighted};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let mask = Tensor::from_vec(vec![0.0, 0.0, 1.0, 0.0], [2, 2]);
/// let layer = MaskedLinear::new(mask, &mut random::rng(0)).to(DType::F64).without_bias();
/// let y = layer.forward(&Tensor::ones([1, 2], DType::F64).into());
/// assert_eq!(y.value().to_vec(), [0.0, layer.weight().value().at(&[1, 0])]);
/// ```
#[doc(alias = "MADE")]
#[derive(Clone, Debug)]
pub struct MaskedLinear {
    /// M, `[outputs, inputs]`.
    pub mask: Buffer,
    linear: Linear,
}

impl MaskedLinear {
    /// A layer with the connections at which `mask`, `[outputs, inputs]`, is 1. Start values as
    /// PyTorch draws them for a layer without a mask.
    ///
    /// # Panics
    /// If the mask is no matrix of zeros and ones.
    #[track_caller]
    #[must_use]
    pub fn new(mask: Tensor, rng: &mut Rng) -> Self {
        let [outputs, inputs] = mask.shape()[..] else {
            panic!(
                "masked linear: a mask of shape {}; it must be [outputs, inputs]",
                mask.shape()
            )
        };
        assert!(
            mask.iter().all(|m| m == 0.0 || m == 1.0),
            "masked linear: a mask with other numbers than 0 and 1"
        );
        let linear = Linear::new(inputs, outputs, rng);
        Self {
            mask: Buffer::new(mask.cast(linear.weight.dtype())),
            linear,
        }
    }

    /// The same layer without its bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self {
            linear: self.linear.without_bias(),
            ..self
        }
    }

    /// b, `[outputs]`.
    #[must_use]
    pub fn bias(&self) -> Option<&Param> {
        self.linear.bias.as_ref()
    }
}

impl Weighted for MaskedLinear {
    fn weight(&self) -> &Param {
        &self.linear.weight
    }

    fn forward_with(&self, x: &Var, weight: &Var) -> Var {
        self.linear.forward_with(x, &(weight * self.mask.beside(x)))
    }

    fn visit_others(&self, visitor: &mut Visitor<'_>) {
        self.linear.visit_others(visitor);
        visitor.buffer("mask", &self.mask);
    }
}

impl Module for MaskedLinear {
    fn forward(&self, x: &Var) -> Var {
        self.forward_with(x, &self.linear.weight.beside(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.linear.weight);
        self.visit_others(visitor);
    }
}
