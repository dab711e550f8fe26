//! Systems of equations whose matrix is a triangle, solved from its corner.
//!
//! ```text
//! xᵢ = (bᵢ − Σⱼ aᵢⱼ·xⱼ) / aᵢᵢ     over the j that are known already
//! ```
//!
//! Rows are solved in blocks. What the known blocks contribute is a product of matrices, which is
//! where the time goes; inside a block, rows follow each other.

use super::{each, part, subtract};
use crate::array::Array;
use crate::element::Float;
use crate::error::{MatrixError, OrPanic};
use crate::gemm::{self, Matrix, Onto};
use crate::precision::Precision;
use crate::shape;

/// Rows solved one after another before a product takes them to the next rows: the product should
/// have most of the work, and rows of this many fit into the caches.
const BLOCK: usize = 48;

/// Which triangle of a matrix is meant, and how it is read. The rest of the matrix is not looked at.
///
/// ```
/// use retrograd_tensor::{Array, Triangular};
///
/// let l = Array::<f64>::from_vec(vec![2.0, 99.0, 1.0, 4.0], [2, 2]);
/// let b = Array::from_vec(vec![2.0, 9.0], [2, 1]);
/// assert_eq!(l.solve_triangular(&b, Triangular::LOWER).to_vec(), [1.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Triangular {
    /// The triangle on and above the diagonal, else that on and below it.
    pub upper: bool,
    /// Whether the matrix of the system is the transposed triangle.
    pub transposed: bool,
    /// Whether the diagonal is taken to be 1 without looking at it.
    pub unit: bool,
}

impl Triangular {
    /// On and below the diagonal.
    pub const LOWER: Self = Self {
        upper: false,
        transposed: false,
        unit: false,
    };
    /// On and above the diagonal.
    pub const UPPER: Self = Self {
        upper: true,
        ..Self::LOWER
    };

    /// The system of the transposed triangle.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            transposed: !self.transposed,
            ..self
        }
    }

    /// The same with ones on the diagonal.
    #[must_use]
    pub fn unit(self) -> Self {
        Self { unit: true, ..self }
    }
}

impl<T: Float> Array<T> {
    /// X with A·X = B, where A is a triangle of these matrices `[.., size, size]` and B is `right`
    /// `[.., size, columns]`; leading axes broadcast.
    ///
    /// # Panics
    /// If the shapes do not fit, or an element of the diagonal is 0; see
    /// [`try_solve_triangular`](Self::try_solve_triangular).
    #[track_caller]
    #[must_use]
    pub fn solve_triangular(&self, right: &Self, triangle: Triangular) -> Self {
        self.try_solve_triangular(right, triangle).or_panic()
    }

    /// As [`solve_triangular`](Self::solve_triangular), for triangles that may be singular.
    ///
    /// # Errors
    /// If an element of the diagonal is 0.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn try_solve_triangular(
        &self,
        right: &Self,
        triangle: Triangular,
    ) -> Result<Self, MatrixError> {
        const NAME: &str = "solve_triangular";
        let lead = shape::solve(NAME, self.shape(), right.shape()).or_panic();
        let size = self.shape()[self.rank() - 1];
        let (a, mut x) = (self.batch(&lead), right.batch(&lead));
        let columns = x.shape()[x.rank() - 1];
        let a = a.values();
        if x.elements() > 0 {
            let solutions = [(x.make_mut(), size * columns)];
            each(NAME, MatrixError::singular, solutions, &|matrix, [x]| {
                let a = &a[matrix * size * size..][..size * size];
                substitute(a, size, triangle, x, columns)
            })?;
        }
        Ok(x)
    }
}

/// `x` ← A⁻¹·`x` for a triangle of the matrix `a`, or the place of a 0 on its diagonal.
pub(super) fn substitute<T: Float>(
    a: &[T],
    size: usize,
    triangle: Triangular,
    x: &mut [T],
    columns: usize,
) -> Result<(), usize> {
    let stored = part(a, size, 0, [size, size]);
    let read = if triangle.transposed {
        stored.turned()
    } else {
        stored
    };
    substitute_read(
        read,
        triangle.upper == triangle.transposed,
        triangle.unit,
        x,
        columns,
    )
}

