//! Solving with any invertible matrix: Gaussian elimination, P·A = L·U with partial pivoting.
//!
//! Of the rows that are left, the one with the largest element in the column is used to clear the
//! others (Golub & Van Loan 2013, algorithm 3.4.1), so that no factor is larger than 1. Columns are
//! cleared in blocks: what a block means for the columns to its right is a product of matrices.

use super::triangular::substitute;
use super::{Triangular, part, subtract};
use crate::array::Array;
use crate::element::Float;
use crate::error::{MatrixError, OrPanic};
use crate::gemm;
use crate::parallel::{for_each_chunk, for_each_chunks};
use crate::precision::Precision;
use crate::shape::{self, Shape};

/// Columns cleared one after another before a product takes over.
const BLOCK: usize = 48;

/// Rows that are cleared together: enough for a product, and few enough that its result is still in
/// the cache when it is subtracted.
const ROWS: usize = 64;

impl<T: Float> Array<T> {
    /// X with A·X = B for these matrices A `[.., size, size]` and B `right` `[.., size, columns]`;
    /// leading axes broadcast. With `transposed`, Aᵀ·X = B.
    ///
    /// # Panics
    /// If the shapes do not fit, or a matrix is singular; see [`try_solve`](Self::try_solve).
    #[track_caller]
    #[must_use]
    pub fn solve(&self, right: &Self, transposed: bool) -> Self {
        self.try_solve(right, transposed).or_panic()
    }

