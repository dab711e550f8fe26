//! From one call to blocks, and from blocks to threads.
//!
//! What is small is one block. Otherwise a range of blocks is halved along its outermost axis until a
//! half is small enough for one [loop](super::blocks). The halves of a target that keeps that axis are
//! apart; of one that is combined along it, the second half gets a target of its own, which is merged
//! into the first. Where that would be dear, as in a sum of a few long rows, other axes are cut before.
//! So the tree of a sum follows from the shapes and the program alone, and no two threads write to one
//! place.

use std::ops::Range;

use smallvec::SmallVec;

use super::bound::{BLOCK, BoundOutput, BoundProgram, SUM_BLOCK};
use super::combine::Combine;
use super::program::Program;
use super::row::Row;
use super::table::RowTable;
use crate::array::Array;
use crate::element::Float;
use crate::parallel;
use crate::shape::Shape;
use crate::simd::Isa;
use crate::storage::Storage;

/// Cost of a loop over blocks: see [`Schedule::cost`](super::schedule::Schedule::cost).
const GRAIN: usize = 1 << 16;
/// Cost from which other threads are called in: about 8 µs of work. A thread that looks out for work is
/// there in one; to wake another takes 5 to 50.
const PARALLEL: usize = 1 << 17;
/// How many times larger than a target what is combined into it must be, for a second one to pay.
const WORTH_A_TARGET: usize = 16;
/// Cost of a row of a strip: of what is as quick as memory, rows shorter than this cost more time than
/// threads save.
const STRIP: usize = 1 << 18;
/// How many second targets must pay for an axis along which a target is combined to be cut before
/// others are.
const WORTH_BEING_FIRST: usize = 64;

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

/// What a range of blocks writes of a target. If it is combined there, that is `len` neighbours; or else
/// elements among those from `start` to the target's end.
#[derive(Clone, Copy)]
pub(super) struct Part<T> {
    pub(super) start: *mut T,
    pub(super) len: usize,
}

// SAFETY: what threads have in common is an address; each element is written by one of them.
unsafe impl<T: Send> Send for Part<T> {}

impl<T> Part<T> {
    fn of(slice: &mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
        }
    }
}

