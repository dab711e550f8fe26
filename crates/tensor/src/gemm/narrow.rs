//! Products with few columns: no more than two vectors.
//!
//! Layers of ten or twenty features make results so narrow that a tile is one or two vectors wide and
//! an inner axis often so short that calling a [micro-kernel](super::microkernel) for each tile takes as
//! long as its arithmetic. Here the walk over the tiles is compiled with them. An operand is read where
//! it lies; only a right one whose columns do not lie next to each other is packed.
//!
//! A tile of one vector does a multiply-add for each number that it loads from the left operand, so
//! loads are its limit, and it finds its way by strides instead of a table of steps. Beyond the last
//! column it loads what follows in memory, as long as that is the operand's; only where its memory ends,
//! it loads a part of a vector.

use std::ops::Range;

use super::blocked::Destination;
use super::blocking::Blocking;
use super::microkernel::{Addend, MOST_ROWS, write_row};
use super::pack::Pack;
use super::panels::Panels;
use super::{Matrix, Onto, Routines};
use crate::element::Float;
use crate::parallel;
use crate::simd::{Isa, Kernel, Math};
use crate::storage::Storage;

/// Whether the result has so few columns.
pub(super) fn suits<T>(isa: Isa, right: &Matrix<'_, T>) -> bool {
    right.columns <= 2 * isa.resources().lanes::<T>()
}

/// The product with vectors of `isa`.
///
/// # Safety
/// `target` must allow access to `left.rows` x `right.columns` elements that nobody else accesses.
pub(super) unsafe fn multiply<T: Float>(
    isa: Isa,
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    target: Destination<T>,
) {
    let blocking = Blocking::new::<T>(isa);
    let depth = blocking.depth(right.rows);
    let panel = Panels::of_columns(right.columns, blocking.lanes, 2);
    let mut packed = None;
    let right = if right.column_stride == 1 && right.row_stride >= 0 {
        right
    } else {
        let size = panel.packed(right.rows.next_multiple_of(depth));
        let packed = packed.insert(Storage::recycled(size));
        let pack = Pack {
            matrix: right,
            first_step: 0,
            depth,
            panels: panel,
            first_panel: 0,
        };
        pack.run(&Routines::new(isa), packed.as_mut_slice());
        Matrix {
            data: packed.as_slice(),
            offset: 0,
            row_stride: panel.width as isize,
            column_stride: 1,
            ..right
        }
    };
    let tiles = left.rows.div_ceil(MOST_ROWS);
    let work = left.rows * panel.width * right.rows;
    let rows = MOST_ROWS * blocking.task(tiles, 1, work).0;
    parallel::for_each(left.rows.div_ceil(rows), &|task| {
        let first = task * rows;
        T::dispatch_on(
            isa,
            Band {
                alpha,
                left,
                right,
                onto,
                target,
                depth,
                rows: first..left.rows.min(first + rows),
            },
        );
    });
}

/// Some rows of the result.
struct Band<'a, T> {
    alpha: T,
    left: Matrix<'a, T>,
    /// Columns next to each other, and steps in the order of memory.
    right: Matrix<'a, T>,
    onto: Onto<'a, T>,
    target: Destination<T>,
    /// Steps of the inner axis that are one sum; later ones are added to what is written of it.
    depth: usize,
    rows: Range<usize>,
}

impl<T: Float> Kernel<T> for Band<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        if self.right.columns <= S::LANES {
            self.tiles::<S, 1, 4, 8>(simd);
        } else if const { matches!(S::ISA, Isa::Avx512) } {
            self.tiles::<S, 2, 4, 8>(simd);
        } else {
            // Half as many registers.
            self.tiles::<S, 2, 2, 4>(simd);
        }
    }
}

