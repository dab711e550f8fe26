//! More functions of one number: trigonometric, hyperbolic, of other bases, and of Γ. Each is one
//! formula; see [`crate::calculus`].

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::arithmetic::functions;
use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

functions! {
    rsqrt, |x| x.sqrt().recip(), "1/√x.";
    exp2, |x| Expr::from(2.0).pow(x), "2ˣ.";
    log2, |x| x.log2(), "Logarithm to base 2.";
    log10, |x| x.log10(), "Logarithm to base 10.";
    tan, |x| x.sin() / x.cos(), "Tangent of radians.";
    #[doc(alias = "arcsin")]
    asin, |x| x.asin(), "The angle in radians whose sine is x; NaN beyond ±1.";
    #[doc(alias = "arccos")]
    acos, |x| x.acos(), "The angle in radians whose cosine is x; NaN beyond ±1.";
    #[doc(alias = "arctan")]
    atan, |x| x.atan(), "The angle in radians whose tangent is x.";
    sinh, |x| x.sinh(), "Hyperbolic sine, accurate near 0.";
    cosh, |x| x.cosh(), "Hyperbolic cosine.";
    #[doc(alias = "arcsinh")]
    asinh, |x| x.asinh(), "The number whose hyperbolic sine is x.";
    #[doc(alias = "arccosh")]
    acosh, |x| x.acosh(), "The number, 0 or above, whose hyperbolic cosine is x; NaN below 1.";
    #[doc(alias = "arctanh")]
    atanh, |x| x.atanh(), "The number whose hyperbolic tangent is x; NaN beyond ±1.";
    #[doc(alias = "ndtr")]
    normal_cdf, |x| x.normal_cdf(), "Φ(x), the distribution function of the standard normal distribution, accurate where it is small.";
    erfc, |x| x.erfc(), "1 − erf x, accurate where that is small.";
    #[doc(alias = "gammaln")]
    lgamma, |x| x.lgamma(), "log |Γ(x)|.";
    floor, |x| x.floor(), "The largest whole number that is not above x; the derivative is 0.";
    ceil, |x| x.ceil(), "The smallest whole number that is not below x; the derivative is 0.";
    round, |x| x.round(), "The nearest whole number, the even one of two; the derivative is 0.";
    trunc, |x| x.trunc(), "x without its fraction; the derivative is 0.";
    #[doc(alias = "psi")]
    digamma, |x| x.polygamma(0), "Slope of log |Γ(x)|.";
    sinc, |x| sinc(&x), "sin(πx) / (πx), 1 at 0.";
}

/// The sine over its argument; near 0 its series, so that every derivative is right there too.
fn sinc(x: &Expr) -> Expr {
    /// From here on the sine has lost no digits; below, nine terms are exact.
    const NEAR: f64 = 0.5;
    const TERMS: i32 = 9;
    let z = PI * x;
    let square = z.square();
    // Σₖ (−z²)ᵏ/(2k + 1)!, from the last term inwards.
    let series = (1..TERMS).rev().fold(Expr::from(1.0), |sum, k| {
        let k = f64::from(k);
        1.0 - &square * sum / (2.0 * k * (2.0 * k + 1.0))
    });
    Expr::select(&z.abs().less(NEAR), &series, &(z.sin() / &z))
}

impl Var {
    /// log(x / (1 − x)), the inverse of the sigmoid; infinite at 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn logit(&self) -> Self {
        static FORMULA: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("logit", |[x]: [Expr; 1]| x.log() - (-x).log1p()));
        FORMULA.apply(&[self])
    }

    /// The polygamma function of this order: that derivative of [`digamma`](Self::digamma).
    #[track_caller]
    #[must_use]
    pub fn polygamma(&self, order: u32) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("polygamma", |[order, x]: [Expr; 2]| x.polygamma_of(&order))
        });
        FORMULA.apply(&[&self.scalar_like(f64::from(order)), self])
    }
}
