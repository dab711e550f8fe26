//! One function at many points, several of them at a time.
//!
//! What an operation costs beside its arithmetic is paid once for several points, and the arithmetic
//! is done in vectors ([`Lanes`]).

use retrograd_tensor::simd::{Dispatch, Kernel, Math};

use super::function::{Function, jacobian_into, recorded};
use super::lanes::{LANES, Lanes, diverged};
use super::tape::ScalarTape;

/// The results of `f` at each of `points` points.
///
/// `load(point, x)` writes the argument of a point, `store(point, y)` gets its results; points come in
/// order. For vectors and branches see [`jacobians`].
pub fn values<F: Function>(
    f: &F,
    points: usize,
    load: impl FnMut(usize, &mut [f64]),
    mut store: impl FnMut(usize, &[f64]),
) {
    f64::dispatch(Blocks {
        points,
        arguments: f.inputs() + f.constants(),
        results: f.outputs(),
        load,
        block: Values(f),
        store: |point, y: &[f64]| store(point, y),
    });
}

/// The results and the Jacobian of `f` at each of `points` points: small dense blocks of a large matrix
/// that is sparse.
///
/// `load(point, x)` writes the argument of a point, the constants after the inputs. `store(point, y, rows)`
/// gets the results and their derivatives, a row for each result; points come in order. As
/// [`jacobian_of`](super::jacobian_of) it goes forwards or backwards.
///
/// Where `eval` is marked `#[inline(always)]` it is compiled for the vectors of the machine. Points that
/// take different branches are computed one by one.
///
/// ```
/// use retrograd_autograd::scalar::{Function, Real, jacobians};
///
/// /// The distance of a point from the origin.
/// struct Distance;
/// impl Function for Distance {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     #[inline(always)]
///     fn eval<R: Real>(&self, x: &[R], y: &mut [R]) { y[0] = x[0].hypot(x[1]); }
/// }
///
/// let points = [[3.0, 4.0], [8.0, 6.0]];
/// let mut found = Vec::new();
/// jacobians(&Distance, 2, |i, x| x.copy_from_slice(&points[i]), |_, y, rows| {
///     found.push((y[0], rows[0]));
/// });
/// assert_eq!(found, [(5.0, 3.0 * 0.2), (10.0, 8.0 * 0.1)]);
/// ```
pub fn jacobians<F: Function>(
    f: &F,
    points: usize,
    load: impl FnMut(usize, &mut [f64]),
    mut store: impl FnMut(usize, &[f64], &[f64]),
) {
    let outputs = f.outputs();
    f64::dispatch(Blocks {
        points,
        arguments: f.inputs() + f.constants(),
        results: outputs * (1 + f.inputs()),
        load,
        block: Jacobian(f, ScalarTape::new()),
        store: |point, results: &[f64]| {
            let (y, rows) = results.split_at(outputs);
            store(point, y, rows);
        },
    });
}

/// The value and the gradient by the inputs of Σ f over `points` points, which share the inputs and have
/// constants of their own: a loss over samples, say.
///
/// `load(point, constants)` writes the constants of a point. The tape never holds more than a few points.
///
/// ```
/// use retrograd_autograd::scalar::{Function, Real, gradient_of_sum};
///
/// /// The squared error of a line.
/// struct Line;
/// impl Function for Line {
///     fn inputs(&self) -> usize { 2 }
///     fn constants(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     #[inline(always)]
///     fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
///         y[0] = (x[0] + x[1] * x[2] - x[3]).square();
///     }
/// }
///
/// let samples = [[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]];
/// let load = |i: usize, sample: &mut [f64]| sample.copy_from_slice(&samples[i]);
/// let (loss, slopes) = gradient_of_sum(&Line, &[0.0, 2.0], 3, load);
/// assert_eq!((loss, slopes), (3.0, vec![-6.0, -6.0]));
/// ```
///
/// # Panics
/// If `x` has not as many numbers as `f` has inputs, or `f` has no result.
#[must_use]
pub fn gradient_of_sum<F: Function>(
    f: &F,
    x: &[f64],
    points: usize,
    mut load: impl FnMut(usize, &mut [f64]),
) -> (f64, Vec<f64>) {
    let inputs = f.inputs();
    assert!(
        x.len() == inputs,
        "{} numbers for a function of {inputs} inputs",
        x.len()
    );
    let mut sums = vec![0.0; 1 + inputs];
    f64::dispatch(Blocks {
        points,
        arguments: inputs + f.constants(),
        results: 1 + inputs,
        load: |point, argument: &mut [f64]| {
            argument[..inputs].copy_from_slice(x);
            load(point, &mut argument[inputs..]);
        },
        block: Gradient(f, ScalarTape::new()),
        store: |_, results: &[f64]| {
            for (sum, result) in sums.iter_mut().zip(results) {
                *sum += result;
            }
        },
    });
    (sums[0], sums.split_off(1))
}

