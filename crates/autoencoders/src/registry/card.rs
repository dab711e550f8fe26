//! What is known of a variant before there is a model of it.

use super::recipe::Recipe;
use super::settings::Settings;
use super::variant::Variant;

/// What a data set is like, as far as a variant cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// Images of these channels, height and width, each number in [0, 1].
    Images([usize; 3]),
    /// Rows of this many columns, each in [0, 1].
    Table(usize),
    /// Points of this many coordinates of any size.
    Points(usize),
}

impl DataKind {
    /// Number of features of a sample.
    #[must_use]
    pub fn features(self) -> usize {
        match self {
            Self::Images(sizes) => sizes.iter().product(),
            Self::Table(features) | Self::Points(features) => features,
        }
    }

    /// What the kind is called in a run's record.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.pick("images", "table", "points")
    }

    /// The kind of this name, of so many features, which are laid out so if they are an image.
    #[must_use]
    pub fn named(name: &str, features: usize, image: Option<[usize; 3]>) -> Option<Self> {
        let kinds = [
            Self::Images(image.unwrap_or([1, 1, features])),
            Self::Table(features),
            Self::Points(features),
        ];
        kinds.into_iter().find(|kind| kind.name() == name)
    }

    /// One of three, by the kind.
    pub(crate) fn pick<V>(self, images: V, table: V, points: V) -> V {
        match self {
            Self::Images(_) => images,
            Self::Table(_) => table,
            Self::Points(_) => points,
        }
    }

    /// Half of the features, at least 1.
    pub(crate) fn half(self) -> usize {
        (self.features() / 2).max(1)
    }
}

/// The built-in data a variant is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultData {
    /// Drawn digits, 28x28.
    Digits,
    /// Points near a plane, 3-D.
    Plane,
    /// The same points moved and scaled into [0, 1], as a table of 3 columns.
    UnitPlane,
}

/// What is known of a variant before there is a model of it. Each variant's file holds its own.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its equation, in one line.
    pub equation: &'static str,
    /// What it changes with respect to its parent, in a few words.
    pub change: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What it is a change of; none for the root of the family.
    pub parent: Option<Variant>,
    /// The built-in data it is shown with.
    pub data: DefaultData,
    /// Its options with their defaults for data of a kind.
    pub(crate) settings: fn(DataKind) -> Settings,
    /// How it is trained on data of a kind.
    pub(crate) recipe: fn(DataKind) -> Recipe,
    /// Why it makes no sense with these options for this data, if so, in words.
    pub(crate) check: fn(&Settings, DataKind) -> Result<(), String>,
}
