//! What layers add to the operations they are made of: parameters, options, modes, state.
//!
//! Reference digits are those of `torch.nn` 2.15 in `f64`, from the same weights and inputs: [`wave`].

mod convolutions;
mod derivatives;
mod noise;
mod normalizations;
mod others;
mod weights;

use retrograd_autograd::{Mode, Tape};
use retrograd_nn::Module;
use retrograd_tensor::{Shape, Tensor, assert_relative_eq, random};

/// 1.5·sin(0.7·i + start) for element i: irregular numbers that any language can make.
fn wave(shape: impl Into<Shape>, start: f64) -> Tensor {
    let mut count = 0.0;
    Tensor::from_fn(shape, |_| {
        let value = 1.5 * (0.7 * count + start).sin();
        count += 1.0;
        value
    })
}

/// The output for `x` in training.
fn train(layer: &dyn Module, x: &Tensor) -> Tensor {
    let tape = Tape::new();
    layer.forward(&tape.constant(x.clone())).into_value()
}

/// The output for `x` in evaluation.
fn evaluate(layer: &dyn Module, x: &Tensor) -> Tensor {
    let tape = Tape::with(Mode::Evaluation, random::rng(0));
    layer.forward(&tape.constant(x.clone())).into_value()
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &[f64]) {
    let near = 1e-12;
    assert_relative_eq!(
        found.to_vec()[..],
        *expected,
        epsilon = near,
        max_relative = near
    );
}

/// The names of everything that a file of the layer holds.
fn names(layer: &dyn Module) -> Vec<String> {
    layer.state().into_iter().map(|(name, _)| name).collect()
}

/// The message with which `act` panics.
#[track_caller]
fn refusal<V>(act: impl FnOnce() -> V) -> String {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
    let Err(payload) = outcome else {
        panic!("it was not refused")
    };
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| {
        payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
    })
    .expect("panics say why")
}
