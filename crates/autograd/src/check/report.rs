//! What a check found, in numbers and in words.

use std::fmt;

/// A relative bound that is good enough whatever the tolerance, which can be tighter than the
/// rounding of numbers that happen to be exact.
const LEGIBLE: f64 = 1e-8;

/// A check that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The order of the derivative: 1 for `gradcheck`, 2 for `gradgradcheck`.
    pub order: usize,
    /// How many pairs of numbers were compared; 0 if the inputs or the results are empty.
    pub entries: usize,
    /// The pair furthest apart; `None` if there was nothing to compare.
    pub worst: Option<Comparison>,
}

impl Report {
    /// The largest relative error, 0 if there was nothing to compare.
    #[must_use]
    pub fn worst_error(&self) -> f64 {
        self.worst
            .as_ref()
            .map_or(0.0, |worst| worst.relative_error)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, entries, .. } = self;
        match &self.worst {
            Some(worst) => write!(
                f,
                "order {order}: {entries} numbers agree, worst relative error {:.1e} at {}",
                worst.relative_error, worst.place
            ),
            None => write!(
                f,
                "order {order}: nothing to compare, as something is empty"
            ),
        }
    }
}

/// One number found in both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Which derivative this is.
    pub place: Place,
    /// From the rules: what the backward sweep gives.
    pub analytic: f64,
    /// From differences, extrapolated to step zero.
    pub numeric: f64,
    /// How far from the truth `numeric` can be, by what is left of the extrapolation and by
    /// rounding; infinite if the differences say nothing.
    pub bound: f64,
    /// What the error is relative to; see [`Check`](super::Check).
    pub scale: f64,
    /// |analytic − numeric| / scale; infinite if either is not finite.
    pub relative_error: f64,
    /// The central difference at every step, largest step first.
    pub sweep: Vec<Estimate>,
}

/// What two numbers say of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They agree.
    Right,
    /// They differ by more than the tolerance, and by more than the differences can be off.
    Wrong,
    /// The differences can be off by so much that a mistake would not show, or the smallest step
    /// says what the rule says and the larger ones do not.
    Undecided,
}

impl Comparison {
    /// What the numbers say of the rule, if it may be off by this much relative to the scale.
    #[must_use]
    pub fn verdict(&self, tolerance: f64) -> Verdict {
        if !self.analytic.is_finite() {
            return Verdict::Wrong;
        }
        if self.relative_error > tolerance + self.relative_bound() {
            return match self.smallest_step_agrees() {
                true => Verdict::Undecided,
                false => Verdict::Wrong,
            };
        }
        match self.relative_bound() > tolerance.max(LEGIBLE) {
            true => Verdict::Undecided,
            false => Verdict::Right,
        }
    }

    /// Whether the last step comes as near to the rules as to the step before it.
    ///
    /// Of a smooth function, it is a third as far from the limit as from the step before. So if the
    /// rules are right it agrees, even if all other steps cross a kink and settle on another slope.
    fn smallest_step_agrees(&self) -> bool {
        let [.., before, last] = self.sweep.as_slice() else {
            return true;
        };
        let apart = (before.derivative - last.derivative).abs();
        (self.analytic - last.derivative).abs() <= apart
    }

    /// How far from the truth `numeric` can be, relative to the scale.
    #[must_use]
    pub fn relative_bound(&self) -> f64 {
        self.bound / self.scale
    }
}

/// The central difference at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// How far each side is from the point.
    pub step: f64,
    /// (f(x + h) − f(x − h)) / 2h.
    pub derivative: f64,
}

/// Something derivatives are taken with respect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An input of the checked function.
    Input(usize),
    /// A cotangent, which is an input of the backward sweep; met from order 2 on.
    Cotangent(usize),
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(i) => write!(f, "input {i}"),
            Self::Cotangent(i) => write!(f, "cotangent {i}"),
        }
    }
}

