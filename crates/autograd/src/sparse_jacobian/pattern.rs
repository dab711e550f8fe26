//! Where a matrix may differ from zero, and which of its lines do not meet.

use std::cmp::Reverse;
use std::ops::Range;

use retrograd_tensor::Tensor;

use super::SparseError;

/// Which entries of a matrix may differ from zero: for each row its columns, in rising order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparsityPattern {
    columns: usize,
    /// Where each row begins in `places`, and the end.
    pub(super) starts: Vec<usize>,
    pub(super) places: Vec<usize>,
}

impl SparsityPattern {
    /// From pairs of row and column, in any order; twice is once.
    ///
    /// # Errors
    /// If one is outside of the matrix.
    pub fn from_pairs(
        rows: usize,
        columns: usize,
        entries: impl IntoIterator<Item = (usize, usize)>,
    ) -> Result<Self, SparseError> {
        let mut lists = vec![Vec::new(); rows];
        for (row, column) in entries {
            if row >= rows || column >= columns {
                return Err(SparseError::Outside {
                    row,
                    column,
                    rows,
                    columns,
                });
            }
            lists[row].push(column);
        }
        Ok(Self::from_lists(columns, lists))
    }

    /// Where this matrix is not zero (or NaN), such as a Jacobian that was computed whole at one point. An
    /// entry that happens to be zero there is not in it.
    ///
    /// # Errors
    /// If the tensor does not have two axes.
    pub fn from_dense(matrix: &Tensor) -> Result<Self, SparseError> {
        let &[rows, columns] = &matrix.shape()[..] else {
            return Err(SparseError::NotAMatrix {
                rank: matrix.rank(),
            });
        };
        let entries = matrix.iter().enumerate().filter(|(_, value)| *value != 0.0);
        let pairs = entries.map(|(i, _)| (i / columns, i % columns));
        Self::from_pairs(rows, columns, pairs)
    }

    /// The diagonal, with `lower` diagonals below it and `upper` above.
    #[must_use]
    pub fn banded(rows: usize, columns: usize, lower: usize, upper: usize) -> Self {
        let row = |i: usize| {
            let end = i.saturating_add(upper).saturating_add(1).min(columns);
            (i.saturating_sub(lower)..end).collect()
        };
        Self::from_lists(columns, (0..rows).map(row).collect())
    }

    /// Full blocks of these heights and widths along the diagonal.
    #[must_use]
    pub fn block_diagonal(blocks: &[(usize, usize)]) -> Self {
        let (mut lists, mut from) = (Vec::new(), 0);
        for &(height, width) in blocks {
            lists.extend(std::iter::repeat_n(
                (from..from + width).collect::<Vec<_>>(),
                height,
            ));
            from += width;
        }
        Self::from_lists(from, lists)
    }

    fn from_lists(columns: usize, lists: Vec<Vec<usize>>) -> Self {
        let (mut starts, mut places) = (vec![0], Vec::new());
        for mut list in lists {
            list.sort_unstable();
            list.dedup();
            places.extend(list);
            starts.push(places.len());
        }
        Self {
            columns,
            starts,
            places,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.places.len()
    }

    /// The columns of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[usize] {
        &self.places[self.range(row)]
    }

    pub(super) fn range(&self, row: usize) -> Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// Row and column of all entries, row by row.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.rows()).flat_map(|i| self.row(i).iter().map(move |&j| (i, j)))
    }

    /// Rows for columns.
    fn transposed(&self) -> Self {
        let mut lists = vec![Vec::new(); self.columns];
        for (i, j) in self.pairs() {
            lists[j].push(i);
        }
        Self::from_lists(self.rows(), lists)
    }

    /// A colour for each column, such that no row has two of one colour.
    #[must_use]
    pub fn column_colours(&self) -> Colouring {
        coloured(&self.transposed(), self)
    }

    /// A colour for each row, such that no column has two of one colour.
    #[must_use]
    pub fn row_colours(&self) -> Colouring {
        coloured(self, &self.transposed())
    }
}

/// A colour for each row or for each column, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colouring {
    /// The colours in order.
    pub colours: Vec<usize>,
    /// How many there are.
    pub count: usize,
}

/// Colours the rows of `lines`, whose columns are `across`: two orders, and the better one.
fn coloured(lines: &SparsityPattern, across: &SparsityPattern) -> Colouring {
    let natural: Vec<usize> = (0..lines.rows()).collect();
    let mut fullest = natural.clone();
    fullest.sort_by_key(|&line| Reverse(lines.row(line).len()));
    let [a, b] = [natural, fullest].map(|order| greedy(lines, across, &order));
    if b.count < a.count { b } else { a }
}

/// The first colour that is free, line by line in this order.
fn greedy(lines: &SparsityPattern, across: &SparsityPattern, order: &[usize]) -> Colouring {
    const NONE: usize = usize::MAX;
    let mut colours = vec![NONE; lines.rows()];
    // For each colour the last line that could not have it.
    let mut taken: Vec<usize> = Vec::new();
    for &line in order {
        let met = lines.row(line).iter().flat_map(|&place| across.row(place));
        for &other in met {
            if colours[other] != NONE {
                taken[colours[other]] = line;
            }
        }
        let free = taken.iter().position(|&last| last != line);
        colours[line] = free.unwrap_or_else(|| {
            taken.push(NONE);
            taken.len() - 1
        });
    }
    Colouring {
        colours,
        count: taken.len(),
    }
}
