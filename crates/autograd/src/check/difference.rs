//! Numeric derivatives: central differences at shrinking steps, extrapolated to step zero.
//!
//! The central difference is even in its step, so its error is a series in h²:
//!
//! ```text
//! D(h) = (f(x + h) − f(x − h)) / 2h = f′(x) + c₁h² + c₂h⁴ + …
//! ```
//!
//! Two steps determine and remove c₁, three remove c₂ as well, and so on (Richardson; the tableau
//! is Neville's). Every entry of the tableau is off by at most
//!
//! ```text
//! what it moved from its parents      the terms in h that are left
//! + ε_f · Σ |wᵢ| / hᵢ                 rounding: values of f are uncertain by ε_f, wᵢ are its weights
//! ```
//!
//! and the entry with the smallest bound is believed. Without the second part the one that moved
//! least would be, as in Ridders (1982), "Accurate computation of F′(x) and F′(x)F″(x)", and that
//! can be one of two noisy neighbours that agree by chance.
//!
//! ε_f is not known: a sum that cancels is far less certain than ε·|f|. It is read off the tableau
//! itself, as Moré and Wild (2011), "Estimating computational noise", read it off a table of
//! differences: the further columns have hardly anything left but noise.

use super::report::Estimate;

/// Steps tried: from h to about h/150.
pub(super) const LEVELS: usize = 8;

/// From one step to the next. Not exactly a half: steps that are multiples of each other can all be
/// rounded in the same way, and an error that they share would not show as noise.
const SHRINK: f64 = 0.49;

/// How many neighbours in a column noise is read off, at least.
const NEIGHBOURS: usize = 3;

/// How many times the noise that was seen is reckoned with: the largest of a few numbers that are
/// drawn is less than the largest that there can be. With half of this, the bound was too small for
/// one noisy function in 500 (see `tests/autograd/noise.rs`), with this for one in 4000.
const SAFETY: f64 = 8.0;

/// A derivative, and how far from the truth it can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded {
    pub(super) value: f64,
    /// Infinite if the steps say nothing.
    pub(super) bound: f64,
}

/// An entry of the tableau.
#[derive(Clone, Copy)]
struct Entry {
    value: f64,
    /// What it moved from its parents.
    moved: f64,
    /// How far it moves if all values of f move by 1: Σ |wᵢ| / hᵢ.
    sensitivity: f64,
    /// The steps it is made of, from the largest to the smallest.
    steps: [f64; 2],
}

impl Entry {
    fn of(estimate: &Estimate) -> Self {
        Self {
            value: estimate.derivative,
            moved: f64::INFINITY,
            sensitivity: 1.0 / estimate.step,
            steps: [estimate.step; 2],
        }
    }

    /// Removes one more power of h² with the neighbour at smaller steps.
    fn refine(&self, smaller: &Self) -> Self {
        let ratio = (self.steps[0] / smaller.steps[1]).powi(2);
        let value = smaller.value + (smaller.value - self.value) / (ratio - 1.0);
        Self {
            value,
            moved: (value - self.value)
                .abs()
                .max((value - smaller.value).abs()),
            sensitivity: (ratio * smaller.sensitivity + self.sensitivity) / (ratio - 1.0),
            steps: [self.steps[0], smaller.steps[1]],
        }
    }

    fn bounded(&self, noise: f64) -> Bounded {
        Bounded {
            value: self.value,
            bound: self.moved + noise * self.sensitivity,
        }
    }
}

/// The steps of a sweep that starts at `largest`.
pub(super) fn steps(largest: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(largest), |step| Some(step * SHRINK)).take(LEVELS)
}

/// The limit at step zero of the central differences of a function whose values are about `size`.
///
/// The largest steps may have left the function's domain, or have crossed a kink. So it is found
/// from all steps, from all but the largest, and so on, and the one with the smallest bound counts.
pub(super) fn extrapolate(sweep: &[Estimate], size: f64) -> Bounded {
    let unknown = Bounded {
        value: sweep.last().map_or(f64::NAN, |last| last.derivative),
        bound: f64::INFINITY,
    };
    let rests = (0..sweep.len()).map(|first| tableau(&sweep[first..]));
    let candidates = rests.flat_map(|tableau| {
        let noise = noise(&tableau).max(f64::EPSILON * size);
        let bounded = move |entry: Entry| entry.bounded(noise);
        tableau.into_iter().flatten().map(bounded)
    });
    // A bound that is not a number is no smaller one.
    candidates.fold(unknown, |best, entry| {
        if entry.bound < best.bound {
            entry
        } else {
            best
        }
    })
}

