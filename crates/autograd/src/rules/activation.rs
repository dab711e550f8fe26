//! The usual activation functions, each one formula and one node.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::sync::LazyLock;

use retrograd_tensor::OrPanic;

use super::arithmetic::functions;
use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

/// λ and α of SELU: with them, activations drift to mean 0 and variance 1 (Klambauer et al. 2017).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

functions! {
    relu, |x| one_sided(&x, &Expr::from(0.0)), "max(x, 0); the derivative at 0 is 0, a NaN stays NaN.";
    #[doc(alias = "swish")]
    silu, |x| &x * x.sigmoid(), "x·σ(x) (Elfwing et al. 2017), also called swish.";
    gelu, |x| &x * x.normal_cdf(), "x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016).";
    gelu_tanh, |x| gelu_tanh(&x), "The approximation of [`gelu`](Self::gelu) by a hyperbolic tangent (Hendrycks and Gimpel 2016).";
    selu, |x| SELU_SCALE * one_sided(&x, &(SELU_ALPHA * x.expm1())), "Self-normalising ELU (Klambauer et al. 2017).";
    #[doc(alias = "log_expit")]
    logsigmoid, |x| -(-x).softplus(), "log σ(x).";
    mish, |x| &x * x.softplus().tanh(), "x·tanh(softplus(x)) (Misra 2019).";
    hardsigmoid, |x| clipped(&(&x / 6.0 + 0.5), &Expr::from(0.0), &Expr::from(1.0)), "x/6 + ½ held between 0 and 1; the derivative is 0 at the ends.";
    #[doc(alias = "hard_silu")]
    hardswish, |x| hardswish(&x), "x·hardsigmoid(x) (Howard et al. 2019).";
    softsign, |x| &x / (x.abs() + 1.0), "x / (1 + |x|) (Turian et al. 2009).";
    tanhshrink, |x| &x - x.tanh(), "x − tanh x.";
}

/// x above 0, `below` elsewhere. Written so that a NaN goes through as x.
fn one_sided(x: &Expr, below: &Expr) -> Expr {
    Expr::select(&x.less_equal(0.0), below, x)
}

/// x held between `low` and `high`, flat at and beyond both. Written so that a NaN goes through.
fn clipped(x: &Expr, low: &Expr, high: &Expr) -> Expr {
    let below_high = Expr::select(&high.less_equal(x), high, x);
    Expr::select(&x.less_equal(low), low, &below_high)
}

/// ½x·(1 + tanh u) with u = √(2/π)·(x + 0.044715x³), as x·σ(2u), which cancels nowhere.
fn gelu_tanh(x: &Expr) -> Expr {
    let inner = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (x + 0.044_715 * x * x.square());
    x * (2.0 * inner).sigmoid()
}

/// 0 up to −3, x from 3 on, x·(x + 3)/6 between.
fn hardswish(x: &Expr) -> Expr {
    let from_three = Expr::select(&x.less(3.0), &(x * (x + 3.0) / 6.0), x);
    Expr::select(&x.less_equal(-3.0), &Expr::from(0.0), &from_three)
}

