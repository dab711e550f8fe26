//! Pooling: the largest or the mean of what each window sees.
//!
//! The largest is reported by its position, the first of equals, as a flat index into its plane;
//! reading there is [`gather`](Tensor::gather), and its adjoint
//! [`scatter_add`](Tensor::scatter_add). A NaN counts as largest.

use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::shape::{self, PoolGeometry, Pooling, Shape, Sliding};
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
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
    pub fn max_pool_positions(&self, geometry: &PoolGeometry) -> Tensor<i64> {
        geometry.check(self.shape(), geometry.planes_in());
        let (x, plane) = (self.values(), size(geometry.axes, |axis| axis.input));
        let windows = size(geometry.axes, |axis| axis.output);
        Tensor::written(geometry.planes_out(), |out| {
            in_blocks(out, windows, plane + windows, |first, out| {
                for (x, out) in x[first * plane..]
                    .chunks(plane)
                    .zip(out.chunks_mut(windows))
                {
                    largest(x, geometry.axes, out);
                }
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
            in_blocks(out, windows, plane + windows, |first, out| {
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
            in_blocks(out, plane, plane + windows, |first, out| {
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

/// Where the largest element is that each window of a plane sees.
fn largest<T: Float>(x: &[T], axes: [Sliding; 2], out: &mut [i64]) {
    let [rows, columns] = axes;
    let first = |axis: Sliding, window: usize| {
        let seen = (0..axis.kernel).find_map(|tap| axis.position(window, tap));
        seen.expect("the rule refuses windows that see nothing")
    };
    for (row, out) in out.chunks_mut(columns.output).enumerate() {
        let start = first(rows, row) * columns.input;
        for (column, slot) in out.iter_mut().enumerate() {
            *slot = (start + first(columns, column)) as i64;
        }
    }
    taps(axes, |window, position| {
        let (value, best) = (x[position], x[out[window] as usize]);
        if value > best || (value.is_nan() && !best.is_nan()) {
            out[window] = position as i64;
        }
    });
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
    use crate::random;

    /// What each window sees, as positions and values, row by row.
    fn seen(x: &Tensor<f64>, axes: [Sliding; 2], plane: usize, window: usize) -> Vec<(usize, f64)> {
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

    fn cases() -> Vec<(Tensor<f64>, PoolGeometry)> {
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
                let x = Tensor::<f64>::normal(size, 0.0, 1.0, &mut rng);
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
            let expected = Tensor::from_fn(geometry.planes_out(), |i| {
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
        let x = Tensor::from_vec(vec![f32::NEG_INFINITY; 4], [2, 2]);
        assert_eq!(
            x.max_pool2d(&Pooling::new([2, 2])).item(),
            f32::NEG_INFINITY
        );
        let x = Tensor::from_vec(vec![1.0, f64::NAN, 3.0, f64::NAN], [4]);
        let (_, geometry) = shape::pooling("test", x.shape(), &Pooling::new([4])).unwrap();
        assert_eq!(x.max_pool_positions(&geometry).to_vec(), [1]);
    }

    #[test]
    fn means_and_their_adjoint_follow_the_definition() {
        let mut rng = random::rng(61);
        for (x, geometry) in cases() {
            let mean = x.average_pool(&geometry, false);
            let y = Tensor::<f64>::normal(geometry.planes_out(), 0.0, 1.0, &mut rng);
            for (i, value) in mean.iter().enumerate() {
                let (plane, window) = (i / mean.shape()[1], i % mean.shape()[1]);
                let seen = seen(&x, geometry.axes, plane, window);
                let expected = seen.iter().map(|(_, v)| v).sum::<f64>() / seen.len() as f64;
                assert!((value - expected).abs() <= 1e-14, "{value} for {expected}");
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
                assert!((forward - back).abs() <= 1e-12 * x.elements() as f64);
            }
        }
    }

    #[test]
    fn padding_counts_only_as_far_as_it_reaches() {
        let x = Tensor::<f64>::ones([5]);
        let options = Pooling::new([3]).stride([2]).padding([1]).ceil();
        let (inside, padded) = (x.avg_pool1d(&options, false), x.avg_pool1d(&options, true));
        assert_eq!(inside.to_vec(), [1.0, 1.0, 1.0]);
        assert_eq!(padded.to_vec(), [2.0 / 3.0, 1.0, 2.0 / 3.0]);
        // The last window reaches two beyond the input, one of which is padding.
        let options = Pooling::new([4]).stride([3]).padding([1]).ceil();
        assert_eq!(x.avg_pool1d(&options, true).to_vec(), [0.75, 0.75]);
        let x = Tensor::<f64>::ones([6]);
        assert_eq!(x.avg_pool1d(&options, true).to_vec(), [0.75, 1.0, 0.5]);
    }
}
