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
//! | variant | child of | what it changes | minimises |
//! |---|---|---|---|
//! | `linear` | | nothing: finds the subspace of PCA | ‖x − D(E x + b) − c‖² |
//! | `undercomplete` | linear | a sigmoid after each map | ‖x − σ(V h + c)‖², h = σ(W x + b) |
//! | `simple` | linear | nonlinearities and the error: bends the subspace | L(x, o(V h + c)), h = a(W x + b) |
//! | `deep` | simple | several layers each way: bends it more | L(x, g(f(x))) |
//! | `sparse-l1` | simple | every unit of the code costs its size | L + λ Σⱼ \|hⱼ\| |
//! | `sparse-kl` | simple | every unit is on for a share ρ of the batch | L + w Σⱼ KL(ρ ‖ ρ̂ⱼ) |
//! | `overcomplete` | sparse L1 | a code wider than the sample | L + λ Σⱼ \|hⱼ\| |
//! | `stacked` | deep | ELU, He's start, decay of the weights | L + λ Σ ½‖W‖² |
//! | `tied` | stacked | the decoder's weights are the encoder's | L + λ Σ ½‖W‖², g of the Wᵀ |
//! | `greedy` | stacked | trained a pair of layers at a time | ‖hᵢ₋₁ − g(hᵢ)‖² + λ Σ ½‖W‖², then L |
//! | `denoising` | deep | noise on the input, none on the target | L(x, g(f(x̃))) |
//! | `contractive` | deep | derivatives of the code cost | L + λ‖∂h/∂x‖² |
//! | `convolutional` | deep | layers that know what is beside what | L(x, g(f(x))) |
//! | `strided` | convolutional | strides and transposes for pools and doublings | L(x, g(f(x))) |
//! | `variational` | deep | a code is a distribution near the prior | −log p(x\|z) + KL(q(z\|x) ‖ p(z)) |
//! | `beta` | variational | a price on every nat of the code | −log p(x\|z) + β KL |
//! | `conditional` | variational | both halves are told the label c | −log p(x\|z, c) + KL |
//! | `iwae` | variational | k draws, the likely ones weighing more | −log (1/k) Σ p(x\|zᵢ) p(zᵢ) / q(zᵢ\|x) |
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

mod composed;
mod model;
mod parts;
mod registry;
mod variants;

pub use composed::{Bound, Deterministic, Encoded, Penalty, Variational};
pub use model::{
    Ability, Autoencoder, Code, Gaussian, Input, LabelError, Likelihood, Mixture, Phase, Posterior,
    Prior, StandardNormal, Target, check_labels, draw_samples, epochs_of, one_hot,
};
pub use parts::{Body, Corruption, Output, Start};
pub use registry::{
    BatchSize, BodyKind, BoxedAutoencoder, Card, DataShape, Decoder, DefaultData, Gradients,
    Layout, Misfit, Noise, Nonlinearity, OptimizerKind, Range, Recipe, Setting, Settings, Size,
    UnknownVariant, Value, Values, Word,
};
pub use variants::robust::contractive::{contraction_by_sweeps, contraction_of_sigmoids};