/// What is done with a block of points: the argument's lanes to the results'.
trait Block {
    fn run(&mut self, x: &[Lanes], results: &mut [Lanes]);
}

struct Values<'f, F>(&'f F);

impl<F: Function> Block for Values<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], results: &mut [Lanes]) {
        self.0.eval(x, results);
    }
}

struct Jacobian<'f, F>(&'f F, ScalarTape<Lanes>);

impl<F: Function> Block for Jacobian<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], results: &mut [Lanes]) {
        self.1.clear();
        let (y, rows) = results.split_at_mut(self.0.outputs());
        jacobian_into(self.0, x, &self.1, y, rows);
    }
}

struct Gradient<'f, F>(&'f F, ScalarTape<Lanes>);

impl<F: Function> Block for Gradient<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], results: &mut [Lanes]) {
        self.1.clear();
        let (x, y) = recorded(self.0, x, &self.1);
        results[0] = y[0].value();
        self.1
            .jacobian_here(&y[..1], &x[..self.0.inputs()], &mut results[1..]);
    }
}

/// A loop over points, [`LANES`] at a time.
struct Blocks<Load, B, Store> {
    points: usize,
    arguments: usize,
    results: usize,
    load: Load,
    block: B,
    store: Store,
}

impl<Load, B, Store> Kernel<f64> for Blocks<Load, B, Store>
where
    Load: FnMut(usize, &mut [f64]),
    B: Block,
    Store: FnMut(usize, &[f64]),
{
    type Output = ();

    #[inline(always)]
    fn run<S: Math<f64>>(mut self, _: S) {
        let mut x = vec![Lanes::from(0.0); self.arguments];
        let mut y = vec![Lanes::from(0.0); self.results];
        let mut argument = vec![0.0; self.arguments];
        let mut result = vec![0.0; self.results];
        // Nobody else's question is answered here.
        diverged();
        for first in (0..self.points).step_by(LANES) {
            let points = first..self.points.min(first + LANES);
            // Lanes beyond the last point repeat it.
            for lane in 0..LANES {
                (self.load)((first + lane).min(self.points - 1), &mut argument);
                spread(&argument, &mut x, lane);
            }
            self.block.run(&x, &mut y);
            let one_by_one = diverged();
            for (lane, point) in points.enumerate() {
                if one_by_one {
                    (self.load)(point, &mut argument);
                    for (x, argument) in x.iter_mut().zip(&argument) {
                        *x = Lanes::from(*argument);
                    }
                    self.block.run(&x, &mut y);
                }
                for (result, y) in result.iter_mut().zip(&y) {
                    *result = y.0[lane];
                }
                (self.store)(point, &result);
            }
            diverged();
        }
    }
}

/// Puts a point into its lane.
#[inline(always)]
fn spread(argument: &[f64], x: &mut [Lanes], lane: usize) {
    for (x, argument) in x.iter_mut().zip(argument) {
        x.0[lane] = *argument;
    }
}
