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
