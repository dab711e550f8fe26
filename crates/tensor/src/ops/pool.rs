//! Pooling: the largest or the mean of what each window sees.
//!
//! The largest is reported by its position, the first of equals, as a flat index into its plane;
//! reading there is [`gather`](Array::gather), and its adjoint
//! [`scatter_add`](Array::scatter_add). A NaN counts as largest.

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::shape::{self, PoolGeometry, Pooling, Shape, Sliding};
use crate::simd::{Kernel, Math};
use crate::storage::Storage;

impl<T: Float> Array<T> {
    /// Largest of each window of `[.., positions]`; see [`max_pool_positions`](Self::max_pool_positions).
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool1d(&self, options: &Pooling<1>) -> Self {
        let (shape, geometry) = shape::pooling("max_pool1d", self.shape(), options).or_panic();
        self.max_pool(shape, &geometry)
    }

    /// Largest of each window of `[.., rows, columns]`; see
    /// [`max_pool_positions`](Self::max_pool_positions).
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool2d(&self, options: &Pooling<2>) -> Self {
        let (shape, geometry) = shape::pooling("max_pool2d", self.shape(), options).or_panic();
        self.max_pool(shape, &geometry)
    }

    /// Mean of each window of `[.., positions]`; see [`average_pool`](Self::average_pool).
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool1d(&self, options: &Pooling<1>, count_padding: bool) -> Self {
        let (shape, geometry) = shape::pooling("avg_pool1d", self.shape(), options).or_panic();
        self.average_pool(&geometry, count_padding)
            .with_shape(shape)
    }

    /// Mean of each window of `[.., rows, columns]`; see [`average_pool`](Self::average_pool).
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d(&self, options: &Pooling<2>, count_padding: bool) -> Self {
        let (shape, geometry) = shape::pooling("avg_pool2d", self.shape(), options).or_panic();
        self.average_pool(&geometry, count_padding)
            .with_shape(shape)
    }

    #[track_caller]
    fn max_pool(&self, shape: Shape, geometry: &PoolGeometry) -> Self {
        let planes = self.contiguous().with_shape(geometry.planes_in());
        planes
            .gather(&self.max_pool_positions(geometry))
            .with_shape(shape)
    }

    /// For each window `[planes, windows]`, where in its plane `[rows · columns]` the largest
    /// element is that it sees: the first of equals, or the first NaN.
    ///
    /// # Panics
    /// If the number of elements is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn max_pool_positions(&self, geometry: &PoolGeometry) -> Array<i64> {
        geometry.check(self.shape(), geometry.planes_in());
        let (x, plane) = (self.values(), size(geometry.axes, |axis| axis.input));
        let windows = size(geometry.axes, |axis| axis.output);
        Array::written(geometry.planes_out(), |out| {
            in_blocks(out, windows, plane + windows, &|first, out| {
                let x = &x[first * plane..];
                let axes = geometry.axes;
                T::dispatch(WindowMaxima { axes, x, out });
            });
        })
    }

    /// Mean of each window, `[planes, windows]`: the sum of what it sees, divided by the number of
    /// its taps inside the plane and, if `count_padding`, inside the padding around it.
    ///
    /// # Panics
    /// If the number of elements is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn average_pool(&self, geometry: &PoolGeometry, count_padding: bool) -> Self {
        geometry.check(self.shape(), geometry.planes_in());
        let (x, plane) = (self.values(), size(geometry.axes, |axis| axis.input));
        let windows = size(geometry.axes, |axis| axis.output);
        let weights = weights::<T>(geometry.axes, count_padding);
        Self::written(geometry.planes_out(), |out| {
            in_blocks(out, windows, plane + windows, &|first, out| {
                out.fill(T::ZERO);
                for (x, out) in x[first * plane..]
                    .chunks(plane)
                    .zip(out.chunks_mut(windows))
                {
                    taps(geometry.axes, |window, position| out[window] += x[position]);
                    out.iter_mut()
                        .zip(&weights)
                        .for_each(|(sum, &weight)| *sum *= weight);
                }
            });
        })
    }

    /// The adjoint of [`average_pool`](Self::average_pool): from `[planes, windows]` to what each
    /// position `[planes, rows · columns]` receives.
    ///
    /// # Panics
    /// If the number of elements is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn average_unpool(&self, geometry: &PoolGeometry, count_padding: bool) -> Self {
        geometry.check(self.shape(), geometry.planes_out());
        let (y, plane) = (self.values(), size(geometry.axes, |axis| axis.input));
        let windows = size(geometry.axes, |axis| axis.output);
        let weights = weights::<T>(geometry.axes, count_padding);
        Self::written(geometry.planes_in(), |out| {
            in_blocks(out, plane, plane + windows, &|first, out| {
                out.fill(T::ZERO);
                for (y, out) in y[first * windows..]
                    .chunks(windows)
                    .zip(out.chunks_mut(plane))
                {
                    taps(geometry.axes, |window, position| {
                        out[position] += y[window] * weights[window];
                    });
                }
            });
        })
    }
}

