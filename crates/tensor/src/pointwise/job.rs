//! A program and its operands, ready to run.

use smallvec::SmallVec;

use super::combine::Combine;
use super::grid::{AllStrides, Grid, Lie, PerAxis, stretched};
use super::plan::{From, Place, Plan};
use super::program::Program;
use super::row::{MAX_LANES, Row};
use super::rows::{Rows, scratch_len};
use crate::element::Float;
use crate::layout::Layout;
use crate::shape::{MAX_RANK, Shape};
use crate::simd::Isa;

/// Elements a block: with the inputs, the outputs and some scratch rows of this length, an `f32`
/// program stays in a 48 KB L1 cache.
pub(super) const BLOCK: usize = 1024;
/// Elements a block where nothing but inputs and outputs is walked.
const LONG_BLOCK: usize = 32 * BLOCK;
/// Elements a block where long runs are summed straight from the input.
pub(super) const SUM_BLOCK: usize = 8 * BLOCK;

/// What is read, and how it lies before it is stretched.
pub(super) type Operands<'a, T> = SmallVec<[(&'a [T], &'a Layout); 4]>;

/// A program and its operands, ready to be run on any range of blocks.
pub(super) struct Job<'a, T: Float> {
    pub(super) isa: Isa,
    pub(super) plan: &'a Plan,
    pub(super) constants: &'a [f64],
    pub(super) grid: Grid,
    pub(super) inputs: SmallVec<[Input<'a, T>; 4]>,
    pub(super) targets: SmallVec<[Target; 2]>,
    /// The input that is the first target before it is written.
    pub(super) in_place: Option<usize>,
    /// Rows of scratch, and their length.
    rows: usize,
    pub(super) row_len: usize,
}

/// An operand that is read.
pub(super) struct Input<'a, T: Float> {
    pub(super) buffer: &'a [T],
    pub(super) offset: usize,
    pub(super) strides: PerAxis<isize>,
    pub(super) lie: Lie,
    /// Whether it is the same for every block.
    pub(super) fixed: bool,
    /// Scratch row that it is gathered to, if scattered.
    pub(super) row: usize,
}

/// An operand that is written.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) strides: PerAxis<isize>,
    pub(super) lie: Lie,
    /// How several values become one; `None` if each has its own place.
    pub(super) combine: Option<Combine>,
    /// Scratch row for values that are to be combined.
    pub(super) row: Option<usize>,
    /// Scratch row that blocks are combined in before they go to the target: for targets that keep
    /// the inner axes, of which a block holds many short runs.
    pub(super) collected: Option<usize>,
}

