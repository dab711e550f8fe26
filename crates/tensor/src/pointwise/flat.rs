//! Small programs over operands of one shape: a single block, without a grid.
//!
//! A tensor of a few numbers is computed in less time than it takes to prepare a
//! [`Job`](super::job::Job), and a network of small layers does little else. Where every operand is
//! walked straight through or is one element, nothing has to be prepared: no list is copied, and
//! scratch lies on the stack if there is little.

use std::mem::MaybeUninit;

use smallvec::SmallVec;

use super::combine::Combine;
use super::job::{BLOCK, SUM_BLOCK};
use super::plan::{From, Place, Plan};
use super::program::Program;
use super::row::{Row, each};
use super::rows::{Rows, scratch_len};
use super::run::PARALLEL_INSIDE;
use crate::element::Float;
use crate::shape::Shape;
use crate::simd::{Kernel, Math};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Elements of scratch that lie on the stack: vectors for the inputs and constants of most formulas.
const ON_STACK: usize = 256;

/// What a block reads: as many elements as it has, or one.
pub(super) type Operands<'a, T> = SmallVec<[&'a [T]; 4]>;

/// One block: a program, what it reads, and where its outputs go.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Flat<'a, 'w, T: Float> {
    plan: &'a Plan,
    constants: &'a [f64],
    inputs: &'a [&'a [T]],
    /// As many elements as the block has, or one.
    targets: &'a mut [&'w mut [T]],
    combine: Combine,
    len: usize,
    /// The input that is the first target before it is written.
    in_place: Option<usize>,
}

impl Program {
    /// Whether the program over `shape` is small enough for a block, and each target of it or one
    /// element.
    pub(super) fn is_flat(&self, shape: &Shape, targets: &[Shape]) -> bool {
        let (plan, len) = (self.plan(), shape.elements());
        let longest = if plan.scratch == 0 { SUM_BLOCK } else { BLOCK };
        len <= longest
            && len * plan.cost <= PARALLEL_INSIDE
            && targets.iter().all(|target| fits(target, shape))
    }
}

/// Whether a block over `shape` can read or write something of shape `own`.
fn fits(own: &Shape, shape: &Shape) -> bool {
    own == shape || (own.elements() == 1 && own.rank() <= shape.rank())
}

/// Lists what a block over `shape` reads; whether all inputs lie so that it can. An input that is `None`
/// is what the block writes, before it does.
pub(super) fn list<'a, T: Float>(
    inputs: impl Iterator<Item = Option<&'a Tensor<T>>>,
    shape: &Shape,
    operands: &mut Operands<'a, T>,
) -> bool {
    for input in inputs {
        let operand = match input {
            Some(input) if fits(input.shape(), shape) => input.as_slice(),
            Some(_) => None,
            None => Some(&[][..]),
        };
        let Some(operand) = operand else {
            return false;
        };
        operands.push(operand);
    }
    true
}

impl<'a, 'w, T: Float> Flat<'a, 'w, T> {
    /// A block of `len` elements; the inputs are [listed](list), and the program [is
    /// flat](Program::is_flat).
    pub(super) fn new(
        program: &'a Program,
        combine: Combine,
        inputs: &'a [&'a [T]],
        targets: &'a mut [&'w mut [T]],
        len: usize,
    ) -> Self {
        let sizes = inputs.iter().map(|input| input.len());
        let sizes = sizes.chain(targets.iter().map(|target| target.len()));
        debug_assert!(sizes.into_iter().all(|size| size == len || size <= 1));
        Self {
            plan: program.plan(),
            constants: &program.constants,
            inputs,
            targets,
            combine,
            len,
            in_place: None,
        }
    }

    /// The same, where input `i` is the target before it is written.
    pub(super) fn in_place(self, i: Option<usize>) -> Self {
        Self {
            in_place: i,
            ..self
        }
    }

    /// How many outputs are combined.
    #[inline(always)]
    fn combined(&self) -> usize {
        let targets = self.targets.iter();
        targets.filter(|target| target.len() != self.len).count()
    }
}

impl<T: Float> Kernel<T> for Flat<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let (combined, len) = (self.combined(), self.len);
        let (constants, inputs) = (self.constants.len(), self.inputs.len());
        // A row for each of the plan and for each output that is combined.
        let needed = scratch_len(constants, inputs, self.plan.scratch + combined, len);
        let mut small = [const { MaybeUninit::<T>::uninit() }; ON_STACK];
        let mut large;
        let scratch = if needed <= ON_STACK {
            small.as_mut_ptr().cast::<T>()
        } else {
            large = Storage::recycled(needed);
            large.as_mut_slice().as_mut_ptr()
        };
        // SAFETY: the scratch is as long as asked for, and a row of it is written before it is read;
        // inputs and targets have `len` elements or one, and combined outputs a row each.
        unsafe {
            let mut rows = Rows::new(scratch, self.constants, inputs, len);
            let mut next = self.plan.scratch;
            for target in self.targets.iter_mut() {
                let whole = target.len() == len;
                rows.outputs.push(if whole {
                    target.as_mut_ptr()
                } else {
                    rows.scratch_row(next)
                });
                next += usize::from(!whole);
            }
            for (i, input) in self.inputs.iter().enumerate() {
                rows.inputs.push(match input {
                    _ if self.in_place == Some(i) => Row::of(rows.outputs[0]),
                    [value] if len > 1 => rows.single(i, *value),
                    values => Row::of(values.as_ptr()),
                });
            }
            for step in &self.plan.steps {
                rows.take(simd, step, len);
            }
            if combined == 0 && self.plan.in_place {
                return;
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
