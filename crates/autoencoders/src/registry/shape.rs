//! What a data set is like, as far as a variant cares.

/// How a sample is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Channels, height and width of an image.
    Image([usize; 3]),
    /// So many columns.
    Row(usize),
    /// So many steps of so many numbers each.
    Sequence([usize; 2]),
    /// Nodes of so many numbers each, joined by edges.
    Graph(usize),
}

/// What numbers a sample holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Numbers in [0, 1].
    Unit,
    /// 0 or 1.
    Binary,
    /// Whole numbers, 0 or more.
    Counts,
    /// Any numbers.
    Real,
}

/// What a data set is like: a variant's options, its recipe and whether it makes sense follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataShape {
    /// How a sample is laid out.
    pub layout: Layout,
    /// What numbers it holds.
    pub values: Values,
    /// How many classes there are, if samples have labels.
    pub classes: Option<usize>,
    /// Whether numbers are missing.
    pub missing: bool,
}

impl DataShape {
    /// Images of these channels, height and width, each number in [0, 1].
    #[must_use]
    pub const fn images(sizes: [usize; 3]) -> Self {
        Self::of(Layout::Image(sizes), Values::Unit)
    }

    /// Rows of this many columns, each in [0, 1].
    #[must_use]
    pub const fn table(columns: usize) -> Self {
        Self::of(Layout::Row(columns), Values::Unit)
    }

    /// Points of this many coordinates of any size.
    #[must_use]
    pub const fn points(coordinates: usize) -> Self {
        Self::of(Layout::Row(coordinates), Values::Real)
    }

    /// Rows of this many counts.
    #[must_use]
    pub const fn counts(columns: usize) -> Self {
        Self::of(Layout::Row(columns), Values::Counts)
    }

    /// Samples of a layout and of such numbers, without labels, none of them missing.
    #[must_use]
    pub const fn of(layout: Layout, values: Values) -> Self {
        Self {
            layout,
            values,
            classes: None,
            missing: false,
        }
    }

    /// The same, whose samples are of so many classes; `None` where that is not known.
    #[must_use]
    pub const fn with_classes(self, classes: Option<usize>) -> Self {
        Self { classes, ..self }
    }

    /// The same, of which numbers are missing, or not.
    #[must_use]
    pub const fn with_missing(self, missing: bool) -> Self {
        Self { missing, ..self }
    }

    /// Numbers in a sample.
    #[must_use]
    pub fn features(self) -> usize {
        match self.layout {
            Layout::Image(sizes) => sizes.iter().product(),
            Layout::Sequence(sizes) => sizes.iter().product(),
            Layout::Row(features) | Layout::Graph(features) => features,
        }
    }

    /// Channels, height and width, if samples are images.
    #[must_use]
    pub fn image(self) -> Option<[usize; 3]> {
        match self.layout {
            Layout::Image(sizes) => Some(sizes),
            _ => None,
        }
    }

    /// Whether all numbers are in [0, 1].
    #[must_use]
    pub fn is_unit(self) -> bool {
        matches!(self.values, Values::Unit | Values::Binary)
    }

    /// What it is called in a run's record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.layout, self.values) {
            (Layout::Row(_), Values::Counts) => "counts",
            _ => self.pick("images", "table", "points"),
        }
    }

    /// The shape of this name, of so many features, which are laid out so if they are an image.
    #[must_use]
    pub fn named(name: &str, features: usize, image: Option<[usize; 3]>) -> Option<Self> {
        let shapes = [
            Self::images(image.unwrap_or([1, 1, features])),
            Self::table(features),
            Self::points(features),
            Self::counts(features),
        ];
        shapes.into_iter().find(|shape| shape.name() == name)
    }

    /// One of three: for images, for rows in [0, 1], and for any other numbers.
    pub fn pick<V>(self, images: V, table: V, points: V) -> V {
        match self.layout {
            Layout::Image(_) => images,
            _ if self.is_unit() => table,
            _ => points,
        }
    }

    /// Half of the features, at least 1.
    pub(crate) fn half(self) -> usize {
        (self.features() / 2).max(1)
    }
}
