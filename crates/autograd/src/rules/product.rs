//! Products of vectors, matrices and what is between: forms of [`matmul`](Var::matmul).
//!
//! PyTorch's `mm` and `bmm` are [`matmul`](Var::matmul) itself, which takes matrices and batches of
//! them.

use std::sync::LazyLock;

use retrograd_tensor::{OrPanic, Shape, ShapeError, shape};

use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

impl Var {
    /// The cross product of vectors of three along `axis`; all axes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the axis does not exist or has not three positions.
    #[track_caller]
    #[must_use]
    pub fn cross(&self, other: &Self, axis: isize) -> Self {
        let common = shape::broadcast("cross", &[*self.shape(), *other.shape()]).or_panic();
        let place = common.axis("cross", axis).or_panic();
        assert!(
            common[place] == 3,
            "cross: {} x {}: axis {axis} has {} positions, not 3",
            self.shape(),
            other.shape(),
            common[place]
        );
        let (a, b) = (self.broadcast_to(common), other.broadcast_to(common));
        a.roll(axis, -1) * b.roll(axis, -2) - a.roll(axis, -2) * b.roll(axis, -1)
    }

    /// Σ aᵢ·bᵢ of two vectors of one length.
    ///
    /// # Panics
    /// If the shapes are not these.
    #[track_caller]
    #[must_use]
    pub fn dot(&self, b: &Self) -> Self {
        if self.rank() != 1 || self.shape() != b.shape() {
            refuse("dot", &[self, b], "not two vectors of one length");
        }
        self.inner(b)
    }

    /// Sums of products along the last axes: `[rows.., inner]` and `[columns.., inner]` give
    /// `[rows.., columns..]`. A scalar multiplies.
    ///
    /// # Panics
    /// If the last axes differ.
    #[track_caller]
    #[must_use]
    pub fn inner(&self, b: &Self) -> Self {
        let (Some((&inner, rows)), Some((&other, columns))) =
            (self.shape().split_last(), b.shape().split_last())
        else {
            return self * b;
        };
        if inner != other {
            refuse("inner", &[self, b], "the last axes differ");
        }
        let matrix = |lead: &[usize]| Shape::from([lead.iter().product(), inner]);
        self.with_shape(matrix(rows))
            .matmul_nt(&b.with_shape(matrix(columns)))
            .with_shape(Shape::from([rows, columns].concat()))
    }

    /// aᵢ·bⱼ of two vectors, `[rows]` and `[columns]`.
    ///
    /// # Panics
    /// If one is no vector.
    #[doc(alias = "ger")]
    #[track_caller]
    #[must_use]
    pub fn outer(&self, b: &Self) -> Self {
        if self.rank() != 1 || b.rank() != 1 {
            refuse("outer", &[self, b], "not two vectors");
        }
        self.unsqueeze(1).matmul(&b.unsqueeze(0))
    }

