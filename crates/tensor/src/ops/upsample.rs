//! Stretching images and signals: each position of the result lies between two of the input.
//!
//! ```text
//! y[j] = (1 − f) · x[low] + f · x[low + 1],    low + f = the place of j in the input
//! ```
//!
//! along columns and rows in turn; nearest neighbours are the case f = 0. The adjoint hands each
//! position's cotangent back to the two it lies between, in the same shares.

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::shape::{self, Interpolation, Resampling, Shape};
use crate::simd::{Kernel, Math, Simd};
use crate::storage::Storage;

impl<T: Float> Array<T> {
    /// The last axes stretched to `size` by repeating nearest neighbours: `[.., positions]` for one
    /// size, `[.., rows, columns]` for two.
    ///
    /// # Panics
    /// If there are fewer axes than sizes, or a size is 0.
    #[track_caller]
    #[must_use]
    pub fn upsample_nearest<const N: usize>(&self, size: [usize; N]) -> Self {
        self.stretched("upsample_nearest", size, Interpolation::Nearest)
    }

    /// The last axes stretched to `size` along lines between neighbours: linear for one size,
    /// bilinear for two. With `align_corners` the outer positions coincide, else the outer edges.
    ///
    /// # Panics
    /// If there are fewer axes than sizes, or a size is 0.
    #[track_caller]
    #[must_use]
    pub fn upsample_linear<const N: usize>(&self, size: [usize; N], align_corners: bool) -> Self {
        let interpolation = if align_corners {
            Interpolation::LinearCorners
        } else {
            Interpolation::Linear
        };
        self.stretched("upsample_linear", size, interpolation)
    }

    #[track_caller]
    fn stretched<const N: usize>(
        &self,
        operation: &str,
        size: [usize; N],
        interpolation: Interpolation,
    ) -> Self {
        let rule = shape::resampling(operation, self.shape(), size, interpolation);
        let (shape, geometry) = rule.or_panic();
        self.resample(&geometry).with_shape(shape)
    }

    /// Planes `[planes, rows, columns]` in other sizes.
    ///
    /// # Panics
    /// If the number of elements is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn resample(&self, geometry: &Resampling) -> Self {
        check(self.shape(), geometry.input());
        let ([rows, columns], x) = (geometry.axes(), self.values());
        let (plane, stretched) = (area(geometry.from), area(geometry.to));
        let doubles = [(0, &rows), (1, &columns)].map(|(axis, p)| doubles(geometry.from[axis], p));
        Self::written(geometry.output(), |out| {
            in_blocks(out, stretched, stretched, &|first, out| {
                let x = &x[first * plane..];
                let (rows, columns) = (&rows, &columns);
                T::dispatch(Stretch {
                    geometry,
                    rows,
                    columns,
                    doubles,
                    x,
                    out,
                });
            });
        })
    }

    /// The adjoint of [`resample`](Self::resample): what each position of the given planes
    /// receives from these.
    ///
    /// # Panics
    /// If the number of elements is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn resample_adjoint(&self, geometry: &Resampling) -> Self {
        check(self.shape(), geometry.output());
        let ([rows, columns], y) = (geometry.axes(), self.values());
        let (plane, stretched) = (area(geometry.from), area(geometry.to));
        let doubles = [(0, &rows), (1, &columns)].map(|(axis, p)| doubles(geometry.from[axis], p));
        Self::written(geometry.input(), |out| {
            in_blocks(out, plane, stretched, &|first, out| {
                let y = &y[first * stretched..];
                let (rows, columns) = (&rows, &columns);
                T::dispatch(Gather {
                    geometry,
                    rows,
                    columns,
                    doubles,
                    y,
                    out,
                });
            });
        })
    }
}

#[track_caller]
fn check(shape: &Shape, planes: Shape) {
    assert!(
        shape.elements() == planes.elements(),
        "upsampling: {shape} where the geometry says {planes}"
    );
}

fn area([rows, columns]: [usize; 2]) -> usize {
    rows * columns
}

/// Where a position of the result lies between two of the input.
#[derive(Clone, Copy)]
struct Place<T> {
    low: usize,
    high: usize,
    /// The share of `high`; `low` has the rest.
    fraction: T,
}

impl<T: Float> Place<T> {
    /// Whether both are the same single position.
    #[inline(always)]
    fn is_same(&self, other: &Self) -> bool {
        (self.low, self.fraction, other.fraction) == (other.low, T::ZERO, T::ZERO)
    }
}

