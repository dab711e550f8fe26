//! The packed and blocked product of [strips](super::strip).
//!
//! All of this is ordinary code: what is compiled for an instruction set is called by its address.

use std::ops::Range;

use super::addend::Addend;
use super::blocking::{Blocking, CHUNK};
use super::pack::Pack;
use super::panels::Panels;
use super::strip::Strip;
use super::{Matrix, Onto, Routines};
use crate::element::Float;
use crate::parallel;
use crate::storage::Storage;

/// A left operand whose steps are not contiguous is packed if the result has at least so many columns.
/// Tiles read single numbers of it, so packing pays only where steps lie far apart and each number is
/// read often.
const PACK_LEFT: usize = 1000;

/// Where a product is written, by rows of contiguous columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination<T> {
    pub(super) pointer: *mut T,
    pub(super) row_stride: usize,
}

// SAFETY: a target is an address; whoever makes one promises that its elements are theirs.
unsafe impl<T: Send> Send for Destination<T> {}
// SAFETY: tasks write disjoint parts of it.
unsafe impl<T: Send> Sync for Destination<T> {}

impl<T> Destination<T> {
    /// The target of the part starting at (`row`, `column`).
    ///
    /// # Safety
    /// The position must lie inside the result.
    pub(super) unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: in bounds by the caller's promise.
        let pointer = unsafe { self.pointer.add(row * self.row_stride + column) };
        Self { pointer, ..self }
    }
}

/// C ← α·A·B + β·D on one chunk of the result, where D is C itself or a row.
#[derive(Clone, Copy)]
struct Product<'a, T> {
    blocking: Blocking,
    routines: &'a Routines<T>,
    alpha: T,
    left: Matrix<'a, T>,
    right: Matrix<'a, T>,
    target: Destination<T>,
}

/// The product by these routines.
///
/// # Safety
/// `target` must allow access to `left.rows` x `right.columns` elements that nobody else accesses.
pub(super) unsafe fn multiply<T: Float>(
    routines: &Routines<T>,
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    target: Destination<T>,
) {
    let whole = Product {
        blocking: Blocking::new::<T>(routines.isa),
        routines,
        alpha,
        left,
        right,
        target,
    };
    for row in (0..left.rows).step_by(CHUNK) {
        for column in (0..right.columns).step_by(CHUNK) {
            let product = Product {
                left: left.rows_from(row, CHUNK.min(left.rows - row)),
                right: right.columns_from(column, CHUNK.min(right.columns - column)),
                // SAFETY: the chunk begins inside the result.
                target: unsafe { target.at(row, column) },
                ..whole
            };
            product.run(onto.columns_from(column));
        }
    }
}

impl<T: Float> Product<'_, T> {
    fn run(&self, onto: Onto<'_, T>) {
        let blocking = self.blocking;
        let inner = self.left.columns;
        let depth = blocking.depth(inner);
        let rows = Panels::of_rows(self.left.rows, blocking.tile_rows);
        let columns = Panels::of_columns(self.right.columns, blocking.lanes, blocking.tile_vectors);
        let direct = self.direct_panels();
        let packs_left = self.left.column_stride != 1 && self.right.columns >= PACK_LEFT;
        // Numbers of a packed block of each operand.
        let packed = [
            if packs_left { rows.packed(depth) } else { 0 },
            (columns.count - direct) * columns.width * depth,
        ];
        let blocks = blocking.blocks(packed).min(inner.div_ceil(depth));
        let [mut left, mut right] = packed.map(|size| Storage::recycled(size * blocks));
        for first in (0..inner).step_by(blocks * depth) {
            let pack = Pack {
                matrix: self.right,
                first_step: first,
                depth,
                panels: columns,
                first_panel: direct,
            };
            let left_pack = Pack {
                matrix: self.left.turned(),
                panels: rows,
                first_panel: 0,
                ..pack
            };
            pack.run(self.routines, right.as_mut_slice());
            left_pack.run(self.routines, left.as_mut_slice());
            let group = Group {
                product: self,
                steps: first..inner.min(first + blocks * depth),
                depth,
                rows,
                columns,
                left: packs_left.then_some(left.as_slice()),
                direct,
                right: right.as_slice(),
                onto,
            };
            group.run();
        }
    }

    /// How many panels of the right operand are read where they are: only whole vectors can be.
    fn direct_panels(&self) -> usize {
        if self.right.column_stride == 1 && self.left.rows < self.blocking.least_packed {
            self.right.columns / (self.blocking.tile_vectors * self.blocking.lanes)
        } else {
            0
        }
    }
}

