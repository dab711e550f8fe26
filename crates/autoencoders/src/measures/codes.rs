//! How codes are used: which units are active, how often they fire, what they share.

use std::collections::HashSet;

use retrograd_tensor::{Array, DType, Tensor};

use super::MeasureError;
use super::clustering::perplexity;

/// The variance of a unit's mean above which it counts as active (Burda et al. 2016, section 5).
pub const ACTIVE: f64 = 0.01;

/// The variance of every unit over codes `[samples, units]`; of a distribution, over its means.
///
/// # Panics
/// If they are no matrix.
#[track_caller]
#[must_use]
pub fn variances(codes: &Tensor) -> Vec<f64> {
    let codes = matrix(codes);
    let centred = &codes - &codes.mean(0);
    (&centred * &centred).mean(0).to_vec()
}

/// How many units are active: Var over x of E[z_j|x] above [`ACTIVE`], of means `[samples, units]` (Burda
/// et al. 2016, section 5).
#[must_use]
pub fn active_units(means: &Tensor) -> usize {
    let variances = variances(means);
    variances.iter().filter(|&&varies| varies > ACTIVE).count()
}

/// The correlation of every two units over codes `[samples, units]`, `[units, units]`; 0 with a unit that
/// never varies, whose own correlation with itself is 1.
#[track_caller]
#[must_use]
pub fn correlations(codes: &Tensor) -> Tensor {
    let codes = matrix(codes);
    let centred = &codes - &codes.mean(0);
    let norms = (&centred * &centred).sum(0).map(f64::sqrt);
    // What varies by rounding alone does not vary.
    let sizes = codes.map(f64::abs).max(0);
    let rounding = sizes.scale(1e-7 * (codes.shape()[0] as f64).sqrt());
    let units = norms.elements();
    let scales = norms.iter().zip(rounding.iter());
    let scales = scales.map(|(norm, least)| if norm > least { 1.0 / norm } else { 0.0 });
    let scales = Tensor::from_vec(scales.collect(), [units]);
    let scaled = centred * &scales;
    let products = scaled.t().contiguous().matmul(&scaled);
    Tensor::from_fn([units, units], |at| {
        let product = products.at(at).clamp(-1.0, 1.0);
        if at[0] == at[1] { 1.0 } else { product }
    })
}

/// The total correlation Σ H(z_j) − H(z) that codes `[samples, units]` would have in nats if they were
/// normal: −½ log det of their [correlations](correlations). A *normal* estimate: exact for normal codes,
/// never below 0, blind to what is no correlation (Locatello et al. 2019, "total correlation based on a
/// fitted Gaussian"). Units that do not vary count nothing; infinite if units follow from others.
#[track_caller]
#[must_use]
pub fn normal_total_correlation(codes: &Tensor) -> f64 {
    let correlations = correlations(codes);
    let Ok(factor) = correlations.try_cholesky() else {
        return f64::INFINITY;
    };
    let logs = factor.diagonal(0, [0, 1]).map(f64::ln);
    (-logs.sum(..).item()).max(0.0)
}

/// How often units fire: are other than 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// The share of samples for which each unit fires.
    pub frequencies: Vec<f64>,
    /// Samples that were looked at.
    pub samples: usize,
}

impl Firing {
    /// That of codes `[samples, units]`.
    ///
    /// # Panics
    /// If they are no matrix.
    #[track_caller]
    #[must_use]
    pub fn of(codes: &Tensor) -> Self {
        let fires = matrix(codes).map(|x| f64::from(x != 0.0));
        Self {
            samples: codes.shape()[0],
            frequencies: fires.mean(0).to_vec(),
        }
    }

    /// L0: the mean number of units that fire for a sample.
    #[must_use]
    pub fn mean_active(&self) -> f64 {
        self.frequencies.iter().sum()
    }

