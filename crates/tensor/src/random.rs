//! Random tensors from generators that are seeded by name, never from a global state.
//!
//! A [`Rng`] is ChaCha with 8 rounds: a seed gives the same bits on every machine. How bits become
//! numbers and orders follows the `rand` and `rand_distr` crates, which may change it from one
//! version to the next; about one normal number in a hundred also asks the platform's `exp` or `ln`,
//! which may differ in the last place.
//! [`stream`] derives independent generators from one seed, so that, say, the order of epoch 7
//! does not depend on how many numbers epoch 6 drew.

use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::array::Array;
use crate::element::Float;
use crate::shape::Shape;

/// Draws of one uniform number before its interval is taken to hold no number of the type.
const ATTEMPTS: usize = 64;

/// The generator behind every random choice.
pub type Rng = chacha20::ChaCha8Rng;

/// A generator from a seed.
#[must_use]
pub fn rng(seed: u64) -> Rng {
    Rng::seed_from_u64(seed)
}

/// Another generator, which gives from here on what this one will give.
#[must_use]
pub fn copy(rng: &Rng) -> Rng {
    Rng::deserialize_state(&rng.serialize_state())
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

impl<T: Float> Array<T> {
    /// Independent numbers, uniform in `[low, high)`; all `low` where the ends are equal.
    ///
    /// A number that rounds up to `high` in `T` is drawn again. An interval too narrow to hold a
    /// `T` at all gives the nearest ones.
    #[must_use]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut Rng) -> Self {
        let mut draw = || T::from_f64(low + (high - low) * rng.random::<f64>());
        Self::drawn(shape.into(), || {
            // With a T in the interval at least every other draw stays in it, so that only
            // intervals without one use up the attempts.
            (0..ATTEMPTS)
                .map(|_| draw())
                .find(|value| low >= high || value.to_f64() < high)
                .unwrap_or(T::from_f64(low))
        })
    }

    /// Independent numbers, normal with the given mean and standard deviation.
    #[must_use]
    pub fn normal(shape: impl Into<Shape>, mean: f64, deviation: f64, rng: &mut Rng) -> Self {
        Self::drawn(shape.into(), || {
            T::from_f64(mean + deviation * rng.sample::<f64, _>(StandardNormal))
        })
    }

    /// Draws are made in f64 for every `T`, so an f32 and an f64 model start from the same numbers
    /// (up to the first that [`uniform`](Self::uniform) must draw again, about one in 2^25).
    fn drawn(shape: Shape, mut draw: impl FnMut() -> T) -> Self {
        Self::written(shape, |out| out.iter_mut().for_each(|slot| *slot = draw()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assert_abs_diff_eq;

    #[test]
    fn a_copy_goes_on_like_the_original() {
        let mut rng = rng(4);
        // An odd number of draws leaves the original in the middle of a block.
        let _: Vec<f32> = (0..37).map(|_| rng.random()).collect();
        let mut other = copy(&rng);
        for _ in 0..100 {
            assert_eq!(rng.random::<u64>(), other.random::<u64>());
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_in_both_types() {
        let a = Array::<f64>::normal([5], 0.0, 1.0, &mut rng(3));
        let b = Array::<f32>::normal([5], 0.0, 1.0, &mut rng(3));
        assert_eq!(a.cast::<f32>(), b);
        assert_ne!(a, Array::normal([5], 0.0, 1.0, &mut rng(4)));
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
        let x = Array::<f64>::normal([n as usize], 2.0, 3.0, &mut rng(1)).to_vec();
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        // Five standard errors of each estimate.
        assert_abs_diff_eq!(mean, 2.0, epsilon = 5.0 * 3.0 / n.sqrt());
        assert_abs_diff_eq!(variance, 9.0, epsilon = 5.0 * 9.0 * (2.0 / n).sqrt());
        let u = Array::<f64>::uniform([n as usize], -1.0, 3.0, &mut rng(1));
        assert!(u.iter().all(|v| (-1.0..3.0).contains(&v)));
    }

    #[test]
    fn uniform_numbers_stay_below_the_upper_end_after_rounding() {
        // Half of all draws round up to the upper end here.
        let high = 1.0 + f64::from(f32::EPSILON);
        let narrow = || Array::<f32>::uniform([10_000], 1.0, high, &mut rng(5));
        assert_eq!(narrow(), Array::ones([10_000]));
        let mut once = rng(6);
        let x = Array::<f32>::uniform([1000], -1.0, -1.0 + 1e-6, &mut once);
        let mut again = rng(6);
        assert_eq!(x, Array::uniform([1000], -1.0, -1.0 + 1e-6, &mut again));
        assert_eq!(once, again);
        assert!(x.iter().all(|v| f64::from(v) < -1.0 + 1e-6));
    }

    #[test]
    fn intervals_without_a_number_end_too() {
        let x = Array::<f32>::uniform([3], 1.0 - 1e-12, 1.0 - 1e-13, &mut rng(5));
        assert_eq!(x, Array::ones([3]));
        let x = Array::<f64>::uniform([3], 2.0, 2.0, &mut rng(5));
        assert_eq!(x, Array::full([3], 2.0));
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
