//! How far two samples are from being drawn from one distribution: the maximum mean discrepancy.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::Tensor;

use super::distance::square_distances;

/// The widths of kernels that are added up, in units of that of two codes of N(0, 1): one width alone
/// sees nothing of codes that are much farther from the prior than it is wide.
const SCALES: [f64; 7] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// MMD² of two samples of codes, `[count, code]` each, without bias: 0 on average if both are drawn from
/// one distribution, so that of two samples it may be below 0.
///
/// ```text
/// MMD² = Σ_{i≠j} k(xᵢ, xⱼ) / n(n−1) + Σ_{i≠j} k(yᵢ, yⱼ) / m(m−1) − 2 Σᵢⱼ k(xᵢ, yⱼ) / nm
/// k(a, b) = Σₛ c / (c + ‖a − b‖²)        c = 2 L s,  L numbers in a code, s = 0.1, 0.2, 0.5, 1, 2, 5, 10
/// ```
///
/// A code has no distance from itself, which says nothing of a distribution, so the two sums within a
/// sample leave it out. The sum across keeps its diagonal: xᵢ and yᵢ are as unrelated as any other two.
/// 2L is the mean of ‖a − b‖² for two draws of N(0, 1). A sample of one has no pairs; its sum is 0.
///
/// Source: Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, lemma 6; the kernel of Tolstikhin,
/// Bousquet, Gelly and Schölkopf 2018, section 4.
///
/// # Panics
/// If the samples are no matrices of the same width.
#[track_caller]
#[must_use]
pub fn maximum_mean_discrepancy(x: &Var, y: &Var) -> Var {
    let (n, m) = (x.shape()[0], y.shape()[0]);
    within(x) + within(y) - kernel_sum(x, y, &x.scalar_like(1.0)) * (2.0 / (n * m) as f64)
}

/// The mean kernel of two different codes of a sample; 0 if it has but one.
fn within(x: &Var) -> Var {
    let count = x.shape()[0];
    let others = Tensor::ones([count, count], x.dtype()) - Tensor::eye(count, x.dtype());
    let pairs = (count * (count - 1)).max(1) as f64;
    kernel_sum(x, x, &Var::constant(others)) / pairs
}

/// Σᵢⱼ wᵢⱼ k(xᵢ, yⱼ).
fn kernel_sum(x: &Var, y: &Var, weights: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("inverse_multiquadrics", |[d, c, w]: [Expr; 3]| {
            let kernel = |scale: f64| {
                let c = &c * scale;
                &c / (&c + &d)
            };
            let sum = SCALES.into_iter().map(kernel).reduce(|a, b| a + b);
            w * sum.expect("there are scales")
        })
    });
    let width = 2.0 * x.shape()[1] as f64;
    FORMULA.apply_sum(
        &[&square_distances(x, y), &x.scalar_like(width), weights],
        ..,
    )
}
