//! Functions written once for any kind of number, and their derivatives by whichever mode costs less.
//!
//! A closure has one type of argument. What is to be computed with plain numbers, with duals and on tapes,
//! and with those inside each other, is a [`Function`]: a value with a generic method. The data it needs are
//! its fields.

use smallvec::{SmallVec, smallvec};

use super::duals::Duals;
use super::real::Real;
use super::tape::{Scalar, ScalarTape};

/// Most functions are small, and then nothing is allocated for their numbers.
pub(super) type Few<R> = SmallVec<[R; 8]>;

/// A function of several numbers with several results.
///
/// ```
/// use retrograd_autograd::scalar::{Function, Real, gradient_of, jacobian_of};
///
/// /// Where the sum of two arms ends, by their angles.
/// struct Hand { arms: [f64; 2] }
///
/// impl Function for Hand {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 2 }
///     fn eval<R: Real>(&self, angle: &[R], hand: &mut [R]) {
///         let [a, b] = self.arms;
///         hand[0] = a * angle[0].cos() + b * (angle[0] + angle[1]).cos();
///         hand[1] = a * angle[0].sin() + b * (angle[0] + angle[1]).sin();
///     }
/// }
///
/// let (hand, rows) = jacobian_of(&Hand { arms: [2.0, 1.0] }, &[0.0, 0.0]);
/// assert_eq!((hand, rows), (vec![3.0, 0.0], vec![0.0, 0.0, 3.0, 1.0]));
/// ```
pub trait Function {
    /// How many numbers it is differentiated by. They come first in its argument.
    fn inputs(&self) -> usize;
    /// How many results it has.
    fn outputs(&self) -> usize;
    /// How many constants follow the inputs.
    fn constants(&self) -> usize {
        0
    }
    /// y ← f(x).
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]);
}

/// Which way derivatives are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// With every number as it is computed: a run for some inputs at once.
    Forward,
    /// From the results back to the inputs: a sweep for some results at once.
    Reverse,
}

/// The value and the gradient of the first result of `f` at `x`, by reverse mode.
///
/// # Panics
/// If `x` has not as many numbers as `f` has inputs and constants, or `f` has no result.
#[must_use]
pub fn gradient_of<F: Function, R: Real>(f: &F, x: &[R]) -> (R, Vec<R>) {
    let mut slopes = vec![0.0.into(); f.inputs()];
    let mut tape = ScalarTape::new();
    let value = tape.gradient_into(f, x, Direction::Reverse, &mut slopes);
    (value, slopes)
}

impl<R: Real> ScalarTape<R> {
    /// The value of the first result of `f` at `x`, and its gradient into `slopes`, on the memory of this
    /// tape, which is cleared before. For functions that are differentiated again and again.
    ///
    /// ```
    /// use retrograd_autograd::scalar::{Direction, Function, Real, ScalarTape};
    ///
    /// /// Rosenbrock's valley.
    /// struct Valley;
    /// impl Function for Valley {
    ///     fn inputs(&self) -> usize { 2 }
    ///     fn outputs(&self) -> usize { 1 }
    ///     fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
    ///         y[0] = (1.0 - x[0]).square() + 100.0 * (x[1] - x[0].square()).square();
    ///     }
    /// }
    ///
    /// let (mut tape, mut slopes) = (ScalarTape::new(), [0.0; 2]);
    /// for direction in [Direction::Forward, Direction::Reverse] {
    ///     assert_eq!(tape.gradient_into(&Valley, &[2.0, 3.0], direction, &mut slopes), 101.0);
    ///     assert_eq!(slopes, [802.0, -200.0]);
    /// }
    /// ```
    ///
    /// # Panics
    /// If `x` or `slopes` have not the sizes of `f`, or `f` has no result.
    #[track_caller]
    pub fn gradient_into<F: Function>(
        &mut self,
        f: &F,
        x: &[R],
        direction: Direction,
        slopes: &mut [R],
    ) -> R {
        check(f, x.len());
        let mut y: Few<R> = smallvec![0.0.into(); f.outputs()];
        match direction {
            Direction::Forward => forward(f, x, &mut y, slopes, 1),
            Direction::Reverse => {
                self.clear();
                let (mut on_tape, mut results) = (Few::new(), Few::new());
                record(f, x, self, &mut on_tape, &mut results);
                self.jacobian_into(&results[..1], &on_tape[..f.inputs()], slopes);
                y[0] = results[0].value();
            }
        }
        y[0]
    }
}

