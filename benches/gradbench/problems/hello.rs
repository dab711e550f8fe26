//! x², and its slope.

use retrograd_autograd::scalar::{Real, derivative};

use super::Module;
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "hello",
    functions: &[
        ("square", |input| {
            evaluate(input, |x: f64| Ok(move || square(x)))
        }),
        ("double", |input| {
            evaluate(input, |x: f64| Ok(move || derivative(square, x).1))
        }),
    ],
};

fn square<R: Real>(x: R) -> R {
    x * x
}
