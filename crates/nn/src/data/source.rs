//! Where batches come from: memory, or whatever makes them when they are asked for.

use std::fmt;

use super::{DataError, Samples};

/// Why a batch could not be made, such as a file that is gone.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// A data set: how many samples there are, and batches of any of them.
///
/// [`Samples`] in memory are one. What lies elsewhere is made a batch at a time, on the thread that works
/// [ahead](super::DataLoader::ahead) if there is one; [`Lazy`] makes a source of a function.
#[doc(alias = "Dataset")]
pub trait Source: Send + Sync + 'static {
    /// What a batch is.
    type Batch;

    /// How many samples there are.
    ///
    /// # Errors
    /// If parts that belong together differ in that.
    fn count(&self) -> Result<usize, DataError>;

    /// The samples at these positions, in this order.
    ///
    /// # Errors
    /// If they cannot be read.
    fn batch(&self, rows: &[usize]) -> Result<Self::Batch, SourceError>;

    /// Size of a sample in bytes, by which a loader judges whether to work ahead.
    fn sample_bytes(&self) -> usize;
}

impl<S: Samples> Source for S {
    type Batch = S;

    fn count(&self) -> Result<usize, DataError> {
        Samples::count(self)
    }

    fn batch(&self, rows: &[usize]) -> Result<S, SourceError> {
        Ok(self.rows(rows))
    }

    fn sample_bytes(&self) -> usize {
        self.bytes() / Samples::count(self).unwrap_or(1).max(1)
    }
}

/// Samples that a function makes, such as by reading a file.
///
/// ```
/// use retrograd_nn::DataLoader;
/// use retrograd_nn::data::Lazy;
/// use retrograd_tensor::Tensor;
///
/// // Squares, as if they were too many for memory.
/// let squares = Lazy::new(1_000_000_000, |rows: &[usize]| {
///     let values = rows.iter().map(|&row| (row * row) as f32).collect();
///     Ok::<_, std::io::Error>(Tensor::from_vec(values, [rows.len(), 1]))
/// });
/// let loader = DataLoader::new(squares, 4)?;
/// assert_eq!(loader.epoch(1).next().unwrap().to_vec(), [0.0, 1.0, 4.0, 9.0]);
/// # Ok::<(), retrograd_nn::data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Lazy<F> {
    count: usize,
    make: F,
}

impl<F> Lazy<F> {
    /// So many samples, of which `make` gives those at some positions in their order.
    pub fn new<B, E>(count: usize, make: F) -> Self
    where
        F: Fn(&[usize]) -> Result<B, E>,
    {
        Self { count, make }
    }
}

impl<B, E, F> Source for Lazy<F>
where
    E: Into<SourceError>,
    F: Fn(&[usize]) -> Result<B, E> + Send + Sync + 'static,
{
    type Batch = B;

    fn count(&self) -> Result<usize, DataError> {
        Ok(self.count)
    }

    fn batch(&self, rows: &[usize]) -> Result<B, SourceError> {
        (self.make)(rows).map_err(Into::into)
    }

    /// To wait for a disk is always worth a thread.
    fn sample_bytes(&self) -> usize {
        usize::MAX
    }
}

impl<F> fmt::Debug for Lazy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lazy({} samples)", self.count)
    }
}
