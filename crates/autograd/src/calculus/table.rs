//! The table of derivatives: for each named function, its derivative as a formula.
//!
//! `x`, `a`, `b` are the arguments and `y` the function's own value, used where that is cheaper
//! than computing anything again. This page is all the calculus there is; everything else is the
//! chain rule.

use retrograd_tensor::pointwise::{Binary, Unary};

use super::expr::Expr;

/// 2/√π, the slope of the error function at 0.
const TWO_OVER_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;

/// 1/√(2π), the slope of the normal distribution function at 0.
const ONE_OVER_SQRT_TAU: f64 = 0.5 * std::f64::consts::FRAC_1_SQRT_2 * TWO_OVER_SQRT_PI;

/// dy/dx for y = f(x).
pub(super) fn unary(f: Unary, x: &Expr, y: &Expr) -> Expr {
    match f {
        Unary::Neg => Expr::from(-1.0),
        Unary::Abs => x.sign(),
        Unary::Sign => Expr::from(0.0),
        Unary::Recip => -y.square(),
        Unary::Square => 2.0 * x,
        Unary::Sqrt => 0.5 / y,
        Unary::Exp => y.clone(),
        Unary::Expm1 => y + 1.0,
        Unary::Log => x.recip(),
        Unary::Log1p => (x + 1.0).recip(),
        Unary::Log2 => (x * std::f64::consts::LN_2).recip(),
        Unary::Log10 => (x * std::f64::consts::LN_10).recip(),
        Unary::Sin => x.cos(),
        Unary::Cos => -x.sin(),
        Unary::Tanh => 1.0 - y.square(),
        Unary::Sinh => x.cosh(),
        Unary::Cosh => x.sinh(),
        Unary::Sigmoid => y * (1.0 - y),
        Unary::Softplus => x.sigmoid(),
        Unary::Erf => TWO_OVER_SQRT_PI * (-x.square()).exp(),
        Unary::NormalCdf => ONE_OVER_SQRT_TAU * (-0.5 * x.square()).exp(),
        Unary::Erfc => -TWO_OVER_SQRT_PI * (-x.square()).exp(),
        Unary::Asin => from_unit_circle(x).recip(),
        Unary::Acos => -from_unit_circle(x).recip(),
        Unary::Atan => (x.square() + 1.0).recip(),
        Unary::Asinh => Expr::from(1.0).hypot(x).recip(),
        Unary::Acosh => ((x - 1.0).sqrt() * (x + 1.0).sqrt()).recip(),
        Unary::Atanh => ((1.0 - x) * (1.0 + x)).recip(),
        Unary::Lgamma => x.polygamma(0),
        // Steps: flat wherever they have a derivative.
        Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc => Expr::from(0.0),
    }
}

/// (∂y/∂a, ∂y/∂b) for y = f(a, b).
pub(super) fn binary(f: Binary, a: &Expr, b: &Expr, y: &Expr) -> (Expr, Expr) {
    let zero = || Expr::from(0.0);
    match f {
        Binary::Add => (Expr::from(1.0), Expr::from(1.0)),
        Binary::Sub => (Expr::from(1.0), Expr::from(-1.0)),
        Binary::Mul => (b.clone(), a.clone()),
        Binary::Div => (b.recip(), -(y / b)),
        Binary::Max => extremum(&b.less(a), a, b),
        Binary::Min => extremum(&a.less(b), a, b),
        Binary::Pow => power(a, b, y),
        // Steps: flat wherever they have a derivative.
        Binary::Less | Binary::LessEqual | Binary::Equal => (zero(), zero()),
        Binary::LogisticLoss => (a.logistic_slope(b), -a),
        Binary::LogisticSlope => {
            let sigmoid = a.sigmoid();
            (&sigmoid * (1.0 - &sigmoid), Expr::from(-1.0))
        }
        Binary::Atan2 => {
            let length = a.hypot(b);
            (b / &length / &length, -(a / &length / &length))
        }
        Binary::Hypot => from_origin(a, b, y),
        // The order is a whole number: there is no slope in it.
        Binary::Polygamma => (zero(), Expr::binary(f, &(a + 1.0), b)),
        // The floor of the quotient, from a − y, which is that many times b.
        Binary::Remainder => (Expr::from(1.0), -((a - y) / b).round()),
    }
}

/// √(1 − x²), without cancellation near ±1.
fn from_unit_circle(x: &Expr) -> Expr {
    ((1.0 - x) * (1.0 + x)).sqrt()
}

/// The direction of the point (a, b) from the origin, where it has none and 0 stands for it.
fn from_origin(a: &Expr, b: &Expr, length: &Expr) -> (Expr, Expr) {
    let (zero, at_origin) = (Expr::from(0.0), length.equal(0.0));
    let towards = |side: &Expr| Expr::select(&at_origin, &zero, &(side / length));
    (towards(a), towards(b))
}

/// All to the argument that wins; half each at a tie.
fn extremum(first_wins: &Expr, a: &Expr, b: &Expr) -> (Expr, Expr) {
    let (all, half, none) = (Expr::from(1.0), Expr::from(0.5), Expr::from(0.0));
    let tie = a.equal(b);
    let first = Expr::select(&tie, &half, &Expr::select(first_wins, &all, &none));
    let second = Expr::select(&tie, &half, &Expr::select(first_wins, &none, &all));
    (first, second)
}

/// b·aᵇ⁻¹ and aᵇ·log a. At b = 0 the first is 0 even where aᵇ⁻¹ is infinite, and at a = 0 < b the
/// second is its limit 0 instead of 0·(−∞). At a = 0 = b it is 0 too, a point that stands for a jump.
fn power(a: &Expr, b: &Expr, y: &Expr) -> (Expr, Expr) {
    let zero = Expr::from(0.0);
    let base = Expr::select(&b.equal(0.0), &zero, &(b * a.pow(b - 1.0)));
    let is_limit = a.equal(0.0) * zero.less_equal(b);
    let exponent = Expr::select(&is_limit, &zero, &(y * a.log()));
    (base, exponent)
}
