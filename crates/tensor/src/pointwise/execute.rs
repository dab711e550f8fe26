//! From one call to blocks, and from blocks to threads.
//!
//! What is small is one block. Otherwise a range of blocks is halved along its outermost axis until a
//! half is small enough for one [loop](super::blocks). The halves of a target that keeps that axis are
//! apart; of one that is combined along it, the second half gets a target of its own, which is merged
//! into the first. So the tree of a sum follows from the shapes and the program alone, and no two
//! threads write to one place.

use std::ops::Range;

use smallvec::SmallVec;

use super::bound::{BLOCK, BoundProgram, SUM_BLOCK};
use super::combine::Combine;
use super::program::Program;
use super::row::Row;
use super::table::RowTable;
use crate::array::Array;
use crate::element::Float;
use crate::shape::Shape;
use crate::simd::Isa;
use crate::storage::Storage;

/// Cost of a loop over blocks: see [`Schedule::cost`](super::schedule::Schedule::cost).
const GRAIN: usize = 1 << 16;
/// Cost from which other threads are called in. From outside of rayon's threads that takes about
/// 6 µs, in which 100 000 numbers are added to others.
const PARALLEL: usize = 1 << 18;
/// The same on one of rayon's threads, where it takes less than 1 µs.
const PARALLEL_INSIDE: usize = 1 << 16;
/// How many times larger than a target what is combined into it must be, for a second one to pay.
const WORTH_A_TARGET: usize = 16;

/// What a program reads.
#[derive(Clone, Copy)]
pub(super) enum Inputs<'a, T: Float> {
    Tensors(&'a [&'a Array<T>]),
    /// `None` is what the first output holds before it is written.
    InPlace(&'a [Option<&'a Array<T>>]),
}

impl<'a, T: Float> Inputs<'a, T> {
    pub(super) fn iter(self) -> impl Iterator<Item = Option<&'a Array<T>>> + Clone {
        let len = match self {
            Self::Tensors(all) => all.len(),
            Self::InPlace(all) => all.len(),
        };
        (0..len).map(move |i| match self {
            Self::Tensors(all) => Some(all[i]),
            Self::InPlace(all) => all[i],
        })
    }
}

/// The parts of the targets that a range of blocks writes.
pub(super) type Slices<'t, T> = SmallVec<[&'t mut [T]; 2]>;

/// A run of a program: what it reads, and where its outputs go.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Invocation<'a, 't, T: Float> {
    pub(super) program: &'a Program,
    pub(super) isa: Isa,
    pub(super) inputs: Inputs<'a, T>,
    pub(super) shape: &'a Shape,
    pub(super) targets: &'a [Shape],
    pub(super) combine: Combine,
    pub(super) slices: &'a mut [&'t mut [T]],
}

impl<T: Float> Invocation<'_, '_, T> {
    pub(crate) fn run(&mut self) {
        let len = self.shape.elements();
        if len == 0 {
            for slice in &mut *self.slices {
                slice.fill(self.combine.identity());
            }
            return;
        }
        if self.is_one_block(len) {
            return self.run_block(len);
        }
        let bound = BoundProgram::new(self);
        let cost = bound.grid.blocks * bound.cost();
        let inside = rayon::current_thread_index().is_some();
        let parallel = cost > if inside { PARALLEL_INSIDE } else { PARALLEL };
        bound.range(0..bound.grid.blocks, reborrowed(self.slices), parallel);
    }

    /// Whether everything is walked straight through or is one element, and so short that it is one
    /// block. A network of small layers does little else.
    fn is_one_block(&self, len: usize) -> bool {
        let schedule = self.program.schedule();
        let longest = if schedule.scratch == 0 {
            SUM_BLOCK
        } else {
            BLOCK
        };
        let fits = |input: Option<&Array<T>>| match input.map(Array::layout) {
            Some(layout) if layout.shape() == self.shape => layout.is_contiguous(),
            Some(layout) => layout.shape().elements() == 1,
            None => true,
        };
        let fits_too = |target: &Shape| target == self.shape || target.elements() == 1;
        len <= longest
            && len * schedule.cost <= PARALLEL_INSIDE
            && self.inputs.iter().all(fits)
            && self.targets.iter().all(fits_too)
    }

