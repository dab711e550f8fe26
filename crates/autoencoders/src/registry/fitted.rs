//! Defaults for data that a variant's source has not known.
//!
//! A published recipe counts passes over the data set of its source, and its layers are as wide as
//! suits that. On a table of a few hundred rows the same passes are a handful of steps, and on one of
//! ten thousand columns the same rule of thumb makes a hundred million parameters. So here steps are
//! counted, and widths follow the columns up to a bound.

use retrograd_nn::Schedule;

use super::card::Card;
use super::recipe::{BatchSize, OptimizerKind, Recipe};
use super::setting::Setting;
use super::settings::Settings;
use super::shape::DataShape;

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

impl Card {
    /// Its options for data of this shape that no source has tried.
    #[must_use]
    pub fn fitted_defaults(&self, data: DataShape) -> Settings {
        if is_table(data) {
            self.valued(data, Setting::fitted_default)
        } else {
            self.defaults(data)
        }
    }

    /// How it is trained on so many samples of this kind that no source has tried.
    #[must_use]
    pub fn fitted_recipe(&self, data: DataShape, samples: usize) -> Recipe {
        let own = (self.recipe)(data);
        if self.is_closed {
            return own;
        }
        let (recipe, steps) = if is_table(data) {
            let batch = (samples / SHARE).clamp(SMALL_BATCH, LARGE_BATCH);
            let table = Recipe {
                epochs: LEAST_EPOCHS,
                batch_size: BatchSize::Of(batch),
                optimizer: OptimizerKind::Adam,
                learning_rate: self.row_rate,
                schedule: Schedule::CoolDown { from: 0.8 },
            };
            (table, TABLE_STEPS)
        } else {
            (own, IMAGE_STEPS)
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

/// Rows whose columns are scaled to [0, 1].
fn is_table(data: DataShape) -> bool {
    data.pick(false, true, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_recipes_hold_on_what_they_were_made_for() {
        for variant in Card::all() {
            let mnist = DataShape::images([1, 28, 28]);
            assert_eq!(variant.fitted_defaults(mnist), variant.defaults(mnist));
            assert_eq!(
                variant.fitted_recipe(mnist, 60_000),
                (variant.recipe)(mnist)
            );
        }
    }

    #[test]
    fn small_data_gets_as_many_steps_and_wide_data_no_wider_layers() {
        for variant in Card::all() {
            for (data, samples) in [
                (DataShape::images([1, 28, 28]), 100),
                (DataShape::table(10), 270),
                (DataShape::table(10_000), 270),
                (DataShape::table(10), 1_000_000),
            ] {
                let recipe = variant.fitted_recipe(data, samples);
                if variant.is_closed {
                    continue;
                }
                let BatchSize::Of(batch) = recipe.batch_size else {
                    continue;
                };
                let steps = recipe.epochs * samples.div_ceil(batch) as u64;
                assert!(steps >= 2000 && recipe.epochs >= 5, "{variant}: {recipe:?}");
                let settings = variant.fitted_defaults(data);
                if variant.resolve(&settings, data).is_ok() {
                    let size = settings.size(data).parameters;
                    let bound = if variant.name == "overcomplete" {
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
        for variant in Card::all() {
            if variant
                .resolve(&Settings::new(), DataShape::table(10))
                .is_err()
            {
                continue;
            }
            for columns in [2, 3, 5, 20, 500] {
                let data = DataShape::table(columns);
                let fitted = variant.fitted_defaults(data);
                assert!(
                    variant.resolve(&fitted, data).is_ok(),
                    "{variant}: {columns}"
                );
            }
        }
    }
}