    /// How many units fired for none of the samples. A unit that is rare may look dead if there are few.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.frequencies
            .iter()
            .filter(|&&share| share == 0.0)
            .count()
    }

    /// How many units fire for a share of samples between 10ⁱ and 10ⁱ⁺¹, as bins of log₁₀ of so many a
    /// decade from `lowest` (below 0) to 0: the histogram by which dictionaries are judged. Units that never
    /// fire are in none; rarer ones than `10^lowest` are in the first.
    #[must_use]
    pub fn histogram(&self, lowest: i32, a_decade: usize) -> Vec<f64> {
        let bins = (lowest.unsigned_abs() as usize * a_decade).max(1);
        let mut counts = vec![0.0; bins];
        for &share in self.frequencies.iter().filter(|&&share| share > 0.0) {
            let place = (share.log10() - f64::from(lowest)) * a_decade as f64;
            counts[(place.max(0.0) as usize).min(bins - 1)] += 1.0;
        }
        counts
    }
}

/// How often each of a book's symbols is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// How often each occurs.
    pub counts: Vec<f64>,
}

impl Usage {
    /// That of symbols from 0 to below `book`, of any shape. They should be of a whole epoch: of a batch
    /// no more than its size can be in use.
    ///
    /// # Panics
    /// If a symbol is out of range.
    #[track_caller]
    #[must_use]
    pub fn of(symbols: &Array<i64>, book: usize) -> Self {
        let mut counts = vec![0.0; book];
        for symbol in symbols.iter() {
            let place = usize::try_from(symbol).ok().filter(|&place| place < book);
            let place = place.unwrap_or_else(|| {
                panic!("symbol {symbol} of a book of {book}: 0 to {}", book - 1)
            });
            counts[place] += 1.0;
        }
        Self { counts }
    }

    /// How many symbols occur at all.
    #[must_use]
    pub fn used(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0.0).count()
    }

    /// exp of the entropy of the frequencies: as many symbols would do if all were as frequent. From 1 to
    /// the size of the book.
    #[must_use]
    pub fn perplexity(&self) -> f64 {
        match self.used() {
            0 => 0.0,
            _ => perplexity(&self.counts),
        }
    }
}

/// How many of the rows `[samples, numbers]` differ: 1 of a model that gives every sample the same code.
/// Numbers count as they are, so of continuous codes it is nearly the number of samples.
#[must_use]
pub fn distinct_rows(codes: &Tensor) -> usize {
    let width = codes.shape().get(1).copied().unwrap_or(1).max(1);
    // 0 and −0 are the same code.
    let bits: Vec<u64> = codes.iter().map(|x| (x + 0.0).to_bits()).collect();
    bits.chunks(width).collect::<HashSet<_>>().len()
}

/// How well atoms are found: for each planted one the largest cosine with a found one, averaged. Both
/// are rows, `[atoms, width]`. 1 if every planted atom is among the found ones, up to size; signs count.
///
/// # Errors
/// If there are none of either, or they are not of the same width.
pub fn mean_max_cosine(found: &Tensor, planted: &Tensor) -> Result<f64, MeasureError> {
    let [found, planted] = [found, planted].map(matrix);
    let [own, width] = [found.shape()[1], planted.shape()[1]];
    if own != width {
        return Err(MeasureError::Lengths {
            what: "numbers of a found atom",
            left: own,
            beside: "of a planted one",
            right: width,
        });
    }
    if found.elements() == 0 || planted.elements() == 0 {
        return Err(MeasureError::Empty);
    }
    let unit = |atoms: &Tensor| {
        let norms = (atoms * atoms)
            .sum(1)
            .map(|sum| sum.sqrt().max(f64::MIN_POSITIVE));
        atoms / norms.unsqueeze(1)
    };
    let cosines = unit(&planted).matmul(&unit(&found).t().contiguous());
    Ok(cosines.max(1).mean(..).item())
}

