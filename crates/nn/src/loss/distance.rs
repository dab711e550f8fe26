//! Losses of pairs and threes of vectors: like ones together, others apart.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::Reduction;

/// 1 − cos(a, b) for pairs that belong together (`same` is 1), max(0, cos(a, b) − `margin`) for
/// others (−1). Vectors are along the last axis of a and b, `same` has the axes before it.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "CosineEmbeddingLoss")]
#[doc(alias = "CosineSimilarity")]
#[track_caller]
#[must_use]
pub fn cosine_embedding(a: &Var, b: &Var, same: &Var, margin: f64, reduction: Reduction) -> Var {
    /// Lengths count as this if they are smaller.
    const SHORTEST: f64 = 1e-8;
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("cosine_embedding", |[cosine, same, margin]: [Expr; 3]| {
            let too_close = above_zero(&(&cosine - margin));
            Expr::select(&same.less(0.0), &too_close, &(1.0 - cosine))
        })
    });
    let cosine = a.cosine_similarity(b, -1, SHORTEST);
    reduction.of(&FORMULA, &[&cosine, same, &cosine.scalar_like(margin)])
}

/// max(0, ‖a − p‖ − ‖a − n‖ + `margin`) for an anchor a, a positive p like it and a negative n unlike
/// it (Schroff et al. 2015), vectors along the last axis.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "TripletMarginLoss")]
#[track_caller]
#[must_use]
pub fn triplet(
    anchor: &Var,
    positive: &Var,
    negative: &Var,
    margin: f64,
    reduction: Reduction,
) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("triplet", |[near, far, margin]: [Expr; 3]| {
            above_zero(&(near - far + margin))
        })
    });
    let distance = |other: &Var| (anchor - other).norm(2.0, -1);
    let margin = anchor.scalar_like(margin);
    let inputs = [&distance(positive), &distance(negative), &margin];
    reduction.of(&FORMULA, &inputs)
}

/// x above 0, else 0.
fn above_zero(x: &Expr) -> Expr {
    Expr::select(&x.less_equal(0.0), &Expr::from(0.0), x)
}