    /// As [`solve`](Self::solve), for matrices that may be singular.
    ///
    /// # Errors
    /// If elimination leaves no pivot but 0. A matrix that is singular up to rounding is not found
    /// out; its solution is large.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn try_solve(&self, right: &Self, transposed: bool) -> Result<Self, MatrixError> {
        const NAME: &str = "solve";
        let lead = shape::solve(NAME, self.shape(), right.shape()).or_panic();
        let (factors, order) = self.batch(&lead).lu();
        factors.solved(NAME, &order, right.batch(&lead), transposed)
    }

    /// A⁻¹ of these matrices `[.., size, size]`.
    ///
    /// # Panics
    /// If they are not square, or one is singular; see [`try_inverse`](Self::try_inverse).
    #[track_caller]
    #[must_use]
    pub fn inverse(&self) -> Self {
        self.try_inverse().or_panic()
    }

    /// As [`inverse`](Self::inverse), for matrices that may be singular.
    ///
    /// # Errors
    /// As [`try_solve`](Self::try_solve).
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    pub fn try_inverse(&self) -> Result<Self, MatrixError> {
        let size = shape::square("inverse", self.shape()).or_panic();
        let (factors, order) = self.lu();
        let right = Self::eye(size).broadcast_to(*self.shape());
        factors.solved("inverse", &order, right, false)
    }

    /// Sign of the determinant and logarithm of its size, for these matrices `[.., size, size]`; 0
    /// and −∞ of a singular one.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    #[must_use]
    pub fn slogdet(&self) -> (Self, Self) {
        shape::square("slogdet", self.shape()).or_panic();
        let (factors, order) = self.lu();
        factors.lu_slogdet(&order)
    }

    /// The determinant of these matrices `[.., size, size]`: 0 of a singular one, 1 of one without rows.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    #[must_use]
    pub fn det(&self) -> Self {
        shape::square("det", self.shape()).or_panic();
        let (factors, order) = self.lu();
        factors.lu_det(&order)
    }

    /// The factors of these matrices `[.., size, size]`, L below the diagonal (its own being 1) and U from
    /// there on, and the order `[.., size]` in which the rows were taken; −1 from where there was no pivot
    /// but 0 or NaN.
    ///
    /// # Panics
    /// If they are not square.
    #[track_caller]
    #[must_use]
    pub fn lu(&self) -> (Self, Array<i64>) {
        let size = shape::square("lu", self.shape()).or_panic();
        let rows = Shape::from(&self.shape()[..self.rank() - 1]);
        // Numbers of rows are whole numbers in either type.
        let (mut factors, mut order) = (self.copied(), Self::zeros(rows));
        if factors.elements() > 0 {
            let slices = [(factors.make_mut(), size * size), (order.make_mut(), size)];
            for_each_chunks(slices, &|_, [a, order]| eliminate(a, order));
        }
        (factors, order.cast())
    }

    /// As [`solve`](Self::solve), with the factors and the order of [`lu`](Self::lu), for equal batches of
    /// all.
    ///
    /// # Panics
    /// If the shapes do not fit, or a matrix is singular.
    #[track_caller]
    #[must_use]
    pub fn lu_solve(&self, order: &Array<i64>, right: &Self, transposed: bool) -> Self {
        shape::solve("solve", self.shape(), right.shape()).or_panic();
        self.solved("solve", order, right.clone(), transposed)
            .or_panic()
    }

    /// As [`slogdet`](Self::slogdet), with the factors and the order of [`lu`](Self::lu).
    #[must_use]
    pub fn lu_slogdet(&self, order: &Array<i64>) -> (Self, Self) {
        let each = self.determinants(order, |pivots, sign| match sign {
            Ok(sign) => {
                let log = pivots.clone().map(|pivot| pivot.abs().log()).sum();
                (pivots.fold(sign, |sign, pivot| sign * pivot.sign()), log)
            }
            Err(determinant) => (determinant, determinant.log()),
        });
        let lead = &self.shape()[..self.rank() - 2];
        let (signs, logs) = each.into_iter().unzip();
        (Self::from_vec(signs, lead), Self::from_vec(logs, lead))
    }

    /// As [`det`](Self::det), with the factors and the order of [`lu`](Self::lu).
    #[must_use]
    pub fn lu_det(&self, order: &Array<i64>) -> Self {
        let each = self.determinants(order, |mut pivots, sign| match sign {
            Ok(sign) => pivots.by_ref().fold(sign, |product, pivot| product * pivot),
            Err(determinant) => determinant,
        });
        Self::from_vec(each, &self.shape()[..self.rank() - 2])
    }

    /// What `of` makes of the pivots of each matrix, and of the sign that exchanges of rows gave the
    /// determinant; or of the determinant, 0 or NaN, where elimination came to no end.
    fn determinants<V>(
        &self,
        order: &Array<i64>,
        of: impl Fn(Pivots<'_, T>, Result<T, T>) -> V,
    ) -> Vec<V> {
        let size = self.shape()[self.rank() - 1];
        let matrices: usize = self.shape()[..self.rank() - 2].iter().product();
        let (factors, order) = (self.values(), order.values());
        let matrix = |i: usize| {
            let a = &factors[i * size * size..][..size * size];
            let order = &order[i * size..][..size];
            let sign = match missing_pivot(order) {
                None if exchanges(order).is_multiple_of(2) => Ok(T::ONE),
                None => Ok(-T::ONE),
                Some(pivot) if a[pivot * size..].iter().any(|value| value.is_nan()) => Err(T::NAN),
                Some(_) => Err(T::ZERO),
            };
            of(a.iter().copied().step_by(size + 1), sign)
        };
        (0..matrices).map(matrix).collect()
    }

    fn solved(
        &self,
        operation: &'static str,
        order: &Array<i64>,
        right: Self,
        transposed: bool,
    ) -> Result<Self, MatrixError> {
        let size = self.shape()[self.rank() - 1];
        let columns = right.shape()[right.rank() - 1];
        let (factors, order) = (self.values(), order.values());
        for (matrix, order) in order.chunks(size.max(1)).enumerate() {
            if let Some(pivot) = missing_pivot(order) {
                return Err(MatrixError::singular(operation, matrix, pivot));
            }
        }
        let mut x = right;
        if x.elements() > 0 {
            for_each_chunk(x.make_mut(), size * columns, &|i, x| {
                let a = &factors[i * size * size..][..size * size];
                solve_with(a, &order[i * size..][..size], transposed, x, columns);
            });
        }
        Ok(x)
    }
}

