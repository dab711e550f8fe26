//! Losses of distributions, in nats: how much less likely the data is than it could be.

use std::f64::consts::PI;
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::{Reduction, weighted};

/// Kullback-Leibler divergence t·(log t − y) of log-probabilities y from targets t, which are
/// logarithms too if `target_is_log`. A target of 0 costs nothing.
///
/// Summed over the features and averaged over the batch ([`Reduction::PerSample`]) it is the
/// divergence of a sample.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "KLDivLoss")]
#[doc(alias = "KLDivergence")]
#[track_caller]
#[must_use]
pub fn kl_div(
    log_probability: &Var,
    target: &Var,
    target_is_log: bool,
    reduction: Reduction,
) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("kl_div", |[y, t]: [Expr; 2]| weighted(&t, &(t.log() - y)))
    });
    static OF_LOGS: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("kl_div_of_logs", |[y, t]: [Expr; 2]| {
            weighted(&t.exp(), &(&t - y))
        })
    });
    let formula: &Pointwise = if target_is_log { &OF_LOGS } else { &FORMULA };
    reduction.of(formula, &[log_probability, target])
}

/// Negative log-likelihood ½(log v + (t − μ)²/v) of targets t under normal distributions of mean μ
/// and variance v (Nix and Weigend 1994), with ½ log 2π more if `full`. A variance below `epsilon`
/// counts as that, and its derivative is what it is there.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "GaussianNLLLoss")]
#[track_caller]
#[must_use]
pub fn gaussian_nll(
    mean: &Var,
    target: &Var,
    variance: &Var,
    epsilon: f64,
    full: bool,
    reduction: Reduction,
) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("gaussian_nll", |[m, t, v, constant]: [Expr; 4]| {
            0.5 * (v.log() + (m - t).square() / &v) + constant
        })
    });
    // Raised where it is too small, without cutting the slope off.
    let variance = &variance.straight_through(&variance.clamp_min(&variance.scalar_like(epsilon)));
    let constant = if full { 0.5 * (2.0 * PI).ln() } else { 0.0 };
    let inputs = [mean, target, variance, &mean.scalar_like(constant)];
    reduction.of(&FORMULA, &inputs)
}

/// Negative log-likelihood of counts t under Poisson distributions: eʸ − t·y if y is the logarithm
/// of the rate (`log_rate`), else y − t·log(y + ε). If `full`, log t! is added in Stirling's
/// approximation for counts above 1.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "PoissonNLLLoss")]
#[track_caller]
#[must_use]
pub fn poisson_nll(
    y: &Var,
    target: &Var,
    log_rate: bool,
    full: bool,
    epsilon: f64,
    reduction: Reduction,
) -> Var {
    static OF_LOGS: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("poisson_nll_of_logs", |[y, t, full]: [Expr; 3]| {
            y.exp() - weighted(&t, &y) + full * stirling(&t)
        })
    });
    static OF_RATES: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("poisson_nll", |[y, t, full, epsilon]: [Expr; 4]| {
            &y - weighted(&t, &(&y + epsilon).log()) + full * stirling(&t)
        })
    });
    let full = y.scalar_like(f64::from(u8::from(full)));
    if log_rate {
        reduction.of(&OF_LOGS, &[y, target, &full])
    } else {
        reduction.of(&OF_RATES, &[y, target, &full, &y.scalar_like(epsilon)])
    }
}

/// log t! ≈ t·log t − t + ½ log(2πt) for t above 1, else 0.
fn stirling(t: &Expr) -> Expr {
    let above = t * t.log() - t + 0.5 * (2.0 * PI * t).log();
    Expr::select(&Expr::from(1.0).less(t), &above, &Expr::from(0.0))
}
