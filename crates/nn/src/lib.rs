//! Neural networks on the tape: parameters, layers, losses, optimisers, data loading, checkpoints
//! and the training loop.
//!
//! ```
//! use retrograd_nn::{Activation, Adam, Linear, Module, Optimizer, Reduction, Sequential, loss};
//! use retrograd_autograd::Tape;
//! use retrograd_tensor::{Tensor, assert_abs_diff_eq, random};
//!
//! let mut rng = random::rng(0);
//! let model = Sequential::new()
//!     .with(Linear::new(2, 8, &mut rng))
//!     .with(Activation::Tanh)
//!     .with(Linear::new(8, 1, &mut rng));
//! let mut optimizer = Optimizer::new(Adam::default(), 0.05, model.params());
//!
//! // The exclusive or, which no line separates.
//! let x = Tensor::from_vec(vec![0.0_f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2]);
//! let target = Tensor::from_vec(vec![0.0_f32, 1.0, 1.0, 0.0], [4, 1]);
//! for _ in 0..300 {
//!     let tape = Tape::new();
//!     let logits = model.forward(&tape.constant(x.clone()));
//!     let loss = loss::bce_with_logits(&logits, &target.clone().into(), Reduction::Mean);
//!     optimizer.step(&loss.backward());
//! }
//! let probability = model.forward(&x.into()).sigmoid();
//! assert_abs_diff_eq!(probability.value(), &target, epsilon = 0.1);
//! ```
//!
//! Where to look: [`Module`] for what a layer is, [`optim`] for the update rules, [`train`] for
//! the loop.

mod averaging;
mod buffer;
pub mod checkpoint;
pub mod data;
pub mod init;
mod layers;
pub mod loss;
mod module;
pub mod optim;
mod param;
pub mod regulariser;
mod schedule;
pub mod snapshot;
pub mod train;
pub mod transform;

pub use averaging::{Averaging, WeightAverage};
pub use buffer::{Buffer, Counter, may_change};
pub use data::{DataLoader, LastBatch, SampleBatch};
pub use init::Init;
pub use layers::{
    Activation, AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool,
    AdaptiveMaxPool1d, AdaptiveMaxPool2d, Affine, AlphaDropout, AvgPool, AvgPool1d, AvgPool2d,
    BatchNorm, BatchNorm1d, BatchNorm2d, Bilinear, Checkpointed, Conv, Conv1d, Conv2d,
    ConvTranspose, ConvTranspose1d, ConvTranspose2d, Dropout, Dropout2d, Embedding, Flatten,
    GaussianNoise, GroupNorm, InstanceNorm, InstanceNorm1d, InstanceNorm2d, Kept, LayerNorm,
    Linear, MaskedLinear, MaxPool, MaxPool1d, MaxPool2d, PRelu, RRelu, Reshape, Residual, RmsNorm,
    Running, Sequential, SpectralNorm, Unflatten, Upsample, WeightNorm, Weighted,
};
pub use layers::{
    AttentionMasks, MultiheadAttention, SinusoidalEncoding, TransformerEncoderLayer,
    TransformerOptions,
};
pub use layers::{Gru, GruCell, Lstm, LstmCell, RecurrentOptions, Rnn, RnnCell};
pub use loss::Reduction;
pub use module::{Module, State, Visitor};
pub use optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Clip, DynUpdateRule, Group, Lbfgs, Lion, NAdam,
    Optimizer, RAdam, RmsProp, Sgd, UpdateRule,
};
pub use param::Param;
pub use schedule::{Better, Moment, Plateau, PlateauRule, Schedule, Span, Threshold};
pub use snapshot::{Snapshot, SnapshotError, Stateful};
pub use train::{EarlyStopping, Goal, Player, Step, Terms, Trainer};
pub use transform::Transform;
