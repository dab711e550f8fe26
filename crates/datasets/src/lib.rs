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
//! - [`counts()`], [`counts_split`]: counts as those of genes, with groups and sizes that are known
//!   ([the equations](mod@counts)), for models that know what a count is.
//! - [`mixed()`], [`mixed_split`]: numbers with several peaks, and categories ([the
//!   equations](mod@mixed)).
//! - [`missing()`], [`missing_split`]: a table with holes and what was in them ([the
//!   equation](mod@missing)), to see what is filled in.
//! - [`plane()`], [`plane_split`]: points near a tilted plane in 3-D ([the equation](mod@plane)), to
//!   see a linear autoencoder become PCA.
//! - [`mixture()`], [`mixture_split`]: 12 columns of 8 kinds of rows, which are their labels
//!   ([the equation](mod@mixture)), to see whether a code finds the kinds.
//! - [`oneclass()`], [`oneclass_split`]: rows of which some are unlike the others
//!   ([the equation](mod@oneclass)), to see whether a model finds them.
//! - [`dictionary()`], [`dictionary_split`], [`dictionary_pair`]: sums of few atoms of a dictionary that is known
//!   ([the equation](mod@dictionary)), to see whether a sparse dictionary finds it.
//! - [`open()`]: whatever is at a path ([formats](mod@open)): IDX, CSV, NPY, NPZ, folders of images or in
//!   the manner of MNIST. Each has a reader of its own, with more to choose: [`read_idx`],
//!   [`CsvReader`], [`read_npy`], [`Npz`], [`read_image_folder`], [`read_mnist_folder`].
//! - [`RowFile`], [`PictureFolder`]: rows of an NPY or IDX file, and images, that stay on the disk.
//! - [`write_npy`], [`write_csv`]: files that are written whole or not at all.
//! - [`Dataset::split`], [`Dataset::divide`], [`Dataset::folds`]: parts ([how](mod@splits)).
//! - [`PrincipalComponents`], [`Neighbours`]: samples of many features as points of a plane.
//! - [`Scaling`], [`binarize`], [`binarize_by_chance`]: what is done to samples once.
//!
//! What is made is a pure function of its arguments: a sample depends on its seed and its index,
//! never on how many there are or how many threads draw them. What is read is checked before it is
//! believed: a hostile file is a [`DatasetError`] of one line, never a panic, and no memory is taken
//! on the word of its header alone.

pub mod counts;
mod csv;
mod dataset;
pub mod dictionary;
mod digest;
pub mod digits;
mod error;
mod fitting;
mod folder;
mod idx;
mod ink;
mod jpeg;
pub mod missing;
pub mod mixed;
pub mod mixture;
mod mnist;
mod natural;
mod neighbours;
mod npy;
mod npz;
pub mod oneclass;
pub mod open;
mod picture;
mod pictures;
pub mod plane;
mod principal;
mod rows;
mod samples;
mod scaling;
mod source;
pub mod splits;
pub mod sprites;
mod stream;
mod strokes;
mod table;
pub mod tabular;
mod write;

pub use counts::{
    COUNTS_DISPERSION, COUNTS_FEATURES, COUNTS_GROUPS, COUNTS_ZEROS, counts, counts_shares,
    counts_sizes, counts_split,
};
pub use csv::{CsvReader, LabelColumn, Layout, Role};
pub use dataset::{Dataset, Factors, ImageShape, Split};
pub use dictionary::{
    DICTIONARY_ACTIVE, DICTIONARY_ATOMS, DICTIONARY_FEATURES, dictionary, dictionary_atoms,
    dictionary_pair, dictionary_pair_split, dictionary_split, dictionary_target_atoms,
};
pub use digits::{digits, digits_split};
pub use error::DatasetError;
pub use fitting::Pictures;
pub use folder::read_image_folder;
pub use idx::{IdxArray, read_idx};
pub use jpeg::jpeg_from_bytes;
pub use missing::{
    MISSING_FEATURES, MISSING_NOISE, MISSING_SHARE, missing, missing_split, missing_whole,
};
pub use mixed::{MIXED_FEATURES, mixed, mixed_split};
pub use mixture::{
    MIXTURE_BEST, MIXTURE_CAUSES, MIXTURE_FEATURES, MIXTURE_KINDS, MIXTURE_NOISE, mixture,
    mixture_causes, mixture_split,
};
pub use mnist::read_mnist_folder;
pub use neighbours::Neighbours;
pub use npy::{NpyElement, npy_from_bytes, read_npy};
pub use npz::Npz;
pub use oneclass::{ONECLASS_FEATURES, ONECLASS_NOISE, oneclass, oneclass_split};
pub use open::{Found, Opened, STANDARD_INPUT, find, open};
pub use picture::png_from_bytes;
pub use pictures::PictureFolder;
pub use plane::{PLANE_NOISE, plane, plane_split};
pub use principal::PrincipalComponents;
pub use rows::RowFile;
pub use scaling::{Scaling, binarize, binarize_by_chance};
pub use splits::SplitError;
pub use sprites::{SPRITES, SPRITES_SIDE, sprites, sprites_split};
pub use table::{Column, Fill, Table};
pub use tabular::{
    TABULAR_CAUSES, TABULAR_FEATURES, TABULAR_NOISE, tabular, tabular_causes, tabular_split,
};
pub use write::{IfExists, ToNpy, write_cells, write_csv, write_npy};
