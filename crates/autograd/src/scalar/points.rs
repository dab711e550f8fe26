//! One function at many points, several of them at a time.
//!
//! What an operation costs beside its arithmetic is paid once for several points, and the arithmetic
//! is done in vectors ([`Lanes`]).

use std::cell::Cell;

use retrograd_tensor::simd::{Dispatch, Kernel, Math};

use super::function::{Few, Function, jacobian_into, record};
use super::lanes::{LANES, Lanes, diverged, have_diverged};
use super::real::Real;
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
/// assert_eq!(found, [(5.0, 0.6), (10.0, 0.8)]);
/// ```
pub fn jacobians<F: Function>(
    f: &F,
    points: usize,
    load: impl FnMut(usize, &mut [f64]),
    mut store: impl FnMut(usize, &[f64], &[f64]),
) {
    let outputs = f.outputs();
    let results = outputs * (1 + f.inputs());
    on_tape(|tape| {
        f64::dispatch(Blocks {
            shared: &[],
            points,
            own: f.inputs() + f.constants(),
            results,
            load,
            block: Jacobian(f, tape),
            store: each(results, |point, results: &[f64]| {
                let (y, rows) = results.split_at(outputs);
                store(point, y, rows);
            }),
        });
    });
}

/// The derivatives of Σ c·y over the results y of `f` at each of `points` points, by its inputs: weights
/// times Jacobian, in one sweep however many results there are.
///
/// `load(point, x, c)` writes the argument of a point and the weights of its results. `store(point, slopes)`
/// gets the derivatives; points come in order. Nothing is computed for points next to each other whose
/// weights are all 0. For vectors and branches see [`jacobians`].
///
/// ```
/// use retrograd_autograd::scalar::{Function, Real, pull_backs};
///
/// /// Polar coordinates.
/// struct Polar;
/// impl Function for Polar {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 2 }
///     #[inline(always)]
///     fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
///         y[0] = x[0] * x[1].cos();
///         y[1] = x[0] * x[1].sin();
///     }
/// }
///
/// let mut found = Vec::new();
/// let load = |i: usize, x: &mut [f64], c: &mut [f64]| {
///     x.copy_from_slice(&[2.0, 0.0]);
///     c[i] = 1.0;
///     c[1 - i] = 0.0;
/// };
/// pull_backs(&Polar, 2, load, |_, slopes| found.push([slopes[0], slopes[1]]));
/// assert_eq!(found, [[1.0, 0.0], [0.0, 2.0]]);
/// ```
pub fn pull_backs<F: Function>(
    f: &F,
    points: usize,
    mut load: impl FnMut(usize, &mut [f64], &mut [f64]),
    mut store: impl FnMut(usize, &[f64]),
) {
    let arguments = f.inputs() + f.constants();
    on_tape(|tape| {
        f64::dispatch(Blocks {
            shared: &[],
            points,
            own: arguments + f.outputs(),
            results: f.inputs(),
            load: |point, own: &mut [f64]| {
                let (x, weights) = own.split_at_mut(arguments);
                load(point, x, weights);
            },
            block: PullBack(f, tape),
            store: each(f.inputs(), |point, slopes: &[f64]| store(point, slopes)),
        });
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
    on_tape(|tape| {
        let variables = x.iter().map(|x| tape.variable(Lanes::from(*x)));
        let still = (0..f.constants()).map(|_| Scalar::from(0.0));
        let mut adjoints = vec![0.0.into(); 1 + f.inputs()];
        let block = Gradient {
            f,
            tape,
            x: variables.chain(still).collect(),
            y: vec![Scalar::from(0.0); f.outputs()],
            adjoints: &mut adjoints,
        };
        let value = sums(f, x, points, load, block, 1)[0];
        let slopes = adjoints[1..=f.inputs()].iter();
        (value, slopes.map(|lanes| lanes.0.iter().sum()).collect())
    })
}

/// Runs something on a cleared tape, whose memory is that of the last one in this thread.
fn on_tape<T>(run: impl FnOnce(&mut ScalarTape<Lanes>) -> T) -> T {
    thread_local! {
        static LAST: Cell<Option<ScalarTape<Lanes>>> = const { Cell::new(None) };
    }
    /// Nodes whose memory is worth keeping: a few megabytes.
    const FEW: usize = 1 << 14;
    let mut tape = LAST.take().unwrap_or_else(ScalarTape::new);
    tape.clear();
    let found = run(&mut tape);
    if tape.len() < FEW {
        LAST.set(Some(tape));
    }
    found
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
    /// Of the lanes, the first `count` are points.
    fn run(&mut self, x: &[Lanes], count: usize, results: &mut [Lanes]);
}

struct Values<'f, F>(&'f F);

impl<F: Function> Block for Values<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], _: usize, results: &mut [Lanes]) {
        self.0.eval(x, results);
    }
}

struct Jacobian<'f, F>(&'f F, &'f mut ScalarTape<Lanes>);