impl PoolGeometry {
    /// `[planes, rows · columns]`.
    #[must_use]
    pub fn planes_in(&self) -> Shape {
        Shape::from([self.planes, size(self.axes, |axis| axis.input)])
    }

    /// `[planes, windows]`.
    #[must_use]
    pub fn planes_out(&self) -> Shape {
        Shape::from([self.planes, size(self.axes, |axis| axis.output)])
    }

    #[track_caller]
    fn check(&self, shape: &Shape, planes: Shape) {
        assert!(
            shape.elements() == planes.elements(),
            "pooling: {shape} where the geometry says {planes}"
        );
    }
}

fn size(axes: [Sliding; 2], of: impl Fn(&Sliding) -> usize) -> usize {
    of(&axes[0]) * of(&axes[1])
}

/// Calls `visit` with every window and every position it sees, both as flat indices; for each
/// window in the order of the positions.
fn taps([rows, columns]: [Sliding; 2], mut visit: impl FnMut(usize, usize)) {
    for window in 0..rows.output {
        for row in (0..rows.kernel).filter_map(|tap| rows.position(window, tap)) {
            for tap in 0..columns.kernel {
                let inside = columns.inside(tap);
                let Some(first) = columns.position(inside.start, tap) else {
                    continue;
                };
                let start = row * columns.input + first;
                for (i, across) in inside.enumerate() {
                    visit(window * columns.output + across, start + i * columns.stride);
                }
            }
        }
    }
}

/// Some planes and where to write the positions of their largest elements.
struct WindowMaxima<'a, T> {
    axes: [Sliding; 2],
    x: &'a [T],
    out: &'a mut [i64],
}

impl<T: Float> Kernel<T> for WindowMaxima<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, _: S) {
        let [plane, windows] = [
            size(self.axes, |axis| axis.input),
            size(self.axes, |axis| axis.output),
        ];
        let mut best = Storage::recycled(self.axes[1].output);
        let planes = self
            .x
            .chunks_exact(plane)
            .zip(self.out.chunks_exact_mut(windows));
        if is_halving(self.axes) {
            planes.for_each(|(x, out)| largest_of_four(x, self.axes[1], out));
        } else {
            planes.for_each(|(x, out)| largest(x, self.axes, best.as_mut_slice(), out));
        }
    }
}

/// Whether `value` beats `best`, which comes before it: it is larger, or the first NaN.
#[inline(always)]
fn beats<T: Float>(value: T, best: T) -> bool {
    // Without short cuts, which would be branches: which one is larger is anybody's guess.
    (value > best) | (value.is_nan() & !best.is_nan())
}

