//! Batches of a data set, in an order that is a function of seed and epoch.

mod ahead;
mod epoch;
mod graph;
mod order;
mod samples;
mod source;

use std::fmt;
use std::sync::Arc;

use retrograd_tensor::random::Rng;
use retrograd_tensor::{Tensor, random};

use crate::transform::Transform;
use ahead::Ahead;
use epoch::{Change, Epoch, Maker};
pub use graph::Graph;
pub use order::Order;
pub use samples::{SampleBatch, Samples};
pub use source::{Lazy, Source, SourceError};

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
#[non_exhaustive]
pub enum DataError {
    /// There is nothing to load.
    #[error("the data set is empty")]
    Empty,
    /// Batches of nothing never end.
    #[error("a batch size of 0 makes no batches; use 1 or more")]
    ZeroBatch,
    /// Parts that belong together, such as images and labels, are not equally many.
    #[error("{first} samples and {second} of what belongs to them; there must be one for each")]
    Unequal {
        /// Samples in the first part.
        first: usize,
        /// Samples in the second part.
        second: usize,
    },
    /// An edge of a graph ends at a node that there is not.
    #[error("an edge ends at node {node} of {nodes}; nodes are counted from 0")]
    Edge {
        /// The end.
        node: i64,
        /// How many nodes there are.
        nodes: usize,
    },
}

/// A batch smaller than this (bytes) is made sooner than another thread hears of it.
const WORTH_A_THREAD: usize = 1 << 16;

/// Batches of a [`Source`]: of samples `[samples, features ...]` such `[batch, features ...]`.
pub struct DataLoader<B = Tensor> {
    source: Arc<dyn Source<Batch = B>>,
    count: usize,
    batch_size: usize,
    shuffle_seed: Option<u64>,
    last: LastBatch,
    change: Option<(Change<B>, u64)>,
    /// What was asked for; by default, what is likely to be faster.
    ahead: Option<bool>,
}

impl<B> Clone for DataLoader<B> {
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            change: self.change.clone(),
            ..*self
        }
    }
}