impl<'a, T: Float> Job<'a, T> {
    pub(super) fn new(
        program: &'a Program,
        isa: Isa,
        inputs: &[(&'a [T], &Layout)],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Self {
        let plan = program.plan();
        let is_combined = |target: &Shape| target.elements() != shape.elements();
        let combines = targets.iter().any(is_combined);
        let longest = |grid: &Grid, all: &[PerAxis<isize>]| {
            let (read, written) = all.split_at(inputs.len());
            let kept = |s: &PerAxis<isize>| s[grid.rank() - 1] != 0;
            match (plan.scratch == 0 && grid.is_straight(read), combines) {
                (true, false) => LONG_BLOCK,
                (true, true) if !written.iter().any(kept) => SUM_BLOCK,
                _ => BLOCK,
            }
        };
        let (all, grid) = match line(inputs, shape, targets) {
            Some(all) => {
                let grid = Grid::line(shape.elements(), &all, longest);
                (all, grid)
            }
            None => {
                let mut all = strides(inputs, shape, targets);
                let grid = Grid::new(shape, &mut all, longest);
                (all, grid)
            }
        };
        let mut job = Self {
            isa,
            plan,
            constants: &program.constants,
            row_len: grid.longest().next_multiple_of(MAX_LANES),
            grid,
            inputs: SmallVec::new(),
            targets: SmallVec::new(),
            in_place: None,
            rows: plan.scratch,
        };
        for (&(buffer, layout), strides) in inputs.iter().zip(&all) {
            job.add_input(buffer, layout.offset(), strides);
        }
        for (target, strides) in targets.iter().zip(&all[inputs.len()..]) {
            job.add_target(strides, is_combined(target).then_some(combine));
        }
        job
    }

    fn add_input(&mut self, buffer: &'a [T], offset: usize, strides: &PerAxis<isize>) {
        let lie = self.grid.lie(strides);
        self.inputs.push(Input {
            buffer,
            offset,
            strides: *strides,
            lie,
            fixed: self.grid.is_fixed(strides),
            row: self.rows,
        });
        self.rows += usize::from(lie == Lie::Scattered);
    }

    fn add_target(&mut self, strides: &PerAxis<isize>, combine: Option<Combine>) {
        let mut new_row = |wanted: bool| {
            wanted.then(|| {
                self.rows += 1;
                self.rows - 1
            })
        };
        let own = From::At(Place::Output(self.targets.len()));
        let computed = self.plan.outputs[self.targets.len()] == own;
        let lie = self.grid.lie(strides);
        let short = strides[self.grid.cut()] == 0 && self.grid.step() > 1 && lie != Lie::Single;
        self.targets.push(Target {
            strides: *strides,
            lie,
            combine,
            row: new_row(combine.is_some() && computed),
            collected: new_row(combine.is_some() && short),
        });
    }

    /// Elements of scratch that a leaf needs.
    pub(super) fn scratch(&self) -> usize {
        scratch_len(
            self.constants.len(),
            self.inputs.len(),
            self.rows,
            self.row_len,
        )
    }

    /// The rows of a leaf; where each input and output lies follows with every block.
    ///
    /// # Safety
    /// There are so many elements of scratch.
    #[inline(always)]
    pub(super) unsafe fn rows(&self, scratch: *mut T) -> Rows<T> {
        let (inputs, outputs) = (self.inputs.len(), self.targets.len());
        // SAFETY: the caller's promise.
        let mut rows = unsafe { Rows::new(scratch, self.constants, inputs, self.row_len) };
        rows.inputs.resize(inputs, Row::same(scratch));
        rows.outputs.resize(outputs, scratch);
        rows
    }

    /// Time of a block: see [`Plan::cost`].
    pub(super) fn cost(&self) -> usize {
        self.plan.cost * self.grid.average()
    }
}

impl Target {
    /// Whether different positions along `axis` have different places in the target.
    pub(super) fn keeps(&self, axis: usize) -> bool {
        self.combine.is_none() || self.strides[axis] != 0
    }
}

/// The strides of all operands in the common shape, those of the targets last.
fn strides<T>(inputs: &[(&[T], &Layout)], shape: &Shape, targets: &[Shape]) -> AllStrides {
    let mut all = AllStrides::new();
    for (_, layout) in inputs {
        all.push(stretched(layout, shape));
    }
    for target in targets {
        all.push(stretched(&Layout::contiguous(*target), shape));
    }
    all
}

/// As [`strides`], for the common case that everything is walked straight through or is one
/// element: then the shape does not matter. It is the sooner found.
fn line<T>(inputs: &[(&[T], &Layout)], shape: &Shape, targets: &[Shape]) -> Option<AllStrides> {
    let along = |straight: bool| {
        let mut strides = [0; MAX_RANK];
        strides[0] = isize::from(straight);
        strides
    };
    let mut all = AllStrides::new();
    for (_, layout) in inputs {
        let straight = layout.shape() == shape && layout.is_contiguous();
        if !straight && layout.shape().elements() != 1 {
            return None;
        }
        all.push(along(straight));
    }
    for target in targets {
        if target != shape && target.elements() != 1 {
            return None;
        }
        all.push(along(target == shape));
    }
    Some(all)
}
