//! Parts of a data set: by shares, by folds, with as much of every class in each.
//!
//! The samples are put in a random order, a function of the seed alone, those of a class after the
//! other. Then they are dealt one by one, each to the part that lacks most: after i samples part p
//! should have sₚ·i, with sₚ its share. So every sample is in exactly one part, and neither a part
//! nor a part's share of a class is more than a sample or so from what it should be. Dealt in this
//! manner, all labels being equal, is also how a set without labels is divided.

use retrograd_tensor::random;

use crate::dataset::{Dataset, Split};

/// Why a data set cannot be divided as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The shares are not parts of a whole.
    #[error(
        "found the shares {shares:?}, expected positive numbers whose sum is 1; such as 0.8, 0.1 \
         and 0.1"
    )]
    Shares {
        /// What was asked for.
        shares: Vec<f64>,
    },
    /// Some part would have no sample.
    #[error(
        "found {samples} samples to divide into {parts} parts, expected at least one in each; \
         take fewer parts, or larger shares"
    )]
    TooFew {
        /// The samples there are.
        samples: usize,
        /// The parts asked for.
        parts: usize,
    },
    /// Folds need two parts: one to learn from and one to judge by.
    #[error("found {folds} folds, expected at least 2; 5 and 10 are usual")]
    Folds {
        /// What was asked for.
        folds: usize,
    },
    /// There is nothing to balance by.
    #[error("found no labels, expected one for each sample; divide the set without balancing")]
    NoLabels,
}

impl Dataset {
    /// Divides the samples into those to learn from and the share `held_out` to judge by.
    ///
    /// # Errors
    /// If the share is not in (0, 1), or a part would be empty.
    pub fn split(&self, held_out: f64, seed: u64) -> Result<Split, SplitError> {
        let parts = shares(self.len(), &[1.0 - held_out, held_out], seed)?;
        Ok(Split {
            train: self.select(&parts[0]),
            held_out: self.select(&parts[1]),
        })
    }

    /// Divides the samples into parts of these shares, say training, validation and test.
    ///
    /// ```
    /// let data = retrograd_datasets::digits(100, 1);
    /// let [train, validation, test] = data.divide([0.8, 0.1, 0.1], 42)?;
    /// assert_eq!([train.len(), validation.len(), test.len()], [80, 10, 10]);
    /// # Ok::<(), retrograd_datasets::SplitError>(())
    /// ```
    ///
    /// # Errors
    /// If the shares are not positive with the sum 1, or a part would be empty.
    pub fn divide<const N: usize>(
        &self,
        shares: [f64; N],
        seed: u64,
    ) -> Result<[Self; N], SplitError> {
        let parts = self::shares(self.len(), &shares, seed)?;
        Ok(std::array::from_fn(|part| self.select(&parts[part])))
    }

    /// [`Dataset::divide`], with the same mixture of labels in every part.
    ///
    /// # Errors
    /// If there are no labels; and as for [`Dataset::divide`].
    pub fn divide_by_label<const N: usize>(
        &self,
        shares: [f64; N],
        seed: u64,
    ) -> Result<[Self; N], SplitError> {
        let labels = self.labels.as_deref().ok_or(SplitError::NoLabels)?;
        let parts = stratified(labels, &shares, seed)?;
        Ok(std::array::from_fn(|part| self.select(&parts[part])))
    }

    /// For cross-validation: `folds` divisions, each sample held out in exactly one of them.
    ///
    /// # Errors
    /// If there are fewer than 2 folds, or more than samples.
    pub fn folds(&self, folds: usize, seed: u64) -> Result<Vec<Split>, SplitError> {
        let parts = self::folds(self.len(), folds, seed)?;
        let split = |held_out: usize| {
            let mut others: Vec<usize> = (0..folds)
                .filter(|&fold| fold != held_out)
                .flat_map(|fold| parts[fold].iter().copied())
                .collect();
            others.sort_unstable();
            Split {
                train: self.select(&others),
                held_out: self.select(&parts[held_out]),
            }
        };
        Ok((0..folds).map(split).collect())
    }
}

/// The positions of `samples` samples in parts of these shares, each part in ascending order.
///
/// # Errors
/// If the shares are not positive with the sum 1, or a part would be empty.
pub fn shares(samples: usize, shares: &[f64], seed: u64) -> Result<Vec<Vec<usize>>, SplitError> {
    let order = random::permutation(samples, &mut random::stream(seed, "split", &[]));
    dealt(&order, shares)
}

/// [`shares`] of as many samples as labels, with the same mixture of labels in every part.
///
/// # Errors
/// As for [`shares`].
pub fn stratified(
    labels: &[u32],
    shares: &[f64],
    seed: u64,
) -> Result<Vec<Vec<usize>>, SplitError> {
    let mut order = random::permutation(labels.len(), &mut random::stream(seed, "split", &[]));
    order.sort_by_key(|&sample| labels[sample]);
    dealt(&order, shares)
}

/// The positions of `samples` samples in so many parts of equal size, up to one sample.
///
/// # Errors
/// If there are fewer than 2 folds, or more than samples.
pub fn folds(samples: usize, folds: usize, seed: u64) -> Result<Vec<Vec<usize>>, SplitError> {
    if folds < 2 {
        return Err(SplitError::Folds { folds });
    }
    if folds > samples {
        return Err(SplitError::TooFew {
            samples,
            parts: folds,
        });
    }
    shares(samples, &vec![1.0 / folds as f64; folds], seed)
}

