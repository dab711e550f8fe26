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
            _y: &$crate::Var,
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

/// The cotangents of an operation of one input.
fn one(cotangent: crate::Var) -> crate::Cotangents {
    crate::Cotangents::from_iter([Some(cotangent)])
}