/// As [`substitute`], of a matrix as it is read: from the first row if it is a lower triangle.
pub(super) fn substitute_read<T: Float>(
    a: Matrix<'_, T>,
    lower: bool,
    unit: bool,
    x: &mut [T],
    columns: usize,
) -> Result<(), usize> {
    let size = a.rows;
    let at = |i: usize, j: usize| a.data[a.position(i, j) as usize];
    if !unit && let Some(pivot) = (0..size).find(|&i| at(i, i) == T::ZERO) {
        return Err(pivot);
    }
    if columns == 0 {
        return Ok(());
    }
    for done in (0..size).step_by(BLOCK) {
        let count = BLOCK.min(size - done);
        // The rows of the block, and of those that are known.
        let (first, known) = match lower {
            true => (done, 0..done),
            false => (size - done - count, size - done..size),
        };
        let (before, rest) = x.split_at_mut(first * columns);
        let (block, after) = rest.split_at_mut(count * columns);
        if !known.is_empty() {
            let coefficients = a
                .rows_from(first, count)
                .columns_from(known.start, known.len());
            let data = if lower { before } else { after };
            let solved = part(&*data, columns, 0, [known.len(), columns]);
            gemm::product_onto(
                Precision::Full,
                -T::ONE,
                coefficients,
                solved,
                Onto::Scaled(T::ONE),
                block,
            );
        }
        for step in 0..count {
            let i = if lower { step } else { count - 1 - step };
            let (above, rest) = block.split_at_mut(i * columns);
            let (row, below) = rest.split_at_mut(columns);
            let (start, others) = if lower { (0, above) } else { (i + 1, below) };
            for (j, other) in others.chunks(columns).enumerate() {
                subtract(row, at(first + i, first + start + j), other);
            }
            if !unit {
                let pivot = at(first + i, first + i);
                row.iter_mut().for_each(|value| *value = *value / pivot);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, normal};
    use super::*;

    #[test]
    fn solutions_solve_their_equations() {
        for (size, columns) in [(1, 1), (3, 2), (5, 0), (0, 2), (47, 3), (130, 5)] {
            let off = normal([2, size, size], 80) * &Array::full([1], 0.3 / (size as f64).sqrt());
            let a = off + &(Array::eye(size) * &Array::full([1], 2.0));
            let b = normal([2, size, columns], 81);
            for upper in [false, true] {
                for unit in [false, true] {
                    let triangle = Triangular {
                        upper,
                        transposed: false,
                        unit,
                    };
                    let strict = match upper {
                        true => a.triu(1),
                        false => a.tril(-1),
                    };
                    let diagonal = match unit {
                        true => Array::eye(size),
                        false => a.tril(0).triu(0),
                    };
                    let matrix = strict + &diagonal;
                    let x = a.solve_triangular(&b, triangle);
                    close(&matrix.matmul(&x), &b, 1e-12);
                    let x = a.solve_triangular(&b, triangle.turned());
                    close(&matrix.t().matmul(&x), &b, 1e-12);
                }
            }
        }
    }

    #[test]
    fn leading_axes_broadcast_and_operands_may_be_views() {
        let a = normal([3, 4, 4], 82) + &(Array::eye(4) * &Array::full([1], 5.0));
        let b = normal([2, 5, 4], 83).t().unsqueeze(1);
        let x = a.t().solve_triangular(&b, Triangular::UPPER);
        assert_eq!(x.shape(), [2, 3, 4, 5]);
        close(
            &a.t().triu(0).matmul(&x),
            &b.broadcast_to([2, 3, 4, 5]),
            1e-13,
        );
    }

    #[test]
    fn a_zero_on_the_diagonal_is_named() {
        let mut a = Array::<f32>::ones([2, 3, 3]);
        a.make_mut()[9 + 4] = 0.0;
        let b = Array::ones([3, 1]);
        let error = a.try_solve_triangular(&b, Triangular::LOWER).unwrap_err();
        assert_eq!(
            error.to_string(),
            "solve_triangular: matrix 1 of the batch is singular: pivot 1 is 0"
        );
        assert!(a.try_solve_triangular(&b, Triangular::LOWER.unit()).is_ok());
    }
}
