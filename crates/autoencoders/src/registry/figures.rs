//! What the figures of a training mean, a sentence each.

use super::card::Card;

/// A figure by name, the variants in which the name means this (all if none is listed), and the sentence. Of
/// several rows that fit, the first counts. `N` stands for a number.
type Row = (&'static str, &'static [&'static str], &'static str);

const ALL: &[&str] = &[];
const DICTIONARIES: &[&str] = &[
    "dictionary-l1",
    "topk",
    "batch-topk",
    "matryoshka",
    "gated",
    "jumprelu",
    "transcoder",
];

const MEANINGS: &[Row] = &[
    // What a reconstruction costs.
    (
        "loss",
        ALL,
        "The sum of the terms, each times its weight: what is minimised.",
    ),
    (
        "mse",
        &["marginalised"],
        "Squared error of what is made of samples with noise, the mean over features, samples and all noise.",
    ),
    (
        "mse",
        DICTIONARIES,
        "Squared error of the reconstruction, the mean over features and samples, which are scaled to a mean square of 1: so 1 is the error of a reconstruction by 0.",
    ),
    (
        "mse",
        ALL,
        "Squared error of the reconstruction, the mean over features and samples.",
    ),
    (
        "squares",
        ALL,
        "Squared error of the reconstruction, summed over the features of a sample.",
    ),
    (
        "bce",
        ALL,
        "Cross-entropy of the reconstruction in nats, per feature or per sample as the unit of the loss says.",
    ),
    (
        "nll",
        ALL,
        "−log p(x|z): how unlikely the sample is given its code, in nats; of densities it may be below 0.",
    ),
    (
        "numbers",
        ALL,
        "−log of the density of each number within its mode, summed over the columns, in nats; it may be below 0.",
    ),
    (
        "modes",
        ALL,
        "Cross-entropy of the modes of numbers and of the values of categories, summed over the columns, in nats.",
    ),
    (
        "clean",
        ALL,
        "The cost of reconstructing samples that were not spoilt by noise.",
    ),
    (
        "input",
        &["ladder"],
        "Squared error of the sample as it is made again from its noisy copy.",
    ),
    (
        "layer N",
        &["ladder"],
        "Squared error of this layer without noise as it is made again from its noisy copy.",
    ),
    (
        "mse of layer N",
        ALL,
        "Squared error of what this layer makes of the codes of the layer before, the mean over all noise.",
    ),
    (
        "mse@N",
        ALL,
        "Squared error of the reconstruction by so many first atoms alone.",
    ),
    // Penalties.
    (
        "l2",
        &["rae"],
        "Sum of the squares of the decoder's parameters.",
    ),
    ("l2", ALL, "Half the sum of the squares of the weights."),
    (
        "l1",
        &["gated"],
        "Sum of the open gates of a sample: the price of firing.",
    ),
    (
        "l1",
        ALL,
        "Sum of the absolute values of a sample's code: the price of units that are on.",
    ),
    (
        "size",
        ALL,
        "Half the sum of the squares of a sample's code.",
    ),
    (
        "contraction",
        ALL,
        "Sum of the squares of all derivatives of the code by the sample: how much the code moves when the sample does.",
    ),
    (
        "kl",
        &["sparse-kl"],
        "Σ KL(ρ ‖ mean of the unit): how far the units are from being on for a share ρ of the samples.",
    ),
    (
        "mmd",
        ALL,
        "Maximum mean discrepancy: how far the codes of a batch are from draws of the prior. The estimate has no bias, so it may fall below 0.",
    ),
    (
        "sw",
        ALL,
        "Sliced Wasserstein distance: how far the codes of a batch are from draws of the prior, seen along random lines.",
    ),
    (
        "cw",
        ALL,
        "Cramer-Wold distance: how far the codes of a batch are from N(0, 1).",
    ),
    (
        "log cw",
        ALL,
        "Logarithm of the Cramer-Wold distance of the codes of a batch from N(0, 1). It is below 0 where the distance is below 1, and so may the loss be.",
    ),
    // Divergences.
    (
        "kl",
        &["dec"],
        "KL(P ‖ Q): how far the assignments of samples to clusters are from the sharper ones that they are pulled to, in nats.",
    ),
    (
        "kl",
        &["gmvae"],
        "Divergence of code and cluster from the mixture that is the prior, in nats.",
    ),
    (
        "kl",
        ALL,
        "KL(q(z|x) ‖ p(z)): divergence of a sample's code from the prior, in nats.",
    ),
    (
        "kl_gap",
        ALL,
        "|K − C|: how many nats the divergence K is off its capacity C.",
    ),
    (
        "kl_capacity",
        ALL,
        "C, the nats that the divergence of the code is held to at this time.",
    ),
    (
        "kl_floored",
        ALL,
        "The divergence of the code where each number counts as the floor λ at least: the first λ nats of each are free.",
    ),
    (
        "kl_categories",
        ALL,
        "Divergence of a sample's categories from uniform ones, in nats.",
    ),
    (
        "kl_categories_gap",
        ALL,
        "How many nats the divergence of the categories is off its capacity.",
    ),
    (
        "kl_categories_capacity",
        ALL,
        "The nats that the divergence of the categories is held to at this time.",
    ),
    (
        "kl_size",
        ALL,
        "Divergence of the learnt size of a sample from the sizes of the training samples, in nats.",
    ),
    (
        "kl_label",
        ALL,
        "Divergence of the label from uniform ones, in nats: of a known one log of the number of labels.",
    ),
    (
        "units_at_floor",
        ALL,
        "Numbers of the code whose divergence is at the floor or below: they have no price.",
    ),
    (
        "beta",
        ALL,
        "β, the price of a nat of divergence at this time.",
    ),
    (
        "bound",
        ALL,
        "The bound on −log p(x) that is computed from a batch, in nats.",
    ),
    (
        "log-q",
        ALL,
        "log q(z₁|x) of the features that were drawn, in nats.",
    ),
    (
        "features",
        ALL,
        "−log p(z₁|y, z₂): how unlikely the features are given label and code, in nats.",
    ),
    (
        "mi",
        ALL,
        "Information between samples and codes, in nats, estimated from a batch of B. The weighted estimate has log N on top, for a population of N: it is log N and up to log B more, where the information itself is log N at most.",
    ),
    (
        "tc",
        ALL,
        "Total correlation of the L numbers of a code, in nats, estimated from a batch: noise may take it below 0. The weighted estimate has (L − 1) log N on top, for a population of N.",
    ),
    (
        "kl_of_units",
        ALL,
        "Σ KL(q(zⱼ) ‖ p(zⱼ)) of the numbers of a code, in nats, estimated from a batch: noise may take it below 0. The weighted estimate is L log N too small, so mostly negative. With mi and tc it adds up to the divergence of the draws, whatever the estimate.",
    ),
    (
        "covariances",
        ALL,
        "Sum of the squares of the covariances of the code's numbers over a batch.",
    ),
    (
        "variances",
        ALL,
        "Sum of the squares of what the variances of the code's numbers are off 1.",
    ),
    (
        "off_diagonal",
        ALL,
        "Square root of the sum of the squares of the covariances of the code's numbers.",
    ),
    (
        "pseudo_inputs_used",
        ALL,
        "Perplexity of the pseudo-inputs: as if so many were used alike.",
    ),
    // Labels, clusters, categories.
    (
        "ce",
        ALL,
        "Cross-entropy of the labels that are known, in nats.",
    ),
    (
        "accuracy",
        ALL,
        "Share of the known labels that the classifier guesses.",
    ),
    (
        "error",
        ALL,
        "Share of the known labels that the classifier gets wrong.",
    ),
    (
        "clusters",
        &["dec"],
        "Clusters that had samples when assignments were last renewed.",
    ),
    (
        "clusters",
        ALL,
        "Clusters that are the likeliest of some sample of a batch.",
    ),
    (
        "changed",
        ALL,
        "Share of the training samples that had changed their cluster when assignments were last renewed.",
    ),
    (
        "categories",
        ALL,
        "Categories, of all groups together, that are the likeliest of some sample of a batch.",
    ),
    (
        "certainty",
        &["concrete"],
        "Share that the largest column has in a number of the code, the mean over the numbers: 1 is a choice.",
    ),
    (
        "certainty",
        ALL,
        "Probability of the likeliest cluster or category, the mean over the samples: 1 is certain.",
    ),
    (
        "temperature",
        ALL,
        "Temperature of draws at this time: the nearer to 0, the nearer a draw is to a choice.",
    ),
    (
        "unique",
        ALL,
        "Different columns among those that are chosen.",
    ),
    (
        "imbalance",
        &["hashing"],
        "How far from ½ the share of samples is for which a bit is 1, the mean over the bits: 0 is best.",
    ),
    (
        "imbalance",
        ALL,
        "How far the use of categories in a batch is from uniform, in nats.",
    ),
    // Codes.
    (
        "grey",
        ALL,
        "Share of units within 0.1 of ½, which rounding to a bit would spoil.",
    ),
    (
        "correlation",
        ALL,
        "Size of the correlation of two bits, the mean over pairs: 0 is best.",
    ),
    (
        "on",
        ALL,
        "Units of the code that are not 0 for a sample, the mean over the samples.",
    ),
    (
        "unused",
        ALL,
        "Units of the code that are 0 for a whole batch.",
    ),
    (
        "distance",
        ALL,
        "Squared distance of a sample's code from the centre.",
    ),
    (
        "spread",
        ALL,
        "Sum of the variances of the code over a batch: 0 says that all codes are one point.",
    ),
    // Dictionaries.
    (
        "aux",
        ALL,
        "Squared error of what dead atoms make of the rest that living ones leave of a sample; 0 where none is dead.",
    ),
    (
        "gates",
        ALL,
        "Squared error of the reconstruction by the open gates alone.",
    ),
    (
        "firing",
        ALL,
        "Atoms that fire for a sample, the mean over the samples: what the penalty counts.",
    ),
    (
        "l0",
        ALL,
        "Atoms that fire for a sample, the mean over the samples.",
    ),
    (
        "explained",
        ALL,
        "Share of the variance of a batch that the reconstruction explains: 1 is all.",
    ),
    (
        "dead",
        ALL,
        "Atoms that have not fired for so many training samples that they count as dead.",
    ),
    (
        "drift",
        ALL,
        "How far the last step took the norm of an atom from 1 at most, before norms are made 1 again; above a few hundredths the rate is too large.",
    ),
    // What is measured beside the objective.
    (
        "psnr",
        ALL,
        "Peak signal-to-noise ratio of reconstructions in decibels: higher is better.",
    ),
    (
        "r2",
        ALL,
        "Share of the variance of the samples that their reconstructions explain: 1 is all, below 0 is worse than their mean.",
    ),
    (
        "active_units",
        ALL,
        "Numbers of the code whose variance over the samples is above 0.01.",
    ),
    (
        "gradient_norm",
        ALL,
        "Norm of the gradient at the last step of an epoch, before it was clipped.",
    ),
    ("weight_norm", ALL, "Norm of all parameters."),
];

impl Card {
    /// What a figure of this name means in a training of the variant: a term of its loss, or what is told beside
    /// it. None of a name that no variant has.
    ///
    /// ```
    /// use retrograd_autoencoders::Card;
    ///
    /// let hashing = Card::named("hashing").unwrap();
    /// assert!(hashing.meaning("grey").unwrap().starts_with("Share of units"));
    /// let nested = Card::named("matryoshka").unwrap();
    /// assert_eq!(nested.meaning("mse@64"), nested.meaning("mse@128"));
    /// ```
    #[must_use]
    pub fn meaning(&self, figure: &str) -> Option<&'static str> {
        let row = |name: &str| {
            let fits = |variants: &[&str]| variants.is_empty() || variants.contains(&self.name);
            let mut rows = MEANINGS.iter();
            rows.find(|(own, variants, _)| *own == name && fits(variants))
        };
        let row = row(figure).or_else(|| {
            let stem = figure.trim_end_matches(|c: char| c.is_ascii_digit());
            row(&format!("{stem}N"))
        })?;
        Some(row.2)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use retrograd_autograd::{Mode, Tape};
    use retrograd_nn::{Moment, Step};
    use retrograd_tensor::{Array, DType, Tensor, random};

    use super::*;
    use crate::{DataShape, Input, UNKNOWN};

    /// What a trainer adds, or measures by itself.
    const ADDED: [&str; 6] = [
        "loss",
        "psnr",
        "r2",
        "active_units",
        "gradient_norm",
        "weight_norm",
    ];
    /// Options that not all of a variant's figures are told without.
    const OPTIONS: [(&str, &str, &str); 2] = [
        ("counts", "library", "learnt"),
        ("marginalised", "layers", "2"),
    ];

    /// The figures of every variant in miniature, of all phases, in training and measured.
    fn told() -> BTreeSet<(&'static str, String)> {
        let shapes = [
            DataShape::images([1, 8, 8]),
            DataShape::table(6),
            DataShape::counts(6),
        ];
        let mut told = BTreeSet::new();
        for (card, shape) in Card::all().flat_map(|card| shapes.map(|shape| (card, shape))) {
            let plain = card.miniature(shape);
            let others = OPTIONS.iter().filter(|(name, ..)| *name == card.name);
            let others = others.map(|(_, option, value)| plain.clone().with(option, *value));
            for settings in std::iter::once(plain.clone()).chain(others) {
                let Ok(model) = card.build(&settings, shape, &mut random::rng(1)) else {
                    continue;
                };
                let labels = match (model.classes(), model.few_labels()) {
                    (Some(classes), _) => Some((classes as i64, 0)),
                    (None, Some(few)) => Some((few.classes as i64 + 1, UNKNOWN)),
                    (None, None) => None,
                };
                let labels = labels.map(|(count, first)| {
                    Array::from_vec((0..8).map(|row| row % count + first).collect(), [8])
                });
                let x = Tensor::uniform(
                    [8, shape.features()],
                    0.1,
                    0.9,
                    &mut random::rng(2),
                    DType::F32,
                );
                for mode in [Mode::Training, Mode::Evaluation] {
                    let step = Step {
                        mode,
                        moment: Moment {
                            epochs: 2,
                            steps_per_epoch: 2,
                            ..Moment::default()
                        },
                        ..Step::default()
                    };
                    for phase in model.phases() {
                        let tape = Tape::with(mode, random::rng(3));
                        let input = Input::from(tape.constant(x.clone())).labelled(labels.clone());
                        let metrics = phase.objective(&input, &step).metrics();
                        told.extend(metrics.iter().map(|(name, _)| (card.name, name.to_owned())));
                    }
                }
            }
        }
        told
    }

    #[test]
    fn every_figure_of_a_variant_has_a_meaning_and_every_meaning_a_figure() {
        let told = told();
        let mut used = BTreeSet::new();
        for (variant, figure) in &told {
            let meaning = Card::named(variant).unwrap().meaning(figure);
            used.insert(meaning.unwrap_or_else(|| panic!("{variant}: {figure} has no meaning")));
        }
        for (figure, variants, meaning) in MEANINGS {
            assert!(
                used.contains(meaning) || ADDED.contains(figure),
                "no variant of {variants:?} tells `{figure}`"
            );
        }
    }
}
