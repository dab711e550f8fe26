//! Forward mode in several directions at once.
//!
//! ```text
//! y = f(a, b)      ẏᵢ = ∂f/∂a · ȧᵢ + ∂f/∂b · ḃᵢ      for every direction i
//! ```
//!
//! The slopes ∂f/∂a and ∂f/∂b are computed once and serve all directions, and the directions stand
//! side by side, where the compiler puts them into vectors.

use super::real::Real;
use super::rules::{Chain, scalar_operators};

/// A value and how fast it moves in each of `N` directions.
///
/// ```
/// use retrograd_autograd::scalar::{Duals, Real};
///
/// // Both slopes of x·sin y by one run.
/// let (x, y) = (Duals::<2>::variable(2.0, 0), Duals::variable(0.5, 1));
/// let z = x * y.sin();
/// assert_eq!(z.slopes, [0.5_f64.sin(), 2.0 * 0.5_f64.cos()]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Duals<const N: usize, R = f64> {
    /// The number.
    pub value: R,
    /// Its derivatives, a direction each.
    pub slopes: [R; N],
}

impl<const N: usize, R: Real> Duals<N, R> {
    /// The number that direction `i` is about: it moves at speed 1 there, and not in the others.
    ///
    /// # Panics
    /// If there are no more than `i` directions.
    #[must_use]
    #[inline]
    pub fn variable(value: R, i: usize) -> Self {
        let mut number = Self::constant(value);
        number.slopes[i] = 1.0.into();
        number
    }

    /// A number that does not move.
    #[must_use]
    #[inline(always)]
    pub fn constant(value: R) -> Self {
        Self {
            value,
            slopes: [0.0.into(); N],
        }
    }
}

/// What comes through an operation in each direction. Plain loops over arrays are vectors; what is
/// written with `array::map` stays a call for each number.
#[inline(always)]
fn through<const N: usize, R: Real>(mut carried: [R; N], slope: R) -> [R; N] {
    // All at once where zeros look after themselves, which is most of the time.
    if slope.is_tame() {
        for carried in &mut carried {
            *carried = slope * *carried;
        }
    } else {
        for carried in &mut carried {
            *carried = carried.through(slope);
        }
    }
    carried
}

/// Adds what comes another way.
#[inline(always)]
fn join<const N: usize, R: Real>(sum: &mut [R; N], terms: &[R; N]) {
    for (sum, term) in sum.iter_mut().zip(terms) {
        *sum = sum.joined(*term);
    }
}

impl<const N: usize, R: Real> Chain for Duals<N, R> {
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
        self.slopes.iter().all(|slope| slope.is_zero())
    }

    #[inline(always)]
    fn unary(self, y: R, slope: R) -> Self {
        Self {
            value: y,
            slopes: through(self.slopes, slope),
        }
    }

    #[inline(always)]
    fn binary(self, other: Self, y: R, [of_self, of_other]: [R; 2]) -> Self {
        let mut slopes = through(self.slopes, of_self);
        join(&mut slopes, &through(other.slopes, of_other));
        Self { value: y, slopes }
    }

    #[inline]
    fn nary<'a>(y: R, count: usize, term: impl Fn(usize) -> (&'a Self, R)) -> Self
    where
        Self: 'a,
    {
        let mut sum = Self::constant(y);
        for i in 0..count {
            let (term, slope) = term(i);
            join(&mut sum.slopes, &through(term.slopes, slope));
        }
        sum
    }
}

impl<const N: usize, R: Real> From<f64> for Duals<N, R> {
    #[inline]
    fn from(value: f64) -> Self {
        Self::constant(value.into())
    }
}

scalar_operators!([const N: usize, R: Real] Duals<N, R>);

#[cfg(test)]
mod tests {
    use super::super::dual::Dual;
    use super::super::tests::everything;
    use super::*;

    #[test]
    fn each_direction_is_what_a_dual_finds() {
        let (a, b) = (0.8, 1.7);
        let both = everything(Duals::<3>::variable(a, 0), Duals::variable(b, 2));
        let by_a = everything(Dual::variable(a), Dual::constant(b));
        let by_b = everything(Dual::constant(a), Dual::variable(b));
        assert_eq!(both.value, by_a.value);
        assert_eq!(both.slopes, [by_a.slope, 0.0, by_b.slope]);
    }

    #[test]
    fn directions_nest() {
        type Twice = Duals<2, Duals<2>>;
        let seed = |x, i| Twice::variable(Duals::variable(x, i), i);
        // x²y: the Hessian is [[2y, 2x], [2x, 0]].
        let (x, y) = (seed(3.0, 0), seed(5.0, 1));
        let z = x * x * y;
        assert_eq!(z.slopes.map(|row| row.slopes), [[10.0, 6.0], [6.0, 0.0]]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let x = Duals::<2>::variable(0.0, 0).sqrt();
        assert_eq!(x.slopes, [f64::INFINITY, 0.0]);
        assert_eq!(Duals::<2>::constant(0.0).sqrt().slopes, [0.0, 0.0]);
    }
}
