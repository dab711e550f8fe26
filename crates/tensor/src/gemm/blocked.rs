//! The packed and blocked product around the [microkernel](super::tile).

use super::blocking::{Blocking, CHUNK};
use super::pack::Pack;
use super::tile::{Addend, Extent, Left, Right, Target, tile};
use super::{Matrix, Onto};
use crate::element::Float;
use crate::simd::{Isa, Kernel, Math, Simd};
use crate::storage::Storage;

/// Columns of the result below which a left operand with contiguous rows is read where it is:
/// packing it would cost more than the tiles gain.
const PACK_LEFT: usize = 512;
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
    let blocking = Blocking::new(isa, lanes::<T>(isa), size_of::<T>());
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

fn lanes<T>(isa: Isa) -> usize {
    let bytes = match isa {
        Isa::Scalar => 16,
        Isa::Avx2 => 32,
        Isa::Avx512 => 64,
    };
    bytes / size_of::<T>()
}

impl<T: Float> Product<'_, T> {
    fn run(&self, onto: Onto<'_, T>) {
        let inner = self.left.columns;
        let depth = self.blocking.depth(inner);
        let mut left = Storage::recycled(if self.packs_left() {
            self.left.rows.next_multiple_of(self.blocking.tile_rows) * depth
        } else {
            0
        });
        let panels = self.right.columns.div_ceil(self.blocking.tile_columns);
        let direct = self.direct_panels();
        let mut right = Storage::recycled((panels - direct) * self.blocking.tile_columns * depth);
        for first in (0..inner).step_by(depth) {
            let depth = depth.min(inner - first);
            if self.packs_left() {
                self.pack(
                    self.left.turned(),
                    first,
                    depth,
                    self.blocking.tile_rows,
                    0,
                    &mut left,
                );
            }
            if direct < panels {
                let width = self.blocking.tile_columns;
                self.pack(self.right, first, depth, width, direct, &mut right);
            }
            let block = Block {
                product: self,
                first,
                depth,
                left: self.packs_left().then(|| left.as_slice()),
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
        self.left.column_stride != 1 || self.right.columns >= PACK_LEFT
    }

    /// How many panels of the right operand are read where they are: only whole vectors can be.
    fn direct_panels(&self) -> usize {
        if self.right.column_stride == 1 && self.left.rows < PACK_RIGHT {
            self.right.columns / self.blocking.tile_columns
        } else {
            0
        }
    }

    /// Packs `depth` steps of every panel from number `panel` on.
    fn pack(
        &self,
        matrix: Matrix<'_, T>,
        first_step: usize,
        depth: usize,
        width: usize,
        panel: usize,
        into: &mut Storage<T>,
    ) {
        let panels = matrix.columns.div_ceil(width) - panel;
        let packed = &mut into.as_mut_slice()[..panels * width * depth];
        // About 8 panels a task.
        each_chunk(packed, 8 * width * depth, 0, &|i, packed: &mut [T]| {
            for (j, part) in packed.chunks_exact_mut(width * depth).enumerate() {
                T::dispatch_on(
                    self.isa,
                    Pack {
                        matrix,
                        first_step,
                        first_column: (panel + 8 * i + j) * width,
                        width,
                        panel: part,
                    },
                );
            }
        });
    }
}

/// Calls `f` with the number and the content of each chunk, in parallel when there are several.
fn each_chunk<T: Send>(
    values: &mut [T],
    chunk: usize,
    first: usize,
    f: &(impl Fn(usize, &mut [T]) + Sync),
) {
    let chunks = values.len().div_ceil(chunk);
    if chunks <= 1 {
        return f(first, values);
    }
    let half = chunks / 2;
    let (left, right) = values.split_at_mut(half * chunk);
    rayon::join(
        || each_chunk(left, chunk, first, f),
        || each_chunk(right, chunk, first + half, f),
    );
}

/// Calls `f` with each number, in parallel.
pub(super) fn each_number(numbers: std::ops::Range<usize>, f: &(impl Fn(usize) + Sync)) {
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
        let Product {
            isa,
            blocking,
            left,
            right,
            ..
        } = *self.product;
        let (rows, panels) = blocking.task(left.rows, right.columns, self.depth);
        let columns = panels * blocking.tile_columns;
        let across = left.rows.div_ceil(rows);
        let tasks = across * right.columns.div_ceil(columns);
        each_number(0..tasks, &|task| {
            let (row, column) = (task % across * rows, task / across * columns);
            T::dispatch_on(
                isa,
                Task {
                    block: self,
                    rows: row..(row + rows).min(left.rows),
                    columns: column..(column + columns).min(right.columns),
                },
            );
        });
    }
}

