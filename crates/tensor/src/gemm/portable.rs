//! The product, from the `matrixmultiply` crate.

use super::Matrix;
use crate::element::Float;

/// The element types that have a matrix product.
pub trait Product: Sized {
    /// `out` ← `a` · `b` in the argument order of BLIS: sizes, then pointer and row and column
    /// stride of each operand.
    ///
    /// # Safety
    /// Every element of the three strided matrices must be valid to access, and `out` must not
    /// overlap the others.
    #[doc(hidden)]
    #[expect(clippy::too_many_arguments, reason = "the BLAS interface")]
    unsafe fn gemm(
        m: usize,
        k: usize,
        n: usize,
        a: *const Self,
        a_strides: (isize, isize),
        b: *const Self,
        b_strides: (isize, isize),
        out: *mut Self,
        out_row_stride: isize,
    );
}

/// `impl_product!(f32, sgemm)` forwards `f32::gemm` to `matrixmultiply::sgemm` with α = 1, β = 0.
macro_rules! impl_product {
    ($type:ident, $gemm:ident) => {
        impl Product for $type {
            #[inline]
            unsafe fn gemm(
                m: usize,
                k: usize,
                n: usize,
                a: *const Self,
                a_strides: (isize, isize),
                b: *const Self,
                b_strides: (isize, isize),
                out: *mut Self,
                out_row_stride: isize,
            ) {
                // SAFETY: the same contract, passed on.
                unsafe {
                    matrixmultiply::$gemm(
                        m,
                        k,
                        n,
                        1.0,
                        a,
                        a_strides.0,
                        a_strides.1,
                        b,
                        b_strides.0,
                        b_strides.1,
                        0.0,
                        out,
                        out_row_stride,
                        1,
                    );
                }
            }
        }
    };
}

impl_product!(f32, sgemm);
impl_product!(f64, dgemm);

/// `left.rows` x `right.columns` elements at `out`, whose rows are `row_stride` apart, ← the product.
///
/// # Safety
/// Those elements must be valid to write and nobody else may access them.
pub(crate) unsafe fn multiply<T: Float>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    out: *mut T,
    row_stride: usize,
) {
    assert!(
        left.is_inside() && right.is_inside(),
        "a layout stays inside its storage"
    );
    let (a, b) = (
        &raw const left.data[left.offset],
        &raw const right.data[right.offset],
    );
    // SAFETY: both operands were just checked to lie inside their slices; `out` is the caller's.
    unsafe {
        T::gemm(
            left.rows,
            left.columns,
            right.columns,
            a,
            (left.row_stride, left.column_stride),
            b,
            (right.row_stride, right.column_stride),
            out,
            row_stride as isize,
        );
    }
}
