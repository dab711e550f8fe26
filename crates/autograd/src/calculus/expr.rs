//! Formulas of scalars.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::Arc;

use retrograd_tensor::pointwise::{Binary, Unary};

/// A formula: an input, a number, or a function of formulas.
///
/// Cheap to clone; a formula used twice is shared. Building one applies the identities that cost
/// nothing and keep derivatives short: x·1 = x, x·0 = 0, x + 0 = x, −(−x) = x, and arithmetic on
/// numbers.
#[derive(Clone)]
pub struct Expr(Arc<Form>);

/// The cases of an [`Expr`].
#[derive(Debug)]
pub(super) enum Form {
    Input(usize),
    Constant(f64),
    Unary(Unary, Expr),
    Binary(Binary, Expr, Expr),
    /// The second where the first is not 0, else the third.
    Select(Expr, Expr, Expr),
}

impl Expr {
    /// Input `i`.
    #[must_use]
    pub fn input(i: usize) -> Self {
        Self(Arc::new(Form::Input(i)))
    }

    /// A number.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self(Arc::new(Form::Constant(value)))
    }

    pub(super) fn form(&self) -> &Form {
        &self.0
    }

    /// Identity of the shared formula, for walks that visit each part once.
    pub(super) fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// The number this is, if it is one.
    pub(super) fn as_constant(&self) -> Option<f64> {
        match self.form() {
            Form::Constant(value) => Some(*value),
            _ => None,
        }
    }

    fn is(&self, value: f64) -> bool {
        self.as_constant() == Some(value)
    }

    /// Whether this is 0 unless some condition holds: a choice with a 0, or a sum of such.
    fn is_one_sided(&self) -> bool {
        match self.form() {
            Form::Select(_, a, b) => a.is(0.0) || b.is(0.0),
            Form::Binary(Binary::Add, a, b) => a.is_one_sided() && b.is_one_sided(),
            _ => false,
        }
    }

    /// Whether this is input `i` itself.
    pub(super) fn is_input(&self, i: usize) -> bool {
        matches!(self.form(), Form::Input(own) if *own == i)
    }

    pub(super) fn unary(function: Unary, x: &Self) -> Self {
        match (function, x.form()) {
            (_, Form::Constant(value)) => Self::constant(function.at(*value)),
            (Unary::Neg, Form::Unary(Unary::Neg, inner)) => inner.clone(),
            _ => Self(Arc::new(Form::Unary(function, x.clone()))),
        }
    }

    pub(super) fn binary(function: Binary, a: &Self, b: &Self) -> Self {
        if let (Some(a), Some(b)) = (a.as_constant(), b.as_constant()) {
            return Self::constant(function.at(a, b));
        }
        let simpler = match function {
            Binary::Add if a.is(0.0) => Some(b.clone()),
            Binary::Add | Binary::Sub if b.is(0.0) => Some(a.clone()),
            Binary::Add => simpler_sum(a, b),
            Binary::Sub if a.is(0.0) => Some(-b),
            Binary::Mul => simpler_product(a, b),
            Binary::Div if b.is(1.0) => Some(a.clone()),
            _ => None,
        };
        simpler.unwrap_or_else(|| Self(Arc::new(Form::Binary(function, a.clone(), b.clone()))))
    }

    /// `a` where `condition` is not 0, else `b`.
    ///
    /// Both are computed, but only the chosen one counts: a NaN or infinity in the other has no
    /// effect on the value, and none on the derivative.
    #[must_use]
    pub fn select(condition: &Self, a: &Self, b: &Self) -> Self {
        match condition.as_constant() {
            Some(value) => if value == 0.0 { b } else { a }.clone(),
            None if a.is(0.0) && b.is(0.0) => a.clone(),
            None => Self(Arc::new(Form::Select(
                condition.clone(),
                a.clone(),
                b.clone(),
            ))),
        }
    }

    /// The parts a formula is made of, in order.
    fn parts(&self) -> impl Iterator<Item = &Self> {
        let parts: [Option<&Self>; 3] = match self.form() {
            Form::Input(_) | Form::Constant(_) => [None; 3],
            Form::Unary(_, x) => [Some(x), None, None],
            Form::Binary(_, a, b) => [Some(a), Some(b), None],
            Form::Select(condition, a, b) => [Some(condition), Some(a), Some(b)],
        };
        parts.into_iter().flatten()
    }

    /// Whether the formula reads input `i`.
    pub(super) fn reads(&self, i: usize) -> bool {
        fn walk(expr: &Expr, i: usize, seen: &mut Vec<*const ()>) -> bool {
            if seen.contains(&expr.address()) {
                return false;
            }
            seen.push(expr.address());
            expr.is_input(i) || expr.parts().any(|part| walk(part, i, seen))
        }
        walk(self, i, &mut Vec::new())
    }

    /// The same formula with input `i` replaced by input `position(i)`.
    pub(super) fn renumber(&self, position: &impl Fn(usize) -> usize) -> Self {
        fn walk(
            expr: &Expr,
            position: &impl Fn(usize) -> usize,
            known: &mut HashMap<*const (), Expr>,
        ) -> Expr {
            if let Some(done) = known.get(&expr.address()) {
                return done.clone();
            }
            let mut part = |part: &Expr| walk(part, position, known);
            let done = match expr.form() {
                Form::Input(i) => Expr::input(position(*i)),
                Form::Constant(value) => Expr::constant(*value),
                Form::Unary(f, x) => Expr::unary(*f, &part(x)),
                Form::Binary(f, a, b) => Expr::binary(*f, &part(a), &part(b)),
                Form::Select(c, a, b) => Expr::select(&part(c), &part(a), &part(b)),
            };
            known.insert(expr.address(), done.clone());
            done
        }
        walk(self, position, &mut HashMap::new())
    }
}

