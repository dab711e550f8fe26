//! Weight normalisation: the length of each output's weights apart from their direction (Salimans
//! and Kingma 2016, eq. 2).
//!
//! ```text
//! wₒ = gₒ · vₒ / ‖vₒ‖        o: position along axis 0
//! ```

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;

use super::weighted::{Weighted, matrix};
use crate::module::{Module, Visitor};
use crate::param::Param;

/// A layer whose weight is given by lengths and directions, both learnt.
///
/// Parameters have the names of PyTorch's `parametrizations.weight_norm`:
/// `parametrizations.weight.original0` is g, `[axis 0, 1, ..]`, and `original1` is v, in the shape of
/// the weight. At first the weight is the layer's.
///
/// ```
/// use retrograd_nn::{Linear, Module, WeightNorm};
/// use retrograd_tensor::random;
///
/// let layer = WeightNorm::new(Linear::new(3, 2, &mut random::rng(0)));
/// assert_eq!(layer.length.shape(), [2, 1]);
/// assert_eq!(layer.parameter_count(), 2 + 3 * 2 + 2);
/// ```
#[derive(Clone, Debug)]
pub struct WeightNorm<L> {
    /// g.
    pub length: Param,
    /// v.
    pub direction: Param,
    inner: L,
}

impl<L: Weighted> WeightNorm<L> {
    /// The layer with its weight taken apart.
    #[must_use]
    pub fn new(inner: L) -> Self {
        let direction = inner.weight().clone();
        let length = lengths(&Var::constant(direction.value())).into_value();
        Self {
            length: Param::new(length),
            direction,
            inner,
        }
    }

    /// The weight, put together beside `x`.
    #[must_use]
    pub fn weight(&self, x: &Var) -> Var {
        let direction = self.direction.beside(x);
        let scale = self.length.beside(x) / lengths(&direction);
        direction * scale
    }

    /// The plain layer with the weight as it is now.
    #[must_use]
    pub fn into_inner(self) -> L {
        let none = Var::constant(Tensor::zeros([], self.direction.dtype()));
        let weight = self.weight(&none).into_value();
        self.inner.weight().set(weight);
        self.inner
    }
}

/// ‖vₒ‖ over everything but axis 0, `[axis 0, 1, ..]`.
fn lengths(direction: &Var) -> Var {
    let shape = (1..direction.rank()).fold(*direction.shape(), |shape, axis| shape.with(axis, 1));
    matrix(direction, 0).norm(2.0, 1).with_shape(shape)
}

impl<L: Weighted> Module for WeightNorm<L> {
    fn forward(&self, x: &Var) -> Var {
        self.inner.forward_with(x, &self.weight(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.inner.visit_others(visitor);
        visitor.param("parametrizations.weight.original0", &self.length);
        visitor.param("parametrizations.weight.original1", &self.direction);
    }
}
