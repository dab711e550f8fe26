//! The product of the `matrixmultiply` crate, for machines without the vectors of our own.

use super::blocked::each_number;
use super::tile::Target;
use super::{Matrix, Onto};
use crate::element::Float;

/// Multiply-adds below which a product is not worth splitting (about 0.1 ms of work).
const SMALLEST_PART: usize = 1 << 22;
/// Most parts: each packs its operands again.
const MOST_PARTS: usize = 16;
/// Parts are cut at multiples of this, so that edge tiles stay rare.
const PART_ALIGNMENT: usize = 16;

/// The element types whose products `matrixmultiply` computes.
pub trait Portable: Sized {
    /// `out` ← α · `a` · `b` + β · `out` in the argument order of BLIS: sizes, α, then pointer and
    /// row and column stride of each operand.
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
        alpha: Self,
        a: *const Self,
        a_strides: (isize, isize),
        b: *const Self,
        b_strides: (isize, isize),
        beta: Self,
        out: *mut Self,
        out_row_stride: isize,
    );
}

/// `impl_portable!(f32, sgemm)` forwards `f32::gemm` to `matrixmultiply::sgemm`.
macro_rules! impl_portable {
    ($type:ident, $gemm:ident) => {
        impl Portable for $type {
            #[inline]
            unsafe fn gemm(
                m: usize,
                k: usize,
                n: usize,
                alpha: Self,
                a: *const Self,
                a_strides: (isize, isize),
                b: *const Self,
                b_strides: (isize, isize),
                beta: Self,
                out: *mut Self,
                out_row_stride: isize,
            ) {
                // SAFETY: the same contract, passed on.
                unsafe {
                    matrixmultiply::$gemm(
                        m,
                        k,
                        n,
                        alpha,
                        a,
                        a_strides.0,
                        a_strides.1,
                        b,
                        b_strides.0,
                        b_strides.1,
                        beta,
                        out,
                        out_row_stride,
                        1,
                    );
                }
            }
        }
    };
}

impl_portable!(f32, sgemm);
impl_portable!(f64, dgemm);

/// The product, in parts along the longer side of the result that run in parallel.
///
/// # Safety
/// The operands must lie inside their slices, and `target` must allow access to `left.rows` x
/// `right.columns` elements that nobody else accesses.
pub(super) unsafe fn multiply<T: Float>(
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    target: Target<T>,
) {
    let (rows, columns) = (left.rows, right.columns);
    let parts = (rows * columns * left.columns / SMALLEST_PART).clamp(1, MOST_PARTS);
    let length = rows
        .max(columns)
        .div_ceil(parts)
        .next_multiple_of(PART_ALIGNMENT);
    let shared = Shared(target);
    each_number(0..rows.max(columns).div_ceil(length), &|part| {
        let first = part * length;
        let target = shared.target();
        // SAFETY: the parts are disjoint and inside the caller's target.
        unsafe {
            if rows >= columns {
                let left = left.rows_from(first, length.min(rows - first));
                part_product(alpha, left, right, onto, target.at(first, 0));
            } else {
                let right = right.columns_from(first, length.min(columns - first));
                part_product(
                    alpha,
                    left,
                    right,
                    onto.columns_from(first),
                    target.at(0, first),
                );
            }
        }
    });
}

/// A target that several threads write disjoint parts of.
struct Shared<T>(Target<T>);

// SAFETY: see `multiply`.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    fn target(&self) -> Target<T> {
        self.0
    }
}

/// # Safety
/// As [`multiply`].
unsafe fn part_product<T: Float>(
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    target: Target<T>,
) {
    let beta = match onto {
        Onto::Nothing => T::ZERO,
        Onto::Scaled(beta) => beta,
        Onto::Row(row) => {
            for i in 0..left.rows {
                // SAFETY: row `i` is inside the target, and a row as wide as it was given.
                unsafe {
                    target
                        .at(i, 0)
                        .pointer
                        .copy_from(row.as_ptr(), right.columns)
                };
            }
            T::ONE
        }
    };
    let (a, b) = (
        &raw const left.data[left.offset],
        &raw const right.data[right.offset],
    );
    // SAFETY: the operands lie inside their slices and the target is ours, by the caller's promise.
    unsafe {
        T::gemm(
            left.rows,
            left.columns,
            right.columns,
            alpha,
            a,
            (left.row_stride, left.column_stride),
            b,
            (right.row_stride, right.column_stride),
            beta,
            target.pointer,
            target.row_stride as isize,
        );
    }
}
