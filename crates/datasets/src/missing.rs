//! A table with holes, and what was in them.
//!
//! With two causes `z ~ N(0, I₂)`, the angles `φ_j = π j / 8` and the noise `ε ~ N(0, I₈)`, column `j` of 0..8
//! is
//!
//! ```text
//! x_j = z₁ cos φ_j + z₂ sin φ_j + 0.3 (z₁² − 1) cos 2φ_j + 0.2 ε_j
//! ```
//!
//! and each number is missing with a probability of 0.3, whatever it or any other is (missing completely at
//! random). Every column has the mean 0, which stands in the holes. Two numbers of a row nearly say the
//! others, but not by a linear map: the mean of a column leaves an error of about 1 in a hole, and the
//! noise alone one of 0.04.

use rand::RngExt;
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The number of columns.
pub const MISSING_FEATURES: usize = 8;

/// The share of the numbers that are missing.
pub const MISSING_SHARE: f64 = 0.3;

/// The standard deviation of the noise.
pub const MISSING_NOISE: f32 = 0.2;

/// `n` rows of the table: features `[n, 8]` with 0 in the holes, which [`Dataset::observed`] marks.
///
/// Row `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
pub fn missing(n: usize, seed: u64) -> Dataset {
    let (mut values, observed) = draw(n, seed, Part::Train);
    holed(&mut values, observed, n)
}

/// `train` rows to learn from, the same as [`missing`]`(train, seed)`, and `held_out` others to judge by.
pub fn missing_split(train: usize, held_out: usize, seed: u64) -> Split {
    let part = |n, part| {
        let (mut values, observed) = draw(n, seed, part);
        holed(&mut values, observed, n)
    };
    Split {
        train: part(train, Part::Train),
        held_out: part(held_out, Part::HeldOut),
    }
}

/// The rows of [`missing`]`(n, seed)` without a hole, `[n, 8]`.
///
/// ```
/// use retrograd_datasets::{missing, missing_whole};
///
/// let (table, whole) = (missing(10, 0), missing_whole(10, 0));
/// let seen = table.observed.unwrap();
/// let kept = seen.iter().zip(whole.iter()).zip(table.features.iter());
/// assert!(kept.into_iter().all(|((seen, whole), x)| x == if seen > 0.0 { f64::from(whole) } else { 0.0 }));
/// ```
pub fn missing_whole(n: usize, seed: u64) -> Array<f32> {
    Array::from_vec(draw(n, seed, Part::Train).0, [n, MISSING_FEATURES])
}

/// The numbers, and which of them are observed.
fn draw(n: usize, seed: u64, part: Part) -> (Vec<f32>, Vec<[bool; MISSING_FEATURES]>) {
    sample_rows(n, MISSING_FEATURES, seed, part, |rng, row| {
        let [a, b]: [f32; 2] = std::array::from_fn(|_| rng.sample(StandardNormal));
        for (column, value) in row.iter_mut().enumerate() {
            let angle = std::f32::consts::PI * column as f32 / MISSING_FEATURES as f32;
            let bend = 0.3 * (a * a - 1.0) * (2.0 * angle).cos();
            let noise: f32 = rng.sample(StandardNormal);
            *value = a * angle.cos() + b * angle.sin() + bend + MISSING_NOISE * noise;
        }
        std::array::from_fn(|_| !rng.random_bool(MISSING_SHARE))
    })
}

fn holed(values: &mut [f32], observed: Vec<[bool; MISSING_FEATURES]>, n: usize) -> Dataset {
    let observed: Vec<bool> = observed.into_iter().flatten().collect();
    for (value, seen) in values.iter_mut().zip(&observed) {
        if !seen {
            *value = 0.0;
        }
    }
    let shape = [n, MISSING_FEATURES];
    let mask = observed.into_iter().map(f32::from).collect();
    Dataset {
        observed: Some(Array::from_vec(mask, shape).into()),
        ..Dataset::new("missing", Array::from_vec(values.to_vec(), shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    #[test]
    fn holes_are_as_frequent_as_is_said_and_columns_have_the_mean_of_zero() {
        let n = 20_000;
        let (table, whole) = (missing(n, 3), missing_whole(n, 3).to_vec());
        let seen = table.observed.unwrap().mean(..).item();
        assert_abs_diff_eq!(seen, 1.0 - MISSING_SHARE, epsilon = 0.01);
        for column in 0..MISSING_FEATURES {
            let own = || whole.iter().skip(column).step_by(MISSING_FEATURES);
            let mean = own().map(|&x| f64::from(x)).sum::<f64>() / n as f64;
            let square = own().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n as f64;
            assert_abs_diff_eq!(mean, 0.0, epsilon = 0.04);
            assert!((0.9..1.4).contains(&square), "{column}: {square}");
        }
    }

    #[test]
    fn longer_tables_begin_with_shorter_ones() {
        let (long, short) = (missing(60, 1).first(20), missing(20, 1));
        assert_eq!(long.values(), short.values());
        let masks = [long, short].map(|table| table.observed.unwrap().to_vec());
        assert_eq!(masks[0], masks[1]);
        let split = missing_split(20, 20, 1);
        assert_ne!(split.train.values(), split.held_out.values());
    }
}
