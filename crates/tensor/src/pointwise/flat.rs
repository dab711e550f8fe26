//! Small programs over operands of one shape: a single block, without a grid.
//!
//! A tensor of a few numbers is computed in less time than it takes to prepare a
//! [`Job`](super::job::Job), and a network of small layers does little else. Where every operand is
//! walked straight through or is one element, nothing has to be prepared.

use smallvec::SmallVec;

use super::combine::Combine;
use super::job::{BLOCK, SUM_BLOCK};
use super::plan::{From, Place, Plan};
use super::row::{Row, each};
use super::rows::{Rows, scratch_len};
use super::run::PARALLEL_INSIDE;
use crate::element::Float;
use crate::shape::Shape;
use crate::simd::{Kernel, Math};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// One block: a program, what it reads, and where its outputs go.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Flat<'a, 't, T: Float> {
    plan: &'a Plan,
    constants: &'a [f64],
    /// As many elements as a block has, or one.
    inputs: SmallVec<[&'a [T]; 4]>,
    /// The same.
    pub(super) targets: SmallVec<[&'t mut [T]; 2]>,
    combine: Combine,
    len: usize,
}

impl<'a, T: Float> Flat<'a, '_, T> {
    /// The block, still without targets, if the operands are such.
    pub(super) fn new(
        (plan, constants): (&'a Plan, &'a [f64]),
        inputs: &[&'a Tensor<T>],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Option<Self> {
        let len = shape.elements();
        let longest = if plan.scratch == 0 { SUM_BLOCK } else { BLOCK };
        let is_flat = |other: &Shape| other == shape || other.elements() == 1;
        if len > longest || len * plan.cost > PARALLEL_INSIDE || !targets.iter().all(is_flat) {
            return None;
        }
        let mut slices = SmallVec::new();
        for input in inputs {
            slices.push(input.as_slice().filter(|_| is_flat(input.shape()))?);
        }
        Some(Self {
            plan,
            constants,
            inputs: slices,
            targets: SmallVec::new(),
            combine,
            len,
        })
    }

    /// A row of scratch for each of the plan and for each output that is combined.
    fn rows(&self) -> usize {
        let combined = self
            .targets
            .iter()
            .filter(|target| target.len() != self.len);
        self.plan.scratch + combined.count()
    }
}

impl<T: Float> Kernel<T> for Flat<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(mut self, simd: S) {
        let (rows, len) = (self.rows(), self.len);
        let (inputs, outputs) = (self.inputs.len(), self.targets.len());
        let vectors = self.constants.len() + inputs;
        let mut storage = Storage::recycled(scratch_len(vectors, 0, rows, len));
        let scratch = storage.as_mut_slice().as_mut_ptr();
        // SAFETY: the scratch is as long as asked for; inputs and targets have `len` elements or one,
        // as `new` saw, and combined outputs a row each.
        unsafe {
            let mut rows = Rows::new(scratch, self.constants, inputs, outputs, len);
            for (i, input) in self.inputs.iter().enumerate() {
                rows.inputs[i] = match input {
                    [value] => rows.single(i, *value),
                    values => Row::of(values.as_ptr()),
                };
            }
            let mut next = self.plan.scratch;
            for (i, target) in self.targets.iter_mut().enumerate() {
                rows.outputs[i] = target.as_mut_ptr();
                if target.len() != len {
                    rows.outputs[i] = rows.scratch_row(next);
                    next += 1;
                }
            }
            for step in &self.plan.steps {
                rows.take(simd, step, len);
            }
            for (i, target) in self.targets.iter_mut().enumerate() {
                let from = self.plan.outputs[i];
                if target.len() != len {
                    target[0] = self.combine.run(simd, rows.find(from), len);
                } else if from != From::At(Place::Output(i)) {
                    each(simd, [rows.find(from)], target.as_mut_ptr(), len, |[x]| x);
                }
            }
        }
    }
}
