//! Points near a tilted plane in three dimensions, to see an undercomplete linear autoencoder find
//! it.
//!
//! An arc of an ellipse is drawn in a plane, and everything is shaken: with `θ ~ U(−½, 3π/2 − ½)`,
//! three normal numbers `ε` and `σ = 0.1`,
//!
//! ```text
//! x = cos θ + ½ sin θ + ½ σ ε₁
//! y =         0.7 sin θ + ½ σ ε₂
//! z = 0.1 x + 0.3 y +     σ ε₃
//! ```
//!
//! This is the example by which Géron introduces principal components (*Hands-On Machine Learning*,
//! chapters 8 and 17). The plane is `z = 0.1 x + 0.3 y`; the noise across it has a standard
//! deviation of about 0.095.
//!
//! The arc is not symmetric, so its mean is not zero. It is **subtracted**: a linear autoencoder
//! without biases finds the principal components only of centred data (Baldi & Hornik, 1989). In a
//! split both parts lose the mean of the training part, as they must if nothing held out may leak.

use std::f32::consts::PI;

use rand::RngExt;
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, Split};
use crate::stream::{Part, sample_rows};

/// The standard deviation σ of the noise.
pub const PLANE_NOISE: f32 = 0.1;

/// The slopes of the plane `z = 0.1 x + 0.3 y`.
const SLOPES: [f32; 2] = [0.1, 0.3];

/// `n` points: features `[n, 3]`, each with mean zero over the set, without labels.
///
/// Before the mean is subtracted, point `i` depends on `seed` and `i` alone.
pub fn plane(n: usize, seed: u64) -> Dataset {
    let points = draw(n, seed, Part::Train);
    let mean = mean(&points);
    wrap(points, mean)
}

/// `train` points to learn from, the same as [`plane`]`(train, seed)`, and `held_out` others to
/// judge by.
///
/// The mean of the training points is subtracted from both, so that of the held-out points is not
/// quite zero.
pub fn plane_split(train: usize, held_out: usize, seed: u64) -> Split {
    let points = draw(train, seed, Part::Train);
    let mean = mean(&points);
    Split {
        train: wrap(points, mean),
        held_out: wrap(draw(held_out, seed, Part::HeldOut), mean),
    }
}

/// The points as the equation says, `[n, 3]`, not centred.
fn draw(n: usize, seed: u64, part: Part) -> Vec<f32> {
    let (points, _) = sample_rows(n, 3, seed, part, |rng, row| {
        let angle = rng.random_range(-0.5..1.5 * PI - 0.5);
        let mut noise = || PLANE_NOISE * rng.sample::<f32, _>(StandardNormal);
        let x = angle.cos() + 0.5 * angle.sin() + 0.5 * noise();
        let y = 0.7 * angle.sin() + 0.5 * noise();
        let z = SLOPES[0] * x + SLOPES[1] * y + noise();
        row.copy_from_slice(&[x, y, z]);
    });
    points
}

/// The mean point, summed in `f64` and in order; zero for no points.
fn mean(points: &[f32]) -> [f32; 3] {
    let mut sum = [0.0f64; 3];
    for point in points.chunks_exact(3) {
        for (sum, &value) in sum.iter_mut().zip(point) {
            *sum += f64::from(value);
        }
    }
    let count = (points.len() / 3).max(1) as f64;
    sum.map(|sum| (sum / count) as f32)
}

fn wrap(mut points: Vec<f32>, mean: [f32; 3]) -> Dataset {
    for point in points.chunks_exact_mut(3) {
        for (value, mean) in point.iter_mut().zip(mean) {
            *value -= mean;
        }
    }
    let n = points.len() / 3;
    Dataset::new("plane", Array::from_vec(points, [n, 3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    #[test]
    fn the_training_points_are_centred() {
        let points = plane(500, 4);
        assert_eq!((points.len(), points.width()), (500, 3));
        let centre = mean(&points.values());
        assert_abs_diff_eq!(centre[..], [0.0; 3][..], epsilon = 1e-6);
    }

    #[test]
    fn the_points_lie_near_the_plane() {
        let points = plane(20_000, 4).values().to_vec();
        let steepness = (1.0 + SLOPES[0].powi(2) + SLOPES[1].powi(2)).sqrt();
        let square: f64 = points
            .chunks(3)
            .map(|p| f64::from((p[2] - SLOPES[0] * p[0] - SLOPES[1] * p[1]) / steepness).powi(2))
            .sum();
        let across = (square * 3.0 / points.len() as f64).sqrt();
        assert_abs_diff_eq!(across, 0.0953, epsilon = 0.002);
        let along: f64 = points
            .chunks(3)
            .map(|p| f64::from(p[0]).powi(2))
            .sum::<f64>();
        assert!((along * 3.0 / points.len() as f64).sqrt() > 5.0 * across);
    }

    #[test]
    fn a_split_subtracts_the_mean_of_its_training_part() {
        let split = plane_split(60, 40, 2);
        assert_eq!(
            split.train.values().to_vec(),
            plane(60, 2).values().to_vec()
        );
        let shift = mean(&draw(60, 2, Part::Train));
        let raw = draw(40, 2, Part::HeldOut);
        for (centred, raw) in split
            .held_out
            .values()
            .to_vec()
            .chunks(3)
            .zip(raw.chunks(3))
        {
            for k in 0..3 {
                assert_eq!(centred[k], raw[k] - shift[k]);
            }
        }
    }

    #[test]
    fn no_points_are_no_trouble() {
        assert!(plane(0, 1).is_empty());
        assert_eq!(plane_split(0, 3, 1).held_out.len(), 3);
    }
}
