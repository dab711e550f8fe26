//! A table whose eighteen columns have four hidden causes, known exactly.
//!
//! With `z ~ N(0, I₄)` the causes and `ε ~ N(0, I₁₈)` the noise of a sample, column `j` of 0..18 is
//!
//! ```text
//! x_j = sigmoid( Σₖ w_jk z_k + σ ε_j ),    w_jk = cos(π (j + ½) k / 18),    k = 1..4,    σ = 0.05
//! ```
//!
//! The weights of a cause are one of the slow cosine waves of the discrete cosine transform (Ahmed,
//! Natarajan & Rao, 1974), so they are orthogonal to those of the others, and neighbouring columns
//! are correlated. The sigmoid puts every column in (0, 1) and bends the four-dimensional plane:
//! four principal components leave a residue that a nonlinear autoencoder with four latent units
//! need not.

use std::f32::consts::PI;

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of columns.
pub const TABULAR_FEATURES: usize = 18;

/// The number of hidden causes: the latent units that an autoencoder needs.
pub const TABULAR_CAUSES: usize = 4;

/// The standard deviation σ of the noise, before the sigmoid; at most a quarter of it is left
/// after.
pub const TABULAR_NOISE: f32 = 0.05;

/// `n` rows of the table: features `[n, 18]` in (0, 1), without labels.
///
/// Row `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
pub fn tabular(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::Train)
}

/// `train` rows to learn from, the same as [`tabular`]`(train, seed)`, and `held_out` others to
/// judge by.
pub fn tabular_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train),
        held_out: part(held_out, seed, Part::HeldOut),
    }
}

/// The causes `z` of the rows of [`tabular`]`(n, seed)`: `[n, 4]`, standard normal.
pub fn tabular_causes(n: usize, seed: u64) -> Array<f32> {
    let (causes, _) = sample_rows(n, TABULAR_CAUSES, seed, Part::Train, |rng, row| {
        row.copy_from_slice(&draw_causes(rng));
    });
    Array::from_vec(causes, [n, TABULAR_CAUSES])
}

fn part(n: usize, seed: u64, part: Part) -> Dataset {
    let (values, _) = sample_rows(n, TABULAR_FEATURES, seed, part, |rng, row| {
        let causes = draw_causes(rng);
        for (column, value) in row.iter_mut().enumerate() {
            let signal: f32 = (0..TABULAR_CAUSES)
                .map(|k| weight(column, k) * causes[k])
                .sum();
            let noise: f32 = rng.sample(StandardNormal);
            *value = sigmoid(signal + TABULAR_NOISE * noise);
        }
    });
    Dataset::new("tabular", Array::from_vec(values, [n, TABULAR_FEATURES]))
}

/// The first numbers of a sample's stream.
fn draw_causes(rng: &mut impl Rng) -> [f32; TABULAR_CAUSES] {
    std::array::from_fn(|_| rng.sample(StandardNormal))
}

/// How much cause `k`, counted from zero, moves a column.
fn weight(column: usize, k: usize) -> f32 {
    (PI * (column as f32 + 0.5) * (k + 1) as f32 / TABULAR_FEATURES as f32).cos()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    fn logit(x: f32) -> f32 {
        (x / (1.0 - x)).ln()
    }

    #[test]
    fn every_value_is_between_zero_and_one() {
        let set = tabular(5000, 3);
        assert_eq!((set.len(), set.width()), (5000, TABULAR_FEATURES));
        assert!(set.labels.is_none() && set.image.is_none());
        assert!(
            set.values()
                .to_vec()
                .iter()
                .all(|x| (0.0..=1.0).contains(x))
        );
    }

    #[test]
    fn the_waves_are_orthogonal() {
        for a in 0..TABULAR_CAUSES {
            for b in 0..TABULAR_CAUSES {
                let product: f32 = (0..TABULAR_FEATURES)
                    .map(|j| weight(j, a) * weight(j, b))
                    .sum();
                let want = if a == b {
                    TABULAR_FEATURES as f32 / 2.0
                } else {
                    0.0
                };
                assert_abs_diff_eq!(product, want, epsilon = 1e-4, "{a} {b}: {product}");
            }
        }
    }

    #[test]
    fn the_causes_explain_the_rows_up_to_the_noise() {
        let n = 2000;
        let (rows, causes) = (
            tabular(n, 11).values().to_vec(),
            tabular_causes(n, 11).to_vec(),
        );
        let mut square = 0.0f64;
        for (row, z) in rows
            .chunks(TABULAR_FEATURES)
            .zip(causes.chunks(TABULAR_CAUSES))
        {
            for (j, &x) in row.iter().enumerate() {
                let signal: f32 = (0..TABULAR_CAUSES).map(|k| weight(j, k) * z[k]).sum();
                square += f64::from(logit(x) - signal).powi(2);
            }
        }
        let noise = (square / rows.len() as f64).sqrt();
        assert_abs_diff_eq!(noise, f64::from(TABULAR_NOISE), epsilon = 0.002);
    }

    #[test]
    fn neighbouring_columns_are_correlated() {
        let rows = tabular(4000, 5).values().to_vec();
        let column = |j: usize| {
            rows.iter()
                .skip(j)
                .step_by(TABULAR_FEATURES)
                .map(|&x| f64::from(x) - 0.5)
        };
        let dot = |a: usize, b: usize| column(a).zip(column(b)).map(|(x, y)| x * y).sum::<f64>();
        let correlation = dot(0, 1) / (dot(0, 0) * dot(1, 1)).sqrt();
        assert!(correlation > 0.9, "{correlation}");
    }

    #[test]
    fn the_parts_of_a_split_are_disjoint() {
        let split = tabular_split(50, 50, 9);
        assert_eq!(
            split.train.values().to_vec(),
            tabular(50, 9).values().to_vec()
        );
        let held_out = split.held_out.values();
        for row in split.train.values().to_vec().chunks(TABULAR_FEATURES) {
            assert!(held_out.chunks(TABULAR_FEATURES).all(|other| other != row));
        }
    }
}
