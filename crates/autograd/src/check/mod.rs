//! Holding derivatives against differences.
//!
//! A rule is right when what it says about a function is what the function does:
//!
//! ```text
//! Jᵀ·v  from the backward sweep     J·u ≈ (f(x + hu) − f(x − hu)) / 2h  from the values alone
//!
//! ⟨v, J·u⟩ = ⟨Jᵀ·v, u⟩  for every u and v
//! ```
//!
//! With basis vectors for u and v this compares the Jacobian entry by entry, which is done when it
//! is small. When it is large, u and v are random signs: a wrong rule shows in almost every
//! direction.
//!
//! [`gradcheck`] does this for a function. The backward sweep is itself a function, of the inputs
//! and the cotangent ḡ, and [`gradgradcheck`] does it for that one: x, ḡ ↦ ḡ·∂f/∂x. It finds rules
//! that are right but lose the history of their own computation.
//!
//! Differences are taken in `f64` and extrapolated to step zero (see `check/difference.rs`), which
//! leaves 10 to 13 correct digits: a tolerance of 1e-8 is generous, and a rule that needs more is
//! wrong. How many they are is estimated with each: a rule is [wrong](Verdict::Wrong) if it is off
//! by more than the tolerance and that estimate, and [undecided](Verdict::Undecided) if the
//! differences are too rough to tell.

pub mod catalogue;
mod difference;
mod jacobian;
#[cfg(test)]
pub(crate) mod mutation;
mod problem;
mod report;

use retrograd_tensor::{DType, Tensor};

use crate::tape::Mode;
use crate::var::Var;
use problem::Problem;
pub use report::{Comparison, Estimate, Failure, Finding, Operand, Place, Report, Verdict};

/// Checks the first derivative of `f` at `inputs`, with the defaults of [`Check`].
///
/// ```
/// use retrograd_autograd::check::gradcheck;
/// use retrograd_tensor::Tensor;
///
/// let a = Tensor::from_vec(vec![0.1, -0.4, 0.7, 1.3, 0.2, -0.9], [2, 3]);
/// let report = gradcheck(|x| x[0].tanh().matmul_nt(&x[0]), &[a]).unwrap();
/// assert_eq!(report.entries, 4 * 6);              // the whole Jacobian, [2, 2] by [2, 3]
/// assert!(report.worst_error() < 1e-10);
///
/// // |x| has a kink at 0, and the derivative of a kink depends on whom you ask.
/// let failure = gradcheck(|x| x[0].relu(), &[Tensor::scalar(0.0)]).unwrap_err();
/// assert!(failure.to_string().contains("input 0"));
/// ```
///
/// # Errors
/// If any derivative is further from the differences than the tolerance and their own error, if
/// that error is too large to tell, or if the function is not one that can be checked: not tracked,
/// not finite or not deterministic; see [`Failure`].
///
/// Empty inputs or results are no error. Nothing has no derivative that could be wrong, so the
/// check passes, with 0 [entries](Report::entries): the function has been run, and that is all.
///
/// # Panics
/// As `f` does, and if an input is not of `f64`.
pub fn gradcheck(f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) -> Result<Report, Failure> {
    Check::order(1).run(f, inputs)
}

/// Checks the second derivative of `f` at `inputs`, with the defaults of [`Check`].
///
/// Differentiates (x, ḡ) ↦ ḡ·∂f/∂x with respect to both, at a random ḡ.
///
/// ```
/// use retrograd_autograd::check::gradgradcheck;
/// use retrograd_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![0.5, -1.5], [2]);
/// gradgradcheck(|x| x[0].sigmoid(), &[x.clone()]).unwrap();
///
/// // x·x with one x cut from its history: the value is right, a derivative of it is not.
/// gradgradcheck(|x| &x[0] * x[0].stop_gradient(), &[x]).unwrap_err();
/// ```
///
/// # Errors
/// As [`gradcheck`].
///
/// # Panics
/// As `f` does, and if an input is not of `f64`.
pub fn gradgradcheck(f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) -> Result<Report, Failure> {
    Check::order(2).run(f, inputs)
}

