//! Automatic differentiation of single numbers: the whole idea in a few short files.
//!
//! The derivative of a program is a matter of two facts. The program is a list of elementary
//! operations, each with a known slope; and slopes along a path multiply, over several paths add up:
//!
//! ```text
//! dz/dx = Σ over the paths from x to z:  Π over the operations on the path:  slope
//! ```
//!
//! Whoever multiplies from the front, with every number as it is computed, does **forward mode**:
//! a [`Dual`] is a value and its slope in one direction. Whoever writes the operations down and
//! multiplies from the back does **reverse mode**: a [`Scalar`] is a value and its line in a
//! [`ScalarTape`]. Forward mode costs a run for each input, reverse mode a run for each output.
//!
//! ```
//! use retrograd_autograd::scalar::{Dual, Real, ScalarTape};
//!
//! /// Written once, for any kind of number.
//! fn f<R: Real>(x: R, y: R) -> R {
//!     x * y + x.sin()
//! }
//!
//! // Forward: how f moves when x moves.
//! let along_x = f(Dual::variable(2.0), Dual::constant(3.0));
//! assert_eq!(along_x.slope, 3.0 + 2.0_f64.cos());
//!
//! // Reverse: how f moves with each of its inputs, in one sweep.
//! let tape = ScalarTape::new();
//! let (x, y) = (tape.variable(2.0), tape.variable(3.0));
//! let slopes = f(x, y).backward();
//! assert_eq!((slopes.of(x), slopes.of(y)), (3.0 + 2.0_f64.cos(), 2.0));
//! ```
//!
//! Both are generic over the numbers they are made of, which may carry derivatives themselves. So
//! they nest: forward over reverse is a tape of duals, reverse over reverse a tape of numbers that
//! are on another tape, and so on to any order.
//!
//! ```
//! # use retrograd_autograd::scalar::{Dual, Real, ScalarTape};
//! // Forward over reverse: the slope of the slope.
//! let tape = ScalarTape::new();
//! let x = tape.variable(Dual::variable(2.0));
//! let slope = (x * x * x).backward().of(x);
//! assert_eq!((slope.value, slope.slope), (12.0, 12.0)); // 3x², 6x
//! ```
//!
//! Read [`Real`], what a number can do; `rules.rs`, the slope of each operation; then `dual.rs`,
//! `tape.rs` and `adjoints.rs`, what the two modes do with it. The tape of tensors,
//! [`Tape`](crate::Tape), is the second with larger things on it.
//!
//! The rest is for programs that do this often:
//!
//! | for | there is |
//! |---|---|
//! | several directions at once | [`Duals`] |
//! | a function for all kinds of numbers as a value | [`Function`] |
//! | its gradient or Jacobian, by the mode that costs less | [`gradient_of`], [`jacobian_of`] |
//! | the same at many points, several at a time | [`values`], [`jacobians`], [`pull_backs`] |
//! | sums over many points | [`sum_of`], [`gradient_of_sum`] |
//! | plain values in the vectors of the machine | [`value_into`] |
//! | again and again on one piece of memory | [`ScalarTape::gradient_into`] |
//! | sparse matrices made of small blocks | [`SparseRows`] |
//! | less memory | [`ScalarTape::preaccumulate`], [`Real::region`], [`recurrence`] |

mod adjoints;
mod dual;
mod duals;
mod function;
mod lanes;
mod points;
mod real;
mod region;
mod rows;
mod rules;
mod tape;
#[cfg(test)]
mod tests;

pub use adjoints::Adjoints;
pub use dual::Dual;
pub use duals::Duals;
pub use function::{Direction, Function, gradient_of, jacobian_of};
pub use points::{gradient_of_sum, jacobians, pull_backs, sum_of, value_into, values};
pub use real::{Arithmetic, Beside, Real, Same};
pub use region::{Recurrence, recurrence};
pub use rows::SparseRows;
pub use rules::Chain;
pub use tape::{Scalar, ScalarTape};

/// The value and the derivative of a function of one number, by forward mode.
///
/// ```
/// use retrograd_autograd::scalar::{Real, derivative};
///
/// assert_eq!(derivative(|x| x.exp() * 2.0, 0.0), (2.0, 2.0));
/// ```
pub fn derivative(f: impl FnOnce(Dual) -> Dual, x: f64) -> (f64, f64) {
    let y = f(Dual::variable(x));
    (y.value, y.slope)
}

/// The value and the gradient of a function of several numbers, by reverse mode.
///
/// ```
/// use retrograd_autograd::scalar::gradient;
///
/// let (value, slopes) = gradient(|x| x[0] * x[1] + x[1] * x[1], &[2.0, 3.0]);
/// assert_eq!((value, slopes), (15.0, vec![3.0, 8.0]));
/// ```
///
/// For many points, keep a [`ScalarTape`] and [`clear`](ScalarTape::clear) it: it allocates once.
pub fn gradient(f: impl for<'t> FnOnce(&[Scalar<'t>]) -> Scalar<'t>, x: &[f64]) -> (f64, Vec<f64>) {
    let tape = ScalarTape::new();
    let x: Vec<Scalar> = x.iter().map(|&x| tape.variable(x)).collect();
    let y = f(&x);
    let slopes = y.backward();
    (y.value(), x.iter().map(|&x| slopes.of(x)).collect())
}
