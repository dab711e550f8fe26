//! Inputs that another program can make too, for values that were computed elsewhere.

use retrograd_autograd::Var;
use retrograd_nn::Module;
use retrograd_tensor::{Shape, Tensor, assert_abs_diff_eq};

/// Element i is `scale`·sin(0.7·i + `phase`).
pub(crate) fn wave(shape: impl Into<Shape>, phase: f64, scale: f64) -> Tensor<f64> {
    let shape = shape.into();
    let values = (0..shape.elements()).map(|i| scale * (0.7 * i as f64 + phase).sin());
    Tensor::from_vec(values.collect(), shape)
}

/// Sets parameter k, in PyTorch's order, to a wave of phase 0.3·k and height 0.6.
pub(crate) fn fill(module: &dyn Module<f64>) {
    for (k, (_, param)) in module.params().iter().enumerate() {
        param.set(wave(param.shape(), 0.3 * k as f64, 0.6));
    }
}

/// That these are the expected values, which have 15 digits.
#[track_caller]
pub(crate) fn assert_values(found: &Var<f64>, expected: &[f64]) {
    assert_abs_diff_eq!(found.value().to_vec()[..], *expected, epsilon = 1e-13);
}
