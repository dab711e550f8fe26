//! The von Mises-Fisher distribution on the sphere in `d` dimensions: how far its numbers are from the
//! mean direction.
//!
//! A direction at the angle θ from the mean direction has a density in proportion to exp(κ·cos θ), and
//! there are sin^(d−2) θ as many of those. With s = sin²(θ/2), of which cos θ = 1 − 2s, what is integrated
//! is
//!
//! ```text
//! h(θ) = exp(−2κ·s) · sin^(d−2) θ
//! ```
//!
//! which rises to the mode and falls from there on, smoothly. So each integral is taken over as much of
//! one side of the mode as counts, by the quadrature of Gauss and Legendre. The half versine s stays
//! exact where κ is large and cos θ is almost 1. Everything is done in `f64`, a number at a time.

use std::f64::consts::{LN_2, PI, SQRT_2};
use std::sync::LazyLock;

use crate::array::Array;
use crate::element::Float;
use crate::special::{asin, erfc, lgamma};

/// Nodes of an integral.
const NODES: usize = 48;

/// Logarithm of the share of a density beyond which nothing counts: below ε, with room for the few
/// powers that moments multiply by.
const NOTHING: f64 = -44.0;

/// Newton's steps before leaving it at that; five to ten are usual.
const ATTEMPTS: usize = 60;

impl<T: Float> Array<T> {
    /// log ∫ exp(−κ(1 − x·μ)) dx over the unit sphere in `dimensions`, for every concentration κ ≥ 0 in
    /// this: so much less than κ is the logarithm of what divides the von Mises-Fisher density
    /// exp(κ·x·μ). NaN where κ is negative, and where it is infinite.
    ///
    /// # Panics
    /// If there are fewer than two dimensions.
    #[track_caller]
    #[must_use]
    pub fn von_mises_fisher_mass(&self, dimensions: usize) -> Self {
        self.of_spheres(dimensions, &|sphere| sphere.log_mass())
    }

    /// The mean of (1 − x·μ)^`order` over the von Mises-Fisher distribution in `dimensions`, for every
    /// concentration in this.
    ///
    /// # Panics
    /// If there are fewer than two dimensions.
    #[track_caller]
    #[must_use]
    pub fn von_mises_fisher_moment(&self, dimensions: usize, order: usize) -> Self {
        self.of_spheres(dimensions, &|sphere| sphere.moment(order))
    }

    /// ∫ (t − w)^`order` p(t)/p(w) dt from w = 1 − 2s to 1, p the density of x·μ, for concentrations in this
    /// and half versines `s`, which broadcast. Beyond the mode it is minus the integral from −1 to w.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or there are fewer than two dimensions.
    #[track_caller]
    #[must_use]
    pub fn von_mises_fisher_tail(&self, s: &Self, dimensions: usize, order: usize) -> Self {
        check(dimensions);
        self.paired("von_mises_fisher_tail", s, &|kappa, s| {
            Sphere::new(dimensions, kappa).map_or(f64::NAN, |sphere| sphere.tail(order, s))
        })
    }

    /// The half versine s = (1 − x·μ)/2 below which a share Φ(z) of the von Mises-Fisher distribution lies, Φ
    /// the distribution function of the normal distribution, for concentrations in this and `z`, which
    /// broadcast: a normal number becomes one of this distribution.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or there are fewer than two dimensions.
    #[track_caller]
    #[must_use]
    pub fn von_mises_fisher_from_normal(&self, z: &Self, dimensions: usize) -> Self {
        check(dimensions);
        self.paired("von_mises_fisher_from_normal", z, &|kappa, z| {
            Sphere::new(dimensions, kappa).map_or(f64::NAN, |sphere| sphere.number(z))
        })
    }

    #[track_caller]
    fn of_spheres(&self, dimensions: usize, f: &dyn Fn(Sphere) -> f64) -> Self {
        check(dimensions);
        self.map(|kappa| T::from_f64(Sphere::new(dimensions, kappa.to_f64()).map_or(f64::NAN, f)))
    }
}

#[track_caller]
fn check(dimensions: usize) {
    assert!(
        dimensions >= 2,
        "von_mises_fisher: {dimensions} dimensions, not at least 2"
    );
}

/// The distribution of the angle.
#[derive(Clone, Copy)]
struct Sphere {
    /// d − 2
    power: f64,
    kappa: f64,
}

impl Sphere {
    fn new(dimensions: usize, kappa: f64) -> Option<Self> {
        let power = (dimensions - 2) as f64;
        (kappa >= 0.0 && kappa.is_finite()).then_some(Self { power, kappa })
    }

    /// log h
    fn log_weight(self, theta: f64) -> f64 {
        let around = match self.power {
            0.0 => 0.0,
            power => power * theta.sin().ln(),
        };
        around - 2.0 * self.kappa * half_versine(theta)
    }

