//! Packing: copies of operands in the order in which tiles read them.
//!
//! The right operand becomes panels of as many columns as a tile is wide, each step by step:
//! `[panel][p][column]`. The left one becomes panels of as many rows as a tile is high:
//! `[panel][p][row]`. What a panel lacks at the edge is filled with zeros, so that tiles read whole
//! vectors. Both are one job, because the left operand is the right one of the transposed product.

use super::Matrix;
use crate::element::Float;
use crate::simd::{Kernel, Math, Simd};

/// Most lanes that vectors have.
const MOST_LANES: usize = 16;

/// Copies the columns `first_column..` of `depth` steps of `matrix` into one panel.
pub(super) struct Pack<'a, 'o, T> {
    /// The operand; its rows are steps of the inner axis.
    pub(super) matrix: Matrix<'a, T>,
    /// The step that comes first in the panel.
    pub(super) first_step: usize,
    pub(super) first_column: usize,
    /// Columns of the panel; those beyond the matrix become 0.
    pub(super) width: usize,
    /// `[depth][width]`.
    pub(super) panel: &'o mut [T],
}

impl<T: Float> Kernel<T> for Pack<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Self {
            matrix,
            first_step,
            first_column,
            width,
            panel,
        } = self;
        let columns = width.min(matrix.columns - first_column);
        let position = |step: usize| matrix.position(first_step + step, first_column) as usize;
        if matrix.column_stride == 1 {
            for (step, packed) in panel.chunks_exact_mut(width).enumerate() {
                let from = &matrix.data[position(step)..][..columns];
                copy(simd, from, packed);
            }
        } else if matrix.row_stride == 1 {
            let place = Place {
                start: position(0) as isize,
                stride: matrix.column_stride,
                columns,
            };
            // Tiles are a multiple of 4 wide and high.
            if width.is_multiple_of(8) {
                transpose::<T, S, 8>(simd, matrix.data, place, panel, width);
            } else {
                transpose::<T, S, 4>(simd, matrix.data, place, panel, width);
            }
        } else {
            for (step, packed) in panel.chunks_exact_mut(width).enumerate() {
                let (start, stride) = (position(step) as isize, matrix.column_stride);
                for (column, slot) in packed[..columns].iter_mut().enumerate() {
                    *slot = matrix.data[(start + column as isize * stride) as usize];
                }
                packed[columns..].fill(T::ZERO);
            }
        }
    }
}

/// `to` ← `from`, which is not longer, then zeros.
#[inline(always)]
fn copy<T: Float, S: Simd<T>>(simd: S, from: &[T], to: &mut [T]) {
    for (i, to) in to.chunks_mut(S::LANES).enumerate() {
        let start = (i * S::LANES).min(from.len());
        simd.store_part(simd.load_part(&from[start..]), to);
    }
}

/// Columns of an operand whose steps lie next to each other.
#[derive(Clone, Copy)]
struct Place {
    start: isize,
    stride: isize,
    columns: usize,
}

/// `panel[step·width + column]` ← the elements of a place, zeros for columns that are missing.
///
/// `GROUP` columns at a time: vectors along the inner axis, one from each column, go through
/// log₂ `GROUP` perfect shuffles. Each interleaves the first half of the vectors with the second,
/// which rotates the bits of an element's position by one; in the end those of the column are the
/// lowest.
#[inline(always)]
fn transpose<T: Float, S: Simd<T>, const GROUP: usize>(
    simd: S,
    data: &[T],
    place: Place,
    panel: &mut [T],
    width: usize,
) {
    let depth = panel.len() / width;
    for group in (0..width).step_by(GROUP) {
        let columns = place.columns.saturating_sub(group).min(GROUP);
        for step in (0..depth).step_by(S::LANES) {
            let steps = S::LANES.min(depth - step);
            let mut vectors = [simd.splat(T::ZERO); GROUP];
            for (column, vector) in vectors.iter_mut().enumerate().take(columns) {
                let start = place.start + (group + column) as isize * place.stride;
                let start = start as usize + step;
                *vector = simd.load_part(&data[start..start + steps]);
            }
            for _ in 0..GROUP.ilog2() {
                let before = vectors;
                for i in 0..GROUP / 2 {
                    (vectors[2 * i], vectors[2 * i + 1]) =
                        simd.zip(before[i], before[i + GROUP / 2]);
                }
            }
            let mut lanes = [[T::ZERO; GROUP]; MOST_LANES];
            let flat = lanes.as_flattened_mut();
            for (vector, lanes) in vectors.iter().zip(flat.chunks_exact_mut(S::LANES)) {
                simd.store(*vector, lanes);
            }
            let rows = panel[step * width + group..].chunks_mut(width);
            for (lanes, row) in lanes[..steps].iter().zip(rows) {
                row[..GROUP].copy_from_slice(lanes);
            }
        }
    }
}
