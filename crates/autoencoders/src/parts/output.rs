//! From the decoder's last numbers to a reconstruction, and how far that is from the input.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Reduction, Terms, loss};
use retrograd_tensor::Tensor;

use crate::model::Target;
use crate::registry::words;

/// What a reconstruction's cost is averaged over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Per {
    /// Features and batch, as the source texts have it.
    #[default]
    Feature,
    /// The batch alone: summed over the features, as where a cost is one of a sample and stands beside
    /// distances between distributions of codes.
    Sample,
}

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
        self.unit_per(Per::Feature, false)
    }

    /// What the cost per so much is measured in, alone or with penalties added to it.
    pub(crate) fn unit_per(self, per: Per, penalties: bool) -> &'static str {
        match (self, per, penalties) {
            (Self::Probability, Per::Feature, false) => "cross-entropy, nats per feature",
            (Self::Probability, Per::Feature, true) => {
                "cross-entropy, nats per feature, and penalties"
            }
            (Self::Probability, Per::Sample, false) => "cross-entropy, nats per sample",
            (Self::Probability, Per::Sample, true) => {
                "cross-entropy, nats per sample, and penalties"
            }
            (_, Per::Feature, false) => "squared error per feature",
            (_, Per::Feature, true) => "squared error per feature, and penalties",
            (_, Per::Sample, false) => "squared error per sample",
            (_, Per::Sample, true) => "squared error per sample, and penalties",
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
        self.cost_per(z, target, Per::Feature)
    }

    /// The same, averaged over features and batch or over the batch alone.
    #[track_caller]
    pub(crate) fn cost_per(self, z: &Var, target: &Target, per: Per) -> Terms {
        let reduced = |loss: &dyn Fn(&Var, Reduction) -> Var| match per {
            Per::Feature => target.mean(loss),
            Per::Sample => target.per_sample(loss),
        };
        let name = match (self, per) {
            (Self::Probability, _) => "bce",
            (_, Per::Feature) => "mse",
            (_, Per::Sample) => "squares",
        };
        let cost = if self == Self::Probability {
            reduced(&|x, over| loss::bce_with_logits(z, x, over))
        } else {
            let y = self.reconstruction(z);
            reduced(&|x, over| loss::mse(&y, x, over))
        };
        Terms::new(name, cost)
    }
}