    /// Where h is largest: κ·sin² θ = (d − 2)·cos θ.
    fn mode(self) -> f64 {
        let root = self.power.hypot(2.0 * self.kappa);
        if self.power == 0.0 {
            return 0.0;
        }
        // 1 − cos θ, without a difference of what is almost equal.
        let versine = (self.power + self.power * (self.power / (root + 2.0 * self.kappa)))
            / (self.power + root);
        from_half_versine(0.5 * versine)
    }

    /// How far from `from` towards the end `to` something is left of h, which falls.
    fn reach(self, from: f64, to: f64) -> f64 {
        let least = self.log_weight(from) + NOTHING;
        let mut way = to - from;
        while way != 0.0 && self.log_weight(from + 0.5 * way) < least {
            way *= 0.5;
        }
        from + way
    }

    /// ∫ f·h dθ / h(top) from `a` to `b`.
    fn integral(self, [a, b]: [f64; 2], top: f64, f: impl Fn(f64) -> f64) -> f64 {
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
        let top = self.log_weight(top);
        let at = |theta: f64| f(theta) * (self.log_weight(theta) - top).exp();
        let terms = QUADRATURE
            .iter()
            .map(|&(node, weight)| weight * at(middle + half * node));
        half * terms.sum::<f64>()
    }

    /// The two sides of the mode, each from its outer end to its inner one.
    fn sides(self, mode: f64) -> [[f64; 2]; 2] {
        [[self.reach(mode, 0.0), mode], [mode, self.reach(mode, PI)]]
    }

    fn log_mass(self) -> f64 {
        let mode = self.mode();
        let total: f64 = self
            .sides(mode)
            .map(|side| self.integral(side, mode, |_| 1.0))
            .iter()
            .sum();
        // The surface of the sphere with one dimension less, 2·π^((d−1)/2) / Γ((d−1)/2).
        let half = 0.5 * (self.power + 1.0);
        let around = LN_2 + half * PI.ln() - lgamma(half);
        around + self.log_weight(mode) + total.ln()
    }

    fn moment(self, order: usize) -> f64 {
        let mode = self.mode();
        let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
            self.sides(mode)
                .map(|side| self.integral(side, mode, f))
                .iter()
                .sum()
        };
        let power = |theta: f64| (2.0 * half_versine(theta)).powi(order as i32);
        sum(&power) / sum(&|_| 1.0)
    }

    fn tail(self, order: usize, s: f64) -> f64 {
        let theta = from_half_versine(s);
        // t − w of t = 1 − 2·s(θ) and w = 1 − 2s.
        let power = |at: f64| (2.0 * (s - half_versine(at))).powi(order as i32);
        let tail = if theta <= self.mode() {
            self.integral([self.reach(theta, 0.0), theta], theta, power)
        } else {
            -self.integral([theta, self.reach(theta, PI)], theta, power)
        };
        tail * theta.sin()
    }

    /// The half versine below which the share Φ(z) lies, by Newton's steps from the mode: on either side, the share
    /// beyond is convex, so they do not overshoot.
    fn number(self, z: f64) -> f64 {
        let mode = self.mode();
        let sides = self.sides(mode);
        let [inside, outside] = sides.map(|side| self.integral(side, mode, |_| 1.0));
        let share = |z: f64| 0.5 * erfc(-z / SQRT_2) * (inside + outside);
        let is_inside = share(z) < inside;
        let (wanted, end) = if is_inside {
            (share(z), sides[0][0])
        } else {
            (share(-z), sides[1][1])
        };
        let mut theta = mode;
        for _ in 0..ATTEMPTS {
            let beyond = if is_inside {
                [end, theta]
            } else {
                [theta, end]
            };
            let excess = self.integral(beyond, mode, |_| 1.0) - wanted;
            let step = excess / (self.log_weight(theta) - self.log_weight(mode)).exp();
            let next = if is_inside {
                theta - step
            } else {
                theta + step
            };
            let next = next.clamp(sides[0][0], sides[1][1]);
            let is_settled = (next - theta).abs() <= 4.0 * f64::EPSILON * theta.abs();
            theta = next;
            if is_settled {
                break;
            }
        }
        half_versine(theta)
    }
}

/// (1 − cos θ) / 2
fn half_versine(theta: f64) -> f64 {
    let sine = (0.5 * theta).sin();
    sine * sine
}

fn from_half_versine(s: f64) -> f64 {
    2.0 * asin(s.sqrt().min(1.0))
}

