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
//! Singular vectors of equal values can turn together, and the matrix does not say how far. Even a
//! function that does not care has a derivative that cannot be told from Ū, Σ̄ and V̄: those of U·Vᵀ are
//! the same as those of U·Σ·Vᵀ up to a factor, but their derivatives are not. So vectors of equal
//! values that are to be turned among themselves are refused. Those of 0 have no derivative: there H
//! and Σ⁻¹ are 0, so what a function says about them is left out.
//!
//! Functions U·f(Σ)·Vᵀ have a derivative all the same. With P = Uᵀ·g·V and the divided differences D of f,
//!
//! ```text
//! Ā = U·(D ∘ sym(P) + S ∘ skew(P))·Vᵀ + (I − U·Uᵀ)·g·V·Q·Vᵀ + U·Q·Uᵀ·g·(I − V·Vᵀ)
//! S = (f(σᵢ) + f(σⱼ)) / (σᵢ + σⱼ),  Q = f(σ) / σ
//! ```
//!
//! with the slope of f at 0 where the divisor is 0.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;

use retrograd_tensor::{OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::super::of_each;
use super::eigen::{Elementwise, divided_difference, refuse_equal};
use super::{alone, known};
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// U above Σ above V, `[.., rows + 1 + columns, k]`; where they are known already, a second operand is all
/// three.
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

/// U above Σ above V.
#[track_caller]
fn all(x: &Tensor) -> Tensor {
    let (u, s, v) = x.svd();
    Tensor::cat(&[u, s.unsqueeze(-2), v], -2)
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
        known(x, 1).unwrap_or_else(|| all(x[0]))
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::OUTPUT
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
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
        let words = ["svd", "singular values", "singular_function"];
        refuse_equal(&s, &left, words);
        refuse_equal(&s, &right, words);
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
        alone(x, total)
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let x: SmallVec<[&Tensor; 2]> = x.iter().map(|x| x.value).collect();
        Some(self.forward(&x))
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

/// U·f(Σ)·Vᵀ, with U above Σ above V and f(Σ) as operands that do not move.
struct SingularFunction {
    f: Elementwise,
    svd: Svd,
}

impl fmt::Debug for SingularFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingularFunction")
    }
}

impl SingularFunction {
    /// (f(a) + f(b)) / (a + b) for a, b ≥ 0, or the slope of f at 0 where both are 0: of a difference so
    /// wide that errors of rounding and of the difference are both about √ε.
    #[track_caller]
    fn mean_slope(&self, a: &Var, b: &Var) -> Var {
        static BESIDE_ZERO: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("singular_function.end", |[a, b, width]: [Expr; 3]| {
                Expr::select(&(&a + b), &a, &width)
            })
        });
        let width = &Var::constant(a.raw().scalar_like(a.dtype().epsilon().sqrt()));
        let end = |a, b| BESIDE_ZERO.apply(&[a, b, width]);
        let (a, b) = (end(a, b), end(b, a));
        ((self.f)(&a) + (self.f)(&b)) / (a + b)
    }
}