/// The same numbers in `f64`.
#[track_caller]
fn matrix(x: &Tensor) -> Tensor {
    assert!(
        x.rank() == 2,
        "a matrix, not numbers of shape {}",
        x.shape()
    );
    x.cast(DType::F64).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    #[test]
    fn active_units_vary_more_than_a_hundredth() {
        // Variances 1, 0.0101, 0.0099 and 0.
        let sizes = [1.0, 0.0101_f64.sqrt(), 0.0099_f64.sqrt(), 0.0];
        let codes = Tensor::from_fn([2, 4], |at| [1.0, -1.0][at[0]] * sizes[at[1]] + 3.0);
        assert_eq!(active_units(&codes), 2);
        assert_abs_diff_eq!(variances(&codes)[1], 0.0101, epsilon = 1e-12);
        assert_eq!(active_units(&codes.cast(DType::F32)), 2);
    }

    #[test]
    fn correlations_of_a_gaussian_pair_give_its_total_correlation() {
        let rng = &mut random::rng(1);
        let share: f64 = 0.8;
        let e = Tensor::normal([20_000, 3], 0.0, 1.0, rng, DType::F64);
        let codes = Tensor::from_fn([20_000, 4], |at| {
            let of = |unit| e.at(&[at[0], unit]);
            match at[1] {
                0 => of(0),
                1 => 5.0 * (share * of(0) + (1.0 - share * share).sqrt() * of(1)) + 2.0,
                2 => of(2),
                _ => 7.3,
            }
        });
        let found = correlations(&codes);
        // A standard error of 0.0025.
        assert_abs_diff_eq!(found.at(&[0, 1]), share, epsilon = 0.01);
        assert_abs_diff_eq!(found.at(&[1, 2]), 0.0, epsilon = 0.03);
        assert_eq!(found.at(&[3, 3]), 1.0);
        assert_eq!(found.at(&[3, 0]), 0.0);
        // In closed form −½ log(1 − ρ²).
        let exact = -0.5 * (1.0 - share * share).ln();
        assert_abs_diff_eq!(normal_total_correlation(&codes), exact, epsilon = 0.03);
    }

    #[test]
    fn a_unit_that_follows_from_others_makes_it_infinite() {
        let codes = Tensor::from_fn([4, 2], |at| at[0] as f64);
        assert_eq!(normal_total_correlation(&codes), f64::INFINITY);
    }

    #[test]
    fn firing_is_counted() {
        let codes = vec![0.0, 2.0, 0.0, 0.0, -1.0, 0.5, 0.0, 3.0, 0.0, 0.0, 4.0, 0.0];
        let firing = Firing::of(&Tensor::from_vec(codes, [4, 3]));
        assert_eq!(firing.frequencies, [0.0, 1.0, 0.25]);
        assert_eq!((firing.mean_active(), firing.dead()), (1.25, 1));
        // log₁₀ ¼ is −0.6: the fourth of five bins from −1 to 0 holds −0.4 to −0.2.
        assert_eq!(firing.histogram(-1, 5), [0.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(firing.histogram(-2, 1), [0.0, 2.0]);
    }

    #[test]
    fn the_perplexity_is_the_book_if_all_are_as_frequent() {
        let symbols = Array::from_vec(vec![0, 1, 2, 3, 0, 1, 2, 3], [4, 2]);
        let usage = Usage::of(&symbols, 8);
        assert_eq!(usage.used(), 4);
        assert_abs_diff_eq!(usage.perplexity(), 4.0, epsilon = 1e-12);
        let one = Usage::of(&Array::from_vec(vec![2; 6], [6]), 8);
        assert_eq!((one.used(), one.perplexity()), (1, 1.0));
        assert_eq!(Usage { counts: vec![0.0] }.perplexity(), 0.0);
    }

    #[test]
    fn collapsed_codes_are_one() {
        assert_eq!(distinct_rows(&Tensor::zeros([5, 3], DType::F32)), 1);
        let codes = Tensor::from_vec(vec![0.0, 1.0, -0.0, 1.0, 1.0, 0.0], [3, 2]);
        assert_eq!(distinct_rows(&codes), 2);
    }

    #[test]
    fn planted_atoms_are_found_whatever_their_size_and_place() {
        let planted = Tensor::normal([5, 4], 0.0, 1.0, &mut random::rng(2), DType::F64);
        let order = planted.rows(&[3, 1, 4, 0, 2]).scale(7.0);
        let found = Tensor::cat(&[order.clone(), planted.scale(-1.0)], 0);
        let cosine = mean_max_cosine(&found, &planted).unwrap();
        assert_abs_diff_eq!(cosine, 1.0, epsilon = 1e-12);
        let none = mean_max_cosine(&planted.rows(&[0]).scale(-1.0), &planted.rows(&[0]));
        assert_abs_diff_eq!(none.unwrap(), -1.0, epsilon = 1e-12);
        assert!(mean_max_cosine(&found, &Tensor::zeros([2, 3], DType::F64)).is_err());
    }
}