/// The numbers on the diagonal of U.
type Pivots<'a, T> = std::iter::StepBy<std::iter::Copied<std::slice::Iter<'a, T>>>;

/// The place of the first pivot that was not found.
fn missing_pivot(order: &[i64]) -> Option<usize> {
    order.iter().position(|&row| row < 0)
}

/// `a` ← L and U of its rows in an `order`: L below the diagonal, its own being 1. That is −1 from the
/// place of a pivot that is 0 or NaN.
fn eliminate<T: Float>(a: &mut [T], order: &mut [T]) {
    let size = order.len();
    for (place, row) in order.iter_mut().enumerate() {
        *row = T::from_f64(place as f64);
    }
    for first in (0..size).step_by(BLOCK) {
        let end = (first + BLOCK).min(size);
        for k in first..end {
            let Some(pivot) = largest_below(a, size, k) else {
                order[k..].fill(-T::ONE);
                return;
            };
            if pivot != k {
                order.swap(k, pivot);
                let (upper, lower) = a.split_at_mut(pivot * size);
                upper[k * size..(k + 1) * size].swap_with_slice(&mut lower[..size]);
            }
            let (done, below) = a.split_at_mut((k + 1) * size);
            let pivot_row = &done[k * size + k..k * size + end];
            for row in below.chunks_mut(size) {
                let factor = row[k] / pivot_row[0];
                row[k] = factor;
                subtract(&mut row[k + 1..end], factor, &pivot_row[1..]);
            }
        }
        right(a, size, first, end);
    }
}

/// The row from `k` on with the largest element in column `k`, unless that is 0 or NaN.
fn largest_below<T: Float>(a: &[T], size: usize, k: usize) -> Option<usize> {
    let (mut best, mut largest) = (k, T::ZERO);
    for i in k..size {
        let value = a[i * size + k].abs();
        if value.is_nan() {
            return None;
        }
        if value > largest {
            (best, largest) = (i, value);
        }
    }
    (largest > T::ZERO).then_some(best)
}

/// What the columns `first..end` that are done mean for those to the right of them.
fn right<T: Float>(a: &mut [T], size: usize, first: usize, end: usize) {
    let left = size - end;
    if left == 0 {
        return;
    }
    let (done, below) = a.split_at_mut(end * size);
    let rows = &mut done[first * size..];
    for i in 1..end - first {
        let (above, rest) = rows.split_at_mut(i * size);
        let (factors, row) = rest[..size].split_at_mut(end);
        for (other, &factor) in above.chunks(size).zip(&factors[first..]) {
            subtract(row, factor, &other[end..]);
        }
    }
    let upper = part(&*rows, size, end, [end - first, left]);
    for_each_chunk(below, ROWS * size, &|_, below| {
        let count = below.len() / size;
        let mut taken = vec![T::ZERO; count * left];
        let lower = part(&*below, size, first, [count, end - first]);
        gemm::product(Precision::Full, lower, upper, &mut taken);
        for (row, taken) in below.chunks_mut(size).zip(taken.chunks(left)) {
            subtract(&mut row[end..], T::ONE, taken);
        }
    });
}

/// `x` ← A⁻¹·`x` or A⁻ᵀ·`x`, with what [`eliminate`] has found.
fn solve_with<T: Float>(a: &[T], order: &[i64], transposed: bool, x: &mut [T], columns: usize) {
    let size = order.len();
    let (lower, upper) = (Triangular::LOWER.unit(), Triangular::UPPER);
    let solve = |triangle, x: &mut [T]| {
        let solved = substitute(a, size, triangle, x, columns);
        debug_assert!(solved.is_ok(), "elimination found its pivots");
    };
    let mut moved = x.to_vec();
    let rows = moved.chunks_mut(columns);
    if transposed {
        // Aᵀ = Uᵀ·Lᵀ·P.
        solve(upper.turned(), x);
        solve(lower.turned(), x);
        for (row, &place) in x.chunks(columns).zip(order) {
            moved[place as usize * columns..][..columns].copy_from_slice(row);
        }
    } else {
        for (row, &place) in rows.zip(order) {
            row.copy_from_slice(&x[place as usize * columns..][..columns]);
        }
        solve(lower, &mut moved);
        solve(upper, &mut moved);
    }
    x.copy_from_slice(&moved);
}

