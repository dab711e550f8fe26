//! Views: the same elements under another shape or order. Nothing is copied unless it says so.

use smallvec::SmallVec;

use crate::array::Array;
use crate::element::Element;
use crate::error::OrPanic;
use crate::ops::index::Slice;
use crate::shape::{self, Axes, MAX_RANK, ReducedAxes, Shape};

impl<T: Element> Array<T> {
    /// The same elements in row-major order under other sizes, one of which may be −1.
    ///
    /// A view where the strides allow it, a copy where not.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, sizes: &[isize]) -> Self {
        let shape = shape::reshape(self.shape(), sizes).or_panic();
        self.with_shape(shape)
    }

    /// As [`reshape`](Self::reshape), to a shape that is known.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    #[must_use]
    pub fn with_shape(&self, shape: Shape) -> Self {
        assert!(
            shape.elements() == self.elements(),
            "reshape: {}: {} elements do not fit {shape}",
            self.shape(),
            self.elements()
        );
        match self.layout().reshape(shape) {
            Some(layout) => self.view(layout),
            None => self.copied().with_shape(shape),
        }
    }

    /// Axis `i` of the result is axis `order[i]` of this tensor.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    #[track_caller]
    #[must_use]
    pub fn permute(&self, order: &[usize]) -> Self {
        let shape = shape::permute(self.shape(), order).or_panic();
        self.view(self.layout().permute(shape, order))
    }

    /// Two axes exchanged; they may count from the end.
    ///
    /// # Panics
    /// If an axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn transpose(&self, first: isize, second: isize) -> Self {
        let mut order: SmallVec<[usize; MAX_RANK]> = (0..self.rank()).collect();
        let first = self.shape().axis("transpose", first).or_panic();
        let second = self.shape().axis("transpose", second).or_panic();
        order.swap(first, second);
        self.permute(&order)
    }

    /// The matrix transpose: the last two axes exchanged.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn t(&self) -> Self {
        assert!(
            self.rank() >= 2,
            "t: {}: a transpose needs at least two axes",
            self.shape()
        );
        self.transpose(-2, -1)
    }

    /// Stretched to `shape`: sizes of 1 and missing leading axes repeat, without a copy.
    ///
    /// # Panics
    /// If another size differs.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape::broadcast_to(self.shape(), &shape.into()).or_panic();
        self.view(self.layout().broadcast_to(shape))
    }

    /// A new axis of size 1 at position `axis`, which may count from the end of the result.
    ///
    /// # Panics
    /// If the position does not exist in the result.
    #[track_caller]
    #[must_use]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let mut sizes: SmallVec<[usize; MAX_RANK]> = self.shape().iter().copied().collect();
        sizes.push(1);
        let position = Shape::from(&sizes[..]).axis("unsqueeze", axis).or_panic();
        sizes.pop();
        sizes.insert(position, 1);
        self.with_shape(Shape::from(&sizes[..]))
    }

    /// Without the axis `axis`, whose size must be 1.
    ///
    /// # Panics
    /// If the axis does not exist or its size is not 1.
    #[track_caller]
    #[must_use]
    pub fn squeeze(&self, axis: isize) -> Self {
        let axis = self.shape().axis("squeeze", axis).or_panic();
        assert!(
            self.shape()[axis] == 1,
            "squeeze: {}: axis {axis} has size {}, not 1",
            self.shape(),
            self.shape()[axis]
        );
        self.with_shape(self.shape().without(axis))
    }

    /// The order along some axes reversed: `x.flip(0)`, `x.flip([0, -1])`, `x.flip(..)`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn flip(&self, axes: impl Into<Axes>) -> Self {
        let axes = ReducedAxes::new("flip", self.shape(), &axes.into()).or_panic();
        (0..self.rank())
            .filter(|&axis| axes.contains(axis))
            .fold(self.clone(), |x, axis| {
                x.slice(axis as isize, Slice::all().step(-1))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(shape: impl Into<Shape>) -> Array<f64> {
        let shape = shape.into();
        Array::arange(shape.elements()).with_shape(shape)
    }

    #[test]
    fn views_share_and_agree_with_their_definition() {
        let x = counting([2, 3, 4]);
        let turned = x.permute(&[2, 0, 1]);
        assert!(turned.shares_storage_with(&x));
        let defined = Array::from_fn([4, 2, 3], |i| x.at(&[i[1], i[2], i[0]]));
        assert_eq!(turned, defined);
        let copied = turned.reshape(&[6, -1]);
        assert!(!copied.shares_storage_with(&x));
        assert_eq!(copied.to_vec(), defined.to_vec());
        assert_eq!(x.flip(1).at(&[1, 0, 3]), x.at(&[1, 2, 3]));
        assert_eq!(x.flip(-1).flip(-1), x);
        assert_eq!(x.flip(..).at(&[0, 0, 0]), x.at(&[1, 2, 3]));
        assert_eq!(x.flip([0, -1]).at(&[0, 0, 0]), x.at(&[1, 0, 3]));
    }

    #[test]
    fn axes_of_size_one_come_and_go() {
        let x = counting([2, 3]);
        assert_eq!(x.unsqueeze(0).shape(), &Shape::from([1, 2, 3]));
        assert_eq!(x.unsqueeze(-1).shape(), &Shape::from([2, 3, 1]));
        assert_eq!(x.unsqueeze(1).squeeze(1), x);
        assert_eq!(
            x.unsqueeze(1).broadcast_to([2, 5, 3]).at(&[1, 4, 2]),
            x.at(&[1, 2])
        );
        assert_eq!(Array::scalar(2.0_f32).broadcast_to([0, 3]).elements(), 0);
    }

    #[test]
    #[should_panic(expected = "broadcast_to: [2, 3] x [3, 2]")]
    fn impossible_stretches_panic_in_words() {
        let _ = counting([2, 3]).broadcast_to([3, 2]);
    }
}
