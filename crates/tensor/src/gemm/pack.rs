//! Packing: copies of operands in the order in which tiles read them.
//!
//! The right operand becomes panels of as many columns as a tile is wide, each step by step:
//! `[panel][p][column]`. The left one becomes panels of as many rows as a tile is high:
//! `[panel][p][row]`. What a panel lacks at the edge is filled with zeros, so that tiles read whole
//! vectors. Both are one job, because the left operand is the right one of the transposed product.

use std::ops::Range;

use super::Matrix;
use super::panels::Panels;
use crate::element::Float;
use crate::simd::{Kernel, Math, Simd};

/// Most lanes that vectors have.
const MOST_LANES: usize = 16;

/// Copies `depth` steps of some panels of a matrix.
pub(super) struct Pack<'a, 'o, T> {
    /// The operand; its rows are steps of the inner axis.
    pub(super) matrix: Matrix<'a, T>,
    /// The step that comes first in the panels.
    pub(super) first_step: usize,
    pub(super) depth: usize,
    pub(super) panels: Panels,
    /// Which panels.
    pub(super) numbers: Range<usize>,
    /// `[panel][depth][width]`.
    pub(super) packed: &'o mut [T],
}

impl<T: Float> Kernel<T> for Pack<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(mut self, simd: S) {
        if self.matrix.column_stride == 1 {
            return self.copy_rows(simd);
        }
        let Self { matrix, depth, .. } = self;
        for panel in self.numbers.clone() {
            let columns = self.panels.range(panel);
            let place = Place {
                start: matrix.position(self.first_step, columns.start),
                stride: matrix.column_stride,
                columns: columns.len(),
            };
            let width = self.panels.width(panel);
            let packed = &mut self.packed
                [self.panels.padded_between(self.numbers.start, panel) * depth..][..width * depth];
            if matrix.row_stride != 1 {
                gather(matrix, place, packed, width);
            } else if width.is_multiple_of(8) {
                transpose::<T, S, 8>(simd, matrix.data, place, packed, width);
            } else {
                transpose::<T, S, 4>(simd, matrix.data, place, packed, width);
            }
        }
    }
}

impl<'a, T: Float> Pack<'a, '_, T> {
    /// Copies an operand whose columns lie next to each other: panels that are as wide as a tile step
    /// by step, and within a step from panel to panel, so that the operand is read in the order of
    /// memory; then the others, of which there are two at most.
    #[inline(always)]
    fn copy_rows<S: Simd<T>>(&mut self, simd: S) {
        if self.numbers.is_empty() {
            return;
        }
        let (panels, first, depth) = (self.panels, self.numbers.start, self.depth);
        let wide = self.numbers.end.min(panels.wide()).saturating_sub(first);
        let width = panels.width(first);
        for step in 0..depth {
            let row = self.columns_of(step, panels.start(first), wide * width);
            let mut place = step * width;
            for from in row.chunks_exact(width) {
                copy(simd, from, &mut self.packed[place..][..width]);
                place += width * depth;
            }
        }
        for panel in first + wide..self.numbers.end {
            let (columns, width) = (panels.range(panel), panels.width(panel));
            let place = panels.padded_between(first, panel) * depth;
            for step in 0..depth {
                let from = self.columns_of(step, columns.start, columns.len());
                let to = &mut self.packed[place + step * width..][..width];
                copy(simd, from, to);
            }
        }
    }

    /// Neighbouring columns in one step.
    #[inline(always)]
    fn columns_of(&self, step: usize, start: usize, columns: usize) -> &'a [T] {
        let start = self.matrix.position(self.first_step + step, start) as usize;
        &self.matrix.data[start..][..columns]
    }
}

/// `to` ← `from`, which is not longer, then zeros.
#[inline(always)]
fn copy<T: Float, S: Simd<T>>(simd: S, from: &[T], to: &mut [T]) {
    if from.len() == to.len() && to.len().is_multiple_of(S::LANES) {
        // Whole vectors, as almost always.
        let vectors = from
            .chunks_exact(S::LANES)
            .zip(to.chunks_exact_mut(S::LANES));
        return vectors.for_each(|(from, to)| simd.store(simd.load(from), to));
    }
    for (i, to) in to.chunks_mut(S::LANES).enumerate() {
        let start = (i * S::LANES).min(from.len());
        simd.store_part(simd.load_part(&from[start..]), to);
    }
}

/// Copies number by number, for operands that are contiguous along neither axis.
#[inline(always)]
fn gather<T: Float>(matrix: Matrix<'_, T>, place: Place, panel: &mut [T], width: usize) {
    for (step, packed) in panel.chunks_exact_mut(width).enumerate() {
        let start = place.start + step as isize * matrix.row_stride;
        for (column, slot) in packed[..place.columns].iter_mut().enumerate() {
            *slot = matrix.data[(start + column as isize * place.stride) as usize];
        }
        packed[place.columns..].fill(T::ZERO);
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
            let rows = lanes[..steps].iter().zip(rows);
            if group + GROUP <= width {
                rows.for_each(|(lanes, row)| row[..GROUP].copy_from_slice(lanes));
            } else {
                // The last two rows of a tile of six.
                let rest = width - group;
                rows.for_each(|(lanes, row)| row[..rest].copy_from_slice(&lanes[..rest]));
            }
        }
    }
}
