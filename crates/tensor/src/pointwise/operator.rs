//! The scalar functions that programs are made of.

use crate::element::Float;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    /// −x
    Neg,
    /// |x|
    Abs,
    /// −1, 0 or 1
    Sign,
    /// 1/x
    Recip,
    /// x²
    Square,
    /// √x
    Sqrt,
    /// eˣ
    Exp,
    /// eˣ − 1
    Expm1,
    /// log x
    Log,
    /// log(1 + x)
    Log1p,
    /// log₂ x
    Log2,
    /// log₁₀ x
    Log10,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// tanh x
    Tanh,
    /// sinh x
    Sinh,
    /// cosh x
    Cosh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// log(1 + eˣ)
    Softplus,
    /// erf x
    Erf,
    /// Φ(x), the standard normal distribution function
    NormalCdf,
    /// 1 − erf x
    Erfc,
    /// arcsin x
    Asin,
    /// arccos x
    Acos,
    /// arctan x
    Atan,
    /// arsinh x
    Asinh,
    /// arcosh x
    Acosh,
    /// artanh x
    Atanh,
    /// log |Γ(x)|
    Lgamma,
    /// the largest whole number that is not above x
    Floor,
    /// the smallest whole number that is not below x
    Ceil,
    /// the nearest whole number, the even one of two
    Round,
    /// x without its fraction
    Trunc,
}

/// A function of two numbers. Comparisons give 1 for true and 0 for false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a · b
    Mul,
    /// a / b
    Div,
    /// the larger; NaN if either is
    Max,
    /// the smaller; NaN if either is
    Min,
    /// a to the power b
    Pow,
    /// a < b
    Less,
    /// a ≤ b
    LessEqual,
    /// a = b
    Equal,
    /// −b·log σ(a) − (1 − b)·log σ(−a), the cross-entropy of a logit
    LogisticLoss,
    /// σ(a) − b, the slope of that
    LogisticSlope,
    /// the angle of the point (b, a)
    Atan2,
    /// √(a² + b²)
    Hypot,
    /// derivative a + 1 of log Γ at b
    Polygamma,
    /// a − b·⌊a / b⌋, with the sign of b
    Remainder,
}

impl Unary {
    /// Every function, for catalogues and tests.
    pub const ALL: [Self; 33] = [
        Self::Neg,
        Self::Abs,
        Self::Sign,
        Self::Recip,
        Self::Square,
        Self::Sqrt,
        Self::Exp,
        Self::Expm1,
        Self::Log,
        Self::Log1p,
        Self::Log2,
        Self::Log10,
        Self::Sin,
        Self::Cos,
        Self::Tanh,
        Self::Sinh,
        Self::Cosh,
        Self::Sigmoid,
        Self::Softplus,
        Self::Erf,
        Self::NormalCdf,
        Self::Erfc,
        Self::Asin,
        Self::Acos,
        Self::Atan,
        Self::Asinh,
        Self::Acosh,
        Self::Atanh,
        Self::Lgamma,
        Self::Floor,
        Self::Ceil,
        Self::Round,
        Self::Trunc,
    ];

    /// The function at `x`.
    pub fn at<T: Float>(self, x: T) -> T {
        match self {
            Self::Neg => -x,
            Self::Abs => x.abs(),
            Self::Sign => x.sign(),
            Self::Recip => T::ONE / x,
            Self::Square => x * x,
            Self::Sqrt => x.sqrt(),
            Self::Exp => x.exp(),
            Self::Expm1 => x.expm1(),
            Self::Log => x.log(),
            Self::Log1p => x.log1p(),
            Self::Log2 => x.log2(),
            Self::Log10 => x.log10(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tanh => x.tanh(),
            Self::Sinh => x.sinh(),
            Self::Cosh => x.cosh(),
            Self::Sigmoid => x.sigmoid(),
            Self::Softplus => x.softplus(),
            Self::Erf => x.erf(),
            Self::NormalCdf => x.normal_cdf(),
            Self::Erfc => x.erfc(),
            Self::Asin => x.asin(),
            Self::Acos => x.acos(),
            Self::Atan => x.atan(),
            Self::Asinh => x.asinh(),
            Self::Acosh => x.acosh(),
            Self::Atanh => x.atanh(),
            Self::Lgamma => x.lgamma(),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round(),
            Self::Trunc => x.trunc(),
        }
    }
}

/// 1 for true, 0 for false.
fn truth<T: Float>(condition: bool) -> T {
    if condition { T::ONE } else { T::ZERO }
}

impl Binary {
    /// Every function, for catalogues and tests.
    pub const ALL: [Self; 16] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Max,
        Self::Min,
        Self::Pow,
        Self::Less,
        Self::LessEqual,
        Self::Equal,
        Self::LogisticLoss,
        Self::LogisticSlope,
        Self::Atan2,
        Self::Hypot,
        Self::Polygamma,
        Self::Remainder,
    ];

    /// The function at `a`, `b`.
    pub fn at<T: Float>(self, a: T, b: T) -> T {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max => a.maximum(b),
            Self::Min => a.minimum(b),
            Self::Pow => a.pow(b),
            Self::Less => truth(a < b),
            Self::LessEqual => truth(a <= b),
            Self::Equal => truth(a == b),
            Self::LogisticLoss => a.logistic_loss(b),
            Self::LogisticSlope => a.logistic_slope(b),
            Self::Atan2 => a.atan2(b),
            Self::Hypot => a.hypot(b),
            Self::Polygamma => b.polygamma(a),
            Self::Remainder => a.remainder(b),
        }
    }
}
