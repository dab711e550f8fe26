//! How far apart two samples are along lines: the sliced Wasserstein distance.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use crate::model::noise;

/// The mean over directions of the square of the Wasserstein distance between two samples of codes
/// `[count, code]`, of equal count, seen along each of the directions `[directions, code]`, which are of
/// length 1.
///
/// ```text
/// SW² = 1/(M n) Σₘ Σᵢ (aₘᵢ − bₘᵢ)²        aₘ, bₘ the sorted numbers ⟨x, eₘ⟩ and ⟨y, eₘ⟩
/// ```
///
/// On a line the cheapest way to carry one sample to another takes the smallest to the smallest, and so on:
/// sorting along the batch solves there what is hard in many dimensions. With one direction in one dimension
/// it is the square of the distance W₂ itself.
///
/// Source: Kolouri, Pope, Martin and Rohde 2019, equation 11.
///
/// # Panics
/// If the samples have not the same shape, or the directions another width.
#[track_caller]
#[must_use]
pub fn sliced_wasserstein(x: &Var, y: &Var, directions: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("square_difference", |[a, b]: [Expr; 2]| (a - b).square()));
    assert!(
        x.shape() == y.shape(),
        "samples of shapes {} and {} are not carried to each other; they must be equal",
        x.shape(),
        y.shape()
    );
    // Sorting is along the last axis: a row is a direction, its numbers are those of the batch.
    let sorted = |codes: &Var| directions.matmul_nt(codes).sort(false).0;
    let (a, b) = (sorted(x), sorted(y));
    FORMULA.apply_sum(&[&a, &b], ..) / a.elements() as f64
}

/// So many directions `[count, code]` at random, each of length 1 and as likely as any other, for codes
/// `[batch, code]`, from the random stream of their tape.
pub(crate) fn directions(codes: &Var, count: usize) -> Var {
    noise(codes, &[count, codes.shape()[1]]).normalize(2.0, -1, f64::MIN_POSITIVE)
}
