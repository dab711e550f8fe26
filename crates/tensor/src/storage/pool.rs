//! Freed buffers, kept by size for the next tensor of that size.
//!
//! A training step frees and asks for the same sizes again and again. Handing a buffer back costs
//! a push onto a per-thread stack; asking costs a pop; the operating system sees neither. Sizes are
//! rounded up to whole cache lines and then to one of four sizes between powers of two, so that a
//! block is less than a quarter larger than it needs to be. The tail is real memory: zeroing a new
//! block touches all of it.
//!
//! Blocks are zeroed when they first come from the allocator and keep their last contents after
//! that, so a block is *always initialised*: reading a recycled one gives stale numbers, never
//! undefined behaviour.
//!
//! In front of its data every block has room for the books of whoever shares it (see
//! `shared.rs`), so that a tensor is one block and nothing beside it. While a block
//! waits in a pool, that room holds the address of the next one: the stacks are lists through the
//! blocks themselves, and keeping them costs no memory either.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;

/// Start of every buffer: one cache line, and one AVX-512 register.
pub const ALIGNMENT: usize = 64;

/// Room for books in front of the data: three cache lines.
pub(crate) const HEADER: usize = 3 * ALIGNMENT;

/// Most bytes a thread keeps for reuse; beyond it, freed buffers go back to the system.
pub const BOUND: usize = 512 << 20;

/// Enough for every number of bytes: four for each bit of a number of cache lines but the lowest.
const CLASSES: usize = 4 * (usize::BITS - ALIGNMENT.trailing_zeros() - 1) as usize;

/// The class of the smallest blocks that hold `bytes`.
fn class_of(bytes: usize) -> u8 {
    let last_line = bytes.max(1).div_ceil(ALIGNMENT) - 1;
    // The three highest bits choose the class; those below are rounded up.
    let shift = last_line.max(1).ilog2().saturating_sub(2);
    4 * shift as u8 + (last_line >> shift) as u8
}

/// Size of the blocks of a class in cache lines: 1 to 8, then 10, 12, 14, 16, 20, ...
fn lines(class: u8) -> usize {
    let shift = (class / 4).saturating_sub(1);
    usize::from(class - 4 * shift + 1) << shift
}

/// Size in bytes of a class that has blocks.
fn size(class: u8) -> usize {
    lines(class) * ALIGNMENT
}

/// What the calling thread's pool has done and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests served from a freed buffer.
    pub reused: u64,
    /// Requests that went to the system allocator.
    pub allocated: u64,
    /// Bytes of data held for reuse.
    pub held_bytes: usize,
    /// Bytes of data that tensors hold: taken by this thread less given back by it. Tensors that
    /// cross threads count where they were made and where they are dropped.
    pub live_bytes: i64,
    /// The most that `live_bytes` has been since [`reset_peak`].
    pub peak_bytes: i64,
}

/// One allocation: [`HEADER`] bytes, and after them [`size`]`(class)` bytes of data.
#[derive(Debug)]
pub(crate) struct Block {
    /// Start of the header.
    base: NonNull<u8>,
    class: u8,
}

// SAFETY: a block owns plain bytes; nothing about them belongs to a thread.
unsafe impl Send for Block {}
// SAFETY: `&Block` gives only the address; access to the bytes goes through `Storage`'s borrows.
unsafe impl Sync for Block {}

impl Block {
    /// Start of the data.
    pub(crate) fn data(&self) -> NonNull<u8> {
        // SAFETY: the allocation is longer than its header.
        unsafe { self.base.add(HEADER) }
    }

    /// Start of the header.
    pub(crate) fn header(&self) -> NonNull<u8> {
        self.base
    }

    fn layout(class: u8) -> Layout {
        lines(class)
            .checked_mul(ALIGNMENT)
            .and_then(|bytes| bytes.checked_add(HEADER))
            .and_then(|bytes| Layout::from_size_align(bytes, ALIGNMENT).ok())
            .expect("shapes bound sizes below isize::MAX")
    }

    fn allocate(class: u8) -> Self {
        let layout = Self::layout(class);
        // SAFETY: the layout's size is more than that of the header, so not zero.
        let base = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(base).unwrap_or_else(|| handle_alloc_error(layout));
        Self { base, class }
    }

