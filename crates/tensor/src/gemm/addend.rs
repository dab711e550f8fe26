//! What a product is added to, and how rows of a tile are written.

use super::microkernel::MicroKernels;
use crate::element::Float;
use crate::simd::Simd;

/// What a tile is added to, times β.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addend<T> {
    /// Column 0 of the tile's first row; null for what the result holds. Not read if β is 0.
    pub(super) pointer: *const T,
    /// 0 adds the same row to every row.
    pub(super) row_stride: usize,
    pub(super) beta: T,
}

impl<T: Float> Addend<T> {
    /// Nothing, whatever the result holds.
    pub(super) const NOTHING: Self = Self::scaled(T::ZERO);

    /// What the result holds, times β.
    pub(super) const fn scaled(beta: T) -> Self {
        Self {
            pointer: std::ptr::null(),
            row_stride: 0,
            beta,
        }
    }

    /// Rows of numbers, a stride apart.
    pub(super) fn rows(rows: &[T], row_stride: usize) -> Self {
        Self {
            pointer: rows.as_ptr(),
            row_stride,
            beta: T::ONE,
        }
    }

    /// The addend of the part starting at a row.
    pub(super) fn after_rows(self, row: usize) -> Self {
        self.after_columns(row * self.row_stride)
    }

    /// The addend of the part starting at a column.
    pub(super) fn after_columns(self, column: usize) -> Self {
        let pointer = match self.pointer.is_null() {
            true => self.pointer,
            false => self.pointer.wrapping_add(column),
        };
        Self { pointer, ..self }
    }

    /// β, unless it is 0.
    #[inline(always)]
    pub(super) fn factor<S: Simd<T>>(self, simd: S) -> Option<S::Vector> {
        match self.beta == T::ZERO {
            true => None,
            false => Some(simd.splat(self.beta)),
        }
    }
}

/// Writes a row of a tile: `to` ← α·sums + β·`from`, or without an addend.
///
/// # Safety
/// So many columns must be accessible; they end in the last vector, or in a lone row before.
#[inline(always)]
pub(super) unsafe fn write_row<T: Float, S: Simd<T>, const VECTORS: usize>(
    simd: S,
    sums: &[S::Vector; VECTORS],
    alpha: S::Vector,
    beta: Option<S::Vector>,
    from: *const T,
    to: *mut T,
    columns: usize,
) {
    for (v, &sum) in sums.iter().enumerate() {
        let first = v * S::LANES;
        let (to, from) = (to.wrapping_add(first), from.wrapping_add(first));
        let mut value = simd.mul(alpha, sum);
        let before_last = v + 1 < VECTORS && VECTORS < MicroKernels::<T>::LONE;
        // SAFETY: the columns of each vector are inside the row.
        unsafe {
            if before_last || columns >= first + S::LANES {
                if let Some(beta) = beta {
                    value = simd.mul_add(beta, simd.load_at(from), value);
                }
                simd.store_at(value, to);
            } else if columns > first {
                let count = columns - first;
                if let Some(beta) = beta {
                    value = simd.mul_add(beta, simd.load_part_at(from, count), value);
                }
                simd.store_part_at(value, to, count);
            }
        }
    }
}
