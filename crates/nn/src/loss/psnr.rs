//! The ratio of signal to noise of an image, in decibels.

use std::f64::consts::LN_10;
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{OrPanic, Shape, ShapeError};

use super::Reduction;

/// 10·log₁₀(L² / mean (y − t)²) of each sample of `[batch, ...]`, in decibels; `range` is L, the
/// difference of the largest and the smallest value there can be. Equal samples have ∞.
///
/// A measure rather than a loss: more is better, and its slope has no bound near a perfect result.
/// What is reduced is `[batch]`, so [`Reduction::Mean`] is the mean over the samples of their
/// ratios, not the ratio of the mean error.
///
/// # Panics
/// If the shapes are not equal, there is no axis of samples, or the range is not above 0.
#[track_caller]
#[must_use]
pub fn psnr(y: &Var, target: &Var, range: f64, reduction: Reduction) -> Var {
    static SQUARED: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("squared_error", |[y, t]: [Expr; 2]| (y - t).square()));
    static RATIO: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("psnr", |[error, range]: [Expr; 2]| {
            10.0 / LN_10 * (2.0 * range.log() - error.log())
        })
    });
    let shape = *y.shape();
    if shape.is_empty() || shape != *target.shape() {
        let problem = "both must be [batch, ...], of the same shape";
        Err(ShapeError::new("psnr", &[shape, *target.shape()], problem)).or_panic()
    }
    assert!(range > 0.0, "psnr: a range of {range}; it must be above 0");
    let each: usize = shape[1..].iter().product();
    let rows = Shape::from([shape[0], each]);
    let (y, target) = (y.with_shape(rows), target.with_shape(rows));
    let error = SQUARED.apply_sum(&[&y, &target], 1) / each as f64;
    reduction.apply(&RATIO.apply(&[&error, &error.scalar_like(range)]))
}