/// x·0, x·1 and x·(−1); and a product with a one-sided choice moves into the choice:
/// select(c, a, 0)·b = select(c, a·b, 0). Without the last, 0·∞ in the branch not taken would turn
/// a derivative into NaN. A sum of one-sided choices is multiplied term by term for that reason.
fn simpler_product(a: &Expr, b: &Expr) -> Option<Expr> {
    if a.is(0.0) || b.is(0.0) {
        return Some(Expr::constant(0.0));
    }
    let simpler = |(x, y): (&Expr, &Expr)| match x.form() {
        Form::Constant(1.0) => Some(y.clone()),
        Form::Select(c, taken, other) if other.is(0.0) => {
            Some(Expr::select(c, &(taken * y), other))
        }
        Form::Select(c, taken, other) if taken.is(0.0) => {
            Some(Expr::select(c, taken, &(other * y)))
        }
        Form::Binary(Binary::Add, p, q) if x.is_one_sided() => Some(p * y + q * y),
        _ => None,
    };
    let negative = |(x, y): (&Expr, &Expr)| x.is(-1.0).then(|| -y);
    let pairs = [(a, b), (b, a)];
    // The sign last, so that it too moves into a choice.
    pairs
        .into_iter()
        .find_map(simpler)
        .or_else(|| pairs.into_iter().find_map(negative))
}

/// One-sided choices by the same condition are one choice:
/// select(c, a, 0) + select(c, b, 0) = select(c, a + b, 0).
fn simpler_sum(a: &Expr, b: &Expr) -> Option<Expr> {
    let (Form::Select(c, a, zero_a), Form::Select(d, b, zero_b)) = (a.form(), b.form()) else {
        return None;
    };
    let same = c.address() == d.address();
    if same && zero_a.is(0.0) && zero_b.is(0.0) {
        Some(Expr::select(c, &(a + b), zero_a))
    } else if same && a.is(0.0) && b.is(0.0) {
        Some(Expr::select(c, a, &(zero_a + zero_b)))
    } else {
        None
    }
}

/// `functions! { exp: Exp, "eˣ."; }` gives `Expr` the method `exp`.
macro_rules! functions {
    ($($method:ident: $function:ident, $doc:literal;)*) => {
        impl Expr {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $method(&self) -> Self {
                    Self::unary(Unary::$function, self)
                }
            )*
        }
    };
}

