//! Layers, one family a file.

mod activation;
mod affine;
mod attention;
mod batch_norm;
mod bilinear;
mod checkpointed;
mod conv;
mod conv_transpose;
mod dropout;
mod embedding;
mod instance_norm;
mod linear;
mod masked_linear;
mod norm;
mod pool;
mod position;
mod prelu;
mod recurrent;
mod refusal;
mod reshape;
mod residual;
mod running;
mod sequential;
mod spectral_norm;
mod start;
mod transformer;
mod upsample;
mod weight_norm;
mod weighted;

pub use activation::Activation;
pub use affine::Affine;
pub use attention::{AttentionMasks, MultiheadAttention};
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d};
pub use bilinear::Bilinear;
pub use checkpointed::{Checkpointed, Kept};
pub use conv::{Conv, Conv1d, Conv2d};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d};
pub use dropout::{AlphaDropout, Dropout, Dropout2d, GaussianNoise};
pub use embedding::Embedding;
pub use instance_norm::{InstanceNorm, InstanceNorm1d, InstanceNorm2d};
pub use linear::Linear;
pub use masked_linear::MaskedLinear;
pub use norm::{GroupNorm, LayerNorm, RmsNorm};
pub use pool::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AvgPool, AvgPool1d, AvgPool2d, MaxPool, MaxPool1d, MaxPool2d,
};
pub use position::SinusoidalEncoding;
pub use prelu::{PRelu, RRelu};
pub use recurrent::{Gru, GruCell, Lstm, LstmCell, RecurrentOptions, Rnn, RnnCell};
pub use reshape::{Flatten, Reshape, Unflatten};
pub use residual::Residual;
pub use running::Running;
pub use sequential::Sequential;
pub use spectral_norm::SpectralNorm;
pub use transformer::{TransformerEncoderLayer, TransformerOptions};
pub use upsample::Upsample;
pub use weight_norm::WeightNorm;
pub use weighted::Weighted;