/// The results of `f` at `x` and their derivatives, a row for each result: forwards if there are
/// fewer inputs than results, and backwards otherwise.
///
/// # Panics
/// If `x` has not as many numbers as `f` has inputs and constants.
#[must_use]
pub fn jacobian_of<F: Function, R: Real>(f: &F, x: &[R]) -> (Vec<R>, Vec<R>) {
    check(f, x.len());
    let mut y = vec![0.0.into(); f.outputs()];
    let mut rows = vec![0.0.into(); f.outputs() * f.inputs()];
    jacobian_into(f, x, &ScalarTape::new(), &mut y, &mut rows);
    (y, rows)
}

/// Functions are given what they ask for.
fn check<F: Function>(f: &F, arguments: usize) {
    let (inputs, constants) = (f.inputs(), f.constants());
    assert!(
        arguments == inputs + constants,
        "{arguments} numbers for a function of {inputs} inputs and {constants} constants"
    );
}

/// [`jacobian_of`] on a cleared tape.
#[inline(always)]
pub(super) fn jacobian_into<F: Function, R: Real>(
    f: &F,
    x: &[R],
    tape: &ScalarTape<R>,
    y: &mut [R],
    rows: &mut [R],
) {
    if f.inputs() < f.outputs() {
        forward(f, x, y, rows, f.outputs());
    } else {
        backwards(f, x, tape, y, rows);
    }
}

/// As many columns in a run as there are, up to 16, and the slopes of the first `results`.
#[inline(always)]
fn forward<F: Function, R: Real>(f: &F, x: &[R], y: &mut [R], rows: &mut [R], results: usize) {
    let rows = &mut rows[..results * f.inputs()];
    match f.inputs() {
        0 => f.eval(x, y),
        1 => forwards::<1, F, R>(f, x, y, rows),
        2 => forwards::<2, F, R>(f, x, y, rows),
        3..=4 => forwards::<4, F, R>(f, x, y, rows),
        _ => forwards::<16, F, R>(f, x, y, rows),
    }
}

/// `f` on a tape: its arguments, of which the inputs are there, and its results, both empty before. They are
/// filled where they stand, since to move them costs as much as a few operations.
#[inline(always)]
pub(super) fn record<'t, F: Function, R: Real>(
    f: &F,
    x: &[R],
    tape: &'t ScalarTape<R>,
    on_tape: &mut Few<Scalar<'t, R>>,
    results: &mut Few<Scalar<'t, R>>,
) {
    let (variables, constants) = x.split_at(f.inputs());
    // Pushed one by one, which is cheaper for a few numbers than an iterator.
    on_tape.reserve(x.len());
    for x in variables {
        on_tape.push(tape.variable(*x));
    }
    for x in constants {
        on_tape.push(Scalar::constant(*x));
    }
    results.reserve(f.outputs());
    for _ in 0..f.outputs() {
        results.push(Scalar::from(0.0));
    }
    f.eval(on_tape, results);
}

#[inline(always)]
fn backwards<F: Function, R: Real>(
    f: &F,
    x: &[R],
    tape: &ScalarTape<R>,
    y: &mut [R],
    rows: &mut [R],
) {
    let (mut on_tape, mut results) = (Few::new(), Few::new());
    record(f, x, tape, &mut on_tape, &mut results);
    tape.jacobian_here(&results, &on_tape[..f.inputs()], rows);
    for (y, result) in y.iter_mut().zip(results) {
        *y = result.value();
    }
}

/// `N` columns in each run.
#[inline(always)]
fn forwards<const N: usize, F: Function, R: Real>(f: &F, x: &[R], y: &mut [R], rows: &mut [R]) {
    let inputs = f.inputs();
    let mut moving: Few<Duals<N, R>> = SmallVec::with_capacity(x.len());
    for x in x {
        moving.push(Duals::constant(*x));
    }
    let mut results: Few<_> = smallvec![Duals::from(0.0); f.outputs()];
    for first in (0..inputs).step_by(N) {
        let columns = first..inputs.min(first + N);
        for (i, column) in columns.clone().enumerate() {
            moving[column] = Duals::variable(x[column], i);
        }
        f.eval(&moving, &mut results);
        for (row, result) in rows.chunks_exact_mut(inputs).zip(&results) {
            row[columns.clone()].copy_from_slice(&result.slopes[..columns.len()]);
        }
        for column in columns {
            moving[column] = Duals::constant(x[column]);
        }
    }
    for (y, result) in y.iter_mut().zip(results) {
        *y = result.value;
    }
}
