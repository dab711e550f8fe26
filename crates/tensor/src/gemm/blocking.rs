//! How large products are cut, so that what is used again is still in a cache.
//!
//! For each block of the inner axis the operands are packed, and each panel of the right one meets
//! all panels of the left one (Goto and van de Geijn 2008):
//!
//! * **depth.** A panel of the right operand, `depth` steps of a tile's width, is read once for
//!   every tile of its columns, so it should stay in the L1 cache beside the panel of the left one
//!   that streams through: three quarters of it. A deeper block would mean fewer passes over the
//!   result, each of which costs a load and a store of a tile for `depth` steps of arithmetic.
//! * **rows.** The panels of the left operand that a task sweeps for every panel of the right one
//!   come from the L2 cache: a quarter of it, since the right operand and the result pass by.
//! * **chunk.** Rows and columns beyond it are another product, so that packed operands stay a few
//!   megabytes.
//!
//! The caches are taken to be those of common machines with each instruction set and not asked
//! for: a sum is cut where blocks end, so asking would make results differ between machines.

use crate::simd::Isa;

/// Most rows or columns of the result that are packed at a time.
pub(super) const CHUNK: usize = 4096;

/// Multiply-adds worth a task of their own, about 30 µs of work.
const TASK: usize = 1 << 21;

/// Most tasks a product is cut into: plenty for 16 threads to share evenly.
const MOST_TASKS: usize = 64;

/// The sizes for one instruction set and type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocking {
    /// Rows of a tile.
    pub(super) tile_rows: usize,
    /// Columns of a tile, a whole number of vectors.
    pub(super) tile_columns: usize,
    /// Most steps of the inner axis in a block.
    depth: usize,
    /// Most rows in a task.
    task_rows: usize,
}

impl Blocking {
    pub(super) fn new(isa: Isa, lanes: usize, element: usize) -> Self {
        let (tile_rows, level_1, level_2) = match isa {
            // Sapphire Rapids: 48 KB and 2 MB. Zen 4: 32 KB and 1 MB, where panels are half as deep
            // as they could be in cache and still sweep through.
            Isa::Avx512 => (8, 48 << 10, 2 << 20),
            // Haswell to Zen 3: 32 KB, 256 to 512 KB.
            _ => (4, 32 << 10, 256 << 10),
        };
        let tile_columns = 3 * lanes;
        let depth = level_1 * 3 / 4 / (tile_columns * element);
        let task_rows = level_2 / 4 / (depth * element);
        Self {
            tile_rows,
            tile_columns,
            depth,
            task_rows: task_rows.next_multiple_of(tile_rows),
        }
    }

    /// Steps of each block of an inner axis of `inner` steps: as few blocks as there can be, all
    /// about as long.
    pub(super) fn depth(&self, inner: usize) -> usize {
        let blocks = inner.div_ceil(self.depth).max(1);
        inner.div_ceil(blocks).next_multiple_of(4)
    }

    /// How many rows and how many panels of columns each task gets.
    pub(super) fn task(&self, rows: usize, columns: usize, depth: usize) -> (usize, usize) {
        let tasks = (rows * columns * depth / TASK).clamp(1, MOST_TASKS);
        let panels = columns.div_ceil(self.tile_columns);
        // Rows first, down to 8 tiles: fewer would load the panels from L2 for too little work.
        let across = rows.div_ceil(8 * self.tile_rows).min(tasks);
        let along = tasks.div_ceil(across).min(panels);
        let rows = rows.div_ceil(across).next_multiple_of(self.tile_rows);
        (rows.min(self.task_rows), panels.div_ceil(along))
    }
}
