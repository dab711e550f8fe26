//! Losses of yes and no: binary cross-entropy, hinge.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::{Reduction, expect_probabilities, weighted};

/// Binary cross-entropy −t·log p − (1 − t)·log(1 − p) of probabilities p, in nats.
///
/// Logarithms are held at −100 or above, as in PyTorch, so that p = 0 and p = 1 cost something
/// finite. Where they are held the slope is 0 (PyTorch's is about 10¹²), so a unit that is
/// saturated on the wrong side stays there: prefer [`bce_with_logits`], which has no such edge.
///
/// # Panics
/// If the shapes are not equal, or a p is outside of [0, 1].
#[doc(alias = "BCELoss")]
#[doc(alias = "BinaryCrossentropy")]
#[track_caller]
#[must_use]
pub fn bce(probability: &Var, target: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("binary_cross_entropy", |[p, t]: [Expr; 2]| entropy(&p, &t))
    });
    expect_probabilities("bce", probability);
    reduction.of(&FORMULA, &[probability, target])
}

/// As [`bce`], each element times its weight.
///
/// # Panics
/// If the shapes are not equal, a p is outside of [0, 1], or the weight does not stretch to their shape.
#[track_caller]
#[must_use]
pub fn bce_weighted(probability: &Var, target: &Var, weight: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("weighted_binary_cross_entropy", |[p, t, w]: [Expr; 3]| {
            w * entropy(&p, &t)
        })
    });
    expect_probabilities("bce_weighted", probability);
    reduction.of(&FORMULA, &[probability, target, weight])
}

/// −t·log p − (1 − t)·log(1 − p), with a floor under the logarithms.
fn entropy(p: &Expr, t: &Expr) -> Expr {
    /// The smallest logarithm.
    const FLOOR: f64 = -100.0;
    let floored = |log: Expr| Expr::select(&log.less(FLOOR), &Expr::from(FLOOR), &log);
    -(t * floored(p.log())) - (1.0 - t) * floored((-p).log1p())
}

/// Binary cross-entropy of p = σ(z) given the logit z, in nats: −t·log σ(z) − (1 − t)·log σ(−z).
///
/// Equal to [`bce`] of the sigmoid, without its edges at logits of any size, and one pass instead of two.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "BCEWithLogitsLoss")]
#[doc(alias = "binary_cross_entropy_with_logits")]
#[track_caller]
#[must_use]
pub fn bce_with_logits(logit: &Var, target: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("binary_cross_entropy_with_logits", |[z, t]: [Expr; 2]| {
            z.logistic_loss(t)
        })
    });
    reduction.of(&FORMULA, &[logit, target])
}

/// As [`bce_with_logits`], each element times its weight, and the part of yes, −t·log σ(z), times
/// `positive` as well: above 1 it makes a missed yes dearer than a false one, for where yes is rare.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "pos_weight")]
#[track_caller]
#[must_use]
pub fn bce_with_logits_weighted(
    logit: &Var,
    target: &Var,
    weight: Option<&Var>,
    positive: Option<&Var>,
    reduction: Reduction,
) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new(
            "weighted_binary_cross_entropy_with_logits",
            |[z, t, w, q]: [Expr; 4]| {
                // softplus(z) is −log(1 − σ(z)), and softplus(−z) is −log σ(z).
                let (yes, no) = (q * &t, 1.0 - t);
                w * (weighted(&yes, &(-&z).softplus()) + weighted(&no, &z.softplus()))
            },
        )
    });
    let one = logit.scalar_like(1.0);
    let (weight, positive) = (weight.unwrap_or(&one), positive.unwrap_or(&one));
    reduction.of(&FORMULA, &[logit, target, weight, positive])
}

/// max(0, 1 − t·y) for targets t of −1 and 1 (Cortes and Vapnik 1995); flat where the margin is met.
///
/// # Panics
/// If the shapes are not equal.
#[track_caller]
#[must_use]
pub fn hinge(y: &Var, target: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("hinge", |[y, t]: [Expr; 2]| {
            let short = 1.0 - t * y;
            Expr::select(&short.less_equal(0.0), &Expr::from(0.0), &short)
        })
    });
    reduction.of(&FORMULA, &[y, target])
}
