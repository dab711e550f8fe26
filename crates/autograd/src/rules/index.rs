//! Reading and adding at positions given by indices. Both are linear, and each is the adjoint of
//! the other at the same indices.
//!
//! What is chosen by comparing values (the k largest, a sorted order) is read at the positions of
//! the choice: where they stay the same, the result moves as the elements there do.

use std::borrow::Cow;

use retrograd_tensor::{Array, Shape, Tensor};
use smallvec::SmallVec;

use super::one;
use crate::primitive::{Batched, Cotangents, Held, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Elements along the last axis; the adjoint adds the cotangents up where they came from.
#[derive(Clone, Debug)]
struct Gather(Array<i64>);

impl Primitive for Gather {
    fn name(&self) -> Cow<'static, str> {
        "gather".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gather(&self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let size = x.shape(0)[x.shape(0).rank() - 1];
        one(g.scatter_add(&self.0, size))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let indices = self.0.broadcast_to(x[0].behind(self.0.shape(), 0));
        Some(x[0].value.gather(&indices))
    }
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.0)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = x[i[j]] along the last axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i[j]] += g[j]".into()
    }
    fn attributes(&self) -> String {
        format!("{} indices", self.0.shape())
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Terms added at positions of the last axis; the adjoint reads there.
#[derive(Clone, Debug)]
struct ScatterAdd {
    indices: Array<i64>,
    size: usize,
}

impl Primitive for ScatterAdd {
    fn name(&self) -> Cow<'static, str> {
        "scatter_add".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].scatter_add(&self.indices, self.size)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.gather(&self.indices))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let indices = self
            .indices
            .broadcast_to(x[0].behind(self.indices.shape(), 0));
        Some(x[0].value.scatter_add(&indices, self.size))
    }
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] += x[j] along the last axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = g[i[j]]".into()
    }
    fn attributes(&self) -> String {
        format!("{} indices, size: {}", self.indices.shape(), self.size)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// Rows of a table; the adjoint adds the cotangents up in the rows they came from.
#[derive(Clone, Debug)]
struct GatherRows(Array<i64>);

impl Primitive for GatherRows {
    fn name(&self) -> Cow<'static, str> {
        "gather_rows".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gather_rows(&self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.scatter_add_rows(&self.0, x.shape(0)[0]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let flat = self.0.with_shape(Shape::from([self.0.elements()]));
        let rows = x[0].value.index_select(1, &flat);
        let sizes = [&self.0.shape()[..], &rows.shape()[2..]].concat();
        Some(rows.with_shape(x[0].behind(&Shape::from(sizes), 0)))
    }
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.0)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = row i[j] of x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "row i[j] of x̄ += g[j]".into()
    }
    fn attributes(&self) -> String {
        format!("{} indices", self.0.shape())
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Rows added to rows of zeros; the adjoint reads them back.
#[derive(Clone, Debug)]
struct ScatterAddRows {
    indices: Array<i64>,
    rows: usize,
}

impl Primitive for ScatterAddRows {
    fn name(&self) -> Cow<'static, str> {
        "scatter_add_rows".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].scatter_add_rows(&self.indices, self.rows)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.gather_rows(&self.indices))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let flat = self
            .indices
            .with_shape(Shape::from([self.indices.elements()]));
        let rest = &x[0].value.shape()[1 + self.indices.rank()..];
        let sizes = [&[flat.elements()], rest].concat();
        let rows = x[0].value.with_shape(x[0].behind(&Shape::from(sizes), 0));
        Some(rows.index_sum(1, &flat, self.rows))
    }
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "row i[j] of y += x[j]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = row i[j] of g".into()
    }
    fn attributes(&self) -> String {
        format!("{} indices, rows: {}", self.indices.shape(), self.rows)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

impl Var {
    /// Element `[.., j]` of the result is element `[.., indices[.., j]]` of this.
    ///
    /// # Panics
    /// If the axes before the last are not those of `indices`, or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, indices: &Array<i64>) -> Self {
        Self::apply(Gather(indices.clone()), &[self])
    }

    /// Zeros `[.., size]` with element `[.., j]` of this added at `[.., indices[.., j]]`.
    ///
    /// # Panics
    /// If the shapes differ or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, indices: &Array<i64>, size: usize) -> Self {
        let indices = indices.clone();
        Self::apply(ScatterAdd { indices, size }, &[self])
    }

    /// The rows (positions of axis 0) at `indices`, whose axes take the place of that axis.
    ///
    /// # Panics
    /// If this is a scalar or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather_rows(&self, indices: &Array<i64>) -> Self {
        Self::apply(GatherRows(indices.clone()), &[self])
    }

    /// `rows` rows of zeros with the rows of this added at `indices`.
    ///
    /// # Panics
    /// If the first axes are not those of `indices`, or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add_rows(&self, indices: &Array<i64>, rows: usize) -> Self {
        let indices = indices.clone();
        Self::apply(ScatterAddRows { indices, rows }, &[self])
    }

    /// The `k` largest elements along the last axis, in falling order, and where they were.
    ///
    /// The first of equals comes first and gets all of the derivative.
    ///
    /// # Panics
    /// If this is a scalar, or the last axis has fewer than `k` elements.
    #[track_caller]
    #[must_use]
    pub fn topk(&self, k: usize) -> (Self, Array<i64>) {
        let positions = self.value().topk_positions(k);
        (self.gather(&positions), positions)
    }

    /// The elements along the last axis in rising or falling order, and where they were; equal
    /// elements keep their order.
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn sort(&self, descending: bool) -> (Self, Array<i64>) {
        let positions = self.value().argsort(descending);
        (self.gather(&positions), positions)
    }
}
