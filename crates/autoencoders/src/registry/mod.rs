//! The variants by name: what each is, its options, the recipe it is trained by, and how to build it.

mod card;
mod choice;
mod fitted;
mod recipe;
mod setting;
mod settings;
mod size;
mod variant;

pub use card::{Card, DataKind, DefaultData};
pub(crate) use choice::choices;
pub use choice::{Body, Decoder, Noise, Nonlinearity};
pub use recipe::{BatchSize, OptimizerKind, Recipe};
pub use setting::{Range, Setting, SettingError, Value};
pub(crate) use settings::need;
pub use settings::{SETTINGS, Settings};
pub use size::Size;
pub use variant::{BoxedAutoencoder, Misfit, UnknownVariant, Variant};
