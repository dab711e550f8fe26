//! Options that are one of a few words.

use retrograd_nn::Activation;

/// An option's value that is one of a few words.
pub trait Word: Copy + Sized + 'static {
    /// Every word, in order.
    const NAMES: &'static [&'static str];

    /// The word for it.
    fn name(self) -> &'static str;

    /// What the word stands for, if for anything.
    fn from_name(name: &str) -> Option<Self>;
}

/// `words! { Noise { Masking = "masking" } }` gives `Noise` its words, both ways.
macro_rules! words {
    ($type:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $crate::Word for $type {
            const NAMES: &'static [&'static str] = &[$($name),*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use words;

/// The nonlinearity of the hidden layers and of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

words!(Nonlinearity {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Normal numbers are added.
    Gaussian,
    /// Features are left out at random and the others made larger.
    Dropout,
    /// A fixed share of the features is set to 0.
    Masking,
}

words!(Noise {
    Gaussian = "gaussian",
    Dropout = "dropout",
    Masking = "masking",
});

/// The distribution p(x|z) of a generative decoder; see [`Likelihood`](crate::Likelihood).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// Every feature is a share of yes.
    Bernoulli,
    /// Every feature is normal with a fixed deviation.
    Gaussian,
    /// Every feature is normal with a deviation that the decoder gives.
    Learnt,
    /// Every feature has Student's distribution, whose scale and tails the decoder gives.
    Student,
}

words!(Decoder {
    Bernoulli = "bernoulli",
    Gaussian = "gaussian",
    Learnt = "learnt",
    Student = "student",
});

/// What encoder and decoder of a variational autoencoder are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// Fully connected layers.
    Dense,
    /// Convolutions that halve the image, and transposed ones that double it.
    Convolutional,
}

words!(BodyKind {
    Dense = "dense",
    Convolutional = "convolutional",
});
