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
//! | [`LinearAutoencoder`] | | nothing: finds the subspace of PCA | ‖x − D(E x + b) − c‖² |
//! | [`UndercompleteAutoencoder`] | linear | a sigmoid after each map | ‖x − σ(V h + c)‖², h = σ(W x + b) |
//! | [`SimpleAutoencoder`] | linear | nonlinearities and the error: bends the subspace | L(x, o(V h + c)), h = a(W x + b) |
//! | [`DeepAutoencoder`] | simple | several layers each way: bends it more | L(x, g(f(x))) |
//! | [`SparseL1Autoencoder`] | simple | every unit of the code costs its size | L + λ Σⱼ \|hⱼ\| |
//! | [`SparseKlAutoencoder`] | simple | every unit is on for a share ρ of the batch | L + w Σⱼ KL(ρ ‖ ρ̂ⱼ) |
//! | [`OvercompleteAutoencoder`] | sparse L1 | a code wider than the sample | L + λ Σⱼ \|hⱼ\| |
//! | [`StackedAutoencoder`] | deep | ELU, He's start, decay of the weights | L + λ Σ ½‖W‖² |
//! | [`TiedAutoencoder`] | stacked | the decoder's weights are the encoder's | L + λ Σ ½‖W‖², g of the Wᵀ |
//! | [`GreedyAutoencoder`] | stacked | trained a pair of layers at a time | ‖hᵢ₋₁ − g(hᵢ)‖² + λ Σ ½‖W‖², then L |
//! | [`DenoisingAutoencoder`] | deep | noise on the input, none on the target | L(x, g(f(x̃))) |
//! | [`ContractiveAutoencoder`] | deep | derivatives of the code cost | L + λ‖∂h/∂x‖² |
//! | [`ConvolutionalAutoencoder`] | deep | layers that know what is beside what | L(x, g(f(x))) |
//! | [`StridedAutoencoder`] | convolutional | strides and transposes for pools and doublings | L(x, g(f(x))) |
//! | [`VariationalAutoencoder`] | deep | a code is a distribution near the prior | −log p(x\|z) + KL(q(z\|x) ‖ p(z)) |
//! | [`BetaAutoencoder`] | variational | a price on every nat of the code | −log p(x\|z) + β KL |
//! | [`ConditionalAutoencoder`] | variational | both halves are told the label c | −log p(x\|z, c) + KL |
//! | [`ImportanceWeightedAutoencoder`] | variational | k draws, the likely ones weighing more | −log (1/k) Σ p(x\|zᵢ) p(zᵢ) / q(zᵢ\|x) |
//!
//! **Reductions.** L is a mean over the features and the batch, as in the source texts, except in
//! the variational family, where everything is in nats per sample: summed over features and code,
//! averaged over the batch. Penalties are summed over the code and averaged over the batch; those of
//! weights are summed. [`Autoencoder::unit`] says what a loss is measured in.
//!
//! ```
//! use retrograd_autoencoders::{Autoencoder, DeepAutoencoder};
//! use retrograd_tensor::{DType, Tensor, random};
//!
//! let model = DeepAutoencoder::images(784, &mut random::rng(0));
//! let x = Tensor::zeros([5, 784], DType::F32).into();
//! let code = model.encode(&x);
//! assert_eq!(code.shape(), [5, 32]);
//! assert_eq!(model.decode(&code).shape(), [5, 784]);
//! ```
//!
//! [`Variant`] lists them all by name, with their options ([`Settings`]) and the recipe each is
//! trained by. What a model can do beyond this is asked of it: [`Autoencoder::generative`],
//! [`Autoencoder::conditional`]; how it is trained says [`Autoencoder::phases`].

mod model;
mod parts;
mod registry;
mod variants;

pub use model::{
    Autoencoder, Conditional, Generative, Given, LabelError, Likelihood, Phase, Posterior, Target,
    check_labels, epochs_of, one_hot,
};
pub use parts::{Corruption, Output};
pub use registry::{
    BatchSize, Body, BoxedAutoencoder, Card, DataKind, Decoder, DefaultData, Misfit, Noise,
    Nonlinearity, OptimizerKind, Range, Recipe, SETTINGS, Setting, SettingError, Settings, Size,
    UnknownVariant, Value, Variant,
};
pub use variants::beta::BetaAutoencoder;
pub use variants::conditional::ConditionalAutoencoder;
pub use variants::contractive::ContractiveAutoencoder;
pub use variants::convolutional::ConvolutionalAutoencoder;
pub use variants::deep::DeepAutoencoder;
pub use variants::denoising::DenoisingAutoencoder;
pub use variants::greedy::GreedyAutoencoder;
pub use variants::iwae::ImportanceWeightedAutoencoder;
pub use variants::linear::LinearAutoencoder;
pub use variants::overcomplete::OvercompleteAutoencoder;
pub use variants::simple::SimpleAutoencoder;
pub use variants::sparse_kl::SparseKlAutoencoder;
pub use variants::sparse_l1::SparseL1Autoencoder;
pub use variants::stacked::StackedAutoencoder;
pub use variants::strided::StridedAutoencoder;
pub use variants::tied::TiedAutoencoder;
pub use variants::undercomplete::UndercompleteAutoencoder;
pub use variants::variational::VariationalAutoencoder;
