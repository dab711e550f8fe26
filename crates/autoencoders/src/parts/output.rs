//! From the decoder's last numbers to a reconstruction, and how far that is from the input.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms, loss};
use retrograd_tensor::Tensor;

use crate::model::Target;
use crate::registry::words;

/// How the decoder's last linear layer z becomes a reconstruction y, and what y costs.
///
/// All costs are means over the features and the batch, as in the source texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// y = z, squared error: data of any size.
    Real,
    /// y = max(z, 0), squared error: data that is never negative.
    Rectified,
    /// y = σ(z), squared error: data in [0, 1].
    Squashed,
    /// y = σ(z), binary cross-entropy in nats: data in [0, 1] read as probabilities.
    ///
    /// The cost is computed from z, which is exact where σ(z) has rounded to 0 or 1.
    Probability,
}

words!(Output {
    Real = "real",
    Rectified = "rectified",
    Squashed = "squashed",
    Probability = "probability",
});

impl Output {
    /// The reconstruction y for the last layer's z.
    #[track_caller]
    #[must_use]
    pub fn reconstruction(self, z: &Var) -> Var {
        match self {
            Self::Real => z.clone(),
            Self::Rectified => z.relu(),
            Self::Squashed | Self::Probability => z.sigmoid(),
        }
    }

    /// What the cost is measured in.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Probability => "cross-entropy, nats per feature",
            _ => "squared error per feature",
        }
    }

    /// Prepares the start values of the decoder that gives z.
    ///
    /// A rectified output that starts at 0 for every sample has no slope and stays there for good;
    /// with biases of 0 about half of them would. Their biases start at 1 instead, at the top of
    /// the data's range.
    pub(crate) fn prepare(self, decoder: &dyn Module) {
        if self == Self::Rectified
            && let Some((_, bias)) = decoder.params().last()
        {
            bias.set(Tensor::ones(bias.shape(), bias.dtype()));
        }
    }

    /// What the last layer's z costs as a reconstruction of a target.
    #[track_caller]
    #[must_use]
    pub fn cost(self, z: &Var, target: &Target) -> Terms {
        match self {
            Self::Probability => {
                let cost = target.mean(|x, over| loss::bce_with_logits(z, x, over));
                Terms::new("bce", cost)
            }
            _ => {
                let y = self.reconstruction(z);
                Terms::new("mse", target.mean(|x, over| loss::mse(&y, x, over)))
            }
        }
    }
}