/// A rectangle of the result, tile by tile.
struct Task<'b, 'p, T> {
    block: &'b Block<'p, T>,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl<T: Float> Kernel<T> for Task<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let width = 3 * S::LANES;
        let height = self.block.product.blocking.tile_rows;
        for column in self.columns.clone().step_by(width) {
            let columns = width.min(self.columns.end - column);
            let right = self.block.right(column);
            for row in self.rows.clone().step_by(height) {
                let rows = height.min(self.rows.end - row);
                self.tiles(simd, row, rows, column, columns, right);
            }
        }
    }
}

impl<T: Float> Task<'_, '_, T> {
    /// Up to a tile's height of rows, as tiles of 8, 4, 2 and 1.
    #[inline(always)]
    fn tiles<S: Simd<T>>(
        &self,
        simd: S,
        mut row: usize,
        mut rows: usize,
        column: usize,
        columns: usize,
        right: Right<T>,
    ) {
        let block = self.block;
        let alpha = block.product.alpha;
        while rows > 0 {
            let height = 1 << rows.ilog2();
            let left = block.left(row);
            let extent = Extent {
                rows: height,
                depth: block.depth,
                columns,
            };
            // SAFETY: `left` and `right` were packed to whole panels or have as many rows and
            // vectors; the rows and columns are inside the result and belong to this task.
            unsafe {
                let target = block.product.target.at(row, column);
                let addend = block.addend.at(row, column);
                macro_rules! of_height {
                    ($rows:literal) => {
                        match columns.div_ceil(S::LANES) {
                            1 => tile::<T, S, $rows, 1>(
                                simd, alpha, left, right, addend, target, extent,
                            ),
                            2 => tile::<T, S, $rows, 2>(
                                simd, alpha, left, right, addend, target, extent,
                            ),
                            _ => tile::<T, S, $rows, 3>(
                                simd, alpha, left, right, addend, target, extent,
                            ),
                        }
                    };
                }
                match height {
                    8 => of_height!(8),
                    4 => of_height!(4),
                    2 => of_height!(2),
                    _ => of_height!(1),
                }
            }
            row += height;
            rows -= height;
        }
    }
}

impl<T: Float> Block<'_, T> {
    /// Where tiles read the left operand from row `row` on.
    #[inline(always)]
    fn left(&self, row: usize) -> Left<T> {
        let height = self.product.blocking.tile_rows;
        match self.left {
            Some(packed) => Left {
                pointer: &raw const packed[row / height * height * self.depth + row % height],
                row_stride: 1,
                step: height as isize,
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

    /// Where tiles read the right operand from column `column` on, the first of a panel.
    #[inline(always)]
    fn right(&self, column: usize) -> Right<T> {
        let width = self.product.blocking.tile_columns;
        let panel = column / width;
        if panel < self.direct {
            let matrix = self.product.right;
            Right {
                pointer: &raw const matrix.data[matrix.position(self.first, column) as usize],
                step: matrix.row_stride as usize,
            }
        } else {
            Right {
                pointer: &raw const self.right[(panel - self.direct) * width * self.depth],
                step: width,
            }
        }
    }
}
