//! Data to train on: made from nothing, or read from files.
//!
//! ```
//! let split = retrograd_datasets::digits_split(1000, 100, 42);
//! assert_eq!(split.train.features.shape(), [1000, 784]);
//! ```
//!
//! - [`digits()`], [`digits_split`]: 28 × 28 images of handwritten-looking digits, drawn from
//!   strokes ([how](mod@digits)). Every autoencoder runs on them, with nothing to download.
//! - [`tabular()`], [`tabular_split`]: 18 correlated columns with 4 hidden causes that are known
//!   ([the equation](mod@tabular)), to see whether a latent space finds them.
//! - [`plane()`], [`plane_split`]: points near a tilted plane in 3-D ([the equation](mod@plane)), to
//!   see a linear autoencoder become PCA.
//! - [`read_mnist_folder`]: MNIST and whatever shares its format, for the results of the papers.
//!
//! What is made is a pure function of its arguments: a sample depends on its seed and its index,
//! never on how many there are or how many threads draw them. What is read is checked before it is
//! believed: a hostile file is a [`DatasetError`] of one line, never a panic, and no memory is taken
//! on the word of its header alone.

mod dataset;
pub mod digits;
mod error;
mod idx;
mod ink;
mod mnist;
pub mod plane;
mod stream;
mod strokes;
pub mod tabular;

pub use dataset::{Dataset, ImageShape, Split};
pub use digits::{digits, digits_split};
pub use error::DatasetError;
pub use idx::{IdxArray, read_idx};
pub use mnist::read_mnist_folder;
pub use plane::{PLANE_NOISE, plane, plane_split};
pub use tabular::{
    TABULAR_CAUSES, TABULAR_FEATURES, TABULAR_NOISE, tabular, tabular_causes, tabular_split,
};
