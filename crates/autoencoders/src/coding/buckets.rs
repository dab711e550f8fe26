//! Numbers of a code as symbols: the line, cut where the standard normal distribution has equal shares.
//!
//! Under the prior every piece is as likely as any other. Under a posterior N(μ, σ²) its probability is a
//! difference of two values of the distribution function, in whole numbers; each piece keeps a share that is
//! not 0, since any may have to be told.

use retrograd_tensor::Float;

use super::ans::{Exhausted, Stack};

/// The line is cut into 2^this pieces.
const PIECES: u32 = 16;
/// Probabilities under a posterior are told in this many bits: so many more that what each piece keeps for
/// itself is a small share of the whole.
const BITS: u32 = 28;
/// What each piece keeps: two, so that one is left where rounding takes one away.
const KEPT: u32 = 2;
/// The logarithm of a variance is held within this of 0.
const EXTREME: f64 = 60.0;

/// The pieces: their ends and middles.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Quantiles of k/2N for k from 0 to 2N: ends where k is even, middles where it is odd.
    quantiles: Vec<f64>,
}

impl Buckets {
    pub(super) fn new() -> Self {
        let half = 1_usize << PIECES;
        // From the middle outwards, each from the one before by its density, then by Newton's method.
        let mut upper = vec![0.0_f64];
        for k in 1..half {
            let share = 0.5 * k as f64 / half as f64;
            let mut x = upper[k - 1];
            x += 0.5 / half as f64 / density(x);
            for _ in 0..4 {
                // By the smaller tail, which keeps its digits.
                let rest = (-x).normal_cdf() - (0.5 - share);
                x += rest / density(x);
            }
            upper.push(x.max(upper[k - 1]));
        }
        upper.push(f64::INFINITY);
        let lower = upper[1..].iter().rev().map(|x| -x);
        Self {
            quantiles: lower.chain(upper.iter().copied()).collect(),
        }
    }

    /// The middle of a piece.
    pub(super) fn middle(&self, piece: u32) -> f64 {
        self.quantiles[2 * piece as usize + 1]
    }

    fn end(&self, piece: u32) -> f64 {
        self.quantiles[2 * piece as usize]
    }

    /// Takes off the top what the prior put there.
    pub(super) fn pop_prior(stack: &mut Stack) -> Result<u32, Exhausted> {
        stack.pop(PIECES, |place| (place, place, 1))
    }

    /// Puts a piece on top, as likely as any other.
    pub(super) fn push_prior(stack: &mut Stack, piece: u32) {
        stack.push(piece, 1, PIECES);
    }

    /// Draws a piece of N(μ, σ²) from what is on the stack.
    pub(super) fn pop_posterior(
        &self,
        stack: &mut Stack,
        [mean, log_variance]: [f64; 2],
    ) -> Result<u32, Exhausted> {
        stack.pop(BITS, |place| {
            // The last piece that starts at or before it.
            let (mut low, mut high) = (0_u32, 1 << PIECES);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if self.before(middle, mean, log_variance) <= place {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let (start, frequency) = self.share(low, mean, log_variance);
            (low, start, frequency)
        })
    }

    /// Gives back what drawing this piece took.
    pub(super) fn push_posterior(
        &self,
        stack: &mut Stack,
        piece: u32,
        [mean, log_variance]: [f64; 2],
    ) {
        let (start, frequency) = self.share(piece, mean, log_variance);
        stack.push(start, frequency, BITS);
    }

    fn share(&self, piece: u32, mean: f64, log_variance: f64) -> (u32, u32) {
        let start = self.before(piece, mean, log_variance);
        (start, self.before(piece + 1, mean, log_variance) - start)
    }

    /// The share of all pieces before this one, of 2^[`BITS`]; rising, whatever the function's last digit.
    fn before(&self, piece: u32, mean: f64, log_variance: f64) -> u32 {
        const FREE: u32 = (1 << BITS) - (KEPT << PIECES);
        let deviation = (0.5 * log_variance.clamp(-EXTREME, EXTREME)).exp();
        let share = ((self.end(piece) - mean) / deviation).normal_cdf();
        KEPT * piece + (f64::from(FREE) * share) as u32
    }
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    const POSTERIORS: [[f64; 2]; 7] = [
        [0.0, 0.0],
        [1.3, -2.0],
        [-4.0, -9.0],
        [0.2, 3.0],
        [30.0, -200.0],
        [-1e6, 40.0],
        [0.0, -60.0],
    ];

    #[test]
    fn pieces_have_equal_shares_of_the_prior() {
        let buckets = Buckets::new();
        let count = 1_u32 << PIECES;
        assert_eq!(buckets.quantiles.len(), 2 * count as usize + 1);
        assert!(buckets.quantiles.is_sorted_by(|a, b| a < b));
        for piece in [0, 1, 1000, count / 2, count - 2] {
            let share = buckets.end(piece + 1).normal_cdf() - buckets.end(piece).normal_cdf();
            assert_abs_diff_eq!(share * f64::from(count), 1.0, epsilon = 1e-9);
            let middle = (buckets.middle(piece) - 0.0).normal_cdf() * f64::from(count);
            assert_abs_diff_eq!(middle, f64::from(piece) + 0.5, epsilon = 1e-9);
        }
        assert_eq!(buckets.end(count / 2), 0.0);
    }

    #[test]
    fn every_piece_has_a_share_under_every_posterior() {
        let buckets = Buckets::new();
        for [mean, log_variance] in POSTERIORS {
            let mut at = 0;
            for piece in 0..1 << PIECES {
                let (start, frequency) = buckets.share(piece, mean, log_variance);
                assert!(
                    start == at && frequency >= 1,
                    "{mean} {log_variance} {piece}"
                );
                at = start + frequency;
            }
            assert_eq!(at, 1 << BITS, "{mean} {log_variance}");
        }
    }

    #[test]
    fn drawn_pieces_are_those_of_the_posterior_and_can_be_given_back() {
        let buckets = Buckets::new();
        for posterior in POSTERIORS {
            let mut stack = Stack::lending();
            let draws = 2000;
            let pieces: Vec<u32> = (0..draws)
                .map(|_| buckets.pop_posterior(&mut stack, posterior).unwrap())
                .collect();
            if posterior == [1.3, -2.0] {
                let z: Vec<f64> = pieces.iter().map(|&piece| buckets.middle(piece)).collect();
                let mean = z.iter().sum::<f64>() / f64::from(draws);
                let square = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / f64::from(draws);
                assert_abs_diff_eq!(mean, 1.3, epsilon = 0.04);
                assert_abs_diff_eq!(square, (-2.0_f64).exp(), epsilon = 0.02);
            }
            let lent = (stack.initial_bits() - 64) / 32;
            for &piece in pieces.iter().rev() {
                buckets.push_posterior(&mut stack, piece, posterior);
            }
            assert!(stack.is_empty_but_for(lent), "{posterior:?}");
        }
    }
}
