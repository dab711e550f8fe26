//! Everything that can go wrong while a report is made, in one line each.

use thiserror::Error;

/// Why a picture, a chart or a page could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A row's pixels are not as many as its shape says.
    #[error(
        "row \"{row}\": {found} values, but {count} images of {height} x {width} need {expected}"
    )]
    WrongLength {
        /// The row's name.
        row: String,
        /// Number of images the shape promises.
        count: usize,
        /// Rows of pixels in an image.
        height: usize,
        /// Columns of pixels in an image.
        width: usize,
        /// Values the shape needs: `count * height * width`.
        expected: usize,
        /// Values there are.
        found: usize,
    },

    /// A grid without a single pixel; PNG has no such picture.
    #[error("nothing to draw: no row of the grid holds an image")]
    NothingToDraw,

    /// A grid that would not fit into memory, let alone on a screen.
    #[error(
        "picture too large: {width} x {height} pixels, at most {limit} in all; \
         show fewer images or use a smaller scale"
    )]
    TooLarge {
        /// Columns of pixels the picture would have.
        width: u64,
        /// Rows of pixels the picture would have.
        height: u64,
        /// The largest allowed `width * height`.
        limit: u64,
    },

    /// A row of the per-epoch table that does not have one cell per column.
    #[error("table row {row}: {found} cells under {expected} columns")]
    RaggedTable {
        /// The row's position, counted from 0.
        row: usize,
        /// Number of columns.
        expected: usize,
        /// Number of cells in this row.
        found: usize,
    },

    /// The PNG encoder refused.
    #[error("cannot encode the picture as PNG: {0}")]
    Png(#[from] png::EncodingError),

    /// The plotting library refused.
    #[error("cannot draw chart \"{title}\": {reason}")]
    Chart {
        /// The chart's title.
        title: String,
        /// What the plotting library said.
        reason: String,
    },

    /// The page's template could not be filled in.
    #[error("cannot render the page: {0}")]
    Page(#[from] minijinja::Error),
}
