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
use crate::storage::Storage;

/// Columns of the result below which the left operand is read where it is: packing it would cost
/// more than the tiles gain, since they read it one number at a time either way.
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
        let packs_left = self.right.columns >= PACK_LEFT;
        // Numbers of a packed block of each operand.
        let packed = [
            if packs_left { rows.packed(depth) } else { 0 },
            (columns.count - direct) * columns.width * depth,
        ];
        let blocks = blocking.blocks(packed).min(inner.div_ceil(depth));
        let [mut left, mut right] = packed.map(|size| Storage::recycled(size * blocks));
        let mut steps = Storage::recycled(4 * depth);
        let left_stride = if packs_left { 1 } else { self.left.row_stride };
        let lines: [Offsets; MOST_ROWS] = std::array::from_fn(|i| {
            [
                i as i64 * left_stride as i64,
                (i * self.target.row_stride) as i64,
            ]
        });
        let lines = [lines, padded(&lines[..rows.range(rows.count - 1).len()])];
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
                lines: &lines,
                left: packs_left.then_some(left.as_slice()),
                direct,
                right: right.as_slice(),
                offsets: [direct_steps, packed_steps],
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

/// Steps that read the operands these strides apart.
fn fill(steps: &mut [Offsets], left: isize, right: isize) {
    for (p, step) in steps.iter_mut().enumerate() {
        *step = [left, right].map(|stride| p as i64 * stride as i64);
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
    /// Where the rows of a tile begin, and those of the last one, which may have fewer.
    lines: &'p [[Offsets; MOST_ROWS]; 2],
    /// All panels of the left operand, block by block, if it is packed.
    left: Option<&'p [T]>,
    /// How many panels of the right operand are not packed.
    direct: usize,
    /// The others, block by block.
    right: &'p [T],
    /// What each step of a block reads of panels that are not packed, and of those that are.
    offsets: [&'p [Offsets]; 2],
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
                    // What was there counts once; later blocks add to what the first ones wrote.
                    addend: match first {
                        0 => self.onto.addend(),
                        _ => Addend::scaled(T::ONE),
                    },
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
    /// A rectangle of the result, tile by tile: these panels of the left operand and of the right.
    fn task(&self, across: Range<usize>, along: Range<usize>) {
        let Product {
            routines,
            alpha,
            target,
            ..
        } = *self.group.product;
        let mut panel = self.panel(along.start);
        for i in across {
            let rows = self.group.rows.range(i);
            let mut tile = Tile {
                left: self.left(i),
                height: rows.len(),
                rows: self.group.lines[usize::from(i + 1 == self.group.rows.count)].as_ptr(),
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
        let Group {
            rows, depth, left, ..
        } = *self.group;
        match left {
            Some(packed) => {
                let block = self.number * rows.packed(depth);
                &raw const packed[block + i * rows.width * self.depth]
            }
            None => {
                let matrix = self.group.product.left;
                &raw const matrix.data[matrix.position(rows.start(i), self.first) as usize]
            }
        }
    }

    /// What tiles need to know of panel `j` of the right operand.
    fn panel(&self, j: usize) -> RightPanel<T> {
        let Group {
            columns: panels,
            direct,
            depth,
            offsets,
            ..
        } = *self.group;
        let columns = panels.range(j);
        let (right, steps) = if j < direct {
            let matrix = self.group.product.right;
            let position = matrix.position(self.first, columns.start);
            (&raw const matrix.data[position as usize], offsets[0])
        } else {
            let block = self.number * (panels.count - direct) * depth;
            let place = panels.width * (block + (j - direct) * self.depth);
            (&raw const self.group.right[place], offsets[1])
        };
        RightPanel {
            number: j,
            right,
            steps: steps.as_ptr(),
            start: columns.start,
            columns: columns.len(),
            vectors: panels.vectors(j),
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
