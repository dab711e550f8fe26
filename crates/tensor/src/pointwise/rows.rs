//! The rows of a block: where its steps read and write.

use smallvec::SmallVec;

use super::long;
use super::plan::{Action, From, Place, Step};
use super::row::{MAX_LANES, Row, of_each};
use super::vector::select;
use crate::element::Float;
use crate::simd::Math;

/// The rows of the current block.
///
/// In the scratch lie one vector a constant, one vector an input, and then the rows.
pub(super) struct Rows<T> {
    /// Memory for vectors and rows; see [`scratch_len`].
    pub(super) scratch: *mut T,
    /// Where each input is read; at first of none.
    pub(super) inputs: SmallVec<[Row<T>; 6]>,
    /// Where each output is written; at first of none.
    pub(super) outputs: SmallVec<[*mut T; 2]>,
    constants: usize,
    /// Vectors before the rows.
    vectors: usize,
    row_len: usize,
}

/// Elements of scratch for so many constants, inputs and rows.
pub(super) fn scratch_len(constants: usize, inputs: usize, rows: usize, row_len: usize) -> usize {
    (constants + inputs) * MAX_LANES + rows * row_len
}

impl<T: Float> Rows<T> {
    /// # Safety
    /// `scratch` has [`scratch_len`] elements.
    #[inline(always)]
    pub(super) unsafe fn new(
        scratch: *mut T,
        constants: &[f64],
        inputs: usize,
        row_len: usize,
    ) -> Self {
        let rows = Self {
            scratch,
            inputs: SmallVec::new(),
            outputs: SmallVec::new(),
            constants: constants.len(),
            vectors: constants.len() + inputs,
            row_len,
        };
        for (i, &constant) in constants.iter().enumerate() {
            // SAFETY: the scratch has a vector for each constant.
            unsafe { rows.splat(i, T::from_f64(constant)) };
        }
        rows
    }

    /// Input `i`, one value that stands for all.
    ///
    /// # Safety
    /// There is such an input.
    #[inline(always)]
    pub(super) unsafe fn single(&self, i: usize, value: T) -> Row<T> {
        // SAFETY: the vectors of inputs come after those of constants.
        unsafe { self.splat(self.constants + i, value) }
    }

    /// Writes `value` to all lanes of vector `i` of the scratch.
    #[inline(always)]
    unsafe fn splat(&self, i: usize, value: T) -> Row<T> {
        // SAFETY: the scratch has this vector.
        unsafe {
            let vector = self.scratch.add(i * MAX_LANES);
            std::slice::from_raw_parts_mut(vector, MAX_LANES).fill(value);
            Row::same(vector)
        }
    }

    /// Row `i` of the scratch.
    ///
    /// # Safety
    /// There is such a row.
    #[inline(always)]
    pub(super) unsafe fn scratch_row(&self, i: usize) -> *mut T {
        // SAFETY: the scratch has this row.
        unsafe {
            self.scratch
                .add(self.vectors * MAX_LANES + i * self.row_len)
        }
    }

    #[inline(always)]
    unsafe fn place(&self, place: Place) -> *mut T {
        match place {
            // SAFETY: the plan's rows are the first of the scratch.
            Place::Scratch(row) => unsafe { self.scratch_row(row) },
            Place::Output(output) => self.outputs[output],
        }
    }

    /// The row at `from`.
    ///
    /// # Safety
    /// It is one of the plan's.
    #[inline(always)]
    pub(super) unsafe fn find(&self, from: From) -> Row<T> {
        match from {
            From::Input(i) => self.inputs[i],
            // SAFETY: the scratch has a vector for each constant.
            From::Constant(i) => Row::same(unsafe { self.scratch.add(i * MAX_LANES) }),
            // SAFETY: as the caller promises.
            From::At(place) => Row::of(unsafe { self.place(place) }),
        }
    }

    /// Takes one step over a block of `len` elements.
    ///
    /// # Safety
    /// Every row that the step reads or writes has so many, and two rows are the same or apart.
    #[inline(always)]
    pub(super) unsafe fn take<S: Math<T>>(&self, simd: S, step: &Step, len: usize) {
        // SAFETY: the caller's promise is what the loops ask for.
        unsafe {
            let y = self.place(step.to);
            let find = |x: From| self.find(x);
            match step.action {
                Action::Unary(f, x) => f.over(simd, find(x), y, len),
                Action::Binary(f, x) => f.over(simd, of_each(x, find), y, len),
                Action::Select(x) => select(simd, of_each(x, find), y, len),
                Action::Choose(f, x) => f.choose(simd, of_each(x, find), y, len),
                Action::SoftplusAndSigmoid(x, other) => {
                    long::softplus_and_sigmoid::<T, S>(self.find(x), y, self.place(other), len);
                }
            }
        }
    }
}