impl Primitive for SingularFunction {
    fn name(&self) -> Cow<'static, str> {
        "singular_function".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let rows = self.svd.rows as isize;
        let (u, v) = (x[1].slice(-2, ..rows), x[1].slice(-2, rows + 1..));
        (&u * x[2]).matmul(&v.t())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::input(1))
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let [u, from, v] = self.svd.parts(&Var::apply(self.svd, &[&x[0], &x[1]]));
        let to = from.t();
        let (by_v, by_u) = (g.matmul(&v), g.matmul_tn(&u));
        let inside = u.matmul_tn(&by_v);
        let turned = inside.t();
        let inside = ((&inside + &turned) * divided_difference(&self.f, &to, &from)
            + (&inside - &turned) * self.mean_slope(&to, &from))
            * 0.5;
        let mut total = u.matmul(&inside).matmul_nt(&v);
        // What lies across the space of the vectors, of which one side has all.
        let slopes = self.mean_slope(&from, &from);
        let [rows, columns] = shape::matrix("svd", x.shape(0)).or_panic();
        if rows > columns {
            let across = (&by_v - u.matmul(&u.matmul_tn(&by_v))) * &slopes;
            total = total + across.matmul_nt(&v);
        } else if rows < columns {
            let across = (&by_u - v.matmul(&v.matmul_tn(&by_u))) * &slopes;
            total = total + u.matmul_nt(&across);
        }
        alone(x, total)
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, all, images] = &of_each(x);
        Some(self.forward(&[x, all, images]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = U·f(Σ)·Vᵀ with U·Σ·Vᵀ = A".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "Ā = U·(D∘sym(P) + S∘skew(P))·Vᵀ + (I − U·Uᵀ)·g·V·Q·Vᵀ + U·Q·Uᵀ·g·(I − V·Vᵀ), P = Uᵀ·g·V"
            .into()
    }
    /// The singular vectors, and a product.
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        let smaller = x[0][x[0].rank() - 1].min(x[0][x[0].rank() - 2]);
        (x[0].elements() * smaller * 50) as u64
    }
}

impl Var {
    /// U·f(Σ)·Vᵀ, the function f of every singular value of each of these matrices `[.., rows, columns]`.
    /// `f` is applied element by element; at a singular value of 0 it must be 0.
    ///
    /// The derivative is right where singular values are equal too; the second one is refused there.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// let tape = Tape::new();
    /// let weight = tape.leaf(Tensor::eye(2, DType::F64) * 4.0);
    /// // The nearest orthogonal matrix.
    /// let nearest = weight.singular_function(|s| s * 0.0 + 1.0);
    /// assert!((nearest.value().at(&[0, 0]) - 1.0).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, a matrix is not finite, or a singular value is 0 where `f` is not.
    #[track_caller]
    #[must_use]
    pub fn singular_function(&self, f: impl Fn(&Self) -> Self + 'static) -> Self {
        let [rows, _] = shape::matrix("singular_function", self.shape()).or_panic();
        let svd = Svd { rows };
        let all = self.derived(all(self.raw()));
        let [_, values, _] = svd.parts(&all);
        let images = f(&values).stop_gradient();
        let mut both = values.raw().iter().zip(images.raw().iter());
        if let Some((_, image)) = both.find(|&(value, image)| value == 0.0 && image != 0.0) {
            panic!(
                "singular_function: {}: a singular value is 0, where the function is {image}; the matrix does not \
                 say in which direction unless it is 0",
                self.shape()
            );
        }
        let f = Rc::new(f);
        Self::apply(SingularFunction { f, svd }, &[self, &all, &images])
    }

    /// Left singular vectors U `[.., rows, k]`, singular values `[.., k]` in falling order and right
    /// singular vectors V `[.., columns, k]`, one a column, with U·diag(values)·Vᵀ each of these
    /// matrices `[.., rows, columns]`; k is the smaller of their sizes. The largest element of each
    /// left vector is positive.
    ///
    /// Where singular values are equal or 0, the vectors have no derivative, and the values have no
    /// second one. What a function says about vectors of exactly 0 is left out. For functions of the
    /// matrix there is [`singular_function`](Self::singular_function).
    ///
    /// # Panics
    /// If there are fewer than two axes, or a matrix is not finite; see [`Tensor::try_svd`]. The backward
    /// sweep, if it comes to vectors of equal singular values.
    #[track_caller]
    #[must_use]
    pub fn svd(&self) -> (Self, Self, Self) {
        let [rows, _] = shape::matrix("svd", self.shape()).or_panic();
        let svd = Svd { rows };
        let [u, s, v] = svd.parts(&Self::apply(svd, &[self]));
        (u, s.squeeze(-2), v)
    }
}