impl<T: Float> Band<'_, T> {
    /// All tiles, of so many vectors and of two heights.
    #[inline(always)]
    fn tiles<S: Math<T>, const VECTORS: usize, const LOW: usize, const HIGH: usize>(
        &self,
        simd: S,
    ) {
        let right = self.right;
        let last_whole = right.data.len() as isize - (VECTORS * S::LANES) as isize;
        for start in (0..right.rows).step_by(self.depth) {
            let end = right.rows.min(start + self.depth);
            let mut whole = end;
            while whole > start && right.position(whole - 1, 0) > last_whole {
                whole -= 1;
            }
            let steps = Steps { start, whole, end };
            let addend = match start {
                0 => self.onto.addend(),
                _ => Addend::scaled(T::ONE),
            };
            let mut rows = self.rows.clone();
            // SAFETY: the rows of the result are this task's.
            unsafe {
                while rows.len() >= HIGH {
                    self.tile::<S, VECTORS, HIGH, false>(simd, rows.clone(), &steps, addend);
                    rows.start += HIGH;
                }
                match rows.len() {
                    0 => {}
                    few if few <= LOW => {
                        self.tile::<S, VECTORS, LOW, true>(simd, rows, &steps, addend)
                    }
                    _ => self.tile::<S, VECTORS, HIGH, true>(simd, rows, &steps, addend),
                }
            }
        }
    }

    /// One tile: sums of products over the steps.
    ///
    /// # Safety
    /// The steps that are said to be whole are; there are as many rows as the tile is high, or, at
    /// an edge, at least one, and those of the result are the caller's.
    #[inline(always)]
    unsafe fn tile<S: Math<T>, const VECTORS: usize, const HEIGHT: usize, const EDGE: bool>(
        &self,
        simd: S,
        rows: Range<usize>,
        steps: &Steps,
        addend: Addend<T>,
    ) {
        let Self { left, right, .. } = *self;
        let columns = right.columns;
        // Rows that an edge has too few are the last one again.
        let last = if EDGE { rows.len() - 1 } else { HEIGHT - 1 };
        let mut sums = [[simd.splat(T::ZERO); VECTORS]; HEIGHT];
        let mut lefts = [left.pointer(rows.start, steps.start); HEIGHT];
        for (i, row) in lefts.iter_mut().enumerate() {
            *row = row.wrapping_offset(i.min(last) as isize * left.row_stride);
        }
        let mut from = right.pointer(steps.start, 0);
        let mut step = 0;
        for p in steps.start..steps.end {
            // SAFETY: there are so many steps, of so many columns, and those before `whole` have
            // whole vectors.
            unsafe {
                let mut vectors = [simd.splat(T::ZERO); VECTORS];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    let from = from.add(v * S::LANES);
                    *vector = if p < steps.whole || v + 1 < VECTORS {
                        simd.load_at(from)
                    } else {
                        simd.load_part_at(from, columns - v * S::LANES)
                    };
                }
                for (row, from) in sums.iter_mut().zip(&lefts) {
                    let factor = simd.splat(*from.offset(step));
                    for (sum, &vector) in row.iter_mut().zip(&vectors) {
                        *sum = simd.mul_add(factor, vector, *sum);
                    }
                }
            }
            step += left.column_stride;
            from = from.wrapping_offset(right.row_stride);
        }
        // SAFETY: the row is in the result.
        let out = unsafe { self.target.at(rows.start, 0).pointer };
        let (from, pitch) = match addend.pointer.is_null() {
            true => (out.cast_const(), self.target.row_stride),
            false => (addend.pointer, addend.row_stride),
        };
        let alpha = simd.splat(self.alpha);
        let beta = match addend.beta == T::ZERO {
            true => None,
            false => Some(simd.splat(addend.beta)),
        };
        for (i, sums) in sums.iter().enumerate() {
            if EDGE && i > last {
                break;
            }
            let to = out.wrapping_add(i * self.target.row_stride);
            // SAFETY: the row is the caller's, and the last vector has the last column.
            unsafe {
                write_row(
                    simd,
                    sums,
                    alpha,
                    beta,
                    from.wrapping_add(i * pitch),
                    to,
                    columns,
                )
            }
        }
    }
}

/// Steps of the inner axis that are one sum: the first ones can be read in whole vectors.
struct Steps {
    start: usize,
    whole: usize,
    end: usize,
}
