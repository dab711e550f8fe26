//! Pooling to a given size: windows that divide each axis into as many as are wanted.
//!
//! ```text
//! window i of n runs from ⌊i·size / n⌋ to ⌈(i + 1)·size / n⌉
//! ```
//!
//! Neighbours overlap where n does not divide the size. Where it does, these are the windows of
//! ordinary pooling, side by side.

use std::ops::Range;

use retrograd_tensor::{Array, DType, Pooling, Shape, Tensor};

use crate::var::Var;

/// The positions of window `i` of `count`.
fn window(i: usize, size: usize, count: usize) -> Range<usize> {
    i * size / count..((i + 1) * size).div_ceil(count)
}

/// The last axes as rows and columns, a signal as one row.
#[track_caller]
fn plane<const N: usize>(x: &Var, operation: &str, size: [usize; N]) -> [[usize; 2]; 2] {
    const { assert!(N == 1 || N == 2, "one or two axes to pool") };
    let shape = x.shape();
    let Some(lead) = shape.rank().checked_sub(N) else {
        panic!("{operation}{N}d: {shape}: fewer axes than the {N} to pool");
    };
    let from = &shape[lead..];
    assert!(
        !from.contains(&0) && !size.contains(&0),
        "{operation}{N}d: {shape}: from {from:?} to {size:?}; all must be at least 1"
    );
    let lifted = |sizes: &[usize]| match *sizes {
        [rows, columns] => [rows, columns],
        _ => [1, sizes[0]],
    };
    [lifted(from), lifted(&size)]
}

/// The windows of ordinary pooling, if these are.
fn side_by_side<const N: usize>(shape: &Shape, size: [usize; N]) -> Option<Pooling<N>> {
    let lead = shape.rank() - N;
    let divides = |axis: usize| shape[lead + axis].is_multiple_of(size[axis]);
    let kernel = || std::array::from_fn(|axis| shape[lead + axis] / size[axis]);
    (0..N).all(divides).then(|| Pooling::new(kernel()))
}

/// The shape with its last axes in these sizes.
fn resized<const N: usize>(shape: &Shape, size: [usize; N]) -> Shape {
    let lead = shape.rank() - N;
    (0..N).fold(*shape, |shape, axis| shape.with(lead + axis, size[axis]))
}

impl Var {
    /// Means of the `N` last axes, `[.., positions]` or `[.., rows, columns]`, over windows that
    /// divide each axis into as many as `size` says.
    ///
    /// # Panics
    /// If there are fewer than `N` axes, or an axis that is pooled or its number of windows is 0.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool<const N: usize>(&self, size: [usize; N]) -> Self {
        let [from, to] = plane(self, "adaptive_avg_pool", size);
        if let Some(windows) = side_by_side(self.shape(), size) {
            return self.avg_pool(&windows, true);
        }
        // Each row of the mean is a row of a small matrix times the column it is of.
        let [rows, columns] =
            [0, 1].map(|axis| Self::constant(means(from[axis], to[axis], self.dtype())));
        if N == 1 {
            let y = self.with_shape(Shape::from([self.elements() / from[1], from[1]]));
            return y
                .matmul_nt(&columns)
                .with_shape(resized(self.shape(), size));
        }
        rows.matmul(&self.matmul_nt(&columns))
    }

    /// As [`adaptive_avg_pool`](Self::adaptive_avg_pool) of `[.., rows, columns]`.
    ///
    /// # Panics
    /// If there are fewer than two axes, or an axis that is pooled or its number of windows is 0.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool2d(&self, size: [usize; 2]) -> Self {
        self.adaptive_avg_pool(size)
    }

    /// The largest of the `N` last axes, `[.., positions]` or `[.., rows, columns]`, over windows
    /// that divide each axis into as many as `size` says; the first of equals gets the derivative.
    ///
    /// # Panics
    /// If there are fewer than `N` axes, or an axis that is pooled or its number of windows is 0.
    #[track_caller]
    #[must_use]
    pub fn adaptive_max_pool<const N: usize>(&self, size: [usize; N]) -> Self {
        let [from, to] = plane(self, "adaptive_max_pool", size);
        if let Some(windows) = side_by_side(self.shape(), size) {
            return self.max_pool(&windows);
        }
        let area: usize = from.iter().product();
        let planes = self.with_shape(Shape::from([self.elements() / area, area]));
        let all = self.raw().elements() / area;
        let all = planes.raw().with_shape(Shape::from([all, area]));
        let positions = self.of_members(positions_of_largest(&all, &taps(from, to)));
        planes
            .gather(&positions)
            .with_shape(resized(self.shape(), size))
    }
}

/// The matrix `[to, from]` that takes the mean over each window.
fn means(from: usize, to: usize, dtype: DType) -> Tensor {
    let means = Tensor::from_fn([to, from], |index| {
        let window = window(index[0], from, to);
        if window.contains(&index[1]) {
            1.0 / window.len() as f64
        } else {
            0.0
        }
    });
    means.cast(dtype)
}

/// Where in its plane each tap of each window reads, `[windows, taps]`. A window that is smaller
/// than others reads its last row or column again, which makes nothing larger.
fn taps(from: [usize; 2], to: [usize; 2]) -> Array<i64> {
    let windows = |axis: usize| (0..to[axis]).map(move |i| window(i, from[axis], to[axis]));
    let most = [0, 1].map(|axis| windows(axis).map(|window| window.len()).max().unwrap_or(0));
    Array::from_fn([to[0] * to[1], most[0] * most[1]], |index| {
        let place = |axis: usize, window_of: usize, tap: usize| {
            let window = window(window_of, from[axis], to[axis]);
            (window.start + tap).min(window.end - 1)
        };
        let row = place(0, index[0] / to[1], index[1] / most[1]);
        let column = place(1, index[0] % to[1], index[1] % most[1]);
        (row * from[1] + column) as i64
    })
}

/// For each plane and window, where in its plane the largest element is.
fn positions_of_largest(planes: &Tensor, taps: &Array<i64>) -> Array<i64> {
    let [windows, count] = [taps.shape()[0], taps.shape()[1]];
    let every = taps.with_shape(Shape::from([windows * count]));
    let seen =
        planes
            .index_select(1, &every)
            .with_shape(Shape::from([planes.shape()[0], windows, count]));
    let largest = seen.argmax(-1);
    let (every, chosen) = (every.to_vec(), largest.to_vec());
    let position = |(i, tap): (usize, i64)| every[i % windows * count + tap as usize];
    let positions = chosen.into_iter().enumerate().map(position).collect();
    Array::from_vec(positions, [planes.shape()[0], windows])
}
