//! Eigenvalues and eigenvectors of symmetric matrices, A = V·Λ·Vᵀ.
//!
//! Both come from one node: the values as a row, and below them the vectors as columns. With
//! F = 1 / (λⱼ − λᵢ) off the diagonal and 0 on it,
//!
//! ```text
//! Ā = sym(V·(diag(λ̄) + F ∘ (Vᵀ·V̄))·Vᵀ)
//! ```
//!
//! (Giles 2008, section 3.1). Eigenvectors of equal values are not determined by the matrix: any
//! rotation among them will do. There F is 0 too, so what a function says about directions inside
//! such a space is left out, which is right for functions that do not care.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{Float, OrPanic, Shape, Tensor, shape};

use super::super::one;
use super::{size, symmetric};
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Λ above V, `[.., 1 + size, size]`.
#[derive(Clone, Copy, Debug)]
struct Eigen;

impl<T: Float> Primitive<T> for Eigen {
    fn name(&self) -> Cow<'static, str> {
        "eigh".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor<T>]) -> Tensor<T> {
        let (values, vectors) = x[0].eigh();
        Tensor::cat(&[values.unsqueeze(-2), vectors], -2)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs<T>, y: &Output<T>, g: &Var<T>) -> Cotangents<T> {
        static BY_GAP: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("eigh.by_gap", |[x, to, from]: [Expr; 3]| {
                let gap = to - from;
                Expr::select(&gap, &(x / &gap), &Expr::from(0.0))
            })
        });
        let (values, vectors) = (y.slice(-2, ..1), y.slice(-2, 1..));
        let turning = vectors.matmul_tn(&g.slice(-2, 1..));
        let turning = BY_GAP.apply(&[&turning, &values, &values.t()]);
        let stretching = g.slice(-2, ..1).squeeze(-2).diag_embed(0, [-2, -1]);
        let inside = vectors.matmul(&(turning + stretching));
        one(symmetric(&inside.matmul_nt(&vectors)))
    }
    fn formula(&self) -> Cow<'static, str> {
        "Λ, V with V·Λ·Vᵀ = sym(A)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = sym(V·(diag(λ̄) + F∘(Vᵀ·V̄))·Vᵀ), F = 1 / (λⱼ − λᵢ)".into()
    }
    /// Reflections and their product 8/3 of the cube, and about two rotations an eigenvalue 6.
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * size(&x[0]) * 26 / 3) as u64
    }
}

impl<T: Float> Var<T> {
    /// Eigenvalues `[.., size]` in rising order and eigenvectors `[.., size, size]`, one a column,
    /// of the symmetric part (M + Mᵀ) / 2 of each of these matrices M `[.., size, size]`. The largest
    /// element of each vector is positive.
    ///
    /// Where eigenvalues are equal, the vectors have no derivative but that of the space they span,
    /// and the values have no second one.
    ///
    /// # Panics
    /// If the matrices are not square, or one is not finite; see [`Tensor::try_eigh`].
    #[track_caller]
    #[must_use]
    pub fn eigh(&self) -> (Self, Self) {
        shape::square("eigh", self.shape()).or_panic();
        let both = Self::apply(Eigen, &[self]);
        (both.slice(-2, ..1).squeeze(-2), both.slice(-2, 1..))
    }
}
