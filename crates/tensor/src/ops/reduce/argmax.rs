//! Where the largest element is, or the smallest: one walk along the axis.
//!
//! The best so far and its place are lanes of two vectors. Numbers are ordered, so of two elements the later
//! one takes the place if it is not at most as good; where there is a NaN, which is not, the walk is
//! done again one by one.

use crate::array::Array;
use crate::element::Float;
use crate::ops::blocks::in_blocks;
use crate::parallel;
use crate::shape::{Axes, ReducedAxes};
use crate::simd::{Kernel, MAX_LANES, Math};

/// Elements that are walked over by one task.
const TASK: usize = 1 << 15;
/// Vectors of columns that are walked down together, so that comparisons need not wait for each other.
const TOGETHER: usize = 4;

impl<T: Float> Array<T> {
    /// Position of the largest element along one axis, the first of equals; a NaN counts as largest.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmax(&self, axis: isize) -> Array<i64> {
        let axes = self.filled_axes("argmax", &Axes::from(axis));
        self.position::<false>(axes)
    }

    /// Position of the smallest element along one axis, the first of equals; a NaN counts as smallest.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmin(&self, axis: isize) -> Array<i64> {
        let axes = self.filled_axes("argmin", &Axes::from(axis));
        self.position::<true>(axes)
    }

    /// The position of the extreme along the one axis of `axes`.
    fn position<const LEAST: bool>(&self, axes: ReducedAxes) -> Array<i64> {
        let shape = self.shape();
        let axis = (0..self.rank()).find(|&axis| axes.contains(axis));
        let axis = axis.expect("one axis was named");
        let (size, stride) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        let group = size * stride;
        let values = self.values();
        let walk = |x, out: &mut [i64]| {
            T::dispatch(Walk::<'_, T, LEAST> {
                x,
                size,
                stride,
                out,
            });
        };
        Array::written(axes.result(shape), |out| {
            if out.len() == stride {
                // One group, cut by columns.
                let width = (TASK / size.max(1)).max(64);
                parallel::for_each_chunk(out, width, &|chunk, out| {
                    walk(&values[chunk * width..], out);
                });
            } else {
                in_blocks(out, stride, group, &|first, out| {
                    walk(&values[first * group..], out);
                });
            }
        })
    }
}

/// Down columns that are `stride` elements apart in steps of `size`: those of one group, of which `out` may
/// be a part, or of several whole groups.
struct Walk<'a, T, const LEAST: bool> {
    x: &'a [T],
    size: usize,
    stride: usize,
    out: &'a mut [i64],
}

