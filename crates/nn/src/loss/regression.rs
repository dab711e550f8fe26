//! Losses of numbers: the error of each element, squared, absolute, or the one near 0 and the other
//! far from it.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::Reduction;

/// (y − t)².
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "MSELoss")]
#[doc(alias = "MeanSquaredError")]
#[track_caller]
#[must_use]
pub fn mse(y: &Var, target: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("squared_error", |[y, t]: [Expr; 2]| (y - t).square()));
    reduction.of(&FORMULA, &[y, target])
}

/// |y − t|; the derivative at 0 is 0.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "L1Loss")]
#[doc(alias = "MeanAbsoluteError")]
#[track_caller]
#[must_use]
pub fn l1(y: &Var, target: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("absolute_error", |[y, t]: [Expr; 2]| (y - t).abs()));
    reduction.of(&FORMULA, &[y, target])
}

/// ½d² for errors d up to δ, δ·(|d| − ½δ) beyond (Huber 1964): outliers pull with a bounded force.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "HuberLoss")]
#[track_caller]
#[must_use]
pub fn huber(y: &Var, target: &Var, delta: f64, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("huber", |[y, t, delta]: [Expr; 3]| {
            let error = y - t;
            let size = error.abs();
            let far = &delta * (&size - 0.5 * &delta);
            Expr::select(&size.less_equal(&delta), &(0.5 * error.square()), &far)
        })
    });
    reduction.of(&FORMULA, &[y, target, &y.scalar_like(delta)])
}

/// The Huber loss over its δ, here called β: ½d²/β for errors d below β, |d| − ½β beyond (Girshick
/// 2015). It tends to [`l1`] as β goes to 0, and is that at 0.
///
/// # Panics
/// If the shapes are not equal.
#[doc(alias = "SmoothL1Loss")]
#[track_caller]
#[must_use]
pub fn smooth_l1(y: &Var, target: &Var, beta: f64, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("smooth_l1", |[y, t, beta]: [Expr; 3]| {
            let error = y - t;
            let size = error.abs();
            let near = 0.5 * error.square() / &beta;
            Expr::select(&size.less(&beta), &near, &(&size - 0.5 * &beta))
        })
    });
    reduction.of(&FORMULA, &[y, target, &y.scalar_like(beta)])
}

/// log cosh(y − t): about ½d² near 0 and |d| − log 2 far from it, smooth everywhere.
///
/// # Panics
/// If the shapes are not equal.
#[track_caller]
#[must_use]
pub fn log_cosh(y: &Var, target: &Var, reduction: Reduction) -> Var {
    static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("log_cosh", |[y, t]: [Expr; 2]| {
            // cosh d = ½eᵈ·(1 + e⁻²ᵈ), and 1/cosh² d = 1 − tanh² d, which loses nothing near 0.
            let error = y - t;
            let size = error.abs();
            let far = &size + (-2.0 * &size).softplus() - std::f64::consts::LN_2;
            let near = -0.5 * (-error.tanh().square()).log1p();
            Expr::select(&size.less(1.0), &near, &far)
        })
    });
    reduction.of(&FORMULA, &[y, target])
}
