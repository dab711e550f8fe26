//! Layers whose weight something else may compute.

use retrograd_autograd::Var;
use retrograd_tensor::Shape;

use crate::module::{Module, Visitor};
use crate::param::Param;

/// A layer with one weight, which can also be run with another: a normalised one, one that is
/// shared, or one that a network has computed.
///
/// ```
/// use retrograd_nn::{Linear, Module, Weighted};
/// use retrograd_autograd::Var;
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let layer = Linear::new(3, 2, &mut random::rng(0)).to(DType::F64).without_bias();
/// let x = Var::constant(Tensor::ones([1, 3], DType::F64));
/// let half = layer.weight.beside(&x) * 0.5;
/// assert_eq!(layer.forward_with(&x, &half).value(), (layer.forward(&x) * 0.5).value());
/// ```
pub trait Weighted: Module {
    /// The weight.
    fn weight(&self) -> &Param;

    /// The output for `x` with `weight` in place of the layer's own.
    #[track_caller]
    fn forward_with(&self, x: &Var, weight: &Var) -> Var;

    /// Shows everything but the weight to the visitor.
    fn visit_others(&self, visitor: &mut Visitor<'_>);

    /// The axis of the weight that counts the outputs: 0, but 1 where a convolution is transposed.
    fn output_axis(&self) -> usize {
        0
    }
}

/// Rows and columns of a weight as a matrix `[outputs, rest]`.
pub(super) fn matrix_shape(shape: &Shape, output_axis: usize) -> [usize; 2] {
    let outputs = shape.get(output_axis).copied().unwrap_or(1);
    [outputs, shape.elements() / outputs.max(1)]
}

/// A weight as a matrix `[outputs, rest]`.
pub(super) fn matrix(weight: &Var, output_axis: usize) -> Var {
    let shape = Shape::from(matrix_shape(weight.shape(), output_axis));
    if output_axis == 0 {
        return weight.with_shape(shape);
    }
    let mut order: Vec<usize> = (0..weight.rank()).collect();
    order.swap(0, output_axis);
    weight.permute(&order).with_shape(shape)
}
