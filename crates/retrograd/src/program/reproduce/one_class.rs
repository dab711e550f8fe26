//! Images of one class to learn from, and of all classes to judge by.

use retrograd::datasets::{Dataset, Split};
use retrograd::tensor::{Tensor, keep};

/// The images of a class to train with; held-out ones have the label 0 if they are of it, else 1. Each image
/// loses its mean and is divided by the mean size of what is left (global contrast normalisation by L1),
/// then all are moved and scaled so that the training images fill [0, 1].
pub(super) fn split(split: &Split, class: u32) -> Split {
    let labels = split.train.labels.as_deref().unwrap_or_default();
    let own: Vec<usize> = (0..labels.len())
        .filter(|&row| labels[row] == class)
        .collect();
    let train = split.train.select(&own);
    let contrast = [&train, &split.held_out].map(|part| normalised(&part.features));
    let [low, high] = [contrast[0].min(..).item(), contrast[0].max(..).item()];
    let [a, b] = contrast.map(|x| x.map(|x| (x - low) / (high - low)));
    let is_other = |label: &u32| u32::from(*label != class);
    let others = split.held_out.labels.iter().flatten().map(is_other);
    Split {
        train: Dataset {
            features: a,
            ..train
        },
        held_out: Dataset {
            features: b,
            labels: Some(others.collect()),
            ..split.held_out.clone()
        },
    }
}

/// Rows without their mean, divided by the mean size of what is left.
fn normalised(x: &Tensor) -> Tensor {
    let centred = x - &x.mean(keep(1));
    let sizes = centred.map(f64::abs).mean(keep(1));
    // A blank image stays blank.
    &centred / &sizes.map(|size| if size > 0.0 { size } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    #[test]
    fn one_class_is_trained_with_and_all_are_judged() {
        let part = |values: Vec<f32>, labels: Vec<u32>| Dataset {
            labels: Some(labels.clone()),
            ..Dataset::new("x", Tensor::from_vec(values, [labels.len(), 2]))
        };
        let both = Split {
            train: part(vec![0.0, 1.0, 1.0, 0.0, 0.5, 0.5], vec![3, 3, 7]),
            held_out: part(vec![0.2, 0.4, 0.0, 0.0], vec![7, 3]),
        };
        let own = split(&both, 3);
        assert_eq!(own.train.len(), 2);
        assert_eq!(own.held_out.labels, Some(vec![1, 0]));
        // ∓1 and ±1 fill [0, 1]; the blank image is in the middle.
        assert_abs_diff_eq!(
            own.train.values()[..],
            [0.0, 1.0, 1.0, 0.0][..],
            epsilon = 1e-6
        );
        assert_abs_diff_eq!(
            own.held_out.values()[..],
            [0.0, 1.0, 0.5, 0.5][..],
            epsilon = 1e-6
        );
    }
}
