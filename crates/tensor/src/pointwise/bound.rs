//! A program and its operands, ready to run.

use std::ops::Range;

use smallvec::SmallVec;

use super::combine::Combine;
use super::execute::Invocation;
use super::grid::{Grid, Lie, PerAxis, stretched};
use super::program::Program;
use super::row::MAX_LANES;
use super::schedule::Schedule;
use crate::array::Array;
use crate::element::Float;
use crate::layout::Layout;
use crate::shape::Shape;
use crate::simd::Isa;

/// Elements a block: with the inputs, the outputs and some scratch rows of this length, an `f32`
/// program stays in a 48 KB L1 cache.
pub(super) const BLOCK: usize = 1024;
/// Elements a block where nothing but inputs and outputs is walked.
const LONG_BLOCK: usize = 32 * BLOCK;
/// Elements a block where long runs are summed straight from the input.
pub(super) const SUM_BLOCK: usize = 8 * BLOCK;

/// A program and its operands, ready to be run on any range of blocks.
#[derive(Clone)]
pub(super) struct BoundProgram<'a, T: Float> {
    pub(super) program: &'a Program,
    pub(super) schedule: &'a Schedule,
    pub(super) isa: Isa,
    pub(super) combine: Combine,
    pub(super) grid: Grid,
    pub(super) inputs: SmallVec<[BoundInput<'a, T>; 4]>,
    pub(super) outputs: SmallVec<[BoundOutput; 2]>,
    /// Scratch rows, and their length.
    pub(super) rows: usize,
    pub(super) row_len: usize,
}

/// An operand that is read.
#[derive(Clone)]
pub(super) struct BoundInput<'a, T: Float> {
    /// `None` if it is what the first output holds before it is written.
    pub(super) tensor: Option<&'a Array<T>>,
    /// Position of its first element in the grid.
    pub(super) start: isize,
    pub(super) strides: PerAxis<isize>,
    pub(super) lie: Lie,
    /// Whether it is the same for every block.
    pub(super) fixed: bool,
    /// Scratch row that it is gathered to, if scattered.
    pub(super) row: usize,
}

/// An operand that is written.
#[derive(Clone)]
pub(super) struct BoundOutput {
    pub(super) strides: PerAxis<isize>,
    pub(super) lie: Lie,
    /// Whether several values become one.
    pub(super) combined: bool,
    /// Scratch row for values that are computed and then combined.
    pub(super) row: Option<usize>,
    /// Scratch row that blocks are combined in before they go to the target: for targets that keep
    /// the inner axes, of which a block holds many short runs.
    pub(super) collected: Option<usize>,
}

impl<'a, T: Float> BoundProgram<'a, T> {
    pub(super) fn new(call: &Invocation<'a, '_, T>) -> Self {
        let inputs: SmallVec<[_; 4]> = call.inputs.iter().collect();
        let contiguous = Layout::contiguous(*call.shape);
        let schedule = call.program.schedule();
        let read = inputs.iter().map(|input| {
            let layout = input.map_or(&contiguous, Array::layout);
            stretched(layout, call.shape)
        });
        let written = call.targets.iter();
        let written = written.map(|target| stretched(&Layout::contiguous(*target), call.shape));
        let mut all: SmallVec<[PerAxis<isize>; 6]> = read.chain(written).collect();
        let combined = |target: &Shape| target.elements() != call.shape.elements();
        let combines = call.targets.iter().any(combined);
        let grid = Grid::new(call.shape, &mut all, |grid, all| {
            let (read, written) = all.split_at(inputs.len());
            let kept = |s: &PerAxis<isize>| s[grid.rank() - 1] != 0;
            match (schedule.scratch == 0 && grid.is_straight(read), combines) {
                (true, false) => LONG_BLOCK,
                (true, true) if !written.iter().any(kept) => SUM_BLOCK,
                _ => BLOCK,
            }
        });
        let mut bound = Self {
            program: call.program,
            schedule,
            isa: call.isa,
            combine: call.combine,
            row_len: grid.longest().next_multiple_of(MAX_LANES),
            grid,
            inputs: SmallVec::new(),
            outputs: SmallVec::new(),
            rows: schedule.scratch,
        };
        let (read, written) = all.split_at(inputs.len());
        for (input, strides) in inputs.into_iter().zip(read) {
            bound.push_input(input, *strides);
        }
        for (target, strides) in call.targets.iter().zip(written) {
            bound.push_output(combined(target), *strides);
        }
        bound
    }

    fn push_input(&mut self, tensor: Option<&'a Array<T>>, strides: PerAxis<isize>) {
        let lie = self.grid.lie(&strides);
        self.inputs.push(BoundInput {
            tensor,
            start: tensor.map_or(0, |tensor| tensor.layout().offset() as isize),
            strides,
            lie,
            fixed: self.grid.is_fixed(&strides),
            row: self.rows,
        });
        self.rows += usize::from(lie == Lie::Scattered);
    }

    fn push_output(&mut self, combined: bool, strides: PerAxis<isize>) {
        let mut new_row = |wanted: bool| {
            self.rows += usize::from(wanted);
            wanted.then(|| self.rows - 1)
        };
        let output = self.outputs.len();
        let computed = self.schedule.results[output] == self.program.output_row(output);
        let lie = self.grid.lie(&strides);
        let short = strides[self.grid.cut()] == 0 && self.grid.step() > 1 && lie != Lie::Single;
        self.outputs.push(BoundOutput {
            strides,
            lie,
            combined,
            row: new_row(combined && computed),
            collected: new_row(combined && short),
        });
    }

    /// The same on some [positions](Grid::positions) of `axis`; targets begin there.
    pub(super) fn narrowed(&self, axis: usize, positions: &Range<usize>) -> Self {
        let mut part = self.clone();
        part.grid = self.grid.narrowed(axis, positions);
        let first = positions.start * self.grid.extent(axis).0;
        for input in &mut part.inputs {
            input.start += first as isize * input.strides[axis];
        }
        part
    }

    /// Time of a block: see [`Schedule::cost`].
    pub(super) fn cost(&self) -> usize {
        self.schedule.cost * self.grid.average()
    }
}

impl BoundOutput {
    /// Whether different positions along `axis` have different places in the target.
    pub(super) fn keeps(&self, axis: usize) -> bool {
        !self.combined || self.strides[axis] != 0
    }
}
