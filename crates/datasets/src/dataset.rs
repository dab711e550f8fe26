//! What a model is given: samples in rows, and perhaps what they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use retrograd_tensor::{Array, Tensor};

/// Samples in rows, with labels and the shape of an image where there are such.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// A short name for reports: `digits`, `mnist`.
    pub name: String,
    /// The samples, `[samples, features]`, of `f32`.
    pub features: Tensor,
    /// What each sample is, `[samples]`: an autoencoder never sees it, a picture of its latent
    /// space does.
    pub labels: Option<Vec<u32>>,
    /// What the labels are called, label 0 first, where they were words; empty otherwise.
    pub classes: Vec<String>,
    /// What the features are called, where the file says; empty otherwise.
    pub columns: Vec<String>,
    /// How the features of a sample are laid out, if it is an image.
    pub image: Option<ImageShape>,
    /// What 1 stands for in the file: 255 where the features were bytes, 1 otherwise.
    pub white: f64,
    /// What the column of labels is called, where the file says; empty otherwise.
    pub label_column: String,
    /// What each sample goes by: the id of a row, the file of an image. Empty if there is no such
    /// thing.
    pub ids: Vec<String>,
    /// What the ids are called; empty if there are none.
    pub id_column: String,
    /// Where each sample stood in what was read, counted from 0; empty if it stands there still.
    pub rows: Vec<usize>,
    /// 1 where a feature was observed and 0 where it is missing, `[samples, features]`; none where
    /// all count as observed.
    pub observed: Option<Tensor>,
    /// What each sample is to become, `[samples, ...]`, where that is not the sample itself.
    pub target: Option<Tensor>,
    /// What caused each sample, of data that is drawn so that this is known.
    pub factors: Option<Box<Factors>>,
}

/// The causes of samples, as whole numbers: exact truth for measures of what a code has found.
#[derive(Clone, Debug)]
pub struct Factors {
    /// What each is called.
    pub names: Vec<String>,
    /// Whether the values of each have an order, from 0 up; else they are kinds, or go round in a circle.
    pub ordered: Vec<bool>,
    /// `[samples, factors]`.
    pub values: Array<i64>,
}

/// The sizes of an image, `[channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Numbers a pixel: 1 for grey, 3 for red, green and blue, one more with opacity.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

/// Samples to learn from and others to judge by, of the same width.
#[derive(Clone, Debug)]
pub struct Split {
    /// What the model learns from.
    pub train: Dataset,
    /// What the model never sees while it learns.
    pub held_out: Dataset,
}

impl Dataset {
    /// Samples `[samples, features]` without labels, which are no images.
    pub fn new(name: impl Into<String>, features: impl Into<Tensor>) -> Self {
        Self {
            name: name.into(),
            features: features.into(),
            labels: None,
            classes: Vec::new(),
            columns: Vec::new(),
            image: None,
            white: 1.0,
            label_column: String::new(),
            ids: Vec::new(),
            id_column: String::new(),
            rows: Vec::new(),
            observed: None,
            target: None,
            factors: None,
        }
    }

    /// Where a sample stood in what was read, counted from 0.
    pub fn row(&self, sample: usize) -> usize {
        self.rows.get(sample).copied().unwrap_or(sample)
    }

    /// Puts a number in the place of each that is missing (NaN), that of its column, and notes which
    /// these are.
    ///
    /// # Panics
    /// If there is not one for each column.
    pub fn mask(&mut self, fills: &[f32]) {
        assert_eq!(self.width(), fills.len(), "a number for each column");
        let mut values = self.values().into_owned();
        if !values.iter().any(|value| value.is_nan()) {
            return;
        }
        let shape = *self.features.shape();
        let observed = values.iter().map(|value| f32::from(!value.is_nan()));
        self.observed = Some(Tensor::from_vec(observed.collect(), shape));
        for (value, fill) in values.iter_mut().zip(fills.iter().cycle()) {
            if value.is_nan() {
                *value = *fill;
            }
        }
        self.features = Tensor::from_vec(values, shape);
    }

