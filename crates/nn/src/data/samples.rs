//! What a loader can cut into batches: tensors, labels, and pairs of them.

use retrograd_tensor::{Array, Element, Tensor};

use super::DataError;

/// Samples side by side; some of them are of the same type, and are what a batch is.
///
/// Tensors are cut along their first axis. A pair is cut into pairs, so that what belongs together
/// stays together: inputs and targets, images and labels.
pub trait Samples: Clone + Send + 'static {
    /// How many there are.
    ///
    /// # Errors
    /// If the parts of a pair differ in that.
    fn count(&self) -> Result<usize, DataError>;

    /// The samples at these positions, in this order.
    #[must_use]
    fn rows(&self, rows: &[usize]) -> Self;

    /// Size in bytes, by which a loader judges whether to work ahead.
    fn bytes(&self) -> usize;
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
}

/// Classes of samples, `[samples]`; on a tape they are the whole numbers that they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels(pub Array<i64>);

impl Samples for Labels {
    fn count(&self) -> Result<usize, DataError> {
        self.0.count()
    }

    fn rows(&self, rows: &[usize]) -> Self {
        Self(self.0.rows(rows))
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Samples with their classes, where there are such, and which of their features were observed: for a
/// model that is chosen while the program runs, and may need them.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// `[samples, features ...]`
    pub features: Tensor,
    /// `[samples]`
    pub labels: Option<Array<i64>>,
    /// 1 where a feature was observed and 0 where it was not, of the shape of the features; none where
    /// all were.
    pub observed: Option<Tensor>,
}

impl Samples for Labelled {
    fn count(&self) -> Result<usize, DataError> {
        let features = self.features.clone();
        if let Some(labels) = &self.labels {
            (features.clone(), labels.clone()).count()?;
        }
        match &self.observed {
            Some(observed) => (features, observed.clone()).count(),
            None => features.count(),
        }
    }

    fn rows(&self, rows: &[usize]) -> Self {
        Self {
            features: self.features.rows(rows),
            labels: self.labels.as_ref().map(|labels| labels.rows(rows)),
            observed: self.observed.as_ref().map(|observed| observed.rows(rows)),
        }
    }

    fn bytes(&self) -> usize {
        self.features.bytes()
            + self.labels.as_ref().map_or(0, Samples::bytes)
            + self.observed.as_ref().map_or(0, Samples::bytes)
    }
}
