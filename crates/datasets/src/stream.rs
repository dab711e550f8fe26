//! One random stream per sample, so that a sample is a function of its seed and its index and of
//! nothing else.
//!
//! ChaCha (Bernstein, 2008) is a block cipher run as a counter: a key gives 2⁶⁴ independent streams
//! that can be entered anywhere at no cost. The seed is the key, and the sample's index is the
//! stream. So neither the number of threads nor the length of the set changes a sample, and the
//! first `n` samples of a longer set are the shorter set.

use chacha20::ChaCha8Rng;
use rand::SeedableRng;
use rayon::prelude::*;

/// Parts of the 2⁶⁴ streams of a seed: samples of different parts never share one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The streams below 2⁶².
    Train,
    /// The streams from 2⁶²: what is true of a set as a whole, such as the atoms that samples are made of.
    Truth,
    /// The streams from 2⁶³.
    HeldOut,
}

impl Part {
    fn stream(self, index: usize) -> u64 {
        match self {
            Part::Train => index as u64,
            Part::Truth => index as u64 | 1 << 62,
            Part::HeldOut => index as u64 | 1 << 63,
        }
    }
}

/// Draws `n` samples in parallel: the values, `[n, width]` row by row, and what `draw` returned for
/// each.
///
/// `draw` receives the sample's own stream and its row, which is zero.
pub(crate) fn sample_rows<L, F>(
    n: usize,
    width: usize,
    seed: u64,
    part: Part,
    draw: F,
) -> (Vec<f32>, Vec<L>)
where
    L: Send,
    F: Fn(&mut ChaCha8Rng, &mut [f32]) -> L + Sync,
{
    let mut values = vec![0.0; n * width];
    let extras = values
        .par_chunks_exact_mut(width)
        .enumerate()
        .map(|(index, row)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(part.stream(index));
            draw(&mut rng, row)
        })
        .collect();
    (values, extras)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    fn uniforms(n: usize, seed: u64, part: Part) -> Vec<f32> {
        sample_rows(n, 3, seed, part, |rng, row| row.fill_with(|| rng.random())).0
    }

    #[test]
    fn a_longer_set_begins_with_the_shorter() {
        assert_eq!(
            uniforms(100, 7, Part::Train)[..30],
            uniforms(10, 7, Part::Train)
        );
    }

    #[test]
    fn seeds_parts_and_samples_differ() {
        let base = uniforms(2, 7, Part::Train);
        assert_ne!(base, uniforms(2, 8, Part::Train));
        assert_ne!(base, uniforms(2, 7, Part::HeldOut));
        assert_ne!(base[..3], base[3..]);
    }

    #[test]
    fn threads_do_not_matter() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a pool");
            pool.install(|| uniforms(1000, 1, Part::Train))
        };
        assert_eq!(on(1), on(3));
    }
}
