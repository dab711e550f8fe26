//! Data that is drawn and not read: one list, by the names that `--data` knows.

use std::path::Path;

use retrograd::autoencoders::{Card, DataShape};
use retrograd::datasets::{self, Scaling, Split};
use retrograd::tensor::Tensor;

use crate::program::data::QUICK_SHARE;

/// A set that a program draws.
pub(crate) struct BuiltIn {
    /// What `--data` calls it.
    pub(crate) name: &'static str,
    /// What its samples are like.
    pub(crate) shape: DataShape,
    /// Samples to train with and held out.
    sizes: [usize; 2],
    /// The same with `--quick`.
    quick: [usize; 2],
    /// So many samples to train with, so many held out, by a seed.
    draw: fn(usize, usize, u64) -> Split,
}

/// All of them.
const ALL: &[BuiltIn] = &[
    BuiltIn {
        name: "digits",
        shape: DataShape::images([1, 28, 28]).with_classes(Some(10)),
        sizes: [20_000, 2_000],
        quick: [20_000 / QUICK_SHARE, 2_000 / QUICK_SHARE],
        draw: datasets::digits_split,
    },
    BuiltIn {
        name: "tabular",
        shape: DataShape::table(18),
        // The published recipe is five passes; it takes this many rows for them to teach something.
        sizes: [500_000, 5_000],
        quick: [500_000 / QUICK_SHARE, 5_000 / QUICK_SHARE],
        draw: datasets::tabular_split,
    },
    BuiltIn {
        name: "plane",
        shape: DataShape::points(3),
        sizes: [200, 100],
        quick: [200, 100],
        draw: datasets::plane_split,
    },
    BuiltIn {
        name: "unit-plane",
        shape: DataShape::table(3),
        sizes: [200, 100],
        quick: [200, 100],
        draw: |train, held_out, seed| unit(datasets::plane_split(train, held_out, seed)),
    },
    BuiltIn {
        name: "mixture",
        shape: DataShape::table(datasets::MIXTURE_FEATURES)
            .with_classes(Some(datasets::MIXTURE_KINDS)),
        sizes: [20_000, 2_000],
        quick: [20_000 / QUICK_SHARE, 2_000 / QUICK_SHARE],
        draw: datasets::mixture_split,
    },
    BuiltIn {
        name: "oneclass",
        shape: DataShape::table(datasets::ONECLASS_FEATURES),
        sizes: [20_000, 2_000],
        quick: [20_000 / QUICK_SHARE, 2_000 / QUICK_SHARE],
        draw: datasets::oneclass_split,
    },
    BuiltIn {
        name: "counts",
        shape: DataShape::counts(datasets::COUNTS_FEATURES)
            .with_classes(Some(datasets::COUNTS_GROUPS)),
        sizes: [5_000, 1_000],
        quick: [500, 100],
        draw: datasets::counts_split,
    },
    BuiltIn {
        name: "mixed",
        shape: DataShape::points(datasets::MIXED_FEATURES).with_classes(Some(3)),
        sizes: [5_000, 1_000],
        quick: [500, 100],
        draw: datasets::mixed_split,
    },
    BuiltIn {
        name: "missing",
        shape: DataShape::points(datasets::MISSING_FEATURES).with_missing(true),
        sizes: [2_000, 500],
        quick: [500, 100],
        draw: datasets::missing_split,
    },
    BuiltIn {
        name: "dictionary",
        shape: DataShape::points(datasets::DICTIONARY_FEATURES),
        sizes: [20_000, 2_000],
        quick: [20_000 / QUICK_SHARE, 2_000 / QUICK_SHARE],
        draw: datasets::dictionary_split,
    },
    BuiltIn {
        name: "dictionary-pair",
        shape: DataShape::points(datasets::DICTIONARY_FEATURES),
        sizes: [20_000, 2_000],
        quick: [20_000 / QUICK_SHARE, 2_000 / QUICK_SHARE],
        draw: datasets::dictionary_pair_split,
    },
    BuiltIn {
        name: "sprites",
        shape: DataShape::images([1, datasets::SPRITES_SIDE, datasets::SPRITES_SIDE])
            .with_classes(Some(3)),
        sizes: [50_000, datasets::SPRITES - 50_000],
        quick: [
            50_000 / QUICK_SHARE,
            (datasets::SPRITES - 50_000) / QUICK_SHARE,
        ],
        draw: datasets::sprites_split,
    },
];

impl BuiltIn {
    /// That of this name, if it is one.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|set| set.name == name)
    }

    /// That whose name this path is, if it is one.
    pub(crate) fn at(path: &Path) -> Option<&'static Self> {
        Self::named(path.to_str()?)
    }

    /// The one that a variant is shown with.
    pub(crate) fn of(variant: &Card) -> &'static Self {
        Self::named(variant.data).expect("a card names data that is drawn, as a test says")
    }

    /// All names, for messages.
    pub(crate) fn names() -> String {
        let names: Vec<&str> = ALL.iter().map(|set| set.name).collect();
        names.join(", ")
    }

    /// Both parts, small ones if `quick`.
    pub(crate) fn split(&self, quick: bool, seed: u64) -> Split {
        let [train, held_out] = if quick { self.quick } else { self.sizes };
        (self.draw)(train, held_out, seed)
    }

    /// The first samples, `[samples, features]`.
    pub(crate) fn batch(&self, samples: usize, seed: u64) -> Tensor {
        (self.draw)(samples, 1, seed).train.features
    }
}

/// Every column moved and scaled so that the training samples fill [0, 1]; held-out ones beyond are
/// held there.
fn unit(mut split: Split) -> Split {
    let scaling = Scaling::unit(&split.train.features);
    for part in [&mut split.train, &mut split.held_out] {
        part.features = scaling.apply(&part.features).map(|x| x.clamp(0.0, 1.0));
        part.name = format!("unit-{}", part.name);
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_shown_with_data_that_is_drawn() {
        for card in Card::all() {
            let data = BuiltIn::of(card);
            let drawn = data.batch(2, 0);
            assert_eq!(drawn.shape()[1], data.shape.features(), "{}", data.name);
        }
    }
}
