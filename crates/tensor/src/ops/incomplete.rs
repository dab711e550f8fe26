//! The incomplete gamma function: its value, its derivatives in the parameter, and its inverse.
//!
//! ```text
//! P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt,   Q = 1 − P
//! ```
//!
//! Below a + 1, P is a power series; above, Q is a continued fraction (Abramowitz and Stegun 1964,
//! 6.5.29 and 6.5.31). Both are computed with Taylor series in a in place of numbers, whose
//! coefficients are the derivatives. Everything is done in `f64`, a number at a time.

use std::f64::consts::{PI, SQRT_2};

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::shape;
use crate::special::{BERNOULLI, erfc, lgamma, polygamma};

/// Most coefficients of a Taylor series.
const COEFFICIENTS: usize = 8;

/// About as many elementary steps as one element takes.
const STEPS: usize = 500;

/// Newton's steps before leaving it at that; four or five are usual.
const ATTEMPTS: usize = 60;

/// Largest a: there, sums have a million terms.
const LARGEST: f64 = 1e10;

/// From here on Stirling's series has all digits.
const LARGE: f64 = 12.0;

impl<T: Float> Array<T> {
    /// Derivative number `order` in a of the regularised incomplete gamma function P(a, x), for a in
    /// this and `x`, which broadcast; P itself at order 0. NaN unless 0 < a ≤ 10¹⁰ and x ≥ 0, and from
    /// order 8 on. The time grows with √a.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn gammainc(&self, x: &Self, order: usize) -> Self {
        let factorial: f64 = (1..=order).map(|k| k as f64).product();
        self.paired("gammainc", x, &|a, x| {
            if order >= COEFFICIENTS || outside(a) || x < 0.0 || x.is_nan() {
                return f64::NAN;
            }
            let (p, _) = incomplete(a, x, order + 1);
            factorial * p.0[order]
        })
    }

    /// The x with P(a, x) = Φ(z), Φ the distribution function of the normal distribution, for a in this
    /// and `z`, which broadcast: a normal number z becomes one of the gamma distribution. NaN unless
    /// 0 < a ≤ 10¹⁰.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn gamma_from_normal(&self, z: &Self) -> Self {
        self.paired("gamma_from_normal", z, &from_normal)
    }

    /// `f` of every pair, which takes its time.
    #[track_caller]
    pub(super) fn paired(
        &self,
        operation: &str,
        other: &Self,
        f: &(dyn Fn(f64, f64) -> f64 + Sync),
    ) -> Self {
        let shape = shape::broadcast(operation, &[*self.shape(), *other.shape()]).or_panic();
        let (a, b) = (self.broadcast_to(shape), other.broadcast_to(shape));
        let (a, b) = (a.values(), b.values());
        Self::written(shape, |out| {
            in_blocks(out, 1, STEPS, &|first, out| {
                let pairs = a[first..].iter().zip(&b[first..]);
                for (slot, (a, b)) in out.iter_mut().zip(pairs) {
                    *slot = T::from_f64(f(a.to_f64(), b.to_f64()));
                }
            });
        })
    }
}

/// The first coefficients of a Taylor series; those that nobody asks for are 0.
#[derive(Clone, Copy)]
struct Series([f64; COEFFICIENTS]);

impl Series {
    fn constant(value: f64) -> Self {
        let mut all = [0.0; COEFFICIENTS];
        all[0] = value;
        Self(all)
    }

    /// value + slope·ε
    fn linear(value: f64, slope: f64, count: usize) -> Self {
        let mut line = Self::constant(value);
        line.0[1] = if count > 1 { slope } else { 0.0 };
        line
    }

