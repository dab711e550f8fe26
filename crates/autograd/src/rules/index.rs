//! Reading and adding at positions given by indices. Both are linear, and each is the adjoint of
//! the other at the same indices, which are an operand that does not move.
//!
//! What is chosen by comparing values (the k largest, a sorted order) is read at the positions of
//! the choice: where they stay the same, the result moves as the elements there do.

use std::borrow::Cow;

use retrograd_tensor::{Array, Shape, Tensor};

use super::{at_indices, of_each};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Elements along the last axis; the adjoint adds the cotangents up where they came from.
#[derive(Clone, Copy, Debug)]
struct Gather;

impl Primitive for Gather {
    fn name(&self) -> Cow<'static, str> {
        "gather".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gather(x[1].array())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let size = x.shape(0)[x.shape(0).rank() - 1];
        at_indices(Var::apply(ScatterAdd { size }, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, indices] = &of_each(x);
        Some(self.forward(&[x, indices]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = x[i[j]] along the last axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i[j]] += g[j]".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Terms added at positions of the last axis; the adjoint reads there.
#[derive(Clone, Copy, Debug)]
struct ScatterAdd {
    size: usize,
}

impl Primitive for ScatterAdd {
    fn name(&self) -> Cow<'static, str> {
        "scatter_add".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].scatter_add(x[1].array(), self.size)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        at_indices(Var::apply(Gather, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, indices] = &of_each(x);
        Some(self.forward(&[x, indices]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] += x[j] along the last axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = g[i[j]]".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// Rows of a table; the adjoint adds the cotangents up in the rows they came from.
#[derive(Clone, Copy, Debug)]
struct GatherRows;

impl Primitive for GatherRows {
    fn name(&self) -> Cow<'static, str> {
        "gather_rows".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gather_rows(x[1].array())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let rows = x.shape(0)[0];
        at_indices(Var::apply(ScatterAddRows { rows }, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [table, indices] = x else { return None };
        if !table.is_batched {
            return Some(self.forward(&[table.value, indices.value]));
        }
        let indices = shared(indices)?;
        let flat = indices.with_shape(Shape::from([indices.elements()]));
        let rows = table.value.index_select(1, &flat);
        let sizes = [&indices.shape()[..], &rows.shape()[2..]].concat();
        Some(rows.with_shape(table.behind(&Shape::from(sizes), 0)))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = row i[j] of x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "row i[j] of x̄ += g[j]".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Rows added to rows of zeros; the adjoint reads them back.
#[derive(Clone, Copy, Debug)]
struct ScatterAddRows {
    rows: usize,
}

impl Primitive for ScatterAddRows {
    fn name(&self) -> Cow<'static, str> {
        "scatter_add_rows".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].scatter_add_rows(x[1].array(), self.rows)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        at_indices(Var::apply(GatherRows, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [terms, indices] = x else { return None };
        let indices = shared(indices)?;
        let flat = indices.with_shape(Shape::from([indices.elements()]));
        let rest = &terms.value.shape()[1 + indices.rank()..];
        let sizes = [&[flat.elements()], rest].concat();
        let terms = terms.value.with_shape(terms.behind(&Shape::from(sizes), 0));
        Some(terms.index_sum(1, &flat, self.rows))
    }
    fn formula(&self) -> Cow<'static, str> {
        "row i[j] of y += x[j]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = row i[j] of g".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// The indices, if all members of a batch have the same.
pub(super) fn shared<'a>(indices: &Batched<'a>) -> Option<&'a Array<i64>> {
    (!indices.is_batched).then(|| indices.value.array())
}

impl Var {
    /// Indices as an operand beside this. In front of those that were found in a batch is an axis for its
    /// members; others are the same for all.
    pub(super) fn places(&self, indices: &Array<i64>) -> Self {
        let value = Tensor::from(indices.clone());
        if self.batch_size().is_some() && value.rank() == self.rank() + 1 {
            return Self::batch(value, None);
        }
        Self::constant(value)
    }

    /// Element `[.., j]` of the result is element `[.., indices[.., j]]` of this.
    ///
    /// # Panics
    /// If the axes before the last are not those of `indices`, or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, indices: &Array<i64>) -> Self {
        Self::apply(Gather, &[self, &self.places(indices)])
    }

    /// Zeros `[.., size]` with element `[.., j]` of this added at `[.., indices[.., j]]`.
    ///
    /// # Panics
    /// If the shapes differ or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, indices: &Array<i64>, size: usize) -> Self {
        Self::apply(ScatterAdd { size }, &[self, &self.places(indices)])
    }

    /// The rows (positions of axis 0) at `indices`, whose axes take the place of that axis.
    ///
    /// # Panics
    /// If this is a scalar or an index is out of range.
    #[doc(alias = "take")]
    #[track_caller]
    #[must_use]
    pub fn gather_rows(&self, indices: &Array<i64>) -> Self {
        Self::apply(GatherRows, &[self, &Self::constant(indices.clone().into())])
    }

    /// `rows` rows of zeros with the rows of this added at `indices`.
    ///
    /// # Panics
    /// If the first axes are not those of `indices`, or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add_rows(&self, indices: &Array<i64>, rows: usize) -> Self {
        let indices = Self::constant(indices.clone().into());
        Self::apply(ScatterAddRows { rows }, &[self, &indices])
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
        let positions = self.raw().topk_positions(k);
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
        let positions = self.raw().argsort(descending);
        (self.gather(&positions), positions)
    }
}
