//! Packing: copies of operands in the order in which tiles read them.
//!
//! The right operand becomes panels of as many columns as a tile is wide, each step by step:
//! `[panel][p][column]`. The left one becomes panels of as many rows as a tile is high:
//! `[panel][p][row]`. Both are one job, because the left operand is the right one of the transposed
//! product. Columns that the last vector of a panel lacks are zeros, so that tiles read whole ones.

use super::copy::{LineCopy, Transpose};
use super::panels::Panels;
use super::{Matrix, Routines};
use crate::element::Float;
use crate::parallel;

/// Some steps of a matrix to pack; its rows are steps of the inner axis.
#[derive(Clone, Copy)]
pub(super) struct Pack<'a, T> {
    pub(super) matrix: Matrix<'a, T>,
    /// The step that comes first in the panels.
    pub(super) first_step: usize,
    pub(super) depth: usize,
    pub(super) panels: Panels,
    /// The panel that comes first; those before are not packed.
    pub(super) first_panel: usize,
}

impl<T: Float> Pack<'_, T> {
    /// Elements of a packed panel.
    fn panel(&self) -> usize {
        self.panels.width * self.depth
    }

    /// Packs all panels of as many blocks of `depth` steps as there is room for, in parallel if that is
    /// much; the last block of the matrix may have fewer steps.
    pub(super) fn run(&self, routines: &Routines<T>, packed: &mut [T]) {
        /// Numbers worth a task of their own, about 10 µs of copying.
        const TASK: usize = 1 << 15;
        if packed.is_empty() {
            return;
        }
        let parallel = packed.len() > TASK;
        let block = (self.panels.count - self.first_panel) * self.panel();
        in_chunks(parallel, packed, block, &|number, packed| {
            let part = self.block(number);
            if part.depth == 0 {
                return;
            }
            let packed = &mut packed[..block / self.depth * part.depth];
            let panels = (TASK / part.panel()).max(1);
            in_chunks(parallel, packed, panels * part.panel(), &|task, packed| {
                let part = Self {
                    first_panel: part.first_panel + task * panels,
                    ..part
                };
                part.pack(routines, packed);
            });
        });
    }

    /// So many blocks later, with the steps that are left there.
    fn block(&self, number: usize) -> Self {
        let first_step = self.first_step + number * self.depth;
        Self {
            first_step,
            depth: self.depth.min(self.matrix.rows.saturating_sub(first_step)),
            ..*self
        }
    }

    /// Packs as many panels as there is room for.
    fn pack(&self, routines: &Routines<T>, packed: &mut [T]) {
        let Self { matrix, panels, .. } = *self;
        let end = self.first_panel + packed.len() / self.panel();
        if matrix.column_stride == 1 && matrix.row_stride >= 0 {
            // Step by step, and within a step from panel to panel, so that the operand is read in
            // the order of memory; then the others, of which there are two at most.
            let wide = end.min(panels.wide()).saturating_sub(self.first_panel);
            let (first, rest) = packed.split_at_mut(wide * self.panel());
            self.copy(routines, self.first_panel, first);
            let rest = rest.chunks_exact_mut(self.panel()).enumerate();
            return rest.for_each(|(i, to)| self.copy(routines, self.first_panel + wide + i, to));
        }
        let numbers = self.first_panel..end;
        for (i, to) in numbers.zip(packed.chunks_exact_mut(self.panel())) {
            if matrix.row_stride == 1 && matrix.column_stride >= 0 {
                self.transpose(routines, i, to);
            } else {
                self.gather(i, to);
            }
        }
    }

    /// Copies panels whose columns lie next to each other, all as wide as the first.
    fn copy(&self, routines: &Routines<T>, first: usize, packed: &mut [T]) {
        let columns = self.panels.range(first);
        let start = self.matrix.position(self.first_step, columns.start) as usize;
        let copy = LineCopy {
            from: &self.matrix.data[start..],
            blocks: packed.len() / self.panel(),
            to: packed,
            strides: [self.matrix.row_stride as usize, self.panels.width],
            lines: [self.depth, 0],
            columns: [columns.len(), self.panels.width],
            block_strides: [columns.len(), self.panel()],
        };
        copy.run(routines);
    }

    /// Copies a panel whose steps lie next to each other, and its columns one after another.
    fn transpose(&self, routines: &Routines<T>, panel: usize, to: &mut [T]) {
        let (matrix, columns) = (self.matrix, self.panels.range(panel));
        if columns.len() < self.panels.width {
            to.fill(T::ZERO);
        }
        let start = matrix.position(self.first_step, columns.start) as usize;
        let transpose = Transpose {
            from: &matrix.data[start..],
            to,
            strides: [matrix.column_stride as usize, self.panels.width],
            size: [self.depth, columns.len()],
        };
        transpose.run(routines);
    }

    /// Copies a panel number by number, for operands whose numbers do not lie one after
    /// another along either axis.
    fn gather(&self, panel: usize, to: &mut [T]) {
        let (matrix, columns) = (self.matrix, self.panels.range(panel));
        for (step, to) in to.chunks_exact_mut(self.panels.width).enumerate() {
            let start = matrix.position(self.first_step + step, columns.start);
            for (column, slot) in to[..columns.len()].iter_mut().enumerate() {
                let position = start + column as isize * matrix.column_stride;
                *slot = matrix.data[position as usize];
            }
            to[columns.len()..].fill(T::ZERO);
        }
    }
}

/// Calls `f` with the number of each chunk of `size` numbers and the chunk.
fn in_chunks<T: Send>(
    parallel: bool,
    packed: &mut [T],
    size: usize,
    f: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    if parallel {
        return parallel::for_each_chunk(packed, size, f);
    }
    let chunks = packed.chunks_mut(size).enumerate();
    chunks.for_each(|(number, chunk)| f(number, chunk));
}
