//! Jacobians that are known to be mostly zero, by few directions.
//!
//! Columns of J that share no row can be had in one direction: with u = 1 at all of them, each entry of
//! J·u belongs to one. So the columns are coloured such that two of one colour never meet in a row,
//! and there is one direction for each colour (Curtis, Powell and Reid 1974). A tridiagonal J of any
//! size takes three:
//!
//! ```text
//!           | a d     |         | a d   |
//!   J·U  =  | b e h   |  · U =  | b e h |     colours 0 1 2 0 of the columns
//!           |   f i l |         | l f i |
//!           |     j m |         | m   j |
//! ```
//!
//! The same is done with rows and v·J, where that costs less. Finding the fewest colours is hard
//! (it is the colouring of graphs); one column after the other is given the first colour that is free,
//! in the order as they stand and by falling number of entries, whichever needs fewer. For bands and blocks that
//! is the optimum. Where one row is full and one column too (an arrow), neither side has a gain.
//!
//! ```
//! use retrograd_autograd::sparse_jacobian::{SparsityPattern, sparse_jacobian};
//! use retrograd_tensor::Tensor;
//!
//! // A row of springs: the force on each mass depends on its neighbours.
//! let forces = |x: &[retrograd_autograd::Var]| {
//!     let stretched = x[0].slice(0, 1..) - x[0].slice(0, ..-1);
//!     stretched.powf(3.0)
//! };
//! let x = Tensor::from_vec(vec![0.0, 1.0, 3.0, 4.0], [4]);
//! let pattern = SparsityPattern::banded(3, 4, 0, 1);
//! let j = sparse_jacobian(forces, &x, &pattern)?;
//! assert_eq!(j.values().to_vec(), [-3.0, 3.0, -12.0, 12.0, -3.0, 3.0]);
//! j.check(forces, &x)?; // does the pattern miss an entry?
//!
//! let wrong = SparsityPattern::banded(3, 4, 0, 0);
//! let error = sparse_jacobian(forces, &x, &wrong)?.check(forces, &x).unwrap_err();
//! assert!(error.to_string().contains("entry (0, 1)"));
//! # Ok::<(), retrograd_autograd::sparse_jacobian::SparseError>(())
//! ```

mod pattern;

use std::slice::from_ref;

use retrograd_tensor::{DType, Tensor, random};

use crate::derivative::NoDerivative;
use crate::functional::{jvp, members_at_once, pull_batch, push_batch, vjp};
use crate::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;
pub use pattern::{Colouring, SparsityPattern};

/// What is wrong with a pattern, or with a function for it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SparseError {
    /// An operation on the way has no derivative.
    #[error(transparent)]
    NoDerivative(#[from] NoDerivative),
    /// A position outside of the matrix.
    #[error(
        "sparsity pattern: entry ({row}, {column}) is outside of {rows} rows and {columns} columns"
    )]
    Outside {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// Rows of the pattern.
        rows: usize,
        /// Columns of the pattern.
        columns: usize,
    },
    /// A tensor that is no matrix.
    #[error(
        "sparsity pattern: a tensor of {rank} axes is not a matrix; reshape it to [results, inputs]"
    )]
    NotAMatrix {
        /// Its number of axes.
        rank: usize,
    },
    /// The pattern of another function.
    #[error(
        "sparse_jacobian: a pattern of {rows} rows and {columns} columns for {results} results of {inputs} inputs; a \
         pattern has a row for each element of the result and a column for each element of the input"
    )]
    Size {
        /// Rows of the pattern.
        rows: usize,
        /// Columns of the pattern.
        columns: usize,
        /// Elements of the result.
        results: usize,
        /// Elements of the input.
        inputs: usize,
    },
    /// An entry that is not in the pattern, and not zero.
    #[error(
        "sparse_jacobian: entry ({row}, {column}) is {value}, and the pattern has none there; {rows} rows of J·u are \
         wrong by it or by others"
    )]
    Missing {
        /// Row of the entry.
        row: usize,
        /// Its column.
        column: usize,
        /// What it is.
        value: f64,
        /// How many elements of J·u differ.
        rows: usize,
    },
    /// J·u is wrong, and no entry is missing.
    #[error(
        "sparse_jacobian: row {row} of J·u is {found} and should be {wanted}, though the pattern misses no entry; is \
         this the same function, at the same point?"
    )]
    Differs {
        /// The row.
        row: usize,
        /// J·u by the sparse Jacobian.
        found: f64,
        /// J·u of the function.
        wanted: f64,
    },
}