/// How to check.
///
/// `f` is called many times, each time on a fresh tape with the same seed, and must give the same
/// numbers for the same inputs: noise drawn from the inputs' own tape is thereby frozen.
///
/// Errors are relative to the largest entry of the Jacobian of the same result by the same input
/// (along directions: to the norm of the gradient by that input), but never to less than 1e-4 of the
/// size of the result or of 1, below which rounding in the differences would count. An input whose slopes are tiny
/// beside another's is therefore held to the same number of digits.
///
/// ```
/// use retrograd_autograd::check::Check;
/// use retrograd_tensor::Tensor;
///
/// // A kink 0.01 from the point: stay on its near side. Nine digits are left.
/// let x = Tensor::scalar(0.01);
/// let check = Check::order(1).step(1.0 / 256.0).tolerance(1e-9);
/// check.run(|x| x[0].relu().exp(), &[x]).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    order: usize,
    tolerance: f64,
    step: f64,
    seed: u64,
    mode: Mode,
    dense: usize,
    directions: usize,
}

impl Check {
    /// A check of the derivative of this order: 1 is the gradient, 2 the gradient's gradient, ...
    ///
    /// Relative tolerance 1e-8 at order 1 and 1e-6 beyond.
    ///
    /// # Panics
    /// If `order` is 0.
    #[must_use]
    pub fn order(order: usize) -> Self {
        assert!(
            order > 0,
            "check: order 0 is the function itself; the gradient is order 1"
        );
        Self {
            order,
            tolerance: if order == 1 { 1e-8 } else { 1e-6 },
            step: 1.0 / 32.0,
            seed: 0,
            mode: Mode::Training,
            dense: 1024,
            directions: 8,
        }
    }

    /// The largest relative error allowed.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// The largest difference step, 1/32 by default; there are seven more, each about a half of the
    /// one before. Keep inputs further than this from kinks; one nearer than all steps cannot be
    /// told from another slope. Four steps that cross none are enough to
    /// tell, more are exacter.
    ///
    /// # Panics
    /// If `step` is not a positive number.
    #[must_use]
    pub fn step(self, step: f64) -> Self {
        assert!(
            step > 0.0 && step.is_finite(),
            "check: the step {step} is not a positive number"
        );
        Self { step, ..self }
    }

    /// Seed of the tapes' noise, the cotangents and the random directions.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The mode of the tapes, training by default.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The most entries a Jacobian can have to be compared entry by entry, 1024 by default.
    #[must_use]
    pub fn dense(self, entries: usize) -> Self {
        Self {
            dense: entries,
            ..self
        }
    }

    /// How many random directions an input gets when the Jacobian is larger, 8 by default.
    ///
    /// # Panics
    /// If `directions` is 0: the check would pass without having looked.
    #[must_use]
    pub fn directions(self, directions: usize) -> Self {
        assert!(
            directions > 0,
            "check: along 0 directions nothing would be checked"
        );
        Self { directions, ..self }
    }

    /// Checks `f` at `inputs`.
    ///
    /// # Errors
    /// As [`gradcheck`].
    ///
    /// # Panics
    /// As `f` does, and if an input is not of `f64`.
    pub fn run(&self, f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) -> Result<Report, Failure> {
        for (i, input) in inputs.iter().enumerate() {
            assert!(
                input.dtype() == DType::F64,
                "gradcheck: input {i} is of type {}, and differences need f64; cast it, as `x.cast(DType::F64)`",
                input.dtype()
            );
        }
        let mut problem = Problem::first(self, f, inputs)?;
        for _ in 1..self.order {
            problem = problem.differentiate()?;
        }
        let (rows, columns) = problem.size();
        self.judge(if rows * columns <= self.dense {
            problem.entries()
        } else {
            problem.directions()
        })
    }

    fn judge(&self, compared: Vec<Comparison>) -> Result<Report, Failure> {
        let (order, tolerance, entries) = (self.order, self.tolerance, compared.len());
        let error = |x: &Comparison| x.relative_error;
        let find = |verdict: Verdict| {
            let found = || compared.iter().filter(|x| x.verdict(tolerance) == verdict);
            let severity = |x: &Comparison| error(x).max(x.relative_bound());
            let worst = found().max_by(|a, b| severity(a).total_cmp(&severity(b)))?;
            Some(Box::new(Finding {
                order,
                verdict,
                worst: worst.clone(),
                tolerance,
                count: found().count(),
                entries,
            }))
        };
        if let Some(wrong) = find(Verdict::Wrong) {
            return Err(Failure::Wrong(wrong));
        }
        if let Some(undecided) = find(Verdict::Undecided) {
            return Err(Failure::Undecided(undecided));
        }
        let worst = compared
            .into_iter()
            .max_by(|a, b| error(a).total_cmp(&error(b)));
        Ok(Report {
            order,
            entries,
            worst,
        })
    }
}
