//! The functions to thirty digits: slow, by their series, in sums of two `f64`.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The unevaluated sum of two numbers, 106 bits in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dd(pub(super) f64, pub(super) f64);

/// `digits`·2^`exponent`, so that nothing is lost where `f64` is subnormal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    pub(super) digits: Dd,
    pub(super) exponent: i32,
}

pub(super) const LN_2: Dd = Dd(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
pub(super) const LN_10: Dd = Dd(std::f64::consts::LN_10, -2.170_756_223_382_249_4e-16);
const SQRT_PI: Dd = Dd(1.772_453_850_905_516, -7.666_586_499_825_799e-17);
const HALF_PI: [f64; 3] = [
    std::f64::consts::FRAC_PI_2,
    6.123_233_995_736_766e-17,
    -1.497_384_904_859_169_8e-33,
];

fn two_sum(a: f64, b: f64) -> Dd {
    let sum = a + b;
    let b_part = sum - a;
    Dd(sum, (a - (sum - b_part)) + (b - b_part))
}

fn two_product(a: f64, b: f64) -> Dd {
    let product = a * b;
    Dd(product, a.mul_add(b, -product))
}

impl From<f64> for Dd {
    fn from(x: f64) -> Self {
        Self(x, 0.0)
    }
}
impl Neg for Dd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}
impl Add for Dd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.0, other.0), two_sum(self.1, other.1));
        let sum = two_sum(high.0, high.1 + low.0);
        two_sum(sum.0, sum.1 + low.1)
    }
}
impl Sub for Dd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}
impl Mul for Dd {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = two_product(self.0, other.0);
        two_sum(product.0, product.1 + (self.0 * other.1 + self.1 * other.0))
    }
}
impl Div for Dd {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let mut quotient = Self(0.0, 0.0);
        let mut rest = self;
        for _ in 0..3 {
            let digit = Self::from(rest.0 / other.0);
            quotient = quotient + digit;
            rest = rest - digit * other;
        }
        quotient
    }
}

impl Dd {
    fn over(self, divisor: f64) -> Self {
        let high = self.0 / divisor;
        let rest = (-high).mul_add(divisor, self.0) + self.1;
        two_sum(high, rest / divisor)
    }
    fn times_power(self, exponent: i32) -> Self {
        Self(
            libm::scalbn(self.0, exponent),
            libm::scalbn(self.1, exponent),
        )
    }
    fn exact(self) -> Exact {
        Exact {
            digits: self,
            exponent: 0,
        }
    }
}

impl Exact {
    fn value(self) -> Dd {
        self.digits.times_power(self.exponent)
    }
    fn times(self, factor: Dd) -> Self {
        Self {
            digits: self.digits * factor,
            ..self
        }
    }
}

/// k and eʳ − 1 for x = k·log 2 + r. The series of r/512, doubled nine times.
fn reduced(x: Dd) -> (i32, Dd) {
    let k = (x.0 / LN_2.0).round_ties_even();
    let r = (x - Dd::from(k) * LN_2).times_power(-9);
    let mut sum = Dd::from(0.0);
    for i in (1..=11).rev() {
        sum = (r * (Dd::from(1.0) + sum)).over(f64::from(i));
    }
    for _ in 0..9 {
        sum = sum + sum + sum * sum;
    }
    (k as i32, sum)
}

pub(super) fn exp(x: Dd) -> Exact {
    let (exponent, less_one) = reduced(x);
    Exact {
        digits: less_one + Dd::from(1.0),
        exponent,
    }
}

pub(super) fn expm1(x: Dd) -> Exact {
    match reduced(x) {
        (0, less_one) => less_one.exact(),
        (exponent, _) if exponent > 200 => exp(x),
        _ => (exp(x).value() - Dd::from(1.0)).exact(),
    }
}

/// log(1 + f) / f for |f| ≤ 0.2, by the series of the inverse hyperbolic tangent.
fn log1p_ratio(f: Dd) -> Dd {
    let s = f / (f + Dd::from(2.0));
    let square = s * s;
    let mut sum = Dd::from(0.0);
    for i in (0..=24).rev() {
        sum = sum * square + Dd::from(1.0).over(f64::from(2 * i + 1));
    }
    sum * Dd::from(2.0) / (f + Dd::from(2.0))
}

pub(super) fn log1p(x: Dd) -> Dd {
    if x.0.abs() <= 0.2 {
        x * log1p_ratio(x)
    } else {
        log(x + Dd::from(1.0))
    }
}

pub(super) fn log(x: Dd) -> Dd {
    let less_one = x - Dd::from(1.0);
    if less_one.0.abs() <= 0.2 {
        return less_one * log1p_ratio(less_one);
    }
    if x.0 < 1e-200 {
        return log(x.times_power(600)) - Dd::from(600.0) * LN_2;
    }
    if x.0 > 1e200 {
        return log(x.times_power(-600)) + Dd::from(600.0) * LN_2;
    }
    // One step of Newton's method from the double result.
    let guess = x.0.ln();
    let rest = x * exp(Dd::from(-guess)).value() - Dd::from(1.0);
    Dd::from(guess) + rest - rest * rest * Dd::from(0.5)
}

