//! The Cholesky factor, A = L·Lᵀ.
//!
//! With Φ(X) the lower triangle of X, its diagonal halved,
//!
//! ```text
//! dL = L·Φ(L⁻¹·dA·L⁻ᵀ)        Ā = sym(L⁻ᵀ·Φ(Lᵀ·L̄)·L⁻¹)
//! ```
//!
//! where sym(X) = (X + Xᵀ) / 2, because the symmetric part of the matrix is what is factored
//! (Murray 2016, section 3).

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, Tensor, Triangular, shape};

use super::super::one;
use super::{size, symmetric};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// L with L·Lᵀ = (A + Aᵀ) / 2.
#[derive(Clone, Copy, Debug)]
struct Cholesky;

impl Primitive for Cholesky {
    fn name(&self) -> Cow<'static, str> {
        "cholesky".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].cholesky()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let product = y.matmul_tn(g);
        let halved = (product.tril(0) + product.tril(-1)) * 0.5;
        // L⁻ᵀ·Φ, and then Z with Z·L = that: Lᵀ·Zᵀ = (L⁻ᵀ·Φ)ᵀ.
        let turned = Triangular::LOWER.turned();
        let left = y.solve_triangular(&halved, turned);
        let both = y.solve_triangular(&left.t(), turned);
        one(symmetric(&both))
    }
    fn formula(&self) -> Cow<'static, str> {
        "L with L·Lᵀ = sym(A)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = sym(L⁻ᵀ·Φ(Lᵀ·g)·L⁻¹)".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * size(&x[0]) / 3) as u64
    }
}

impl Var {
    /// L with L·Lᵀ = A and zeros above the diagonal, where A is the symmetric part (M + Mᵀ) / 2 of
    /// each of these matrices M `[.., size, size]`.
    ///
    /// # Panics
    /// If the matrices are not square, or one is not positive definite; see
    /// [`Tensor::try_cholesky`].
    #[track_caller]
    #[must_use]
    pub fn cholesky(&self) -> Self {
        shape::square("cholesky", self.shape()).or_panic();
        Self::apply(Cholesky, &[self])
    }
}
