//! Products with few columns: no more than two vectors, so that the result is a single panel of
//! [strips](super::strip).
//!
//! Layers of ten or twenty features make such results, by so few multiply-adds that packing an operand
//! takes as long as they do. So operands are read where they lie; only a right one whose columns do not
//! lie next to each other is packed. Beyond the last column, whole vectors are read of what follows in
//! the operand's buffer, as long as there is something.

use super::blocked::Destination;
use super::blocking::Blocking;
use super::pack::Pack;
use super::panels::Panels;
use super::strip::{Strip, StripKernels};
use super::{Matrix, Onto, Routines};
use crate::element::Float;
use crate::parallel;
use crate::simd::Isa;
use crate::storage::Storage;

/// Whether the result has so few columns.
pub(super) fn suits<T: Float>(isa: Isa, right: &Matrix<'_, T>) -> bool {
    right.columns <= StripKernels::<T>::NARROW * isa.resources().lanes::<T>()
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
    let routines = Routines::new(isa);
    let blocking = Blocking::new::<T>(isa);
    let depth = blocking.depth(right.rows);
    let panel = Panels::of_columns(right.columns, blocking.lanes, StripKernels::<T>::NARROW);
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
        pack.run(&routines, packed.as_mut_slice());
        Matrix {
            data: packed.as_slice(),
            offset: 0,
            row_stride: panel.width as isize,
            column_stride: 1,
            ..right
        }
    };
    let rows = Panels::of_rows(left.rows, blocking.tile_rows);
    let work = left.rows * panel.width * right.rows;
    let (tiles, _) = blocking.task(rows.count, 1, work);
    let vectors = panel.vectors(0);
    let last_whole = right.data.len() as isize - (vectors * blocking.lanes) as isize;
    parallel::for_each(rows.count.div_ceil(tiles), &|task| {
        let first = task * tiles;
        let rows = rows.start(first)..rows.start(rows.count.min(first + tiles));
        for step in (0..right.rows).step_by(depth) {
            let end = right.rows.min(step + depth);
            let mut whole = end;
            while whole > step && right.position(whole - 1, 0) > last_whole {
                whole -= 1;
            }
            let strip = Strip {
                left: left.pointer(rows.start, step),
                row_stride: left.row_stride,
                step_stride: left.column_stride,
                skip: 0,
                right: right.pointer(step, 0),
                right_stride: right.row_stride,
                depth: end - step,
                whole: whole - step,
                // SAFETY: the row is in the result.
                out: unsafe { target.at(rows.start, 0).pointer },
                out_stride: target.row_stride,
                rows: rows.len(),
                columns: right.columns,
                alpha,
                addend: onto.addend(step).after_rows(rows.start),
            };
            // SAFETY: the rows are this task's, and the operands are as the strip says.
            unsafe { routines.strips.narrow(vectors)(&strip) }
        }
    });
}
