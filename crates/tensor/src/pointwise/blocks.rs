//! The loop over blocks: what a thread does with its share of a program.
//!
//! For each block it finds the rows of the inputs, calls the function of each step over them, and
//! lets what is not an output as it is flow into its smaller target.

use std::ops::Range;

use smallvec::SmallVec;

use super::bound::{BoundInput, BoundOutput, BoundProgram};
use super::execute::Part;
use super::grid::{Lie, PerAxis};
use super::row::Row;
use super::table::RowTable;
use crate::element::Float;

impl<T: Float> BoundProgram<'_, T> {
    /// Runs some blocks.
    ///
    /// # Safety
    /// The parts are what these blocks write, and nobody else reads or writes that meanwhile.
    pub(super) unsafe fn run_blocks(&self, blocks: Range<usize>, parts: &[Part<T>]) {
        // SAFETY: the machine has the instruction set; the grid stays inside every operand, and the
        // program counted the rows. The rest is this function's.
        unsafe {
            let size = (self.rows, self.row_len);
            RowTable::with((self.program, self.isa), size, |table| {
                BlockLoop::new(self, table, blocks.start, parts).run(blocks);
            });
        }
    }
}

/// The state of the loop.
struct BlockLoop<'l, 'a, 'r, T: Float> {
    bound: &'l BoundProgram<'a, T>,
    table: &'l mut RowTable<'a, 'r, T>,
    outputs: SmallVec<[OutputCursor<T>; 2]>,
}

/// Where an output is, as blocks come by.
struct OutputCursor<T> {
    start: *mut T,
    /// Position of `start` in the whole target.
    base: isize,
    /// Position of the current block, from `start`.
    at: isize,
    /// The position that the blocks in the row of collected ones have in common.
    pending: Option<isize>,
}

impl<'l, 'a, 'r, T: Float> BlockLoop<'l, 'a, 'r, T> {
    /// # Safety
    /// The parts are those of a range that begins with the block `first`, and the loop's alone.
    unsafe fn new(
        bound: &'l BoundProgram<'a, T>,
        table: &'l mut RowTable<'a, 'r, T>,
        first: usize,
        parts: &[Part<T>],
    ) -> Self {
        let first = bound.grid.index(first);
        let cursor = |(output, part): (&BoundOutput, &Part<T>)| {
            if output.combined {
                let identity = bound.combine.identity();
                // SAFETY: all of a combined part is the loop's.
                unsafe { (0..part.len).for_each(|i| part.start.add(i).write(identity)) };
            }
            OutputCursor {
                start: part.start,
                base: bound.grid.position(&first, &output.strides),
                at: 0,
                pending: None,
            }
        };
        Self {
            bound,
            table,
            outputs: bound.outputs.iter().zip(parts).map(cursor).collect(),
        }
    }

    /// # Safety
    /// The blocks write to the parts of the targets that the loop has, and the table has the rows that
    /// the program counted.
    unsafe fn run(mut self, blocks: Range<usize>) {
        let (bound, first) = (self.bound, blocks.start);
        for block in blocks {
            let index = bound.grid.index(block);
            let size = bound.grid.size(&index);
            // SAFETY: the grid stays inside every operand, and rows are as long as a block.
            unsafe {
                for (i, output) in bound.outputs.iter().enumerate() {
                    self.begin_output(i, output, &index);
                }
                for (i, input) in bound.inputs.iter().enumerate() {
                    if block == first || !input.fixed {
                        self.find_input(i, input, &index, size.0);
                    }
                }
                self.table.run(size.1);
                for (i, output) in bound.outputs.iter().enumerate() {
                    self.end_output(i, output, size);
                }
            }
        }
        for (cursor, output) in self.outputs.iter().zip(&bound.outputs) {
            // SAFETY: as above.
            unsafe { self.flush(cursor, output) };
        }
    }

    /// Finds the elements of input `i` in the block at `index`, and gathers them where they must be.
    unsafe fn find_input(
        &mut self,
        i: usize,
        input: &BoundInput<'_, T>,
        index: &PerAxis<usize>,
        steps: usize,
    ) {
        let Some(tensor) = input.tensor else {
            self.table.rows[i] = self.table.rows[self.bound.program.output_row(0)];
            return;
        };
        let position = input.start + self.bound.grid.position(index, &input.strides);
        // SAFETY: the layout stays inside the buffer, and the table has the vector and the row.
        unsafe {
            let start = tensor.buffer().as_ptr().offset(position);
            match input.lie {
                Lie::Straight => self.table.rows[i] = Row::of(start),
                Lie::Single => self.table.splat(i, *start),
                Lie::Scattered => {
                    let row = self.table.scratch_row(input.row);
                    self.gather(input, start, row, steps);
                    self.table.rows[i] = Row::of(row);
                }
            }
        }
    }

