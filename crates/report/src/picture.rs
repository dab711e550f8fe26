//! A picture with its caption, ready for a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Chart, ImageGrid, ReportError, Svg};

/// A chart or an image grid with its caption.
#[derive(Debug, Clone)]
pub struct Picture {
    pub(crate) caption: String,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Chart(Svg),
    Grid {
        /// The PNG as a `data:` address.
        source: String,
        /// What to say to those who do not see it.
        alt: String,
        /// Size in screen pixels.
        width: u64,
        height: u64,
        /// Names of the rows with their heights, in equal units.
        labels: Vec<(String, u64)>,
        /// Whether the labels fit beside the rows; otherwise they are listed.
        beside: bool,
    },
}

impl Picture {
    /// A chart.
    ///
    /// # Errors
    ///
    /// Those of [`Chart::to_svg`].
    pub fn chart(chart: &Chart, caption: impl Into<String>) -> Result<Self, ReportError> {
        Ok(Self {
            caption: caption.into(),
            body: Body::Chart(chart.to_svg()?),
        })
    }

    /// An image grid, its rows labelled with their names.
    ///
    /// # Errors
    ///
    /// Those of [`ImageGrid::encode_png`].
    pub fn grid(grid: &ImageGrid<'_>, caption: impl Into<String>) -> Result<Self, ReportError> {
        let png = grid.encode_png()?;
        let (width, height) = grid.size();
        let labels = grid.labels().map(|(name, height)| (name.into(), height));
        Ok(Self {
            caption: caption.into(),
            body: Body::Grid {
                source: format!("data:image/png;base64,{}", STANDARD.encode(png)),
                alt: grid.description(),
                width,
                height,
                labels: labels.collect(),
                beside: grid.is_single_block(),
            },
        })
    }
}
