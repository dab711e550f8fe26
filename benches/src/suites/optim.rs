//! How close does a step of an optimiser come to moving its memory?
//!
//! A step reads the gradient, and reads and writes the parameter and every number the rule remembers
//! of it. With 10 million parameters none of that is in a cache, so the bytes a second are to be
//! compared with those of a copy (`copy_share`, measured right before each case); the goal is 80 %.
//!
//! Clipping by norm reads the gradient once more.

use retrograd_autograd::Tape;
use retrograd_nn::{Adam, AdamW, Clip, Lion, Optimizer, Param, RmsProp, Sgd, UpdateRule};
use retrograd_tensor::{DType, Tensor, random};

use super::Suite;
use crate::case::{Case, Work, repeat};

/// Parameters, as one tensor.
const SIZE: usize = 10_000_000;
const FLOAT: usize = size_of::<f32>();

/// The rules in use, and one with clipping.
#[must_use]
pub fn suite() -> Suite {
    let momentum = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    Suite {
        name: "optim",
        cases: vec![
            copy(),
            step("sgd", Sgd::default(), Clip::Off),
            step("momentum", momentum, Clip::Off),
            step("adam", Adam::default(), Clip::Off),
            step("adamw", AdamW::default(), Clip::Off),
            step("rmsprop", RmsProp::default(), Clip::Off),
            step("lion", Lion::default(), Clip::Off),
            step("adam, clipped by norm", Adam::default(), Clip::Norm(1.0)),
        ],
    }
}

fn normal(seed: u64) -> Tensor {
    Tensor::normal([SIZE], 0.0, 1.0, &mut random::rng(seed), DType::F32)
}

/// What moving the memory takes by itself.
fn copy() -> Case {
    let work = Work::Elements {
        count: SIZE,
        bytes: 2 * SIZE * FLOAT,
    };
    Case::new("copy", work, || {
        let x = normal(0);
        repeat(move || x.copied())
    })
}

fn step<R: UpdateRule + Clone + 'static>(name: &str, rule: R, clip: Clip) -> Case {
    let passes = 3 + 2 * rule.slots().len() + usize::from(matches!(clip, Clip::Norm(_)));
    let work = Work::Elements {
        count: SIZE,
        bytes: passes * SIZE * FLOAT,
    };
    Case::new(name, work, move || {
        let param = Param::new(normal(0));
        let named = vec![("parameter".to_owned(), param.clone())];
        let mut optimizer = Optimizer::new(rule.clone(), 1e-6, named).clip(clip);
        let slope = normal(1);
        let x = Tape::new().constant(Tensor::ones([1], DType::F32));
        let gradients = param.beside(&x).backward_from(&slope);
        repeat(move || optimizer.step(&gradients))
    })
}
