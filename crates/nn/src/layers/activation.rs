//! Activation functions as layers.

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use crate::module::{Module, Visitor};

/// An elementwise nonlinearity; it has no parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x itself.
    Identity,
    /// max(x, 0).
    Relu,
    /// x above 0, slope·x below.
    LeakyRelu(f64),
    /// x above 0, α(eˣ − 1) below (Clevert et al. 2015).
    Elu(f64),
    /// Self-normalising ELU (Klambauer et al. 2017).
    Selu,
    /// x·Φ(x) (Hendrycks and Gimpel 2016).
    Gelu,
    /// x·σ(x), also called swish.
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// log(1 + eˣ).
    Softplus,
}

impl<T: Float> Module<T> for Activation {
    fn forward(&self, x: &Var<T>) -> Var<T> {
        match *self {
            Self::Identity => x.clone(),
            Self::Relu => x.relu(),
            Self::LeakyRelu(slope) => x.leaky_relu(slope),
            Self::Elu(alpha) => x.elu(alpha),
            Self::Selu => x.selu(),
            Self::Gelu => x.gelu(),
            Self::Silu => x.silu(),
            Self::Sigmoid => x.sigmoid(),
            Self::Tanh => x.tanh(),
            Self::Softplus => x.softplus(),
        }
    }

    fn visit(&self, _: &mut Visitor<'_, T>) {}
}
