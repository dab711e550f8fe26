//! The usual activation functions, each one formula and one node.

use std::f64::consts::SQRT_2;
use std::sync::LazyLock;

use retrograd_tensor::Float;

use super::arithmetic::{functions, number};
use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

/// λ and α of SELU: with them, activations drift to mean 0 and variance 1 (Klambauer et al. 2017).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

functions! {
    relu, |x| one_sided(&x, &Expr::from(0.0)), "max(x, 0); the derivative at 0 is 0, a NaN stays NaN.";
    silu, |x| &x * x.sigmoid(), "x·σ(x) (Elfwing et al. 2017), also called swish.";
    gelu, |x| &x * 0.5 * (1.0 + (&x / SQRT_2).erf()), "x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016).";
    selu, |x| SELU_SCALE * one_sided(&x, &(SELU_ALPHA * x.expm1())), "Self-normalising ELU (Klambauer et al. 2017).";
}

/// x above 0, `below` elsewhere. Written so that a NaN goes through as x.
fn one_sided(x: &Expr, below: &Expr) -> Expr {
    Expr::select(&x.less_equal(0.0), below, x)
}

impl<T: Float> Var<T> {
    /// x above 0, α(eˣ − 1) below (Clevert et al. 2015).
    #[track_caller]
    #[must_use]
    pub fn elu(&self, alpha: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("elu", |[x, alpha]: [Expr; 2]| {
                one_sided(&x, &(alpha * x.expm1()))
            })
        });
        FORMULA.apply(&[self, &number(alpha)])
    }

    /// x above 0, `slope`·x below (Maas et al. 2013).
    #[track_caller]
    #[must_use]
    pub fn leaky_relu(&self, slope: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("leaky_relu", |[x, slope]: [Expr; 2]| {
                one_sided(&x, &(slope * &x))
            })
        });
        FORMULA.apply(&[self, &number(slope)])
    }
}