impl Var {
    /// x above 0, α(eˣ − 1) below (Clevert et al. 2015).
    #[track_caller]
    #[must_use]
    pub fn elu(&self, alpha: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("elu", |[x, alpha]: [Expr; 2]| {
                one_sided(&x, &(alpha * x.expm1()))
            })
        });
        /// The slope is y + 1 below 0, which takes no exponential.
        static UNIT: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("elu", |[x]: [Expr; 1]| one_sided(&x, &x.expm1())));
        if alpha == 1.0 {
            return UNIT.apply(&[self]);
        }
        FORMULA.apply(&[self, &self.scalar_like(alpha)])
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
        FORMULA.apply(&[self, &self.scalar_like(slope)])
    }

    /// x above 0, α(e^(x/α) − 1) below, which has slope 1 at 0 for any α (Barron 2017).
    #[track_caller]
    #[must_use]
    pub fn celu(&self, alpha: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("celu", |[x, alpha]: [Expr; 2]| {
                one_sided(&x, &(&alpha * (&x / &alpha).expm1()))
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(alpha)])
    }

    /// x above 0, `slope`·x below, with slopes that are learnt (He et al. 2015); they broadcast, so
    /// slopes of channels have the axes `[channels, 1, 1]` beside images.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn prelu(&self, slope: &Self) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("prelu", |[x, slope]: [Expr; 2]| {
                one_sided(&x, &(slope * &x))
            })
        });
        FORMULA.apply(&[self, slope])
    }

    /// Gated linear unit a·σ(b) of the halves a and b of this along `axis` (Dauphin et al. 2016).
    ///
    /// # Panics
    /// If the axis does not exist or its size is odd.
    #[track_caller]
    #[must_use]
    pub fn glu(&self, axis: isize) -> Self {
        static FORMULA: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("glu", |[a, b]: [Expr; 2]| a * b.sigmoid()));
        let size = self.shape()[self.shape().axis("glu", axis).or_panic()] as isize;
        assert!(
            size % 2 == 0,
            "glu: {}: axis {axis} has the odd size {size}; a half is multiplied by the gate of the other",
            self.shape()
        );
        let (a, b) = (self.slice(axis, ..size / 2), self.slice(axis, size / 2..));
        FORMULA.apply(&[&a, &b])
    }

    /// x held between `low` and `high`; unlike that of [`clamp`](Self::clamp), the derivative is 0
    /// at the ends.
    #[track_caller]
    #[must_use]
    pub fn hardtanh(&self, low: f64, high: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("hardtanh", |[x, low, high]: [Expr; 3]| {
                clipped(&x, &low, &high)
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(low), &self.scalar_like(high)])
    }

    /// x held between 0 and 6 (Krizhevsky 2010).
    #[track_caller]
    #[must_use]
    pub fn relu6(&self) -> Self {
        self.hardtanh(0.0, 6.0)
    }

    /// x, but 0 where |x| ≤ `width`.
    #[track_caller]
    #[must_use]
    pub fn hardshrink(&self, width: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("hardshrink", |[x, width]: [Expr; 2]| {
                let inside = (-&width).less_equal(&x) * x.less_equal(&width);
                Expr::select(&inside, &Expr::from(0.0), &x)
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(width)])
    }

    /// x moved towards 0 by `width`, and 0 where |x| ≤ `width`.
    #[track_caller]
    #[must_use]
    pub fn softshrink(&self, width: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("softshrink", |[x, width]: [Expr; 2]| {
                let inside = (-&width).less_equal(&x) * x.less_equal(&width);
                let outside = Expr::select(&x.less(0.0), &(&x + &width), &(&x - &width));
                Expr::select(&inside, &Expr::from(0.0), &outside)
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(width)])
    }

    /// x above `limit`, else `value`.
    #[track_caller]
    #[must_use]
    pub fn threshold(&self, limit: f64, value: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("threshold", |[x, limit, value]: [Expr; 3]| {
                Expr::select(&x.less_equal(&limit), &value, &x)
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(limit), &self.scalar_like(value)])
    }

    /// log(1 + e^(βx))/β, sharper for larger β; where βx is above `threshold`, x itself.
    ///
    /// [`softplus`](Self::softplus) needs no threshold, and neither does this: ∞ means none. PyTorch
    /// has one, 20.
    #[track_caller]
    #[must_use]
    pub fn softplus_sharp(&self, beta: f64, threshold: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("softplus_sharp", |[x, beta, threshold]: [Expr; 3]| {
                let scaled = &beta * &x;
                let smooth = scaled.softplus() / &beta;
                Expr::select(&threshold.less(&scaled), &x, &smooth)
            })
        });
        FORMULA.apply(&[self, &self.scalar_like(beta), &self.scalar_like(threshold)])
    }
}
