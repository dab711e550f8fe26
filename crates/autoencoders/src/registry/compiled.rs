//! Models and their optimisers of an element type, each compiled once.
//!
//! Generic code is compiled where it is used with a type, so without this page every program, example
//! and test that builds variants would compile all of them again, with their layers, rules and
//! optimisers. The functions here are no generic ones: they are compiled with this crate.

use retrograd_nn::{Optimizer, Param};
use retrograd_tensor::Float;
use retrograd_tensor::random::Rng;

use super::card::DataKind;
use super::recipe::OptimizerKind;
use super::settings::Settings;
use super::variant::{BoxedAutoencoder, Variant};

/// Element types that variants are compiled for: `f32` and `f64`.
pub trait Compiled: Float {
    /// As [`Variant::build`], with options that are all there and fit.
    #[doc(hidden)]
    fn model(
        variant: Variant,
        settings: &Settings,
        data: DataKind,
        rng: &mut Rng,
    ) -> BoxedAutoencoder<Self>;

    /// As [`OptimizerKind::build`].
    #[doc(hidden)]
    fn optimizer(
        kind: OptimizerKind,
        learning_rate: f64,
        params: Vec<(String, Param<Self>)>,
    ) -> Optimizer<Self>;
}

/// `compiled!(f32)` implements [`Compiled`] for `f32` by the generic functions.
macro_rules! compiled {
    ($type:ident) => {
        impl Compiled for $type {
            fn model(
                variant: Variant,
                settings: &Settings,
                data: DataKind,
                rng: &mut Rng,
            ) -> BoxedAutoencoder<Self> {
                variant.model(settings, data, rng)
            }

            fn optimizer(
                kind: OptimizerKind,
                learning_rate: f64,
                params: Vec<(String, Param<Self>)>,
            ) -> Optimizer<Self> {
                kind.optimizer(learning_rate, params)
            }
        }
    };
}

compiled!(f32);
compiled!(f64);
