//! Rows of which some are unlike the others, and it is known which.
//!
//! Two hidden causes `a, b ~ N(0, 1)` and noise `ε ~ N(0, I₈)` make the eight columns of an inlier,
//!
//! ```text
//! x_j = ½ + 0.4 sin(u_j a + v_j b + j) + σ ε_j        u_j = 1.5 cos(π j / 8),  v_j = 1.5 sin(π j / 8),  σ = 0.02
//! ```
//!
//! for `j` of 0..8. An outlier has causes of its own **for every column**. So each column by itself is
//! distributed as among inliers, and no threshold on one column finds anything: what is wrong with an
//! outlier is how its columns go together. That is what a model of the inliers must have learnt.
//!
//! A [split](oneclass_split) has inliers alone to learn from, and as many outliers as inliers among the
//! held-out rows, in turn.

use std::f32::consts::PI;

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of columns.
pub const ONECLASS_FEATURES: usize = 8;

/// The standard deviation σ of the noise.
pub const ONECLASS_NOISE: f32 = 0.02;

/// Half of what a column moves by.
const HEIGHT: f32 = 0.4;
/// How much a column turns with its cause, in radians.
const TURN: f32 = 1.5;

/// What the labels are called, label 0 first.
const CLASSES: [&str; 2] = ["inlier", "outlier"];

/// `n` rows in [0, 1], `[n, 8]`, of which every second is an outlier (label 1) and the others are inliers
/// (label 0).
///
/// Row `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
///
/// ```
/// let data = retrograd_datasets::oneclass(4, 1);
/// assert_eq!(data.labels.unwrap(), [0, 1, 0, 1]);
/// assert_eq!(data.features.shape(), [4, 8]);
/// ```
pub fn oneclass(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::HeldOut, |row| (row % 2) as u32)
}

/// `train` inliers to learn from, and `held_out` rows to judge by, the same as
/// [`oneclass`]`(held_out, seed)`: every second an outlier.
pub fn oneclass_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train, |_| 0),
        held_out: oneclass(held_out, seed),
    }
}

fn part(n: usize, seed: u64, part: Part, label: impl Fn(usize) -> u32) -> Dataset {
    // Which row is an outlier is no matter of chance, and what a stream gives does not depend on it: an
    // outlier is drawn from causes that an inlier of the same stream does not use.
    let (values, others) = sample_rows(n, ONECLASS_FEATURES, seed, part, |rng, row| {
        let causes = causes(rng);
        let noise: [f32; ONECLASS_FEATURES] = std::array::from_fn(|_| normal(rng));
        let column = |j: usize, [a, b]: [f32; 2]| {
            let direction = PI * j as f32 / ONECLASS_FEATURES as f32;
            let angle = TURN * (direction.cos() * a + direction.sin() * b) + j as f32;
            let x = 0.5 + HEIGHT * angle.sin() + ONECLASS_NOISE * noise[j];
            x.clamp(0.0, 1.0)
        };
        for (j, x) in row.iter_mut().enumerate() {
            *x = column(j, causes);
        }
        let own: [f32; ONECLASS_FEATURES] = std::array::from_fn(|j| {
            let causes = self::causes(rng);
            column(j, causes)
        });
        own
    });
    let labels: Vec<u32> = (0..n).map(label).collect();
    let mut values = values;
    let rows = values.chunks_exact_mut(ONECLASS_FEATURES);
    for ((row, other), &label) in rows.zip(&others).zip(&labels) {
        if label == 1 {
            row.copy_from_slice(other);
        }
    }
    Dataset {
        labels: Some(labels),
        classes: CLASSES.map(str::to_owned).to_vec(),
        ..Dataset::new("oneclass", Array::from_vec(values, [n, ONECLASS_FEATURES]))
    }
}

fn normal(rng: &mut impl Rng) -> f32 {
    rng.sample(StandardNormal)
}

/// a and b.
fn causes(rng: &mut impl Rng) -> [f32; 2] {
    [normal(rng), normal(rng)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    fn rows(data: &Dataset, label: u32) -> Vec<Vec<f32>> {
        let labels = data.labels.clone().unwrap();
        let values = data.values();
        let rows = values.chunks(ONECLASS_FEATURES).zip(labels);
        let own = rows.filter(|(_, own)| *own == label);
        own.map(|(row, _)| row.to_vec()).collect()
    }

    #[test]
    fn every_column_alone_is_distributed_alike() {
        let data = oneclass(20_000, 3);
        let (inliers, outliers) = (rows(&data, 0), rows(&data, 1));
        for j in 0..ONECLASS_FEATURES {
            let sorted = |rows: &[Vec<f32>]| {
                let mut column: Vec<f32> = rows.iter().map(|row| row[j]).collect();
                column.sort_by(f32::total_cmp);
                column
            };
            let (a, b) = (sorted(&inliers), sorted(&outliers));
            // The largest difference of the two distribution functions; above 0.0247 once in 200 times.
            let share = |column: &[f32], x: f32| {
                column.partition_point(|v| *v <= x) as f32 / column.len() as f32
            };
            let apart = a.iter().map(|&x| (share(&a, x) - share(&b, x)).abs());
            let apart = apart.fold(0.0, f32::max);
            assert!(apart < 0.0247, "column {j}: {apart}");
        }
    }

    #[test]
    fn columns_of_inliers_go_together_and_those_of_outliers_do_not() {
        let data = oneclass(20_000, 4);
        let correlation = |rows: &[Vec<f32>], i: usize, j: usize| {
            let count = rows.len() as f32;
            let mean = |k: usize| rows.iter().map(|row| row[k]).sum::<f32>() / count;
            let (mi, mj) = (mean(i), mean(j));
            let of = |f: &dyn Fn(&Vec<f32>) -> f32| rows.iter().map(f).sum::<f32>() / count;
            let covariance = of(&|row| (row[i] - mi) * (row[j] - mj));
            let square = |k: usize, m: f32| of(&|row| (row[k] - m).powi(2));
            covariance / (square(i, mi) * square(j, mj)).sqrt()
        };
        let largest = |label: u32| {
            let rows = rows(&data, label);
            let pairs = (0..ONECLASS_FEATURES).flat_map(|i| (0..i).map(move |j| (i, j)));
            pairs
                .map(|(i, j)| correlation(&rows, i, j).abs())
                .fold(0.0, f32::max)
        };
        assert!(largest(0) > 0.5, "{}", largest(0));
        assert_abs_diff_eq!(largest(1), 0.0, epsilon = 0.05);
    }

    #[test]
    fn rows_depend_on_the_seed_and_their_index_alone() {
        let (short, long) = (oneclass(10, 7), oneclass(50, 7));
        assert_eq!(short.values()[..], long.values()[..80]);
        assert_ne!(short.values(), oneclass(10, 8).values());
        let split = oneclass_split(10, 50, 7);
        assert_eq!(split.held_out.values(), long.values());
        assert_eq!(split.train.labels.unwrap(), [0; 10]);
        assert_eq!(split.train.classes, ["inlier", "outlier"]);
        assert!(long.values().iter().all(|x| (0.0..=1.0).contains(x)));
    }
}
