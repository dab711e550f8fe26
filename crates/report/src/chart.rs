//! Loss curves and scatter plots, as SVG.
//!
//! A chart is its series and their names; the axes, their labels and the legend follow from them.

use crate::axis::{Axis, Scale};
use crate::plot::Plot;
use crate::{ReportError, Svg};

/// Labels along an axis, roughly.
const X_LABELS: usize = 8;
const Y_LABELS: usize = 5;

/// A chart of named series, drawn in the order in which they were added.
///
/// Points that are not finite (or, on a logarithmic axis, not positive) are left out and interrupt
/// their line: a loss that was NaN for an epoch shows as a gap.
///
/// ```
/// use retrograd_report::Chart;
///
/// let svg = Chart::curves("Loss", "epoch", "nats")
///     .line("train", [(1.0, 0.7), (2.0, 0.3)])
///     .dashed("held out", [(1.0, 0.8), (2.0, f64::NAN)])
///     .to_svg()?;
/// assert!(svg.as_str().contains("held out"));
/// # Ok::<(), retrograd_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chart {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) series: Vec<Series>,
    pub(crate) kind: Kind,
    x_scale: Scale,
    y_scale: Scale,
}

/// What the plane of the chart means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something over time: wide, each axis with its own scale.
    Curves,
    /// Points of a plane: square, one scale for both axes.
    Scatter,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Line,
    Dashed,
    Points,
}

/// A named series of (x, y).
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) mark: Mark,
    /// Which of the colours it has, counted on where they begin again.
    pub(crate) colour: usize,
}

impl Chart {
    /// An empty chart of quantities over time (epochs or steps).
    pub fn curves(
        title: impl Into<String>,
        x_label: impl Into<String>,
        y_label: impl Into<String>,
    ) -> Self {
        Self::new(Kind::Curves, title.into(), x_label.into(), y_label.into())
    }

    /// An empty chart of points in a plane, with one scale for both axes, so that shapes keep
    /// their proportions.
    pub fn scatter(
        title: impl Into<String>,
        x_label: impl Into<String>,
        y_label: impl Into<String>,
    ) -> Self {
        Self::new(Kind::Scatter, title.into(), x_label.into(), y_label.into())
    }

    fn new(kind: Kind, title: String, x_label: String, y_label: String) -> Self {
        Self {
            title,
            x_label,
            y_label,
            series: Vec::new(),
            kind,
            x_scale: Scale::Linear,
            y_scale: Scale::Auto,
        }
    }

    /// Adds a solid line through points (x, y), as for what is measured on the training data.
    ///
    /// Each series has a colour of its own. Of more than eight, those after the eighth are drawn with other
    /// dashes, so that no two of the first sixteen look the same.
    #[must_use]
    pub fn line(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Mark::Line)
    }

    /// Adds a dashed line through points (x, y), as for what is measured on held-out data.
    #[must_use]
    pub fn dashed(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Mark::Dashed)
    }

    /// Adds a dashed line in the colour of the series before, as for the same quantity on held-out data.
    #[must_use]
    pub fn dashed_alike(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let colour = self.series.last().map_or(0, |series| series.colour);
        let mut chart = self.dashed(name, points);
        if let Some(series) = chart.series.last_mut() {
            series.colour = colour;
        }
        chart
    }

    /// Adds unconnected points (x, y). The first such series gets discs, the second circles, the
    /// third crosses, so that they can be told apart without colour. Of more than three the first
    /// eight get discs, each in a colour of its own, the next eight circles, and so on.
    #[must_use]
    pub fn points(
        self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.with(name.into(), points, Mark::Points)
    }

    /// Chooses the scale of a curve chart's x axis; [`Scale::Linear`] unless told. A scatter plot
    /// has no use for it.
    #[must_use]
    pub fn x_scale(mut self, scale: Scale) -> Self {
        self.x_scale = scale;
        self
    }

    /// Chooses the scale of a curve chart's y axis; [`Scale::Auto`] unless told. A scatter plot
    /// has no use for it.
    #[must_use]
    pub fn y_scale(mut self, scale: Scale) -> Self {
        self.y_scale = scale;
        self
    }

    /// Draws the chart.
    ///
    /// A chart without a drawable point says so in the place where they would be.
    ///
    /// # Errors
    ///
    /// [`ReportError::Chart`] if the plotting library refuses, which no data should make it do.
    pub fn to_svg(&self) -> Result<Svg, ReportError> {
        Plot::new(self).draw().map_err(|error| ReportError::Chart {
            title: self.title.clone(),
            reason: error.to_string(),
        })
    }

    /// One sentence for those who do not see the chart.
    pub(crate) fn description(&self) -> String {
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let what = match self.kind {
            Kind::Curves => "Line chart",
            Kind::Scatter => "Scatter plot",
        };
        format!(
            "{what} \u{201c}{}\u{201d}, {} over {}: {}.",
            self.title,
            self.y_label,
            self.x_label,
            names.join(", ")
        )
    }

    /// The axes that fit the data into a plot area of the given proportions.
    pub(crate) fn axes(&self, width_over_height: f64) -> (Axis, Axis) {
        let points = self.series.iter().flat_map(|series| &series.points);
        let (xs, ys) = (points.clone().map(|p| p.0), points.map(|p| p.1));
        if self.kind == Kind::Curves {
            let x = match self.x_scale {
                Scale::Linear => Axis::exact(xs, X_LABELS),
                scale => Axis::padded(xs, scale, X_LABELS),
            };
            return (x, Axis::padded(ys, self.y_scale, Y_LABELS));
        }
        let x = Axis::padded(xs, Scale::Linear, Y_LABELS);
        let y = Axis::padded(ys, Scale::Linear, Y_LABELS);
        let height = y.span().max(x.span() / width_over_height);
        (
            x.widened(height * width_over_height, Y_LABELS),
            y.widened(height, Y_LABELS),
        )
    }

    fn with(
        mut self,
        name: String,
        points: impl IntoIterator<Item = (f64, f64)>,
        mark: Mark,
    ) -> Self {
        let colour = self.series.last().map_or(0, |series| series.colour + 1);
        self.series.push(Series {
            name,
            points: points.into_iter().collect(),
            mark,
            colour,
        });
        self
    }
}
