//! How wrong an output is.
//!
//! Each loss is one formula for an element and an explicit [`Reduction`]: sums and means differ by
//! a factor of the size, which changes the weight of every penalty beside them.

mod binary;
mod class;
mod distance;
mod divergence;
mod psnr;
mod regression;
mod ssim;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{OrPanic, Shape, ShapeError, shape};
use smallvec::SmallVec;

pub use binary::{bce, bce_weighted, bce_with_logits, bce_with_logits_weighted, hinge};
pub use class::{CrossEntropy, cross_entropy, nll};
pub use distance::{cosine_embedding, triplet};
pub use divergence::{gaussian_nll, kl_div, poisson_nll};
pub use psnr::psnr;
pub use regression::{huber, l1, log_cosh, mse, smooth_l1};
pub use ssim::{MS_SSIM_WEIGHTS, Ssim, ms_ssim, ssim};

/// How the losses of the elements of `[batch, features ...]` become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// They do not: the result has their shape.
    None,
    /// Sum over everything.
    Sum,
    /// Mean over everything, features as well as batch.
    #[doc(alias = "sum_over_batch_size")]
    Mean,
    /// Sum over the features, mean over the batch (axis 0): the loss of one sample.
    #[doc(alias = "batchmean")]
    PerSample,
}

impl Reduction {
    /// Applies the reduction to the losses of the elements.
    #[track_caller]
    #[must_use]
    pub fn apply(self, losses: &Var) -> Var {
        match self {
            Self::None => losses.clone(),
            Self::Sum => losses.sum(..),
            Self::Mean => losses.mean(..),
            Self::PerSample => {
                let batch = losses.shape().first().copied().unwrap_or(1);
                losses.sum(..) / batch as f64
            }
        }
    }

    /// Applies the reduction to the losses of the elements given by a formula of what is compared, two Vars of one
    /// shape, and of what stretches to them. The sum is one node with the formula.
    #[track_caller]
    fn of(self, formula: &Pointwise, inputs: &[&Var]) -> Var {
        let shape = one_shape(formula.name(), inputs);
        if self == Self::None {
            return formula.apply(inputs);
        }
        let sum = formula.apply_sum(inputs, ..);
        match self {
            Self::None | Self::Sum => sum,
            Self::Mean => sum / shape.elements() as f64,
            Self::PerSample => sum / shape.first().copied().unwrap_or(1) as f64,
        }
    }
}

/// The shape of what is compared, and of the losses. What stretches there would count elements of one side several
/// times: `[4, 1]` against `[4]` would be 16 losses.
#[track_caller]
fn one_shape(loss: &str, inputs: &[&Var]) -> Shape {
    let shapes: SmallVec<[Shape; 4]> = inputs.iter().map(|input| *input.shape()).collect();
    if shapes[0] != shapes[1] {
        Err(
            ShapeError::new(loss, &shapes[..2], "what is compared has one shape")
                .hint("reshape one of them, or stretch it with broadcast_to if that is meant"),
        )
        .or_panic()
    }
    if shape::broadcast(loss, &shapes).or_panic() != shapes[0] {
        let problem =
            "weights and the like stretch to the shape of what is compared, not beyond it";
        Err(ShapeError::new(loss, &shapes, problem)).or_panic()
    }
    shapes[0]
}

/// Refuses numbers that are no probabilities. NaN passes: it is for those to find who look for it.
#[track_caller]
fn expect_probabilities(loss: &str, x: &Var) {
    // Inside of vmap there is no one tensor to look at, and the loss of such numbers is NaN.
    if x.batch_size().is_some() || x.elements() == 0 {
        return;
    }
    for extreme in [x.value().min(..).item(), x.value().max(..).item()] {
        assert!(
            extreme.is_nan() || (0.0..=1.0).contains(&extreme),
            "{loss}: a probability of {extreme}; they are in [0, 1]. For scores (logits) there is bce_with_logits"
        );
    }
}

/// `weight`·`cost`, where 0 times a cost that is not finite is 0: what has no weight costs nothing.
/// Where the cost is finite, a weight of 0 has the slope it has elsewhere.
fn weighted(weight: &Expr, cost: &Expr) -> Expr {
    let is_finite = cost.abs().less(f64::INFINITY);
    let is_nothing = weight.equal(0.0) * (1.0 - is_finite);
    Expr::select(&is_nothing, &Expr::from(0.0), &(weight * cost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::Tape;
    use retrograd_tensor::{Tensor, assert_abs_diff_eq};

    fn var(values: &[f64]) -> Var {
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
        assert_abs_diff_eq!(a.item(), b.item(), epsilon = 1e-15);
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
