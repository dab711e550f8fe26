//! Solving with a triangle: op(A)·X = B.
//!
//! B moves X by op(A)⁻¹, so B̄ = op(A)⁻ᵀ·X̄, the solution of the turned system. A moves B by op(A)·X:
//! Ā = −B̄·Xᵀ, or its transpose where A is read transposed, in the triangle that is read.

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, Tensor, Triangular, shape};

use super::{batches, size};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// X with op(A)·X = B, for equal batches of both.
#[derive(Clone, Copy, Debug)]
struct SolveTriangular(Triangular);

impl Primitive for SolveTriangular {
    fn name(&self) -> Cow<'static, str> {
        "solve_triangular".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].solve_triangular(x[1], self.0)
    }
    fn saves(&self, needed: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT.when(needed.has(0)))
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let right = Var::apply(Self(self.0.turned()), &[&x[0], g]);
        let matrix = x.needs(0).then(|| {
            let Triangular {
                upper,
                transposed,
                unit,
            } = self.0;
            let moved = match transposed {
                false => -right.matmul_nt(y),
                true => -y.matmul_nt(&right),
            };
            let inside = isize::from(unit);
            match upper {
                false => moved.tril(-inside),
                true => moved.triu(inside),
            }
        });
        Cotangents::from_iter([matrix, x.needs(1).then_some(right)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "Y with op(A)·Y = B".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "B̄ = op(A)⁻ᵀ·g, Ā = −B̄·Yᵀ in the triangle".into()
    }
    fn attributes(&self) -> String {
        format!("{:?}", self.0)
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        (y.elements() * size(&x[0])) as u64
    }
}

impl Var {
    /// X with A·X = B, where A is a triangle of these matrices `[.., size, size]` and B is `right`
    /// `[.., size, columns]`; leading axes broadcast. The rest of the matrices plays no part.
    ///
    /// # Panics
    /// If the shapes do not fit, or an element of the diagonal is 0; see
    /// [`Tensor::try_solve_triangular`].
    #[track_caller]
    #[must_use]
    pub fn solve_triangular(&self, right: &Self, triangle: Triangular) -> Self {
        let rule = shape::solve("solve_triangular", self.shape(), right.shape());
        let [a, b] = batches(&rule.or_panic(), [self, right]);
        Self::apply(SolveTriangular(triangle), &[&a, &b])
    }
}
