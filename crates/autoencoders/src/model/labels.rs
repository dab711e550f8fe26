//! Labels: whether they fit a model, and how it reads them.

use retrograd_tensor::{Array, DType, Tensor};

use super::autoencoder::Autoencoder;

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
    match (model.classes(), labels) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(LabelError::Missing),
        (Some(classes), Some(labels)) => check(labels, samples, classes),
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
