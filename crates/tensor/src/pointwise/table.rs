//! The rows of a block, and the steps over them.

use std::mem::MaybeUninit;

use smallvec::SmallVec;

use super::combine::Combine;
use super::functions::Action;
use super::program::Program;
use super::row::{MAX_LANES, Row, RowCall};
use super::schedule::{RowIndex, Schedule};
use crate::element::Float;
use crate::simd::Isa;
use crate::storage::Storage;

/// Elements of scratch that lie on the stack: vectors for the inputs and constants of most formulas.
const ON_STACK: usize = 256;

/// Where the values of a block are, by the numbers of the [`Schedule`].
///
/// In the scratch lie one vector a constant, one vector an input, and then rows: first those of the
/// schedule.
pub(super) struct RowTable<'p, 'r, T> {
    pub(super) program: &'p Program,
    pub(super) schedule: &'p Schedule,
    isa: Isa,
    pub(super) rows: &'r mut [Row<T>],
    scratch: *mut T,
    row_len: usize,
}

impl<'p, T: Float> RowTable<'p, '_, T> {
    /// Calls `work` with a table that has so many rows of scratch; where inputs and outputs are is up to
    /// it. Blocks have up to `row_len` elements.
    ///
    /// # Safety
    /// The machine has the instruction set.
    pub(super) unsafe fn with(
        (program, isa): (&'p Program, Isa),
        (rows, row_len): (usize, usize),
        work: impl FnOnce(&mut RowTable<'p, '_, T>),
    ) {
        let schedule = program.schedule();
        let vectors = program.constants.len() + program.inputs;
        let needed = vectors * MAX_LANES + rows * row_len;
        let mut small = [const { MaybeUninit::<T>::uninit() }; ON_STACK];
        let mut large;
        let scratch = if needed <= ON_STACK {
            small.as_mut_ptr().cast::<T>()
        } else {
            large = Storage::recycled(needed);
            large.as_mut_slice().as_mut_ptr()
        };
        let first = program.output_row(program.outputs.len());
        let mut rows: SmallVec<[Row<T>; 12]> =
            SmallVec::from_elem(Row::of(scratch.cast_const()), first + schedule.scratch);
        let mut table = RowTable {
            program,
            schedule,
            isa,
            rows: &mut rows,
            scratch,
            row_len,
        };
        // SAFETY: the scratch has a vector for each constant, and the schedule's rows.
        unsafe {
            for (i, &constant) in program.constants.iter().enumerate() {
                table.splat(program.inputs + i, T::from_f64(constant));
            }
            for i in 0..schedule.scratch {
                table.rows[first + i] = Row::of(table.scratch_row(i));
            }
        }
        work(&mut table);
    }

    /// Makes `value` the one of all elements of row `i`, which is that of an input or a constant.
    ///
    /// # Safety
    /// There is such a row.
    pub(super) unsafe fn splat(&mut self, i: RowIndex, value: T) {
        // SAFETY: the scratch has a vector for each of these rows.
        unsafe {
            let vector = self.scratch.add(i * MAX_LANES);
            (0..MAX_LANES).for_each(|i| vector.add(i).write(value));
            self.rows[i] = Row::same(vector);
        }
    }

    /// Row `i` of the scratch.
    ///
    /// # Safety
    /// There is such a row.
    pub(super) unsafe fn scratch_row(&self, i: usize) -> *mut T {
        let vectors = self.program.constants.len() + self.program.inputs;
        // SAFETY: the scratch has this row.
        unsafe { self.scratch.add(vectors * MAX_LANES + i * self.row_len) }
    }

    /// Takes the steps of the schedule over a block of `len` elements.
    ///
    /// # Safety
    /// Every row has so many elements, and two rows are the same or apart.
    pub(super) unsafe fn run(&self, len: usize) {
        for step in &self.schedule.steps {
            let ([a, b, c, d], [y, z]) = (step.from, step.to);
            let call = RowCall {
                rows: [self.rows[a], self.rows[b], self.rows[c], self.rows[d]],
                to: [self.rows[y].start.cast_mut(), self.rows[z].start.cast_mut()],
                len,
            };
            // SAFETY: the caller's promise.
            unsafe { step.action.find(self.isa)(&call) };
        }
    }

    /// Copies the result of output `i` to its row, if it is somewhere else.
    ///
    /// # Safety
    /// Both have `len` elements.
    pub(super) unsafe fn deliver(&self, i: usize, len: usize) {
        let (result, own) = (self.schedule.results[i], self.program.output_row(i));
        if result != own {
            let call = RowCall::new([self.rows[result]], self.rows[own].start.cast_mut(), len);
            // SAFETY: the caller's promise.
            unsafe { Action::Copy.find(self.isa)(&call) };
        }
    }

    /// `into` ← `into` combined with all elements of a row.
    ///
    /// # Safety
    /// The row has `len` elements.
    pub(super) unsafe fn fold(&self, combine: Combine, into: *mut T, row: Row<T>, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { Action::Fold(combine).find(self.isa)(&RowCall::new([row], into, len)) };
    }

    /// `into` ← `into` combined with a row, element by element.
    ///
    /// # Safety
    /// The row has `len` elements, and `into` has room for them.
    pub(super) unsafe fn merge(&self, combine: Combine, into: *mut T, row: Row<T>, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { combine.merge(self.isa, into, row, len) };
    }
}
