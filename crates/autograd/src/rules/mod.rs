//! The operations on Vars: forward and rule side by side, one family a file.
//!
//! In every rule `x` are the inputs, `y` the output and `g` its cotangent, in this order.

/// `moves!(Linear)` says how an operation moves, where that is one of the answers of
/// [`Tangent`](crate::Tangent) that need nothing computed.
macro_rules! moves {
    ($how:ident) => {
        fn jvp(
            &self,
            _x: &[&$crate::Var],
            _y: &$crate::Output,
            _t: &[Option<&$crate::Var>],
        ) -> $crate::Tangent {
            $crate::Tangent::$how
        }
    };
}

mod activation;
mod adaptive_pool;
mod affine;
mod along;
mod arithmetic;
mod arrangement;
mod attention;
mod cast;
mod conv;
mod cumsum;
mod diagonal;
mod dropout;
mod einsum;
mod function;
mod gamma;
mod index;
mod linalg;
mod logic;
mod matmul;
mod moment;
mod movement;
mod norm;
mod normalization;
mod pad;
mod pair;
mod part;
mod pool;
mod prod;
mod product;
mod rank;
mod reduce;
mod scan;
mod scatter;
mod selection;
mod sliding;
mod softmax;
mod sparse;
mod sphere;
mod straight;
mod upsample;
mod volume;

pub use attention::Attention;
pub use scatter::Reduce;

use retrograd_tensor::Tensor;

use crate::{Batched, Cotangents, Var};

/// The cotangents of an operation of one input.
fn one(cotangent: Var) -> Cotangents {
    Cotangents::from_iter([Some(cotangent)])
}

/// The cotangents of an operation on one input and indices, which do not move.
fn at_indices(cotangent: Var) -> Cotangents {
    Cotangents::from_iter([Some(cotangent), None])
}

/// The inputs of an operation on a batch, each with an axis for the members.
fn of_each<const N: usize>(x: &[Batched<'_>]) -> [Tensor; N] {
    let batch = x.iter().find(|x| x.is_batched);
    let members = batch.map_or(1, |x| x.value.shape()[0]);
    std::array::from_fn(|i| x[i].of_each(members))
}
