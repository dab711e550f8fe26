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
//! rotation among them will do, so they have no derivative, and one that is asked for is refused.
//!
//! Functions of the matrix, f(A) = V·f(Λ)·Vᵀ, have one all the same (Daleckii and Krein 1965):
//!
//! ```text
//! Ā = V·(D ∘ (Vᵀ·sym(g)·V))·Vᵀ,  D = (f(λᵢ) − f(λⱼ)) / (λᵢ − λⱼ), or f′ where they are equal
//! ```

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;

use retrograd_tensor::pointwise::Unary;
use retrograd_tensor::{OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::super::of_each;
use super::{alone, known, size, symmetric};
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Λ above V, `[.., 1 + size, size]`; where they are known already, a second operand is both.
#[derive(Clone, Copy, Debug)]
struct Eigen;

impl Primitive for Eigen {
    fn name(&self) -> Cow<'static, str> {
        "eigh".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        known(x, 1).unwrap_or_else(|| both(x[0]))
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        static BY_GAP: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("eigh.by_gap", |[x, to, from]: [Expr; 3]| {
                let gap = to - from;
                Expr::select(&gap, &(x / &gap), &Expr::from(0.0))
            })
        });
        let [values, vectors] = parts(y);
        let turning = vectors.matmul_tn(&g.slice(-2, 1..));
        let words = ["eigh", "eigenvalues", "matrix_function"];
        refuse_equal(&values, &turning, words);
        let turning = BY_GAP.apply(&[&turning, &values, &values.t()]);
        let stretching = g.slice(-2, ..1).squeeze(-2).diag_embed(0, [-2, -1]);
        let inside = vectors.matmul(&(turning + stretching));
        alone(x, symmetric(&inside.matmul_nt(&vectors)))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let x: SmallVec<[&Tensor; 2]> = x.iter().map(|x| x.value).collect();
        Some(self.forward(&x))
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

/// Λ above V.
#[track_caller]
fn both(x: &Tensor) -> Tensor {
    let (values, vectors) = x.eigh();
    Tensor::cat(&[values.unsqueeze(-2), vectors], -2)
}

/// Λ as a row, and V.
#[track_caller]
fn parts(both: &Var) -> [Var; 2] {
    [both.slice(-2, ..1), both.slice(-2, 1..)]
}

/// Panics where vectors of equal values, which follow each other, are to be turned among themselves.
#[track_caller]
pub(super) fn refuse_equal(values: &Var, turning: &Var, words: [&str; 3]) {
    // Of many cotangents for one matrix, the largest of any of them.
    let turning = match (values.batch_size(), turning.batch_size()) {
        (None, Some(_)) => &turning.raw().unary(Unary::Abs).max(0),
        _ => turning.raw(),
    };
    let values = values.raw();
    let size = size(turning.shape());
    let (values, turning) = (values.to_vec(), turning.to_vec());
    let matrices = turning.chunks((size * size).max(1));
    for (values, turning) in values.chunks(size.max(1)).zip(matrices) {
        for (i, &value) in values.iter().enumerate() {
            let before = (0..i).rev().take_while(|&j| values[j] == value);
            for j in before {
                if turning[j * size + i] != 0.0 || turning[i * size + j] != 0.0 {
                    let [operation, kind, instead] = words;
                    panic!(
                        "{operation}: {kind} {j} and {i} are both {value}, so their vectors have no derivative; \
                         for a function of the matrix use {instead}"
                    );
                }
            }
        }
    }
}

/// A function of one number, applied element by element.
pub(super) type Elementwise = Rc<dyn Fn(&Var) -> Var>;

/// V·f(Λ)·Vᵀ, with Λ above V and f(Λ) as operands that do not move.
struct MatrixFunction(Elementwise);

impl fmt::Debug for MatrixFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MatrixFunction")
    }
}

