//! Linear algebra: factors of matrices and what is solved with them, a matrix of the batch at a time.
//!
//! A matrix without such a factor is no mistake of the programmer: it may come from data. So every
//! function has a form that returns a [`MatrixError`], which names the matrix and the pivot, and a
//! form that panics with the same words.

mod cholesky;
mod eigen;
mod lu;
mod qr;
mod svd;
mod triangular;

use std::sync::Mutex;

use crate::array::Array;
use crate::element::Float;
use crate::error::MatrixError;
use crate::gemm::Matrix;
use crate::parallel::for_each_chunks;
use crate::shape::Shape;
pub use triangular::Triangular;

/// Why one matrix has no factor.
type Flaw = fn(operation: &'static str, matrix: usize, pivot: usize) -> MatrixError;

/// What is done to a matrix of this number and its chunks; the error is the pivot at fault.
type Each<'f, T, const N: usize> = dyn Fn(usize, [&mut [T]; N]) -> Result<(), usize> + Sync + 'f;

/// Calls `f` with the number of each matrix and its chunk of every slice, in parallel; the error is
/// that of the first matrix that has one.
fn each<T: Send, const N: usize>(
    operation: &'static str,
    flaw: Flaw,
    slices: [(&mut [T], usize); N],
    f: &Each<'_, T, N>,
) -> Result<(), MatrixError> {
    let first = Mutex::new(None);
    for_each_chunks(slices, &|matrix, chunks| {
        if let Err(pivot) = f(matrix, chunks) {
            let mut first = first.lock().expect("nobody panics with it");
            let known = first.get_or_insert((matrix, pivot));
            *known = (*known).min((matrix, pivot));
        }
    });
    let first = first.into_inner().expect("nobody panicked with it");
    first.map_or(Ok(()), |(matrix, pivot)| {
        Err(flaw(operation, matrix, pivot))
    })
}

/// The product of two lists, in sixteen sums at once.
fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    let (a, a_rest) = a.as_chunks::<16>();
    let (b, b_rest) = b.as_chunks::<16>();
    let mut sums = [T::ZERO; 16];
    for (a, b) in a.iter().zip(b) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: T = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    sums.into_iter().sum::<T>() + rest
}

/// `out` ← `out` − `factor` · `row`.
fn subtract<T: Float>(out: &mut [T], factor: T, row: &[T]) {
    for (slot, &value) in out.iter_mut().zip(row) {
        *slot = *slot - factor * value;
    }
}

/// The elements divided by a power of 2, which leaves the largest between 1 and 2, and that power:
/// then no square of them overflows, and none that counts underflows.
fn scaled<T: Float>(a: &[T]) -> (Vec<f64>, f64) {
    let largest = a
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs().to_f64()));
    let scale = match largest > 0.0 && largest.is_finite() {
        true => largest.log2().floor().exp2(),
        false => 1.0,
    };
    (
        a.iter().map(|value| value.to_f64() / scale).collect(),
        scale,
    )
}

/// `rows` and `columns` of a matrix in `data`, from `offset` on, rows `stride` apart.
fn part<T>(data: &[T], stride: usize, offset: usize, [rows, columns]: [usize; 2]) -> Matrix<'_, T> {
    Matrix {
        data,
        offset,
        rows,
        columns,
        row_stride: stride as isize,
        column_stride: 1,
    }
}

impl<T: Float> Array<T> {
    /// The matrices stretched to the leading axes `lead`, next to each other in memory.
    fn batch(&self, lead: &Shape) -> Self {
        let shape = [&lead[..], &self.shape()[self.rank() - 2..]].concat();
        self.broadcast_to(Shape::from(shape)).contiguous()
    }
}

/// What the tests of this folder need.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_abs_diff_eq, random};

    pub(super) fn normal(shape: impl Into<Shape>, seed: u64) -> Array<f64> {
        Array::normal(shape, 0.0, 1.0, &mut random::rng(seed))
    }

    /// A·Aᵀ + I, well away from what is not positive.
    pub(super) fn positive(batch: usize, size: usize) -> Array<f64> {
        let a = normal([batch, size, size], size as u64);
        a.matmul(&a.t()) + &Array::eye(size)
    }

    /// The largest difference must be within `bound` of the largest entry.
    #[track_caller]
    pub(super) fn close(found: &Array<f64>, expected: &Array<f64>, bound: f64) {
        let largest = expected.iter().fold(1.0_f64, |most, v| most.max(v.abs()));
        assert_abs_diff_eq!(found, expected, epsilon = bound * largest);
    }

    #[test]
    fn dots_are_sums_of_products() {
        for length in [0, 1, 15, 16, 17, 100] {
            let (a, b) = (normal([length], 1), normal([length], 2));
            let found = dot(&a.to_vec(), &b.to_vec());
            let expected = (&a * &b).sum(..).item();
            assert_abs_diff_eq!(found, expected, epsilon = 1e-13);
        }
    }
}
