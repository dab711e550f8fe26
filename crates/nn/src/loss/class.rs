//! Losses of one class among several, in nats.
//!
//! Scores and probabilities have the shape `[batch, classes, ...]` or `[classes]`; what follows the
//! classes are places, such as pixels, each with a class of its own.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{Array, DType, Tensor};

use super::{Reduction, weighted};

/// Which classes are right, and what each counts.
#[derive(Clone, Debug)]
pub struct Classes<'a> {
    /// The number of the right class, `[batch, ...]`, or a scalar beside `[classes]`.
    pub right: &'a Array<i64>,
    /// A weight for each class, `[classes]`; all count 1 without.
    pub weights: Option<&'a Var>,
    /// Where this is the right class, the place counts nothing.
    pub ignored: Option<i64>,
}

impl<'a> Classes<'a> {
    /// These classes, all of one weight, none ignored.
    #[must_use]
    pub fn new(right: &'a Array<i64>) -> Self {
        Self {
            right,
            weights: None,
            ignored: None,
        }
    }

    /// The classes as indices that exist: an ignored one may be any number, 0 stands for it.
    fn indices(&self) -> Array<i64> {
        let Some(ignored) = self.ignored else {
            return self.right.clone();
        };
        let index = |class| if class == ignored { 0 } else { class };
        let indices = self.right.iter().map(index).collect();
        Array::from_vec(indices, *self.right.shape())
    }

    /// What each place counts: the weight of its class, 0 where that is ignored.
    #[track_caller]
    fn counts(&self, dtype: DType) -> Var {
        let counted = |class| {
            if Some(class) == self.ignored {
                0.0
            } else {
                1.0
            }
        };
        let counted = self.right.iter().map(counted).collect();
        let counted = Var::constant(Tensor::from_vec(counted, *self.right.shape()).cast(dtype));
        match self.weights {
            Some(weights) => counted * weights.gather_rows(&self.indices()),
            None => counted,
        }
    }
}

/// Negative log-likelihood −log p of the right classes, given logarithms of probabilities. The mean
/// is over what the places count.
///
/// # Panics
/// If the shapes do not fit or a class does not exist.
#[track_caller]
#[must_use]
pub fn nll(log_probabilities: &Var, classes: &Classes<'_>, reduction: Reduction) -> Var {
    let picked = picked(&last(log_probabilities), &classes.indices());
    let counts = classes.counts(picked.dtype());
    weighed(&-picked, &counts, reduction)
}

/// Cross-entropy −log softmax(z) of the right class, given scores (logits) z: [`nll`] of the
/// log-softmax.
///
/// `smoothing` of the certainty is spread over all classes evenly (Szegedy et al. 2016).
///
/// # Panics
/// If the shapes do not fit or a class does not exist.
#[track_caller]
#[must_use]
pub fn cross_entropy(
    logits: &Var,
    classes: &Classes<'_>,
    smoothing: f64,
    reduction: Reduction,
) -> Var {
    let log_shares = last(logits).log_softmax(-1);
    let certain = -picked(&log_shares, &classes.indices());
    let dtype = logits.dtype();
    let counts = classes.counts(dtype);
    if smoothing == 0.0 {
        return weighed(&certain, &counts, reduction);
    }
    let classes_in_all = log_shares.shape()[log_shares.rank() - 1] as f64;
    // Each class has its own weight here, whichever is right; a place that is ignored has none.
    let (spread, counted) = match classes.weights {
        Some(weights) => {
            let all = Classes {
                weights: None,
                ..classes.clone()
            };
            (-(&log_shares * weights).sum(-1), all.counts(dtype))
        }
        None => (-log_shares.sum(-1), counts.clone()),
    };
    let losses = costs(&certain, &counts) * (1.0 - smoothing)
        + costs(&spread, &counted) * (smoothing / classes_in_all);
    reduced(&losses, &counts, reduction)
}

/// Cross-entropy −Σ t·log softmax(z) of scores (logits) z and targets that are shares of the classes,
/// in the shape of z, mixed with `smoothing` of even shares. A share of 0 costs nothing, also where
/// the score is −∞. The mean is over places.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
#[must_use]
pub fn cross_entropy_of_shares(
    logits: &Var,
    shares: &Var,
    weights: Option<&Var>,
    smoothing: f64,
    reduction: Reduction,
) -> Var {
    static TERM: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("cross_entropy", |[log_share, t, w]: [Expr; 3]| {
            -weighted(&(w * t), &log_share)
        })
    });
    let (log_shares, shares) = (last(logits).log_softmax(-1), last(shares));
    let classes_in_all = log_shares.shape()[log_shares.rank() - 1] as f64;
    let shares = if smoothing == 0.0 {
        shares
    } else {
        shares * (1.0 - smoothing) + smoothing / classes_in_all
    };
    let one = log_shares.scalar_like(1.0);
    let inputs = [&log_shares, &shares, weights.unwrap_or(&one)];
    reduction.apply(&TERM.apply_sum(&inputs, -1))
}

/// The classes on the last axis: they are on axis 1, or alone.
#[track_caller]
fn last(x: &Var) -> Var {
    assert!(
        x.rank() > 0,
        "a loss of classes: []: scores have the shape [batch, classes, ...] or [classes]"
    );
    if x.rank() <= 2 {
        return x.clone();
    }
    let order: Vec<usize> = [0].into_iter().chain(2..x.rank()).chain([1]).collect();
    x.permute(&order)
}

/// The elements of the right classes on the last axis, without that axis.
#[track_caller]
fn picked(x: &Var, indices: &Array<i64>) -> Var {
    let picked = x.gather(&indices.unsqueeze(-1));
    picked.with_shape(*indices.shape())
}

/// Losses times counts, reduced.
#[track_caller]
fn weighed(losses: &Var, counts: &Var, reduction: Reduction) -> Var {
    reduced(&costs(losses, counts), counts, reduction)
}

/// Losses times counts; what counts nothing may be infinite.
#[track_caller]
fn costs(losses: &Var, counts: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("weighed", |[loss, count]: [Expr; 2]| {
            Expr::select(&count.equal(0.0), &Expr::from(0.0), &(&count * loss))
        })
    });
    FORMULA.apply(&[losses, counts])
}

#[track_caller]
fn reduced(costs: &Var, counts: &Var, reduction: Reduction) -> Var {
    match reduction {
        Reduction::Mean => costs.sum(..) / counts.sum(..),
        other => other.apply(costs),
    }
}
