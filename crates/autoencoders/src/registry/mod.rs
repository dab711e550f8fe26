//! The variants by name: what each is, its options, the recipe it is trained by, and how to build it.

mod card;
mod common;
mod figures;
mod fitted;
mod name;
mod recipe;
mod setting;
mod settings;
mod shape;
mod size;
mod value;
mod word;

pub use card::{BoxedAutoencoder, Card, Gradients, Misfit, Need};
pub(crate) use common::*;
pub use name::UnknownVariant;
pub use recipe::{BatchSize, OptimizerKind, Recipe};
pub use setting::{Range, Setting};
pub use settings::Settings;
pub use shape::{DataShape, Layout, Values};
pub use size::Size;
pub use value::Value;
pub(crate) use word::words;
pub use word::{BodyKind, Decoder, Noise, Nonlinearity, Word};
