//! Running a program: from tensors to blocks, and blocks to threads.
//!
//! A range of blocks is halved along its outermost axis until a half is small enough for one
//! [`Leaf`]. The halves of a target that keeps that axis are apart; of one that is combined along
//! it, the second half gets a target of its own, which is merged into the first. So the tree of a
//! sum follows from the shapes and the program alone, and no two threads write to one place.

use std::ops::Range;

use smallvec::SmallVec;

use super::combine::Combine;
use super::grid::{AllStrides, Grid, Lie, PerAxis, strides};
use super::leaf::Leaf;
use super::plan::{From, Place, Plan};
use super::program::Program;
use super::row::{MAX_LANES, Row};
use crate::element::Float;
use crate::error::OrPanic;
use crate::layout::Layout;
use crate::shape::{self, Shape};
use crate::simd::{Isa, Kernel, Math};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Elements a block: with the inputs, the outputs and some scratch rows of this length, an `f32`
/// program stays in a 48 KB L1 cache.
const BLOCK: usize = 1024;
/// Elements a block where nothing but inputs and outputs is walked.
const LONG_BLOCK: usize = 32 * BLOCK;
/// Elements a block where long runs are summed straight from the input.
const SUM_BLOCK: usize = 8 * BLOCK;
/// Cost of a leaf: see [`Plan::cost`].
const GRAIN: usize = 1 << 16;
/// Cost from which other threads are called in. From outside of rayon's threads that takes about
/// 6 µs, in which 100 000 numbers are added to others.
const PARALLEL: usize = 1 << 18;
/// The same on one of rayon's threads, where it takes less than 1 µs.
const PARALLEL_INSIDE: usize = 1 << 16;
/// How many times larger than a target what is combined into it must be, for a second one to pay.
const WORTH_A_TARGET: usize = 16;

/// What is read, and how it lies before it is stretched.
type Operands<'a, T> = SmallVec<[(&'a [T], &'a Layout); 4]>;
type Outputs<T> = SmallVec<[Tensor<T>; 2]>;

