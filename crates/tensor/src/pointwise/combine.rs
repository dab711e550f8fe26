//! Many values into one: sums and extremes of rows.

use super::row::{MAX_LANES, Row, each};
use super::vector::{maximum, minimum};
use crate::element::Float;
use crate::simd::Math;

/// How values that share a place in a smaller target become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combine {
    Sum,
    /// The largest; NaN if there is one.
    Max,
    /// The smallest; NaN if there is one.
    Min,
}

/// Vectors combined side by side in a run, enough to hide the latency of an addition.
const SIDE_BY_SIDE: usize = 4;

impl Combine {
    /// What changes nothing.
    pub(super) fn identity<T: Float>(self) -> T {
        match self {
            Self::Sum => T::ZERO,
            Self::Max => -T::INFINITY,
            Self::Min => T::INFINITY,
        }
    }

    #[inline(always)]
    fn two<T: Float>(self, a: T, b: T) -> T {
        match self {
            Self::Sum => a + b,
            Self::Max => a.maximum(b),
            Self::Min => a.minimum(b),
        }
    }

    /// All elements of a row as one.
    ///
    /// # Safety
    /// The row has `len` elements.
    #[inline(always)]
    pub(super) unsafe fn run<T: Float, S: Math<T>>(self, simd: S, row: Row<T>, len: usize) -> T {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Sum => run(self, simd, row, len, |a, b| simd.add(a, b)),
                Self::Max => run(self, simd, row, len, |a, b| maximum(simd, a, b)),
                Self::Min => run(self, simd, row, len, |a, b| minimum(simd, a, b)),
            }
        }
    }

    /// `into` ← `into` combined with all elements of a row.
    ///
    /// # Safety
    /// The row has `len` elements, and `into` can be written.
    #[inline(always)]
    pub(super) unsafe fn one<T: Float, S: Math<T>>(
        self,
        simd: S,
        into: *mut T,
        row: Row<T>,
        len: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe { *into = self.two(*into, self.run(simd, row, len)) };
    }

    /// `into` ← `into` combined with a row, element by element.
    ///
    /// # Safety
    /// The row has `len` elements, and `into` has room for them.
    #[inline(always)]
    pub(super) unsafe fn merge<T: Float, S: Math<T>>(
        self,
        simd: S,
        into: *mut T,
        row: Row<T>,
        len: usize,
    ) {
        let rows = [Row::of(into.cast_const()), row];
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Sum => each(simd, rows, into, len, |[a, b]| simd.add(a, b)),
                // The row first: of a choice between something and what is in its place already the
                // compiler makes a masked store, which takes some processors twelve cycles.
                Self::Max => each(simd, rows, into, len, |[a, b]| maximum(simd, b, a)),
                Self::Min => each(simd, rows, into, len, |[a, b]| minimum(simd, b, a)),
            }
        }
    }
}

/// Vectors from left to right, [`SIDE_BY_SIDE`]; then their lanes by halves.
#[inline(always)]
unsafe fn run<T: Float, S: Math<T>>(
    combine: Combine,
    simd: S,
    row: Row<T>,
    len: usize,
    op: impl Fn(S::Vector, S::Vector) -> S::Vector,
) -> T {
    let mut all = [simd.splat(combine.identity()); SIDE_BY_SIDE];
    let mut i = 0;
    // SAFETY: all that is read lies before `len`.
    unsafe {
        while i + SIDE_BY_SIDE * S::LANES <= len {
            for (j, sum) in all.iter_mut().enumerate() {
                *sum = op(*sum, row.load(simd, i + j * S::LANES));
            }
            i += SIDE_BY_SIDE * S::LANES;
        }
        while i + S::LANES <= len {
            all[0] = op(all[0], row.load(simd, i));
            i += S::LANES;
        }
    }
    let [a, b, c, d] = all;
    let mut lanes = [combine.identity(); MAX_LANES];
    simd.store(op(op(a, b), op(c, d)), &mut lanes);
    for (lane, i) in lanes.iter_mut().zip(i..len) {
        // SAFETY: `i < len`.
        *lane = combine.two(*lane, unsafe { row.at(i) });
    }
    let mut width = S::LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = combine.two(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}
