//! What autoencoders can do, whichever they are.

mod autoencoder;
mod conditional;
mod generative;
mod phase;
mod target;

pub use autoencoder::Autoencoder;
pub use conditional::{Conditional, Given, LabelError, check_labels, one_hot};
pub use generative::{Generative, Likelihood, Posterior};
pub(crate) use generative::{NATS, noise};
pub use phase::{Phase, epochs_of};
pub use target::Target;
