//! Elementwise functions as formulas, and the calculus that differentiates them.
//!
//! An elementwise function is an [`Expr`]: a formula of scalars. Its derivative is another
//! formula, found by the chain rule from one table of derivatives (`calculus/table.rs`). A
//! [`Pointwise`] is a named formula that runs over tensors in one pass; its backward rule is a
//! `Pointwise` too, so there is no hand-written derivative for any activation or loss, and every
//! order of derivative exists.
//!
//! ```
//! use retrograd_autograd::{Pointwise, Tape};
//! use retrograd_tensor::Tensor;
//!
//! // An activation of your own is one line, and has gradients of every order.
//! let swish = Pointwise::new("swish", |[x]| &x * x.sigmoid());
//! let tape = Tape::new();
//! let x = tape.leaf(Tensor::scalar(0.0));
//! assert_eq!(swish.apply(&[&x]).backward().of(&x).unwrap().item(), 0.5);
//! ```

mod backward;
mod differentiate;
mod expr;
mod lower;
mod pointwise;
mod summed;
mod table;
mod write;

pub use expr::Expr;
pub use pointwise::Pointwise;
