//! Running a program: from tensors to blocks, and blocks to threads.
//!
//! A range of blocks is halved along its outermost axis until a half is small enough for one
//! [`Leaf`]. The halves of a target that keeps that axis are apart; of one that is combined along
//! it, the second half gets a target of its own, which is merged into the first. So the tree of a
//! sum follows from the shapes and the program alone, and no two threads write to one place.

use std::ops::Range;

use smallvec::SmallVec;

use super::combine::Combine;
use super::flat::{self, Flat};
use super::job::{Job, Operands};
use super::leaf::Leaf;
use super::program::Program;
use super::row::Row;
use crate::element::Float;
use crate::error::OrPanic;
use crate::layout::Layout;
use crate::shape::{self, Shape};
use crate::simd::{Isa, Kernel, Math};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Cost of a leaf: see [`Plan::cost`].
const GRAIN: usize = 1 << 16;
/// Cost from which other threads are called in. From outside of rayon's threads that takes about
/// 6 µs, in which 100 000 numbers are added to others.
const PARALLEL: usize = 1 << 18;
/// The same on one of rayon's threads, where it takes less than 1 µs.
pub(super) const PARALLEL_INSIDE: usize = 1 << 16;
/// How many times larger than a target what is combined into it must be, for a second one to pay.
const WORTH_A_TARGET: usize = 16;

type Outputs<T> = SmallVec<[Tensor<T>; 2]>;

impl Program {
    /// The outputs for every element of the broadcast inputs.
    ///
    /// # Panics
    /// If the number of inputs is wrong or their shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn run<T: Float>(&self, inputs: &[&Tensor<T>]) -> Outputs<T> {
        let shape = common(inputs);
        let targets: SmallVec<[Shape; 2]> = SmallVec::from_elem(shape, self.outputs.len());
        self.reduce(inputs, &shape, &targets, Combine::Sum)
    }

    /// As [`run`](Self::run), of a program with one output.
    ///
    /// # Panics
    /// As [`run`](Self::run), and if the program has no output or several.
    #[track_caller]
    #[must_use]
    pub fn run_one<T: Float>(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        // Not copied where there is nothing to find out.
        if let Some(shape) = same(inputs) {
            return self.reduce_one(inputs, shape, shape, Combine::Sum);
        }
        let shape = common(inputs);
        self.reduce_one(inputs, &shape, &shape, Combine::Sum)
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
        self.reduce(inputs, shape, targets, Combine::Sum)
    }

    /// As [`run_to`](Self::run_to), of a program with one output.
    ///
    /// # Panics
    /// As [`run_to`](Self::run_to), and if the program has no output or several.
    #[track_caller]
    #[must_use]
    pub fn run_one_to<T: Float>(
        &self,
        inputs: &[&Tensor<T>],
        shape: &Shape,
        target: &Shape,
    ) -> Tensor<T> {
        self.reduce_one(inputs, shape, target, Combine::Sum)
    }

    /// As [`run_to`](Self::run_to), with any way to combine.
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
        let mut storages: SmallVec<[Storage<T>; 2]> = SmallVec::new();
        for target in targets {
            storages.push(Storage::recycled(target.elements()));
        }
        let mut slices = Slices::new();
        for storage in &mut storages {
            slices.push(storage.as_mut_slice());
        }
        self.write(isa, inputs, (shape, targets), combine, &mut slices);
        drop(slices);
        let mut tensors = Outputs::new();
        for (storage, target) in storages.into_iter().zip(targets) {
            tensors.push(Tensor::from_storage(storage, *target));
        }
        tensors
    }

    /// As [`reduce`](Self::reduce), of a program with one output: the same without any list.
    #[track_caller]
    pub(crate) fn reduce_one<T: Float>(
        &self,
        inputs: &[&Tensor<T>],
        shape: &Shape,
        target: &Shape,
        combine: Combine,
    ) -> Tensor<T> {
        self.check_counts(inputs.len(), 1);
        let mut storage = Storage::recycled(target.elements());
        let shapes = (shape, std::slice::from_ref(target));
        let isa = Isa::current();
        self.write(isa, inputs, shapes, combine, &mut [storage.as_mut_slice()]);
        Tensor::from_storage(storage, *target)
    }

    /// Writes each output over `shape` to its slice, which has the elements of its target.
    #[track_caller]
    fn write<T: Float>(
        &self,
        isa: Isa,
        inputs: &[&Tensor<T>],
        (shape, targets): (&Shape, &[Shape]),
        combine: Combine,
        slices: &mut [&mut [T]],
    ) {
        let len = shape.elements();
        let (mut operands, all) = (flat::Operands::new(), inputs.iter().map(|x| Some(*x)));
        if len > 0 && self.is_flat(shape, targets) && flat::list(all, shape, &mut operands) {
            let flat = Flat::new(self, combine, &operands, slices, len);
            return T::flat(isa, flat);
        }
        check_stretch(inputs, shape, targets);
        if len == 0 {
            for slice in slices {
                slice.fill(combine.identity());
            }
            return;
        }
        let operands = inputs.iter().map(|input| (input.buffer(), input.layout()));
        let operands: Operands<'_, T> = operands.collect();
        Job::new(self, isa, &operands, shape, targets, combine).run(reborrowed(slices));
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
        let (isa, in_place) = (Isa::current(), inputs.iter().position(Option::is_none));
        let (shape, len) = (*tensor.shape(), tensor.elements());
        let target = std::slice::from_ref(&shape);
        if len == 0 {
            return;
        }
        let (mut operands, all) = (flat::Operands::new(), inputs.iter().copied());
        if self.is_flat(&shape, target) && flat::list(all, &shape, &mut operands) {
            let slices = &mut [tensor.make_mut()];
            let flat = Flat::new(self, Combine::Sum, &operands, slices, len);
            return T::flat(isa, flat.in_place(in_place));
        }
        let layout = Layout::contiguous(shape);
        let operands = inputs.iter().map(|input| match *input {
            Some(input) => (input.buffer(), input.layout()),
            None => (&[][..], &layout),
        });
        let operands: Operands<'_, T> = operands.collect();
        let mut job = Job::new(self, isa, &operands, &shape, target, Combine::Sum);
        job.in_place = in_place;
        job.run(Slices::from_iter([tensor.make_mut()]));
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

/// The shape of all inputs, if they have the same.
fn same<'a, T: Float>(inputs: &[&'a Tensor<T>]) -> Option<&'a Shape> {
    let (first, others) = inputs.split_first()?;
    let shape = first.shape();
    others.iter().all(|x| x.shape() == shape).then_some(shape)
}

/// The shape that the inputs are stretched to.
#[track_caller]
fn common<T: Float>(inputs: &[&Tensor<T>]) -> Shape {
    same(inputs).copied().unwrap_or_else(|| {
        let shapes = inputs.iter().map(|input| *input.shape());
        shape::broadcast("pointwise", &shapes.collect::<SmallVec<[Shape; 4]>>()).or_panic()
    })
}

#[track_caller]
fn check_stretch<T: Float>(inputs: &[&Tensor<T>], shape: &Shape, targets: &[Shape]) {
    let shapes = inputs.iter().map(|input| input.shape()).chain(targets);
    for other in shapes.filter(|other| *other != shape) {
        shape::broadcast_to(other, shape).or_panic();
    }
}

/// The parts of the targets that a range of blocks writes.
type Slices<'t, T> = SmallVec<[&'t mut [T]; 2]>;

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

impl<T: Float> Job<'_, T> {
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

fn reborrowed<'s, T>(slices: &'s mut [&mut [T]]) -> Slices<'s, T> {
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
