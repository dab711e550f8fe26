//! Options that are one of a few words.

use retrograd_nn::Activation;
use serde::{Deserialize, Serialize};

/// `choices! { Noise { Masking = "masking" } }` gives `Noise` its words, both ways: `NAMES`, `name` and
/// `from_name`.
macro_rules! choices {
    ($type:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $type {
            /// Every word, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The word for it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            /// What the word stands for, if for anything.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use choices;

/// The nonlinearity of the hidden layers and of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nonlinearity {
    /// None.
    Identity,
    /// max(x, 0).
    Relu,
    /// x above 0, x/100 below.
    LeakyRelu,
    /// x above 0, eˣ − 1 below.
    Elu,
    /// Self-normalising ELU.
    Selu,
    /// x·Φ(x).
    Gelu,
    /// x·σ(x).
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// log(1 + eˣ).
    Softplus,
}

choices!(Nonlinearity {
    Identity = "identity",
    Relu = "relu",
    LeakyRelu = "leaky-relu",
    Elu = "elu",
    Selu = "selu",
    Gelu = "gelu",
    Silu = "silu",
    Sigmoid = "sigmoid",
    Tanh = "tanh",
    Softplus = "softplus",
});

impl Nonlinearity {
    /// Whether it has derivatives of every order everywhere.
    #[must_use]
    pub fn is_smooth(self) -> bool {
        match self {
            Self::Relu | Self::LeakyRelu | Self::Elu | Self::Selu => false,
            Self::Identity
            | Self::Gelu
            | Self::Silu
            | Self::Sigmoid
            | Self::Tanh
            | Self::Softplus => true,
        }
    }

    /// As a layer.
    #[must_use]
    pub fn layer(self) -> Activation {
        match self {
            Self::Identity => Activation::Identity,
            Self::Relu => Activation::Relu,
            Self::LeakyRelu => Activation::LeakyRelu(0.01),
            Self::Elu => Activation::Elu(1.0),
            Self::Selu => Activation::Selu,
            Self::Gelu => Activation::Gelu,
            Self::Silu => Activation::Silu,
            Self::Sigmoid => Activation::Sigmoid,
            Self::Tanh => Activation::Tanh,
            Self::Softplus => Activation::Softplus,
        }
    }
}

/// What a denoising autoencoder's input suffers; see [`Corruption`](crate::Corruption).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Normal numbers are added.
    Gaussian,
    /// Features are left out at random and the others made larger.
    Dropout,
    /// A fixed share of the features is set to 0.
    Masking,
}

choices!(Noise {
    Gaussian = "gaussian",
    Dropout = "dropout",
    Masking = "masking",
});

/// The distribution p(x|z) of a generative decoder; see [`Likelihood`](crate::Likelihood).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// Every feature is a share of yes.
    Bernoulli,
    /// Every feature is normal with a fixed deviation.
    Gaussian,
}

choices!(Decoder {
    Bernoulli = "bernoulli",
    Gaussian = "gaussian",
});

/// What the halves of a variational autoencoder are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// Fully connected layers.
    Dense,
    /// Convolutions that halve the image, and transposed ones that double it.
    Convolutional,
}

choices!(Body {
    Dense = "dense",
    Convolutional = "convolutional",
});
