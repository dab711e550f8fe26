//! Forward mode: a number and its slope.
//!
//! ```text
//! y = f(a, b)      ẏ = ∂f/∂a · ȧ + ∂f/∂b · ḃ
//! ```
//!
//! The pair is a *dual number*, a + ȧε with ε² = 0 (Clifford 1873): computing with it by the rules
//! of algebra carries the derivative along, which is how Wengert (1964) first did it on a computer.

use super::real::Real;
use super::rules::{Chain, scalar_operators};

/// A value and how fast it moves in the one direction that is being looked at.
///
/// ```
/// use retrograd_autograd::scalar::{Dual, Real};
///
/// // x·eˣ at 0, with its first and second derivative (x + 1)·eˣ and (x + 2)·eˣ.
/// let x = Dual::variable(Dual::variable(0.0));
/// let y = x * x.exp();
/// assert_eq!((y.value.value, y.slope.value, y.slope.slope), (0.0, 1.0, 2.0));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<R = f64> {
    /// The number.
    pub value: R,
    /// Its derivative.
    pub slope: R,
}

impl<R: Real> Dual<R> {
    /// The number that the derivative is taken with respect to: it moves at speed 1.
    #[must_use]
    pub fn variable(value: R) -> Self {
        Self {
            value,
            slope: 1.0.into(),
        }
    }

    /// A number that does not move.
    #[must_use]
    pub fn constant(value: R) -> Self {
        Self {
            value,
            slope: 0.0.into(),
        }
    }
}

impl<R: Real> Chain for Dual<R> {
    type Inner = R;

    #[inline(always)]
    fn inner(self) -> R {
        self.value
    }

    #[inline(always)]
    fn still(value: R) -> Self {
        Self::constant(value)
    }

    #[inline(always)]
    fn is_constant(self) -> bool {
        self.slope.is_zero()
    }

    #[inline(always)]
    fn unary(self, y: R, slope: R) -> Self {
        Self {
            value: y,
            slope: self.slope.through(slope),
        }
    }

    #[inline(always)]
    fn binary(self, other: Self, y: R, [of_self, of_other]: [R; 2]) -> Self {
        Self {
            value: y,
            slope: self
                .slope
                .through(of_self)
                .joined(other.slope.through(of_other)),
        }
    }
}

impl<R: Real> From<f64> for Dual<R> {
    fn from(value: f64) -> Self {
        Self::constant(value.into())
    }
}

scalar_operators!([R: Real] Dual<R>);

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_relative_eq;

    /// Every function against the derivative from the textbook.
    #[test]
    fn every_slope_is_the_one_in_the_textbook() {
        type Function = fn(Dual) -> Dual;
        let x = 0.7_f64;
        let logistic = 1.0 / (1.0 + (-x).exp());
        let table: [(Function, f64); 32] = [
            (|x| x + 2.0, 1.0),
            (|x| 2.0 + x, 1.0),
            (|x| x - 2.0, 1.0),
            (|x| 2.0 - x, -1.0),
            (|x| x * 3.0, 3.0),
            (|x| 3.0 * x, 3.0),
            (|x| x / 4.0, 0.25),
            (|x| 2.0 / x, -2.0 / (x * x)),
            (|x| -x, -1.0),
            (|x| (-x).abs(), 1.0),
            (|x| x.recip(), -1.0 / (x * x)),
            (|x| x.sqrt(), 0.5 / x.sqrt()),
            (|x| x.exp(), x.exp()),
            (|x| x.log(), 1.0 / x),
            (|x| x.log1p(), 1.0 / (1.0 + x)),
            (|x| x.sin(), x.cos()),
            (|x| x.cos(), -x.sin()),
            (|x| x.atan(), 1.0 / (1.0 + x * x)),
            (|x| x.tanh(), 1.0 / x.cosh().powi(2)),
            (|x| x.powi(3), 3.0 * x * x),
            (|x| x.powf(2.5), 2.5 * x.powf(1.5)),
            (|x| x.pow(x), x.powf(x) * (x.ln() + 1.0)),
            (|x| x.sign(), 0.0),
            (|x| x.square(), 2.0 * x),
            (|x| x.sigmoid(), logistic * (1.0 - logistic)),
            (|x| x.hypot(2.0.into()), x / x.hypot(2.0)),
            (|x| x.rhypot(2.0.into()), -x / x.hypot(2.0).powi(3)),
            (|x| x.sin_cos().0 - x.sin_cos().1, x.cos() + x.sin()),
            (|x| Real::logsumexp(&[x, 0.0.into()]), logistic),
            (|x| Real::logsumexp(&[x, x * 3.0]), {
                let share = 1.0 / (1.0 + (2.0 * x).exp());
                share + 3.0 * (1.0 - share)
            }),
            (|x| Real::dot(&[x, x], &[x, 2.0.into()]), 2.0 * x + 2.0),
            (|x| Real::linear(&[3.0, 0.5], &[x, x * x]), 3.0 + x),
        ];
        for (i, (f, slope)) in table.into_iter().enumerate() {
            let found = f(Dual::variable(x)).slope;
            assert_relative_eq!(
                found,
                slope,
                epsilon = 1e-15,
                max_relative = 1e-15,
                "row {i}: {found} {slope}"
            );
        }
    }

    #[test]
    fn a_constant_moves_nothing_where_the_slope_is_infinite() {
        let still = Dual::constant(0.0);
        assert_eq!(still.sqrt().slope, 0.0);
        // The slope by the exponent, y·log a, is not a number for a negative a.
        let a = Dual::variable(-3.0);
        assert_eq!(
            (a.pow(2.0.into()).value, a.pow(2.0.into()).slope),
            (9.0, -6.0)
        );
        assert_eq!(Dual::variable(0.0).powi(0).slope, 0.0);
        assert_eq!(Dual::variable(0.0).pow(0.0.into()).slope, 0.0);
    }

    #[test]
    fn choices_follow_the_value() {
        let (low, high) = (
            Dual {
                value: 1.0,
                slope: 5.0,
            },
            Dual {
                value: 2.0,
                slope: 7.0,
            },
        );
        assert_eq!((low.max(high).slope, low.min(high).slope), (7.0, 5.0));
        let tie = Dual { slope: 1.0, ..low };
        assert_eq!((low.max(tie).slope, low.min(tie).slope), (3.0, 3.0));
        let nan = Dual::constant(f64::NAN);
        for y in [low.max(nan), nan.max(low), low.min(nan), nan.min(low)] {
            assert!(y.value.is_nan());
        }
        assert!(low < high && low == Dual::constant(1.0));
        assert_eq!([low, high].into_iter().sum::<Dual>().slope, 12.0);
    }
}
