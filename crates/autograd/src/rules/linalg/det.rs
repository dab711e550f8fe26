//! The determinant. Its slope is the matrix of cofactors, det A·A⁻ᵀ where A is invertible.
//!
//! Where A is singular, or nearly, the determinant is written in another way, which has no inverse of
//! what is small. With the singular vectors of A as constants, M = Uᵀ·A·V is diagonal; its last rows
//! and columns, those of small singular values, are eliminated:
//!
//! ```text
//! M = (P Q)     det A = det U·det V·det P·det S,   S = D − C·P⁻¹·B
//!     (C D)
//! ```
//!
//! That holds for every A near by, so all derivatives are those of the determinant. S is as large as
//! there are small singular values, and its determinant a polynomial without divisions (Bird 2011).

use std::borrow::Cow;

use retrograd_tensor::pointwise::Unary;
use retrograd_tensor::{Array, OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::solve::Inverse;
use super::{alone, known, size};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// det A of invertible matrices; where it has been computed already, it and A⁻¹ are two operands more.
#[derive(Clone, Copy, Debug)]
struct Det;

impl Primitive for Det {
    fn name(&self) -> Cow<'static, str> {
        "det".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        known(x, 1).unwrap_or_else(|| x[0].det())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::input(2)).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let each = Shape::from([&g.shape()[..], &[1, 1]].concat());
        let inverse = match x.len() {
            1 => x[0].inverse(),
            _ => Var::apply(Inverse, &[&x[0], &x[2]]),
        };
        alone(x, inverse.t() * (g * &**y).with_shape(each))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let x: SmallVec<[&Tensor; 3]> = x.iter().map(|x| x.value).collect();
        Some(self.forward(&x))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = det A".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = g·y·A⁻ᵀ".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * size(&x[0]) * 2 / 3) as u64
    }
}

impl Var {
    /// The determinant of these matrices `[.., size, size]`: 0 of a singular one, 1 of one without
    /// rows. All derivatives exist, also at singular matrices.
    ///
    /// By elimination. A tracked matrix is inverted as well, which its rule needs and which shows whether
    /// it is far from singular; where it is not, its singular vectors cost some hundred times as much as
    /// elimination, and each dimension that is lost a product of matrices of as many rows.
    ///
    /// # Panics
    /// If they are not square; and in the backward sweep, if one is not finite.
    #[track_caller]
    #[must_use]
    pub fn det(&self) -> Self {
        let size = shape::square("det", self.shape()).or_panic();
        if !self.is_recorded() {
            return Self::apply(Det, &[self]);
        }
        let (factors, order) = self.raw().lu();
        let inverse = inverse(&factors, &order, self.raw());
        let Some(inverse) = inverse else {
            return match self.raw().try_svd() {
                Ok(factors) => self.det_near_singular(size, &factors),
                Err(_) => Self::apply(Det, &[self]),
            };
        };
        let [det, inverse] = [factors.lu_det(&order), inverse].map(|x| self.derived(x));
        Self::apply(Det, &[self, &det, &inverse])
    }

    /// The determinant near a point with these singular vectors and values.
    #[track_caller]
    fn det_near_singular(&self, size: usize, (u, s, v): &(Tensor, Tensor, Tensor)) -> Self {
        let (values, digits) = (s.to_vec(), self.dtype().epsilon().sqrt());
        let small = |values: &[f64]| {
            let least = values[0] * digits;
            values.iter().filter(|&&value| value <= least).count()
        };
        let small = values.chunks(size).map(small).max().unwrap_or(0);
        let (large, [u, v]) = (
            (size - small) as isize,
            [u, v].map(|x| self.derived(x.clone())),
        );
        let sign = self.derived(u.raw().det() * v.raw().det());
        let turned = u.matmul_tn(self).matmul(&v);
        let (upper, lower) = (turned.slice(-2, ..large), turned.slice(-2, large..));
        let [p, b] = [upper.slice(-1, ..large), upper.slice(-1, large..)];
        let [c, d] = [lower.slice(-1, ..large), lower.slice(-1, large..)];
        let rest = d - c.matmul(&p.solve(&b));
        sign * Self::apply(Det, &[&p]) * rest.det_without_division(small)
    }

    /// The determinant as a polynomial, in size − 1 products: X ← μ(X)·A, where μ keeps what is above
    /// the diagonal and puts on it the sum of what is further down, negated.
    #[track_caller]
    fn det_without_division(&self, size: usize) -> Self {
        if size == 0 {
            return self.derived(self.raw().det());
        }
        let mut x = self.clone();
        for _ in 1..size {
            let diagonal = x.diagonal(0, [-2, -1]);
            let below = &diagonal - diagonal.cumsum_reverse(-1);
            x = (x.triu(1) + below.diag_embed(0, [-2, -1])).matmul(self);
        }
        let corner = x.select(-1, 0).select(-1, 0);
        if size.is_multiple_of(2) {
            -corner
        } else {
            corner
        }
    }
}

/// The inverses of these matrices with these factors, if all keep at least half of the digits.
fn inverse(factors: &Tensor, order: &Array<i64>, x: &Tensor) -> Option<Tensor> {
    if order.iter().any(|row| row < 0) {
        return None;
    }
    let identity = Tensor::eye(size(x.shape()), x.dtype()).broadcast_to(*x.shape());
    let inverse = factors.lu_solve(order, &identity, false);
    if x.elements() == 0 {
        return Some(inverse);
    }
    let largest = |x: &Tensor| x.unary(Unary::Abs).max([-2, -1]);
    let conditions = largest(x) * largest(&inverse);
    let digits = x.dtype().epsilon().sqrt();
    let far = conditions.iter().all(|condition| condition * digits <= 1.0);
    far.then_some(inverse)
}
