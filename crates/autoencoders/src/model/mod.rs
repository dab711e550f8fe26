//! What autoencoders can do, whichever they are, and what they compute with.

mod autoencoder;
mod categorical;
mod code;
mod exhibit;
mod fitted;
mod gaussian;
mod labels;
mod likelihood;
mod mixture;
mod phase;
mod prior;
mod target;

pub use autoencoder::{Ability, Autoencoder};
pub use categorical::{Categorical, UniformCategories};
pub(crate) use categorical::{gumbel, gumbel_numbers};
pub use code::{Code, Posterior};
pub use exhibit::{Content, Exhibit, Series};
pub use fitted::FittedNormal;
pub use gaussian::Gaussian;
pub(crate) use gaussian::noise;
pub use labels::{FewLabels, LabelError, UNKNOWN, check_labels, one_hot};
pub use likelihood::Likelihood;
pub(crate) use likelihood::NATS;
pub use mixture::Mixture;
pub use phase::{Pause, Phase, Role, epochs_of};
pub use prior::{Prior, StandardNormal, draw_samples};
pub use retrograd_nn::train::SampleVars as Input;
pub use target::Target;
