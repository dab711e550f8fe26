//! Functions over rows of values, a vector at a time.
//!
//! A row is where a block of values lies: neighbours in memory, or one vector that is read again
//! and again, which is how a constant takes part without being written out. A function of vectors
//! becomes one of rows by a loop, [`Each`] or [`Fold`]. That is a [`Routine`]: small, compiled by
//! itself for its type and instruction set, and called by its address.

use std::marker::PhantomData;

use super::combine::Combine;
use crate::element::Float;
use crate::simd::{Address, Math, Routine};

/// Most lanes of any vector.
pub(super) const MAX_LANES: usize = 16;
/// Most rows that a function reads.
pub(super) const MAX_ROWS: usize = 4;

/// Where the values of a block are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<T> {
    pub(super) start: *const T,
    /// 1 for neighbours in memory, 0 for one vector that stands for all.
    pub(super) step: usize,
}

/// What a function over rows reads and writes. The rows have `len` elements, there is room for as
/// many where it writes, and two of these places are the same or apart.
pub(crate) struct RowCall<T> {
    /// The function reads the first ones.
    pub(super) rows: [Row<T>; MAX_ROWS],
    /// Most functions write the first alone.
    pub(super) to: [*mut T; 2],
    pub(super) len: usize,
}

/// A function over rows, compiled for one instruction set. To be called where the machine has that,
/// with what a [`RowCall`] says.
pub(super) type RowFunction<T> = Address<RowCall<T>>;

impl<T> Row<T> {
    /// Neighbours in memory.
    pub(super) fn of(start: *const T) -> Self {
        Self { start, step: 1 }
    }

    /// The value that is in every lane of the [`MAX_LANES`] at `vector`.
    pub(super) fn same(vector: *const T) -> Self {
        Self {
            start: vector,
            step: 0,
        }
    }

    /// The row from element `i` on.
    ///
    /// # Safety
    /// The row has so many.
    #[inline(always)]
    pub(super) unsafe fn from(self, i: usize) -> Self {
        Self {
            // SAFETY: in the row, by the caller's promise.
            start: unsafe { self.start.add(i * self.step) },
            step: self.step,
        }
    }
}

impl<T: Copy> RowCall<T> {
    /// A call that reads `rows` and writes `to`.
    pub(super) fn new<const N: usize>(rows: [Row<T>; N], to: *mut T, len: usize) -> Self {
        let mut all = [Row::of(to.cast_const()); MAX_ROWS];
        all[..N].copy_from_slice(&rows);
        Self {
            rows: all,
            to: [to; 2],
            len,
        }
    }

    /// The rows from element `i` on, as vectors of which `left` lanes count.
    ///
    /// # Safety
    /// They have so many elements.
    #[inline(always)]
    unsafe fn load<S: Math<T>, const N: usize>(
        &self,
        simd: S,
        i: usize,
        left: usize,
    ) -> [S::Vector; N] {
        of_each(|row| {
            // SAFETY: in the row, by the caller's promise.
            unsafe {
                let Row { start, .. } = self.rows[row].from(i);
                if left >= S::LANES {
                    simd.load_at(start)
                } else {
                    simd.load_part_at(start, left)
                }
            }
        })
    }

    /// Writes vectors of which `left` lanes count, from element `i` on.
    ///
    /// # Safety
    /// There is room for so many.
    #[inline(always)]
    unsafe fn store<S: Math<T>, const M: usize>(
        &self,
        simd: S,
        all: [S::Vector; M],
        i: usize,
        left: usize,
    ) {
        let mut j = 0;
        while j < M {
            // SAFETY: there is room, by the caller's promise.
            unsafe {
                let to = self.to[j].add(i);
                if left >= S::LANES {
                    simd.store_at(all[j], to);
                } else {
                    simd.store_part_at(all[j], to, left);
                }
            }
            j += 1;
        }
    }
}

/// `f` of each number below `N`.
///
/// As `array::from_fn`, which would guard every element against a panic in `f`: there are hundreds
/// of loops, and the guards took the compiler half a minute.
#[inline(always)]
fn of_each<V: Copy, const N: usize>(f: impl Fn(usize) -> V) -> [V; N] {
    let mut all = [f(0); N];
    let mut i = 1;
    while i < N {
        all[i] = f(i);
        i += 1;
    }
    all
}