pub(super) fn rsqrt(x: Dd) -> Dd {
    if x.0 < 1e-200 {
        return rsqrt(x.times_power(600)).times_power(300);
    }
    let guess = Dd::from(1.0 / x.0.sqrt());
    guess + guess * (Dd::from(1.0) - x * guess * guess) * Dd::from(0.5)
}

/// sin x and cos x for |x| ≤ 2²⁰.
pub(super) fn sin_cos(x: f64) -> (Dd, Dd) {
    let n = (x / HALF_PI[0]).round_ties_even();
    let mut r = Dd::from(x);
    for part in HALF_PI {
        r = r - two_product(n, part);
    }
    let square = -(r * r);
    let (mut sin, mut cos) = (Dd::from(0.0), Dd::from(0.0));
    for i in (1..=14).rev() {
        let i = f64::from(2 * i);
        sin = (square * (Dd::from(1.0) + sin)).over(i * (i + 1.0));
        cos = (square * (Dd::from(1.0) + cos)).over(i * (i - 1.0));
    }
    let (sin, cos) = (r + r * sin, cos + Dd::from(1.0));
    match n as i64 & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

pub(super) fn tanh(x: f64) -> Dd {
    if x.abs() > 50.0 {
        return Dd::from(x.signum());
    }
    let t = expm1(Dd::from(2.0 * x)).value();
    t / (t + Dd::from(2.0))
}

pub(super) fn sigmoid(x: f64) -> Exact {
    if x > 0.0 {
        let e = exp(Dd::from(-x)).value();
        return (Dd::from(1.0) / (e + Dd::from(1.0))).exact();
    }
    let e = exp(Dd::from(x));
    e.times(Dd::from(1.0) / (e.value() + Dd::from(1.0)))
}

pub(super) fn softplus(x: f64) -> Exact {
    if x > 0.0 {
        return (Dd::from(x) + log1p(exp(Dd::from(-x)).value())).exact();
    }
    let e = exp(Dd::from(x));
    if e.value().0 > 0.2 {
        log1p(e.value()).exact()
    } else {
        e.times(log1p_ratio(e.value()))
    }
}

/// erf x = 2/√π · e^(−x²) · Σ 2ⁿ·x²ⁿ⁺¹ / (2n + 1)!!, whose terms are all of one sign.
pub(super) fn erf(x: Dd) -> Dd {
    if x.0.abs() > 6.5 {
        return Dd::from(x.0.signum());
    }
    let square = x * x;
    let mut sum = Dd::from(0.0);
    let terms = 40 + (20.0 * x.0.abs()) as i32;
    for i in (1..=terms).rev() {
        sum = ((square + square) * (Dd::from(1.0) + sum)).over(f64::from(2 * i + 1));
    }
    let factor = x * Dd::from(2.0) / SQRT_PI;
    factor * exp(-square).value() * (sum + Dd::from(1.0))
}

/// ½·erfc(x/√2) for x ≥ 0: the complement of erf, or a continued fraction (Laplace).
fn upper_tail(x: f64) -> Exact {
    let half_square = two_product(x, x).times_power(-1);
    if x < 3.0 {
        let z = Dd::from(x) * rsqrt(Dd::from(2.0));
        return ((Dd::from(1.0) - erf(z)) * Dd::from(0.5)).exact();
    }
    // The ratio of Mills: 1 / (x + 1 / (x + 2 / (x + 3 / …))).
    let mut fraction = Dd::from(x);
    let terms = 30 + (2000.0 / (x * x)) as i32;
    for i in (1..=terms).rev() {
        fraction = Dd::from(x) + Dd::from(f64::from(i)) / fraction;
    }
    let root = SQRT_PI / rsqrt(Dd::from(2.0));
    exp(-half_square).times(Dd::from(1.0) / (fraction * root))
}

pub(super) fn normal_cdf(x: f64) -> Exact {
    if x < 0.0 {
        return upper_tail(-x);
    }
    (Dd::from(1.0) - upper_tail(x).value()).exact()
}

pub(super) fn pow(x: f64, y: f64) -> Exact {
    exp(log(Dd::from(x)) * Dd::from(y))
}

/// Values from mpmath with fifty digits, each as a sum of two numbers.
#[test]
fn the_reference_agrees_with_a_second_opinion() {
    for (value, high, low) in [
        (
            normal_cdf(-4.5).times(Dd::from(-4.5)).value(),
            -1.5289529061285272e-05,
            5.945638017205639e-22,
        ),
        (
            normal_cdf(-37.0).times(Dd::from(-37.0)).value(),
            -2.1184613523340935e-298,
            3.147750213e-315,
        ),
        (erf(Dd::from(6.3)), 1.0, -5.124221687395715e-19),
        (
            exp(Dd::from(0.7)).value(),
            2.0137527074704766,
            -2.0058243549764793e-16,
        ),
        (
            exp(Dd::from(-20.25)).value(),
            1.6052280551856116e-09,
            -3.657643988865463e-26,
        ),
        (
            expm1(Dd::from(1e-09)).value(),
            1.0000000005000001e-09,
            -7.443897403844588e-26,
        ),
        (
            expm1(Dd::from(-0.3)).value(),
            -0.2591817793182821,
            -1.805530505953e-18,
        ),
        (
            expm1(Dd::from(3.5)).value(),
            32.11545195869231,
            2.2435601403927554e-15,
        ),
        (
            log(Dd::from(1.0000001)),
            9.999999505838704e-08,
            1.5249709528441489e-24,
        ),
        (
            log(Dd::from(0.3)),
            -1.2039728043259361,
            8.935521583403776e-17,
        ),
        (
            log(Dd::from(1e+300)),
            690.7755278982137,
            2.3747660028800243e-14,
        ),
        (
            log(Dd::from(5e-324)),
            -744.4400719213812,
            -4.422444340918698e-14,
        ),
        (
            log1p(Dd::from(1e-12)),
            9.999999999995e-13,
            2.4217940103012377e-29,
        ),
        (
            log1p(Dd::from(-0.9)),
            -std::f64::consts::LN_10,
            -4.968982586806388e-18,
        ),
        (
            log1p(Dd::from(7.0)),
            2.0794415416798357,
            1.8059370687790465e-16,
        ),
        (
            rsqrt(Dd::from(3.0)),
            0.5773502691896257,
            3.3450280739356345e-17,
        ),
        (rsqrt(Dd::from(5e-324)), 4.4989137945431964e+161, 0.0),
        (sin_cos(0.5).0, 0.479425538604203, -5.103969860556013e-18),
        (sin_cos(0.5).1, 0.8775825618903728, -4.2623149864279997e-17),
        (
            sin_cos(100000.0).0,
            0.03574879797201651,
            1.5429743706109861e-18,
        ),
        (
            sin_cos(100000.0).1,
            -0.9993608074382124,
            -2.3447088905187402e-17,
        ),
        (sin_cos(11.0).0, -0.9999902065507035, 1.8356150460298835e-17),
        (
            sin_cos(11.0).1,
            0.004425697988050785,
            3.2449142686784373e-19,
        ),
        (tanh(1e-05), 9.999999999666668e-06, -4.5758701526937e-22),
        (tanh(0.6), 0.5370495669980353, -2.923064398544366e-17),
        (tanh(4.0), 0.999329299739067, 9.767046099568572e-18),
        (
            sigmoid(-3.25).value(),
            0.03732688734412946,
            3.0619034980603494e-18,
        ),
        (
            sigmoid(2.0).value(),
            0.8807970779778824,
            1.8545107241082462e-17,
        ),
        (
            softplus(-30.0).value(),
            9.357622968839737e-14,
            -6.166501881941325e-31,
        ),
        (
            softplus(-0.5).value(),
            0.4740769841801067,
            -5.522109052790765e-18,
        ),
        (
            softplus(2.0).value(),
            2.1269280110429727,
            -1.9177224164009852e-16,
        ),
        (
            erf(Dd::from(0.001)),
            0.0011283787909692365,
            -7.88735357945236e-20,
        ),
        (
            erf(Dd::from(0.9)),
            0.7969082124228322,
            -2.3193178035628794e-17,
        ),
        (
            erf(Dd::from(5.5)),
            0.9999999999999927,
            -3.03759554483649e-17,
        ),
        (
            normal_cdf(-0.5).times(Dd::from(-0.5)).value(),
            -0.15426876936299344,
            -7.284389137849652e-18,
        ),
        (
            normal_cdf(-2.9).times(Dd::from(-2.9)).value(),
            -0.005410858571113711,
            -2.521565707168264e-19,
        ),
        (
            normal_cdf(-3.0).times(Dd::from(-3.0)).value(),
            -0.0040496940948902835,
            -6.522383392135303e-20,
        ),
        (
            normal_cdf(-12.0).times(Dd::from(-12.0)).value(),
            -2.1317785344932147e-32,
            -8.866219773508804e-49,
        ),
        (
            normal_cdf(1.5).times(Dd::from(1.5)).value(),
            1.399789198096713,
            -8.225034683827619e-17,
        ),
        (
            pow(1.0001, 5000.5).value(),
            1.6487624878731344,
            1.051396188646398e-16,
        ),
        (
            pow(0.3, -2.5).value(),
            20.286020648339488,
            -3.2722671382730357e-17,
        ),
    ] {
        let error = (value - Dd(high, low)).0.abs() / high.abs();
        assert!(error < 1e-25, "{high}: {value:?}, error {error:e}");
    }
}