impl Resampling {
    fn axes<T: Float>(&self) -> [Vec<Place<T>>; 2] {
        [0, 1].map(|axis| {
            let (from, to, step) = (self.from[axis], self.to[axis], self.step[axis]);
            places(from, to, step, self.interpolation)
        })
    }
}

fn places<T: Float>(
    from: usize,
    to: usize,
    step: f64,
    interpolation: Interpolation,
) -> Vec<Place<T>> {
    let is_ratio = step == from as f64 / to as f64;
    let place = |j: usize| match interpolation {
        // In whole numbers: a rounded quotient could fall short of a position it should reach.
        Interpolation::Nearest if is_ratio => (j * from / to) as f64,
        Interpolation::Nearest => (j as f64 * step).floor(),
        Interpolation::Linear => ((j as f64 + 0.5) * step - 0.5).max(0.0),
        Interpolation::LinearCorners => j as f64 * (from - 1) as f64 / (to - 1).max(1) as f64,
    };
    (0..to)
        .map(|j| {
            // A step of its own may lead beyond the last position.
            let place = place(j).min((from - 1) as f64);
            let low = place as usize;
            Place {
                low,
                high: (low + 1).min(from - 1),
                fraction: T::from_f64(place - low as f64),
            }
        })
        .collect()
}

/// Some planes to stretch.
struct Stretch<'a, T> {
    geometry: &'a Resampling,
    rows: &'a [Place<T>],
    columns: &'a [Place<T>],
    /// Whether rows and columns [double](doubles).
    doubles: [bool; 2],
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Kernel<T> for Stretch<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let (from, to) = (self.geometry.from, self.geometry.to);
        if self.doubles == [true; 2] {
            return into_squares(simd, self.x, from[1], self.out);
        }
        let mut line = Storage::recycled(from[1]);
        let line = line.as_mut_slice();
        let planes = self
            .x
            .chunks_exact(area(from))
            .zip(self.out.chunks_exact_mut(area(to)));
        for (x, out) in planes {
            for (j, row) in self.rows.iter().enumerate() {
                let (done, rest) = out.split_at_mut(j * to[1]);
                let target = &mut rest[..to[1]];
                if j > 0 && row.is_same(&self.rows[j - 1]) {
                    // The same row again, as most are when neighbours are repeated.
                    target.copy_from_slice(&done[(j - 1) * to[1]..]);
                } else {
                    mix(
                        &x[row.low * from[1]..][..from[1]],
                        &x[row.high * from[1]..][..from[1]],
                        row.fraction,
                        line,
                    );
                    stretch(line, self.columns, self.doubles[1], target);
                }
            }
        }
    }
}

/// Rows of `width` numbers, each number as a square of four.
#[inline(always)]
fn into_squares<T: Float, S: Simd<T>>(simd: S, x: &[T], width: usize, out: &mut [T]) {
    let pairs = x.chunks_exact(width).zip(out.chunks_exact_mut(4 * width));
    for (x, out) in pairs {
        let (top, bottom) = out.split_at_mut(2 * width);
        let rows = top
            .chunks_mut(2 * S::LANES)
            .zip(bottom.chunks_mut(2 * S::LANES));
        for (x, (top, bottom)) in x.chunks(S::LANES).zip(rows) {
            let x = simd.load_part(x);
            let (low, high) = simd.zip(x, x);
            for out in [top, bottom] {
                let (first, second) = out.split_at_mut(S::LANES.min(out.len()));
                simd.store_part(low, first);
                simd.store_part(high, second);
            }
        }
    }
}

/// The adjoint of [`into_squares`]: the sum of each square.
#[inline(always)]
fn of_squares<T: Float, S: Simd<T>>(simd: S, y: &[T], width: usize, out: &mut [T]) {
    let pairs = y.chunks_exact(4 * width).zip(out.chunks_exact_mut(width));
    for (y, out) in pairs {
        let (top, bottom) = y.split_at(2 * width);
        let rows = top.chunks(2 * S::LANES).zip(bottom.chunks(2 * S::LANES));
        for ((top, bottom), out) in rows.zip(out.chunks_mut(S::LANES)) {
            let half = S::LANES.min(top.len());
            let [top, bottom] = [top, bottom].map(|row| row.split_at(half));
            let mut even = simd.add(simd.load_part(top.0), simd.load_part(bottom.0));
            let mut odd = simd.add(simd.load_part(top.1), simd.load_part(bottom.1));
            // Each shuffle rotates the bits of a position by one; as many as a vector's bring the
            // lowest bit of all to the front.
            for _ in 0..S::LANES.ilog2() {
                (even, odd) = simd.zip(even, odd);
            }
            simd.store_part(simd.add(even, odd), out);
        }
    }
}

