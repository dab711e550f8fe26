//! How wrong an output is.
//!
//! Each loss is one formula for an element and an explicit [`Reduction`]: sums and means differ by
//! a factor of the size, which changes the weight of every penalty beside them.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{Float, OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

/// How the losses of the elements of `[batch, features ...]` become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// They do not: the result has their shape.
    None,
    /// Sum over everything.
    Sum,
    /// Mean over everything, features as well as batch.
    Mean,
    /// Sum over the features, mean over the batch (axis 0): the loss of one sample.
    PerSample,
}

impl Reduction {
    /// Applies the reduction to the losses of the elements.
    #[track_caller]
    #[must_use]
    pub fn apply<T: Float>(self, losses: &Var<T>) -> Var<T> {
        match self {
            Self::None => losses.clone(),
            Self::Sum => losses.sum(..),
            Self::Mean => losses.mean(..),
            Self::PerSample => {
                let batch = losses.shape().first().copied().unwrap_or(1);
                losses.sum(..) / number(batch)
            }
        }
    }

    /// Applies the reduction to the losses of the elements given by a formula, whose sum is one node
    /// with it.
    #[track_caller]
    fn of<T: Float>(self, formula: &Pointwise, inputs: &[&Var<T>]) -> Var<T> {
        if self == Self::None {
            return formula.apply(inputs);
        }
        let sum = formula.apply_sum(inputs, ..);
        let shapes: SmallVec<[Shape; 3]> = inputs.iter().map(|input| *input.shape()).collect();
        let shape = shape::broadcast(formula.name(), &shapes).or_panic();
        match self {
            Self::None | Self::Sum => sum,
            Self::Mean => sum / number(shape.elements()),
            Self::PerSample => sum / number(shape.first().copied().unwrap_or(1)),
        }
    }
}

fn number<T: Float>(count: usize) -> Var<T> {
    Var::constant(Tensor::scalar(T::from_f64(count as f64)))
}

/// (y − t)².
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn mse<T: Float>(y: &Var<T>, target: &Var<T>, reduction: Reduction) -> Var<T> {
    static FORMULA: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("squared_error", |[y, t]: [Expr; 2]| (y - t).square()));
    reduction.of(&FORMULA, &[y, target])
}

/// Binary cross-entropy −t·log p − (1 − t)·log(1 − p) of probabilities p, in nats.
///
/// Logarithms are held at −100 or above, as in PyTorch, so that p = 0 and p = 1 cost something
/// finite. Where they are held the slope is 0 (PyTorch's is about 10¹²), so a unit that is
/// saturated on the wrong side stays there: prefer [`bce_with_logits`], which has no such edge.
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn bce<T: Float>(probability: &Var<T>, target: &Var<T>, reduction: Reduction) -> Var<T> {
    /// The smallest logarithm.
    const FLOOR: f64 = -100.0;
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("binary_cross_entropy", |[p, t]: [Expr; 2]| {
            let floored = |log: Expr| Expr::select(&log.less(FLOOR), &Expr::from(FLOOR), &log);
            -(&t * floored(p.log())) - (1.0 - &t) * floored((-p).log1p())
        })
    });
    reduction.of(&FORMULA, &[probability, target])
}

/// Binary cross-entropy of p = σ(z) given the logit z, in nats: softplus(z) − t·z.
///
/// Equal to [`bce`] of the sigmoid, exact for logits of any size, and one pass instead of two.
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
#[must_use]
pub fn bce_with_logits<T: Float>(logit: &Var<T>, target: &Var<T>, reduction: Reduction) -> Var<T> {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("binary_cross_entropy_with_logits", |[z, t]: [Expr; 2]| {
            z.softplus() - t * z
        })
    });
    reduction.of(&FORMULA, &[logit, target])
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::Tape;

    fn var(values: &[f64]) -> Var<f64> {
        Tensor::from_vec(values.to_vec(), [values.len() / 2, 2]).into()
    }

    #[test]
    fn reductions_differ_by_sizes() {
        let (y, t) = (var(&[1.0, 2.0, 3.0, 4.0]), var(&[0.0; 4]));
        assert_eq!(
            mse(&y, &t, Reduction::None).value().to_vec(),
            [1.0, 4.0, 9.0, 16.0]
        );
        assert_eq!(mse(&y, &t, Reduction::Sum).item(), 30.0);
        assert_eq!(mse(&y, &t, Reduction::Mean).item(), 7.5);
        assert_eq!(mse(&y, &t, Reduction::PerSample).item(), 15.0);
    }

    #[test]
    fn both_cross_entropies_agree_and_extremes_stay_finite() {
        let (z, t) = (var(&[-3.0, 0.1, 2.0, 5.0]), var(&[0.0, 1.0, 0.3, 1.0]));
        let (a, b) = (
            bce(&z.sigmoid(), &t, Reduction::Mean),
            bce_with_logits(&z, &t, Reduction::Mean),
        );
        assert!((a.item() - b.item()).abs() < 1e-15);
        let tape = Tape::new();
        let p = tape.leaf(Tensor::from_vec(vec![0.0, 1.0], [1, 2]));
        let loss = bce(&p, &var(&[1.0, 0.0]), Reduction::Sum);
        assert_eq!(loss.item(), 200.0);
        assert!(loss.backward().of(&p).unwrap().is_finite());
        let z = tape.leaf(Tensor::from_vec(vec![-1e4, 1e4], [1, 2]));
        let loss = bce_with_logits(&z, &var(&[1.0, 0.0]), Reduction::Sum);
        assert_eq!(loss.item(), 2e4);
        assert_eq!(loss.backward().of(&z).unwrap().to_vec(), [-1.0, 1.0]);
    }
}
