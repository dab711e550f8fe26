//! A table of numbers and categories that hang together.
//!
//! A row is of kind `k`, which is 0, 1 or 2 with the probabilities 0.5, 0.3 and 0.2, and its label. With normal
//! numbers `ε` its columns are
//!
//! ```text
//! place    k, or one time in ten any of the three        (category)
//! member   1 with a probability of 0.9 if k = 2, else 0.2  (category)
//! peak     −4 + 0.5 ε, 0 + ε, or 5 + 0.3 ε for k = 0, 1, 2
//! follows  0.5 peak + 0.5 ε
//! skewed   exp(k + 0.3 ε)
//! alone    1000 + 100 ε
//! ```
//!
//! Columns differ in size by a thousand, and `peak` has three peaks with next to nothing between them: one
//! scale for all and a normal distribution for each do not fit it.

use rand::RngExt;
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of columns.
pub const MIXED_FEATURES: usize = 6;

/// What the columns are called.
const COLUMNS: [&str; MIXED_FEATURES] = ["place", "member", "peak", "follows", "skewed", "alone"];

/// `n` rows of the table: features `[n, 6]`, of which the first two are categories, labelled with kinds.
///
/// Row `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
pub fn mixed(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::Train)
}

/// `train` rows to learn from, the same as [`mixed`]`(train, seed)`, and `held_out` others to judge by.
pub fn mixed_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train),
        held_out: part(held_out, seed, Part::HeldOut),
    }
}

fn part(n: usize, seed: u64, part: Part) -> Dataset {
    let (values, labels) = sample_rows(n, MIXED_FEATURES, seed, part, |rng, row| {
        let share: f32 = rng.random();
        let kind = usize::from(share >= 0.5) + usize::from(share >= 0.8);
        let place = if rng.random_bool(0.1) {
            rng.random_range(0..3)
        } else {
            kind
        };
        let member = rng.random_bool(if kind == 2 { 0.9 } else { 0.2 });
        let mut normal = |middle: f32, spread: f32| {
            let noise: f32 = rng.sample(StandardNormal);
            middle + spread * noise
        };
        let (middle, spread) = [(-4.0, 0.5), (0.0, 1.0), (5.0, 0.3)][kind];
        let peak = normal(middle, spread);
        let follows = normal(0.5 * peak, 0.5);
        let skewed = normal(kind as f32, 0.3).exp();
        let alone = normal(1000.0, 100.0);
        let member = f32::from(u8::from(member));
        row.copy_from_slice(&[place as f32, member, peak, follows, skewed, alone]);
        kind as u32
    });
    Dataset {
        labels: Some(labels),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        ..Dataset::new("mixed", Array::from_vec(values, [n, MIXED_FEATURES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_what_the_equations_say() {
        let n = 20_000;
        let set = mixed(n, 3);
        let (values, labels) = (set.values(), set.labels.as_deref().unwrap());
        let of = |kind: u32, column: usize| -> Vec<f64> {
            let own = (0..n).filter(|&row| labels[row] == kind);
            own.map(|row| f64::from(values[row * MIXED_FEATURES + column]))
                .collect()
        };
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let count = |kind| of(kind, 0).len() as f64 / n as f64;
        assert!((count(0) - 0.5).abs() < 0.02 && (count(2) - 0.2).abs() < 0.02);
        let own = of(1, 0).iter().filter(|place| **place == 1.0).count() as f64;
        assert!((own / of(1, 0).len() as f64 - (0.9 + 0.1 / 3.0)).abs() < 0.02);
        assert!((mean(&of(2, 1)) - 0.9).abs() < 0.02 && (mean(&of(0, 1)) - 0.2).abs() < 0.02);
        for (kind, middle) in [(0, -4.0), (1, 0.0), (2, 5.0)] {
            assert!((mean(&of(kind, 2)) - middle).abs() < 0.1);
            assert!((mean(&of(kind, 3)) - 0.5 * middle).abs() < 0.1);
        }
        assert!(of(0, 4).iter().all(|x| *x > 0.0));
        let split = mixed_split(20, 20, 3);
        assert_eq!(split.train.values(), mixed(30, 3).first(20).values());
        assert_ne!(split.train.values(), split.held_out.values());
    }
}
