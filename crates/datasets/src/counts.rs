//! Counts as those of genes in cells, with the groups and the sizes that made them known exactly.
//!
//! A sample belongs to a group `k` of 5, each as likely as the others, and has a size
//! `ℓ = 300 e^{0.5 ε}`, `ε ~ N(0, 1)`, which says how much was counted of it and nothing about what it is.
//! Feature `g` of 40 has the share `ρ_kg` of it:
//!
//! ```text
//! w_kg = exp(cos(7 g)) · 6^[g mod 5 = k]        ρ_kg = w_kg / Σ_g w_kg
//! x_g  ~ Poisson(ℓ ρ_kg γ_g),   γ_g ~ Gamma(shape 4, scale 1/4)
//! x_g  = 0 instead, one time in ten
//! ```
//!
//! So every fifth feature marks a group, where it is six times as frequent; a count is negative binomial
//! with the mean `ℓ ρ_kg` and the dispersion θ = 4, with more zeros than that has. The sizes differ more
//! than the groups do: whoever compares raw counts finds sizes.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Gamma, Poisson, StandardNormal};
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of features.
pub const COUNTS_FEATURES: usize = 40;

/// The number of groups.
pub const COUNTS_GROUPS: usize = 5;

/// θ, of which 1/θ is the variance of the share of a feature beside its mean.
pub const COUNTS_DISPERSION: f32 = 4.0;

/// How often a count is 0 whatever it would have been.
pub const COUNTS_ZEROS: f64 = 0.1;

/// How much more frequent a feature is in its group.
const MARKED: f32 = 6.0;
/// The median size, and the deviation of its logarithm.
const MEDIAN: f32 = 300.0;
const SPREAD: f32 = 0.5;

/// `n` samples: counts `[n, 40]`, labelled with their groups.
///
/// Sample `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
///
/// ```
/// let cells = retrograd_datasets::counts(100, 0);
/// assert!(cells.values().iter().all(|x| *x >= 0.0 && x.fract() == 0.0));
/// ```
pub fn counts(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::Train)
}

/// `train` samples to learn from, the same as [`counts`]`(train, seed)`, and `held_out` others to judge
/// by.
pub fn counts_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train),
        held_out: part(held_out, seed, Part::HeldOut),
    }
}

/// The sizes ℓ of the samples of [`counts`]`(n, seed)`, `[n]`.
pub fn counts_sizes(n: usize, seed: u64) -> Array<f32> {
    let (sizes, _) = sample_rows(n, 1, seed, Part::Train, |rng, row| row[0] = origin(rng).1);
    Array::from_vec(sizes, [n])
}

/// The shares ρ of the features in each group, `[groups, features]`; a group's sum to 1.
pub fn counts_shares() -> Array<f32> {
    let shares: Vec<f32> = (0..COUNTS_GROUPS).flat_map(shares).collect();
    Array::from_vec(shares, [COUNTS_GROUPS, COUNTS_FEATURES])
}

fn shares(group: usize) -> [f32; COUNTS_FEATURES] {
    let weights: [f32; COUNTS_FEATURES] = std::array::from_fn(|feature| {
        let own = feature % COUNTS_GROUPS == group;
        (7.0 * feature as f32).cos().exp() * if own { MARKED } else { 1.0 }
    });
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// The first numbers of a sample's stream: its group and its size.
fn origin(rng: &mut impl Rng) -> (usize, f32) {
    let group = rng.random_range(0..COUNTS_GROUPS);
    let normal: f32 = rng.sample(StandardNormal);
    (group, MEDIAN * (SPREAD * normal).exp())
}

fn part(n: usize, seed: u64, part: Part) -> Dataset {
    let groups: Vec<_> = (0..COUNTS_GROUPS).map(shares).collect();
    let scatter = Gamma::new(COUNTS_DISPERSION, 1.0 / COUNTS_DISPERSION)
        .expect("a shape and a scale above 0");
    let (values, labels) = sample_rows(n, COUNTS_FEATURES, seed, part, |rng, row| {
        let (group, size) = origin(rng);
        for (count, share) in row.iter_mut().zip(groups[group]) {
            let rate = size * share * scatter.sample(rng);
            // A rate that rounds to 0 has no distribution and gives no count.
            let drawn = Poisson::new(rate).map_or(0.0, |poisson| poisson.sample(rng));
            *count = if rng.random_bool(COUNTS_ZEROS) {
                0.0
            } else {
                drawn
            };
        }
        group as u32
    });
    Dataset {
        labels: Some(labels),
        ..Dataset::new("counts", Array::from_vec(values, [n, COUNTS_FEATURES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    #[test]
    fn counts_are_what_the_equations_say() {
        let n = 20_000;
        let (set, sizes) = (counts(n, 5), counts_sizes(n, 5).to_vec());
        let (values, labels) = (set.values(), set.labels.as_deref().unwrap());
        assert!(values.iter().all(|x| *x >= 0.0 && x.fract() == 0.0));
        let shares = counts_shares().to_vec();
        // Feature 10 marks group 0: its counts there over their means, and their scatter.
        for (group, feature) in [(0, 10), (3, 10)] {
            let share = shares[group * COUNTS_FEATURES + feature];
            let theta = f64::from(COUNTS_DISPERSION);
            let kept = 1.0 - COUNTS_ZEROS;
            let (mut sum, mut scatter, mut rows) = (0.0, 0.0, 0.0);
            let (mut zeros, mut expected) = (0, 0.0);
            let own = (0..n).filter(|&row| labels[row] as usize == group);
            for row in own {
                let mean = f64::from(sizes[row] * share);
                let x = f64::from(values[row * COUNTS_FEATURES + feature]);
                sum += x / mean;
                scatter += ((x - mean).powi(2) - mean) / mean.powi(2);
                zeros += usize::from(x == 0.0);
                expected += COUNTS_ZEROS + kept * (theta / (theta + mean)).powf(theta);
                rows += 1.0;
            }
            assert!((3500.0..4500.0).contains(&rows), "{rows}");
            assert_abs_diff_eq!(sum / rows, kept, epsilon = 0.04);
            // E(x − m)² of a count that is 0 one time in ten: kept (m + m²/θ) + (1 − kept) m².
            assert_abs_diff_eq!(scatter / rows, kept / theta + 0.1, epsilon = 0.05);
            // Five standard errors.
            let spread = 5.0 * f64::sqrt(0.25 / rows);
            assert_abs_diff_eq!(zeros as f64 / rows, expected / rows, epsilon = spread);
        }
    }

    #[test]
    fn parts_differ_and_longer_sets_begin_with_shorter_ones() {
        let split = counts_split(30, 30, 2);
        assert_eq!(split.train.values(), counts(30, 2).values());
        assert_ne!(split.train.values(), split.held_out.values());
        assert_eq!(counts(50, 2).first(30).values(), counts(30, 2).values());
        assert_eq!(
            counts_sizes(50, 2).to_vec()[..30],
            counts_sizes(30, 2).to_vec()
        );
    }
}
