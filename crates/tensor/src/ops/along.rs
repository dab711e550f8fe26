//! Reading, writing and adding along any axis at indices, one for each element.
//!
//! The indices may cover fewer positions of the other axes than there are. Where they are the last
//! axis of all rows, [`gather`](Array::gather) is the faster form.

use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::OrPanic;
use crate::layout::Layout;
use crate::ops::gather::check_indices;
use crate::shape::{self, Shape};

impl<T: Element> Array<T> {
    /// Element `[i, .., k]` of the result is the element of this at `[i, .., k]` with the position
    /// along `axis` replaced by `indices[i, .., k]`.
    ///
    /// # Panics
    /// If the axis does not exist, the indices have another rank or reach beyond another axis, or
    /// an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather_along(&self, axis: isize, indices: &Array<i64>) -> Self {
        let axis = self.shape().axis("gather_along", axis).or_panic();
        shape::along("gather_along", self.shape(), axis, indices.shape()).or_panic();
        check_indices("gather_along", indices, self.shape()[axis]);
        if axis + 1 == self.rank() && shape::gather(self.shape(), indices.shape()).is_ok() {
            return self.gather(indices);
        }
        let (base, stride) = walk(self.layout(), axis, indices.shape());
        let buffer = self.buffer();
        Self::written(*indices.shape(), |out| {
            let places = base.positions().zip(indices.iter());
            for (slot, (place, index)) in out.iter_mut().zip(places) {
                *slot = buffer[place.wrapping_add_signed(index as isize * stride)];
            }
        })
    }

    /// A copy with `values` written where [`gather_along`](Self::gather_along) reads; of several for
    /// one place the last stays.
    ///
    /// # Panics
    /// As [`gather_along`](Self::gather_along), and if there is not one value for each index.
    #[track_caller]
    #[must_use]
    pub fn scatter_along(&self, axis: isize, indices: &Array<i64>, values: &Self) -> Self {
        let axis = self.shape().axis("scatter_along", axis).or_panic();
        shape::along("scatter_along", self.shape(), axis, indices.shape()).or_panic();
        one_each("scatter_along", indices.shape(), values.shape());
        check_indices("scatter_along", indices, self.shape()[axis]);
        let mut written = self.copied();
        let (base, stride) = walk(written.layout(), axis, indices.shape());
        let out = written.make_mut();
        let places = base.positions().zip(indices.iter());
        for ((place, index), value) in places.zip(values.iter()) {
            out[place.wrapping_add_signed(index as isize * stride)] = value;
        }
        written
    }
}

impl<T: Float> Array<T> {
    /// The adjoint of [`gather_along`](Self::gather_along): zeros of `shape` with the elements of
    /// this added where it reads.
    ///
    /// # Panics
    /// As [`gather_along`](Self::gather_along) of a tensor of `shape`, and if there is not one term
    /// for each index.
    #[track_caller]
    #[must_use]
    pub fn scatter_add_along(&self, shape: Shape, axis: isize, indices: &Array<i64>) -> Self {
        let axis = shape.axis("scatter_add_along", axis).or_panic();
        shape::along("scatter_add_along", &shape, axis, indices.shape()).or_panic();
        one_each("scatter_add_along", indices.shape(), self.shape());
        check_indices("scatter_add_along", indices, shape[axis]);
        if axis + 1 == shape.rank() && shape::gather(&shape, indices.shape()).is_ok() {
            return self.scatter_add(indices, shape[axis]);
        }
        let mut sums = Self::zeros(shape);
        let (base, stride) = walk(sums.layout(), axis, indices.shape());
        let out = sums.make_mut();
        let places = base.positions().zip(indices.iter());
        for ((place, index), term) in places.zip(self.iter()) {
            out[place.wrapping_add_signed(index as isize * stride)] += term;
        }
        sums
    }
}

/// The walk over the places that indices of this shape start from, at position 0 of `axis`, and the
/// distance between positions along it.
fn walk(layout: &Layout, axis: usize, indices: &Shape) -> (Layout, isize) {
    let mut strides = layout.strides().to_vec();
    let stride = std::mem::take(&mut strides[axis]);
    (Layout::new(*indices, &strides, layout.offset()), stride)
}

#[track_caller]
fn one_each(operation: &str, indices: &Shape, values: &Shape) {
    assert!(
        indices == values,
        "{operation}: {values} x {indices}: there must be one index a value"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn indices(shape: Shape, size: usize) -> Array<i64> {
        let mut next = 5;
        Array::from_fn(shape, |_| {
            next = (next * 7 + 3) % 101;
            (next % size) as i64
        })
    }

    #[test]
    fn all_three_follow_their_definition() {
        let mut rng = random::rng(74);
        let x = Array::<f64>::normal([4, 3, 5], 0.0, 1.0, &mut rng);
        for x in [x.clone(), x.permute(&[2, 0, 1]).flip(1)] {
            for (axis, sizes) in [
                (0, [6, 2, 1]),
                (1, [2, 7, 3]),
                (2, [3, 2, 0]),
                (2, [1, 2, 9]),
                (2, [x.shape()[0], x.shape()[1], 2]),
            ] {
                let at = indices(Shape::from(sizes), x.shape()[axis]);
                let place = |i: &[usize]| {
                    let mut place = i.to_vec();
                    place[axis] = at.at(i) as usize;
                    place
                };
                let read = x.gather_along(axis as isize, &at);
                assert_eq!(read, Array::from_fn(sizes, |i| x.at(&place(i))));
                let values = Array::<f64>::normal(sizes, 0.0, 1.0, &mut rng);
                let sums = values.scatter_add_along(*x.shape(), axis as isize, &at);
                let written = x.scatter_along(axis as isize, &at, &values);
                let (mut sum, mut last) = (Array::zeros(*x.shape()), x.clone());
                let _ =
                    Array::<f64>::from_fn(sizes, |i| {
                        let target = place(i);
                        let is_place = |j: &[usize]| j == target;
                        let (before, value) = (sum.clone(), values.at(i));
                        sum = Array::from_fn(*x.shape(), |j| {
                            before.at(j) + if is_place(j) { value } else { 0.0 }
                        });
                        let before = last.clone();
                        last = Array::from_fn(*x.shape(), |j| {
                            if is_place(j) { value } else { before.at(j) }
                        });
                        0.0
                    });
                assert_eq!(sums, sum);
                assert_eq!(written, last);
            }
        }
    }

    #[test]
    #[should_panic(expected = "gather_along: [2, 3] x [3, 3]: 3 positions of axis 0, which has 2")]
    fn indices_stay_inside_the_other_axes() {
        let _ = Array::<f32>::zeros([2, 3]).gather_along(1, &Array::zeros([3, 3]));
    }

    #[test]
    #[should_panic(expected = "scatter_along: index 3 is out of range for an axis of 3")]
    fn indices_stay_inside_their_axis() {
        let at = Array::from_vec(vec![3], [1, 1]);
        let x = Array::<f32>::zeros([2, 3]);
        let _ = x.scatter_along(1, &at, &Array::zeros([1, 1]));
    }
}
