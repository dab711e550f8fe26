//! The packed and blocked product around the [micro-kernel](super::microkernel).
//!
//! All of this is ordinary code: what is compiled for an instruction set is called by its address.

use std::ops::Range;

use super::blocking::{Blocking, CHUNK};
use super::microkernel::{Addend, MOST_ROWS, Offsets, Tile, padded};
use super::pack::Pack;
use super::panels::Panels;
use super::{Matrix, Onto, Routines};
use crate::element::Float;
use crate::parallel;
use crate::simd::Isa;
use crate::storage::Storage;

/// Columns of the result below which the left operand is read where it is: packing it would cost
/// more than the tiles gain, since they read it one number at a time either way.
const PACK_LEFT: usize = 1000;
/// Rows of the result below which a right operand with contiguous rows is read where it is.
const PACK_RIGHT: usize = 64;

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
    let whole = Product {
        blocking: Blocking::new::<T>(isa),
        routines: &Routines::new(isa),
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
        let packs_left = self.right.columns >= PACK_LEFT;
        let packed = |panels: Panels, packs| if packs { panels.packed(depth) } else { 0 };
        let mut left = Storage::recycled(packed(rows, packs_left));
        let mut right = Storage::recycled(packed(columns, direct < columns.count));
        let mut steps = Storage::recycled(4 * depth);
        let left_stride = if packs_left { 1 } else { self.left.row_stride };
        let lines: [Offsets; MOST_ROWS] = std::array::from_fn(|i| {
            [
                i as i64 * left_stride as i64,
                (i * self.target.row_stride) as i64,
            ]
        });
        let lines = [lines, padded(&lines[..rows.range(rows.count - 1).len()])];
        for first in (0..inner).step_by(depth) {
            let depth = depth.min(inner - first);
            let pack = Pack {
                matrix: self.right,
                first_step: first,
                depth,
                panels: columns,
                first_panel: direct,
            };
            let panels = columns.count - direct;
            let right = &mut right.as_mut_slice()[..panels * columns.width * depth];
            pack.run(self.routines, right);
            let left = packs_left.then(|| {
                let pack = Pack {
                    matrix: self.left.turned(),
                    panels: rows,
                    first_panel: 0,
                    ..pack
                };
                let left = &mut left.as_mut_slice()[..rows.packed(depth)];
                pack.run(self.routines, left);
                &*left
            });
            let step = match packs_left {
                true => rows.width as isize,
                false => self.left.column_stride,
            };
            let (steps, _) = steps.as_mut_slice().as_chunks_mut();
            let (direct_steps, packed_steps) = steps.split_at_mut(depth);
            if direct > 0 {
                fill(direct_steps, step, self.right.row_stride);
            }
            if direct < columns.count {
                fill(packed_steps, step, columns.width as isize);
            }
            let block = DepthBlock {
                product: self,
                first,
                depth,
                rows,
                columns,
                lines: &lines,
                left,
                direct,
                right,
                steps: [direct_steps, packed_steps],
                // What was there counts once; later blocks add to what the first ones wrote.
                addend: match first {
                    0 => onto.addend(),
                    _ => Addend::scaled(T::ONE),
                },
            };
            block.run();
        }
    }

    /// How many panels of the right operand are read where they are: only whole vectors can be.
    fn direct_panels(&self) -> usize {
        if self.right.column_stride == 1 && self.left.rows < PACK_RIGHT {
            self.right.columns / (self.blocking.tile_vectors * self.blocking.lanes)
        } else {
            0
        }
    }
}

/// Steps that read the operands these strides apart.
fn fill(steps: &mut [Offsets], left: isize, right: isize) {
    for (p, step) in steps.iter_mut().enumerate() {
        *step = [left, right].map(|stride| p as i64 * stride as i64);
    }
}

