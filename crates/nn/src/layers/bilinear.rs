//! The bilinear layer: a sum over all products of a number of one input and a number of another.
//!
//! ```text
//! yₒ = Σᵢⱼ aᵢ·Wₒᵢⱼ·bⱼ + cₒ
//! ```

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, Tensor};

use super::refusal::refuse;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// yₒ = aᵀWₒb + cₒ, from `[.., first]` and `[.., second]` to `[.., outputs]`.
///
/// [`of`](Self::of) takes the two inputs. As a module among others it takes them side by side,
/// `[.., first + second]`.
///
/// ```
/// use retrograd_nn::{Bilinear, Module};
/// use retrograd_autograd::Var;
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let layer = Bilinear::new(2, 3, 4, &mut random::rng(0)).to(DType::F64);
/// let (a, b) = (Var::constant(Tensor::ones([5, 2], DType::F64)), Var::constant(Tensor::ones([5, 3], DType::F64)));
/// let y = layer.of(&a, &b);
/// assert_eq!(y.shape(), [5, 4]);
/// assert_eq!(layer.forward(&Var::cat(&[&a, &b], 1)).value(), y.value());
/// ```
#[derive(Clone, Debug)]
pub struct Bilinear {
    /// W, `[outputs, first, second]`.
    pub weight: Param,
    /// c, `[outputs]`.
    pub bias: Option<Param>,
}

impl Bilinear {
    /// Start values as PyTorch draws them: weight and bias uniform in ±1/√first.
    #[must_use]
    pub fn new(first: usize, second: usize, outputs: usize, rng: &mut Rng) -> Self {
        let limit = (first.max(1) as f64).sqrt().recip();
        let mut draw = |shape: &[usize]| {
            Param::new(Tensor::uniform(shape, -limit, limit, rng, DType::default()))
        };
        Self {
            weight: draw(&[outputs, first, second]),
            bias: Some(draw(&[outputs])),
        }
    }

    /// The same layer without its bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// The output for the inputs `[.., first]` and `[.., second]`.
    ///
    /// # Panics
    /// If the shapes are not these.
    #[track_caller]
    #[must_use]
    pub fn of(&self, a: &Var, b: &Var) -> Var {
        // Whichever of the two belongs to a step.
        let x = if a.tape().is_some() { a } else { b };
        let bias = self.bias.as_ref().map(|bias| bias.beside(x));
        a.bilinear(b, &self.weight.beside(x), bias.as_ref())
    }
}

impl Module for Bilinear {
    fn forward(&self, x: &Var) -> Var {
        let shape = self.weight.shape();
        let [first, second] = [shape[1], shape[2]];
        if x.shape().last() != Some(&(first + second)) {
            let expected = format_args!(
                "the two inputs side by side, {first} and {second} along the last axis"
            );
            refuse("bilinear layer", Some(&self.weight), x, expected)
        }
        self.of(&x.narrow(-1, 0, first), &x.narrow(-1, first, second))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
        if let Some(bias) = &self.bias {
            visitor.param("bias", bias);
        }
    }
}
