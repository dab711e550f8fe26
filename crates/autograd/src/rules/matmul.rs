//! The matrix product, with either operand read transposed.
//!
//! For Y = A·B the cotangents are Ā = Ȳ·Bᵀ and B̄ = Aᵀ·Ȳ. Reading an operand transposed costs
//! nothing (the product follows any strides), and having it as an attribute gives the cotangents
//! of Y = A·Bᵀ, the product of every linear layer, in the layout of A and B themselves.
//!
//! If B is one matrix for a batch of A, its cotangent is Σ Aᵀ·Ȳ over the batch: one product of all rows.

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, ShapeError, Tensor, shape};

use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Y = op(A)·op(B), where op transposes the last two axes if the attribute says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MatMul {
    transpose_a: bool,
    transpose_b: bool,
}

impl MatMul {
    /// Whether the operands fit, in words about them as they were given.
    ///
    /// The tensor's product would speak of the operands after transposing, which the user never
    /// saw. It still judges the product of nothing transposed, and operands that are no matrices.
    fn check(self, a: &Shape, b: &Shape) -> Result<(), ShapeError> {
        let (l, r) = (a.rank(), b.rank());
        if !(self.transpose_a || self.transpose_b) || l < 2 || r < 2 {
            return Ok(());
        }
        let name = Primitive::name(&self);
        let error = |problem: String| Err(ShapeError::new(&name, &[*a, *b], problem));
        let left = if self.transpose_a { l - 2 } else { l - 1 };
        let right = if self.transpose_b { r - 1 } else { r - 2 };
        if a[left] != b[right] {
            let read = |transposed| if transposed { ", read transposed" } else { "" };
            return error(format!(
                "inner sizes {} (left, axis {left}{}) and {} (right, axis {right}{}) differ",
                a[left],
                read(self.transpose_a),
                b[right],
                read(self.transpose_b)
            ));
        }
        let batches = [Shape::from(&a[..l - 2]), Shape::from(&b[..r - 2])];
        match shape::broadcast(&name, &batches) {
            Ok(_) => Ok(()),
            Err(_) => error("the batch axes (all but the last two) do not broadcast".to_owned()),
        }
    }
}

impl Primitive for MatMul {
    fn name(&self) -> Cow<'static, str> {
        match (self.transpose_a, self.transpose_b) {
            (false, false) => "matmul",
            (false, true) => "matmul_nt",
            (true, false) => "matmul_tn",
            (true, true) => "matmul_tt",
        }
        .into()
    }

    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        self.check(x[0].shape(), x[1].shape()).or_panic();
        x[0].matmul_transposed(x[1], [self.transpose_a, self.transpose_b])
    }

    fn saves(&self, needed: Needed) -> Saves {
        Saves::input(1)
            .when(needed.has(0))
            .and(Saves::input(0).when(needed.has(1)))
    }

    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let Self {
            transpose_a,
            transpose_b,
        } = *self;
        // Ā = Ȳ·op(B)ᵀ, itself transposed if A was read transposed; likewise B̄.
        let a = x.needs(0).then(|| match transpose_a {
            false => product(g, &x[1], false, !transpose_b),
            true => product(&x[1], g, transpose_b, true),
        });
        let b = x.needs(1).then(|| match transpose_b {
            _ if is_one_of_all(x.shape(0), x.shape(1), g.shape()) => {
                let a = if transpose_a { x[0].t() } else { x[0].clone() };
                let (left, right) = if transpose_b { (g, &a) } else { (&a, g) };
                product(&rows(left), &rows(right), true, false).with_shape(*x.shape(1))
            }
            false => product(&x[0], g, !transpose_a, false),
            true => product(g, &x[0], true, transpose_a),
        });
        // A batch of one that was stretched collects from all it met.
        let stretched = [a, b].into_iter().enumerate();
        stretched
            .map(|(i, cotangent)| cotangent.map(|cotangent| cotangent.into_sum_to(x.shape(i))))
            .collect()
    }

    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let rank = x[0].rank().max(x[1].rank());
        Some(self.forward(&[&x[0].aligned(rank), &x[1].aligned(rank)]))
    }

    fn formula(&self) -> Cow<'static, str> {
        match (self.transpose_a, self.transpose_b) {
            (false, false) => "y = A·B",
            (false, true) => "y = A·Bᵀ",
            (true, false) => "y = Aᵀ·B",
            (true, true) => "y = Aᵀ·Bᵀ",
        }
        .into()
    }

    fn rule(&self) -> Cow<'static, str> {
        match (self.transpose_a, self.transpose_b) {
            (false, false) => "Ā = g·Bᵀ,  B̄ = Aᵀ·g",
            (false, true) => "Ā = g·B,  B̄ = gᵀ·A",
            (true, false) => "Ā = B·gᵀ,  B̄ = A·g",
            (true, true) => "Ā = Bᵀ·gᵀ,  B̄ = gᵀ·Aᵀ",
        }
        .into()
    }

    fn attributes(&self) -> String {
        String::new()
    }

    /// A product and a sum for each of the inner positions of each element.
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        let axis = x[0].rank() - if self.transpose_a { 2 } else { 1 };
        2 * (y.elements() * x[0][axis]) as u64
    }
}

/// Whether the right operand is one matrix that meets each of a batch on the left.
fn is_one_of_all(a: &Shape, b: &Shape, y: &Shape) -> bool {
    let batch = |shape: &Shape| Shape::from(&shape[..shape.rank() - 2]);
    let all = batch(y);
    all.elements() != 1 && batch(b).elements() == 1 && batch(a) == all
}

/// All leading axes as one: the rows of a batch of matrices above each other.
#[track_caller]
pub(super) fn rows(x: &Var) -> Var {
    let (columns, leading) = x.shape().split_last().expect("not a scalar");
    x.with_shape(Shape::from([leading.iter().product(), *columns]))
}

#[track_caller]
fn product(a: &Var, b: &Var, transpose_a: bool, transpose_b: bool) -> Var {
    Var::apply(
        MatMul {
            transpose_a,
            transpose_b,
        },
        &[a, b],
    )
}

impl Var {
    /// A·B of `[..., rows, inner]` and `[..., inner, columns]`; leading axes broadcast.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::matmul`].
    #[doc(alias = "mm")]
    #[doc(alias = "bmm")]
    #[doc(alias = "dot")]
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, b: &Self) -> Self {
        product(self, b, false, false)
    }

    /// A·Bᵀ of `[..., rows, inner]` and `[..., columns, inner]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn matmul_nt(&self, b: &Self) -> Self {
        product(self, b, false, true)
    }

    /// Aᵀ·B of `[..., inner, rows]` and `[..., inner, columns]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn matmul_tn(&self, b: &Self) -> Self {
        product(self, b, true, false)
    }

    /// Aᵀ·Bᵀ of `[..., inner, rows]` and `[..., columns, inner]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn matmul_tt(&self, b: &Self) -> Self {
        product(self, b, true, true)
    }
}
