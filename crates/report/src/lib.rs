//! What a training run leaves behind for people to look at: PNG grids, SVG charts, one HTML page.
//!
//! Everything here takes plain slices and strings and gives bytes or text back; nothing reads or
//! writes a file, and nothing in this crate knows what a tensor is.
//!
//! - [`ImageGrid`] puts batches of images under one another (originals over reconstructions) and
//!   encodes them as PNG; [`ImageGrid::heatmap`] does the same for rows of a table.
//! - [`Chart`] draws loss curves and scatter plots as SVG.
//! - [`Report`] assembles both, with the final figures, the per-epoch table and the configuration,
//!   into one page that opens from disk and never asks the network for anything.
//!
//! ```
//! use retrograd_report::{Card, Chart, ImageGrid, Picture, Report, Section};
//!
//! # fn main() -> Result<(), retrograd_report::ReportError> {
//! let originals = [0.0, 1.0, 1.0, 0.0]; // one image of 2 by 2 pixels
//! let reconstructions = [0.1, 0.8, 0.9, 0.2];
//! let grid = ImageGrid::new()
//!     .row("original", &originals, [1, 2, 2])
//!     .row("reconstruction", &reconstructions, [1, 2, 2]);
//! let loss = Chart::curves("Loss", "epoch", "nats")
//!     .line("train", [(1.0, 0.7), (2.0, 0.3)])
//!     .dashed("held out", [(1.0, 0.8), (2.0, 0.4)]);
//!
//! let page = Report {
//!     title: "Denoising autoencoder".into(),
//!     cards: vec![Card::new("Held-out error", "0.4", "nats per image")],
//!     sections: vec![Section {
//!         heading: "What it learnt".into(),
//!         pictures: vec![
//!             Picture::chart(&loss, "Loss after every epoch.")?,
//!             Picture::grid(&grid, "An image and its reconstruction.")?,
//!         ],
//!         ..Section::default()
//!     }],
//!     ..Report::default()
//! }
//! .to_html()?;
//! assert!(page.contains("Denoising autoencoder"));
//! # Ok(())
//! # }
//! ```

mod axis;
mod chart;
mod colour;
mod error;
mod grid;
mod image;
mod number;
mod page;
mod picture;
mod plot;
mod svg;

pub use axis::Scale;
pub use chart::Chart;
pub use error::ReportError;
pub use grid::{ImageGrid, Shading};
pub use number::number;
pub use page::{Card, Note, Report, Section, Table};
pub use picture::Picture;
pub use svg::Svg;
