//! What a check found, in numbers and in words.

use std::fmt;

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
    /// What the error is relative to; see [`Check`](super::Check).
    pub scale: f64,
    /// |analytic − numeric| / scale; infinite if either is not finite.
    pub relative_error: f64,
    /// The central difference at every step, largest step first.
    pub sweep: Vec<Estimate>,
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
    Wrong(Box<Wrong>),
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

/// Two numbers that should be one.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// The order of the derivative.
    pub order: usize,
    /// The worst pair.
    pub worst: Comparison,
    /// The largest relative error allowed.
    pub tolerance: f64,
    /// How many pairs of all are further apart than that.
    pub wrong: usize,
    /// How many pairs were compared.
    pub entries: usize,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            order,
            worst,
            tolerance,
            wrong,
            entries,
        } = self;
        writeln!(
            f,
            "order {order}: {wrong} of {entries} derivatives are wrong, worst at {}",
            worst.place
        )?;
        writeln!(f, "  analytic (rules)       {:+.12e}", worst.analytic)?;
        writeln!(f, "  numeric (differences)  {:+.12e}", worst.numeric)?;
        writeln!(
            f,
            "  relative error {:.2e} of {:.2e}, tolerance {tolerance:.1e}",
            worst.relative_error, worst.scale
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
