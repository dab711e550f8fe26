//! What a model is given: samples, and what else is known of them.

use retrograd_autograd::Var;
use retrograd_tensor::{Array, Tensor};

use super::target::Target;

/// A batch of samples with what the data has beside them.
///
/// ```
/// use retrograd_autoencoders::Input;
/// use retrograd_tensor::{Array, DType, Tensor};
///
/// let x = Tensor::zeros([2, 784], DType::F32);
/// let plain = Input::from(x.clone());
/// let labelled = Input::from(x).labelled(Array::from_vec(vec![3, 7], [2]));
/// assert!(plain.labels.is_none() && labelled.labels.is_some());
/// ```
#[derive(Clone, Debug)]
pub struct Input {
    /// The samples, `[batch, features]`.
    pub x: Var,
    /// The class of each, `[batch]`.
    pub labels: Option<Array<i64>>,
    /// 1 where a number of a sample was observed and 0 where it is missing, `[batch, features]`; all of
    /// them were if it is not given.
    pub observed: Option<Var>,
    /// What reconstructions are compared with, `[batch, ...]`, if that is not the samples themselves.
    pub target: Option<Var>,
}

impl Input {
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

    /// The same with something else than the samples to compare reconstructions with.
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

    /// What reconstructions are compared with.
    #[track_caller]
    #[must_use]
    pub fn compared(&self) -> Target {
        let values = self.target.as_ref().unwrap_or(&self.x);
        Target::of(values, self.observed.as_ref())
    }

    /// Samples in the batch.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.x.shape().first().copied().unwrap_or(1)
    }
}

impl From<Var> for Input {
    fn from(x: Var) -> Self {
        Self {
            x,
            labels: None,
            observed: None,
            target: None,
        }
    }
}

impl From<&Var> for Input {
    fn from(x: &Var) -> Self {
        x.clone().into()
    }
}

/// Free constants: nothing is recorded.
impl From<Tensor> for Input {
    fn from(x: Tensor) -> Self {
        Var::from(x).into()
    }
}

/// What a loader of labelled samples gives: samples, classes, and what was observed.
impl From<&(Var, Option<Array<i64>>, Option<Var>)> for Input {
    fn from((x, labels, observed): &(Var, Option<Array<i64>>, Option<Var>)) -> Self {
        Self::from(x)
            .labelled(labels.clone())
            .observed(observed.clone())
    }
}
