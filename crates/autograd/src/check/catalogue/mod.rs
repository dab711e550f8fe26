//! Every operation on Vars, each with inputs at which its derivatives can be checked.
//!
//! A row is a function of some inputs that uses one operation. [`Row::check`] holds its derivatives
//! against differences; `retrograd gradcheck` prints what came of all rows, and a test runs them
//! and reads the sources of the rules, so that an operation or a primitive without a row is found.
//!
//! ```
//! use retrograd_autograd::check::catalogue;
//!
//! let tanh = catalogue::rows().into_iter().find(|row| row.operation == "tanh").unwrap();
//! assert!(tanh.check(2).unwrap().worst_error() < 1e-6);
//! ```
//!
//! A family of operations is a file, and a new operation is a row in the file of its family.

mod attention;
mod broadcasting;
mod conv;
mod elementwise;
mod index;
mod linalg;
mod movement;
mod noise;
mod normalization;
mod products;
mod reductions;
mod samples;
mod window;

use retrograd_tensor::Tensor;

use super::{Check, Failure, Report};
use crate::var::Var;
pub use samples::{positive, sample};

/// Relative tolerance of order 1 where differences of any step are exact: of functions that are
/// linear in each input, or piecewise so with all kinks further away than a step.
pub const LINEAR: f64 = 1e-12;

/// Relative tolerance of order 1 of everything else.
pub const SMOOTH: f64 = 1e-8;

/// Relative tolerance of order 2.
const SECOND: f64 = 1e-6;

/// An operation, in one form, at one point.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of the method on [`Var`], then what is special about this row: `slice step 2`.
    pub operation: &'static str,
    /// The function that uses the operation, in the type of its inputs.
    pub f: fn(&[Var]) -> Var,
    /// Where to check it: inside its domain, and further from every kink than a difference step.
    pub inputs: Vec<Tensor>,
    /// Largest relative error at order 1: [`LINEAR`] or [`SMOOTH`], more only for a reason that
    /// stands at the row.
    pub tolerance: f64,
    /// Where the operation is defined, for people: `x > 0`.
    pub domain: &'static str,
    /// Where it has no derivative inside its domain, for people: `x = 0`, `ties`; empty if nowhere.
    pub kinks: &'static str,
}

impl Row {
    /// The method on [`Var`] that the row is about.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.operation
            .split_once(' ')
            .map_or(self.operation, |(method, _)| method)
    }

    /// Whether differences of any step are exact at order 1.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        self.tolerance <= LINEAR
    }

    /// How the derivative of this order is checked.
    ///
    /// # Panics
    /// If `order` is 0.
    #[must_use]
    pub fn how(&self, order: usize) -> Check {
        let tolerance = if order == 1 { self.tolerance } else { SECOND };
        Check::order(order).tolerance(tolerance)
    }

    /// Holds the derivative of this order against differences.
    ///
    /// # Errors
    /// As [`gradcheck`](super::gradcheck).
    ///
    /// # Panics
    /// If `order` is 0.
    pub fn check(&self, order: usize) -> Result<Report, Failure> {
        self.how(order).run(self.f, &self.inputs)
    }

    /// The row with the place where the operation is defined.
    #[must_use]
    fn domain(self, domain: &'static str) -> Self {
        Self { domain, ..self }
    }

    /// The row with the places where the operation has no derivative.
    #[must_use]
    fn kinks(self, kinks: &'static str) -> Self {
        Self { kinks, ..self }
    }
}

/// A row for the files of the families; defined everywhere and without kinks unless it says so.
fn row(tolerance: f64, operation: &'static str, inputs: &[Tensor], f: fn(&[Var]) -> Var) -> Row {
    Row {
        operation,
        f,
        inputs: inputs.to_vec(),
        tolerance,
        domain: "all numbers",
        kinks: "",
    }
}

/// A family by name, and what makes its rows.
pub type Family = (&'static str, fn() -> Vec<Row>);

/// The families of operations, a file each.
pub const FAMILIES: [Family; 12] = [
    ("elementwise", elementwise::rows),
    ("broadcasting", broadcasting::rows),
    ("products", products::rows),
    ("reductions", reductions::rows),
    ("movement", movement::rows),
    ("normalization", normalization::rows),
    ("conv", conv::rows),
    ("window", window::rows),
    ("index", index::rows),
    ("attention", attention::rows),
    ("linalg", linalg::rows),
    ("noise", noise::rows),
];

/// All rows, family by family.
#[must_use]
pub fn rows() -> Vec<Row> {
    FAMILIES.iter().flat_map(|(_, rows)| rows()).collect()
}
