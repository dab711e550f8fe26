//! The operations on Vars: forward and rule side by side, one family a file.
//!
//! In every rule `x` are the inputs, `y` the output and `g` its cotangent, in this order.

mod activation;
mod affine;
mod arithmetic;
mod conv;
mod cumsum;
mod function;
mod index;
mod matmul;
mod movement;
mod pair;
mod pool;
mod reduce;
mod sparse;
mod straight;
mod upsample;

/// The cotangents of an operation of one input.
fn one<T: retrograd_tensor::Float>(cotangent: crate::Var<T>) -> crate::Cotangents<T> {
    crate::Cotangents::from_iter([Some(cotangent)])
}
