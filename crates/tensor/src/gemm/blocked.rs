//! The packed and blocked product around the [microkernel](super::tile).

use std::ops::Range;

use super::blocking::{Blocking, CHUNK};
use super::pack::Pack;
use super::panels::Panels;
use super::tile::{Addend, Extent, Left, Right, Target, Tile};
use super::{Matrix, Onto};
use crate::element::Float;
use crate::simd::{Isa, Kernel, Math};
use crate::storage::Storage;

/// Columns of the result below which the left operand is read where it is: packing it would cost
/// more than the tiles gain, since they read it one number at a time either way.
const PACK_LEFT: usize = 1000;
/// Rows of the result below which a right operand with contiguous rows is read where it is.
const PACK_RIGHT: usize = 64;

/// C ← α·A·B + β·D on one chunk of the result, where D is C itself or a row.
#[derive(Clone, Copy)]
struct Product<'a, T> {
    isa: Isa,
    blocking: Blocking,
    alpha: T,
    left: Matrix<'a, T>,
    right: Matrix<'a, T>,
    target: Target<T>,
}

// SAFETY: the target is borrowed mutably for the whole product, and tasks write disjoint parts.
unsafe impl<T: Sync> Sync for Product<'_, T> {}

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
    target: Target<T>,
) {
    let blocking = Blocking::new(isa, size_of::<T>());
    for row in (0..left.rows).step_by(CHUNK) {
        for column in (0..right.columns).step_by(CHUNK) {
            let product = Product {
                isa,
                blocking,
                alpha,
                left: left.rows_from(row, CHUNK.min(left.rows - row)),
                right: right.columns_from(column, CHUNK.min(right.columns - column)),
                // SAFETY: the chunk begins inside the result.
                target: unsafe { target.at(row, column) },
            };
            product.run(onto.columns_from(column));
        }
    }
}

impl<T: Float> Product<'_, T> {
    fn run(&self, onto: Onto<'_, T>) {
        let inner = self.left.columns;
        let depth = self.blocking.depth(inner);
        let rows = Panels::of_rows(self.left.rows, self.blocking.tile_rows);
        let columns = Panels::of_columns(
            self.right.columns,
            self.blocking.lanes,
            self.blocking.tile_vectors,
        );
        let (packs_left, direct) = (self.packs_left(), self.direct_panels());
        let mut left = Storage::recycled(if packs_left {
            rows.padded(0) * depth
        } else {
            0
        });
        let mut right = Storage::recycled(columns.padded(direct) * depth);
        for first in (0..inner).step_by(depth) {
            let depth = depth.min(inner - first);
            if packs_left {
                self.pack(self.left.turned(), first, depth, rows, 0, &mut left);
            }
            self.pack(self.right, first, depth, columns, direct, &mut right);
            let block = Block {
                product: self,
                first,
                depth,
                rows,
                columns,
                left: packs_left.then(|| left.as_slice()),
                direct,
                right: right.as_slice(),
                // What was there counts once; later blocks add to what the first ones wrote.
                addend: if first == 0 {
                    onto.addend(self.target)
                } else {
                    self.target.added()
                },
            };
            block.run();
        }
    }

    fn packs_left(&self) -> bool {
        self.right.columns >= PACK_LEFT
    }

    /// How many panels of the right operand are read where they are: only whole vectors can be.
    fn direct_panels(&self) -> usize {
        if self.right.column_stride == 1 && self.left.rows < PACK_RIGHT {
            self.right.columns / (self.blocking.tile_vectors * self.blocking.lanes)
        } else {
            0
        }
    }

    /// Packs `depth` steps of every panel from number `from` on.
    fn pack(
        &self,
        matrix: Matrix<'_, T>,
        first_step: usize,
        depth: usize,
        panels: Panels,
        from: usize,
        into: &mut Storage<T>,
    ) {
        let pack = Pack {
            matrix,
            first_step,
            depth,
            panels,
            numbers: from..panels.count(),
            packed: &mut into.as_mut_slice()[..panels.padded(from) * depth],
        };
        pack_panels(self.isa, pack);
    }
}

