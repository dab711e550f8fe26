//! Labels: whether they fit a model, and how it reads them.

use retrograd_nn::SampleBatch;
use retrograd_nn::data::Samples;
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
    /// There are none, and it is to learn from some.
    #[error(
        "this model learns from the labels of some samples and the data has none; use labelled data, or another variant"
    )]
    MissingAll,
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

/// The label of a sample of which nobody knows it.
pub const UNKNOWN: i64 = -1;

/// Which labels a model learns from that needs those of some samples only. The others have the label
/// [`UNKNOWN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FewLabels {
    /// How many labels there are.
    pub classes: usize,
    /// How many training samples it is told the label of.
    pub count: usize,
}

impl FewLabels {
    /// Whether the labels of so many samples are what it can learn from.
    ///
    /// # Errors
    /// If there are none, not one a sample, or one is out of range.
    pub fn check(self, samples: usize, labels: Option<&Array<i64>>) -> Result<(), LabelError> {
        let labels = labels.ok_or(LabelError::MissingAll)?;
        let known: Vec<i64> = labels.iter().filter(|&label| label != UNKNOWN).collect();
        if labels.shape()[..] != [samples] {
            return check(labels, samples, self.classes);
        }
        if known.is_empty() {
            return Err(LabelError::MissingAll);
        }
        let count = known.len();
        check(&Array::from_vec(known, [count]), count, self.classes)
    }

    /// Which samples keep their label: the first of every class in turn, then the second of each, and so
    /// on, as many as there may be. So classes are as equally frequent as the data allows.
    #[must_use]
    pub fn chosen(self, labels: &Array<i64>) -> Vec<usize> {
        let mut of_class = vec![Vec::new(); self.classes];
        for (row, label) in labels.iter().enumerate() {
            let own = usize::try_from(label).ok();
            if let Some(own) = own.and_then(|class| of_class.get_mut(class)) {
                own.push(row);
            }
        }
        let longest = of_class.iter().map(Vec::len).max().unwrap_or(0);
        let turns =
            (0..longest).flat_map(|turn| of_class.iter().filter_map(move |rows| rows.get(turn)));
        turns.copied().take(self.count).collect()
    }

    /// Training samples as the model is to see them: the labels of all but the [chosen](Self::chosen) are
    /// hidden, and these come so often that about half of each batch has a label. Each sample's weight
    /// is what its repetition takes from it: weighted means over the result are means over the samples.
    ///
    /// # Panics
    /// If there are no labels.
    #[must_use]
    pub fn hide(self, samples: &SampleBatch) -> SampleBatch {
        let labels = samples.labels.as_ref().expect("labels to hide");
        let chosen = self.chosen(labels);
        let (all, few) = (labels.elements(), chosen.len());
        let mut told = vec![UNKNOWN; all];
        let shown = labels.to_vec();
        chosen.iter().for_each(|&row| told[row] = shown[row]);
        let repeats = ((all - few) / few.max(1)).max(1);
        let again = chosen.iter().cycle().take(few * (repeats - 1));
        let rows: Vec<usize> = (0..all).chain(again.copied()).collect();
        let share = rows.len() as f64 / all as f64;
        let weight = |row: &usize| match told[*row] {
            UNKNOWN => share,
            _ => share / repeats as f64,
        };
        let weights: Vec<f64> = rows.iter().map(weight).collect();
        let count = rows.len();
        let weights = Tensor::from_vec(weights, [count]).cast(samples.x.dtype());
        SampleBatch {
            labels: Some(Array::from_vec(told.clone(), [all]).rows(&rows)),
            weights: Some(weights),
            ..samples.rows(&rows)
        }
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
    fn some_labels_are_kept_equally_of_all_classes_and_weights_undo_repetition() {
        let few = FewLabels {
            classes: 3,
            count: 4,
        };
        let labels = Array::from_vec(vec![0, 0, 0, 1, 2, 1, 0, 0, 2, 0, 0, 0], [12]);
        assert_eq!(few.chosen(&labels), [0, 3, 4, 1]);
        let samples = SampleBatch {
            labels: Some(labels),
            ..SampleBatch::new(Tensor::from_fn([12, 1], |at| at[0] as f64))
        };
        let seen = few.hide(&samples);
        // Eight without a label, four with one, twice.
        assert_eq!(seen.count(), Ok(16));
        let told = seen.labels.as_ref().unwrap().to_vec();
        assert_eq!(told.iter().filter(|&&label| label == UNKNOWN).count(), 8);
        assert_eq!(told[..5], [0, 0, UNKNOWN, 1, 2]);
        let weights = seen.weights.as_ref().unwrap();
        let mean = seen.x.to_vec();
        let mean = mean.iter().zip(weights.iter()).map(|(x, w)| x * w);
        assert!((mean.sum::<f64>() / 16.0 - 5.5).abs() < 1e-12);
        // With all labels told nothing is repeated.
        let all = FewLabels { count: 100, ..few };
        let seen = all.hide(&samples);
        assert_eq!((&seen.labels, &seen.x), (&samples.labels, &samples.x));
        assert!(seen.weights.unwrap().iter().all(|weight| weight == 1.0));
    }

    #[test]
    fn some_labels_may_be_unknown_but_not_all() {
        let few = FewLabels {
            classes: 3,
            count: 4,
        };
        let labels = |values: Vec<i64>| Array::from_vec(values, [2]);
        assert_eq!(few.check(2, Some(&labels(vec![2, UNKNOWN]))), Ok(()));
        let text = few.check(2, Some(&labels(vec![3, UNKNOWN]))).unwrap_err();
        assert!(text.to_string().contains("a label of 3"), "{text}");
        let none = few.check(2, Some(&labels(vec![UNKNOWN; 2]))).unwrap_err();
        assert_eq!(none, LabelError::MissingAll);
        assert_eq!(few.check(2, None), Err(LabelError::MissingAll));
    }

    #[test]
    fn one_hot_is_one_at_the_label() {
        let hot = one_hot(&Array::from_vec(vec![1, 0], [2]), 3, DType::F64);
        assert_eq!(hot.to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }
}
