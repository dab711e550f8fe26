//! One function at many points, several of them at a time.
//!
//! What an operation costs beside its arithmetic is paid once for several points, and the arithmetic
//! is done in vectors ([`Lanes`]).

use retrograd_tensor::simd::{Dispatch, Kernel, Math};

use super::function::{Function, jacobian_into};
use super::lanes::{LANES, Lanes, diverged};
use super::tape::{Scalar, ScalarTape};

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
        shared: &[],
        points,
        own: f.inputs() + f.constants(),
        results: f.outputs(),
        load,
        block: Values(f),
        store: each(f.outputs(), |point, y: &[f64]| store(point, y)),
    });
}

/// y ← f(x). Where `eval` is marked `#[inline(always)]`, its loops are compiled for the vectors of the
/// machine.
pub fn value_into<F: Function>(f: &F, x: &[f64], y: &mut [f64]) {
    struct Value<'v, F>(&'v F, &'v [f64], &'v mut [f64]);

    impl<F: Function> Kernel<f64> for Value<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run<S: Math<f64>>(self, _: S) {
            self.0.eval(self.1, self.2);
        }
    }

    f64::dispatch(Value(f, x, y));
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
    let results = outputs * (1 + f.inputs());
    f64::dispatch(Blocks {
        shared: &[],
        points,
        own: f.inputs() + f.constants(),
        results,
        load,
        block: Jacobian(f, ScalarTape::new()),
        store: each(results, |point, results: &[f64]| {
            let (y, rows) = results.split_at(outputs);
            store(point, y, rows);
        }),
    });
}

/// Σ f over `points` points, which share the inputs `x` and have constants of their own.
///
/// As [`gradient_of_sum`], without the gradient.
///
/// # Panics
/// If `x` has not as many numbers as `f` has inputs, or `f` has no result.
#[must_use]
pub fn sum_of<F: Function>(
    f: &F,
    x: &[f64],
    points: usize,
    load: impl FnMut(usize, &mut [f64]),
) -> f64 {
    sums(f, x, points, load, Values(f), f.outputs())[0]
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
    load: impl FnMut(usize, &mut [f64]),
) -> (f64, Vec<f64>) {
    let tape = ScalarTape::new();
    let variables = x.iter().map(|x| tape.variable(Lanes::from(*x)));
    let still = (0..f.constants()).map(|_| Scalar::from(0.0));
    let block = Gradient {
        f,
        tape: &tape,
        x: variables.chain(still).collect(),
        y: vec![Scalar::from(0.0); f.outputs()],
    };
    let mut sums = sums(f, x, points, load, block, 1 + f.inputs());
    (sums[0], sums.split_off(1))
}

/// The sums of all results of a block over all points.
fn sums<F: Function>(
    f: &F,
    shared: &[f64],
    points: usize,
    load: impl FnMut(usize, &mut [f64]),
    block: impl Block,
    results: usize,
) -> Vec<f64> {
    assert!(
        shared.len() == f.inputs(),
        "{} numbers for a function of {} inputs",
        shared.len(),
        f.inputs()
    );
    let mut sums = vec![Lanes::from(0.0); results];
    f64::dispatch(Blocks {
        shared,
        points,
        own: f.constants(),
        results,
        load,
        block,
        store: |_, count: usize, results: &[Lanes]| {
            for (sum, result) in sums.iter_mut().zip(results) {
                if count == LANES {
                    *sum += *result;
                } else {
                    sum.0[0] += result.0[..count].iter().sum::<f64>();
                }
            }
        },
    });
    sums.iter().map(|sum| sum.0.iter().sum()).collect()
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

/// The inputs stay on the tape from block to block.
struct Gradient<'t, F> {
    f: &'t F,
    tape: &'t ScalarTape<Lanes>,
    x: Vec<Scalar<'t, Lanes>>,
    y: Vec<Scalar<'t, Lanes>>,
}

impl<F: Function> Block for Gradient<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], results: &mut [Lanes]) {
        let inputs = self.f.inputs();
        self.tape.rewind(inputs);
        for (own, x) in self.x[inputs..].iter_mut().zip(&x[inputs..]) {
            *own = Scalar::constant(*x);
        }
        self.f.eval(&self.x, &mut self.y);
        results[0] = self.y[0].value();
        let (_, slopes) = results.split_at_mut(1);
        self.tape
            .jacobian_here(&self.y[..1], &self.x[..inputs], slopes);
    }
}

/// Hands out the results of a block point by point.
fn each(
    results: usize,
    mut store: impl FnMut(usize, &[f64]),
) -> impl FnMut(usize, usize, &[Lanes]) {
    let mut own = vec![0.0; results];
    move |first, count, results| {
        for lane in 0..count {
            for (own, result) in own.iter_mut().zip(results) {
                *own = result.0[lane];
            }
            store(first + lane, &own);
        }
    }
}

/// A loop over points, [`LANES`] at a time.
struct Blocks<'x, Load, B, Store> {
    /// The numbers that all points have in common, which come first.
    shared: &'x [f64],
    points: usize,
    /// How many numbers a point has of its own.
    own: usize,
    results: usize,
    load: Load,
    block: B,
    store: Store,
}

impl<Load, B, Store> Kernel<f64> for Blocks<'_, Load, B, Store>
where
    Load: FnMut(usize, &mut [f64]),
    B: Block,
    Store: FnMut(usize, usize, &[Lanes]),
{
    type Output = ();

    #[inline(always)]
    fn run<S: Math<f64>>(mut self, _: S) {
        let shared = self.shared.iter().map(|x| Lanes::from(*x));
        let mut x: Vec<_> = shared.collect();
        x.resize(x.len() + self.own, 0.0.into());
        let mut y = vec![Lanes::from(0.0); self.results];
        let mut row = vec![0.0; self.own];
        let (mut next, mut alone_until) = (0, 0);
        // Nobody else's question is answered here.
        diverged();
        while next < self.points {
            let count = match next < alone_until {
                true => 1,
                false => LANES.min(self.points - next),
            };
            // Lanes beyond the last point repeat it.
            for lane in 0..LANES {
                (self.load)(next + lane.min(count - 1), &mut row);
                for (x, own) in x[self.shared.len()..].iter_mut().zip(&row) {
                    x.0[lane] = *own;
                }
            }
            self.block.run(&x, &mut y);
            if diverged() && count > 1 {
                alone_until = next + count;
                continue;
            }
            (self.store)(next, count, &y);
            next += count;
        }
    }
}
