//! Autoencoders: networks that learn to say their input again through a narrow place.
//!
//! ```text
//! h = f(x)      the encoder gives the code
//! y = g(h)      the decoder gives the reconstruction
//! minimise over f and g the mean of L(x, g(f(x)))
//! ```
//!
//! The family tree, each variant as a change to this equation:
//!
//! | variant | f and g | L | what it changes |
//! |---|---|---|---|
//! | [`LinearAutoencoder`] | one affine map each | squared error | nothing: finds the subspace of PCA |
//! | [`SimpleAutoencoder`] | one layer with a nonlinearity each | cross-entropy or squared error | bends the subspace |
//! | [`DeepAutoencoder`] | several layers each | cross-entropy or squared error | bends it more |
//!
//! ```
//! use retrograd_autoencoders::{Autoencoder, DeepAutoencoder};
//! use retrograd_tensor::{Tensor, random};
//!
//! let model = DeepAutoencoder::<f32>::images(784, &mut random::rng(0));
//! let x = Tensor::zeros([5, 784]).into();
//! let code = model.encode(&x);
//! assert_eq!(code.shape(), [5, 32]);
//! assert_eq!(model.decode(&code).shape(), [5, 784]);
//! ```
//!
//! [`Variant`] lists them all by name, with the recipe each is trained by.

mod autoencoder;
mod deep;
mod dense;
mod linear;
mod output;
mod simple;
mod variant;

pub use autoencoder::Autoencoder;
pub use deep::DeepAutoencoder;
pub use linear::LinearAutoencoder;
pub use output::Output;
pub use simple::SimpleAutoencoder;
pub use variant::{
    BatchSize, BoxedAutoencoder, DataKind, DefaultData, Misfit, OptimizerKind, Recipe,
    UnknownVariant, Variant,
};
