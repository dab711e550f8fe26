//! Products by other libraries, as yardsticks.

#![expect(
    unsafe_code,
    reason = "these libraries take raw pointers and nothing else"
)]

use gemm::Parallelism;
use retrograd_tensor::{Array, Float};

/// A dense matrix as plain numbers: row-major, or the transposed view of such a one.
#[derive(Clone, Debug)]
pub struct Operand<T> {
    values: Vec<T>,
    rows: usize,
    columns: usize,
    row_stride: isize,
    column_stride: isize,
}

impl<T: Float> Operand<T> {
    /// The numbers of `matrix`, in the order in which they lie in memory.
    ///
    /// # Panics
    /// If it is neither a row-major matrix nor the transposed view of one.
    #[must_use]
    pub fn of(matrix: &Array<T>) -> Self {
        let plain = if matrix.is_contiguous() {
            matrix.clone()
        } else {
            matrix.t()
        };
        assert!(plain.is_contiguous(), "a dense matrix or its transpose");
        let (shape, strides) = (matrix.shape(), matrix.layout().strides());
        Self {
            values: plain.to_vec(),
            rows: shape[0],
            columns: shape[1],
            row_stride: strides[0],
            column_stride: strides[1],
        }
    }

    fn at(&self, row: usize, column: usize) -> T {
        let position = row as isize * self.row_stride + column as isize * self.column_stride;
        self.values[position as usize]
    }
}

/// Numbers that the `matrixmultiply` crate multiplies.
pub trait Multiplied: Float {
    /// C ← A·B by the `matrixmultiply` crate on one thread, C row-major.
    ///
    /// # Panics
    /// If sizes do not fit.
    fn matrixmultiply(a: &Operand<Self>, b: &Operand<Self>, c: &mut [Self]);
}

/// Spelled out for f32 this is `impl Multiplied for f32`, calling `matrixmultiply::sgemm`.
macro_rules! impl_multiplied {
    ($($float:ty: $kernel:ident),*) => {$(
        impl Multiplied for $float {
            fn matrixmultiply(a: &Operand<Self>, b: &Operand<Self>, c: &mut [Self]) {
                check(a, b, c);
                // SAFETY: `check` and `Operand::of`: the strides stay inside the slices.
                unsafe {
                    matrixmultiply::$kernel(
                        a.rows, a.columns, b.columns,
                        1.0,
                        a.values.as_ptr(), a.row_stride, a.column_stride,
                        b.values.as_ptr(), b.row_stride, b.column_stride,
                        0.0,
                        c.as_mut_ptr(), b.columns as isize, 1,
                    );
                }
            }
        }
    )*};
}

impl_multiplied!(f32: sgemm, f64: dgemm);

/// C ← A·B by the `gemm` crate, C row-major.
///
/// # Panics
/// If sizes do not fit.
pub fn gemm<T: Float>(a: &Operand<T>, b: &Operand<T>, c: &mut [T], threads: usize) {
    check(a, b, c);
    let parallelism = match threads {
        1 => Parallelism::None,
        _ => Parallelism::Rayon(threads),
    };
    // SAFETY: `check` and `Operand::of`: the strides stay inside the slices.
    unsafe {
        ::gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            c.as_mut_ptr(),
            1,
            b.columns as isize,
            false,
            a.values.as_ptr(),
            a.column_stride,
            a.row_stride,
            b.values.as_ptr(),
            b.column_stride,
            b.row_stride,
            T::ZERO,
            T::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// C ← A·B as one writes it down: a row of C is a sum of rows of B.
///
/// # Panics
/// If sizes do not fit.
pub fn naive<T: Float>(a: &Operand<T>, b: &Operand<T>, c: &mut [T]) {
    check(a, b, c);
    for (i, row) in c.chunks_exact_mut(b.columns).enumerate() {
        row.fill(T::ZERO);
        for k in 0..a.columns {
            let factor = a.at(i, k);
            for (j, sum) in row.iter_mut().enumerate() {
                *sum += factor * b.at(k, j);
            }
        }
    }
}

fn check<T>(a: &Operand<T>, b: &Operand<T>, c: &[T]) {
    assert_eq!(a.columns, b.rows, "the inner sizes are equal");
    assert_eq!(c.len(), a.rows * b.columns, "the result is rows x columns");
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::random;

    /// All of them on small whole numbers, where every product is exact.
    fn agree<T: Multiplied>() {
        let whole = |shape, seed| {
            Array::<T>::uniform(shape, -8.0, 8.0, &mut random::rng(seed)).map(|x| x.sign())
        };
        let (a, b) = (whole([5, 7], 0), whole([7, 3], 1));
        let expected = a.matmul(&b).to_vec();
        let turned = |x: &Array<T>| x.t().contiguous().t();
        for (a, b) in [(a.clone(), b.clone()), (turned(&a), turned(&b))] {
            let (a, b) = (Operand::of(&a), Operand::of(&b));
            let mut c = [vec![T::ONE; 15], vec![T::ONE; 15], vec![T::ONE; 15]];
            T::matrixmultiply(&a, &b, &mut c[0]);
            gemm(&a, &b, &mut c[1], 1);
            naive(&a, &b, &mut c[2]);
            assert!(c.iter().all(|c| *c == expected), "{c:?} {expected:?}");
        }
    }

    #[test]
    fn every_rival_computes_the_product() {
        agree::<f32>();
        agree::<f64>();
    }
}
