//! Axes in other places, merged, stretched and repeated: combinations of `permute`, `reshape` and
//! `broadcast_to`, which are views wherever strides allow it.

use retrograd_tensor::{Array, OrPanic, Shape, shape};

use crate::var::Var;

impl Var {
    /// Two axes exchanged; they may count from the end.
    ///
    /// # Panics
    /// If an axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn transpose(&self, first: isize, second: isize) -> Self {
        let first = self.shape().axis("transpose", first).or_panic();
        let second = self.shape().axis("transpose", second).or_panic();
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(first, second);
        self.permute(&order)
    }

    /// Axis `from[i]` moved to place `to[i]`, the others in their old order.
    ///
    /// # Panics
    /// If the lists are not of one length, or an axis does not exist or is named twice.
    #[doc(alias = "moveaxis")]
    #[track_caller]
    #[must_use]
    pub fn movedim(&self, from: &[isize], to: &[isize]) -> Self {
        self.permute(&shape::movedim(self.shape(), from, to).or_panic())
    }

    /// The axes from `first` to `last`, both included, merged into one: `x.flatten(0, -1)` is a
    /// vector.
    ///
    /// # Panics
    /// If an axis does not exist or `last` lies before `first`.
    #[doc(alias = "ravel")]
    #[track_caller]
    #[must_use]
    pub fn flatten(&self, first: isize, last: isize) -> Self {
        self.with_shape(shape::flatten(self.shape(), first, last).or_panic())
    }

    /// Without all axes of size 1.
    #[track_caller]
    #[must_use]
    pub fn squeeze_all(&self) -> Self {
        let sizes: Vec<usize> = self.shape().iter().copied().filter(|&n| n != 1).collect();
        self.with_shape(Shape::from(sizes))
    }

    /// Stretched to `sizes`, in which −1 keeps the size that is there; new axes come first.
    ///
    /// # Panics
    /// If the shape does not stretch to it.
    #[track_caller]
    #[must_use]
    pub fn expand(&self, sizes: &[isize]) -> Self {
        self.broadcast_to(shape::expand(self.shape(), sizes).or_panic())
    }

    /// `counts[i]` copies one after another along each axis. The counts are aligned at the last
    /// axis: with fewer counts than axes the first axes stay, with more there are new axes.
    ///
    /// # Panics
    /// If the result has too many axes or elements.
    #[track_caller]
    #[must_use]
    pub fn tile(&self, counts: &[usize]) -> Self {
        let shape = shape::tile(self.shape(), counts).or_panic();
        let missing = shape.rank() - self.rank();
        let raised = [&vec![1; missing][..], self.shape()].concat();
        let mut tiled = self.with_shape(Shape::from(raised));
        let first = shape.rank() - counts.len();
        for (axis, &count) in (first..).zip(counts) {
            if count != 1 {
                tiled = tiled.copies(axis, count, [1, tiled.shape()[axis]]);
            }
        }
        tiled
    }

    /// As [`tile`](Self::tile), with a count for every axis at least.
    ///
    /// # Panics
    /// If there are fewer counts than axes, or the result has too many axes or elements.
    #[track_caller]
    #[must_use]
    pub fn repeat(&self, counts: &[usize]) -> Self {
        assert!(
            counts.len() >= self.rank(),
            "repeat: {}: {} counts for {} axes; tile takes fewer",
            self.shape(),
            counts.len(),
            self.rank()
        );
        self.tile(counts)
    }

    /// Every position of `axis` `count` times, the copies of one side by side.
    ///
    /// # Panics
    /// If the axis does not exist, or the result has too many elements.
    #[track_caller]
    #[must_use]
    pub fn repeat_interleave(&self, axis: isize, count: usize) -> Self {
        let axis = self.shape().axis("repeat_interleave", axis).or_panic();
        self.copies(axis, count, [self.shape()[axis], 1])
    }

    /// Position i of `axis` `counts[i]` times, the copies of one side by side.
    ///
    /// # Panics
    /// If the axis does not exist, or there is not one count for each of its positions.
    #[doc(alias = "repeat_interleave")]
    #[track_caller]
    #[must_use]
    pub fn repeat_each(&self, axis: isize, counts: &[usize]) -> Self {
        let place = self.shape().axis("repeat_each", axis).or_panic();
        assert!(
            counts.len() == self.shape()[place],
            "repeat_each: {}: {} counts for the {} positions of axis {place}",
            self.shape(),
            counts.len(),
            self.shape()[place]
        );
        let copies = |(i, &count): (usize, &usize)| std::iter::repeat_n(i as i64, count);
        let indices: Vec<i64> = counts.iter().enumerate().flat_map(copies).collect();
        let count = indices.len();
        self.index_select(axis, &Array::from_vec(indices, [count]))
    }

    /// `axis` split into `parts` and repeated between them, as one axis again.
    #[track_caller]
    fn copies(&self, axis: usize, count: usize, parts: [usize; 2]) -> Self {
        let outer: usize = self.shape()[..axis].iter().product();
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let [before, after] = parts;
        let size = (before * after).saturating_mul(count);
        let shape = self.shape().with(axis, size);
        // The copies stand before, after or between what lies together in memory.
        self.with_shape(Shape::from([outer * before, 1, after * inner]))
            .broadcast_to([outer * before, count, after * inner])
            .with_shape(shape)
    }
}
