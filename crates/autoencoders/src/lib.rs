//! Autoencoders: networks that learn to say their input again through a narrow place.
//!
//! ```text
//! h = f(x)      the encoder gives the code
//! y = g(h)      the decoder gives the reconstruction
//! minimise over f and g the mean of L(x, g(f(x)))
//! ```
//!
//! Each variant is a change to this equation, or to that of another variant; [`Card`] holds what is known
//! of one, and `retrograd list --markdown` prints the family tree.
//!
//! **Reductions.** L is a mean over the features and the batch, as in the source texts, except in
//! the variational family, where everything is in nats per sample: summed over features and code,
//! averaged over the batch. Penalties are summed over the code and averaged over the batch; those of
//! weights are summed. [`Autoencoder::unit`] says what a loss is measured in.
//!
//! ```
//! use retrograd_autoencoders::{Autoencoder, Card, DataShape, Settings};
//! use retrograd_tensor::{DType, Tensor, random};
//!
//! let (deep, data) = (Card::named("deep").unwrap(), DataShape::images([1, 28, 28]));
//! let model = deep.build(&Settings::new().with("latent", 8), data, &mut random::rng(0)).unwrap();
//! let x = Tensor::zeros([5, 784], DType::F32).into();
//! let code = model.encode(&x).flat();
//! assert_eq!(code.shape(), [5, 8]);
//! assert_eq!(model.decode(&code, None).shape(), [5, 784]);
//! ```
//!
//! [`Card::all`] lists the variants, each with its options, the recipe it is trained by and how it is
//! built. Most are a [`Deterministic`] or a [`Variational`] model with a part changed, and so may be your
//! own. What a model can do beyond encoding and decoding is asked of it: [`Autoencoder::prior`],
//! [`Autoencoder::classes`] and their kin; how it is trained says [`Autoencoder::phases`].

mod coding;
mod composed;
pub mod measures;
mod model;
mod parts;
mod registry;
mod variants;

pub use coding::{BitsBack, CodingError, Message};
pub use composed::{
    Bound, Coded, Deterministic, Dictionary, Draw, Drawn, Encoded, Holes, Mixed, MixedPosterior,
    Parts, Penalty, Price, Relaxation, SparseCode, Sparsity, Variational,
};
pub use model::{
    Ability, Autoencoder, Categorical, Code, Content, Exhibit, FewLabels, FittedNormal, Gaussian,
    Input, LabelError, Likelihood, Mixture, Pause, Phase, Posterior, Prior, Role, Series,
    StandardNormal, Target, UNKNOWN, UniformCategories, check_labels, draw_samples, epochs_of,
    one_hot,
};
pub use parts::{
    Body, Corruption, Output, Start, cramer_wold, maximum_mean_discrepancy, sliced_wasserstein,
};
pub use registry::{
    BatchSize, BodyKind, BoxedAutoencoder, Card, DataShape, Decoder, Gradients, Layout, Misfit,
    Need, Noise, Nonlinearity, OptimizerKind, Range, Recipe, Setting, Settings, Size,
    UnknownVariant, Value, Values, Word,
};
pub use variants::robust::contractive::{contraction_by_sweeps, contraction_of_sigmoids};
pub use variants::tasks::concrete::selection;
pub use variants::tasks::dec::{sharpened_assignments, soft_assignments};
pub use variants::variational::dip::{covariance, decorrelation};
