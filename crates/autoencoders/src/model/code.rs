//! What an encoder gives: a point, a distribution, a symbol, or layers of these.

use std::fmt::Debug;

use retrograd_autograd::Var;
use retrograd_tensor::Array;

use super::gaussian::Gaussian;

/// The code of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum Code {
    /// Numbers, `[batch, code]`.
    Point(Var),
    /// q(z|x) of each sample.
    Distribution(Box<dyn Posterior>),
    /// Symbols, `[batch, places]`, and the vectors that stand for them, `[batch, numbers]`.
    Discrete {
        /// Which of the codebook's entries each place holds.
        index: Array<i64>,
        /// Those entries side by side, as the decoder reads them.
        vector: Var,
    },
    /// Codes of several layers, the one that is nearest to the sample first.
    Layers(Vec<Self>),
}

impl Code {
    /// The code as numbers `[batch, code]`, for maps, probes and histograms, and for the decoder: of a
    /// distribution its mean, of symbols their vectors, of layers all of them side by side.
    #[must_use]
    pub fn flat(&self) -> Var {
        match self {
            Self::Point(code) => code.clone(),
            Self::Distribution(posterior) => posterior.mean(),
            Self::Discrete { vector, .. } => vector.clone(),
            Self::Layers(layers) => {
                let flat: Vec<Var> = layers.iter().map(Self::flat).collect();
                Var::cat(&flat.iter().collect::<Vec<_>>(), 1)
            }
        }
    }

    /// The distribution, if it is one.
    #[must_use]
    pub fn posterior(&self) -> Option<&dyn Posterior> {
        match self {
            Self::Distribution(posterior) => Some(posterior.as_ref()),
            _ => None,
        }
    }
}

/// q(z|x): the distribution of the code of each sample of a batch.
pub trait Posterior: Debug {
    /// The mean of the code, `[batch, code]`.
    fn mean(&self) -> Var;

    /// A code drawn for each sample, `[batch, code]`, differentiable by the distribution's parameters.
    /// The noise comes from the tape's random stream; without a tape, from that of seed 0.
    fn draw(&self) -> Var;

    /// log q(z|x) of codes `[..., batch, code]`, `[..., batch]`.
    fn log_density(&self, z: &Var) -> Var;

    /// log q(z_j|x) of every number of codes `[..., batch, code]`, of the same shape, which
    /// [`log_density`](Self::log_density) is the sum of; none if the numbers are not independent given x.
    /// Measures of single units need it.
    fn log_densities(&self, _: &Var) -> Option<Var> {
        None
    }

    /// The normal distribution that it is, if it is one of all numbers of the code.
    fn gaussian(&self) -> Option<&Gaussian> {
        None
    }

    /// KL(q ‖ N(0, 1)) in nats of every number of the code, `[batch, code]`.
    fn divergences(&self) -> Var;
}