impl Program {
    /// The outputs for every element of the broadcast inputs.
    ///
    /// # Panics
    /// If the number of inputs is wrong or their shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn run<T: Float>(&self, inputs: &[&Tensor<T>]) -> Outputs<T> {
        let shapes: SmallVec<[Shape; 4]> = inputs.iter().map(|input| *input.shape()).collect();
        let shape = shape::broadcast("pointwise", &shapes).or_panic();
        let targets: SmallVec<[Shape; 2]> = self.outputs.iter().map(|_| shape).collect();
        self.reduce(inputs, &shape, &targets, Combine::Sum)
    }

    /// The outputs for every element of the inputs stretched to `shape`, each summed over whatever
    /// axes its target would be stretched along to become `shape`.
    ///
    /// A target of `shape` itself is an output as it is. Any other is summed on the way, and never
    /// written in full:
    ///
    /// ```
    /// use retrograd_tensor::pointwise::{Binary, Program, Source};
    /// use retrograd_tensor::{Shape, Tensor};
    ///
    /// let mut product = Program::new(2);
    /// let y = product.binary(Binary::Mul, Source::Input(0), Source::Input(1));
    /// product.output(y);
    /// let x = Tensor::<f32>::arange(6).reshape(&[2, 3]);
    /// let squares = |target: &[usize]| {
    ///     let target = Shape::new(target).unwrap();
    ///     product.run_to(&[&x, &x], x.shape(), &[target])[0].to_vec()
    /// };
    /// assert_eq!(squares(&[]), [55.0]);
    /// assert_eq!(squares(&[3]), [9.0, 17.0, 29.0]);
    /// assert_eq!(squares(&[2, 1]), [5.0, 50.0]);
    /// ```
    ///
    /// # Panics
    /// If the number of inputs or targets is wrong, or one of them does not stretch to `shape`.
    #[track_caller]
    #[must_use]
    pub fn run_to<T: Float>(
        &self,
        inputs: &[&Tensor<T>],
        shape: &Shape,
        targets: &[Shape],
    ) -> Outputs<T> {
        let shapes = inputs.iter().map(|input| input.shape()).chain(targets);
        for other in shapes.filter(|other| *other != shape) {
            shape::broadcast_to(other, shape).or_panic();
        }
        self.reduce(inputs, shape, targets, Combine::Sum)
    }

    /// As [`run_to`](Self::run_to), with any way to combine, and shapes that fit.
    #[track_caller]
    pub(crate) fn reduce<T: Float>(
        &self,
        inputs: &[&Tensor<T>],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Outputs<T> {
        self.reduce_on(Isa::current(), inputs, shape, targets, combine)
    }

    #[track_caller]
    pub(super) fn reduce_on<T: Float>(
        &self,
        isa: Isa,
        inputs: &[&Tensor<T>],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Outputs<T> {
        self.check_counts(inputs.len(), targets.len());
        let mut storages: SmallVec<[Storage<T>; 2]> = targets
            .iter()
            .map(|target| Storage::recycled(target.elements()))
            .collect();
        let operands = inputs.iter().map(|input| (input.buffer(), input.layout()));
        let operands: Operands<'_, T> = operands.collect();
        if shape.elements() == 0 {
            let fill = |target: &mut Storage<T>| target.as_mut_slice().fill(combine.identity());
            storages.iter_mut().for_each(fill);
        } else {
            let slices = storages.iter_mut().map(Storage::as_mut_slice).collect();
            Job::new(self, isa, &operands, shape, targets, combine).run(slices);
        }
        let tensors = storages.into_iter().zip(targets);
        tensors
            .map(|(storage, target)| Tensor::from_storage(storage, *target))
            .collect()
    }

    /// `tensor` ← the output, where the one input that is `None` is the tensor itself. Of a program of
    /// one instruction, which reads an element before it writes it.
    pub(crate) fn run_in_place<T: Float>(
        &self,
        tensor: &mut Tensor<T>,
        inputs: &[Option<&Tensor<T>>],
    ) {
        self.check_counts(inputs.len(), 1);
        assert!(self.code.len() == 1, "pointwise: not one instruction");
        if tensor.elements() == 0 {
            return;
        }
        let layout = Layout::contiguous(*tensor.shape());
        let shape = *layout.shape();
        let slices = Slices::from_iter([tensor.make_mut()]);
        let operands = inputs.iter().map(|input| match *input {
            Some(input) => (input.buffer(), input.layout()),
            None => (&[][..], &layout),
        });
        let operands: Operands<'_, T> = operands.collect();
        let mut job = Job::new(
            self,
            Isa::current(),
            &operands,
            &shape,
            &[shape],
            Combine::Sum,
        );
        job.in_place = inputs.iter().position(Option::is_none);
        job.run(slices);
    }

    #[track_caller]
    fn check_counts(&self, inputs: usize, targets: usize) {
        assert!(
            inputs == self.inputs,
            "pointwise: {inputs} inputs given, {} expected",
            self.inputs
        );
        assert!(
            targets == self.outputs.len(),
            "pointwise: {targets} targets given, {} expected",
            self.outputs.len()
        );
    }
}

/// The parts of the targets that a range of blocks writes.
type Slices<'t, T> = SmallVec<[&'t mut [T]; 2]>;

/// A program and its operands, ready to be run on any range of blocks.
pub(super) struct Job<'a, T: Float> {
    isa: Isa,
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

/// One pass of a job over all its blocks.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Pass<'j, 'a, 't, T: Float> {
    job: &'j Job<'a, T>,
    slices: Slices<'t, T>,
    parallel: bool,
}

impl<T: Float> Pass<'_, '_, '_, T> {
    pub(crate) fn run(self) {
        let blocks = 0..self.job.grid.blocks;
        self.job.range(blocks, self.slices, self.parallel);
    }
}

