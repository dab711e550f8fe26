//! Diagonals and triangles of matrices. All are linear: a diagonal and its placing among zeros are
//! adjoints, and a triangle is its own.

use std::borrow::Cow;

use retrograd_tensor::{Diagonal, OrPanic, Shape, Tensor, shape};

use super::one;
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// A diagonal of each matrix; the adjoint places it among zeros.
#[derive(Clone, Copy, Debug)]
struct TakeDiagonal(Diagonal);

impl Primitive for TakeDiagonal {
    fn name(&self) -> Cow<'static, str> {
        "diagonal".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let axes = self.0.axes.map(|axis| axis as isize);
        x[0].diagonal(self.0.offset, axes)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let shape = *x.shape(0);
        let diagonal = self.0;
        one(Var::apply(PlaceDiagonal { shape, diagonal }, &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(Self(behind_batch(self.0)).forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i] = x[i, i + offset]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g on the diagonal, 0 elsewhere".into()
    }
    fn attributes(&self) -> String {
        format!("axes: {:?}, offset: {}", self.0.axes, self.0.offset)
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Zeros of `shape` with the input on a diagonal of each matrix; the adjoint takes it.
#[derive(Clone, Copy, Debug)]
struct PlaceDiagonal {
    shape: Shape,
    diagonal: Diagonal,
}

impl Primitive for PlaceDiagonal {
    fn name(&self) -> Cow<'static, str> {
        "place_diagonal".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].place_diagonal(self.shape, &self.diagonal)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(Var::apply(TakeDiagonal(self.diagonal), &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let all = Self {
            shape: x[0].behind(&self.shape, 0),
            diagonal: behind_batch(self.diagonal),
        };
        Some(all.forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x on a diagonal, 0 elsewhere".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i] = g[i, i + offset]".into()
    }
    fn attributes(&self) -> String {
        let Diagonal { axes, offset } = self.diagonal;
        format!("axes: {axes:?}, offset: {offset}")
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// The diagonal behind an axis for the members of a batch.
fn behind_batch(diagonal: Diagonal) -> Diagonal {
    Diagonal {
        axes: diagonal.axes.map(|axis| axis + 1),
        ..diagonal
    }
}

/// The part of each matrix on one side of a diagonal, and zeros; its own adjoint.
#[derive(Clone, Copy, Debug)]
struct Triangle {
    upper: bool,
    offset: isize,
}

impl Primitive for Triangle {
    fn name(&self) -> Cow<'static, str> {
        if self.upper { "triu" } else { "tril" }.into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        if self.upper {
            x[0].triu(self.offset)
        } else {
            x[0].tril(self.offset)
        }
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(Var::apply(*self, &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(self.forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        if self.upper {
            "y = x on and above a diagonal, 0 below"
        } else {
            "y = x on and below a diagonal, 0 above"
        }
        .into()
    }
    fn rule(&self) -> Cow<'static, str> {
        if self.upper {
            "x̄ = g on and above it, 0 below"
        } else {
            "x̄ = g on and below it, 0 above"
        }
        .into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

impl Var {
    /// A diagonal of the matrices that two axes span, as the last axis: column minus row is
    /// `offset`. `x.diagonal(0, [-2, -1])` are the main diagonals.
    ///
    /// # Panics
    /// If an axis does not exist or both are the same.
    #[track_caller]
    #[must_use]
    pub fn diagonal(&self, offset: isize, axes: [isize; 2]) -> Self {
        let diagonal = shape::diagonal("diagonal", self.shape(), offset, axes).or_panic();
        Self::apply(TakeDiagonal(diagonal), &[self])
    }

    /// The smallest square matrices that have the last axis as their diagonal `offset`, spanned by
    /// the axes `axes` of the result, zero elsewhere.
    ///
    /// # Panics
    /// If this is a scalar, or the axes do not exist in the result or are the same.
    #[track_caller]
    #[must_use]
    pub fn diag_embed(&self, offset: isize, axes: [isize; 2]) -> Self {
        let (shape, diagonal) = shape::diag_embed(self.shape(), offset, axes).or_panic();
        Self::apply(PlaceDiagonal { shape, diagonal }, &[self])
    }

    /// The sum of the main diagonal of each matrix `[.., rows, columns]`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn trace(&self) -> Self {
        assert!(
            self.rank() >= 2,
            "trace: {}: a trace needs at least two axes",
            self.shape()
        );
        self.diagonal(0, [-2, -1]).sum(-1)
    }

    /// The elements of the last two axes on and below the diagonal `offset`, and zeros above.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn tril(&self, offset: isize) -> Self {
        let upper = false;
        Self::apply(Triangle { upper, offset }, &[self])
    }

    /// The elements of the last two axes on and above the diagonal `offset`, and zeros below.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn triu(&self, offset: isize) -> Self {
        let upper = true;
        Self::apply(Triangle { upper, offset }, &[self])
    }
}