/// (f(a) − f(b)) / (a − b), by a difference that is wide enough where a and b are (nearly) equal: the
/// errors of rounding and of the difference are both about ε^⅔ there.
#[track_caller]
pub(super) fn divided_difference(f: &Elementwise, a: &Var, b: &Var) -> Var {
    static ENDS: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("matrix_function.end", |[a, b, width]: [Expr; 3]| {
            let size = a.abs().max(b.abs());
            let size = Expr::select(&size, &size, &Expr::from(1.0));
            let (middle, half) = ((&a + &b) * 0.5, width * size);
            let near = (&a - &b).abs().less(half.abs() * 2.0);
            Expr::select(&near, &(middle + half), &a)
        })
    });
    let width = a.dtype().epsilon().cbrt();
    let width = |sign: f64| a.scalar_like(sign * width);
    let end = |a: &Var, b: &Var, sign| ENDS.apply(&[a, b, &width(sign)]);
    let (a, b) = (end(a, b, 1.0), end(b, a, -1.0));
    (f(&a) - f(&b)) / (a - b)
}

impl Primitive for MatrixFunction {
    fn name(&self) -> Cow<'static, str> {
        "matrix_function".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let (vectors, images) = (x[1].slice(-2, 1..), x[2]);
        (&vectors * images).matmul(&vectors.t())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::input(1))
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let [from, vectors] = parts(&Var::apply(Eigen, &[&x[0], &x[1]]));
        let to = from.t();
        let differences = divided_difference(&self.0, &to, &from);
        let inside = vectors.matmul_tn(&symmetric(g).matmul(&vectors)) * differences;
        alone(x, vectors.matmul(&inside).matmul_nt(&vectors))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, both, images] = &of_each(x);
        Some(self.forward(&[x, both, images]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = V·f(Λ)·Vᵀ with V·Λ·Vᵀ = sym(A)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = V·(D∘(Vᵀ·sym(g)·V))·Vᵀ, D = (f(λᵢ) − f(λⱼ)) / (λᵢ − λⱼ)".into()
    }
    /// The eigenvectors, and two products.
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        (x[0].elements() * size(&x[0]) * 38 / 3) as u64
    }
}

impl Var {
    /// f(A) = V·f(Λ)·Vᵀ, the function f of every eigenvalue of the symmetric part (M + Mᵀ) / 2 of each of
    /// these matrices M `[.., size, size]`. `f` is applied element by element.
    ///
    /// The derivative is right where eigenvalues are equal too; the second one is refused there.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// let tape = Tape::new();
    /// let covariance = tape.leaf(Tensor::eye(2, DType::F64) * 4.0);
    /// let whitening = covariance.matrix_function(|x| x.rsqrt());
    /// assert!((whitening.value().at(&[0, 0]) - 0.5).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// If the matrices are not square, or one is not finite.
    #[track_caller]
    #[must_use]
    pub fn matrix_function(&self, f: impl Fn(&Self) -> Self + 'static) -> Self {
        shape::square("matrix_function", self.shape()).or_panic();
        let both = self.derived(both(self.raw()));
        let images = f(&parts(&both)[0]).stop_gradient();
        Self::apply(MatrixFunction(Rc::new(f)), &[self, &both, &images])
    }

    /// Eigenvalues `[.., size]` in rising order and eigenvectors `[.., size, size]`, one a column,
    /// of the symmetric part (M + Mᵀ) / 2 of each of these matrices M `[.., size, size]`. The largest
    /// element of each vector is positive.
    ///
    /// Where eigenvalues are equal, the vectors have no derivative, and the values have no second one.
    /// For functions of the matrix there is [`matrix_function`](Self::matrix_function).
    ///
    /// # Panics
    /// If the matrices are not square, or one is not finite; see [`Tensor::try_eigh`]. The backward
    /// sweep, if it comes to vectors of equal eigenvalues.
    #[track_caller]
    #[must_use]
    pub fn eigh(&self) -> (Self, Self) {
        shape::square("eigh", self.shape()).or_panic();
        let [values, vectors] = parts(&Self::apply(Eigen, &[self]));
        (values.squeeze(-2), vectors)
    }
}
