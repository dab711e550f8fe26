//! Losses of one class among several, in nats.
//!
//! Scores and probabilities have the shape `[batch, classes, ...]` or `[classes]`; what follows the
//! classes are places, such as pixels, each with a class of its own.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{Array, DType, OrPanic, ShapeError, Tensor};

use super::{Reduction, one_shape, weighted};

/// Cross-entropy −log softmax(z) of the right class of each place, given scores (logits) z; the mean over the
/// places. [`CrossEntropy`] has the options.
///
/// ```
/// use retrograd_nn::loss::cross_entropy;
/// use retrograd_tensor::{Array, Tensor, assert_abs_diff_eq};
///
/// let z = Tensor::from_vec(vec![0.0, 0.0, 3.0_f64.ln(), 0.0], [2, 2]).into();
/// let y = Array::from_vec(vec![1, 0], [2]);
/// // Shares of ½ and ¾.
/// assert_abs_diff_eq!(cross_entropy(&z, &y).item(), (8.0_f64 / 3.0).ln() / 2.0, epsilon = 1e-15);
/// ```
///
/// # Panics
/// If the shapes do not fit or a class does not exist.
#[doc(alias = "CrossEntropyLoss")]
#[doc(alias = "SparseCategoricalCrossentropy")]
#[track_caller]
#[must_use]
pub fn cross_entropy(logits: &Var, classes: &Array<i64>) -> Var {
    CrossEntropy::new().of(logits, classes)
}

/// Negative log-likelihood −log p of the right class of each place, given logarithms of probabilities;
/// the mean over the places. [`CrossEntropy`] has the options.
///
/// # Panics
/// If the shapes do not fit or a class does not exist.
#[doc(alias = "NLLLoss")]
#[track_caller]
#[must_use]
pub fn nll(log_probabilities: &Var, classes: &Array<i64>) -> Var {
    CrossEntropy::new().of_logs(log_probabilities, classes)
}

/// [`cross_entropy`] with options.
///
/// ```
/// use retrograd_nn::{Reduction, loss::CrossEntropy};
/// use retrograd_tensor::{Array, Tensor};
///
/// let z = Tensor::from_vec(vec![0.0, 0.0, 1.0, 2.0], [2, 2]).into();
/// let y = Array::from_vec(vec![1, -1], [2]); // the second is not known
/// let loss = CrossEntropy::new().smoothing(0.1).ignoring(-1).reduction(Reduction::Sum);
/// assert_eq!(loss.of(&z, &y).item(), 2.0_f64.ln());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropy<'a> {
    weights: Option<&'a Var>,
    smoothing: f64,
    ignored: Option<i64>,
    reduction: Reduction,
}

