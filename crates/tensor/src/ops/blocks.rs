//! Cutting the rows of a result into blocks that run in parallel.

use crate::parallel::for_each_chunk;

/// Elementary steps below which handing a block to another thread costs more than it saves: about
/// 20 µs of work against 2 to 5 µs for the handing over.
const SMALLEST_BLOCK: usize = 1 << 15;

/// Calls `write` on every block of rows of `out` with the number of its first row. `row` is the
/// number of elements of a row, and `steps` about how many elementary steps one takes. Blocks
/// follow from these sizes alone.
pub(crate) fn in_blocks<U: Send>(
    out: &mut [U],
    row: usize,
    steps: usize,
    write: &(dyn Fn(usize, &mut [U]) + Sync),
) {
    if out.is_empty() {
        return;
    }
    let rows = (SMALLEST_BLOCK / steps.max(1)).max(1);
    if rows * row >= out.len() {
        return write(0, out);
    }
    for_each_chunk(out, rows * row, &|block, part| write(block * rows, part));
}