    /// The samples at these positions, in this order, with all that is known of them.
    ///
    /// # Panics
    /// If a position is not below the number of samples.
    #[track_caller]
    #[must_use]
    pub fn select(&self, positions: &[usize]) -> Self {
        self.with_features(positions, self.features.rows(positions))
    }

    /// The first samples, at most so many, with all that is known of them.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        self.select(&(0..self.len().min(most)).collect::<Vec<_>>())
    }

    /// What is known of the samples at these positions, beside these features of them.
    pub(crate) fn with_features(&self, positions: &[usize], features: Tensor) -> Self {
        let labels = self.labels.as_deref();
        let ids = positions.iter().filter_map(|&at| self.ids.get(at).cloned());
        Self {
            name: self.name.clone(),
            features,
            labels: labels.map(|labels| positions.iter().map(|&at| labels[at]).collect()),
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            image: self.image,
            white: self.white,
            label_column: self.label_column.clone(),
            ids: ids.collect(),
            id_column: self.id_column.clone(),
            rows: positions.iter().map(|&at| self.row(at)).collect(),
            observed: self.observed.as_ref().map(|all| all.rows(positions)),
            target: self.target.as_ref().map(|all| all.rows(positions)),
            factors: self.factors.as_ref().map(|factors| {
                Box::new(Factors {
                    values: factors.values.rows(positions),
                    ..Factors::clone(factors)
                })
            }),
        }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.features.shape()[0]
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first sample of every label, in the order of the labels, `[labels, features]`: a fair
    /// handful to look at. Empty without labels.
    pub fn one_of_each(&self) -> Tensor {
        let labels = self.labels.as_deref().unwrap_or_default();
        let mut first = BTreeMap::new();
        for (row, &label) in labels.iter().enumerate() {
            first.entry(label).or_insert(row);
        }
        self.features.rows(&first.into_values().collect::<Vec<_>>())
    }

    /// The numbers of the features, a sample after the other.
    ///
    /// # Panics
    /// If they are not of `f32`.
    #[track_caller]
    pub fn values(&self) -> Cow<'_, [f32]> {
        self.features.values()
    }

    /// The number of features of a sample.
    pub fn width(&self) -> usize {
        self.features.shape()[1]
    }
}

impl fmt::Display for ImageShape {
    /// `28x28 pixels in 1 channel`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            channels,
            height,
            width,
        } = self;
        let plural = if *channels == 1 { "" } else { "s" };
        write!(f, "{height}x{width} pixels in {channels} channel{plural}")
    }
}

impl ImageShape {
    /// The number of features: channels × height × width.
    pub fn features(self) -> usize {
        self.channels * self.pixels()
    }

    /// `[channels, height, width]`.
    pub fn sizes(self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// The number of pixels.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_with_its_samples() {
        let nan = f32::NAN;
        let values = Tensor::from_vec(vec![1.0, nan, 3.0, nan, 5.0, 6.0], [3, 2]);
        let mut data = Dataset::new("holed", values);
        data.mask(&[0.25, 0.5]);
        assert_eq!(*data.values(), [1.0, 0.5, 3.0, 0.5, 5.0, 6.0]);
        let part = data.select(&[2, 0]);
        let observed = part.observed.map(|observed| observed.to_vec());
        assert_eq!(observed, Some(vec![1.0, 1.0, 1.0, 0.0]));
        let mut whole = data.select(&[2]);
        whole.observed = None;
        whole.mask(&[0.25, 0.5]);
        assert!(whole.observed.is_none());
    }

    #[test]
    fn one_of_each_is_the_first_of_every_label() {
        let data = Dataset {
            labels: Some(vec![7, 2, 7, 2]),
            ..Dataset::new(
                "three",
                Tensor::from_vec(vec![0.0_f32, 1.0, 2.0, 3.0], [4, 1]),
            )
        };
        assert_eq!(data.one_of_each().to_vec(), [1.0, 0.0]);
        let unlabelled = Dataset {
            labels: None,
            ..data
        };
        assert_eq!(unlabelled.one_of_each().shape(), [0, 1]);
    }
}