/// Nodes in [−1, 1] and their weights: the zeros of Legendre's polynomial, by Newton's steps.
static QUADRATURE: LazyLock<[(f64, f64); NODES]> = LazyLock::new(|| {
    let n = NODES as f64;
    std::array::from_fn(|i| {
        let mut x = (PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut before, mut value) = (1.0, x);
            for k in 2..=NODES {
                let k = k as f64;
                (before, value) = (
                    value,
                    ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k,
                );
            }
            slope = n * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    })
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assert_relative_eq;

    fn at(kappa: f64, f: impl Fn(&Array<f64>) -> Array<f64>) -> f64 {
        f(&Array::scalar(kappa)).item()
    }

    #[test]
    fn three_dimensions_have_closed_forms() {
        for kappa in [1e-9, 0.01, 0.5, 1.0, 7.0, 40.0, 1e3, 1e8, 1e15] {
            // 4π·sinh κ / κ, over e^κ.
            let mass = (2.0 * PI * -f64::exp_m1(-2.0 * kappa) / kappa).ln();
            assert_relative_eq!(
                at(kappa, |k| k.von_mises_fisher_mass(3)),
                mass,
                epsilon = 1e-13,
                max_relative = 1e-13
            );
            if kappa >= 0.5 {
                // 1 − coth κ + 1/κ.
                let excess = 1.0 / kappa - 2.0 / f64::exp_m1(2.0 * kappa);
                let found = at(kappa, |k| k.von_mises_fisher_moment(3, 1));
                assert_relative_eq!(found, excess, max_relative = 1e-13);
            }
        }
    }

    /// By the recurrence of Bessel's functions, A(d + 2) = 1/A(d) − d/κ, of which the first is I₁/I₀.
    #[test]
    fn other_dimensions_follow_from_two() {
        // I₀, and the ratio, to sixteen digits.
        for (kappa, bessel, ratio) in [
            (1.0, 1.266_065_877_752_008_4, 0.446_389_965_896_534_5),
            (10.0, 2_815.716_628_466_254, 0.948_599_825_954_845_6),
        ] {
            let mass: f64 = at(kappa, |k| k.von_mises_fisher_mass(2));
            assert_relative_eq!(mass, (2.0 * PI * bessel).ln() - kappa, max_relative = 1e-14);
            let mut expected: f64 = ratio;
            for d in [2, 4, 6, 8, 10] {
                let found = 1.0 - at(kappa, |k| k.von_mises_fisher_moment(d, 1));
                // Errors grow at most by 1/A² each time.
                let bound = if d < 6 { 1e-12 } else { 1e-8 };
                assert_relative_eq!(found, expected, max_relative = bound, "{d}, {kappa}");
                expected = 1.0 / expected - d as f64 / kappa;
            }
        }
        // The whole sphere, 2·π^(d/2) / Γ(d/2).
        for d in [2, 3, 10, 300] {
            let half = 0.5 * d as f64;
            let surface = LN_2 + half * PI.ln() - lgamma(half);
            assert_relative_eq!(
                at(0.0, |k| k.von_mises_fisher_mass(d)),
                surface,
                epsilon = 1e-12,
                max_relative = 1e-13
            );
            assert_relative_eq!(
                at(0.0, |k| k.von_mises_fisher_moment(d, 1)),
                1.0,
                max_relative = 1e-13
            );
        }
    }

    #[test]
    fn tails_are_shares_of_the_whole() {
        // In three dimensions: ∫ exp(κ(t − w)) dt from w to 1, or minus that from −1 on.
        for kappa in [0.3, 5.0, 900.0] {
            for z in [-4.0, -1.0, 0.0, 0.5, 3.0] {
                let kappa_at = Array::scalar(kappa);
                let s = kappa_at.von_mises_fisher_from_normal(&Array::scalar(z), 3);
                let below = -f64::exp_m1(-2.0 * kappa * s.item()) / -f64::exp_m1(-2.0 * kappa);
                assert_relative_eq!(
                    below,
                    0.5 * erfc(-z / SQRT_2),
                    max_relative = 1e-11,
                    "{kappa}, {z}"
                );
                let tail: f64 = kappa_at.von_mises_fisher_tail(&s, 3, 0).item();
                let expected = if tail > 0.0 {
                    f64::exp_m1(2.0 * kappa * s.item()) / kappa
                } else {
                    f64::exp_m1(-2.0 * kappa * (1.0 - s.item())) / kappa
                };
                assert_relative_eq!(tail, expected, max_relative = 1e-11, "{kappa}, {z}");
            }
        }
        // Shares rise with z, in few and in many dimensions, and none leaves the sphere.
        for d in [2, 3, 10, 500] {
            for kappa in [0.0, 1e-3, 2.0, 1e4, 1e12] {
                let z = Array::<f64>::linspace(-9.0, 9.0, 50);
                let all = Array::scalar(kappa)
                    .von_mises_fisher_from_normal(&z, d)
                    .to_vec();
                assert!(
                    all.is_sorted() && all.iter().all(|s| (0.0..=1.0).contains(s)),
                    "{d} {kappa}: {all:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_concentration_has_no_mass() {
        for kappa in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(at(kappa, |k| k.von_mises_fisher_mass(3)).is_nan());
        }
    }
}
