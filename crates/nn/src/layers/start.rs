//! Start values as PyTorch draws them.

use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, Shape, Tensor};

use crate::init::Init;
use crate::param::Param;

/// A weight uniform in ±1/√fan-in, and a bias of as many numbers from the same interval. Fan-in is
/// what one entry of axis 0 holds, the rule that PyTorch applies to transposed convolutions too.
pub(super) fn weight_and_bias(
    shape: impl Into<Shape>,
    biases: usize,
    rng: &mut Rng,
) -> (Param, Param) {
    let shape = shape.into();
    let fan_in: usize = shape[1..].iter().product();
    let limit = (fan_in.max(1) as f64).sqrt().recip();
    let weight = Init::FanIn.draw(shape, rng, DType::default());
    let bias = Tensor::uniform([biases], -limit, limit, rng, DType::default());
    (Param::new(weight), Param::new(bias))
}
