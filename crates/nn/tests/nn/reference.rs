//! Inputs that another program can make too, for values that were computed elsewhere.

use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Module, State};
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq};

/// Element i is `scale`·sin(0.7·i + `phase`).
pub(crate) fn wave(shape: impl Into<Shape>, phase: f64, scale: f64) -> Tensor {
    let shape = shape.into();
    let values = (0..shape.elements()).map(|i| scale * (0.7 * i as f64 + phase).sin());
    Tensor::from_vec(values.collect(), shape)
}

/// Sets parameter k, in PyTorch's order, to a wave of phase 0.3·k and height 0.6.
pub(crate) fn fill(module: &dyn Module) {
    for (k, (_, param)) in module.params().iter().enumerate() {
        param.set(wave(param.shape(), 0.3 * k as f64, 0.6));
    }
}

/// That these are the expected values, which have 15 digits.
#[track_caller]
pub(crate) fn assert_values(found: &Var, expected: &[f64]) {
    assert_abs_diff_eq!(found.value().to_vec()[..], *expected, epsilon = 1e-13);
}

/// That output, gradients and state of `module` have its type, first in f32 and at last in f64.
#[track_caller]
pub(crate) fn assert_type_is_kept(what: &str, module: &dyn Module, x: &Tensor) {
    for dtype in [DType::F32, DType::F64] {
        module.cast(dtype);
        let x = Tape::new().leaf(x.cast(dtype));
        let y = module.forward(&x);
        assert_eq!(y.dtype(), dtype, "{what}: the output");
        let gradients = y.sum(..).backward();
        if let Some(gradient) = gradients.of(&x) {
            assert_eq!(gradient.dtype(), dtype, "{what}: the gradient of the input");
        }
        for (name, state) in module.state() {
            let found = match &state {
                State::Param(param) => {
                    let gradient = gradients.of_key(param.id()).map(Tensor::dtype);
                    assert_eq!(gradient, Some(dtype), "{what}: the gradient of {name}");
                    param.dtype()
                }
                State::Buffer(buffer) => buffer.value().dtype(),
                State::Counter(_) => continue,
            };
            assert_eq!(found, dtype, "{what}: {name}");
        }
    }
}
