//! Whole positions of an axis by index, and elements by a mask.

use std::borrow::Cow;

use retrograd_tensor::{Array, OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::one;
use crate::primitive::{Batched, Cotangents, Held, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Positions of an axis; the adjoint adds the cotangents up at the positions they came from.
#[derive(Clone, Debug)]
struct IndexSelect {
    axis: usize,
    indices: Array<i64>,
}

impl Primitive for IndexSelect {
    fn name(&self) -> Cow<'static, str> {
        "index_select".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].index_select(self.axis as isize, &self.indices)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let size = x.shape(0)[self.axis];
        let places = self.clone();
        one(Var::apply(IndexSum { size, places }, &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(
            x[0].value
                .index_select(self.axis as isize + 1, &self.indices),
        )
    }
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = x[i[j]], positions of an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i[j]] += g[j]".into()
    }
    fn attributes(&self) -> String {
        format!("axis: {}, {} indices", self.axis, self.indices.shape())
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Positions added to `size` positions of zeros; the adjoint reads them back.
#[derive(Clone, Debug)]
struct IndexSum {
    size: usize,
    places: IndexSelect,
}

impl Primitive for IndexSum {
    fn name(&self) -> Cow<'static, str> {
        "index_sum".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let IndexSelect { axis, indices } = &self.places;
        x[0].index_sum(*axis as isize, indices, self.size)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(Var::apply(self.places.clone(), &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(x[0].value.index_sum(
            self.places.axis as isize + 1,
            &self.places.indices,
            self.size,
        ))
    }
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.places.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] += x[j], positions of an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = g[i[j]]".into()
    }
    fn attributes(&self) -> String {
        let IndexSelect { axis, indices } = &self.places;
        format!("axis: {axis}, {} indices", indices.shape())
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
        let indices = indices.clone();
        Self::apply(IndexSelect { axis, indices }, &[self])
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
        let indices = indices.clone();
        let places = IndexSelect { axis, indices };
        self + Self::apply(IndexSum { size, places }, &[terms])
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
