//! Random tensors from generators that are seeded by name, never from a global state.
//!
//! A [`Rng`] is ChaCha with 8 rounds: the same numbers on every machine and in every version.
//! [`stream`] derives independent generators from one seed, so that, say, the order of epoch 7
//! does not depend on how many numbers epoch 6 drew.

use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::element::Float;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The generator behind every random choice.
pub type Rng = chacha20::ChaCha8Rng;

/// A generator from a seed.
#[must_use]
pub fn rng(seed: u64) -> Rng {
    Rng::seed_from_u64(seed)
}

/// The generator of one purpose at one position under a seed, such as the order of epoch 7.
///
/// Another purpose or position gives unrelated numbers. Both are mixed into the seed by SplitMix64
/// (Steele, Lea and Flood 2014).
#[must_use]
pub fn stream(seed: u64, purpose: &str, position: &[u64]) -> Rng {
    // The length says where the purpose ends, so "a" at 98 is not "ab".
    let words = std::iter::once(purpose.len() as u64)
        .chain(purpose.bytes().map(u64::from))
        .chain(position.iter().copied());
    rng(split_mix(words.fold(seed, |state, word| {
        split_mix(state ^ split_mix(word))
    })))
}

fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A uniformly random ordering of `0..count` (Fisher and Yates).
#[must_use]
pub fn permutation(count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    order
}

impl<T: Float> Tensor<T> {
    /// Independent numbers, uniform in `[low, high)`.
    #[must_use]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut Rng) -> Self {
        Self::drawn(shape.into(), || low + (high - low) * rng.random::<f64>())
    }

    /// Independent numbers, normal with the given mean and standard deviation.
    #[must_use]
    pub fn normal(shape: impl Into<Shape>, mean: f64, deviation: f64, rng: &mut Rng) -> Self {
        Self::drawn(shape.into(), || {
            mean + deviation * rng.sample::<f64, _>(StandardNormal)
        })
    }

    /// Draws are made in f64 for every `T`, so an f32 and an f64 model start from the same numbers.
    fn drawn(shape: Shape, mut draw: impl FnMut() -> f64) -> Self {
        Self::written(shape, |out| {
            out.iter_mut().for_each(|slot| *slot = T::from_f64(draw()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_in_both_types() {
        let a = Tensor::<f64>::normal([5], 0.0, 1.0, &mut rng(3));
        let b = Tensor::<f32>::normal([5], 0.0, 1.0, &mut rng(3));
        assert_eq!(a.cast::<f32>(), b);
        assert_ne!(a, Tensor::normal([5], 0.0, 1.0, &mut rng(4)));
        assert_ne!(stream(1, "a", &[2, 3]), stream(1, "a", &[3, 2]));
        assert_ne!(stream(1, "a", &[0]), stream(1, "a", &[0, 0]));
        assert_ne!(stream(1, "a", &[0]), stream(1, "b", &[0]));
        assert_ne!(
            stream(1, "a", &[u64::from(b'b')]),
            stream(1, "ab", &[]),
            "purpose and position run together"
        );
    }

    #[test]
    fn moments_are_right() {
        let n = 200_000.0_f64;
        let x = Tensor::<f64>::normal([n as usize], 2.0, 3.0, &mut rng(1)).to_vec();
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        // Five standard errors of each estimate.
        assert!((mean - 2.0).abs() < 5.0 * 3.0 / n.sqrt(), "{mean}");
        assert!(
            (variance - 9.0).abs() < 5.0 * 9.0 * (2.0 / n).sqrt(),
            "{variance}"
        );
        let u = Tensor::<f64>::uniform([n as usize], -1.0, 3.0, &mut rng(1));
        assert!(u.iter().all(|v| (-1.0..3.0).contains(&v)));
    }

    #[test]
    fn permutations_hold_every_index_once() {
        let mut order = permutation(1000, &mut rng(9));
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
        assert!(permutation(0, &mut rng(9)).is_empty());
    }
}