/// Whether windows of 2 x 2 lie side by side inside the plane, as in most networks.
fn is_halving(axes: [Sliding; 2]) -> bool {
    axes.iter().all(|axis| {
        let Sliding {
            kernel,
            stride,
            dilation,
            before,
            ..
        } = *axis;
        (kernel, stride, dilation, before) == (2, 2, 1, 0) && 2 * axis.output <= axis.input
    })
}

/// Where the largest elements of windows of 2 x 2 are that lie side by side.
#[inline(always)]
fn largest_of_four<T: Float>(x: &[T], columns: Sliding, out: &mut [i64]) {
    let width = columns.input;
    let rows = x
        .chunks_exact(2 * width)
        .zip(out.chunks_exact_mut(columns.output));
    for (row, (x, out)) in rows.enumerate() {
        let (top, bottom) = x.split_at(width);
        let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        for (column, (slot, (top, bottom))) in out.iter_mut().zip(pairs).enumerate() {
            let first = 2 * (row * width + column);
            let (mut best, mut at) = (top[0], first);
            let rest = [(top[1], 1), (bottom[0], width), (bottom[1], width + 1)];
            for (value, offset) in rest {
                let wins = beats(value, best);
                best = if wins { value } else { best };
                at = if wins { first + offset } else { at };
            }
            *slot = at as i64;
        }
    }
}

/// Where the largest elements are that the windows of a plane see; `best` holds a row of them.
#[inline(always)]
fn largest<T: Float>(x: &[T], [rows, columns]: [Sliding; 2], best: &mut [T], out: &mut [i64]) {
    for (window, out) in out.chunks_exact_mut(columns.output).enumerate() {
        // −1: nothing seen yet.
        out.fill(-1);
        for row in (0..rows.kernel).filter_map(|tap| rows.position(window, tap)) {
            for tap in 0..columns.kernel {
                let inside = columns.inside(tap);
                let Some(first) = columns.position(inside.start, tap) else {
                    continue;
                };
                let mut position = row * columns.input + first;
                for (slot, best) in out[inside.clone()].iter_mut().zip(&mut best[inside]) {
                    let wins = (*slot < 0) | beats(x[position], *best);
                    *best = if wins { x[position] } else { *best };
                    *slot = if wins { position as i64 } else { *slot };
                    position += columns.stride;
                }
            }
        }
    }
}