/// One block of the inner axis, with its operands packed where that pays.
struct DepthBlock<'p, T> {
    product: &'p Product<'p, T>,
    first: usize,
    depth: usize,
    rows: Panels,
    columns: Panels,
    /// Where the rows of a tile begin, and those of the last one, which may have fewer.
    lines: &'p [[Offsets; MOST_ROWS]; 2],
    /// All panels of the left operand, if it is packed.
    left: Option<&'p [T]>,
    /// How many panels of the right operand are not packed.
    direct: usize,
    /// The others.
    right: &'p [T],
    /// What each step reads of panels that are not packed, and of those that are.
    steps: [&'p [Offsets]; 2],
    addend: Addend<T>,
}

// SAFETY: the addend is the target itself or a shared row.
unsafe impl<T: Sync + Send> Sync for DepthBlock<'_, T> {}

impl<T: Float> DepthBlock<'_, T> {
    /// Cuts the result into tasks.
    fn run(&self) {
        let (rows, columns) = (self.rows.count, self.columns.count);
        let (across, along) = self.product.blocking.task(rows, columns, self.depth);
        let tasks = rows.div_ceil(across);
        parallel::for_each(tasks * columns.div_ceil(along), &|task| {
            let (i, j) = (task % tasks * across, task / tasks * along);
            self.task(i..(i + across).min(rows), j..(j + along).min(columns));
        });
    }

    /// A rectangle of the result, tile by tile: these panels of the left operand and of the right.
    fn task(&self, across: Range<usize>, along: Range<usize>) {
        let Product {
            routines,
            alpha,
            target,
            ..
        } = *self.product;
        let mut panel = self.panel(along.start);
        for i in across {
            let rows = self.rows.range(i);
            let mut tile = Tile {
                left: self.left(i),
                height: rows.len(),
                rows: self.lines[usize::from(i + 1 == self.rows.count)].as_ptr(),
                depth: self.depth,
                alpha,
                addend: self.addend,
                // What follows differs from panel to panel.
                right: std::ptr::null(),
                out: std::ptr::null_mut(),
                steps: std::ptr::null(),
                columns: 0,
            };
            for j in along.clone() {
                if panel.number != j {
                    panel = self.panel(j);
                }
                tile.right = panel.right;
                tile.steps = panel.steps;
                tile.columns = panel.columns;
                tile.addend = self.addend.after_columns(panel.start);
                // SAFETY: the rows and columns are inside the result and belong to this task; both
                // panels are packed up to whole vectors, or have as many rows and columns.
                unsafe {
                    tile.out = target.at(rows.start, panel.start).pointer;
                    routines.kernels.get(rows.len(), panel.vectors)(&tile);
                }
            }
        }
    }

    /// Where tiles read panel `i` of the left operand.
    fn left(&self, i: usize) -> *const T {
        let row = self.rows.start(i);
        match self.left {
            Some(packed) => &raw const packed[row * self.depth],
            None => {
                let matrix = self.product.left;
                &raw const matrix.data[matrix.position(row, self.first) as usize]
            }
        }
    }

    /// What tiles need to know of panel `j` of the right operand.
    fn panel(&self, j: usize) -> RightPanel<T> {
        let ([direct, packed], columns) = (self.steps, self.columns.range(j));
        let (right, steps) = if j < self.direct {
            let matrix = self.product.right;
            let position = matrix.position(self.first, columns.start);
            (&raw const matrix.data[position as usize], direct)
        } else {
            let panel = self.columns.width * self.depth;
            (&raw const self.right[(j - self.direct) * panel], packed)
        };
        RightPanel {
            number: j,
            right,
            steps: steps.as_ptr(),
            start: columns.start,
            columns: columns.len(),
            vectors: self.columns.vectors(j),
        }
    }
}

/// A panel of the right operand: where it is, by which steps it is read, and its columns.
struct RightPanel<T> {
    number: usize,
    right: *const T,
    steps: *const Offsets,
    start: usize,
    columns: usize,
    vectors: usize,
}
