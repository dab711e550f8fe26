//! An SVG picture that may stand in a page as it is.

use std::fmt;

/// An SVG element drawn by this crate: as wide as its place, and in the text's own colour.
///
/// Axes and lettering use `currentColor`, so that a chart inside a page is dark on light or light
/// on dark as the page is. Written to a file of its own, it is dark.
///
/// Only a [`Chart`](crate::Chart) makes one, with every name in it escaped; therefore a page can
/// contain it unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svg(String);

impl Svg {
    /// Takes text that is known to be one well-formed `<svg>` element.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The element as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Svg> for String {
    fn from(svg: Svg) -> Self {
        svg.0
    }
}