/// Deals the samples in this order, each to the part that lacks most; the first of those that lack
/// the same.
fn dealt(order: &[usize], shares: &[f64]) -> Result<Vec<Vec<usize>>, SplitError> {
    /// How far the sum of shares that were written in decimals may be from 1.
    const ROUNDING: f64 = 1e-9;
    let sum: f64 = shares.iter().sum();
    if shares.iter().any(|&share| share.is_nan() || share <= 0.0) || (sum - 1.0).abs() > ROUNDING {
        return Err(SplitError::Shares {
            shares: shares.into(),
        });
    }
    let mut parts = vec![Vec::new(); shares.len()];
    for (dealt, &sample) in order.iter().enumerate() {
        let mut neediest = (0, f64::NEG_INFINITY);
        for (part, &share) in shares.iter().enumerate() {
            let lack = share * (dealt + 1) as f64 - parts[part].len() as f64;
            // What differs by rounding alone lacks the same.
            if lack > neediest.1 + ROUNDING {
                neediest = (part, lack);
            }
        }
        parts[neediest.0].push(sample);
    }
    if parts.iter().any(Vec::is_empty) {
        return Err(SplitError::TooFew {
            samples: order.len(),
            parts: shares.len(),
        });
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{Array, assert_abs_diff_eq};

    fn sizes(parts: &[Vec<usize>]) -> Vec<usize> {
        parts.iter().map(Vec::len).collect()
    }

    fn whole(parts: &[Vec<usize>]) -> Vec<usize> {
        let mut all = parts.concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_sample_is_in_one_part_of_its_size() {
        for samples in [3, 10, 97, 1000] {
            let parts = shares(samples, &[0.7, 0.2, 0.1], 5);
            let parts = match parts {
                Ok(parts) => parts,
                Err(SplitError::TooFew { .. }) if samples == 3 => continue,
                Err(error) => panic!("{samples}: {error}"),
            };
            assert_eq!(whole(&parts), (0..samples).collect::<Vec<_>>());
            for (part, share) in parts.iter().zip([0.7, 0.2, 0.1]) {
                assert_abs_diff_eq!(part.len() as f64, share * samples as f64, epsilon = 1.0);
                assert!(part.is_sorted());
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let of = |seed| shares(100, &[0.5, 0.5], seed).expect("parts");
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_ne!(of(1)[0], (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn classes_are_mixed_alike() {
        // 60, 30 and 10 samples of three classes, in no order.
        let labels: Vec<u32> = (0..100)
            .map(|i| [0, 0, 1, 0, 1, 0, 2, 0, 1, 0][i % 10])
            .collect();
        let parts = stratified(&labels, &[0.8, 0.1, 0.1], 3).expect("parts");
        assert_eq!(whole(&parts), (0..100).collect::<Vec<_>>());
        assert_eq!(sizes(&parts), [80, 10, 10]);
        for (part, share) in parts.iter().zip([0.8, 0.1, 0.1]) {
            for (class, total) in [(0, 60.0), (1, 30.0), (2, 10.0)] {
                let count = part.iter().filter(|&&i| labels[i] == class).count();
                assert_abs_diff_eq!(
                    count as f64,
                    share * total,
                    epsilon = 1.0,
                    "{class}: {count}"
                );
            }
        }
    }

    #[test]
    fn folds_hold_out_every_sample_once() {
        let parts = folds(23, 5, 9).expect("folds");
        assert_eq!(sizes(&parts).iter().sum::<usize>(), 23);
        assert!(sizes(&parts).iter().all(|&size| size == 4 || size == 5));
        assert_eq!(whole(&parts), (0..23).collect::<Vec<_>>());
        let data = Dataset {
            labels: Some((0..23).collect()),
            ..Dataset::new("d", Array::<f32>::arange(23).reshape(&[23, 1]))
        };
        for split in data.folds(5, 9).expect("folds") {
            assert_eq!(split.train.len() + split.held_out.len(), 23);
            for part in [&split.train, &split.held_out] {
                // Labels stay with their samples.
                let labels = part.labels.as_deref().expect("labels");
                assert!(
                    part.values()
                        .iter()
                        .zip(labels)
                        .all(|(x, &l)| *x == l as f32)
                );
            }
        }
    }

    #[test]
    fn what_is_no_division_is_refused() {
        for bad in [
            &[0.5, 0.6][..],
            &[1.5, -0.5],
            &[f64::NAN, 1.0],
            &[0.5],
            &[0.0, 1.0],
            &[],
        ] {
            assert!(
                matches!(shares(10, bad, 0), Err(SplitError::Shares { .. })),
                "{bad:?}"
            );
        }
        assert!(matches!(
            shares(1, &[0.5, 0.5], 0),
            Err(SplitError::TooFew { .. })
        ));
        assert!(matches!(folds(10, 1, 0), Err(SplitError::Folds { .. })));
        assert!(matches!(folds(3, 4, 0), Err(SplitError::TooFew { .. })));
        let unlabelled = Dataset::new("d", Array::<f32>::zeros([4, 1]));
        assert_eq!(
            unlabelled
                .divide_by_label([0.5, 0.5], 0)
                .expect_err("a refusal"),
            SplitError::NoLabels
        );
    }
}
