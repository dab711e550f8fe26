//! Solving with any invertible matrix, its inverse, and the logarithm of its determinant.
//!
//! ```text
//! A·X = B:    B̄ = A⁻ᵀ·X̄,   Ā = −B̄·Xᵀ
//! Y = A⁻¹:    Ā = −Yᵀ·Ȳ·Yᵀ
//! y = log |det A|:    Ā = ȳ·A⁻ᵀ
//! ```
//!
//! (Giles 2008, sections 2.2 and 2.3).

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, Tensor, shape};

use super::super::one;
use super::{batches, size};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// X with A·X = B or Aᵀ·X = B, for equal batches of both.
#[derive(Clone, Copy, Debug)]
struct Solve {
    transposed: bool,
}

impl Primitive for Solve {
    fn name(&self) -> Cow<'static, str> {
        "solve".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].solve(x[1], self.transposed)
    }
    fn saves(&self, needed: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT.when(needed.has(0)))
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let transposed = !self.transposed;
        let right = Var::apply(Self { transposed }, &[&x[0], g]);
        let matrix = x.needs(0).then(|| match self.transposed {
            false => -right.matmul_nt(y),
            true => -y.matmul_nt(&right),
        });
        Cotangents::from_iter([matrix, x.needs(1).then_some(right)])
    }
    fn formula(&self) -> Cow<'static, str> {
        if self.transposed {
            "Y with Aᵀ·Y = B"
        } else {
            "Y with A·Y = B"
        }
        .into()
    }
    fn rule(&self) -> Cow<'static, str> {
        if self.transposed {
            "B̄ = A⁻¹·g, Ā = −Y·B̄ᵀ"
        } else {
            "B̄ = A⁻ᵀ·g, Ā = −B̄·Yᵀ"
        }
        .into()
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        let size = size(&x[0]);
        (x[0].elements() * size * 2 / 3 + y.elements() * size * 2) as u64
    }
}

/// A⁻¹.
#[derive(Clone, Copy, Debug)]
struct Inverse;

impl Primitive for Inverse {
    fn name(&self) -> Cow<'static, str> {
        "inverse".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].inverse()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        one(-y.matmul_tn(g).matmul_nt(y))
    }
    fn formula(&self) -> Cow<'static, str> {
        "Y = A⁻¹".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = −Yᵀ·g·Yᵀ".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * size(&x[0]) * 8 / 3) as u64
    }
}

/// log |det A|.
#[derive(Clone, Copy, Debug)]
struct LogAbsDet;

impl Primitive for LogAbsDet {
    fn name(&self) -> Cow<'static, str> {
        "logabsdet".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].slogdet().1
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let each = Shape::from([&g.shape()[..], &[1, 1]].concat());
        one(x[0].inverse().t() * g.with_shape(each))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = log |det A|".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = g·A⁻ᵀ".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * size(&x[0]) * 2 / 3) as u64
    }
}

impl Var {
    /// X with A·X = B for these matrices A `[.., size, size]` and B `right` `[.., size, columns]`;
    /// leading axes broadcast. By elimination with partial pivoting.
    ///
    /// # Panics
    /// If the shapes do not fit, or a matrix is singular; see [`Tensor::try_solve`].
    #[track_caller]
    #[must_use]
    pub fn solve(&self, right: &Self) -> Self {
        let lead = shape::solve("solve", self.shape(), right.shape()).or_panic();
        let [a, b] = batches(&lead, [self, right]);
        let transposed = false;
        Self::apply(Solve { transposed }, &[&a, &b])
    }

    /// A⁻¹ of these matrices `[.., size, size]`. To multiply by it, [`solve`](Self::solve) is faster
    /// and more exact.
    ///
    /// # Panics
    /// If they are not square, or one is singular; see [`Tensor::try_inverse`].
    #[track_caller]
    #[must_use]
    pub fn inverse(&self) -> Self {
        shape::square("inverse", self.shape()).or_panic();
        Self::apply(Inverse, &[self])
    }

    /// The sign of the determinant, which does not move, and the logarithm of its size, for these
    /// matrices `[.., size, size]`. Of a singular one these are 0 and −∞, without a derivative.
    ///
    /// # Panics
    /// If they are not square; and in the backward sweep, if one is singular.
    #[track_caller]
    #[must_use]
    pub fn slogdet(&self) -> (Tensor, Self) {
        shape::square("slogdet", self.shape()).or_panic();
        let (sign, _) = self.value().slogdet();
        (sign, Self::apply(LogAbsDet, &[self]))
    }

    /// The logarithm of the determinant of these matrices `[.., size, size]`: −∞ of a singular one,
    /// NaN where the determinant is negative.
    ///
    /// Of a positive definite matrix, twice the sum of the logarithms of the diagonal of its
    /// [`cholesky`](Self::cholesky) factor is the same in half the time.
    ///
    /// # Panics
    /// As [`slogdet`](Self::slogdet).
    #[track_caller]
    #[must_use]
    pub fn logdet(&self) -> Self {
        let (sign, log) = self.slogdet();
        log + Self::constant(sign.map(f64::ln))
    }
}
