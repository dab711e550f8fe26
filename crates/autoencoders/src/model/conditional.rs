//! Models that are told what a sample is: f(x, c) and g(h, c) for a label c.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor};

use super::autoencoder::Autoencoder;
use super::generative::{Generative, Posterior};
use super::target::Target;

/// An autoencoder whose halves read a label beside the sample or the code. Labels are `[batch]`,
/// each from 0 up to, not including, [`classes`](Self::classes).
///
/// # Panics
/// All methods that take labels panic if these are not as many as the samples, or out of range;
/// [`check_labels`] says so beforehand.
pub trait Conditional: Autoencoder {
    /// How many labels there are.
    fn classes(&self) -> usize;

    /// Numbers in the code.
    fn latent_given(&self) -> usize;

    /// q(z|x, c).
    fn posterior_given(&self, x: &Var, labels: &Array<i64>) -> Posterior;

    /// g(h, c), from `[batch, code]` to `[batch, features]`.
    fn decode_given(&self, code: &Var, labels: &Array<i64>) -> Var;

    /// What training minimises on a batch with its labels, compared with `target`.
    fn objective_given(&self, x: &Var, labels: &Array<i64>, target: &Target) -> Terms;
}

/// Why labels do not fit a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There are none.
    #[error(
        "this model needs the label of every sample and the data has none; use labelled data, or another variant"
    )]
    Missing,
    /// Not one a sample.
    #[error("{labels} labels for {samples} samples; there must be one each")]
    Count {
        /// The labels there are.
        labels: usize,
        /// The samples there are.
        samples: usize,
    },
    /// One that the model has no input for.
    #[error("a label of {label} where the model has {classes} classes: 0 to {}", classes - 1)]
    Range {
        /// The label.
        label: i64,
        /// How many the model knows.
        classes: usize,
    },
}

/// Whether `labels` are what `model` needs for `samples` samples; what it does not need is no error.
///
/// # Errors
/// If the model needs labels and there are none, not one a sample, or one out of range.
pub fn check_labels(
    model: &dyn Autoencoder,
    samples: usize,
    labels: Option<&Array<i64>>,
) -> Result<(), LabelError> {
    match (model.conditional(), labels) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(LabelError::Missing),
        (Some(model), Some(labels)) => check(labels, samples, model.classes()),
    }
}

fn check(labels: &Array<i64>, samples: usize, classes: usize) -> Result<(), LabelError> {
    if labels.shape()[..] != [samples] {
        return Err(LabelError::Count {
            labels: labels.elements(),
            samples,
        });
    }
    match labels
        .iter()
        .find(|label| !(0..classes as i64).contains(label))
    {
        Some(label) => Err(LabelError::Range { label, classes }),
        None => Ok(()),
    }
}

/// Labels `[batch]` as `[batch, classes]`: 1 at the label, else 0.
///
/// # Panics
/// If a label is out of range.
#[track_caller]
#[must_use]
pub fn one_hot(labels: &Array<i64>, classes: usize, dtype: DType) -> Tensor {
    if let Err(error) = check(labels, labels.elements(), classes) {
        panic!("one_hot: {error}");
    }
    let labels = labels.to_vec();
    let is_label = |index: &[usize]| f64::from(labels[index[0]] == index[1] as i64);
    Tensor::from_fn([labels.len(), classes], is_label).cast(dtype)
}

/// A conditional model whose labels are given: an autoencoder like any other, of samples that have
/// these labels, one each.
///
/// ```
/// use retrograd_autoencoders::{Autoencoder, Conditional, ConditionalAutoencoder, Given};
/// use retrograd_nn::Module;
/// use retrograd_tensor::{Array, DType, Tensor, random};
///
/// let model = ConditionalAutoencoder::images(16, 3, &mut random::rng(0));
/// let labels = Array::from_vec(vec![0, 2], [2]);
/// let given = Given::new(&model, labels);
/// let x = Tensor::zeros([2, 16], DType::F32).into();
/// assert_eq!(given.forward(&x).shape(), [2, 16]);
/// ```
pub struct Given<'a> {
    model: &'a dyn Conditional,
    labels: Array<i64>,
}

impl<'a> Given<'a> {
    /// `model` for samples with these labels.
    #[must_use]
    pub fn new(model: &'a dyn Conditional, labels: Array<i64>) -> Self {
        Self { model, labels }
    }
}

impl Module for Given<'_> {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.model.visit(visitor);
    }
}

impl Autoencoder for Given<'_> {
    fn encode(&self, x: &Var) -> Var {
        self.model.posterior_given(x, &self.labels).mean
    }

    fn decode(&self, code: &Var) -> Var {
        self.model.decode_given(code, &self.labels)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.model.objective_given(x, &self.labels, target)
    }

    fn unit(&self) -> &'static str {
        self.model.unit()
    }

    fn generative(&self) -> Option<&dyn Generative> {
        Some(self)
    }

    fn widths(&self) -> Vec<usize> {
        self.model.widths()
    }
}

impl Generative for Given<'_> {
    fn latent(&self) -> usize {
        self.model.latent_given()
    }

    fn posterior(&self, x: &Var) -> Posterior {
        self.model.posterior_given(x, &self.labels)
    }

    /// New samples of the labels in turn, from the first again when they run out.
    fn sample(&self, count: usize, rng: &mut Rng) -> Tensor {
        let given = self.labels.to_vec();
        let labels: Vec<i64> = given.iter().copied().cycle().take(count).collect();
        let code = Tensor::normal(
            [labels.len(), self.latent()],
            0.0,
            1.0,
            rng,
            self.model.dtype(),
        );
        let labels = Array::from_vec(labels, [code.shape()[0]]);
        self.model.decode_given(&code.into(), &labels).into_value()
    }
}

impl std::fmt::Debug for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Given({} labels)", self.labels.elements())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_do_not_fit_are_refused_in_words() {
        let labels = |values: Vec<i64>| {
            let count = values.len();
            Array::from_vec(values, [count])
        };
        assert_eq!(check(&labels(vec![0, 2, 1]), 3, 3), Ok(()));
        let text = check(&labels(vec![0, 3]), 2, 3).unwrap_err().to_string();
        assert_eq!(text, "a label of 3 where the model has 3 classes: 0 to 2");
        let text = check(&labels(vec![-1]), 1, 3).unwrap_err().to_string();
        assert!(text.contains("-1"), "{text}");
        let text = check(&labels(vec![0]), 2, 3).unwrap_err().to_string();
        assert_eq!(text, "1 labels for 2 samples; there must be one each");
    }

    #[test]
    fn one_hot_is_one_at_the_label() {
        let hot = one_hot(&Array::from_vec(vec![1, 0], [2]), 3, DType::F64);
        assert_eq!(hot.to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }
}
