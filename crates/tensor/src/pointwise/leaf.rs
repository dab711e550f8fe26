//! The loop over blocks: what a thread does with its share of a program.
//!
//! A [`Leaf`] is compiled for every instruction set, with all the functions of [`row`](super::row)
//! inside. For each block it finds the rows of the inputs, takes the plan's steps over them, and
//! lets what is not an output as it is flow into its smaller target.

use std::ops::Range;

use smallvec::SmallVec;

use super::combine::Combine;
use super::grid::{Lie, PerAxis};
use super::job::{Input, Job, Target};
use super::plan::{From, Place};
use super::row::{Row, each};
use super::rows::Rows;
use crate::element::Float;
use crate::simd::{Kernel, Math};
use crate::storage::Storage;

/// Some blocks of a job, and the parts of the targets that they write.
pub(super) struct Leaf<'l, 'a, 't, T: Float> {
    pub(super) job: &'l Job<'a, T>,
    pub(super) blocks: Range<usize>,
    pub(super) targets: &'l mut [&'t mut [T]],
}

impl<T: Float> Kernel<T> for Leaf<'_, '_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let job = self.job;
        let mut storage = Storage::recycled(job.scratch());
        let scratch = storage.as_mut_slice().as_mut_ptr();
        // SAFETY: the job knows how much scratch it needs.
        let mut rows = unsafe { job.rows(scratch) };
        let first = job.grid.index(self.blocks.start);
        let mut sinks: SmallVec<[Sink<'_, T>; 2]> = job
            .targets
            .iter()
            .zip(self.targets.iter_mut())
            .map(|(target, slice)| Sink::new(job, target, slice, &first, &rows))
            .collect();
        let mut started = false;
        for block in self.blocks {
            let index = job.grid.index(block);
            let (steps, len) = job.grid.size(&index);
            // SAFETY: the grid stays inside every operand, and `Job::scratch` has room for the rows.
            unsafe {
                for (i, sink) in sinks.iter_mut().enumerate() {
                    rows.outputs[i] = sink.begin(job, &index);
                }
                for (i, input) in job.inputs.iter().enumerate() {
                    if !(started && input.fixed) {
                        rows.inputs[i] = find_input(job, &rows, i, &index, steps);
                    }
                }
                for step in &job.plan.steps {
                    rows.take(simd, step, len);
                }
                for (i, sink) in sinks.iter_mut().enumerate() {
                    let from = job.plan.outputs[i];
                    let written = from == From::At(Place::Output(i));
                    let row = rows.find(from);
                    sink.end(simd, job, row, written, steps, len);
                }
            }
            started = true;
        }
        for sink in &mut sinks {
            // SAFETY: as above.
            unsafe { sink.flush(simd, job) };
        }
    }
}

/// The elements of input `i` in the block at `index`, gathered where they must be.
#[inline(always)]
unsafe fn find_input<T: Float>(
    job: &Job<'_, T>,
    rows: &Rows<T>,
    i: usize,
    index: &PerAxis<usize>,
    steps: usize,
) -> Row<T> {
    let input = &job.inputs[i];
    if job.in_place == Some(i) {
        return Row::of(rows.outputs[0]);
    }
    let position = input.offset as isize + job.grid.position(index, &input.strides);
    // SAFETY: the layout stays inside the buffer.
    unsafe {
        let start = input.buffer.as_ptr().offset(position);
        match input.lie {
            Lie::Straight => Row::of(start),
            Lie::Single => rows.single(i, *start),
            Lie::Scattered => {
                let row = rows.scratch_row(input.row);
                gather(job, input, start, row, steps);
                Row::of(row)
            }
        }
    }
}

/// Copies a block of `steps` positions that begins at `start` to neighbours in memory.
#[inline(always)]
unsafe fn gather<T: Float>(
    job: &Job<'_, T>,
    input: &Input<'_, T>,
    start: *const T,
    mut row: *mut T,
    steps: usize,
) {
    let stride = input.strides[job.grid.rank() - 1];
    let runs = job.grid.runs(steps, &input.strides);
    let len = runs.len;
    for run in runs {
        // SAFETY: the layout stays inside the buffer, and the row has room for the block.
        unsafe {
            let start = start.offset(run);
            match stride {
                1 => std::ptr::copy_nonoverlapping(start, row, len),
                0 => std::slice::from_raw_parts_mut(row, len).fill(*start),
                _ => (0..len).for_each(|i| *row.add(i) = *start.offset(i as isize * stride)),
            }
            row = row.add(len);
        }
    }
}