    fn add(self, other: Self) -> Self {
        let mut sum = self;
        sum.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(sum, term)| *sum += term);
        sum
    }

    fn times(self, other: Self, count: usize) -> Self {
        let mut product = [0.0; COEFFICIENTS];
        for (k, slot) in product.iter_mut().enumerate().take(count) {
            *slot = (0..=k).map(|i| self.0[i] * other.0[k - i]).sum();
        }
        Self(product)
    }

    fn recip(self, count: usize) -> Self {
        let mut inverse = Self::constant(1.0 / self.0[0]);
        for k in 1..count {
            let sum: f64 = (1..=k).map(|i| self.0[i] * inverse.0[k - i]).sum();
            inverse.0[k] = -sum / self.0[0];
        }
        inverse
    }

    /// Over value + ε.
    fn over(self, value: f64, count: usize) -> Self {
        let mut quotient = self;
        quotient.0[0] /= value;
        for k in 1..count {
            quotient.0[k] = (self.0[k] - quotient.0[k - 1]) / value;
        }
        quotient
    }

    fn exp(self, count: usize) -> Self {
        let mut power = Self::constant(self.0[0].exp());
        for k in 1..count {
            let sum: f64 = (1..=k).map(|i| i as f64 * self.0[i] * power.0[k - i]).sum();
            power.0[k] = sum / k as f64;
        }
        power
    }

    fn scaled(self, factor: f64) -> Self {
        Self(self.0.map(|value| factor * value))
    }
}

/// Whether nothing is defined for a, or would take too long.
fn outside(a: f64) -> bool {
    a.is_nan() || a <= 0.0 || a > LARGEST
}

/// P(a + ε, x) and Q as Taylor series in ε. Of the smaller one all digits are right.
fn incomplete(a: f64, x: f64, count: usize) -> (Series, Series) {
    let (nothing, one) = (Series::constant(0.0), Series::constant(1.0));
    if x == 0.0 {
        return (nothing, one);
    }
    if x == f64::INFINITY {
        return (one, nothing);
    }
    let front = front(a, x, count);
    let rest = |part: Series| one.add(part.scaled(-1.0));
    if x < a + 1.0 {
        let p = front.times(power_series(a, x, count), count);
        (p, rest(p))
    } else {
        // The fraction has Γ(a) in front of it, not Γ(a + 1).
        let fraction = Series::linear(a, 1.0, count).times(fraction(a, x, count), count);
        let q = front.times(fraction, count);
        (rest(q), q)
    }
}

/// xᵃ e⁻ˣ / Γ(a + 1)
fn front(a: f64, x: f64, count: usize) -> Series {
    let mut log = Series::constant(if a < LARGE {
        a * x.ln() - x - lgamma(a + 1.0)
    } else {
        // With Stirling's series, so that nothing large cancels.
        let (ratio, beyond) = (x / a, (x - a) / a);
        let log = if beyond.abs() < 0.5 {
            beyond.ln_1p()
        } else {
            ratio.ln()
        };
        let square = 1.0 / (a * a);
        let term = |sum: f64, (i, b): (usize, &f64)| {
            let even = (2 * i + 2) as f64;
            sum * square + b / (even * (even - 1.0))
        };
        let correction = BERNOULLI.iter().enumerate().rev().fold(0.0, term) / a;
        a * (log - beyond) - 0.5 * (2.0 * PI * a).ln() - correction
    });
    let mut factorial = 1.0;
    for k in 1..count {
        factorial *= k as f64;
        let order = (k - 1) as f64;
        log.0[k] = -polygamma(a + 1.0, order) / factorial;
    }
    if count > 1 {
        log.0[1] += x.ln();
    }
    log.exp(count)
}

/// Σₖ xᵏ / ((a + 1)···(a + k))
fn power_series(a: f64, x: f64, count: usize) -> Series {
    let (mut term, mut sum) = (Series::constant(1.0), Series::constant(1.0));
    let mut divisor = a;
    loop {
        divisor += 1.0;
        term = term.over(divisor, count).scaled(x);
        sum = sum.add(term);
        let counts = |(term, sum): (&f64, &f64)| term.abs() > f64::EPSILON * 0.1 * sum.abs();
        // The terms grow until the divisor has passed x.
        if divisor > x && !term.0.iter().zip(&sum.0).any(counts) {
            return sum;
        }
    }
}