functions! {
    abs: Abs, "Absolute value.";
    sign: Sign, "−1, 0 or 1.";
    recip: Recip, "1/x.";
    square: Square, "x².";
    sqrt: Sqrt, "√x.";
    exp: Exp, "eˣ.";
    expm1: Expm1, "eˣ − 1.";
    log: Log, "Natural logarithm.";
    log1p: Log1p, "log(1 + x).";
    log2: Log2, "Logarithm to base 2.";
    log10: Log10, "Logarithm to base 10.";
    sin: Sin, "Sine.";
    cos: Cos, "Cosine.";
    tanh: Tanh, "Hyperbolic tangent.";
    sinh: Sinh, "Hyperbolic sine.";
    cosh: Cosh, "Hyperbolic cosine.";
    sigmoid: Sigmoid, "1 / (1 + e⁻ˣ).";
    softplus: Softplus, "log(1 + eˣ).";
    erf: Erf, "Error function.";
    normal_cdf: NormalCdf, "Φ(x), the standard normal distribution function.";
    erfc: Erfc, "1 − erf x.";
    asin: Asin, "Arc sine.";
    acos: Acos, "Arc cosine.";
    atan: Atan, "Arc tangent.";
    asinh: Asinh, "Inverse of the hyperbolic sine.";
    acosh: Acosh, "Inverse of the hyperbolic cosine.";
    atanh: Atanh, "Inverse of the hyperbolic tangent.";
    lgamma: Lgamma, "Logarithm of |Γ|.";
    floor: Floor, "The largest whole number not above; flat.";
    ceil: Ceil, "The smallest whole number not below; flat.";
    round: Round, "The nearest whole number, the even one of two; flat.";
    trunc: Trunc, "Without the fraction; flat.";
}

/// `pairs! { max: Max, "..."; }` gives `Expr` the method `max`, of a formula or a number.
macro_rules! pairs {
    ($($method:ident: $function:ident, $doc:literal;)*) => {
        impl Expr {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $method(&self, other: impl Into<Self>) -> Self {
                    Self::binary(Binary::$function, self, &other.into())
                }
            )*
        }
    };
}

pairs! {
    max: Max, "The larger; a tie shares the derivative.";
    min: Min, "The smaller; a tie shares the derivative.";
    pow: Pow, "`self` to the power `other`.";
    less: Less, "1 where `self` < `other`, else 0.";
    less_equal: LessEqual, "1 where `self` ≤ `other`, else 0.";
    equal: Equal, "1 where both are equal, else 0.";
    logistic_loss: LogisticLoss, "−t·log σ(z) − (1 − t)·log σ(−z) for this logit z and the target t.";
    logistic_slope: LogisticSlope, "σ(z) − t, the slope of that.";
    atan2: Atan2, "Angle of the point (`other`, `self`).";
    hypot: Hypot, "Square root of the sum of squares.";
    remainder: Remainder, "`self` − `other`·⌊`self` / `other`⌋, with the sign of `other`.";
}

/// Conditions: 1 for true and 0 for false. What is not 0 counts as true, a NaN too.
impl Expr {
    /// 1 where `self` > `other`, else 0.
    #[must_use]
    pub fn greater(&self, other: impl Into<Self>) -> Self {
        other.into().less(self)
    }

    /// 1 where `self` ≥ `other`, else 0.
    #[must_use]
    pub fn greater_equal(&self, other: impl Into<Self>) -> Self {
        other.into().less_equal(self)
    }

    /// 0 where both are equal, else 1, as for NaN.
    #[must_use]
    pub fn not_equal(&self, other: impl Into<Self>) -> Self {
        self.equal(other).logical_not()
    }

    /// 1 where both are true, else 0.
    #[must_use]
    pub fn logical_and(&self, other: impl Into<Self>) -> Self {
        let zero = Self::from(0.0);
        Self::select(self, &other.into().not_equal(0.0), &zero)
    }

    /// 1 where either is true, else 0.
    #[must_use]
    pub fn logical_or(&self, other: impl Into<Self>) -> Self {
        let one = Self::from(1.0);
        Self::select(self, &one, &other.into().not_equal(0.0))
    }

    /// 1 where `self` is false, else 0.
    #[must_use]
    pub fn logical_not(&self) -> Self {
        self.equal(0.0)
    }

    /// 1 where `self` is NaN, else 0.
    #[must_use]
    pub fn is_nan(&self) -> Self {
        self.not_equal(self)
    }

