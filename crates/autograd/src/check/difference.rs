//! Numeric derivatives: central differences at shrinking steps, extrapolated to step zero.
//!
//! The central difference is even in its step, so its error is a series in h²:
//!
//! ```text
//! D(h) = (f(x + h) − f(x − h)) / 2h = f′(x) + c₁h² + c₂h⁴ + …
//! ```
//!
//! Two steps determine and remove c₁, three remove c₂ as well, and so on (Richardson). Steps must
//! be large enough for rounding not to matter, ε·|f|/h, and the tableau makes large steps exact
//! enough. Which of its entries to believe is decided as in Ridders (1982), "Accurate computation
//! of F′(x) and F′(x)F″(x)" (also Numerical Recipes §5.7): the one that moved least.

use super::report::Estimate;

/// Steps tried: from h to h/512. Halving keeps x ± h exact for most x.
pub(super) const LEVELS: usize = 10;

/// The steps of a sweep that starts at `largest`.
pub(super) fn steps(largest: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(largest), |step| Some(step / 2.0)).take(LEVELS)
}

/// The limit at step zero of central differences at successively halved steps.
///
/// Steps so large that they left the function's domain are passed over: only what follows the
/// last estimate that is not finite counts.
pub(super) fn extrapolate(sweep: &[Estimate]) -> f64 {
    let bad = sweep
        .iter()
        .rposition(|estimate| !estimate.derivative.is_finite());
    let usable = &sweep[bad.map_or(0, |i| i + 1)..];
    // Column j of Neville's tableau has error O(h²ʲ⁺²).
    let mut column: Vec<f64> = usable.iter().map(|estimate| estimate.derivative).collect();
    let mut best = column.last().copied().unwrap_or(f64::NAN);
    let (mut least, mut power) = (f64::INFINITY, 1.0);
    while column.len() > 1 {
        power *= 4.0;
        let refine = |pair: &[f64]| pair[1] + (pair[1] - pair[0]) / (power - 1.0);
        let next: Vec<f64> = column.windows(2).map(refine).collect();
        for (value, parents) in next.iter().zip(column.windows(2)) {
            let moved = (value - parents[0]).abs().max((value - parents[1]).abs());
            if moved < least {
                (best, least) = (*value, moved);
            }
        }
        column = next;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivative(f: impl Fn(f64) -> f64, x: f64, largest: f64) -> f64 {
        let sweep: Vec<Estimate> = steps(largest)
            .map(|step| Estimate {
                step,
                derivative: (f(x + step) - f(x - step)) / (2.0 * step),
            })
            .collect();
        extrapolate(&sweep)
    }

    #[test]
    fn large_steps_give_thirteen_digits() {
        for (found, truth) in [
            (derivative(f64::exp, 1.0, 0.0625), 1.0_f64.exp()),
            (derivative(f64::sin, 0.3, 0.0625), 0.3_f64.cos()),
            (derivative(|x| 1.0 / x, 0.5, 0.0625), -4.0),
            (derivative(|x| 3.0 * x - 7.0, 0.1, 0.0625), 3.0),
        ] {
            assert!(
                (found - truth).abs() < 1e-12 * truth.abs(),
                "{found} {truth}"
            );
        }
    }

    #[test]
    fn steps_outside_the_domain_are_passed_over() {
        let found = derivative(f64::ln, 0.03, 0.0625);
        assert!((found * 0.03 - 1.0).abs() < 1e-11, "{found}");
        assert!(derivative(|_| f64::NAN, 0.0, 1.0).is_nan());
    }

    #[test]
    fn a_kink_between_the_steps_is_left_behind() {
        let found = derivative(|x: f64| x.max(0.0).powi(2).exp(), 0.02, 0.0625);
        let truth = 0.04 * 0.0004_f64.exp();
        assert!((found - truth).abs() < 1e-11, "{found} {truth}");
    }
}
