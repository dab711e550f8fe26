//! A = Q·R with orthonormal columns in Q and R upper triangular, and least squares by it.
//!
//! Of matrices with at least as many rows as columns,
//!
//! ```text
//! Ā = (Q̄ + Q·sym(M))·R⁻ᵀ,   M = R·R̄ᵀ − Q̄ᵀ·Q
//! ```
//!
//! where sym(M) is the lower triangle of M, mirrored (Walter & Lehmann 2018, section 3). With more
//! columns than rows, Q comes from the first ones, and the others are turned by it: Qᵀ·A₂.

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, Tensor, Triangular, shape};

use super::super::one;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Q above R, `[.., rows + columns, columns]`.
#[derive(Clone, Copy, Debug)]
struct Qr;

/// Q and R.
#[track_caller]
fn parts(both: &Var) -> [Var; 2] {
    let columns = both.shape()[both.rank() - 1] as isize;
    let rows = both.shape()[both.rank() - 2] as isize - columns;
    [both.slice(-2, ..rows), both.slice(-2, rows..)]
}

impl Primitive for Qr {
    fn name(&self) -> Cow<'static, str> {
        "qr".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let (q, r) = x[0].qr();
        Tensor::cat(&[q, r], -2)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, _x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let ([q, r], [gq, gr]) = (parts(y), parts(g));
        let m = r.matmul_nt(&gr) - gq.matmul_tn(&q);
        let mirrored = m.tril(0) + m.tril(-1).t();
        let left = gq + q.matmul(&mirrored);
        one(r.solve_triangular(&left.t(), Triangular::UPPER).t())
    }
    fn formula(&self) -> Cow<'static, str> {
        "Q, R with Q·R = A".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = (Q̄ + Q·sym(R·R̄ᵀ − Q̄ᵀ·Q))·R⁻ᵀ".into()
    }
    /// Reflections, and as much for Q.
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * x[0][x[0].rank() - 1] * 4) as u64
    }
}

impl Var {
    /// Q `[.., rows, k]` with orthonormal columns and upper triangular R `[.., k, columns]` whose
    /// product is each of these matrices `[.., rows, columns]`; k is the smaller of their sizes. No
    /// element of R's diagonal is negative.
    ///
    /// Where the first k columns depend on each other there is no derivative.
    ///
    /// # Panics
    /// If there are fewer than two axes; and in the backward sweep, if an element of R's diagonal is 0.
    #[track_caller]
    #[must_use]
    pub fn qr(&self) -> (Self, Self) {
        let [rows, columns] = shape::matrix("qr", self.shape()).or_panic();
        if rows >= columns {
            let [q, r] = parts(&Self::apply(Qr, &[self]));
            return (q, r);
        }
        let (q, r) = self.slice(-1, ..rows as isize).qr();
        let others = q.matmul_tn(&self.slice(-1, rows as isize..));
        (q, Self::cat(&[&r, &others], -1))
    }

    /// X with the smallest Σ (A·X − B)² for these matrices A `[.., rows, columns]` and B `right`
    /// `[.., rows, right]`; leading axes broadcast. Where several X solve A·X = B, as with fewer rows
    /// than columns, the one with the smallest Σ X². By [`qr`](Self::qr), so A must have full rank.
    ///
    /// # Panics
    /// If the shapes do not fit, or columns (rows, if these are fewer) depend on each other such that
    /// elimination leaves a 0; where it leaves a rounding error, X is large.
    #[track_caller]
    #[must_use]
    pub fn lstsq(&self, right: &Self) -> Self {
        shape::equations("lstsq", self.shape(), right.shape()).or_panic();
        let [rows, columns] = shape::matrix("lstsq", self.shape()).or_panic();
        if rows >= columns {
            let (q, r) = self.qr();
            r.solve_triangular(&q.matmul_tn(right), Triangular::UPPER)
        } else {
            let (q, r) = self.t().qr();
            q.matmul(&r.solve_triangular(right, Triangular::UPPER.turned()))
        }
    }
}
