//! What a model is given: samples in rows, and perhaps what they are.

use retrograd_tensor::Tensor;

/// Samples in rows, with labels and the shape of an image where there are such.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// A short name for reports: `digits`, `mnist`.
    pub name: String,
    /// The samples, `[samples, features]`.
    pub features: Tensor<f32>,
    /// What each sample is, `[samples]`: an autoencoder never sees it, a picture of its latent
    /// space does.
    pub labels: Option<Vec<u8>>,
    /// How the features of a sample are laid out, if it is an image: row by row, from the top left.
    pub image: Option<ImageShape>,
}

/// The height and width of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
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
    pub fn one_of_each(&self) -> Tensor<f32> {
        let labels = self.labels.as_deref().unwrap_or_default();
        let first = |label| labels.iter().position(|&other| other == label);
        let rows: Vec<usize> = (0..=u8::MAX).filter_map(first).collect();
        self.features.rows(&rows)
    }

    /// The number of features of a sample.
    pub fn width(&self) -> usize {
        self.features.shape()[1]
    }
}

impl ImageShape {
    /// The number of pixels.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_is_the_first_of_every_label() {
        let data = Dataset {
            name: "three".into(),
            features: Tensor::from_vec(vec![0.0, 1.0, 2.0, 3.0], [4, 1]),
            labels: Some(vec![7, 2, 7, 2]),
            image: None,
        };
        assert_eq!(data.one_of_each().to_vec(), [1.0, 0.0]);
        let unlabelled = Dataset {
            labels: None,
            ..data
        };
        assert_eq!(unlabelled.one_of_each().shape(), [0, 1]);
    }
}
