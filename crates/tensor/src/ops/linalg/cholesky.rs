//! The Cholesky factor: A = L·Lᵀ with L a lower triangle, of a symmetric positive definite matrix.
//!
//! ```text
//! lᵢⱼ = (aᵢⱼ − Σₖ lᵢₖ·lⱼₖ) / lⱼⱼ        lᵢᵢ = √(aᵢᵢ − Σₖ lᵢₖ²)
//! ```
//!
//! Rows are factored in blocks: the part of a block left of the diagonal solves a triangular system,
//! and what it takes from the diagonal block is a product.

use super::triangular::substitute_read;
use super::{dot, each, part};
use crate::array::Array;
use crate::element::Float;
use crate::error::{MatrixError, OrPanic};
use crate::gemm::{self, Onto};
use crate::precision::Precision;
use crate::shape;

/// Rows factored one after another before products take over.
const BLOCK: usize = 48;

impl<T: Float> Array<T> {
    /// L with L·Lᵀ = A and zeros above the diagonal, where A is the symmetric part (M + Mᵀ) / 2 of
    /// each of these matrices M `[.., size, size]`.
    ///
    /// # Panics
    /// If the matrices are not square, or one is not positive definite; see
    /// [`try_cholesky`](Self::try_cholesky).
    #[track_caller]
    #[must_use]
    pub fn cholesky(&self) -> Self {
        self.try_cholesky().or_panic()
    }

    /// As [`cholesky`](Self::cholesky), for matrices that may not be positive definite.
    ///
    /// # Errors
    /// If one is not positive definite.
    ///
    /// # Panics
    /// If the matrices are not square.
    #[track_caller]
    pub fn try_cholesky(&self) -> Result<Self, MatrixError> {
        const NAME: &str = "cholesky";
        let size = shape::square(NAME, self.shape()).or_panic();
        let mut factors = self.copied();
        if factors.elements() > 0 {
            let matrices = [(factors.make_mut(), size * size)];
            each(NAME, MatrixError::not_positive, matrices, &|_, [a]| {
                symmetrise(a, size);
                factor(a, size)
            })?;
        }
        Ok(factors)
    }
}

/// The mean of both triangles on and below the diagonal, and zeros above.
fn symmetrise<T: Float>(a: &mut [T], size: usize) {
    let half = T::from_f64(0.5);
    for i in 0..size {
        for j in 0..i {
            a[i * size + j] = half * (a[i * size + j] + a[j * size + i]);
            a[j * size + i] = T::ZERO;
        }
    }
}

/// The lower triangle of `a` ← its factor, or the place of a pivot that is not positive.
fn factor<T: Float>(a: &mut [T], size: usize) -> Result<(), usize> {
    for first in (0..size).step_by(BLOCK) {
        let count = BLOCK.min(size - first);
        let (done, rest) = a.split_at_mut(first * size);
        let rows = &mut rest[..count * size];
        if first > 0 {
            left(done, rows, [size, first, count])?;
        }
        for i in 0..count {
            let (above, rest) = rows.split_at_mut(i * size);
            let own = &mut rest[first..first + i + 1];
            for (j, other) in above.chunks(size).enumerate() {
                let other = &other[first..];
                own[j] = (own[j] - dot(&own[..j], &other[..j])) / other[j];
            }
            let pivot = own[i] - dot(&own[..i], &own[..i]);
            // NaN is not positive either.
            if !(pivot > T::ZERO && pivot.is_finite()) {
                return Err(first + i);
            }
            own[i] = pivot.sqrt();
        }
    }
    Ok(())
}

/// The block left of the diagonal, X with X·Lᵀ = A, and what it takes from the diagonal block.
fn left<T: Float>(
    done: &[T],
    rows: &mut [T],
    [size, first, count]: [usize; 3],
) -> Result<(), usize> {
    // L·Xᵀ = Aᵀ: the solver walks along rows, so the block is turned.
    let mut turned = vec![T::ZERO; first * count];
    for (i, row) in rows.chunks(size).enumerate() {
        for (j, &value) in row[..first].iter().enumerate() {
            turned[j * count + i] = value;
        }
    }
    let known = part(done, size, 0, [first, first]);
    substitute_read(known, true, false, &mut turned, count)?;
    let x = part(&turned[..], count, 0, [first, count]);
    let mut taken = vec![T::ZERO; count * count];
    gemm::product_onto(
        Precision::Full,
        T::ONE,
        x.turned(),
        x,
        Onto::Nothing,
        &mut taken,
    );
    for (i, row) in rows.chunks_mut(size).enumerate() {
        for (j, slot) in row[..first].iter_mut().enumerate() {
            *slot = turned[j * count + i];
        }
        for (slot, &taken) in row[first..=first + i].iter_mut().zip(&taken[i * count..]) {
            *slot = *slot - taken;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, normal, positive};
    use super::*;

    #[test]
    fn factors_multiply_to_the_matrix() {
        for size in [0, 1, 2, 5, 47, 48, 49, 150] {
            let a = positive(2, size);
            let l = a.cholesky();
            assert_eq!(l.tril(0), l);
            close(&l.matmul(&l.t()), &a, 1e-13);
        }
    }

    #[test]
    fn the_symmetric_part_counts() {
        let (a, skew) = (positive(1, 6), normal([1, 6, 6], 84));
        let tilted = (&a + &skew) - &skew.t();
        close(&tilted.cholesky(), &a.cholesky(), 1e-13);
        // f32 and views.
        let single: Array<f32> = a.cast();
        close(&single.t().cholesky().cast(), &a.cholesky(), 1e-5);
    }

    #[test]
    fn pivots_that_are_not_positive_are_named() {
        for (value, size, place) in [(-1.0, 3, 2), (0.0, 1, 0), (f64::NAN, 60, 55)] {
            let mut a = Array::<f64>::eye(size)
                .unsqueeze(0)
                .broadcast_to([2, size, size]);
            a.make_mut()[size * size + place * size + place] = value;
            let words = format!(
                "cholesky: matrix 1 of the batch is not positive definite: pivot {place} is not positive"
            );
            assert_eq!(a.try_cholesky().unwrap_err().to_string(), words);
        }
    }

    #[test]
    #[should_panic(expected = "cholesky: [2, 3]: matrices of 2 rows and 3 columns are not square")]
    fn other_matrices_are_refused() {
        let _ = Array::<f32>::ones([2, 3]).cholesky();
    }
}