/// Packs all panels, in parallel if there are many.
fn pack_panels<T: Float>(isa: Isa, pack: Pack<'_, '_, T>) {
    /// Numbers worth a task of their own, about 10 µs of copying.
    const TASK: usize = 1 << 15;
    if pack.packed.len() <= TASK || pack.numbers.len() <= 1 {
        return T::dispatch_on_vectors(isa, pack);
    }
    let Range { start, end } = pack.numbers;
    let half = start + (end - start) / 2;
    let columns = pack.panels.padded_between(start, half);
    let (first, second) = pack.packed.split_at_mut(columns * pack.depth);
    let part = |numbers, packed| Pack {
        numbers,
        packed,
        ..pack
    };
    rayon::join(
        || pack_panels(isa, part(start..half, first)),
        || pack_panels(isa, part(half..end, second)),
    );
}

/// Calls `f` with each number, in parallel.
pub(super) fn each_number(numbers: Range<usize>, f: &(impl Fn(usize) + Sync)) {
    if numbers.len() <= 1 {
        return numbers.for_each(f);
    }
    let half = numbers.start + numbers.len() / 2;
    rayon::join(
        || each_number(numbers.start..half, f),
        || each_number(half..numbers.end, f),
    );
}

/// One block of the inner axis, with its operands packed where that pays.
struct Block<'p, T> {
    product: &'p Product<'p, T>,
    first: usize,
    depth: usize,
    rows: Panels,
    columns: Panels,
    /// All panels of the left operand, if it is packed.
    left: Option<&'p [T]>,
    /// How many panels of the right operand are not packed.
    direct: usize,
    /// The others.
    right: &'p [T],
    addend: Addend<T>,
}

// SAFETY: the addend is the target itself or a shared row; see `Product`.
unsafe impl<T: Sync> Sync for Block<'_, T> {}

impl<T: Float> Block<'_, T> {
    /// Cuts the result into tasks.
    fn run(&self) {
        let Product { isa, blocking, .. } = *self.product;
        let (rows, columns) = (self.rows.count(), self.columns.count());
        let (across, along) = blocking.task(rows, columns, self.depth);
        let tasks = rows.div_ceil(across);
        each_number(0..tasks * columns.div_ceil(along), &|task| {
            let (i, j) = (task % tasks * across, task / tasks * along);
            T::dispatch_on_vectors(
                isa,
                Task {
                    block: self,
                    across: i..(i + across).min(rows),
                    along: j..(j + along).min(columns),
                },
            );
        });
    }
}

/// A rectangle of the result, tile by tile.
struct Task<'b, 'p, T> {
    block: &'b Block<'p, T>,
    /// Panels of the left operand.
    across: Range<usize>,
    /// Panels of the right operand.
    along: Range<usize>,
}

impl<T: Float> Kernel<T> for Task<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Block {
            product,
            rows,
            columns,
            ..
        } = self.block;
        for i in self.across {
            let left = self.block.left(i);
            let rows = rows.range(i);
            for j in self.along.clone() {
                let right = self.block.right(j);
                let columns = columns.range(j);
                let extent = Extent {
                    depth: self.block.depth,
                    columns: columns.len(),
                };
                // SAFETY: the rows and columns are inside the result and belong to this task; both
                // panels are packed up to whole vectors, or have as many rows and columns.
                unsafe {
                    let target = product.target.at(rows.start, columns.start);
                    let addend = self.block.addend.at(rows.start, columns.start);
                    let run = Tile {
                        alpha: product.alpha,
                        left,
                        right,
                        addend,
                        target,
                        extent,
                    };
                    run.of(simd, rows.len());
                }
            }
        }
    }
}

impl<T: Float> Block<'_, T> {
    /// Where tiles read panel `i` of the left operand.
    #[inline(always)]
    fn left(&self, i: usize) -> Left<T> {
        let row = self.rows.start(i);
        match self.left {
            Some(packed) => Left {
                pointer: &raw const packed[row * self.depth],
                row_stride: 1,
                step: self.product.blocking.tile_rows as isize,
            },
            None => {
                let matrix = self.product.left;
                Left {
                    pointer: &raw const matrix.data[matrix.position(row, self.first) as usize],
                    row_stride: matrix.row_stride,
                    step: matrix.column_stride,
                }
            }
        }
    }

    /// Where tiles read panel `j` of the right operand.
    #[inline(always)]
    fn right(&self, j: usize) -> Right<T> {
        let column = self.columns.start(j);
        if j < self.direct {
            let matrix = self.product.right;
            Right {
                pointer: &raw const matrix.data[matrix.position(self.first, column) as usize],
                step: matrix.row_stride as usize,
            }
        } else {
            let before = column - self.columns.start(self.direct);
            Right {
                pointer: &raw const self.right[before * self.depth],
                step: self.columns.width(j),
            }
        }
    }
}
