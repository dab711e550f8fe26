//! Parts of a computation whose record need not be kept.
//!
//! What a tape keeps grows with the number of operations. Two ways make it smaller:
//!
//! - **Preaccumulation.** A region with one result is swept as soon as it is recorded, and leaves nothing
//!   but its slopes with respect to what went into it. No operation is computed twice.
//! - **Checkpointing.** Of a recurrence only the states are kept. The sweep records one step at a time, from
//!   the last to the first, so every step is computed twice and one is on the tape.

use super::function::Function;
use super::real::Real;
use super::rules::Chain;
use super::tape::{Scalar, ScalarTape};

impl<R: Real> ScalarTape<R> {
    /// f(inputs), on this tape as a single operation.
    ///
    /// The region has a tape of its own, which lends nothing out; what it is to depend on has to
    /// come by `inputs`.
    ///
    /// ```
    /// use retrograd_autograd::scalar::ScalarTape;
    ///
    /// let tape = ScalarTape::new();
    /// let x = [tape.variable(1.5), tape.variable(2.0)];
    /// let power = tape.preaccumulate(&x, |x| (0..1000).fold(x[0], |y, _| y * 0.99 + x[1]));
    /// assert_eq!(tape.len(), 3);
    /// assert!((power.backward().of(x[0]) - 0.99_f64.powi(1000)).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn preaccumulate<'t>(
        &'t self,
        inputs: &[Scalar<'t, R>],
        f: impl for<'s> FnOnce(&[Scalar<'s, R>]) -> Scalar<'s, R>,
    ) -> Scalar<'t, R> {
        let mut region = self.spare.take().unwrap_or_else(|| Box::new(Self::new()));
        region.clear();
        let inner: Vec<_> = inputs
            .iter()
            .map(|x| {
                if x.is_constant() {
                    Scalar::constant(x.value())
                } else {
                    region.variable(x.value())
                }
            })
            .collect();
        let y = f(&inner);
        let slopes = y.backward();
        let slope = |x: Scalar<'_, R>| match x.is_constant() {
            true => 0.0.into(),
            false => slopes.of(x),
        };
        let result = Scalar::nary(y.value(), inputs.len(), |i| (&inputs[i], slope(inner[i])));
        drop(slopes);
        self.spare.replace(Some(region));
        result
    }
}

/// What comes of a recurrence, and its derivatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    /// The last state.
    pub state: Vec<f64>,
    /// The derivatives with respect to the first state.
    pub of_start: Vec<f64>,
    /// The derivatives with respect to the parameters.
    pub of_parameters: Vec<f64>,
}

/// s ← f(s, p), `steps` times, and the derivatives of Σ c·s over the last state, whose weights c are the
/// `cotangent` of it.
///
/// The variables of `step` are the state and then the parameters; its results are the next state. Memory is
/// a copy of the state and the record of one step, however many there are.
///
/// ```
/// use retrograd_autograd::scalar::{Function, Real, recurrence};
///
/// /// s ← s·p
/// struct Growth;
/// impl Function for Growth {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<R: Real>(&self, x: &[R], y: &mut [R]) { y[0] = x[0] * x[1]; }
/// }
///
/// let found = recurrence(&Growth, &[3.0], &[1.1], 10, |last| vec![1.0; last.len()]);
/// assert!((found.of_start[0] - 1.1_f64.powi(10)).abs() < 1e-14);
/// assert!((found.of_parameters[0] - 30.0 * 1.1_f64.powi(9)).abs() < 1e-13);
/// ```
///
/// # Panics
/// If the sizes of `step` are not those of state and parameters.
#[must_use]
pub fn recurrence<F: Function>(
    step: &F,
    start: &[f64],
    parameters: &[f64],
    steps: usize,
    cotangent: impl FnOnce(&[f64]) -> Vec<f64>,
) -> Recurrence {
    let n = start.len();
    assert!(
        step.outputs() == n && step.inputs() == n + parameters.len(),
        "recurrence: a step of {} inputs and {} outputs for a state of {n} and {} parameters",
        step.inputs(),
        step.outputs(),
        parameters.len()
    );
    let mut states = vec![0.0; (steps + 1) * n];
    states[..n].copy_from_slice(start);
    let mut x = [start, parameters].concat();
    for i in 1..=steps {
        let next = &mut states[i * n..(i + 1) * n];
        step.eval(&x, next);
        x[..n].copy_from_slice(next);
    }
    let mut adjoint = cotangent(&x[..n]);
    let state = x[..n].to_vec();
    let mut of_parameters = vec![0.0; parameters.len()];
    let mut tape = ScalarTape::new();
    let mut slopes = vec![0.0; x.len()];
    for i in (0..steps).rev() {
        x[..n].copy_from_slice(&states[i * n..(i + 1) * n]);
        tape.clear();
        step_back(&tape, step, &x, &adjoint, &mut slopes);
        adjoint.copy_from_slice(&slopes[..n]);
        for (total, slope) in of_parameters.iter_mut().zip(&slopes[n..]) {
            *total += slope;
        }
    }
    Recurrence {
        state,
        of_start: adjoint,
        of_parameters,
    }
}

/// From the adjoint of a step's results to those of what went into it.
fn step_back<F: Function>(
    tape: &ScalarTape,
    step: &F,
    x: &[f64],
    adjoint: &[f64],
    slopes: &mut [f64],
) {
    let x: Vec<_> = x.iter().map(|x| tape.variable(*x)).collect();
    let mut y = vec![Scalar::from(0.0); adjoint.len()];
    step.eval(&x, &mut y);
    let results: Vec<_> = y.into_iter().zip(adjoint.iter().copied()).collect();
    tape.backward_from(&results).collect_into(&x, slopes);
}
