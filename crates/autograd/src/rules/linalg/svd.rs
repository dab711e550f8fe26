//! Singular values and vectors, A = U·Σ·Vᵀ.
//!
//! All three come from one node: U above the values as a row, above V. With G = 1 / (σⱼ − σᵢ) and
//! H = 1 / (σⱼ + σᵢ) off the diagonal and 0 on it, X = Uᵀ·Ū − Ūᵀ·U and Y = Vᵀ·V̄ − V̄ᵀ·V,
//!
//! ```text
//! Ā = U·(½(G ∘ (X + Y) + H ∘ (X − Y)) + diag(σ̄))·Vᵀ
//!     + (I − U·Uᵀ)·Ū·Σ⁻¹·Vᵀ + U·Σ⁻¹·V̄ᵀ·(I − V·Vᵀ)
//! ```
//!
//! (Townsend 2016, equations 31 to 34, with σⱼ / (σⱼ² − σᵢ²) and σᵢ / (σⱼ² − σᵢ²) taken apart).
//! Singular vectors of equal values can turn together, and the matrix does not say how far; those of 0
//! have no derivative. There G, and H and Σ⁻¹, are 0, so what a function says about that is left out,
//! which is right for functions that do not care.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{OrPanic, Shape, Tensor, shape};

use super::super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// U above Σ above V, `[.., rows + 1 + columns, k]`.
#[derive(Clone, Copy, Debug)]
struct Svd {
    rows: usize,
}

impl Svd {
    /// U, Σ as a row, and V.
    #[track_caller]
    fn parts(&self, all: &Var) -> [Var; 3] {
        let rows = self.rows as isize;
        [
            all.slice(-2, ..rows),
            all.slice(-2, rows..rows + 1),
            all.slice(-2, rows + 1..),
        ]
    }
}

/// What of the cotangent `g` of some singular vectors lies across their space, over their values.
#[track_caller]
fn across(vectors: &Var, g: &Var, inside: &Var, values: &Var) -> Option<Var> {
    static OVER: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("svd.over", |[x, s]: [Expr; 2]| {
            Expr::select(&s, &(x / &s), &Expr::from(0.0))
        })
    });
    let [.., length, k] = vectors.shape()[..] else {
        unreachable!("vectors are columns of a matrix")
    };
    // As many vectors as there are dimensions leave nothing but rounding errors.
    (length > k).then(|| OVER.apply(&[&(g - vectors.matmul(inside)), values]))
}

impl Primitive for Svd {
    fn name(&self) -> Cow<'static, str> {
        "svd".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let (u, s, v) = x[0].svd();
        Tensor::cat(&[u, s.unsqueeze(-2), v], -2)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        static TURNING: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("svd.turning", |[x, y, to, from]: [Expr; 4]| {
                let zero = Expr::from(0.0);
                let (gap, sum) = (&to - &from, to + from);
                let together = Expr::select(&gap, &((&x + &y) / &gap), &zero);
                let apart = Expr::select(&sum, &((x - y) / &sum), &zero);
                (together + apart) * 0.5
            })
        });
        let ([u, s, v], [gu, gs, gv]) = (self.parts(y), self.parts(g));
        let (left, right) = (u.matmul_tn(&gu), v.matmul_tn(&gv));
        let skew = [&left - left.t(), &right - right.t()];
        let turning = TURNING.apply(&[&skew[0], &skew[1], &s, &s.t()]);
        let inside = turning + gs.squeeze(-2).diag_embed(0, [-2, -1]);
        let mut total = u.matmul(&inside).matmul_nt(&v);
        if let Some(across) = across(&u, &gu, &left, &s) {
            total = total + across.matmul_nt(&v);
        }
        if let Some(across) = across(&v, &gv, &right, &s) {
            total = total + u.matmul_nt(&across);
        }
        one(total)
    }
    fn formula(&self) -> Cow<'static, str> {
        "U, Σ, V with U·Σ·Vᵀ = A".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = U·(½(G∘(X + Y) + H∘(X − Y)) + diag(σ̄))·Vᵀ + (I − U·Uᵀ)·Ū·Σ⁻¹·Vᵀ + U·Σ⁻¹·V̄ᵀ·(I − V·Vᵀ)"
            .into()
    }
    /// About eight rounds of rotations and their products, of k²/2 pairs.
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        let k = y[y.rank() - 1];
        (x[0].elements() * k * 48) as u64
    }
}

impl Var {
    /// Left singular vectors U `[.., rows, k]`, singular values `[.., k]` in falling order and right
    /// singular vectors V `[.., columns, k]`, one a column, with U·diag(values)·Vᵀ each of these
    /// matrices `[.., rows, columns]`; k is the smaller of their sizes. The largest element of each
    /// left vector is positive.
    ///
    /// Where singular values are equal or 0, the vectors have no derivative but that of the space
    /// they span, and the values have no second one.
    ///
    /// # Panics
    /// If there are fewer than two axes, or a matrix is not finite; see [`Tensor::try_svd`].
    #[track_caller]
    #[must_use]
    pub fn svd(&self) -> (Self, Self, Self) {
        let [rows, _] = shape::matrix("svd", self.shape()).or_panic();
        let svd = Svd { rows };
        let [u, s, v] = svd.parts(&Self::apply(svd, &[self]));
        (u, s.squeeze(-2), v)
    }
}