impl<F: Function> Block for Jacobian<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], _: usize, results: &mut [Lanes]) {
        self.1.clear();
        let (y, rows) = results.split_at_mut(self.0.outputs());
        jacobian_into(self.0, x, self.1, y, rows);
    }
}

struct PullBack<'f, F>(&'f F, &'f mut ScalarTape<Lanes>);

impl<F: Function> Block for PullBack<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], _: usize, slopes: &mut [Lanes]) {
        let Self(f, tape) = self;
        let (x, weights) = x.split_at(f.inputs() + f.constants());
        if weights.iter().all(|weight| weight.is_zero()) {
            slopes.fill(0.0.into());
            return;
        }
        tape.clear();
        let (mut on_tape, mut y) = (Few::new(), Few::new());
        record(*f, x, tape, &mut on_tape, &mut y);
        let results = y.iter().copied().zip(weights.iter().copied());
        let mut adjoints = tape.room.take();
        adjoints.clear();
        tape.pull(&mut adjoints, results);
        for (slope, x) in slopes.iter_mut().zip(&on_tape) {
            *slope = tape.entry::<1>(&adjoints, *x, 0);
        }
        tape.room.replace(adjoints);
    }
}

/// The inputs stay on the tape from block to block, and their adjoints are the sums so far.
struct Gradient<'t, F> {
    f: &'t F,
    tape: &'t ScalarTape<Lanes>,
    x: Vec<Scalar<'t, Lanes>>,
    y: Vec<Scalar<'t, Lanes>>,
    adjoints: &'t mut Vec<Lanes>,
}

impl<F: Function> Block for Gradient<'_, F> {
    #[inline(always)]
    fn run(&mut self, x: &[Lanes], count: usize, results: &mut [Lanes]) {
        let inputs = self.f.inputs();
        self.tape.rewind(inputs);
        for (own, x) in self.x[inputs..].iter_mut().zip(&x[inputs..]) {
            *own = Scalar::constant(*x);
        }
        self.f.eval(&self.x, &mut self.y);
        results[0] = self.y[0].value();
        if !have_diverged() {
            let mut weight = Lanes::from(0.0);
            weight.0[..count].fill(1.0);
            self.adjoints.truncate(1 + inputs);
            self.tape
                .pull(self.adjoints, [(self.y[0], weight)].into_iter());
        }
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

/// Rows become columns: to shuffle a deck of 2ⁿ cards n times, taking the halves in turns, is to do that.
#[inline(always)]
fn transposed(mut square: [Lanes; LANES]) -> [Lanes; LANES] {
    for _ in 0..LANES.ilog2() {
        let before = square;
        for i in 0..LANES / 2 {
            let (a, b) = (before[i], before[i + LANES / 2]);
            for j in 0..LANES {
                let pair = [a.0[j], b.0[j]];
                let to = &mut square[2 * i + j / (LANES / 2)].0[2 * j % LANES..];
                to[..2].copy_from_slice(&pair);
            }
        }
    }
    square
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
    fn run<S: Math<f64>>(mut self, simd: S) {
        let mut x = vec![Lanes::from(0.0); self.shared.len() + self.own];
        for (lanes, x) in x.iter_mut().zip(self.shared) {
            for lanes in lanes.0.chunks_exact_mut(S::LANES) {
                simd.store(simd.splat(*x), lanes);
            }
        }
        let mut y = vec![Lanes::from(0.0); self.results];
        // Whole squares of [LANES, LANES] numbers, which are turned around in vectors.
        let stride = self.own.next_multiple_of(LANES);
        let mut rows = vec![0.0; LANES * stride];
        let (mut next, mut alone_until) = (0, 0);
        // Nobody else's question is answered here.
        diverged();
        while next < self.points {
            let count = match next < alone_until {
                true => 1,
                false => LANES.min(self.points - next),
            };
            for (lane, row) in rows.chunks_exact_mut(stride.max(1)).enumerate() {
                // Lanes beyond the last point repeat it.
                (self.load)(next + lane.min(count - 1), &mut row[..self.own]);
            }
            for (i, x) in x[self.shared.len()..].chunks_mut(LANES).enumerate() {
                if let [x] = x {
                    // A square to turn for a single column would be more work than its numbers.
                    for (lane, row) in x.0.iter_mut().zip(rows.chunks_exact(stride)) {
                        *lane = row[i * LANES];
                    }
                    continue;
                }
                let mut square = [Lanes::from(0.0); LANES];
                for (lane, own) in square.iter_mut().enumerate() {
                    own.0
                        .copy_from_slice(&rows[lane * stride + i * LANES..][..LANES]);
                }
                x.copy_from_slice(&transposed(square)[..x.len()]);
            }
            self.block.run(&x, count, &mut y);
            if diverged() && count > 1 {
                alone_until = next + count;
                continue;
            }
            (self.store)(next, count, &y);
            next += count;
        }
    }
}