/// A function of `N` vectors, with `M` results.
///
/// A trait, as a closure cannot be told to become part of the loop that calls it: a long one would
/// be a function of its own, compiled without the loop's instruction set.
pub(crate) trait VectorFunction<const N: usize, const M: usize = 1> {
    /// Whether there is so much to do that a second copy of it, for the end of a row, is not worth
    /// its code.
    const LONG: bool;

    fn at<T: Float, S: Math<T>>(simd: S, x: [S::Vector; N]) -> [S::Vector; M];
}

/// `to` ← the function of the elements of `N` rows.
pub(crate) struct Each<F, const N: usize, const M: usize>(PhantomData<F>);

impl<T: Float, F: VectorFunction<N, M>, const N: usize, const M: usize> Routine<T>
    for Each<F, N, M>
{
    type Argument = RowCall<T>;

    #[inline(always)]
    unsafe fn run<S: Math<T>>(simd: S, call: &RowCall<T>) {
        let call = RowCall { ..*call };
        let mut i = 0;
        // SAFETY: what is read and written lies before `len`.
        unsafe {
            if F::LONG {
                while i < call.len {
                    let left = call.len - i;
                    call.store(simd, F::at(simd, call.load(simd, i, left)), i, left);
                    i += S::LANES;
                }
                return;
            }
            let whole = call.len - call.len % S::LANES;
            while i < whole {
                let y = F::at(simd, call.load(simd, i, S::LANES));
                call.store(simd, y, i, S::LANES);
                i += S::LANES;
            }
            let left = call.len % S::LANES;
            if left > 0 {
                // Not more than all but one, which spares a branch for whole vectors.
                let left = left.min(S::LANES - 1);
                call.store(simd, F::at(simd, call.load(simd, i, left)), i, left);
            }
        }
    }
}

/// Vectors combined side by side in a row, enough to hide the latency of an addition.
const SIDE_BY_SIDE: usize = 4;

/// The first of `to` ← itself combined with all elements of a row, by the function `F`: vectors
/// from left to right, [`SIDE_BY_SIDE`]; then their lanes by halves.
pub(super) struct Fold<F>(PhantomData<F>);

impl<T: Float, F: VectorFunction<2> + Combines> Routine<T> for Fold<F> {
    type Argument = RowCall<T>;

    #[inline(always)]
    unsafe fn run<S: Math<T>>(simd: S, call: &RowCall<T>) {
        let (mut row, mut left) = (call.rows[0], call.len);
        let mut all = [simd.splat(F::COMBINE.identity()); SIDE_BY_SIDE];
        // SAFETY: all that is read lies in the row.
        unsafe {
            while left >= SIDE_BY_SIDE * S::LANES {
                for (j, sum) in all.iter_mut().enumerate() {
                    [*sum] = F::at(simd, [*sum, simd.load_at(row.from(j * S::LANES).start)]);
                }
                row = row.from(SIDE_BY_SIDE * S::LANES);
                left -= SIDE_BY_SIDE * S::LANES;
            }
            while left >= S::LANES {
                [all[0]] = F::at(simd, [all[0], simd.load_at(row.start)]);
                row = row.from(S::LANES);
                left -= S::LANES;
            }
        }
        let [a, b, c, d] = all;
        let ([ab], [cd]) = (F::at(simd, [a, b]), F::at(simd, [c, d]));
        let [sum] = F::at(simd, [ab, cd]);
        let mut lanes = [T::ZERO; MAX_LANES];
        simd.store(sum, &mut lanes);
        for (i, lane) in lanes.iter_mut().enumerate().take(left) {
            // SAFETY: the row has as many elements more as are left.
            *lane = F::COMBINE.two(*lane, unsafe { *row.from(i).start });
        }
        let mut width = S::LANES / 2;
        while width > 0 {
            for lane in 0..width {
                lanes[lane] = F::COMBINE.two(lanes[lane], lanes[lane + width]);
            }
            width /= 2;
        }
        // SAFETY: it can be read and written.
        unsafe { *call.to[0] = F::COMBINE.two(*call.to[0], lanes[0]) };
    }
}

/// The way to combine that a function of two vectors is.
pub(super) trait Combines {
    const COMBINE: Combine;
}