impl<B: Clone + Send + 'static> DataLoader<B> {
    /// Batches in the order of the data; the last one may be smaller. A batch size above the number of
    /// samples makes one batch of all.
    ///
    /// # Errors
    /// If there are no samples, or the batch size is 0.
    pub fn new(source: impl Source<Batch = B>, batch_size: usize) -> Result<Self, DataError> {
        let count = source.count()?;
        if count == 0 {
            return Err(DataError::Empty);
        }
        if batch_size == 0 {
            return Err(DataError::ZeroBatch);
        }
        Ok(Self {
            source: Arc::new(source),
            count,
            batch_size: batch_size.min(count),
            shuffle_seed: None,
            last: LastBatch::Keep,
            change: None,
            ahead: None,
        })
    }

    /// A new random order each epoch, a function of the seed and the epoch alone: see [`Order`].
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

    /// Every batch goes through `change` on its way, with a random stream that is a function of the
    /// seed, the epoch and the batch.
    ///
    /// ```
    /// use retrograd_nn::{DataLoader, transform::Noise};
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// // Fresh noise every time.
    /// let loader = DataLoader::new(Tensor::zeros([4, 9], DType::F32), 4).unwrap();
    /// let loader = loader.transformed(7, Noise { deviation: 0.1 });
    /// let epoch = |n| loader.epoch(n).next().unwrap();
    /// assert_eq!(epoch(1), epoch(1));
    /// assert_ne!(epoch(1), epoch(2));
    /// ```
    #[must_use]
    pub fn changed(
        self,
        seed: u64,
        change: impl Fn(B, &mut Rng) -> B + Send + Sync + 'static,
    ) -> Self {
        Self {
            change: Some((Arc::new(change), seed)),
            ..self
        }
    }

    /// As [`changed`](Self::changed), by a [`Transform`] of the features; what belongs to them, such as
    /// labels, stays.
    #[must_use]
    pub fn transformed(self, seed: u64, transform: impl Transform + 'static) -> Self
    where
        B: Samples,
    {
        self.changed(seed, move |batch, rng| {
            batch.map_features(|features| transform.apply(features, rng))
        })
    }

    /// Whether batches are made on another thread while the ones before are used; by default they
    /// are if they are large and the pool of threads leaves a core free. (Where all cores compute,
    /// one that is taken away for a moment lets the others wait: an epoch of the deep autoencoder on
    /// two threads of two cores took 5 % longer.) Their order and their content do not depend on it.
    #[must_use]
    pub fn ahead(self, ahead: bool) -> Self {
        Self {
            ahead: Some(ahead),
            ..self
        }
    }

    fn is_ahead(&self) -> bool {
        let batch_bytes = || self.source.sample_bytes().saturating_mul(self.batch_size);
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.ahead.unwrap_or_else(|| {
            batch_bytes() >= WORTH_A_THREAD && rayon::current_num_threads() < cores()
        })
    }

    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.count
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
    ///
    /// # Panics
    /// If a batch cannot be read, where the data is not in memory: see [`read`](Self::read).
    pub fn epoch(&self, epoch: u64) -> impl Iterator<Item = B> + use<B> {
        self.epoch_from(epoch, 0)
    }

    /// The batches of epoch `epoch` without the first `done`, which are not made.
    ///
    /// # Panics
    /// As [`epoch`](Self::epoch).
    pub fn epoch_from(&self, epoch: u64, done: usize) -> impl Iterator<Item = B> + use<B> {
        let batches = self.read(epoch, done);
        batches.map(|batch| batch.unwrap_or_else(|error| panic!("a batch cannot be read: {error}")))
    }

    /// As [`epoch_from`](Self::epoch_from), for data that may be unreadable.
    pub fn read(
        &self,
        epoch: u64,
        done: usize,
    ) -> impl Iterator<Item = Result<B, SourceError>> + use<B> {
        let positions = done.min(self.batches())..self.batches();
        let maker = self.maker(epoch);
        if positions.len() > 1 && self.is_ahead() {
            Epoch::Ahead(Ahead::new(positions, move |position| maker.make(position)))
        } else {
            Epoch::Now(positions, maker)
        }
    }

    /// All samples in the order of the data, as they are: for what is computed over a whole set.
    pub fn in_order(&self) -> impl Iterator<Item = Result<B, SourceError>> + use<B> {
        let plain = Self {
            shuffle_seed: None,
            last: LastBatch::Keep,
            change: None,
            ..self.clone()
        };
        plain.read(0, 0)
    }

    fn maker(&self, epoch: u64) -> Maker<B> {
        let order = match self.shuffle_seed {
            Some(seed) => {
                Order::random(self.samples(), &mut random::stream(seed, "order", &[epoch]))
            }
            None => Order::straight(self.samples()),
        };
        Maker {
            source: Arc::clone(&self.source),
            order,
            batch_size: self.batch_size,
            change: self.change.clone(),
            epoch,
        }
    }
}