impl<T: Float, const LEAST: bool> Kernel<T> for Walk<'_, T, LEAST> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Self {
            x,
            size,
            stride,
            out,
        } = self;
        // Integers up to here are numbers of the type, so a place can be one.
        let is_countable = size as f64 <= 2.0 / T::EPSILON.to_f64();
        let groups = x.chunks(size * stride);
        for (x, out) in groups.zip(out.chunks_mut(stride)) {
            match out {
                [place] if stride == 1 => {
                    let along = |at: usize| x[at];
                    let whole = size >= 2 * S::LANES && is_countable;
                    let found = whole.then(|| along_row::<T, S, LEAST>(simd, &x[..size]));
                    *place = found
                        .flatten()
                        .unwrap_or_else(|| one_by_one::<T, LEAST>(size, along));
                }
                _ => {
                    let mut first = 0;
                    for out in out.chunks_mut(TOGETHER * S::LANES) {
                        let x = &x[first..];
                        first += out.len();
                        if !(is_countable
                            && down_columns::<T, S, LEAST>(simd, x, [size, stride], out))
                        {
                            for (column, place) in out.iter_mut().enumerate() {
                                *place = one_by_one::<T, LEAST>(size, |at| x[at * stride + column]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether the best so far stays in its place where `x` comes later.
#[inline(always)]
fn stays<T, S: Math<T>, const LEAST: bool>(simd: S, best: S::Vector, x: S::Vector) -> S::Mask {
    match LEAST {
        true => simd.less_equal(best, x),
        false => simd.less_equal(x, best),
    }
}

/// The places in columns next to each other; false, and nothing, if there is a NaN.
#[inline(always)]
fn down_columns<T: Float, S: Math<T>, const LEAST: bool>(
    simd: S,
    x: &[T],
    [size, stride]: [usize; 2],
    out: &mut [i64],
) -> bool {
    let zero = simd.splat(T::ZERO);
    let load = |at: usize, vector: usize| {
        let columns = (vector * S::LANES).min(out.len())..out.len();
        simd.load_part(&x[at * stride..][columns])
    };
    let mut best = [zero; TOGETHER];
    for (vector, best) in best.iter_mut().enumerate() {
        *best = load(0, vector);
    }
    let mut places = [zero; TOGETHER];
    let mut ordered = simd.equal(zero, zero);
    for &best in &best {
        ordered = simd.both(ordered, simd.equal(best, best));
    }
    for at in 1..size {
        let here = simd.splat(T::from_f64(at as f64));
        for vector in 0..TOGETHER {
            let x = load(at, vector);
            ordered = simd.both(ordered, simd.equal(x, x));
            let stays = stays::<T, S, LEAST>(simd, best[vector], x);
            best[vector] = simd.select(stays, best[vector], x);
            places[vector] = simd.select(stays, places[vector], here);
        }
    }
    let is_ordered = simd.all(ordered);
    if is_ordered {
        for (out, places) in out.chunks_mut(S::LANES).zip(places) {
            let mut lanes = [T::ZERO; MAX_LANES];
            simd.store_part(places, &mut lanes[..S::LANES]);
            for (place, lane) in out.iter_mut().zip(lanes) {
                *place = lane.to_f64() as i64;
            }
        }
    }
    is_ordered
}

/// The place in a row of two vectors or more; none if there is a NaN.
#[inline(always)]
fn along_row<T: Float, S: Math<T>, const LEAST: bool>(simd: S, row: &[T]) -> Option<i64> {
    let mut best = simd.load(row);
    let mut starts = simd.splat(T::ZERO);
    let mut ordered = simd.equal(best, best);
    // The last vector may overlap the one before it.
    let last = row.len() - S::LANES;
    for start in (S::LANES..last).step_by(S::LANES).chain([last]) {
        let x = simd.load(&row[start..]);
        ordered = simd.both(ordered, simd.equal(x, x));
        let stays = stays::<T, S, LEAST>(simd, best, x);
        best = simd.select(stays, best, x);
        starts = simd.select(stays, starts, simd.splat(T::from_f64(start as f64)));
    }
    if !simd.all(ordered) {
        return None;
    }
    let (mut values, mut places) = ([T::ZERO; MAX_LANES], [T::ZERO; MAX_LANES]);
    simd.store_part(best, &mut values[..S::LANES]);
    simd.store_part(starts, &mut places[..S::LANES]);
    let candidates = values.into_iter().zip(places).enumerate().take(S::LANES);
    let candidates =
        candidates.map(|(lane, (value, start))| (value, start.to_f64() as i64 + lane as i64));
    let better = |(best, place), (value, at)| {
        let wins = if LEAST { value < best } else { value > best };
        match wins || (value == best && at < place) {
            true => (value, at),
            false => (best, place),
        }
    };
    candidates.reduce(better).map(|(_, place)| place)
}

/// The place of the first NaN, or else of the extreme.
#[inline(always)]
fn one_by_one<T: Float, const LEAST: bool>(size: usize, x: impl Fn(usize) -> T) -> i64 {
    let (mut best, mut place) = (x(0), 0);
    for at in 1..size {
        let x = x(at);
        let wins = if LEAST { x < best } else { x > best };
        if wins || (x.is_nan() && !best.is_nan()) {
            (best, place) = (x, at);
        }
    }
    place as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn the_first_of_equals_is_taken() {
        let x = Array::from_vec(vec![1.0_f32, 3.0, 3.0, 0.0, f32::NAN, 9.0], [2, 3]);
        assert_eq!(x.argmax(1).to_vec(), [1, 1]);
        assert_eq!(x.argmax(-2).to_vec(), [0, 1, 1]);
        assert!(x.max(1).to_vec()[1].is_nan());
        assert_eq!(x.argmin(1).to_vec(), [0, 1]);
        assert_eq!(x.argmin(0).to_vec(), [1, 1, 0]);
        assert!(x.min(1).to_vec()[1].is_nan());
    }

    #[test]
    #[should_panic(expected = "argmin: [2, 0]: there is no element to reduce")]
    fn of_nothing_nothing_is_smallest() {
        let _ = Array::<f32>::zeros([2, 0]).argmin(1);
    }

    /// 2²⁴ + 1 is no number of `f32`, so it cannot be the place in a lane.
    #[test]
    fn an_axis_may_be_longer_than_the_type_can_count() {
        let (size, place) = ((1 << 24) + 3, (1 << 24) + 1);
        let mut values = vec![0.0_f32; 2 * size];
        values[2 * place + 1] = 1.0;
        let x = Array::from_vec(values, [size, 2]);
        assert_eq!(x.argmax(0).to_vec(), [0, place as i64]);
    }

    #[test]
    fn positions_are_those_of_a_walk_along_the_axis() {
        let x = Array::<f64>::normal([7, 33, 5], 0.0, 1.0, &mut random::rng(1));
        // Few values, so that there are many equals.
        let some = x.map(|v| if v > 1.5 { f64::NAN } else { v.round() });
        let none = x.map(f64::round);
        let wide = Array::<f64>::normal([3, 70, 1], 0.0, 9.0, &mut random::rng(2)).map(f64::round);
        for view in [
            some.clone(),
            none.clone(),
            some.permute(&[2, 0, 1]),
            none.permute(&[2, 0, 1]),
            none.permute(&[0, 2, 1]),
            some.flip(1),
            wide.slice(0, 1..2),
            wide,
        ] {
            for (axis, sign) in [0, 1, 2]
                .into_iter()
                .flat_map(|axis| [(axis, 1.0), (axis, -1.0)])
            {
                let walked = Array::<f64>::from_fn(view.shape().with(axis, 1), |index| {
                    let mut index = index.to_vec();
                    let mut value = |i| {
                        index[axis] = i;
                        sign * view.at(&index)
                    };
                    let beats = |a: f64, b: f64| a > b || (a.is_nan() && !b.is_nan());
                    let better = |best, i| {
                        if beats(value(i), value(best)) {
                            i
                        } else {
                            best
                        }
                    };
                    (1..view.shape()[axis]).fold(0, better) as f64
                });
                let axis = axis as isize;
                let single = view.cast::<f32>();
                let found = match sign > 0.0 {
                    true => [view.argmax(axis), single.argmax(axis)],
                    false => [view.argmin(axis), single.argmin(axis)],
                };
                for found in found {
                    assert!(found.iter().map(|i| i as f64).eq(walked.iter()));
                }
            }
        }
    }
}
