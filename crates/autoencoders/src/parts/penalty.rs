//! What is added to a reconstruction's cost. Each penalty is one number for a batch.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Param, regulariser};

/// The smallest and, below 1, the largest mean activation that is told from 0 and 1: at the ends the
/// divergence would be infinite. In single precision 1 − 1e-6 is still not 1.
const EDGE: f64 = 1e-6;

/// Σⱼ KL(ρ ‖ ρ̂ⱼ) of codes `[batch, code]` with values in [0, 1]; ρ̂ⱼ is the mean of unit j over
/// the batch, and the sum is over the units.
pub(crate) fn divergence_of_means(code: &Var, rho: f64) -> Var {
    let means = code.mean(0).clamp(EDGE, 1.0 - EDGE);
    bernoulli_divergence(rho, &means).sum(..)
}

/// KL(p ‖ q) = p log(p/q) + (1−p) log((1−p)/(1−q)) of each q, in nats; p and q inside (0, 1).
pub(crate) fn bernoulli_divergence(p: f64, q: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("bernoulli_divergence", |[p, q]: [Expr; 2]| {
            let (not_p, not_q) = (1.0 - &p, 1.0 - &q);
            &p * (&p / &q).log() + &not_p * (&not_p / not_q).log()
        })
    });
    FORMULA.apply(&[&q.scalar_like(p), q])
}

/// Σ ½‖W‖² over weights, summed over all their numbers; `x` says which tape they are used on.
pub(crate) fn decay(weights: &[Param], x: &Var) -> Var {
    let sums = weights
        .iter()
        .map(|weight| regulariser::l2(&weight.beside(x)));
    let none = || x.scalar_like(0.0);
    sums.reduce(|a, b| a + b).unwrap_or_else(none)
}

/// Rows of a batch.
pub(crate) fn samples(x: &Var) -> f64 {
    x.shape().first().copied().unwrap_or(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::Tape;
    use retrograd_tensor::{Tensor, assert_abs_diff_eq};

    #[test]
    fn the_divergence_is_zero_at_the_target_and_finite_at_the_ends() {
        let of = |q: f64| {
            let tape = Tape::new();
            let code = tape.leaf(Tensor::full([3, 2], q));
            let penalty = divergence_of_means(&code, 0.1);
            let slope = penalty.backward().of(&code).unwrap().at(&[0, 0]);
            (penalty.item(), slope)
        };
        assert_abs_diff_eq!(of(0.1).0, 0.0, epsilon = 1e-15);
        assert_abs_diff_eq!(of(0.1).1, 0.0, epsilon = 1e-15);
        // 2·(0.1·log ½ + 0.9·log(0.9/0.8))
        assert_abs_diff_eq!(
            of(0.2).0,
            2.0 * (0.1 * 0.5_f64.ln() + 0.9 * (1.125_f64).ln()),
            epsilon = 1e-15
        );
        assert!(of(0.0).0.is_finite() && of(1.0).0.is_finite());
        assert!(of(0.01).1 < 0.0 && of(0.5).1 > 0.0, "towards the target");
    }
}
