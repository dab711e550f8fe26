//! What codes and scores are worth, in figures: each with its definition, its source and its range.
//!
//! Measures are plain functions of numbers and labels, and know no model. Where the literature has several
//! definitions under one name, each has a name of its own here, and a figure is only to be compared with
//! figures of the same.

mod aggregate;
mod clustering;
mod codes;
mod evidence;
mod factors;
mod ranking;

pub use aggregate::{Aggregate, aggregate};
pub(crate) use clustering::perplexity;
pub use clustering::{
    Normalisation, assignment, clustering_accuracy, match_clusters, mutual_information,
    normalised_mutual_information,
};
pub use codes::{
    ACTIVE, Firing, Usage, active_units, correlations, distinct_rows, mean_max_cosine,
    normal_total_correlation, variances,
};
pub use evidence::{Evidence, log_likelihoods};
pub use factors::{Informations, factor_vae_score, separated_predictability};
pub use ranking::{average_precision, roc_auc};

/// Why something cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// Nothing was given.
    #[error("there are no samples to measure")]
    Empty,
    /// Not one of each for every sample.
    #[error("{left} {what} and {right} {beside}; there must be one of each for every sample")]
    Lengths {
        /// What the first are.
        what: &'static str,
        /// How many there are.
        left: usize,
        /// What the others are.
        beside: &'static str,
        /// How many of those.
        right: usize,
    },
    /// All scores are the same: they rank nothing, and one half would look like a result.
    #[error(
        "all {samples} scores are the same, so they rank nothing; a model that was not trained does that"
    )]
    ConstantScore {
        /// How many there are.
        samples: usize,
    },
    /// A score that cannot be ranked.
    #[error("score {index} is not a number, so it has no rank")]
    NotANumber {
        /// Which, counted from 0.
        index: usize,
    },
    /// Samples of one kind alone.
    #[error(
        "{positives} of {samples} samples are positive; there must be some of both kinds to tell apart"
    )]
    OneKind {
        /// How many are.
        positives: usize,
        /// How many there are.
        samples: usize,
    },
}

/// Whether there is one of each for every sample.
fn paired(
    (what, left): (&'static str, usize),
    (beside, right): (&'static str, usize),
) -> Result<(), MeasureError> {
    match left {
        _ if left != right => Err(MeasureError::Lengths {
            what,
            left,
            beside,
            right,
        }),
        0 => Err(MeasureError::Empty),
        _ => Ok(()),
    }
}
