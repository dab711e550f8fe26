//! Batches as objectives see them: tensors become constants of the step's tape.

use retrograd_autograd::{Summary, Tape, Var};
use retrograd_tensor::{Array, Tensor};

use crate::data::{Labelled, Labels, Samples};

/// A batch of samples that a step computes with.
pub trait Batch: Samples {
    /// What an objective is a function of: a `Var` for a tensor, the whole numbers for labels, a
    /// pair for a pair.
    type Vars;

    /// The batch on a tape.
    fn on(&self, tape: &Tape) -> Self::Vars;

    /// What is in the first tensor that is not finite.
    fn not_finite(&self) -> Option<Summary>;

    /// Where the largest number of the first sample is, its sign aside, and what it is; none of a
    /// batch without numbers.
    fn largest(&self) -> Option<(usize, f64)> {
        None
    }
}

impl Batch for Tensor {
    type Vars = Var;

    fn on(&self, tape: &Tape) -> Var {
        tape.constant(self.clone())
    }

    fn not_finite(&self) -> Option<Summary> {
        (!self.is_finite()).then(|| Summary::of(self))
    }

    fn largest(&self) -> Option<(usize, f64)> {
        let sample = self.elements() / self.shape().first().copied().unwrap_or(1).max(1);
        let values = self.iter().take(sample).enumerate();
        values.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))
    }
}

impl Batch for Labels {
    type Vars = Array<i64>;

    fn on(&self, _: &Tape) -> Array<i64> {
        self.0.clone()
    }

    fn not_finite(&self) -> Option<Summary> {
        None
    }
}

impl Batch for Labelled {
    /// Features, classes, and what was observed.
    type Vars = (Var, Option<Array<i64>>, Option<Var>);

    fn on(&self, tape: &Tape) -> Self::Vars {
        let observed = self.observed.as_ref().map(|observed| observed.on(tape));
        (self.features.on(tape), self.labels.clone(), observed)
    }

    fn not_finite(&self) -> Option<Summary> {
        self.features.not_finite()
    }

    fn largest(&self) -> Option<(usize, f64)> {
        self.features.largest()
    }
}

impl<A: Batch, B: Batch> Batch for (A, B) {
    type Vars = (A::Vars, B::Vars);

    fn on(&self, tape: &Tape) -> Self::Vars {
        (self.0.on(tape), self.1.on(tape))
    }

    fn not_finite(&self) -> Option<Summary> {
        self.0.not_finite().or_else(|| self.1.not_finite())
    }

    fn largest(&self) -> Option<(usize, f64)> {
        self.0.largest()
    }
}
