//! How large products are cut, so that what is used again is still in a cache.
//!
//! For each block of the inner axis the operands are packed where that pays, and each panel of the right
//! one meets all panels of the left one (Goto and van de Geijn 2008):
//!
//! * **depth.** A tile reads `depth` steps of a panel of either operand. That of the left one takes a
//!   third of the L1 cache. That of the right one comes from the L2 cache for each tile, at 16 bytes a
//!   cycle, a third of what that delivers. A deeper block means fewer passes over the result, each of
//!   which costs a load and a store of a tile for `depth` steps of arithmetic.
//! * **columns.** A task goes down its panels of the left operand for each of the right one, and the
//!   next task has the same of the right operand: those stay in half of the L2 cache.
//! * **chunk.** Rows and columns beyond it are another product, so that packed operands stay a few
//!   megabytes.
//!
//! The caches are those of the instruction set's [resources](crate::simd::Isa::resources).

use crate::simd::Isa;

/// Most rows or columns of the result that are packed at a time.
pub(super) const CHUNK: usize = 4096;

/// Numbers that are packed at a time, unless a block has more: 8 MB in f32.
const PACKED: usize = 1 << 21;

/// Multiply-adds from which other threads are called in: about 20 µs of work, as waking a thread
/// takes 5 to 50 µs.
const PARALLEL: usize = 1 << 20;

/// Multiply-adds worth a task of their own, so that threads of different speed end together.
const TASK: usize = 1 << 16;

/// Most tasks a product is cut into: plenty for 16 threads to share evenly.
const MOST_TASKS: usize = 64;

/// The sizes for one instruction set and type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocking {
    /// Rows of a tile.
    pub(super) tile_rows: usize,
    /// Vectors of columns of a tile.
    pub(super) tile_vectors: usize,
    /// Lanes of a vector.
    pub(super) lanes: usize,
    /// Most steps of the inner axis in a block.
    depth: usize,
    /// Most panels of columns in a task.
    panels: usize,
    /// Rows of the result below which a right operand with contiguous rows is read where it is.
    pub(super) least_packed: usize,
}

impl Blocking {
    pub(super) fn new<T>(isa: Isa) -> Self {
        let resources = isa.resources();
        let ([tile_rows, tile_vectors], [level_1, level_2]) = (resources.tile, resources.caches);
        let depth = level_1 / 3 / (tile_rows * size_of::<T>());
        Self {
            tile_rows,
            tile_vectors,
            lanes: resources.lanes::<T>(),
            depth,
            panels: level_2 / 2 / (tile_vectors * resources.vector * depth),
            // Steps of three cache lines stream from wherever they are, lone lines do not.
            least_packed: if tile_vectors * resources.vector < 192 {
                64
            } else {
                256
            },
        }
    }

    /// Steps of each block of an inner axis of `inner` steps: as few blocks as there can be, all
    /// about as long.
    pub(super) fn depth(&self, inner: usize) -> usize {
        let blocks = inner.div_ceil(self.depth);
        inner.div_ceil(blocks)
    }

    /// How many blocks are packed at a time, if a block of the left operand and of the right one has so
    /// many numbers.
    pub(super) fn blocks(&self, [left, right]: [usize; 2]) -> usize {
        (PACKED / left.max(right).max(1)).max(1)
    }

    /// How many panels of rows and of columns each task gets, of so many in all that make `work`
    /// multiply-adds. What a product is cut into does not show in it.
    pub(super) fn task(&self, rows: usize, columns: usize, work: usize) -> (usize, usize) {
        if work < PARALLEL {
            return (rows, columns.min(self.panels));
        }
        let tasks = (work / TASK).clamp(1, MOST_TASKS);
        // Rows first, down to 8 tiles, or to 4 where columns are few: fewer would load the panels from
        // L2 for too little work.
        let few = tasks.div_ceil(columns).min(rows.div_ceil(4));
        let across = rows.div_ceil(8).max(few).min(tasks);
        let along = tasks.div_ceil(across).min(columns);
        (
            rows.div_ceil(across),
            columns.div_ceil(along).min(self.panels),
        )
    }
}
