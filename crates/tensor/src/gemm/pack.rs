//! Packing: copies of operands in the order in which tiles read them.
//!
//! The right operand becomes panels of as many columns as a tile is wide, each step by step:
//! `[panel][p][column]`. The left one becomes panels of as many rows as a tile is high:
//! `[panel][p][row]`. What a panel lacks at the edge is filled with zeros, so that tiles read whole
//! vectors. Both are one job, because the left operand is the right one of the transposed product.

use super::Matrix;
use crate::element::Float;
use crate::simd::{Kernel, Math, Simd};

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
        } else if matrix.row_stride == 1 && width.is_multiple_of(GROUP) {
            let depth = panel.len() / width;
            for group in (0..columns).step_by(GROUP) {
                let place = Place {
                    start: position(0) as isize + group as isize * matrix.column_stride,
                    stride: matrix.column_stride,
                    columns: GROUP.min(columns - group),
                    depth,
                };
                transpose(simd, matrix.data, place, &mut panel[group..], width);
            }
            let filled = columns.next_multiple_of(GROUP);
            if filled < width {
                for packed in panel.chunks_exact_mut(width) {
                    packed[filled..].fill(T::ZERO);
                }
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

/// `to` ← `from`, then zeros.
#[inline(always)]
fn copy<T: Float, S: Simd<T>>(simd: S, from: &[T], to: &mut [T]) {
    if from.len() < to.len() {
        to.fill(T::ZERO);
    }
    for (from, to) in from.chunks(S::LANES).zip(to.chunks_mut(S::LANES)) {
        if from.len() == S::LANES && to.len() == S::LANES {
            simd.store(simd.load(from), to);
        } else {
            to[..from.len()].copy_from_slice(from);
        }
    }
}

/// Columns that are transposed together; tiles are a multiple of it wide and high.
const GROUP: usize = 8;

/// Up to `GROUP` columns of an operand whose steps lie next to each other.
#[derive(Clone, Copy)]
struct Place {
    start: isize,
    stride: isize,
    columns: usize,
    depth: usize,
}

/// `to[step·width + column]` ← the elements of a place, zeros for columns that are missing.
///
/// Vectors along the inner axis, one from each of 8 columns, go through three perfect shuffles:
/// each interleaves the first half of the vectors with the second, which rotates the bits of an
/// element's position by one; after three the three bits of the column are the lowest.
#[inline(always)]
fn transpose<T: Float, S: Simd<T>>(simd: S, data: &[T], place: Place, to: &mut [T], width: usize) {
    let mut step = 0;
    while step < place.depth {
        let steps = S::LANES.min(place.depth - step);
        let mut vectors = [simd.splat(T::ZERO); GROUP];
        for (column, vector) in vectors.iter_mut().enumerate().take(place.columns) {
            let start = (place.start + column as isize * place.stride) as usize + step;
            *vector = simd.load_part(&data[start..start + steps]);
        }
        for _ in 0..GROUP.ilog2() {
            let before = vectors;
            for i in 0..GROUP / 2 {
                (vectors[2 * i], vectors[2 * i + 1]) = simd.zip(before[i], before[i + GROUP / 2]);
            }
        }
        let mut lanes = [T::ZERO; 16 * GROUP];
        for (vector, lanes) in vectors.iter().zip(lanes.chunks_exact_mut(S::LANES)) {
            simd.store(*vector, lanes);
        }
        let (groups, _) = lanes.as_chunks::<GROUP>();
        let rows = to[step * width..].chunks_mut(width);
        for (group, row) in groups[..steps].iter().zip(rows) {
            row[..GROUP].copy_from_slice(group);
        }
        step += steps;
    }
}
