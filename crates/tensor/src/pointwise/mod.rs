//! Elementwise programs: any formula of scalars, run over whole tensors in one pass.
//!
//! A [`Program`] is straight-line code over scalars: each instruction applies one [`Unary`],
//! [`Binary`] or [`Select`](Instruction::Select) to earlier values. Running it applies the formula
//! to every element of its broadcast inputs. The elements are taken in blocks small enough that
//! every intermediate value stays in the L1 cache, so memory is read once and written once however
//! long the formula is.
//!
//! ```
//! use retrograd_tensor::Array;
//! use retrograd_tensor::pointwise::{Binary, Program, Source, Unary};
//!
//! // x·σ(x), the SiLU activation
//! let mut program = Program::new(1);
//! let gate = program.unary(Unary::Sigmoid, Source::Input(0));
//! let y = program.binary(Binary::Mul, Source::Input(0), gate);
//! program.output(y);
//! let x = Array::<f32>::linspace(-1.0, 1.0, 3);
//! assert_eq!(program.run(&[&x])[0].to_vec()[1], 0.0);
//! ```

#![allow(unsafe_code)]

mod blocks;
mod bound;
mod combine;
mod execute;
pub(crate) mod functions;
mod grid;
mod naive;
mod operator;
mod program;
mod row;
mod run;
mod schedule;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use combine::Combine;
pub(crate) use execute::Invocation;
pub use operator::{Binary, Unary};
pub use program::{Instruction, Program, Source};
pub use run::Operand;