impl<B> fmt::Debug for DataLoader<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count, batch_size, ..
        } = self;
        write!(f, "DataLoader({count} samples in batches of {batch_size})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{Array, DType};

    fn loader() -> DataLoader<Tensor> {
        DataLoader::new(Tensor::arange(10, DType::F64).reshape(&[10, 1]), 4).unwrap()
    }

    fn seen(loader: &DataLoader<Tensor>, epoch: u64) -> Vec<f64> {
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
    fn a_batch_larger_than_the_data_is_all_of_it() {
        for last in [LastBatch::Keep, LastBatch::Drop] {
            let data = Tensor::arange(3, DType::F64);
            let loader = DataLoader::new(data.clone(), 4).unwrap().last_batch(last);
            assert_eq!(loader.epoch(1).collect::<Vec<_>>(), [data]);
        }
    }

    #[test]
    fn a_whole_set_comes_in_its_order_as_it_is() {
        let loader = loader().shuffled(1).last_batch(LastBatch::Drop);
        let loader = loader.changed(2, |batch, _| batch * 2.0);
        let seen: Vec<f64> = loader
            .in_order()
            .flat_map(|batch| batch.unwrap().to_vec())
            .collect();
        assert_eq!(seen, (0..10).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn impossible_batches_are_refused() {
        let data = || Tensor::zeros([3, 2], DType::F32);
        assert_eq!(
            DataLoader::new(data(), 0).unwrap_err(),
            DataError::ZeroBatch
        );
        assert_eq!(
            DataLoader::new(Tensor::zeros([0, 2], DType::F32), 1).unwrap_err(),
            DataError::Empty
        );
    }

    #[test]
    fn a_thread_of_its_own_changes_nothing() {
        let change = |batch: Tensor, rng: &mut Rng| {
            let noise = Tensor::normal(*batch.shape(), 0.0, 1.0, rng, DType::F64);
            batch + noise
        };
        let loader = loader().shuffled(1).changed(2, change);
        for done in 0..4 {
            let batches = |ahead| {
                let loader = loader.clone().ahead(ahead);
                loader.epoch_from(5, done).collect::<Vec<_>>()
            };
            assert_eq!(batches(true), batches(false));
            assert_eq!(batches(true).len(), 3 - done);
        }
        // An epoch that is left early leaves no thread waiting for ever: its sender fails.
        drop(loader.ahead(true).epoch(1).next());
    }

    #[test]
    fn a_transform_changes_features_and_leaves_labels() {
        let data = Tensor::arange(4, DType::F64).reshape(&[4, 1]);
        let labels = Array::from_vec(vec![0, 1, 2, 3], [4]);
        let double = |x: Tensor, _: &mut Rng| x * 2.0;
        let batch = |loader: DataLoader<SampleBatch>| loader.epoch(0).next().unwrap();
        let whole = SampleBatch {
            labels: Some(labels.clone()),
            ..SampleBatch::new(data.clone())
        };
        let found = batch(
            DataLoader::new(whole.clone(), 4)
                .unwrap()
                .transformed(1, double),
        );
        assert_eq!((found.x, found.labels), (&data * 2.0, whole.labels));
        let pair = DataLoader::new((data.clone(), labels.clone()), 4).unwrap();
        let found = pair.transformed(1, double).epoch(0).next().unwrap();
        assert_eq!(found, (data * 2.0, labels));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_the_end() {
        let lazy = Lazy::new(10, |rows: &[usize]| {
            let numbers = rows.iter().map(|&row| row as f64).collect();
            match rows.contains(&5) {
                true => Err("the disk is gone"),
                false => Ok(Tensor::from_vec(numbers, [rows.len(), 1])),
            }
        });
        let lazy = DataLoader::new(lazy, 4).unwrap();
        for ahead in [false, true] {
            let read: Vec<_> = lazy.clone().ahead(ahead).read(1, 0).collect();
            assert_eq!(
                *read[0].as_ref().unwrap(),
                loader().epoch(1).next().unwrap()
            );
            assert_eq!(
                read[1].as_ref().unwrap_err().to_string(),
                "the disk is gone"
            );
            assert_eq!(read[2].as_ref().unwrap().to_vec(), [8.0, 9.0]);
        }
    }

    #[test]
    fn what_belongs_together_stays_together() {
        let labels = Array::from_vec((0..10).collect(), [10]);
        let features = Tensor::arange(10, DType::F64).reshape(&[10, 1]);
        let loader = DataLoader::new((features.clone(), labels), 3).unwrap();
        for (x, label) in loader.shuffled(4).epoch(1) {
            assert!(x.iter().zip(label.iter()).all(|(x, l)| x == l as f64));
        }
        let few: Array<i64> = Array::from_vec(vec![0, 1], [2]);
        let text = DataLoader::new((features, few), 3).unwrap_err().to_string();
        assert!(text.contains("10 samples and 2"), "{text}");
    }
}
