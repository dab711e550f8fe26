//! Defaults for data that a variant's source has not known.
//!
//! A published recipe counts passes over the data set of its source, and its layers are as wide as
//! suits that. On a table of a few hundred rows the same passes are a handful of steps, and on one of
//! ten thousand columns the same rule of thumb makes a hundred million parameters. So here steps are
//! counted, and widths follow the columns up to a bound.

use retrograd_nn::Schedule;

use super::card::DataKind;
use super::choice::Nonlinearity;
use super::recipe::{BatchSize, OptimizerKind, Recipe};
use super::settings::Settings;
use super::variant::Variant;
use crate::parts::Output;

/// Steps that a training takes at least: of images about as many as the shortest published recipe
/// makes on MNIST, of tables as many as small dense layers need to settle.
const IMAGE_STEPS: u64 = 2000;
const TABLE_STEPS: u64 = 3000;
/// Epochs that a training takes at least, however many steps one of them is.
const LEAST_EPOCHS: u64 = 5;
/// Samples in a step of a table: a hundredth of them, between these bounds.
const SHARE: usize = 100;
const SMALL_BATCH: usize = 32;
const LARGE_BATCH: usize = 1000;
/// The rate of Adam for small dense layers.
const TABLE_RATE: f64 = 3e-3;
/// The same where sigmoids follow each other, each of which passes a quarter of a slope at most.
const FLAT_RATE: f64 = 3e-2;
/// Noise on columns that are scaled to [0, 1]: a tenth of their range, since few fill it evenly.
const TABLE_NOISE: f64 = 0.1;
/// Most units of a hidden layer, and most numbers in a code.
const WIDEST: usize = 256;
const WIDEST_CODE: usize = 64;
/// The weight of a sparse code's divergence: columns of a table have less variance than that of an
/// image's pixels together.
const TABLE_DIVERGENCE: f64 = 0.01;

impl Variant {
    /// Its options for data of this kind that no source has tried.
    #[must_use]
    pub fn fitted_settings(self, data: DataKind) -> Settings {
        let own = self.settings(data);
        let DataKind::Table(columns) = data else {
            return own;
        };
        let latent = own.latent.map(|latent| {
            if self == Self::Overcomplete {
                columns + (latent - columns).min(WIDEST_CODE)
            } else if columns > 1 {
                // Fewer than columns; a rule of its source may be of more columns than there are.
                latent.min(WIDEST_CODE).min(columns - 1)
            } else {
                latent
            }
        });
        let bounded = |widths: &Vec<usize>| widths.iter().map(|&width| width.min(WIDEST)).collect();
        let is_between_bounds = own.rho.is_some() || self == Self::Contractive;
        let activation = own.activation.map(|units| match units {
            // Sigmoids start flat; a target for their mean or a derivative needs them all the same.
            Nonlinearity::Sigmoid | Nonlinearity::Relu if !is_between_bounds => Nonlinearity::Elu,
            units => units,
        });
        Settings {
            latent,
            hidden: own.hidden.as_ref().map(bounded),
            activation,
            // Columns are scaled by the training part, and held-out rows may leave its range.
            output: own.output.map(|_| Output::Real),
            weight: own.weight.map(|weight| weight.min(TABLE_DIVERGENCE)),
            noise: own.noise.map(|noise| noise.min(TABLE_NOISE)),
            clip: own.clip.map(|_| false),
            ..own
        }
    }

    /// How it is trained on so many samples of this kind that no source has tried.
    #[must_use]
    pub fn fitted_recipe(self, data: DataKind, samples: usize) -> Recipe {
        let own = self.recipe(data);
        let (recipe, steps) = match data {
            DataKind::Table(_) => {
                let batch = (samples / SHARE).clamp(SMALL_BATCH, LARGE_BATCH);
                let table = Recipe {
                    epochs: LEAST_EPOCHS,
                    batch_size: BatchSize::Of(batch),
                    optimizer: OptimizerKind::Adam,
                    learning_rate: match self {
                        Self::Undercomplete => FLAT_RATE,
                        _ => TABLE_RATE,
                    },
                    schedule: Schedule::CoolDown { from: 0.8 },
                };
                (table, TABLE_STEPS)
            }
            DataKind::Images(_) | DataKind::Points(_) => (own, IMAGE_STEPS),
        };
        let steps_per_epoch = match recipe.batch_size {
            BatchSize::Of(batch) => samples.div_ceil(batch.max(1)).max(1) as u64,
            BatchSize::Full => return recipe,
        };
        Recipe {
            epochs: recipe.epochs.max(steps.div_ceil(steps_per_epoch)),
            ..recipe
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_recipes_hold_on_what_they_were_made_for() {
        for variant in Variant::ALL {
            let mnist = DataKind::Images([1, 28, 28]);
            assert_eq!(variant.fitted_settings(mnist), variant.settings(mnist));
            assert_eq!(variant.fitted_recipe(mnist, 60_000), variant.recipe(mnist));
        }
    }

    #[test]
    fn small_data_gets_as_many_steps_and_wide_data_no_wider_layers() {
        for variant in Variant::ALL {
            for (data, samples) in [
                (DataKind::Images([1, 28, 28]), 100),
                (DataKind::Table(10), 270),
                (DataKind::Table(10_000), 270),
                (DataKind::Table(10), 1_000_000),
            ] {
                let recipe = variant.fitted_recipe(data, samples);
                let BatchSize::Of(batch) = recipe.batch_size else {
                    continue;
                };
                let steps = recipe.epochs * samples.div_ceil(batch) as u64;
                assert!(steps >= 2000 && recipe.epochs >= 5, "{variant}: {recipe:?}");
                let settings = variant.fitted_settings(data);
                if variant.resolve(&settings, data).is_ok() {
                    let size = settings.size(data).parameters;
                    let bound = if variant == Variant::Overcomplete {
                        u128::MAX
                    } else {
                        10_000_000
                    };
                    assert!(size < bound, "{variant} on {data:?}: {size}");
                }
            }
        }
    }

    #[test]
    fn any_number_of_columns_has_defaults() {
        for variant in Variant::ALL {
            if variant
                .resolve(&Settings::default(), DataKind::Table(10))
                .is_err()
            {
                continue;
            }
            for columns in [2, 3, 5, 20, 500] {
                let data = DataKind::Table(columns);
                let fitted = variant.fitted_settings(data);
                assert!(
                    variant.resolve(&fitted, data).is_ok(),
                    "{variant}: {columns}"
                );
            }
        }
    }
}
