//! Activation functions as layers.

use retrograd_autograd::Var;

use crate::module::{Module, Visitor};

/// A nonlinearity without parameters; [`PRelu`](crate::PRelu) has one.
///
/// Each is an operation on [`Var`] of the same name, which says how it behaves at its kinks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x itself.
    #[doc(alias = "linear")]
    Identity,
    /// max(x, 0).
    Relu,
    /// x held between 0 and 6 (Krizhevsky 2010).
    Relu6,
    /// x above 0, slope·x below (Maas et al. 2013).
    LeakyRelu(f64),
    /// x above 0, α(eˣ − 1) below (Clevert et al. 2015).
    Elu(f64),
    /// x above 0, α(e^(x/α) − 1) below (Barron 2017).
    Celu(f64),
    /// Self-normalising ELU (Klambauer et al. 2017).
    Selu,
    /// x·Φ(x) (Hendrycks and Gimpel 2016).
    Gelu,
    /// The approximation of GELU by a hyperbolic tangent (Hendrycks and Gimpel 2016).
    GeluTanh,
    /// x·σ(x), also called swish (Elfwing et al. 2017).
    #[doc(alias = "swish")]
    Silu,
    /// x·tanh(softplus(x)) (Misra 2019).
    Mish,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// log σ(x).
    LogSigmoid,
    /// x/6 + ½ held between 0 and 1.
    HardSigmoid,
    /// x·hardsigmoid(x) (Howard et al. 2019).
    #[doc(alias = "hard_silu")]
    HardSwish,
    /// Hyperbolic tangent.
    Tanh,
    /// x held between the two.
    HardTanh(f64, f64),
    /// x − tanh x.
    TanhShrink,
    /// x, but 0 where |x| is at most this.
    HardShrink(f64),
    /// x moved towards 0 by this, and 0 where |x| is at most this.
    SoftShrink(f64),
    /// log(1 + eˣ).
    Softplus,
    /// log(1 + e^(βx))/β.
    SoftplusSharp(f64),
    /// x / (1 + |x|) (Turian et al. 2009).
    Softsign,
    /// eˣ.
    #[doc(alias = "exponential")]
    Exp,
    /// x above the first number, else the second.
    Threshold(f64, f64),
    /// Shares along an axis: e to the x, over the sum of those.
    Softmax(isize),
    /// Shares along an axis of e to the −x.
    Softmin(isize),
    /// Logarithms of [`Softmax`](Self::Softmax).
    LogSoftmax(isize),
    /// a·σ(b) of the halves a and b along an axis, which becomes half as long (Dauphin et al. 2016).
    Glu(isize),
}

impl Module for Activation {
    fn forward(&self, x: &Var) -> Var {
        match *self {
            Self::Identity => x.clone(),
            Self::Relu => x.relu(),
            Self::Relu6 => x.relu6(),
            Self::LeakyRelu(slope) => x.leaky_relu(slope),
            Self::Elu(alpha) => x.elu(alpha),
            Self::Celu(alpha) => x.celu(alpha),
            Self::Selu => x.selu(),
            Self::Gelu => x.gelu(),
            Self::GeluTanh => x.gelu_tanh(),
            Self::Silu => x.silu(),
            Self::Mish => x.mish(),
            Self::Sigmoid => x.sigmoid(),
            Self::LogSigmoid => x.logsigmoid(),
            Self::HardSigmoid => x.hardsigmoid(),
            Self::HardSwish => x.hardswish(),
            Self::Tanh => x.tanh(),
            Self::HardTanh(low, high) => x.hardtanh(low, high),
            Self::TanhShrink => x.tanhshrink(),
            Self::HardShrink(width) => x.hardshrink(width),
            Self::SoftShrink(width) => x.softshrink(width),
            Self::Softplus => x.softplus(),
            Self::SoftplusSharp(beta) => x.softplus_sharp(beta, f64::INFINITY),
            Self::Softsign => x.softsign(),
            Self::Exp => x.exp(),
            Self::Threshold(limit, value) => x.threshold(limit, value),
            Self::Softmax(axis) => x.softmax(axis),
            Self::Softmin(axis) => x.softmin(axis),
            Self::LogSoftmax(axis) => x.log_softmax(axis),
            Self::Glu(axis) => x.glu(axis),
        }
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}