impl<'a, T: Float> Job<'a, T> {
    fn new(
        program: &'a Program,
        isa: Isa,
        inputs: &[(&'a [T], &Layout)],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Self {
        let plan = program.plan();
        let stretched = |layout: &Layout| strides(layout.broadcast_to(*shape).strides());
        let mut all: AllStrides = inputs.iter().map(|(_, layout)| stretched(layout)).collect();
        all.extend(
            targets
                .iter()
                .map(|target| stretched(&Layout::contiguous(*target))),
        );
        let is_combined = |target: &Shape| target.elements() != shape.elements();
        let combines = targets.iter().any(is_combined);
        let grid = Grid::new(shape, &mut all, |grid, all| {
            let (read, written) = all.split_at(inputs.len());
            let kept = |s: &PerAxis<isize>| s[grid.rank() - 1] != 0;
            match (plan.scratch == 0 && grid.is_straight(read), combines) {
                (true, false) => LONG_BLOCK,
                (true, true) if !written.iter().any(kept) => SUM_BLOCK,
                _ => BLOCK,
            }
        });
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
        (self.constants.len() + self.inputs.len()) * MAX_LANES + self.rows * self.row_len
    }

    fn run(&self, slices: Slices<'_, T>) {
        let cost = self.grid.blocks * self.cost();
        let inside = rayon::current_thread_index().is_some();
        let parallel = cost > if inside { PARALLEL_INSIDE } else { PARALLEL };
        T::pointwise(Pass {
            job: self,
            slices,
            parallel,
        });
    }

    /// Of a block.
    fn cost(&self) -> usize {
        self.plan.cost * self.grid.average()
    }

    /// Runs a range of blocks, by halves if it is long. Where to cut does not depend on `parallel`
    /// if it matters for the result.
    fn range(&self, blocks: Range<usize>, mut slices: Slices<'_, T>, parallel: bool) {
        let plain = self.targets.iter().all(|target| target.combine.is_none());
        let small = blocks.len() * self.cost() <= GRAIN || (plain && !parallel);
        let middle = if small {
            None
        } else {
            self.grid.middle(&blocks)
        };
        match middle.filter(|&(axis, _)| self.pays(axis, &blocks, &slices)) {
            Some((axis, middle)) => self.halves(blocks, middle, axis, slices, parallel),
            None => T::dispatch_on(
                self.isa,
                Leaf {
                    job: self,
                    blocks,
                    targets: &mut slices,
                },
            ),
        }
    }

    /// Whether enough is combined along `axis` for a target of the second half's own.
    fn pays(&self, axis: usize, blocks: &Range<usize>, slices: &Slices<'_, T>) -> bool {
        let elements = blocks.len() * self.grid.average();
        let mut targets = self.targets.iter().zip(slices);
        targets
            .all(|(target, slice)| target.keeps(axis) || slice.len() * WORTH_A_TARGET <= elements)
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
            .targets
            .iter()
            .zip(&slices)
            .filter(|(target, _)| !target.keeps(axis))
            .map(|(_, slice)| Storage::recycled(slice.len()))
            .collect();
        let mut others = own.iter_mut();
        let (mut left, mut right) = (Slices::new(), Slices::new());
        for (target, slice) in self.targets.iter().zip(slices) {
            let (first, second) = if target.keeps(axis) {
                let at = |index| self.grid.position(index, &target.strides);
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
        let in_left = || self.range(first, reborrowed(&mut left), parallel);
        let in_right = || self.range(second, right, parallel);
        if parallel {
            rayon::join(in_left, in_right);
        } else {
            in_left();
            in_right();
        }
        let combined = self
            .targets
            .iter()
            .zip(left)
            .filter(|(target, _)| !target.keeps(axis));
        for ((target, into), own) in combined.zip(&own) {
            let merge = Merge {
                combine: target.combine.expect("an axis is not kept"),
                into,
                row: own.as_slice(),
            };
            T::dispatch_on(self.isa, merge);
        }
    }
}

impl Target {
    /// Whether different positions along `axis` have different places in the target.
    fn keeps(&self, axis: usize) -> bool {
        self.combine.is_none() || self.strides[axis] != 0
    }
}

fn reborrowed<'s, T>(slices: &'s mut Slices<'_, T>) -> Slices<'s, T> {
    slices.iter_mut().map(|slice| &mut **slice).collect()
}

/// `into` ← `into` combined with `row`, element by element.
struct Merge<'m, T> {
    combine: Combine,
    into: &'m mut [T],
    row: &'m [T],
}

impl<T: Float> Kernel<T> for Merge<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let len = self.into.len().min(self.row.len());
        let row = Row::of(self.row.as_ptr());
        // SAFETY: both slices have `len` elements.
        unsafe { self.combine.merge(simd, self.into.as_mut_ptr(), row, len) }
    }
}