/// Where an output goes: as it is to a target of its own size, or into a smaller one.
struct Sink<'l, T: Float> {
    target: &'l Target,
    start: *mut T,
    /// Position of `start` in the whole target.
    base: isize,
    /// Position of the current block, from `start`.
    at: isize,
    /// Row for values on their way into a smaller target.
    row: *mut T,
    /// Row that several blocks are combined in, element by element, and their common position.
    collected: *mut T,
    pending: Option<isize>,
}

impl<'l, T: Float> Sink<'l, T> {
    #[inline(always)]
    fn new(
        job: &Job<'_, T>,
        target: &'l Target,
        slice: &mut [T],
        first: &PerAxis<usize>,
        rows: &Rows<T>,
    ) -> Self {
        if let Some(combine) = target.combine {
            slice.fill(combine.identity());
        }
        // SAFETY: `Job::new` counted these rows where they are used.
        let row =
            |row: Option<usize>| row.map_or(rows.scratch, |row| unsafe { rows.scratch_row(row) });
        Self {
            target,
            start: slice.as_mut_ptr(),
            base: job.grid.position(first, &target.strides),
            at: 0,
            row: row(target.row),
            collected: row(target.collected),
            pending: None,
        }
    }

    /// Where the block at `index` is to be written.
    #[inline(always)]
    unsafe fn begin(&mut self, job: &Job<'_, T>, index: &PerAxis<usize>) -> *mut T {
        self.at = job.grid.position(index, &self.target.strides) - self.base;
        match self.target.combine {
            // SAFETY: the block is in this leaf's part of the target.
            None => unsafe { self.start.offset(self.at) },
            Some(_) => self.row,
        }
    }

    /// Takes in the values of a block, which are in their place already if `written`.
    #[inline(always)]
    unsafe fn end<S: Math<T>>(
        &mut self,
        simd: S,
        job: &Job<'_, T>,
        row: Row<T>,
        written: bool,
        steps: usize,
        len: usize,
    ) {
        // SAFETY: the row has `len` elements, and what is written is this leaf's.
        unsafe {
            let Some(combine) = self.target.combine else {
                if !written {
                    each(simd, [row], self.start.offset(self.at), len, |[x]| x);
                }
                return;
            };
            if self.target.collected.is_none() {
                return self.absorb(simd, job, combine, row, (steps, len), self.at);
            }
            if self.pending != Some(self.at) {
                self.flush(simd, job);
                let all = std::slice::from_raw_parts_mut(self.collected, job.grid.longest());
                all.fill(combine.identity());
                self.pending = Some(self.at);
            }
            combine.merge(simd, self.collected, row, len);
        }
    }

    /// Empties the row of collected blocks into the target.
    #[inline(always)]
    unsafe fn flush<S: Math<T>>(&mut self, simd: S, job: &Job<'_, T>) {
        if let (Some(at), Some(combine)) = (self.pending.take(), self.target.combine) {
            let size = (job.grid.step(), job.grid.longest());
            let row = Row::of(self.collected.cast_const());
            // SAFETY: the row has the elements of the longest block.
            unsafe { self.absorb(simd, job, combine, row, size, at) };
        }
    }

    /// Combines a block of values into the target.
    #[inline(always)]
    unsafe fn absorb<S: Math<T>>(
        &self,
        simd: S,
        job: &Job<'_, T>,
        combine: Combine,
        mut row: Row<T>,
        (steps, len): (usize, usize),
        at: isize,
    ) {
        // SAFETY: the row has `len` elements, and what they flow into is this leaf's.
        unsafe {
            let start = self.start.offset(at);
            match self.target.lie {
                Lie::Single => combine.one(simd, start, row, len),
                Lie::Straight => combine.merge(simd, start, row, len),
                Lie::Scattered => {
                    let runs = job.grid.runs(steps, &self.target.strides);
                    let (len, kept) = (runs.len, self.target.strides[job.grid.rank() - 1] != 0);
                    for run in runs {
                        match kept {
                            true => combine.merge(simd, start.offset(run), row, len),
                            false => combine.one(simd, start.offset(run), row, len),
                        }
                        row.start = row.start.add(len * row.step);
                    }
                }
            }
        }
    }
}