/// 1/(x + 1 − a − 1·(1 − a)/(x + 3 − a − 2·(2 − a)/(x + 5 − a − ···))), from its beginning (Lentz 1976).
fn fraction(a: f64, x: f64, count: usize) -> Series {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = Series::constant(1.0 / TINY);
    let mut d = Series::linear(b, -1.0, count).recip(count);
    let mut value = d;
    let mut i = 0.0;
    loop {
        i += 1.0;
        let numerator = Series::linear(-i * (i - a), i, count);
        b += 2.0;
        let denominator = Series::linear(b, -1.0, count);
        d = numerator.times(d, count).add(denominator).recip(count);
        c = denominator.add(numerator.times(c.recip(count), count));
        let factor = c.times(d, count);
        value = value.times(factor, count);
        let change = factor.add(Series::constant(-1.0));
        // Of a NaN this is not true either.
        if !change
            .0
            .iter()
            .any(|change| change.abs() > 2.0 * f64::EPSILON)
        {
            return value;
        }
    }
}

/// The x with P(a, x) = Φ(z), by Newton's method on log x. The logarithm of P, or beyond the median
/// that of Q, bends one way only, so the steps cannot go astray.
fn from_normal(a: f64, z: f64) -> f64 {
    if outside(a) || z.is_nan() {
        return f64::NAN;
    }
    let lower = z < 0.0;
    let log_share = (0.5 * erfc(z.abs() / SQRT_2)).ln();
    // The cube root is almost normal (Wilson and Hilferty 1931); near 0 P is its first term.
    let root = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * a.sqrt());
    let mut log = if root > 0.1 || !lower {
        (a * root.max(0.1).powi(3)).ln()
    } else {
        (log_share + lgamma(a + 1.0)) / a
    };
    for _ in 0..ATTEMPTS {
        let x = log.exp();
        let (p, q) = incomplete(a, x, 1);
        let (share, sign) = if lower { (p.0[0], 1.0) } else { (q.0[0], -1.0) };
        // x·dP/dx = a·xᵃ e⁻ˣ / Γ(a + 1)
        let slope = sign * a * front(a, x, 1).0[0] / share;
        let step = (log_share - share.ln()) / slope;
        // Where x is too small for a number, log x is as good as it gets.
        if step.is_nan() {
            break;
        }
        // From where Q is flat a step would lead beyond all numbers.
        log += step.min(2.0);
        if step.abs() <= 4.0 * f64::EPSILON * log.abs().max(1.0) {
            break;
        }
    }
    log.exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assert_relative_eq;

    /// a, x, order, derivative of that order in a, from sixty digits.
    #[rustfmt::skip]
    const VALUES: [(f64, f64, usize, f64); 48] = [
        (0.3, 0.05, 0, 0.4484368621065928),
        (0.3, 0.05, 1, -1.280733608125873),
        (0.3, 0.05, 2, 3.169200572108965),
        (0.3, 0.05, 3, -5.7687058610596855),
        (0.3, 2.0, 0, 0.977974019172853),
        (0.3, 2.0, 1, -0.09925266010124012),
        (0.3, 2.0, 2, -0.17897351352819282),
        (0.3, 2.0, 3, -0.04707823375272531),
        (1.0, 1.0, 0, 0.6321205588285577),
        (1.0, 1.0, 1, -0.4317297106348987),
        (1.0, 1.0, 2, 0.033618035299959194),
        (1.0, 1.0, 3, 0.40356539791166174),
        (1.5, 0.2, 0, 0.05975750516063926),
        (1.5, 0.2, 1, -0.14014097074353124),
        (1.5, 0.2, 2, 0.3008898185958109),
        (1.5, 0.2, 3, -0.5631119072052969),
        (1.5, 3.0, 0, 0.8883897749052875),
        (1.5, 3.0, 1, -0.15058944435108407),
        (1.5, 3.0, 2, -0.1047989559223987),
        (1.5, 3.0, 3, 0.03008284226204464),
        (2.0, 9.0, 0, 0.9987659019591332),
        (2.0, 9.0, 1, -0.002325690384845498),
        (2.0, 9.0, 2, -0.00359916414750417),
        (2.0, 9.0, 3, -0.004329620801477204),
        (7.5, 4.0, 0, 0.07621729668453243),
        (7.5, 4.0, 1, -0.05887678239236207),
        (7.5, 4.0, 2, 0.03751107061551513),
        (7.5, 4.0, 3, -0.01604179417873324),
        (7.5, 8.0, 0, 0.6179483384971364),
        (7.5, 8.0, 1, -0.1403457703331295),
        (7.5, 8.0, 2, -0.008948329503727261),
        (7.5, 8.0, 3, 0.018310393679557876),
        (7.5, 20.0, 0, 0.9995465018648978),
        (7.5, 20.0, 1, -0.0005055952500556807),
        (7.5, 20.0, 2, -0.0005006882476389079),
        (7.5, 20.0, 3, -0.00042713038187640497),
        (40.0, 35.0, 0, 0.21980955482531797),
        (40.0, 35.0, 1, -0.048001196414801835),
        (40.0, 35.0, 2, 0.006425566137503976),
        (40.0, 35.0, 3, 0.00034193005390522723),
        (40.0, 60.0, 0, 0.9974518076963866),
        (40.0, 60.0, 1, -0.0011682095897644876),
        (40.0, 60.0, 2, -0.0004745950714065327),
        (40.0, 60.0, 3, -0.00016352069030008804),
        (3000.0, 2950.0, 0, 0.1809112156937246),
        (3000.0, 2950.0, 1, -0.004819632014334125),
        (3000.0, 3100.0, 0, 0.9649999863009536),
        (3000.0, 3100.0, 1, -0.0014031076087078632),
    ];

    #[test]
    fn values_agree_with_thirty_digits() {
        for (a, x, order, expected) in VALUES {
            let found = Array::scalar(a).gammainc(&Array::scalar(x), order).item();
            assert_relative_eq!(
                found,
                expected,
                epsilon = 0.0,
                max_relative = 1e-12,
                "order {order} at {a}, {x}"
            );
        }
    }

    #[test]
    fn ends_and_what_is_outside() {
        let p = |a: f64, x: f64, order| Array::scalar(a).gammainc(&Array::scalar(x), order).item();
        for order in 0..COEFFICIENTS {
            assert_eq!(p(2.5, 0.0, order), 0.0);
            assert_eq!(
                p(2.5, f64::INFINITY, order),
                if order == 0 { 1.0 } else { 0.0 }
            );
            assert!(p(2.5, 1e-300, order).abs() < 1e-300 && p(0.5, 1e3, order) <= 1.0);
        }
        for (a, x) in [
            (0.0, 1.0),
            (-1.0, 1.0),
            (1.0, -1.0),
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
        ] {
            assert!(p(a, x, 0).is_nan(), "{a} {x}");
        }
        assert!(p(1.0, 1.0, COEFFICIENTS).is_nan());
        // A number at a time or many, also of shapes that stretch.
        let a = Array::from_vec(vec![0.5_f32, 2.0, 30.0], [3, 1]);
        let x = Array::<f32>::linspace(0.1, 40.0, 500);
        let all = a.gammainc(&x, 1);
        assert_eq!(all.shape(), [3, 500]);
        assert_eq!(
            all.at(&[2, 321]),
            p(30.0, f64::from(x.at(&[321])), 1) as f32
        );
    }

    #[test]
    fn normal_numbers_become_those_of_the_gamma_distribution() {
        for a in [0.01, 0.4, 1.0, 3.7, 50.0, 1e4, 1e6] {
            for z in [-6.0, -2.5, -0.3, 0.0, 0.7, 3.0, 6.0] {
                let x = Array::scalar(a).gamma_from_normal(&Array::scalar(z)).item();
                let (p, q) = incomplete(a, x, 1);
                let share = 0.5 * erfc(f64::abs(z) / SQRT_2);
                let found = if z < 0.0 { p.0[0] } else { q.0[0] };
                // Where x is 0, there is nothing of it.
                if x > 0.0 {
                    // The share is off by the error of log x times its slope, √a at most.
                    let bound = 1e-13 + 1e-14 * a.sqrt();
                    assert_relative_eq!(
                        found,
                        share,
                        epsilon = 0.0,
                        max_relative = bound,
                        "{a} {z}"
                    );
                }
            }
        }
        let exponential = Array::scalar(1.0_f64)
            .gamma_from_normal(&Array::scalar(1.0))
            .item();
        let expected = -(0.5 * erfc(1.0 / SQRT_2)).ln();
        assert_relative_eq!(exponential, expected, max_relative = 1e-14);
        let none = Array::scalar(-1.0_f64).gamma_from_normal(&Array::scalar(0.0));
        assert!(none.item().is_nan());
    }
}