/// Some blocks of the inner axis, with their operands packed where that pays.
struct Group<'p, T> {
    product: &'p Product<'p, T>,
    /// Steps of the inner axis, and those of a block; the last one may have fewer.
    steps: Range<usize>,
    depth: usize,
    rows: Panels,
    columns: Panels,
    /// All panels of the left operand, block by block, if it is packed.
    left: Option<&'p [T]>,
    /// How many panels of the right operand are not packed.
    direct: usize,
    /// The others, block by block.
    right: &'p [T],
    onto: Onto<'p, T>,
}

impl<T: Float> Group<'_, T> {
    /// Cuts the result into tasks, each of which walks all blocks.
    fn run(&self) {
        let (rows, columns) = (self.rows.count, self.columns.count);
        let work = self.product.left.rows * self.columns.pitch() * self.steps.len();
        let (across, along) = self.product.blocking.task(rows, columns, work);
        let tasks = rows.div_ceil(across);
        parallel::for_each(tasks * columns.div_ceil(along), &|task| {
            let (i, j) = (task % tasks * across, task / tasks * along);
            for (block, first) in self.steps.clone().step_by(self.depth).enumerate() {
                let block = Block {
                    group: self,
                    number: block,
                    first,
                    depth: self.depth.min(self.steps.end - first),
                    addend: self.onto.addend(first),
                };
                block.task(i..(i + across).min(rows), j..(j + along).min(columns));
            }
        });
    }
}

/// A block of the inner axis.
struct Block<'g, T> {
    group: &'g Group<'g, T>,
    /// Its place in the group.
    number: usize,
    /// Its first step, and how many there are.
    first: usize,
    depth: usize,
    addend: Addend<T>,
}

impl<T: Float> Block<'_, T> {
    /// A rectangle of the result, strip by strip: these panels of the left operand and of the right.
    fn task(&self, across: Range<usize>, along: Range<usize>) {
        let group = self.group;
        let product = group.product;
        let rows = group.rows.start(across.start)..group.rows.start(across.end);
        let (left, [row_stride, step_stride, skip]) = self.left(across.start);
        for panel in along {
            let columns = group.columns.range(panel);
            let (right, right_stride) = self.right(panel);
            let strip = Strip {
                left,
                row_stride,
                step_stride,
                skip,
                right,
                right_stride,
                depth: self.depth,
                whole: self.depth,
                // SAFETY: the position is in the result.
                out: unsafe { product.target.at(rows.start, columns.start).pointer },
                out_stride: product.target.row_stride,
                rows: rows.len(),
                columns: columns.len(),
                alpha: product.alpha,
                addend: self
                    .addend
                    .after_rows(rows.start)
                    .after_columns(columns.start),
            };
            // SAFETY: the rows and columns are inside the result and belong to this task; panels are
            // packed up to whole vectors, or have them.
            unsafe { product.routines.strips.wide(group.columns.vectors(panel))(&strip) }
        }
    }

    /// Where panel `i` of the left operand is, how far its rows and its steps are apart, and what is
    /// skipped after its rows.
    fn left(&self, i: usize) -> (*const T, [isize; 3]) {
        let Group {
            rows, depth, left, ..
        } = *self.group;
        let width = rows.width;
        match left {
            Some(packed) => {
                let place = self.number * rows.packed(depth) + i * width * self.depth;
                let strides = [1, width, width * (self.depth - 1)];
                (
                    &raw const packed[place],
                    strides.map(|stride| stride as isize),
                )
            }
            None => {
                let matrix = self.group.product.left;
                let strides = [matrix.row_stride, matrix.column_stride, 0];
                (matrix.pointer(rows.start(i), self.first), strides)
            }
        }
    }

    /// Where panel `j` of the right operand is, and how far its steps are apart.
    fn right(&self, j: usize) -> (*const T, isize) {
        let Group {
            columns,
            direct,
            depth,
            right,
            ..
        } = *self.group;
        if j < direct {
            let matrix = self.group.product.right;
            return (
                matrix.pointer(self.first, columns.start(j)),
                matrix.row_stride,
            );
        }
        let block = self.number * (columns.count - direct) * depth;
        let place = columns.width * (block + (j - direct) * self.depth);
        (&raw const right[place], columns.width as isize)
    }
}
