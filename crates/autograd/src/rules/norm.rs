//! Sizes of vectors, and directions.

use std::sync::LazyLock;

use retrograd_tensor::pointwise::Unary;
use retrograd_tensor::{Axes, OrPanic, ReducedAxes, Tensor, keep, shape};

use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

static SQUARE: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("norm.square", |[x]: [Expr; 1]| x.square()));

impl Var {
    /// Σ x² along axes, the square of the [norm](Self::norm) of order 2, in one pass over memory.
    ///
    /// The norm takes large and small numbers in other units first, this does not: squares may overflow
    /// or vanish.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec(vec![3.0, 4.0], [2]));
    /// let y = x.squared_norm(..);
    /// assert_eq!(y.item(), 25.0);
    /// assert_eq!(y.backward().of(&x).unwrap().to_vec(), [6.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn squared_norm(&self, axes: impl Into<Axes>) -> Self {
        let axes = self.reduced("squared_norm", axes);
        SQUARE.apply_sum(&[self], axes.to_axes())
    }

    /// The p-norm along axes, (Σ |x|ᵖ)^(1/p) with p = `order`: 2 is the length, 1 the sum of sizes, ∞ and −∞ the largest
    /// and smallest size (ties share the derivative), 0 the count of what is not 0. Where the norm
    /// is not smooth, at 0, the derivative is 0.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[doc(alias = "vector_norm")]
    #[track_caller]
    #[must_use]
    pub fn norm(&self, order: f64, axes: impl Into<Axes>) -> Self {
        static SIZE: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("norm.size", |[x]: [Expr; 1]| x.abs()));
        static COUNT: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("norm.count", |[x]: [Expr; 1]| 1.0 - x.equal(0.0)));
        if order == 2.0 {
            let axes = self.reduced("norm", axes);
            let plain = self.squared_norm(axes.to_axes());
            if self.batch_size().is_some() || are_squares_safe(plain.value()) {
                return plain.root();
            }
            let units = Var::constant(units(self.value(), axes, f64::INFINITY));
            let scaled = (self * &units).squared_norm(axes.to_axes());
            scaled.root() / units.with_shape(*plain.shape())
        } else if order == 1.0 {
            SIZE.apply_sum(&[self], axes)
        } else if order == 0.0 {
            COUNT.apply_sum(&[self], axes)
        } else if order == f64::INFINITY {
            self.abs().max(axes)
        } else if order == f64::NEG_INFINITY {
            self.abs().min(axes)
        } else {
            self.power_norm(order, axes)
        }
    }

    /// (Σ |x|ᵖ)^(1/p). Positive powers of 0 are 0 and have no slope; for negative ones a 0 makes the
    /// sum infinite and the norm 0.
    #[track_caller]
    fn power_norm(&self, order: f64, axes: impl Into<Axes>) -> Self {
        static POWER: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("norm.power", |[x, p]: [Expr; 2]| {
                positive_power(&x.abs(), &p)
            })
        });
        static ROOT: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("norm.root", |[sum, p]: [Expr; 2]| {
                positive_power(&sum, &p.recip())
            })
        });
        let p = self.scalar_like(order);
        ROOT.apply(&[&POWER.apply_sum(&[self, &p], axes), &p])
    }

    /// x over its norm along an axis, which counts as `epsilon` if it is smaller.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[doc(alias = "l2_normalize")]
    #[track_caller]
    #[must_use]
    pub fn normalize(&self, order: f64, axis: isize, epsilon: f64) -> Self {
        self / self
            .norm(order, keep(axis))
            .clamp_min(&self.scalar_like(epsilon))
    }

    /// The cosine of the angle between vectors along `axis` of the common shape, each of whose
    /// lengths counts as `epsilon` if it is smaller.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cosine_similarity(&self, other: &Self, axis: isize, epsilon: f64) -> Self {
        static PRODUCT: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("cosine_similarity.dot", |[a, b]: [Expr; 2]| a * b));
        static COSINE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new(
                "cosine_similarity",
                |[dot, a, b, least_a, least_b]: [Expr; 5]| {
                    let length = |x: &Expr, least: &Expr| Expr::select(&x.less(least), least, x);
                    dot / length(&a, &least_a) / length(&b, &least_b)
                },
            )
        });
        let shapes = [*self.shape(), *other.shape()];
        let shape = shape::broadcast("cosine_similarity", &shapes).or_panic();
        let (a, b) = (self.broadcast_to(shape), other.broadcast_to(shape));
        let (a, least_a) = a.in_safe_units(axis, epsilon);
        let (b, least_b) = b.in_safe_units(axis, epsilon);
        let dot = PRODUCT.apply_sum(&[&a, &b], axis);
        let (a, b) = (a.norm(2.0, axis), b.norm(2.0, axis));
        COSINE.apply(&[&dot, &a, &b, &least_a, &least_b])
    }

    /// Vectors along an axis, and the length `least`, in units in which their squares are safe.
    #[track_caller]
    fn in_safe_units(self, axis: isize, least: f64) -> (Self, Self) {
        let axes = self.reduced("cosine_similarity", axis);
        let squares = self.raw().unary(Unary::Square).sum(axes.to_axes());
        if self.batch_size().is_some() || are_squares_safe(&squares) {
            let least = self.scalar_like(least);
            return (self, least);
        }
        let units = Var::constant(units(self.value(), axes, f64::INFINITY));
        let least = units.with_shape(*squares.shape()) * least;
        (&self * &units, least)
    }
}

/// Whether sums of squares lost nothing: none is infinite, or so small that squares below the
/// smallest number would count. NaN are what they are.
pub(super) fn are_squares_safe(sums: &Tensor) -> bool {
    let least = sums.dtype().min_positive() / sums.dtype().epsilon().powi(2);
    let mut sums = sums.iter();
    sums.all(|sum| sum.is_nan() || (sum > least && sum.is_finite()))
}

/// For each group a power of two, `most` at most, that brings its largest element near 1, so that no
/// square is too large or too small; 1 where that is 0 or not finite. Multiplying by it is exact.
pub(super) fn units(x: &Tensor, axes: ReducedAxes, most: f64) -> Tensor {
    let kept = axes.kept(x.shape());
    if x.elements() == 0 {
        return Tensor::ones(kept, x.dtype());
    }
    let limit = -x.dtype().min_positive().log2() as i32;
    let unit = |size: f64| {
        if size == 0.0 || !size.is_finite() {
            return 1.0;
        }
        let exponent = -size.log2().floor() as i32;
        2.0_f64.powi(exponent.clamp(-limit, limit)).min(most)
    };
    let largest = x.unary(Unary::Abs).max(keep(axes.to_axes()));
    largest.map(unit)
}

/// bᵖ, for p > 0 without a slope at b = 0.
fn positive_power(base: &Expr, p: &Expr) -> Expr {
    let at_zero = base.equal(0.0) * Expr::from(0.0).less(p);
    Expr::select(&at_zero, &Expr::from(0.0), &base.pow(p))
}
