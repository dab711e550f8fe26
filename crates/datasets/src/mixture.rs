//! A table of eight kinds of rows, each a cloud of its own, known exactly.
//!
//! Of a row of the kind `c`, drawn from 0..8, the causes are normal around a corner of a cube, wider in some
//! directions than in others; with `ε ~ N(0, I₃)`, `η ~ N(0, I₁₂)` and `b_k` the bit `k` of `c`,
//!
//! ```text
//! z_k = 2 (2 b_k − 1) + s_ck ε_k,       s_ck = 0.4 + 0.2 ((c + k) mod 3),        k = 0, 1, 2
//! x_j = sigmoid( ½ Σₖ w_jk z_k + σ η_j ),   w_jk = cos(π (j + ½) (k + 1) / 12),   j of 0..12,  σ = 0.05
//! ```
//!
//! The weights of a cause are a slow cosine wave, as in [`tabular`](mod@crate::tabular). Whoever knows the
//! equation and the causes of a row tells its kind in [998 of 1000](MIXTURE_BEST), since clouds
//! overlap: so a clustering that is right more often has seen the labels.

use std::f32::consts::PI;

use rand::RngExt;
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of columns.
pub const MIXTURE_FEATURES: usize = 12;

/// The number of kinds, which are the labels.
pub const MIXTURE_KINDS: usize = 1 << MIXTURE_CAUSES;

/// The number of causes, the corners' dimensions.
pub const MIXTURE_CAUSES: usize = 3;

/// The standard deviation σ of the noise, before the sigmoid.
pub const MIXTURE_NOISE: f32 = 0.05;

/// The share of rows whose kind follows from their causes, by the likeliest cloud.
pub const MIXTURE_BEST: f64 = 0.9977;

/// How far a corner is from the middle, in each direction.
const CORNER: f32 = 2.0;

/// `n` rows: features `[n, 12]` in (0, 1), labels 0 to 7.
///
/// Row `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
pub fn mixture(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::Train)
}

/// `train` rows to learn from, the same as [`mixture`]`(train, seed)`, and `held_out` others to
/// judge by.
pub fn mixture_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train),
        held_out: part(held_out, seed, Part::HeldOut),
    }
}

/// The causes `z` of the rows of [`mixture`]`(n, seed)`, `[n, 3]`.
pub fn mixture_causes(n: usize, seed: u64) -> Array<f32> {
    let (causes, _) = sample_rows(n, MIXTURE_CAUSES, seed, Part::Train, |rng, row| {
        row.copy_from_slice(&draw(rng).1);
    });
    Array::from_vec(causes, [n, MIXTURE_CAUSES])
}

fn part(n: usize, seed: u64, part: Part) -> Dataset {
    let (values, labels) = sample_rows(n, MIXTURE_FEATURES, seed, part, |rng, row| {
        let (kind, causes) = draw(rng);
        for (column, value) in row.iter_mut().enumerate() {
            let signal: f32 = (0..MIXTURE_CAUSES)
                .map(|k| weight(column, k) * causes[k])
                .sum();
            let noise: f32 = rng.sample(StandardNormal);
            *value = sigmoid(0.5 * signal + MIXTURE_NOISE * noise);
        }
        kind as u32
    });
    Dataset {
        labels: Some(labels),
        ..Dataset::new("mixture", Array::from_vec(values, [n, MIXTURE_FEATURES]))
    }
}

/// The first numbers of a sample's stream: its kind and its causes.
fn draw(rng: &mut impl rand::Rng) -> (usize, [f32; MIXTURE_CAUSES]) {
    let kind = rng.random_range(0..MIXTURE_KINDS);
    let causes = std::array::from_fn(|k| {
        let noise: f32 = rng.sample(StandardNormal);
        corner(kind, k) + spread(kind, k) * noise
    });
    (kind, causes)
}

/// Where the cloud of a kind is, in direction `k`.
fn corner(kind: usize, k: usize) -> f32 {
    if kind >> k & 1 == 1 { CORNER } else { -CORNER }
}

/// How wide it is there.
fn spread(kind: usize, k: usize) -> f32 {
    0.4 + 0.2 * ((kind + k) % 3) as f32
}

/// How much cause `k`, counted from zero, moves a column.
fn weight(column: usize, k: usize) -> f32 {
    (PI * (column as f32 + 0.5) * (k + 1) as f32 / MIXTURE_FEATURES as f32).cos()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    /// The kind whose cloud is the densest at these causes.
    fn likeliest(causes: &[f32]) -> u32 {
        let density = |kind: usize| -> f32 {
            let each = causes.iter().enumerate().map(|(k, z)| {
                let apart = (z - corner(kind, k)) / spread(kind, k);
                -0.5 * apart * apart - spread(kind, k).ln()
            });
            each.sum()
        };
        let kinds = 0..MIXTURE_KINDS;
        let best = kinds.max_by(|&a, &b| density(a).total_cmp(&density(b)));
        best.unwrap() as u32
    }

    #[test]
    fn the_kinds_are_equally_frequent_and_can_be_told_as_often_as_is_said() {
        let n = 20_000;
        let (rows, causes) = (mixture(n, 3), mixture_causes(n, 3).to_vec());
        assert_eq!((rows.len(), rows.width()), (n, MIXTURE_FEATURES));
        let labels = rows.labels.as_ref().unwrap();
        for kind in 0..MIXTURE_KINDS as u32 {
            let count = labels.iter().filter(|&&label| label == kind).count();
            // Five standard errors of a count of an eighth.
            assert_abs_diff_eq!(count as f64, 2500.0, epsilon = 235.0);
        }
        let guesses = causes.chunks(MIXTURE_CAUSES).map(likeliest);
        let right = guesses.zip(labels).filter(|(a, b)| a == *b).count();
        assert_abs_diff_eq!(right as f64 / n as f64, MIXTURE_BEST, epsilon = 0.0015);
    }

    #[test]
    fn rows_are_their_causes_up_to_the_noise() {
        let n = 2000;
        let (rows, causes) = (mixture(n, 11), mixture_causes(n, 11).to_vec());
        let values = rows.values().to_vec();
        assert!(values.iter().all(|x| (0.0..=1.0).contains(x)));
        let mut square = 0.0f64;
        for (row, z) in values
            .chunks(MIXTURE_FEATURES)
            .zip(causes.chunks(MIXTURE_CAUSES))
        {
            for (j, &x) in row.iter().enumerate() {
                let signal: f32 = (0..MIXTURE_CAUSES).map(|k| weight(j, k) * z[k]).sum();
                square += f64::from((x / (1.0 - x)).ln() - 0.5 * signal).powi(2);
            }
        }
        let noise = (square / values.len() as f64).sqrt();
        assert_abs_diff_eq!(noise, f64::from(MIXTURE_NOISE), epsilon = 0.002);
    }

    #[test]
    fn a_longer_set_begins_with_the_shorter_and_parts_differ() {
        let (short, long) = (mixture(10, 7), mixture(30, 7));
        let width = MIXTURE_FEATURES;
        assert_eq!(
            long.values().to_vec()[..10 * width],
            short.values().to_vec()[..]
        );
        assert_eq!(long.labels.unwrap()[..10], short.labels.unwrap()[..]);
        let split = mixture_split(50, 50, 9);
        let held_out = split.held_out.values().to_vec();
        for row in split.train.values().to_vec().chunks(width) {
            assert!(held_out.chunks(width).all(|other| other != row));
        }
        assert!(mixture(0, 1).is_empty());
    }
}
