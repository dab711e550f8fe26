//! What is cut into batches in memory: tensors, integers, pairs of them, and all that a sample may have.

use retrograd_tensor::{Array, Element, Tensor};

use super::{DataError, Graph};

/// Samples side by side; some of them are of the same type, and are what a batch is.
///
/// Tensors are cut along their first axis. A pair is cut into pairs, so that what belongs together
/// stays together: inputs and targets, images and labels.
pub trait Samples: Clone + Send + Sync + 'static {
    /// How many there are.
    ///
    /// # Errors
    /// If the parts of a pair differ in that.
    fn count(&self) -> Result<usize, DataError>;

    /// The samples at these positions, in this order.
    #[must_use]
    fn rows(&self, rows: &[usize]) -> Self;

    /// Size in bytes.
    fn bytes(&self) -> usize;

    /// The same with other features; what has none stays as it is.
    #[must_use]
    fn map_features(self, change: impl FnOnce(Tensor) -> Tensor) -> Self {
        let _ = change;
        self
    }
}

impl Samples for Tensor {
    fn count(&self) -> Result<usize, DataError> {
        Ok(self.shape().first().copied().unwrap_or(0))
    }

    fn rows(&self, rows: &[usize]) -> Self {
        Self::rows(self, rows)
    }

    fn bytes(&self) -> usize {
        Self::bytes(self)
    }

    fn map_features(self, change: impl FnOnce(Tensor) -> Tensor) -> Self {
        change(self)
    }
}

impl<T: Element> Samples for Array<T> {
    fn count(&self) -> Result<usize, DataError> {
        Ok(self.shape().first().copied().unwrap_or(0))
    }

    fn rows(&self, rows: &[usize]) -> Self {
        Self::rows(self, rows)
    }

    fn bytes(&self) -> usize {
        self.elements() * size_of::<T>()
    }
}

impl<A: Samples, B: Samples> Samples for (A, B) {
    fn count(&self) -> Result<usize, DataError> {
        let (first, second) = (self.0.count()?, self.1.count()?);
        if first != second {
            return Err(DataError::Unequal { first, second });
        }
        Ok(first)
    }

    fn rows(&self, rows: &[usize]) -> Self {
        (self.0.rows(rows), self.1.rows(rows))
    }

    fn bytes(&self) -> usize {
        self.0.bytes() + self.1.bytes()
    }

    /// Those of the first part.
    fn map_features(self, change: impl FnOnce(Tensor) -> Tensor) -> Self {
        (self.0.map_features(change), self.1)
    }
}

/// Samples with all that a data set may have of them, and so may a batch: for a model that is chosen while
/// the program runs, and takes what it needs.
///
/// ```
/// use retrograd_nn::DataLoader;
/// use retrograd_nn::data::SampleBatch;
/// use retrograd_tensor::{Array, DType, Tensor};
///
/// let labels = Some(Array::from_vec(vec![0, 1, 0, 1], [4]));
/// let data = SampleBatch { labels, ..SampleBatch::new(Tensor::ones([4, 2], DType::F32)).numbered() };
/// let batch = DataLoader::new(data, 3)?.epoch(1).nth(1).unwrap();
/// assert_eq!((batch.rows.unwrap().to_vec(), batch.labels.unwrap().to_vec()), (vec![3], vec![1]));
/// # Ok::<(), retrograd_nn::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SampleBatch {
    /// The features, `[samples, features ...]`.
    pub x: Tensor,
    /// What is to come out, if that is not the features, `[samples, ...]`.
    pub target: Option<Tensor>,
    /// The classes, `[samples]`.
    pub labels: Option<Array<i64>>,
    /// 1 where a feature was observed and 0 where it was not, of the shape of the features; none where
    /// all were.
    pub observed: Option<Tensor>,
    /// How much each sample counts, `[samples]`.
    pub weights: Option<Tensor>,
    /// Where each sample is in the whole set, `[samples]`: for what is known of it from elsewhere, such
    /// as a target distribution that changes between epochs.
    pub rows: Option<Array<i64>>,
    /// Edges between the samples, if these are the nodes of a graph.
    pub graph: Option<Graph>,
}

impl SampleBatch {
    /// Features alone.
    #[must_use]
    pub fn new(x: Tensor) -> Self {
        Self {
            x,
            target: None,
            labels: None,
            observed: None,
            weights: None,
            rows: None,
            graph: None,
        }
    }

    /// The same as a whole set, whose batches are to say where their samples are in it.
    #[must_use]
    pub fn numbered(self) -> Self {
        let count = self.x.shape().first().copied().unwrap_or(0);
        Self {
            rows: Some(Array::from_vec((0..count as i64).collect(), [count])),
            ..self
        }
    }
}

impl Samples for SampleBatch {
    fn count(&self) -> Result<usize, DataError> {
        let first = self.x.count()?;
        let tensors = [&self.target, &self.observed, &self.weights];
        let tensors = tensors.into_iter().flatten().map(Samples::count);
        let integers = [&self.labels, &self.rows];
        let integers = integers.into_iter().flatten().map(Samples::count);
        for second in tensors.chain(integers) {
            let second = second?;
            if first != second {
                return Err(DataError::Unequal { first, second });
            }
        }
        let graph = self.graph.as_ref().map(|graph| graph.check(first));
        graph.unwrap_or(Ok(())).map(|()| first)
    }

    fn rows(&self, rows: &[usize]) -> Self {
        let tensor = |part: &Option<Tensor>| part.as_ref().map(|part| part.rows(rows));
        let integers = |part: &Option<Array<i64>>| part.as_ref().map(|part| part.rows(rows));
        Self {
            x: self.x.rows(rows),
            target: tensor(&self.target),
            labels: integers(&self.labels),
            observed: tensor(&self.observed),
            weights: tensor(&self.weights),
            rows: integers(&self.rows),
            graph: self.graph.as_ref().map(|graph| graph.among(rows)),
        }
    }

    fn bytes(&self) -> usize {
        let tensors = [&self.target, &self.observed, &self.weights];
        let tensors = tensors.into_iter().flatten().map(Samples::bytes);
        let integers = [&self.labels, &self.rows];
        let integers = integers.into_iter().flatten().map(Samples::bytes);
        let graph = self.graph.as_ref().map_or(0, Graph::bytes);
        self.x.bytes() + tensors.chain(integers).sum::<usize>() + graph
    }

    fn map_features(self, change: impl FnOnce(Tensor) -> Tensor) -> Self {
        Self {
            x: change(self.x),
            ..self
        }
    }
}