/// `out` ← (1 − f) · `low` + f · `high`.
#[inline(always)]
fn mix<T: Float>(low: &[T], high: &[T], fraction: T, out: &mut [T]) {
    if fraction == T::ZERO {
        return out.copy_from_slice(low);
    }
    let rest = T::ONE - fraction;
    for ((slot, &a), &b) in out.iter_mut().zip(low).zip(high) {
        *slot = rest * a + fraction * b;
    }
}

/// One row in another size.
#[inline(always)]
fn stretch<T: Float>(line: &[T], columns: &[Place<T>], doubles: bool, out: &mut [T]) {
    if doubles {
        for (pair, &value) in out.as_chunks_mut::<2>().0.iter_mut().zip(line) {
            *pair = [value; 2];
        }
        return;
    }
    for (slot, place) in out.iter_mut().zip(columns) {
        *slot = if place.fraction == T::ZERO {
            line[place.low]
        } else {
            (T::ONE - place.fraction) * line[place.low] + place.fraction * line[place.high]
        };
    }
}

/// Whether every position of a row is repeated once, the most common case by far.
fn doubles<T: Float>(width: usize, columns: &[Place<T>]) -> bool {
    let mut places = columns.iter().enumerate();
    columns.len() == 2 * width
        && places.all(|(j, place)| place.low == j / 2 && place.fraction == T::ZERO)
}

/// Some planes of the adjoint.
struct Gather<'a, T> {
    geometry: &'a Resampling,
    rows: &'a [Place<T>],
    columns: &'a [Place<T>],
    /// Whether rows and columns [double](doubles).
    doubles: [bool; 2],
    y: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Kernel<T> for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let (from, to) = (self.geometry.from, self.geometry.to);
        if self.doubles == [true; 2] {
            return of_squares(simd, self.y, from[1], self.out);
        }
        let mut scratch = Storage::recycled(from[1] + to[1]);
        let (line, sums) = scratch.as_mut_slice().split_at_mut(from[1]);
        let planes = self
            .y
            .chunks_exact(area(to))
            .zip(self.out.chunks_exact_mut(area(from)));
        for (y, out) in planes {
            out.fill(T::ZERO);
            let mut rows = self.rows.iter().zip(y.chunks_exact(to[1])).peekable();
            while let Some((row, y)) = rows.next() {
                // Rows that go to the same place are added up before they are gathered.
                sums.copy_from_slice(y);
                while let Some((_, y)) = rows.next_if(|(next, _)| next.is_same(row)) {
                    sums.iter_mut()
                        .zip(y)
                        .for_each(|(sum, &value)| *sum += value);
                }
                gather(sums, self.columns, self.doubles[1], line);
                for (position, share) in
                    [(row.low, T::ONE - row.fraction), (row.high, row.fraction)]
                {
                    // Zero times an infinity would not be nothing.
                    if share != T::ZERO {
                        let target = &mut out[position * from[1]..][..from[1]];
                        target
                            .iter_mut()
                            .zip(&*line)
                            .for_each(|(sum, &value)| *sum += share * value);
                    }
                }
            }
        }
    }
}