    fn free(base: NonNull<u8>, class: u8) {
        // SAFETY: `base` came from `allocate(class)` and its one `Block` is gone.
        unsafe { dealloc(base.as_ptr(), Self::layout(class)) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let (base, class) = (self.base, self.class);
        // While a thread shuts down its pool may be gone already; then the block is simply freed.
        let kept = POOL
            .try_with(|pool| {
                let mut pool = pool.borrow_mut();
                pool.counters.live_bytes -= size(class) as i64;
                pool.put(base, class)
            })
            .unwrap_or(false);
        if !kept {
            Self::free(base, class);
        }
    }
}

/// The blocks of one class that wait: the address of the first, whose header holds that of the
/// second, and so on.
type Stack = Option<NonNull<u8>>;

struct Pool {
    free: [Stack; CLASSES],
    counters: Counters,
}

impl Pool {
    fn put(&mut self, base: NonNull<u8>, class: u8) -> bool {
        let held = self.counters.held_bytes + size(class);
        if held > BOUND {
            return false;
        }
        self.counters.held_bytes = held;
        let stack = &mut self.free[usize::from(class)];
        // SAFETY: nobody holds the block, and its header has room and alignment for an address.
        unsafe { base.cast::<Stack>().write(*stack) };
        *stack = Some(base);
        true
    }

    fn pop(&mut self, class: u8) -> Option<NonNull<u8>> {
        let stack = &mut self.free[usize::from(class)];
        let base = (*stack)?;
        // SAFETY: `put` wrote the rest of the stack there, and nobody held the block since.
        *stack = unsafe { base.cast::<Stack>().read() };
        self.counters.held_bytes -= size(class);
        Some(base)
    }

    fn trim(&mut self) {
        for class in 0..CLASSES as u8 {
            while let Some(base) = self.pop(class) {
                Block::free(base, class);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.trim();
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool {
            free: [None; CLASSES],
            counters: Counters {
                reused: 0,
                allocated: 0,
                held_bytes: 0,
                live_bytes: 0,
                peak_bytes: 0,
            },
        })
    };
}

/// A block of at least `bytes` initialised bytes.
pub(crate) fn take(bytes: usize) -> Block {
    let class = class_of(bytes);
    let reused = POOL.try_with(|pool| {
        let pool = &mut *pool.borrow_mut();
        let base = pool.pop(class);
        match base {
            Some(_) => pool.counters.reused += 1,
            None => pool.counters.allocated += 1,
        }
        let counters = &mut pool.counters;
        counters.live_bytes += size(class) as i64;
        counters.peak_bytes = counters.peak_bytes.max(counters.live_bytes);
        base
    });
    match reused.ok().flatten() {
        Some(base) => Block { base, class },
        None => Block::allocate(class),
    }
}

/// Bytes of the block that holds `bytes`, which is what [`Counters`] count.
#[must_use]
pub fn rounded_up(bytes: usize) -> usize {
    size(class_of(bytes))
}

/// The calling thread's counters.
#[must_use]
pub fn counters() -> Counters {
    POOL.with(|pool| pool.borrow().counters)
}

/// Starts measuring [`Counters::peak_bytes`] of the calling thread from what is live now.
pub fn reset_peak() {
    POOL.with(|pool| {
        let counters = &mut pool.borrow_mut().counters;
        counters.peak_bytes = counters.live_bytes;
    });
}

/// Gives every buffer the calling thread holds for reuse back to the system.
pub fn trim() {
    POOL.with(|pool| pool.borrow_mut().trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_block_serves_the_next_request_of_its_class() {
        trim();
        let before = counters();
        drop(take(1000));
        let again = take(1024);
        let after = counters();
        assert_eq!(
            (
                after.allocated - before.allocated,
                after.reused - before.reused
            ),
            (1, 1)
        );
        drop(again);
        assert_eq!(counters().held_bytes, 1024);
        trim();
        assert_eq!(counters().held_bytes, 0);
    }

    #[test]
    fn live_bytes_and_their_peak_are_counted() {
        let before = counters().live_bytes;
        reset_peak();
        let (one, two) = (take(640), take(1280));
        drop(one);
        assert_eq!(counters().live_bytes - before, 1280);
        assert_eq!(counters().peak_bytes - before, 1920);
        drop(two);
        assert_eq!(counters().live_bytes, before);
        reset_peak();
        assert_eq!(counters().peak_bytes, before);
    }

    #[test]
    fn classes_are_as_small_as_they_say() {
        for bytes in (0..100_000).chain((20..50).flat_map(|e| [(1 << e) - 1, 1 << e, (1 << e) + 1]))
        {
            let class = class_of(bytes);
            assert!(size(class) >= bytes, "{bytes}");
            assert!(class == 0 || size(class - 1) < bytes, "{bytes}");
            let whole = bytes.next_multiple_of(ALIGNMENT).max(ALIGNMENT);
            assert!(4 * (size(class) - whole) < whole, "{bytes}");
        }
        assert_eq!(usize::from(class_of(usize::MAX)), CLASSES - 1);
    }

    #[test]
    fn blocks_cross_threads() {
        let block = take(64);
        std::thread::spawn(move || drop(block)).join().unwrap();
    }
}