/// One over the number of taps of each window that count.
fn weights<T: Float>([rows, columns]: [Sliding; 2], count_padding: bool) -> Vec<T> {
    let counted = |axis: Sliding, window: usize| {
        let counts = |&tap: &usize| {
            let position = window * axis.stride + tap * axis.dilation;
            axis.position(window, tap).is_some()
                || count_padding && position < axis.input + 2 * axis.before
        };
        (0..axis.kernel).filter(counts).count()
    };
    let weight = |row: usize, column: usize| {
        let count = counted(rows, row) * counted(columns, column);
        T::ONE / T::from_f64(count as f64)
    };
    (0..rows.output)
        .flat_map(|row| (0..columns.output).map(move |column| weight(row, column)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_abs_diff_eq, random};

    /// What each window sees, as positions and values, row by row.
    fn seen(x: &Array<f64>, axes: [Sliding; 2], plane: usize, window: usize) -> Vec<(usize, f64)> {
        let [rows, columns] = axes;
        let (row, column) = (window / columns.output, window % columns.output);
        let mut all = Vec::new();
        for k in 0..rows.kernel {
            for l in 0..columns.kernel {
                if let (Some(i), Some(j)) = (rows.position(row, k), columns.position(column, l)) {
                    let position = i * columns.input + j;
                    all.push((position, x.at(&[plane, position])));
                }
            }
        }
        all
    }

    fn cases() -> Vec<(Array<f64>, PoolGeometry)> {
        let mut rng = random::rng(60);
        let plain = Pooling::new([2, 2]);
        let options = [
            plain,
            plain.ceil(),
            Pooling::new([3, 2]).stride([2, 1]).padding([1, 1]),
            Pooling::new([3, 3]).stride([2, 2]).padding([1, 1]).ceil(),
            Pooling::new([2, 3])
                .dilation([3, 2])
                .stride([1, 2])
                .padding([1, 2]),
        ];
        let sizes = [[1, 7, 7], [3, 8, 5], [40, 28, 31]];
        let mut cases = Vec::new();
        for options in options {
            for size in sizes {
                let x = Array::<f64>::normal(size, 0.0, 1.0, &mut rng);
                // Halves, so that there are ties.
                let x = x.map(|value| (value * 2.0).round() / 2.0);
                let (_, geometry) = shape::pooling("test", x.shape(), &options).unwrap();
                cases.push((x.with_shape(geometry.planes_in()), geometry));
            }
        }
        cases
    }

    #[test]
    fn the_largest_is_the_first_of_equals() {
        for (x, geometry) in cases() {
            let expected = Array::from_fn(geometry.planes_out(), |i| {
                let seen = seen(&x, geometry.axes, i[0], i[1]);
                let best = seen.iter().fold(
                    seen[0],
                    |best, &next| {
                        if next.1 > best.1 { next } else { best }
                    },
                );
                best.0 as i64
            });
            assert_eq!(x.max_pool_positions(&geometry), expected);
        }
        let x = Array::from_vec(vec![f32::NEG_INFINITY; 4], [2, 2]);
        assert_eq!(
            x.max_pool2d(&Pooling::new([2, 2])).item(),
            f32::NEG_INFINITY
        );
        let x = Array::from_vec(vec![1.0, f64::NAN, 3.0, f64::NAN], [4]);
        let (_, geometry) = shape::pooling("test", x.shape(), &Pooling::new([4])).unwrap();
        assert_eq!(x.max_pool_positions(&geometry).to_vec(), [1]);
    }

    #[test]
    fn means_and_their_adjoint_follow_the_definition() {
        let mut rng = random::rng(61);
        for (x, geometry) in cases() {
            let mean = x.average_pool(&geometry, false);
            let y = Array::<f64>::normal(geometry.planes_out(), 0.0, 1.0, &mut rng);
            for (i, value) in mean.iter().enumerate() {
                let (plane, window) = (i / mean.shape()[1], i % mean.shape()[1]);
                let seen = seen(&x, geometry.axes, plane, window);
                let expected = seen.iter().map(|(_, v)| v).sum::<f64>() / seen.len() as f64;
                assert_abs_diff_eq!(value, expected, epsilon = 1e-14);
            }
            for count_padding in [false, true] {
                let [forward, back] = [
                    (&x.average_pool(&geometry, count_padding) * &y)
                        .sum(..)
                        .item(),
                    (&y.average_unpool(&geometry, count_padding) * &x)
                        .sum(..)
                        .item(),
                ];
                assert_abs_diff_eq!(forward, back, epsilon = 1e-12 * x.elements() as f64);
            }
        }
    }

    #[test]
    fn padding_counts_only_as_far_as_it_reaches() {
        let x = Array::<f64>::ones([5]);
        let options = Pooling::new([3]).stride([2]).padding([1]).ceil();
        let (inside, padded) = (x.avg_pool1d(&options, false), x.avg_pool1d(&options, true));
        assert_eq!(inside.to_vec(), [1.0, 1.0, 1.0]);
        assert_eq!(padded.to_vec(), [2.0 / 3.0, 1.0, 2.0 / 3.0]);
        // The last window reaches two beyond the input, one of which is padding.
        let options = Pooling::new([4]).stride([3]).padding([1]).ceil();
        assert_eq!(x.avg_pool1d(&options, true).to_vec(), [0.75, 0.75]);
        let x = Array::<f64>::ones([6]);
        assert_eq!(x.avg_pool1d(&options, true).to_vec(), [0.75, 1.0, 0.5]);
    }
}