impl Default for CrossEntropy<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> CrossEntropy<'a> {
    /// The mean over all places, which count the same, of targets as they are.
    #[must_use]
    pub fn new() -> Self {
        Self {
            weights: None,
            smoothing: 0.0,
            ignored: None,
            reduction: Reduction::Mean,
        }
    }

    /// With a weight for each class, `[classes]`. The mean is over what the places count.
    #[must_use]
    pub fn weights(self, weights: &'a Var) -> Self {
        let weights = Some(weights);
        Self { weights, ..self }
    }

    /// With this share of the certainty spread over all classes evenly (label smoothing; Szegedy et al. 2016).
    ///
    /// # Panics
    /// If it is not in [0, 1].
    #[doc(alias = "label_smoothing")]
    #[track_caller]
    #[must_use]
    pub fn smoothing(self, smoothing: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&smoothing),
            "cross_entropy: a smoothing of {smoothing}; it is a share, in [0, 1]"
        );
        Self { smoothing, ..self }
    }

    /// Places whose right class is this one, which may be any number, count nothing.
    #[doc(alias = "ignore_index")]
    #[doc(alias = "ignore_class")]
    #[must_use]
    pub fn ignoring(self, class: i64) -> Self {
        let ignored = Some(class);
        Self { ignored, ..self }
    }

    /// Reduced in another way than to the mean.
    #[must_use]
    pub fn reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// Cross-entropy of the right classes, `[batch, ...]` or a scalar beside `[classes]`, given scores
    /// (logits).
    ///
    /// # Panics
    /// If the shapes do not fit or a class does not exist.
    #[track_caller]
    #[must_use]
    pub fn of(&self, logits: &Var, classes: &Array<i64>) -> Var {
        self.of_last(&last(logits).log_softmax(-1), classes)
    }

    /// The same given logarithms of probabilities, which are not normalised again.
    ///
    /// # Panics
    /// If the shapes do not fit or a class does not exist.
    #[track_caller]
    #[must_use]
    pub fn of_logs(&self, log_probabilities: &Var, classes: &Array<i64>) -> Var {
        self.of_last(&last(log_probabilities), classes)
    }

    /// Cross-entropy −Σ t·log softmax(z) of scores (logits) z and targets t that are shares of the classes,
    /// in the shape of z. A share of 0 costs nothing, also where the score is −∞. The mean is over
    /// places; none is ignored.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[doc(alias = "CategoricalCrossentropy")]
    #[track_caller]
    #[must_use]
    pub fn of_shares(&self, logits: &Var, shares: &Var) -> Var {
        static TERM: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("cross_entropy", |[log_share, t, w]: [Expr; 3]| {
                -weighted(&(w * t), &log_share)
            })
        });
        let (log_shares, shares) = (last(logits).log_softmax(-1), last(shares));
        let even = self.smoothing / count(&log_shares);
        let shares = match self.smoothing {
            0.0 => shares,
            smoothing => shares * (1.0 - smoothing) + even,
        };
        let one = log_shares.scalar_like(1.0);
        let inputs = [&log_shares, &shares, self.weights.unwrap_or(&one)];
        one_shape("cross_entropy", &inputs);
        self.reduction.apply(&TERM.apply_sum(&inputs, -1))
    }

    /// Given logarithms with the classes on the last axis.
    #[track_caller]
    fn of_last(&self, logs: &Var, classes: &Array<i64>) -> Var {
        let indices = self.indices(classes);
        let places = &logs.shape()[..logs.rank() - 1];
        if classes.shape()[..] != *places {
            let problem = "the classes have the shape of the scores without the axis of the classes, which is 1";
            let shapes = [*logs.shape(), *classes.shape()];
            Err(ShapeError::new("cross_entropy", &shapes, problem)).or_panic()
        }
        let certain = -logs
            .gather(&indices.unsqueeze(-1))
            .with_shape(*indices.shape());
        let seen = self.seen(classes, logs.dtype());
        let counts = match self.weights {
            Some(weights) => &seen * weights.gather_rows(&indices),
            None => seen.clone(),
        };
        let mut losses = costs(&certain, &counts);
        if self.smoothing > 0.0 {
            // Each class has its own weight here, whichever is right.
            let spread = match self.weights {
                Some(weights) => -(logs * weights).sum(-1),
                None => -logs.sum(-1),
            };
            let even = self.smoothing / count(logs);
            losses = losses * (1.0 - self.smoothing) + costs(&spread, &seen) * even;
        }
        match self.reduction {
            Reduction::Mean => losses.sum(..) / counts.sum(..),
            other => other.apply(&losses),
        }
    }

    /// The classes as indices that exist: 0 stands for an ignored one.
    fn indices(&self, classes: &Array<i64>) -> Array<i64> {
        let index = |class| {
            if Some(class) == self.ignored {
                0
            } else {
                class
            }
        };
        Array::from_vec(classes.iter().map(index).collect(), *classes.shape())
    }

    /// 0 where the class is ignored, else 1.
    fn seen(&self, classes: &Array<i64>, dtype: DType) -> Var {
        let seen = |class| f64::from(u8::from(Some(class) != self.ignored));
        let seen = classes.iter().map(seen).collect();
        Var::constant(Tensor::from_vec(seen, *classes.shape()).cast(dtype))
    }
}

/// How many classes there are on the last axis.
fn count(x: &Var) -> f64 {
    x.shape()[x.rank() - 1] as f64
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
