//! What a model alone has to show, as plain data.

use retrograd_tensor::Tensor;

/// Something to be looked at, beside what is shown of every model.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// What it shows, in a few words.
    pub heading: String,
    /// How it is read, in a sentence.
    pub sentence: String,
    /// What there is to see.
    pub content: Content,
}

/// What an [`Exhibit`] consists of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    /// A bar for each of some things.
    Bars {
        /// What the bars are of, and what their heights are.
        axes: [String; 2],
        /// The heights.
        heights: Vec<f64>,
        /// A height to compare them with, and its name.
        target: Option<(String, f64)>,
    },
    /// Lines over an axis.
    Curves {
        /// The axes.
        axes: [String; 2],
        /// A name and its points.
        lines: Vec<Series>,
    },
    /// Points in a plane.
    Points {
        /// The axes.
        axes: [String; 2],
        /// A name and its points.
        groups: Vec<Series>,
    },
    /// Rows of images.
    Images {
        /// Channels, height and width.
        sizes: [usize; 3],
        /// A name and its images, `[count, pixels]`.
        rows: Vec<(String, Tensor)>,
    },
    /// Some features of a sample, by position, with figures of each; whoever shows them knows what the
    /// features are called.
    Features {
        /// Names of the figures.
        figures: Vec<String>,
        /// A feature and its figures.
        rows: Vec<(usize, Vec<f64>)>,
    },
    /// Numbers and words.
    Table {
        /// Names of the columns.
        columns: Vec<String>,
        /// The cells of each row.
        rows: Vec<Vec<String>>,
    },
}

/// A name and points that belong to it.
pub type Series = (String, Vec<(f64, f64)>);