    /// 1 where `self` is neither infinite nor NaN, else 0.
    #[must_use]
    pub fn is_finite(&self) -> Self {
        self.abs().less(f64::INFINITY)
    }
}

impl Expr {
    /// Derivative number `order` of the digamma function, which is itself the slope of log Γ.
    #[must_use]
    pub fn polygamma(&self, order: u32) -> Self {
        self.polygamma_of(&Self::from(f64::from(order)))
    }

    /// As [`polygamma`](Self::polygamma), of an order that is a formula.
    pub(crate) fn polygamma_of(&self, order: &Self) -> Self {
        Self::binary(Binary::Polygamma, order, self)
    }
}

impl From<f64> for Expr {
    fn from(value: f64) -> Self {
        Self::constant(value)
    }
}

impl From<&Self> for Expr {
    fn from(expr: &Self) -> Self {
        expr.clone()
    }
}

/// `operator!(Add, add)` implements `+` among `Expr`, `&Expr` and `f64`.
macro_rules! operator {
    ($trait:ident, $method:ident) => {
        operator!(@ $trait, $method, Expr, Expr);
        operator!(@ $trait, $method, Expr, &Expr);
        operator!(@ $trait, $method, &Expr, Expr);
        operator!(@ $trait, $method, &Expr, &Expr);
        operator!(@ $trait, $method, Expr, f64);
        operator!(@ $trait, $method, &Expr, f64);
        operator!(@ $trait, $method, f64, Expr);
        operator!(@ $trait, $method, f64, &Expr);
    };
    (@ $trait:ident, $method:ident, $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Expr;
            fn $method(self, right: $right) -> Expr {
                Expr::binary(Binary::$trait, &Expr::from(self), &Expr::from(right))
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl Neg for &Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        Expr::unary(Unary::Neg, self)
    }
}

impl Neg for Expr {
    type Output = Self;
    fn neg(self) -> Self {
        -&self
    }
}

/// As a formula with inputs `x0`, `x1`, ...
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = |function: &Binary| match function {
            Binary::Add => Some("+"),
            Binary::Sub => Some("-"),
            Binary::Mul => Some("*"),
            Binary::Div => Some("/"),
            Binary::Less => Some("<"),
            Binary::LessEqual => Some("<="),
            Binary::Equal => Some("=="),
            _ => None,
        };
        match self.form() {
            Form::Input(i) => write!(f, "x{i}"),
            Form::Constant(value) => write!(f, "{value}"),
            Form::Unary(Unary::Neg, x) => write!(f, "-{x}"),
            Form::Unary(function, x) => {
                write!(f, "{}({x})", format!("{function:?}").to_lowercase())
            }
            Form::Binary(function, a, b) => match symbol(function) {
                Some(symbol) => write!(f, "({a} {symbol} {b})"),
                None => write!(f, "{}({a}, {b})", format!("{function:?}").to_lowercase()),
            },
            Form::Select(condition, a, b) => write!(f, "({condition} ? {a} : {b})"),
        }
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_keep_formulas_short() {
        let [x, y, condition] = [0, 1, 2].map(Expr::input);
        let zero = Expr::from(0.0);
        let chosen = |a: &Expr| Expr::select(&condition, a, &zero);
        for (formula, text) in [
            (&x * 1.0, "x0"),
            (0.0 * &x, "0"),
            (&x + 0.0, "x0"),
            (0.0 - &x, "-x0"),
            (-(-&x), "x0"),
            (Expr::from(2.0) * 3.0 + &x, "(6 + x0)"),
            (
                Expr::select(&x.less(0.0), &x.exp(), &Expr::from(0.0)) * &x,
                "((x0 < 0) ? (exp(x0) * x0) : 0)",
            ),
            (
                (chosen(&x) + chosen(&y)) * &y,
                "(x2 ? ((x0 + x1) * x1) : 0)",
            ),
            (
                (chosen(&x) + Expr::select(&x, &zero, &y)) * &y,
                "((x2 ? (x0 * x1) : 0) + (x0 ? 0 : (x1 * x1)))",
            ),
        ] {
            assert_eq!(formula.to_string(), text);
        }
    }
}