/// Which derivative was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One entry of the Jacobian: how one element of the result moves with one of an input.
    Entry {
        /// The input.
        input: Operand,
        /// The element of the input, one position an axis.
        index: Vec<usize>,
        /// The result: `None` for the function's own, else the gradient for this operand.
        output: Option<Operand>,
        /// The element of the result, one position an axis.
        output_index: Vec<usize>,
    },
    /// A combination ⟨v, J·u⟩ with random signs u in one input and v in the results.
    Direction {
        /// The input that moves.
        input: Operand,
        /// Which of the random directions.
        number: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry {
                input,
                index,
                output,
                output_index,
            } => {
                write!(f, "{input} entry {index:?}, for ")?;
                match output {
                    Some(operand) => write!(f, "the gradient of {operand}")?,
                    None => write!(f, "the output's")?,
                }
                write!(f, " entry {output_index:?}")
            }
            Self::Direction { input, number } => write!(f, "{input} along random signs {number}"),
        }
    }
}

/// A check that did not pass, and what to look at.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The rules and the differences give different numbers.
    #[error("{0}")]
    Wrong(Box<Finding>),
    /// The differences do not say whether the rules are right: there is a kink or a jump about, or
    /// noise. Another point or other steps may tell.
    #[error("{0}")]
    Undecided(Box<Finding>),
    /// The result does not depend on the inputs as the tape sees it.
    #[error(
        "the output is not tracked: the function used no input, or only their values \
         (stop_gradient, value(), constant), so there is no derivative to check"
    )]
    NotTracked,
    /// The function has no finite value where its derivative was asked for.
    #[error(
        "order {order}: the output is not finite at the given inputs: entry {index:?} is {value}"
    )]
    NotFinite {
        /// The order of the check; from 2 on, the output is a gradient.
        order: usize,
        /// The element of the output, one position an axis.
        index: Vec<usize>,
        /// Its value.
        value: f64,
    },
    /// Two calls with the same inputs gave different numbers.
    #[error(
        "order {order}: the function is not deterministic: output entry {index:?} was {first:e}, then {second:e} \
         for the same inputs; draw noise from the inputs' own tape, which is seeded alike for every call"
    )]
    NotDeterministic {
        /// The order of the check; from 2 on, the output is a gradient.
        order: usize,
        /// The element of the output, one position an axis.
        index: Vec<usize>,
        /// What the first call gave.
        first: f64,
        /// What the second call gave.
        second: f64,
    },
}

/// Derivatives that are wrong, or of which the differences do not tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The order of the derivative.
    pub order: usize,
    /// What is said of them: wrong or undecided.
    pub verdict: Verdict,
    /// The worst of them: the one furthest apart or with the largest bound.
    pub worst: Comparison,
    /// The largest relative error allowed.
    pub tolerance: f64,
    /// How many there are.
    pub count: usize,
    /// How many pairs were compared.
    pub entries: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (worst, tolerance) = (&self.worst, self.tolerance);
        let verdict = match self.verdict {
            Verdict::Undecided => "cannot be judged",
            Verdict::Wrong => "are wrong",
            Verdict::Right => "are right",
        };
        writeln!(
            f,
            "order {}: {} of {} derivatives {verdict}, worst at {}",
            self.order, self.count, self.entries, worst.place
        )?;
        let difference = (worst.analytic - worst.numeric).abs();
        writeln!(f, "  analytic (rules)       {:+.12e}", worst.analytic)?;
        writeln!(
            f,
            "  numeric (differences)  {:+.12e}, off by at most {:.1e}",
            worst.numeric, worst.bound
        )?;
        writeln!(
            f,
            "  difference {difference:.2e}, which is {:.2e} of {:.2e}, tolerance {tolerance:.1e} and {:.1e} for the bound",
            worst.relative_error,
            worst.scale,
            worst.relative_bound()
        )?;
        writeln!(f, "  step h     (f(x + h) - f(x - h)) / 2h")?;
        for Estimate { step, derivative } in &worst.sweep {
            writeln!(f, "  {step:.3e}  {derivative:+.12e}")?;
        }
        write!(
            f,
            "  Differences that settle as h shrinks contradict the rule. A change between two steps is a kink that \
             the larger one crosses. Doubling with every step is a jump in the function. Scatter that grows is noise."
        )
    }
}