/// The columns of Neville's tableau: the differences, then what each pair of neighbours gives.
fn tableau(sweep: &[Estimate]) -> Vec<Vec<Entry>> {
    let first = sweep.iter().map(Entry::of).collect();
    let next = |column: &Vec<Entry>| {
        let refined = column.windows(2).map(|pair| pair[0].refine(&pair[1]));
        (column.len() > 1).then(|| refined.collect())
    };
    std::iter::successors(Some(first), next).collect()
}

/// How uncertain the values of f are, from how neighbours in a column differ.
///
/// The first columns differ by what is left of the series, and all by noise, so the quietest column
/// counts; and its largest difference, as two neighbours can agree by chance. Infinite with less
/// than 4 steps, which are too few to tell.
fn noise(tableau: &[Vec<Entry>]) -> f64 {
    let unit = |pair: &[Entry]| {
        let sensitivity = pair[0].sensitivity + pair[1].sensitivity;
        let apart = (pair[1].value - pair[0].value).abs() / sensitivity;
        // Steps outside of the domain say nothing.
        if apart.is_nan() { f64::INFINITY } else { apart }
    };
    let scatter = |column: &Vec<Entry>| column.windows(2).map(unit).fold(0.0, f64::max);
    let long = tableau.iter().filter(|column| column.len() > NEIGHBOURS);
    SAFETY * long.map(scatter).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivative(f: impl Fn(f64) -> f64, x: f64, largest: f64) -> Bounded {
        let sweep: Vec<Estimate> = steps(largest)
            .map(|step| Estimate {
                step,
                derivative: (f(x + step) - f(x - step)) / (2.0 * step),
            })
            .collect();
        extrapolate(&sweep, f(x).abs())
    }

    #[test]
    fn large_steps_give_twelve_digits_and_say_so() {
        for (found, truth) in [
            (derivative(f64::exp, 1.0, 0.0625), 1.0_f64.exp()),
            (derivative(f64::sin, 0.3, 0.0625), 0.3_f64.cos()),
            (derivative(|x| 1.0 / x, 0.5, 0.0625), -4.0),
            (derivative(|x| 3.0 * x - 7.0, 0.1, 0.0625), 3.0),
        ] {
            let error = (found.value - truth).abs();
            assert!(error <= found.bound, "{found:?} {truth}");
            assert!(found.bound < 1e-12 * truth.abs(), "{found:?} {truth}");
        }
    }

    #[test]
    fn steps_outside_the_domain_are_passed_over() {
        let found = derivative(f64::ln, 0.1, 0.125);
        assert!((found.value - 10.0).abs() <= found.bound, "{found:?}");
        assert!(found.bound < 1e-4, "{found:?}");
        assert!(derivative(|_| f64::NAN, 0.0, 1.0).bound.is_infinite());
    }

    #[test]
    fn a_kink_between_the_steps_is_left_behind() {
        let found = derivative(|x: f64| x.max(0.0).powi(2).exp(), 0.02, 0.0625);
        let truth = 0.04 * 0.0004_f64.exp();
        assert!((found.value - truth).abs() <= found.bound, "{found:?}");
        assert!(found.bound < 1e-9, "{found:?}");
    }

    /// Neither has a derivative there, and nothing can be said of one.
    #[test]
    fn kinks_within_all_steps_and_jumps_are_no_derivatives() {
        for f in [|x: f64| (x - 1e-5).abs(), |x: f64| x + x.signum()] {
            let found = derivative(f, 0.0, 0.0625);
            assert!(found.bound > 1e-6, "{found:?}");
        }
    }

    /// The bound is that of the noise and not of what two neighbours happen to agree on.
    #[test]
    fn noise_is_in_the_bound() {
        let large = |x: f64| (x.sin() + 1e6) - 1e6;
        let found = derivative(large, 0.3, 0.0625);
        assert!((found.value - 0.3_f64.cos()).abs() <= found.bound);
        // The sum is rounded to 2⁻³³, and the largest step is 2⁻⁴.
        assert!(found.bound > 1e-10 && found.bound < 1e-7, "{found:?}");
    }
}
