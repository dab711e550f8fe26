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
use smallvec::SmallVec;

use super::super::{of_each, one};
use super::{alone, batches, known, size};
use crate::primitive::{
    Batched, Cotangents, Forward, Inputs, Needed, Output, Primitive, Residuals, Saves,
};
use crate::var::Var;

/// X with A·X = B or Aᵀ·X = B, for equal batches of both. Where A has been factored, the factors and the
/// order of the rows are two operands more, which do not move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solve {
    pub(super) transposed: bool,
}

impl Primitive for Solve {
    fn name(&self) -> Cow<'static, str> {
        "solve".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        self.forward_with_residuals(x).value
    }
    #[track_caller]
    fn forward_with_residuals(&self, x: &[&Tensor]) -> Forward {
        if let [_, b, factors, order] = x {
            return factors.lu_solve(order.array(), b, self.transposed).into();
        }
        let (factors, order) = x[0].lu();
        Forward::from(factors.lu_solve(&order, x[1], self.transposed))
            .keeping("factors", factors)
            .keeping("order", order.into())
    }
    fn saves(&self, needed: Needed) -> Saves {
        let factors = Saves::input(2).and(Saves::input(3));
        let saves = Saves::input(0).and(factors);
        saves.and(Saves::OUTPUT.when(needed.has(0)))
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let [factors, order] = match x.len() {
            2 => [y.residual("factors"), y.residual("order")],
            _ => [&x[2], &x[3]],
        };
        let transposed = !self.transposed;
        let right = Var::apply(Self { transposed }, &[&x[0], g, factors, order]);
        let matrix = x.needs(0).then(|| match self.transposed {
            false => -right.matmul_nt(y),
            true => -y.matmul_nt(&right),
        });
        let factors = (2..x.len()).map(|_| None);
        let both = [matrix, x.needs(1).then_some(right)];
        both.into_iter().chain(factors).collect()
    }
    #[track_caller]
    fn forward_batched_with_residuals(&self, x: &[Batched<'_>]) -> Option<Forward> {
        if let [_, _, _, _] = x {
            let [_, b, factors, order] = &of_each(x);
            return Some(factors.lu_solve(order.array(), b, self.transposed).into());
        }
        // One matrix that all members share is factored once.
        let [a, b] = x else { return None };
        let (factors, order) = a.value.lu();
        let order = Tensor::from(order);
        let [factors, order] = [&factors, &order].map(|value| Batched { value, ..*a });
        let [factors, order, b] = of_each(&[factors, order, *b]);
        let y = factors.lu_solve(order.array(), &b, self.transposed);
        Some(
            Forward::from(y)
                .keeping("factors", factors)
                .keeping("order", order),
        )
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

/// A⁻¹; where it is known already, it is a second operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inverse;

impl Primitive for Inverse {
    fn name(&self) -> Cow<'static, str> {
        "inverse".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        known(x, 1).unwrap_or_else(|| x[0].inverse())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        alone(x, -y.matmul_tn(g).matmul_nt(y))
    }
    #[track_caller]
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let x: SmallVec<[&Tensor; 2]> = x.iter().map(|x| x.value).collect();
        Some(self.forward(&x))
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
        self.forward_with_residuals(x).value
    }
    fn forward_with_residuals(&self, x: &[&Tensor]) -> Forward {
        let (factors, order) = x[0].lu();
        let (sign, log) = factors.lu_slogdet(&order);
        Forward::from(log)
            .keeping("factors", factors)
            .keeping("order", order.into())
            .keeping("sign", sign)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let each = Shape::from([&g.shape()[..], &[1, 1]].concat());
        let identity = Tensor::eye(size(x.shape(0)), x[0].dtype());
        let identity = Var::constant(identity.broadcast_to(*x.shape(0)));
        let solve = Solve { transposed: true };
        let [factors, order] = ["factors", "order"].map(|name| y.residual(name));
        one(Var::apply(solve, &[&x[0], &identity, factors, order]) * g.with_shape(each))
    }
    fn forward_batched_with_residuals(&self, x: &[Batched<'_>]) -> Option<Forward> {
        Some(self.forward_with_residuals(&[x[0].value]))
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
    #[doc(alias = "inv")]
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
    #[doc(alias = "logabsdet")]
    #[track_caller]
    #[must_use]
    pub fn slogdet(&self) -> (Tensor, Self) {
        let (sign, log) = self.sign_and_log();
        (sign.into_value(), log)
    }

    #[track_caller]
    fn sign_and_log(&self) -> (Self, Self) {
        shape::square("slogdet", self.shape()).or_panic();
        let mut kept = Residuals::default();
        let log = Self::apply_keeping(LogAbsDet, &[self], Some(&mut kept));
        (kept.of("sign").clone(), log)
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
        let (sign, log) = self.sign_and_log();
        log + sign.mapped(f64::ln)
    }
}
