//! Tape-based reverse-mode automatic differentiation.
//!
//! A [`Var`] is a tensor whose history is written on a [`Tape`]. Running a computation forward
//! records it as a list of nodes; walking that list backwards turns the derivative of the result
//! with respect to itself, which is 1, into the derivative with respect to everything before it:
//!
//! ```text
//! ḡ(x) = Σ over the uses y of x:   ḡ(y) · ∂y/∂x
//! ```
//!
//! ```
//! use retrograd_autograd::Tape;
//! use retrograd_tensor::{Tensor, assert_abs_diff_eq};
//!
//! let tape = Tape::new();
//! let x = tape.leaf(Tensor::scalar(2.0));
//! let y = &x * &x.sin();                      // y = x·sin x
//! let gradients = y.backward();
//! let expected = 2.0_f64.sin() + 2.0 * 2.0_f64.cos();
//! assert_abs_diff_eq!(gradients.of(&x).unwrap().item(), expected, epsilon = 1e-15);
//! ```
//!
//! Where to look: [`Primitive`] for what an operation is, `sweep.rs` for the sweep (it is short),
//! [`calculus`] for the formulas behind every elementwise function and their derivatives,
//! [`check`] for the comparison of every rule with finite differences.

mod anomaly;
mod backward;
pub mod calculus;
pub mod check;
mod checkpoint;
mod custom;
mod derivative;
pub mod functional;
mod gradients;
mod hook;
pub mod implicit;
pub mod inspect;
mod lift;
mod live;
mod node;
mod primitive;
mod recycle;
mod rules;
pub mod scalar;
pub mod sparse_jacobian;
mod sweep;
mod tape;
mod var;

pub use anomaly::{Anomaly, Phase};
pub use backward::{derivative, grad, try_grad};
pub use calculus::{Expr, Pointwise};
pub use checkpoint::checkpoint;
pub use custom::{Custom, custom_jvp, custom_vjp};
pub use derivative::{Derivatives, NoDerivative};
pub use gradients::Gradients;
pub use inspect::Summary;
pub use lift::taken_one_by_one;
pub use live::{Live, live};
pub use node::{Node, NodeId};
pub use primitive::{
    Batched, Cotangents, Forward, Inputs, Needed, Output, Primitive, Saves, Tangent,
};
pub use rules::{Attention, Reduce};
pub use tape::{Mode, Tape};
pub use var::Var;