    /// A·v of matrices `[.., rows, inner]` and a vector `[inner]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn mv(&self, vector: &Self) -> Self {
        if self.rank() < 2 || vector.rank() != 1 {
            refuse("mv", &[self, vector], "not matrices and a vector");
        }
        self.matmul(&vector.unsqueeze(1)).squeeze(-1)
    }

    /// β·self + α·A·B, where this broadcasts to the product of `[.., rows, inner]` and
    /// `[.., inner, columns]`. With β = 0 this plays no part, NaN included.
    ///
    /// # Panics
    /// If the operands of the product do not fit, or this does not broadcast to it.
    #[track_caller]
    #[must_use]
    pub fn addmm(&self, a: &Self, b: &Self, beta: f64, alpha: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("addmm", |[c, p, beta, alpha]: [Expr; 4]| {
                Expr::select(&beta, &(&beta * c), &Expr::from(0.0)) + alpha * p
            })
        });
        let product = a.matmul(b);
        if retrograd_tensor::shape::broadcast_to(self.shape(), product.shape()).is_err() {
            let problem = "the first does not broadcast to the product of the others";
            refuse("addmm", &[self, a, b], problem);
        }
        FORMULA.apply(&[
            self,
            &product,
            &self.scalar_like(beta),
            &self.scalar_like(alpha),
        ])
    }

    /// [`addmm`](Self::addmm) of batches `[batch, rows, inner]` and `[batch, inner, columns]`.
    ///
    /// # Panics
    /// If the operands of the product are no batches of one size or do not fit, or this does not
    /// broadcast to it.
    #[track_caller]
    #[must_use]
    pub fn baddbmm(&self, a: &Self, b: &Self, beta: f64, alpha: f64) -> Self {
        if a.rank() != 3 || b.rank() != 3 || a.shape()[0] != b.shape()[0] {
            let problem = "the last two are not batches of matrices of one size";
            refuse("baddbmm", &[self, a, b], problem);
        }
        self.addmm(a, b, beta, alpha)
    }

    /// yₒ = Σ x₁ᵢ·Wₒᵢⱼ·x₂ⱼ + bₒ: inputs `[.., first]` and `[.., second]`, weight
    /// `[outputs, first, second]`, bias `[outputs]`, result `[.., outputs]`.
    ///
    /// # Panics
    /// If the shapes are not these.
    #[track_caller]
    #[must_use]
    pub fn bilinear(&self, other: &Self, weight: &Self, bias: Option<&Self>) -> Self {
        let fits = |lead: &[usize], first: usize, second: usize| {
            other.shape().split_last() == Some((&second, lead))
                && weight.shape()[1..] == [first, second]
                && bias.is_none_or(|bias| bias.shape()[..] == weight.shape()[..1])
        };
        let (lead, first) = match (self.shape().split_last(), &weight.shape()[..]) {
            (Some((&first, lead)), &[_, _, second]) if fits(lead, first, second) => (lead, first),
            _ => refuse(
                "bilinear",
                &[self, other, weight],
                "not [.., first], [.., second] and [outputs, first, second], with a bias [outputs]",
            ),
        };
        let (outputs, second) = (weight.shape()[0], weight.shape()[2]);
        let rows: usize = lead.iter().product();
        // For each row, its matrix [outputs, second]; and that times the other input.
        let matrices = self
            .with_shape(Shape::from([rows, first]))
            .matmul(
                &weight
                    .permute(&[1, 0, 2])
                    .with_shape(Shape::from([first, outputs * second])),
            )
            .with_shape(Shape::from([rows, outputs, second]));
        let columns = other.with_shape(Shape::from([rows, second, 1]));
        let y = matrices
            .matmul(&columns)
            .with_shape(Shape::from([lead, &[outputs]].concat()));
        match bias {
            Some(bias) => y + bias,
            None => y,
        }
    }

    /// The Kronecker product: every element of this times all of `b`, laid out in blocks. Sizes
    /// multiply axis by axis, aligned at the last.
    ///
    /// # Panics
    /// If an operand has more than four axes.
    #[track_caller]
    #[must_use]
    pub fn kron(&self, b: &Self) -> Self {
        let rank = self.rank().max(b.rank());
        if rank > 4 {
            refuse("kron", &[self, b], "more than four axes");
        }
        let raised = |var: &Self| {
            let mut sizes = vec![1; rank - var.rank()];
            sizes.extend_from_slice(var.shape());
            sizes
        };
        let (left, right) = (raised(self), raised(b));
        let beside = |sizes: &[usize], at: usize| {
            let pair = |&size: &usize| if at == 0 { [size, 1] } else { [1, size] };
            Shape::from(sizes.iter().flat_map(pair).collect::<Vec<_>>())
        };
        let sizes: Vec<usize> = left.iter().zip(&right).map(|(a, b)| a * b).collect();
        (self.with_shape(beside(&left, 0)) * b.with_shape(beside(&right, 1)))
            .with_shape(Shape::from(sizes))
    }
}

#[track_caller]
fn refuse(operation: &str, operands: &[&Var], problem: &str) -> ! {
    let shapes: Vec<Shape> = operands.iter().map(|operand| *operand.shape()).collect();
    let error: Result<(), ShapeError> = Err(ShapeError::new(operation, &shapes, problem));
    error.or_panic();
    unreachable!("an error panics")
}