/// The adjoint of [`stretch`].
#[inline(always)]
fn gather<T: Float>(y: &[T], columns: &[Place<T>], doubles: bool, line: &mut [T]) {
    if doubles {
        for (slot, &[a, b]) in line.iter_mut().zip(y.as_chunks::<2>().0) {
            *slot = a + b;
        }
        return;
    }
    line.fill(T::ZERO);
    for (place, &value) in columns.iter().zip(y) {
        if place.fraction == T::ZERO {
            line[place.low] += value;
        } else {
            line[place.low] += (T::ONE - place.fraction) * value;
            line[place.high] += place.fraction * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_abs_diff_eq, random};

    /// The definition, one position at a time.
    fn naive(x: &Array<f64>, geometry: &Resampling) -> Array<f64> {
        let place = |axis: usize, j: usize| {
            let (from, to) = (geometry.from[axis] as f64, geometry.to[axis] as f64);
            let j = j as f64;
            match geometry.interpolation {
                Interpolation::Nearest => (j * from / to + 1e-9).floor(),
                Interpolation::Linear => ((j + 0.5) * from / to - 0.5).clamp(0.0, from - 1.0),
                Interpolation::LinearCorners if to == 1.0 => 0.0,
                Interpolation::LinearCorners => j * (from - 1.0) / (to - 1.0),
            }
        };
        Array::from_fn(geometry.output(), |i| {
            let (row, column) = (place(0, i[1]), place(1, i[2]));
            let mut sum = 0.0;
            for r in 0..geometry.from[0] {
                for c in 0..geometry.from[1] {
                    let share = |at: f64, p: usize| (1.0 - (at - p as f64).abs()).max(0.0);
                    sum += share(row, r) * share(column, c) * x.at(&[i[0], r, c]);
                }
            }
            sum
        })
    }

    #[test]
    fn stretching_and_its_adjoint_follow_the_definition() {
        let mut rng = random::rng(70);
        for interpolation in [
            Interpolation::Nearest,
            Interpolation::Linear,
            Interpolation::LinearCorners,
        ] {
            for (from, to) in [
                ([1, 1], [3, 4]),
                ([4, 7], [8, 14]),
                ([5, 3], [7, 11]),
                ([9, 8], [4, 1]),
                ([6, 6], [6, 6]),
                ([14, 14], [28, 28]),
                ([2, 39], [4, 78]),
            ] {
                let geometry = Resampling {
                    planes: 50,
                    from,
                    to,
                    step: [0, 1].map(|axis| from[axis] as f64 / to[axis] as f64),
                    interpolation,
                };
                let x = Array::<f64>::normal(geometry.input(), 0.0, 1.0, &mut rng);
                let y = Array::<f64>::normal(geometry.output(), 0.0, 1.0, &mut rng);
                let stretched = x.resample(&geometry);
                let expected = naive(&x, &geometry);
                assert_abs_diff_eq!(stretched, expected, epsilon = 1e-13, "{geometry:?}");
                let forward = (&stretched * &y).sum(..).item();
                let back = (&y.resample_adjoint(&geometry) * &x).sum(..).item();
                assert_abs_diff_eq!(forward, back, epsilon = 1e-10, "{geometry:?}");
            }
        }
    }

    #[test]
    fn only_what_doubles_everywhere_is_doubled() {
        // Factors near 2 begin and end like it, here and there.
        for factor in [1.7, 1.9, 1.99, 2.0, 2.01, 2.1, 2.19, 2.3] {
            for width in 1..40 {
                let x = Array::<f64>::from_fn([width], |i| i[0] as f64);
                let rule = shape::resampling_by("", x.shape(), [factor], Interpolation::Nearest);
                let (shape, geometry) = rule.expect("one position at least");
                let y = x.resample(&geometry).with_shape(shape);
                let place = |j: usize| ((j as f64 / factor).floor()).min(width as f64 - 1.0);
                let expected: Vec<f64> = (0..y.elements()).map(place).collect();
                assert_eq!(y.to_vec(), expected, "{width} by {factor}");
                let back = Array::<f64>::ones(geometry.output()).resample_adjoint(&geometry);
                let count = |i: usize| expected.iter().filter(|&&place| place == i as f64).count();
                let counts: Vec<f64> = (0..width).map(|i| count(i) as f64).collect();
                assert_eq!(back.to_vec(), counts, "{width} by {factor}");
            }
        }
    }

    #[test]
    fn neighbours_are_repeated_as_they_are() {
        let x = Array::from_vec(vec![f32::INFINITY, 2.0], [1, 2]);
        assert_eq!(
            x.upsample_nearest([4]).to_vec(),
            [f32::INFINITY, f32::INFINITY, 2.0, 2.0]
        );
        assert_eq!(
            x.upsample_nearest([2, 2]).to_vec(),
            [f32::INFINITY, 2.0, f32::INFINITY, 2.0]
        );
        let x = Array::<f64>::from_vec(vec![0.0, 1.0], [2]);
        assert_eq!(
            x.upsample_linear([4], false).to_vec(),
            [0.0, 0.25, 0.75, 1.0]
        );
        assert_eq!(x.upsample_linear([3], true).to_vec(), [0.0, 0.5, 1.0]);
    }
}