/// A Jacobian by its entries, row by row (CSR).
#[derive(Clone, Debug, PartialEq)]
pub struct SparseJacobian {
    pattern: SparsityPattern,
    values: Tensor,
}

/// The Jacobian of `f` at `x`, whose entries outside of the pattern are zero: entry (i, j) is the
/// derivative of element i of the result with respect to element j of x, both counted in row-major order.
///
/// It takes the movement of one [`jvp`] for each colour of the columns or one [`vjp`] for each colour of
/// the rows, whichever is less, and all of them are the members of one batch. Entries that are not zero and not in the pattern are lost, and spoil others;
/// [`SparseJacobian::check`] finds them. The module's page has an example.
///
/// # Errors
/// If the pattern has another size, or an operation on the way has no derivative.
///
/// # Panics
/// As `f` does.
#[track_caller]
pub fn sparse_jacobian(
    f: impl Fn(&[Var]) -> Var,
    x: &Tensor,
    pattern: &SparsityPattern,
) -> Result<SparseJacobian, SparseError> {
    let tape = Tape::new();
    let leaf = tape.leaf(x.clone());
    let y = f(std::slice::from_ref(&leaf));
    if (pattern.rows(), pattern.columns()) != (y.elements(), x.elements()) {
        return Err(SparseError::Size {
            rows: pattern.rows(),
            columns: pattern.columns(),
            results: y.elements(),
            inputs: x.elements(),
        });
    }
    let (columns, rows) = (pattern.column_colours(), pattern.row_colours());
    let at_once = members_at_once(&y);
    let values: Vec<f64> = if columns.count <= rows.count {
        let moved = directions(&columns, x, at_once, |u| push_batch(&f, x, u))?;
        let entry = |(i, j): (usize, usize)| moved[columns.colours[j] * pattern.rows() + i];
        pattern.pairs().map(entry).collect()
    } else {
        let leaf = from_ref(&leaf);
        let pulled = directions(&rows, y.value(), at_once, |v| {
            Ok(pull_batch(&y, v, leaf, Sweep::Retain)?.swap_remove(0))
        })?;
        let entry = |(i, j): (usize, usize)| pulled[rows.colours[i] * pattern.columns() + j];
        pattern.pairs().map(entry).collect()
    };
    let count = values.len();
    Ok(SparseJacobian {
        pattern: pattern.clone(),
        values: Tensor::from_vec(values, [count]).cast(x.dtype()),
    })
}

/// What `derivatives` gives for all colours, one after another, with 1 at all elements of each; so many
/// `at_once`.
fn directions(
    colouring: &Colouring,
    like: &Tensor,
    at_once: usize,
    derivatives: impl Fn(Tensor) -> Result<Tensor, NoDerivative>,
) -> Result<Vec<f64>, NoDerivative> {
    let mut all = Vec::new();
    for first in (0..colouring.count).step_by(at_once) {
        let colours = first..colouring.count.min(first + at_once);
        let ones = colours.clone().flat_map(|colour| {
            let own = colouring.colours.iter();
            own.map(move |&own| f64::from(own == colour))
        });
        let sizes = [&[colours.len()], &like.shape()[..]].concat();
        let directions = Tensor::from_vec(ones.collect(), sizes).cast(like.dtype());
        all.extend(derivatives(directions)?.iter());
    }
    Ok(all)
}

impl SparseJacobian {
    /// Where the entries are.
    #[must_use]
    pub fn pattern(&self) -> &SparsityPattern {
        &self.pattern
    }

    /// Where each row begins among the entries, and their number.
    #[must_use]
    pub fn row_starts(&self) -> &[usize] {
        &self.pattern.starts
    }