    /// Runs a program of one block, where nothing has to be prepared but the rows.
    fn run_block(&mut self, len: usize) {
        let (program, schedule) = (self.program, self.program.schedule());
        let is_combined = |slice: &&&mut [T]| slice.len() != len;
        let combined = self.slices.iter().filter(is_combined).count();
        let size = (schedule.scratch + combined, len);
        // SAFETY: the machine has the instruction set; inputs and targets have `len` elements or one,
        // and outputs that are combined a scratch row each.
        let run = |table: &mut RowTable<'_, '_, T>| unsafe {
            let mut next = schedule.scratch;
            for (i, slice) in self.slices.iter_mut().enumerate() {
                let mut row = slice.as_mut_ptr();
                if slice.len() != len {
                    row = table.scratch_row(next);
                    next += 1;
                }
                table.rows[program.output_row(i)] = Row::of(row);
            }
            for (i, input) in self.inputs.iter().enumerate() {
                let Some(input) = input else {
                    table.rows[i] = table.rows[program.output_row(0)];
                    continue;
                };
                let start = input.buffer().as_ptr().add(input.layout().offset());
                if input.elements() == len {
                    table.rows[i] = Row::of(start);
                } else {
                    table.splat(i, *start);
                }
            }
            table.run(len);
            for (i, slice) in self.slices.iter_mut().enumerate() {
                if slice.len() == len {
                    table.deliver(i, len);
                } else {
                    slice[0] = self.combine.identity();
                    let row = table.rows[schedule.results[i]];
                    table.fold(self.combine, slice.as_mut_ptr(), row, len);
                }
            }
        };
        // SAFETY: as above.
        unsafe { RowTable::with((program, self.isa), size, run) };
    }
}

impl<T: Float> BoundProgram<'_, T> {
    /// Runs a range of blocks, by halves if it is long. Where to cut does not depend on `parallel`
    /// if it matters for the result.
    fn range(&self, blocks: Range<usize>, mut slices: Slices<'_, T>, parallel: bool) {
        let plain = self.outputs.iter().all(|output| !output.combined);
        let small = blocks.len() * self.cost() <= GRAIN || (plain && !parallel);
        let middle = if small {
            None
        } else {
            self.grid.middle(&blocks)
        };
        match middle.filter(|&(axis, _)| self.pays(axis, &blocks, &slices)) {
            Some((axis, middle)) => self.halves(blocks, middle, axis, slices, parallel),
            None => self.run_blocks(blocks, &mut slices),
        }
    }

    /// Whether enough is combined along `axis` for a target of the second half's own.
    fn pays(&self, axis: usize, blocks: &Range<usize>, slices: &Slices<'_, T>) -> bool {
        let elements = blocks.len() * self.grid.average();
        let mut outputs = self.outputs.iter().zip(slices);
        outputs
            .all(|(output, slice)| output.keeps(axis) || slice.len() * WORTH_A_TARGET <= elements)
    }

    fn halves(
        &self,
        blocks: Range<usize>,
        middle: usize,
        axis: usize,
        slices: Slices<'_, T>,
        parallel: bool,
    ) {
        let (start, cut) = (self.grid.index(blocks.start), self.grid.index(middle));
        let mut own: SmallVec<[Storage<T>; 2]> = self
            .outputs
            .iter()
            .zip(&slices)
            .filter(|(output, _)| !output.keeps(axis))
            .map(|(_, slice)| Storage::recycled(slice.len()))
            .collect();
        let mut others = own.iter_mut();
        let (mut left, mut right) = (Slices::new(), Slices::new());
        for (output, slice) in self.outputs.iter().zip(slices) {
            let (first, second) = if output.keeps(axis) {
                let at = |index| self.grid.position(index, &output.strides);
                slice.split_at_mut((at(&cut) - at(&start)) as usize)
            } else {
                (
                    slice,
                    others.next().expect("one a combined target").as_mut_slice(),
                )
            };
            left.push(first);
            right.push(second);
        }
        let (first, second) = (blocks.start..middle, middle..blocks.end);
        let parts = reborrowed(&mut left);
        let in_left = || self.range(first, parts, parallel);
        let in_right = || self.range(second, right, parallel);
        if parallel {
            rayon::join(in_left, in_right);
        } else {
            in_left();
            in_right();
        }
        let parts = self.outputs.iter().zip(left);
        let combined = parts.filter(|(output, _)| !output.keeps(axis));
        for ((_, into), own) in combined.zip(&own) {
            let own = Row::of(own.as_slice().as_ptr());
            // SAFETY: both have the elements of this part.
            unsafe {
                self.combine
                    .merge(self.isa, into.as_mut_ptr(), own, into.len())
            };
        }
    }
}

fn reborrowed<'s, T>(slices: &'s mut [&mut [T]]) -> Slices<'s, T> {
    slices.iter_mut().map(|slice| &mut **slice).collect()
}
