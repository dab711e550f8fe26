//! Whole positions of an axis by index, and elements by a mask.

use std::borrow::Cow;

use retrograd_tensor::{Array, OrPanic, Shape, Tensor, shape};

use super::at_indices;
use super::index::shared;
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Positions of an axis; the adjoint adds the cotangents up at the positions they came from.
#[derive(Clone, Copy, Debug)]
struct IndexSelect {
    axis: usize,
}

impl Primitive for IndexSelect {
    fn name(&self) -> Cow<'static, str> {
        "index_select".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].index_select(self.axis as isize, x[1].array())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let (axis, size) = (self.axis, x.shape(0)[self.axis]);
        at_indices(Var::apply(IndexSum { axis, size }, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axis = self.axis as isize + 1;
        Some(x[0].value.index_select(axis, shared(&x[1])?))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = x[i[j]], positions of an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i[j]] += g[j]".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Positions added to `size` positions of zeros; the adjoint reads them back.
#[derive(Clone, Copy, Debug)]
struct IndexSum {
    axis: usize,
    size: usize,
}

impl Primitive for IndexSum {
    fn name(&self) -> Cow<'static, str> {
        "index_sum".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].index_sum(self.axis as isize, x[1].array(), self.size)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let axis = self.axis;
        at_indices(Var::apply(IndexSelect { axis }, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axis = self.axis as isize + 1;
        Some(x[0].value.index_sum(axis, shared(&x[1])?, self.size))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] += x[j], positions of an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = g[i[j]]".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

impl Var {
    /// The positions of `axis` at `indices` `[count]`, in that order. Of axis 0,
    /// [`gather_rows`](Self::gather_rows) takes indices of any shape.
    ///
    /// # Panics
    /// If the axis does not exist, the indices are no vector, or one is out of range.
    #[track_caller]
    #[must_use]
    pub fn index_select(&self, axis: isize, indices: &Array<i64>) -> Self {
        let axis = self.shape().axis("index_select", axis).or_panic();
        shape::index_select("index_select", self.shape(), indices.shape()).or_panic();
        let indices = Self::constant(indices.clone().into());
        Self::apply(IndexSelect { axis }, &[self, &indices])
    }

    /// This with position j of `terms` along `axis` added at position `indices[j]`, for indices
    /// `[count]`. `x.index_add(0, &rows, &(terms * alpha))` scales them.
    ///
    /// # Panics
    /// If the axis does not exist, the indices are no vector, one is out of range, or the terms
    /// have another shape than `count` positions of this.
    #[track_caller]
    #[must_use]
    pub fn index_add(&self, axis: isize, indices: &Array<i64>, terms: &Self) -> Self {
        let axis = self.shape().axis("index_add", axis).or_panic();
        shape::index_select("index_add", self.shape(), indices.shape()).or_panic();
        let (size, count) = (self.shape()[axis], indices.elements());
        let expected = self.shape().with(axis, count);
        assert!(
            *terms.shape() == expected,
            "index_add: {} x {}: terms for {count} indices of axis {axis} have the shape {expected}",
            self.shape(),
            terms.shape()
        );
        let indices = Self::constant(indices.clone().into());
        self + Self::apply(IndexSum { axis, size }, &[terms, &indices])
    }

    /// The rows of a table `[entries, ..]` at `indices`, whose axes take the place of the first: the
    /// vectors that stand for words, classes or other numbered things.
    ///
    /// The same as [`gather_rows`](Self::gather_rows).
    ///
    /// # Panics
    /// If this is a scalar or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn embedding(&self, indices: &Array<i64>) -> Self {
        self.gather_rows(indices)
    }

    /// `value` where `mask`, of either element type, is not 0, else this. Both broadcast. For a `value` that is a Var there is
    /// [`where_`](Self::where_).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Self {
        Self::where_(
            &Self::constant(mask.cast(self.dtype())),
            &self.scalar_like(value),
            self,
        )
    }
}