    /// Copies a block of `steps` positions that begins at `start` to neighbours in memory.
    unsafe fn gather(
        &self,
        input: &BoundInput<'_, T>,
        start: *const T,
        mut row: *mut T,
        steps: usize,
    ) {
        let stride = input.strides[self.bound.grid.rank() - 1];
        let runs = self.bound.grid.runs(steps, &input.strides);
        let len = runs.len;
        for run in runs {
            // SAFETY: the layout stays inside the buffer, and the row has room for the block.
            unsafe {
                let start = start.offset(run);
                match stride {
                    1 => std::ptr::copy_nonoverlapping(start, row, len),
                    0 => (0..len).for_each(|i| row.add(i).write(*start)),
                    _ => (0..len).for_each(|i| *row.add(i) = *start.offset(i as isize * stride)),
                }
                row = row.add(len);
            }
        }
    }

    /// Finds where output `i` of the block at `index` is to be written.
    unsafe fn begin_output(&mut self, i: usize, output: &BoundOutput, index: &PerAxis<usize>) {
        let cursor = &mut self.outputs[i];
        cursor.at = self.bound.grid.position(index, &output.strides) - cursor.base;
        // SAFETY: the block is in this loop's part of the target; the program counted the row.
        let to = unsafe {
            match output.row {
                Some(row) => self.table.scratch_row(row),
                None => cursor.start.offset(cursor.at),
            }
        };
        self.table.rows[self.bound.program.output_row(i)] = Row::of(to);
    }

    /// Takes in the values of output `i` of a block of that size.
    unsafe fn end_output(&mut self, i: usize, output: &BoundOutput, size: (usize, usize)) {
        let cursor = &self.outputs[i];
        // SAFETY: the row has as many elements, and what is written is this loop's.
        unsafe {
            if !output.combined {
                return self.table.deliver(i, size.1);
            }
            let row = self.table.rows[self.bound.schedule.results[i]];
            let Some(collected) = output.collected else {
                return self.absorb(output, row, size, cursor.start.offset(cursor.at));
            };
            let (collected, combine) = (self.table.scratch_row(collected), self.bound.combine);
            if cursor.pending != Some(cursor.at) {
                self.flush(cursor, output);
                let identity = combine.identity();
                (0..self.bound.grid.longest()).for_each(|i| collected.add(i).write(identity));
                self.outputs[i].pending = Some(self.outputs[i].at);
            }
            self.table.merge(combine, collected, row, size.1);
        }
    }

    /// Empties the row of collected blocks into the target. All steps of a block have one place there,
    /// so they are first combined by halves: that is quicker than one after another, and a sum's
    /// rounding errors grow with the logarithm of their number.
    unsafe fn flush(&self, cursor: &OutputCursor<T>, output: &BoundOutput) {
        if let (Some(at), Some(collected)) = (cursor.pending, output.collected) {
            let mut steps = self.bound.grid.step();
            let len = self.bound.grid.longest() / steps;
            // SAFETY: the row has the elements of the longest block.
            unsafe {
                let row = self.table.scratch_row(collected);
                while steps > 1 {
                    let half = steps / 2;
                    steps -= half;
                    let upper = Row::of(row.add(steps * len).cast_const());
                    self.table.merge(self.bound.combine, row, upper, half * len);
                }
                let row = Row::of(row.cast_const());
                self.absorb(output, row, (1, len), cursor.start.offset(at));
            }
        }
    }

    /// Combines a block of values into the target, from `start` on.
    unsafe fn absorb(
        &self,
        output: &BoundOutput,
        row: Row<T>,
        (steps, len): (usize, usize),
        start: *mut T,
    ) {
        let (table, combine) = (&self.table, self.bound.combine);
        // SAFETY: the row has `len` elements, and what they flow into is this loop's.
        unsafe {
            match output.lie {
                Lie::Single => table.fold(combine, start, row, len),
                Lie::Straight => table.merge(combine, start, row, len),
                Lie::Scattered => {
                    let runs = self.bound.grid.runs(steps, &output.strides);
                    let kept = output.strides[self.bound.grid.rank() - 1] != 0;
                    let len = runs.len;
                    for (i, run) in runs.enumerate() {
                        let (row, start) = (row.from(i * len), start.offset(run));
                        match kept {
                            true => table.merge(combine, start, row, len),
                            false => table.fold(combine, start, row, len),
                        }
                    }
                }
            }
        }
    }
}
