//! Sparse matrices put together from small dense blocks.

use crate::sparse_jacobian::{SparseError, SparsityPattern};

/// A matrix by its entries, row by row (CSR), that grows by blocks of rows.
///
/// ```
/// use retrograd_autograd::scalar::SparseRows;
///
/// // Springs between neighbours: each force has two slopes.
/// let mut matrix = SparseRows::with_capacity(2, 4);
/// matrix.push_block(&[0, 1], &[-1.0, 1.0]);
/// matrix.push_block(&[1, 2], &[-3.0, 3.0]);
/// assert_eq!(matrix.starts, [0, 2, 4]);
/// assert_eq!(matrix.columns, [0, 1, 1, 2]);
/// assert_eq!(matrix.pattern(3)?.row(1), [1, 2]);
/// # Ok::<(), retrograd_autograd::sparse_jacobian::SparseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    /// Where each row begins among the entries, and their number.
    pub starts: Vec<u32>,
    /// The column of each entry.
    pub columns: Vec<u32>,
    /// The entries.
    pub values: Vec<f64>,
}

impl SparseRows {
    /// No rows yet, and room for some.
    #[must_use]
    pub fn with_capacity(rows: usize, entries: usize) -> Self {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        Self {
            starts,
            columns: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
        }
    }

    /// Rows that have their entries in the same columns: `rows` is `[rows, columns]`.
    ///
    /// # Panics
    /// If `rows` is not whole rows, or there are more than 2³² entries.
    #[track_caller]
    pub fn push_block(&mut self, columns: &[u32], rows: &[f64]) {
        assert!(
            !columns.is_empty() && rows.len().is_multiple_of(columns.len()),
            "a block of {} entries in {} columns",
            rows.len(),
            columns.len()
        );
        for row in rows.chunks_exact(columns.len()) {
            self.columns.extend_from_slice(columns);
            self.values.extend_from_slice(row);
            let end = u32::try_from(self.values.len()).expect("fewer than 2³² entries");
            self.starts.push(end);
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where the entries of a matrix of this many columns are.
    ///
    /// # Errors
    /// If one is beyond.
    pub fn pattern(&self, columns: usize) -> Result<SparsityPattern, SparseError> {
        let row = |i: usize| self.starts[i] as usize..self.starts[i + 1] as usize;
        let pairs = (0..self.rows())
            .flat_map(|i| self.columns[row(i)].iter().map(move |&j| (i, j as usize)));
        SparsityPattern::from_pairs(self.rows(), columns, pairs)
    }
}