/// A part of each target.
pub(super) type Parts<T> = SmallVec<[Part<T>; 2]>;

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
        let parallel = cost > PARALLEL;
        let parts = self.slices.iter_mut().map(|slice| Part::of(slice));
        let parts = parts.collect();
        let axis = bound.cheap_axis(self).filter(|_| cost > GRAIN);
        // SAFETY: these are all blocks, and the targets are borrowed for this call.
        unsafe {
            match axis {
                Some(axis) => bound.strips(axis, 0..bound.grid.positions(axis), parts, parallel),
                None => bound.range(0..bound.grid.blocks, parts, parallel),
            }
        }
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
            && len * schedule.cost <= PARALLEL
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
    /// The axis to cut before those that come first, if large targets are combined along them all but not
    /// along this one.
    fn cheap_axis(&self, call: &Invocation<'_, '_, T>) -> Option<usize> {
        let outputs = || self.outputs.iter().zip(call.targets);
        let least = call.shape.elements() / (WORTH_A_TARGET * WORTH_BEING_FIRST);
        let is_cheap = |&axis: &usize| {
            outputs().all(|(output, target)| output.keeps(axis) || target.elements() <= least)
        };
        let axis = (0..=self.grid.cut()).find(is_cheap)?;
        // What is written of a combined target must be neighbours.
        let mut combined = self.outputs.iter().filter(|output| output.combined);
        let is_apart = combined
            .all(|output| !output.keeps(axis) || !(0..axis).any(|before| output.keeps(before)));
        (axis > 0 && is_apart).then_some(axis)
    }

    /// Runs some [positions](super::grid::Grid::positions) of `axis`, by halves until one is a strip. All
    /// that comes before is walked along one strip after another.
    ///
    /// # Safety
    /// The parts are what these positions write, and nobody else reads or writes that meanwhile.
    unsafe fn strips(&self, axis: usize, positions: Range<usize>, parts: Parts<T>, parallel: bool) {
        let (steps, elements) = self.grid.extent(axis);
        if positions.len() == 1 || positions.len() * elements * self.schedule.cost <= STRIP {
            let strip = self.narrowed(axis, &positions);
            // SAFETY: these are all blocks of the strip.
            return unsafe { strip.range(0..strip.grid.blocks, parts, parallel) };
        }
        let first = positions.len() / 2;
        let middle = positions.start + first;
        let halves = [positions.start..middle, middle..positions.end];
        let way = |output: &BoundOutput| first * steps * output.strides[axis] as usize;
        let run = |half: usize, parts| {
            // SAFETY: the halves of a target that keeps the axis are apart, and else each has its own.
            unsafe { self.strips(axis, halves[half].clone(), parts, parallel) }
        };
        // SAFETY: a target that keeps the axis has `way` elements before the second half.
        unsafe { self.halves(axis, parts, way, run, parallel) };
    }

    /// Runs a range of blocks, by halves if it is long. Where to cut does not depend on `parallel`
    /// if it matters for the result.
    ///
    /// # Safety
    /// The parts are what these blocks write, and nobody else reads or writes that meanwhile.
    unsafe fn range(&self, blocks: Range<usize>, parts: Parts<T>, parallel: bool) {
        let plain = self.outputs.iter().all(|output| !output.combined);
        let small = blocks.len() * self.cost() <= GRAIN || (plain && !parallel);
        let middle = if small {
            None
        } else {
            self.grid.middle(&blocks)
        };
        let Some((axis, middle)) = middle.filter(|&(axis, _)| self.pays(axis, &blocks, &parts))
        else {
            // SAFETY: as this function's.
            return unsafe { self.run_blocks(blocks, &parts) };
        };
        let (start, cut) = (self.grid.index(blocks.start), self.grid.index(middle));
        let way = |output: &BoundOutput| {
            let at = |index| self.grid.position(index, &output.strides);
            (at(&cut) - at(&start)) as usize
        };
        let halves = [blocks.start..middle, middle..blocks.end];
        let run = |half: usize, parts| {
            // SAFETY: the halves of a target that keeps the axis are apart, and else each has its own.
            unsafe { self.range(halves[half].clone(), parts, parallel) }
        };
        // SAFETY: a target that keeps the axis has `way` elements before the second half.
        unsafe { self.halves(axis, parts, way, run, parallel) };
    }

    /// Whether enough is combined along `axis` for a target of the second half's own.
    fn pays(&self, axis: usize, blocks: &Range<usize>, parts: &Parts<T>) -> bool {
        let elements = blocks.len() * self.grid.average();
        let mut outputs = self.outputs.iter().zip(parts);
        outputs.all(|(output, part)| output.keeps(axis) || part.len * WORTH_A_TARGET <= elements)
    }

    /// Runs both halves of what is cut along `axis`, the second of which begins `way` after the first in
    /// a target that keeps the axis.
    ///
    /// # Safety
    /// The second half's first element is one of the target's part.
    unsafe fn halves(
        &self,
        axis: usize,
        parts: Parts<T>,
        way: impl Fn(&BoundOutput) -> usize,
        run: impl Fn(usize, Parts<T>) + Sync,
        parallel: bool,
    ) {
        let mut own: SmallVec<[Storage<T>; 2]> = self
            .outputs
            .iter()
            .zip(&parts)
            .filter(|(output, _)| !output.keeps(axis))
            .map(|(_, part)| Storage::recycled(part.len))
            .collect();
        let mut others = own.iter_mut();
        let (mut left, mut right) = (Parts::new(), Parts::new());
        for (output, part) in self.outputs.iter().zip(parts) {
            let (first, second) = if output.keeps(axis) {
                let way = way(output);
                let second = Part {
                    // SAFETY: as this function's.
                    start: unsafe { part.start.add(way) },
                    len: part.len - way,
                };
                let len = if output.combined { way } else { part.len };
                (Part { len, ..part }, second)
            } else {
                let other = others.next().expect("one a combined target");
                (part, Part::of(other.as_mut_slice()))
            };
            left.push(first);
            right.push(second);
        }
        let parts = left.clone();
        let (in_left, in_right) = (|| run(0, parts), || run(1, right));
        if parallel {
            parallel::join(in_left, in_right);
        } else {
            in_left();
            in_right();
        }
        let parts = self.outputs.iter().zip(left);
        let combined = parts.filter(|(output, _)| !output.keeps(axis));
        for ((_, into), own) in combined.zip(&own) {
            let own = Row::of(own.as_slice().as_ptr());
            // SAFETY: both have the elements of this part.
            unsafe { self.combine.merge(self.isa, into.start, own, into.len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointwise::Source;

    /// The axis that is cut before others, in the sum of ones of `shape` to each target.
    fn cheap_axis(shape: &[usize], targets: &[&[usize]]) -> Option<usize> {
        let mut program = Program::new(1);
        targets
            .iter()
            .for_each(|_| program.output(Source::Input(0)));
        let shape = Shape::new(shape).unwrap();
        let x = Array::<f32>::ones([1]).broadcast_to(shape);
        let targets: Vec<Shape> = targets.iter().map(|t| Shape::new(t).unwrap()).collect();
        let call = Invocation {
            program: &program,
            isa: Isa::Scalar,
            inputs: Inputs::Tensors(&[&x]),
            shape: &shape,
            targets: &targets,
            combine: Combine::Sum,
            slices: &mut [],
        };
        BoundProgram::new(&call).cheap_axis(&call)
    }

    #[test]
    fn sums_of_a_few_long_rows_are_cut_along_the_rows() {
        let few = [8, 1_000_000];
        assert_eq!(cheap_axis(&few, &[&[1_000_000]]), Some(1));
        assert_eq!(cheap_axis(&few, &[&[1_000_000], &few, &[8, 1]]), Some(1));
        assert_eq!(cheap_axis(&few, &[&[8, 1]]), None);
        assert_eq!(cheap_axis(&[50_000, 2000], &[&[2000]]), None);
        assert_eq!(cheap_axis(&[4, 8, 100_000], &[&[4, 1, 100_000]]), None);
        // Ranges of columns would not be parts of a target that keeps the rows in another order.
        let both: [&[usize]; 2] = [&[600, 1, 9000], &[1, 7, 9000]];
        assert_eq!(cheap_axis(&[600, 7, 9000], &both), None);
    }
}