    /// The column of each entry, row by row.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.pattern.places
    }

    /// The entries, row by row: `[entries]`.
    #[must_use]
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// With all zeros: `[rows, columns]`.
    #[must_use]
    pub fn to_dense(&self) -> Tensor {
        let (rows, columns) = (self.pattern.rows(), self.pattern.columns());
        let mut dense = vec![0.0; rows * columns];
        for ((i, j), value) in self.pattern.pairs().zip(self.values.iter()) {
            dense[i * columns + j] = value;
        }
        Tensor::from_vec(dense, [rows, columns]).cast(self.values.dtype())
    }

    /// The product with a vector `[columns]`, as `[rows]`, added up in `f64`.
    ///
    /// # Panics
    /// If the vector has another number of elements.
    #[track_caller]
    #[must_use]
    pub fn matvec(&self, vector: &Tensor) -> Tensor {
        let columns = self.pattern.columns();
        assert!(
            vector.elements() == columns,
            "matvec: {} elements for a Jacobian of {columns} columns",
            vector.elements()
        );
        let products: Vec<f64> = self.products(vector).map(|(sum, _)| sum).collect();
        Tensor::from_vec(products, [self.pattern.rows()]).cast(self.values.dtype())
    }

    /// For each row Σ value·vector and Σ |value·vector|.
    fn products(&self, vector: &Tensor) -> impl Iterator<Item = (f64, f64)> {
        let (values, vector) = (self.values.to_vec(), vector.to_vec());
        (0..self.pattern.rows()).map(move |row| {
            let places = self.pattern.range(row);
            let products = places.map(|k| values[k] * vector[self.pattern.places[k]]);
            products.fold((0.0, 0.0), |(sum, size), v| (sum + v, size + v.abs()))
        })
    }

    /// Holds this against the function it was computed from: the product with one random vector by the
    /// entries and by [`jvp`]. Where they differ, the row is computed whole, and what the pattern misses is named.
    ///
    /// # Errors
    /// If an entry is missing that is more than rounding at this point, if this is another function, or
    /// an operation on the way has no derivative.
    ///
    /// # Panics
    /// As `f` does.
    #[track_caller]
    pub fn check(&self, f: impl Fn(&[Var]) -> Var, x: &Tensor) -> Result<(), SparseError> {
        // All sizes differ, so that the column which an entry has strayed to has another weight.
        let mut rng = random::stream(0, "sparse jacobian", &[]);
        let u = Tensor::uniform(*x.shape(), 1.0, 2.0, &mut rng, DType::F64).cast(x.dtype());
        let (y, moved) = jvp(&f, from_ref(x), from_ref(&u))?;
        let (rows, columns) = (self.pattern.rows(), self.pattern.columns());
        if (rows, columns) != (y.elements(), x.elements()) {
            return Err(SparseError::Size {
                rows,
                columns,
                results: y.elements(),
                inputs: x.elements(),
            });
        }
        // Three quarters of the digits of a row have to agree; tiny rows are sums of larger numbers.
        let epsilon = x.dtype().epsilon();
        let largest = moved.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        let differs = |(found, size): (f64, f64), wanted: f64| {
            let allowed = epsilon.powf(0.75) * size.max(wanted.abs()) + 64.0 * epsilon * largest;
            let near = (found - wanted).abs() <= allowed;
            !(near || found.is_nan() && wanted.is_nan())
        };
        let wrong: Vec<(usize, f64, f64)> = self
            .products(&u)
            .zip(moved.iter())
            .enumerate()
            .filter(|&(_, (found, wanted))| differs(found, wanted))
            .map(|(row, (found, wanted))| (row, found.0, wanted))
            .collect();
        for &(row, ..) in &wrong {
            if let Some((column, value)) = self.missing(&f, x, &y, row)? {
                let rows = wrong.len();
                return Err(SparseError::Missing {
                    row,
                    column,
                    value,
                    rows,
                });
            }
        }
        match wrong.first() {
            Some(&(row, found, wanted)) => Err(SparseError::Differs { row, found, wanted }),
            None => Ok(()),
        }
    }

    /// The largest entry of a row of the function's Jacobian that the pattern does not have.
    fn missing(
        &self,
        f: impl Fn(&[Var]) -> Var,
        x: &Tensor,
        y: &Tensor,
        row: usize,
    ) -> Result<Option<(usize, f64)>, NoDerivative> {
        let basis: Vec<f64> = (0..y.elements()).map(|i| f64::from(i == row)).collect();
        let basis = Tensor::from_vec(basis, *y.shape()).cast(y.dtype());
        let gradient = vjp(f, from_ref(x), &basis)?.1.swap_remove(0);
        let own = self.pattern.row(row);
        let others = gradient
            .iter()
            .enumerate()
            .filter(|&(j, value)| value != 0.0 && own.binary_search(&j).is_err());
        Ok(others.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())))
    }
}
