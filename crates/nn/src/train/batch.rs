//! Batches as objectives see them: tensors become constants of the step's tape.

use retrograd_autograd::{Summary, Tape, Var};
use retrograd_tensor::{Array, Tensor};

use crate::data::{Graph, SampleBatch, Samples};

/// A batch of samples that a step computes with.
pub trait Batch: Samples {
    /// What an objective is a function of: a `Var` for a tensor, the whole numbers for labels, a
    /// pair for a pair, [`SampleVars`] for a [`SampleBatch`].
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

/// Whole numbers, such as labels, are on a tape what they are.
impl Batch for Array<i64> {
    type Vars = Self;

    fn on(&self, _: &Tape) -> Self {
        self.clone()
    }

    fn not_finite(&self) -> Option<Summary> {
        None
    }
}

/// A [`SampleBatch`] on a tape: samples, and what is known of them.
///
/// ```
/// use retrograd_nn::train::SampleVars;
/// use retrograd_tensor::{Array, DType, Tensor};
///
/// let x = Tensor::zeros([2, 784], DType::F32);
/// let plain = SampleVars::from(x.clone());
/// let labelled = SampleVars::from(x).labelled(Array::from_vec(vec![3, 7], [2]));
/// assert!(plain.labels.is_none() && labelled.labels.is_some());
/// ```
#[derive(Clone, Debug)]
pub struct SampleVars {
    /// The features.
    pub x: Var,
    /// What is to come out, if that is not the features.
    pub target: Option<Var>,
    /// The classes.
    pub labels: Option<Array<i64>>,
    /// 1 where a feature was observed and 0 where it was not.
    pub observed: Option<Var>,
    /// How much each sample counts.
    pub weights: Option<Var>,
    /// Where each sample is in the whole set.
    pub rows: Option<Array<i64>>,
    /// Edges between the samples, if these are the nodes of a graph.
    pub graph: Option<Graph<Var>>,
}

impl SampleVars {
    /// The same with the class of each sample.
    #[must_use]
    pub fn labelled(self, labels: impl Into<Option<Array<i64>>>) -> Self {
        Self {
            labels: labels.into(),
            ..self
        }
    }

    /// The same, of which so much was observed.
    #[must_use]
    pub fn observed(self, observed: impl Into<Option<Var>>) -> Self {
        Self {
            observed: observed.into(),
            ..self
        }
    }

    /// The same, whose samples are the nodes of a graph.
    #[must_use]
    pub fn joined(self, graph: impl Into<Option<Graph<Var>>>) -> Self {
        Self {
            graph: graph.into(),
            ..self
        }
    }

    /// The same with something else than the samples to compare outputs with.
    #[must_use]
    pub fn against(self, target: impl Into<Option<Var>>) -> Self {
        Self {
            target: target.into(),
            ..self
        }
    }

    /// The same with other samples in the place of these: what they are compared with stays.
    #[must_use]
    pub fn seen_as(&self, x: Var) -> Self {
        Self {
            target: Some(self.target.as_ref().unwrap_or(&self.x).clone()),
            x,
            ..self.clone()
        }
    }

    /// Samples in the batch.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.x.shape().first().copied().unwrap_or(1)
    }
}

/// Samples of which nothing else is known.
impl From<Var> for SampleVars {
    fn from(x: Var) -> Self {
        Self {
            x,
            target: None,
            labels: None,
            observed: None,
            weights: None,
            rows: None,
            graph: None,
        }
    }
}

impl From<&Var> for SampleVars {
    fn from(x: &Var) -> Self {
        x.clone().into()
    }
}

/// Free constants: nothing is recorded.
impl From<Tensor> for SampleVars {
    fn from(x: Tensor) -> Self {
        Var::from(x).into()
    }
}

/// Free constants, with all that is known of the samples.
impl From<&SampleBatch> for SampleVars {
    fn from(batch: &SampleBatch) -> Self {
        batch.vars(|tensor| tensor.clone().into())
    }
}

impl SampleBatch {
    /// The same of Vars, one for each tensor.
    fn vars(&self, var: impl Fn(&Tensor) -> Var) -> SampleVars {
        SampleVars {
            x: var(&self.x),
            target: self.target.as_ref().map(&var),
            labels: self.labels.clone(),
            observed: self.observed.as_ref().map(&var),
            weights: self.weights.as_ref().map(&var),
            rows: self.rows.clone(),
            graph: self.graph.as_ref().map(|graph| graph.map(&var)),
        }
    }
}

impl From<&Self> for SampleVars {
    fn from(batch: &Self) -> Self {
        batch.clone()
    }
}

impl Batch for SampleBatch {
    type Vars = SampleVars;

    fn on(&self, tape: &Tape) -> SampleVars {
        self.vars(|tensor| tensor.on(tape))
    }

    fn not_finite(&self) -> Option<Summary> {
        let parts = [Some(&self.x), self.target.as_ref(), self.weights.as_ref()];
        parts.into_iter().flatten().find_map(Batch::not_finite)
    }

    fn largest(&self) -> Option<(usize, f64)> {
        self.x.largest()
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
