//! Batches of a data set, in an order that is a function of seed and epoch.

use retrograd_tensor::{Element, Tensor, random};

/// What to do with the samples left over after the last full batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastBatch {
    /// A smaller batch at the end.
    Keep,
    /// Leave them out of this epoch.
    Drop,
}

/// Why a loader cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// There is nothing to load.
    #[error("the data set is empty")]
    Empty,
    /// Batches of nothing never end.
    #[error("a batch size of 0 makes no batches; use 1 or more")]
    ZeroBatch,
    /// Not even one full batch.
    #[error(
        "a batch size of {batch} is larger than the data set of {samples} samples; use {samples} or less"
    )]
    BatchTooLarge {
        /// The batch size asked for.
        batch: usize,
        /// The samples there are.
        samples: usize,
    },
}

/// Cuts samples `[samples, features ...]` into batches `[batch, features ...]`.
#[derive(Clone, Debug)]
pub struct DataLoader<T: Element = f32> {
    samples: Tensor<T>,
    batch_size: usize,
    shuffle_seed: Option<u64>,
    last: LastBatch,
}

impl<T: Element> DataLoader<T> {
    /// Batches in the order of the data; the last one may be smaller.
    ///
    /// # Errors
    /// If there are no samples, or the batch size is 0 or larger than their number.
    pub fn new(samples: Tensor<T>, batch_size: usize) -> Result<Self, DataError> {
        let count = samples.shape().first().copied().unwrap_or(0);
        if count == 0 {
            return Err(DataError::Empty);
        }
        if batch_size == 0 {
            return Err(DataError::ZeroBatch);
        }
        if batch_size > count {
            return Err(DataError::BatchTooLarge {
                batch: batch_size,
                samples: count,
            });
        }
        Ok(Self {
            samples,
            batch_size,
            shuffle_seed: None,
            last: LastBatch::Keep,
        })
    }

    /// A new random order each epoch, a function of the seed and the epoch alone.
    #[must_use]
    pub fn shuffled(self, seed: u64) -> Self {
        Self {
            shuffle_seed: Some(seed),
            ..self
        }
    }

    /// What to do with the samples left over.
    #[must_use]
    pub fn last_batch(self, last: LastBatch) -> Self {
        Self { last, ..self }
    }

    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples.shape()[0]
    }

    /// Samples in a full batch.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Number of batches in an epoch.
    #[must_use]
    pub fn batches(&self) -> usize {
        match self.last {
            LastBatch::Keep => self.samples().div_ceil(self.batch_size),
            LastBatch::Drop => self.samples() / self.batch_size,
        }
    }

    /// The batches of epoch `epoch`.
    pub fn epoch(&self, epoch: u64) -> impl Iterator<Item = Tensor<T>> + '_ {
        let order: Vec<usize> = match self.shuffle_seed {
            Some(seed) => {
                random::permutation(self.samples(), &mut random::stream(seed, "order", &[epoch]))
            }
            None => (0..self.samples()).collect(),
        };
        (0..self.batches()).map(move |batch| {
            let start = batch * self.batch_size;
            let end = (start + self.batch_size).min(order.len());
            self.samples.rows(&order[start..end])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loader() -> DataLoader<f64> {
        DataLoader::new(Tensor::arange(10).reshape(&[10, 1]), 4).unwrap()
    }

    fn seen(loader: &DataLoader<f64>, epoch: u64) -> Vec<f64> {
        loader
            .epoch(epoch)
            .flat_map(|batch| batch.to_vec())
            .collect()
    }

    #[test]
    fn every_sample_comes_once_and_the_last_batch_obeys() {
        assert_eq!(
            seen(&loader(), 0),
            (0..10).map(f64::from).collect::<Vec<_>>()
        );
        let shuffled = loader().shuffled(1);
        let mut order = seen(&shuffled, 3);
        assert_ne!(order, seen(&shuffled, 4));
        assert_eq!(order, seen(&loader().shuffled(1), 3));
        order.sort_by(f64::total_cmp);
        assert_eq!(order, seen(&loader(), 0));
        assert_eq!(
            loader().epoch(0).map(|b| b.shape()[0]).collect::<Vec<_>>(),
            [4, 4, 2]
        );
        assert_eq!(
            (
                loader().batches(),
                loader().last_batch(LastBatch::Drop).batches()
            ),
            (3, 2)
        );
        assert_eq!(seen(&loader().last_batch(LastBatch::Drop), 0).len(), 8);
    }

    #[test]
    fn impossible_batches_are_refused() {
        let data = || Tensor::<f32>::zeros([3, 2]);
        assert_eq!(
            DataLoader::new(data(), 0).unwrap_err(),
            DataError::ZeroBatch
        );
        assert_eq!(
            DataLoader::new(data(), 4).unwrap_err(),
            DataError::BatchTooLarge {
                batch: 4,
                samples: 3
            }
        );
        assert_eq!(
            DataLoader::new(Tensor::<f32>::zeros([0, 2]), 1).unwrap_err(),
            DataError::Empty
        );
    }
}