/// How many exchanges make this order: its size less the number of its cycles.
fn exchanges(order: &[i64]) -> usize {
    let (mut seen, mut cycles) = (vec![false; order.len()], 0);
    for start in 0..order.len() {
        let mut place = start;
        cycles += usize::from(!seen[start]);
        while !std::mem::replace(&mut seen[place], true) {
            place = order[place] as usize;
        }
    }
    order.len() - cycles
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, normal};
    use super::*;
    use crate::{assert_abs_diff_eq, assert_relative_eq};

    #[test]
    fn solutions_solve_their_equations() {
        for (size, columns) in [(0, 2), (1, 1), (3, 2), (5, 0), (7, 1), (60, 4), (120, 120)] {
            let a = normal([2, size, size], 85);
            let b = normal([2, size, columns], 86);
            let x = a.solve(&b, false);
            close(&a.matmul(&x), &b, 1e-10);
            let x = a.solve(&b, true);
            close(&a.t().matmul(&x), &b, 1e-10);
            let eye = Array::eye(size).broadcast_to([2, size, size]);
            close(&a.inverse().matmul(&a), &eye, 1e-10);
        }
        let (a, b) = (normal([3, 4, 4], 87).t(), normal([2, 1, 4, 2], 88));
        close(
            &a.matmul(&a.solve(&b, false)),
            &b.broadcast_to([2, 3, 4, 2]),
            1e-12,
        );
    }

    #[test]
    fn rows_are_exchanged_where_they_must() {
        let a = Array::from_vec(vec![0.0, 1.0, 2.0, 0.0], [2, 2]);
        assert_eq!(a.inverse().to_vec(), [0.0, 0.5, 1.0, 0.0]);
        assert_eq!(a.det().item(), -2.0);
        let (sign, log) = a.slogdet();
        assert_eq!(sign.item(), -1.0);
        assert_relative_eq!(log.item(), 2.0_f64.ln());
    }

    #[test]
    fn determinants_are_sums_over_permutations() {
        let a = normal([3, 3, 3], 89);
        let (sign, log) = a.slogdet();
        for i in 0..3 {
            let m = |r: usize, c: usize| a.at(&[i, r, c]);
            let det = m(0, 0) * (m(1, 1) * m(2, 2) - m(1, 2) * m(2, 1))
                - m(0, 1) * (m(1, 0) * m(2, 2) - m(1, 2) * m(2, 0))
                + m(0, 2) * (m(1, 0) * m(2, 1) - m(1, 1) * m(2, 0));
            let found = sign.at(&[i]) * log.at(&[i]).exp();
            assert_abs_diff_eq!(found, det, epsilon = 1e-12);
        }
        let (sign, log) = Array::<f64>::ones([2, 2]).slogdet();
        assert_eq!((sign.item(), log.item()), (0.0, f64::NEG_INFINITY));
        let (sign, log) = Array::<f64>::zeros([2, 0, 0]).slogdet();
        assert_eq!((sign.to_vec(), log.to_vec()), (vec![1.0; 2], vec![0.0; 2]));
        assert!(Array::full([2, 2], f64::NAN).slogdet().1.item().is_nan());
    }

    #[test]
    fn singular_matrices_are_named() {
        let mut a = Array::<f64>::eye(4).unsqueeze(0).broadcast_to([3, 4, 4]);
        a.make_mut()[2 * 16 + 5] = 0.0;
        for columns in [0, 1] {
            let error = a.try_solve(&Array::ones([4, columns]), false).unwrap_err();
            assert_eq!(
                error.to_string(),
                "solve: matrix 2 of the batch is singular: pivot 1 is 0"
            );
        }
        let text = a.try_inverse().unwrap_err().to_string();
        assert!(text.starts_with("inverse: matrix 2"), "{text}");
        assert!(Array::full([2, 2], f64::NAN).try_inverse().is_err());
    }
}
