//! The microkernel: one small tile of the result, held in registers.
//!
//! A tile of `ROWS` rows and `VECTORS` vectors of columns is a sum of outer products: for each step
//! `p` of the inner axis, `VECTORS` vectors of the right operand are loaded once and multiplied
//! with `ROWS` broadcast numbers of the left one. With 8 x 3 vectors of AVX-512 that is 24
//! multiply-adds for 11 loads, and 24 running sums are more than the 8 that two multiply-add units
//! with a latency of 4 cycles need to be always busy. AVX2 has 16 registers: 6 x 2 vectors are 12
//! running sums, two columns and a factor, and one register is left. With 4 x 3 none would be, and
//! the compiler keeps a running sum in memory, which costs more than half of the speed.

use crate::element::Float;
use crate::simd::{Isa, Simd};

/// Rows of a tile, and vectors of columns.
pub(super) const fn tile_size(isa: Isa) -> (usize, usize) {
    match isa {
        Isa::Avx512 => (8, 3),
        _ => (6, 2),
    }
}

/// Where a tile reads the left operand: element `(i, p)` is at `i·row_stride + p·step`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left<T> {
    pub(super) pointer: *const T,
    pub(super) row_stride: isize,
    pub(super) step: isize,
}

/// Where a tile reads the right operand: vector `v` of step `p` is at `p·step + v·LANES`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right<T> {
    pub(super) pointer: *const T,
    pub(super) step: usize,
}

/// A part of the result: rows of contiguous columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<T> {
    pub(super) pointer: *mut T,
    pub(super) row_stride: usize,
}

/// What a tile is added to: C ← α·A·B + β·(this).
#[derive(Clone, Copy, Debug)]
pub(super) struct Addend<T> {
    /// Column 0 of the tile's first row; not read if β is 0.
    pub(super) pointer: *const T,
    /// 0 adds the same row to every row.
    pub(super) row_stride: usize,
    pub(super) beta: T,
}

// SAFETY: a target is an address; whoever makes one promises that its elements are theirs.
unsafe impl<T: Send> Send for Target<T> {}

impl<T> Target<T> {
    /// The target of the part starting at (`row`, `column`).
    ///
    /// # Safety
    /// The position must lie inside the result.
    #[inline(always)]
    pub(super) unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: in bounds by the caller's promise.
        let pointer = unsafe { self.pointer.add(row * self.row_stride + column) };
        Self { pointer, ..self }
    }
}

impl<T: Float> Target<T> {
    /// The target as what is added to itself.
    pub(super) fn added(self) -> Addend<T> {
        Addend {
            pointer: self.pointer,
            row_stride: self.row_stride,
            beta: T::ONE,
        }
    }
}

impl<T> Addend<T> {
    /// The addend of the part starting at (`row`, `column`).
    #[inline(always)]
    pub(super) fn at(self, row: usize, column: usize) -> Self {
        let pointer = self.pointer.wrapping_add(row * self.row_stride + column);
        Self { pointer, ..self }
    }
}

/// How much of a tile there is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) depth: usize,
    pub(super) columns: usize,
}

/// One tile: `target` ← α·`left`·`right` + β·`addend`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<T> {
    pub(super) alpha: T,
    pub(super) left: Left<T>,
    pub(super) right: Right<T>,
    pub(super) addend: Addend<T>,
    pub(super) target: Target<T>,
    pub(super) extent: Extent,
}

impl<T: Float> Tile<T> {
    /// Does a tile of `rows` rows, of at most the size of [`tile_size`].
    ///
    /// # Safety
    /// `left` must be readable for `rows` rows and `right` for as many whole vectors as there are
    /// columns, both for `depth` steps; `target` and, unless β is 0, `addend` must be accessible for
    /// all rows and columns, of which there is at least one.
    #[inline(always)]
    pub(super) unsafe fn of<S: Simd<T>>(self, simd: S, rows: usize) {
        // SAFETY: the number of rows and vectors is the caller's.
        unsafe {
            match rows {
                1 => self.high::<S, 1>(simd),
                2 => self.high::<S, 2>(simd),
                3 => self.high::<S, 3>(simd),
                4 => self.high::<S, 4>(simd),
                5 => self.high::<S, 5>(simd),
                // What is constant here is decided before the tiles are compiled.
                _ if const { tile_size(S::ISA).0 == 6 } => self.high::<S, 6>(simd),
                6 => self.high::<S, 6>(simd),
                7 => self.high::<S, 7>(simd),
                _ => self.high::<S, 8>(simd),
            }
        }
    }

    /// # Safety
    /// As [`of`](Self::of).
    #[inline(always)]
    unsafe fn high<S: Simd<T>, const ROWS: usize>(self, simd: S) {
        // SAFETY: the number of vectors is that of the columns.
        unsafe {
            match self.extent.columns.div_ceil(S::LANES) {
                1 => self.run::<S, ROWS, 1>(simd),
                _ if const { tile_size(S::ISA).1 == 2 } => self.run::<S, ROWS, 2>(simd),
                2 => self.run::<S, ROWS, 2>(simd),
                _ => self.run::<S, ROWS, 3>(simd),
            }
        }
    }

    /// # Safety
    /// As [`of`](Self::of).
    #[inline(always)]
    unsafe fn run<S: Simd<T>, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self {
            alpha,
            left,
            right,
            addend,
            target,
            extent,
        } = self;
        let mut sums = [[simd.splat(T::ZERO); VECTORS]; ROWS];
        let rows: [*const T; ROWS] =
            std::array::from_fn(|i| left.pointer.wrapping_offset(i as isize * left.row_stride));
        let mut b = right.pointer;
        for p in 0..extent.depth as isize {
            // SAFETY: step `p` of both operands is readable; the pointers move on by wrapping, since
            // after the last step they may point anywhere.
            unsafe {
                let mut columns = [simd.splat(T::ZERO); VECTORS];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = simd.load_at(b.add(v * S::LANES));
                }
                for (i, row) in sums.iter_mut().enumerate() {
                    let factor = simd.splat(*rows[i].offset(p * left.step));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = simd.mul_add(factor, column, *sum);
                    }
                }
            }
            b = b.wrapping_add(right.step);
        }
        let alpha = simd.splat(alpha);
        let beta = simd.splat(addend.beta);
        let keeps = addend.beta != T::ZERO;
        let last = extent.columns - (VECTORS - 1) * S::LANES;
        for (i, row) in sums.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                let mut value = simd.mul(alpha, sum);
                let place = i * addend.row_stride + v * S::LANES;
                let whole = v + 1 < VECTORS || last == S::LANES;
                // SAFETY: row `i` and the columns of vector `v` are inside the tile.
                unsafe {
                    if keeps {
                        let from = addend.pointer.add(place);
                        let old = if whole {
                            simd.load_at(from)
                        } else {
                            simd.load_part_at(from, last)
                        };
                        value = simd.mul_add(beta, old, value);
                    }
                    let to = target.pointer.add(i * target.row_stride + v * S::LANES);
                    if whole {
                        simd.store_at(value, to);
                    } else {
                        simd.store_part_at(value, to, last);
                    }
                }
            }
        }
    }
}
