//! The parallel loop.
//!
//! All work of this crate that several threads share goes through [`for_each`]: a number of tasks
//! that follows from shapes alone, and a function of the task's number. It takes the function as a
//! `dyn`, so rayon's part of the loop is compiled once and not for each kernel that uses it.
//!
//! A training step is a few dozen loops with a little work of one thread in between. A thread of the pool
//! that finds nothing to do goes to sleep within microseconds, and to wake it takes 5 to 50, more than
//! many of these loops. So a thread that has helped looks out for more work for a tenth of a millisecond
//! before it returns to the pool.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Calls `f` with every number below `count`, on the threads of rayon's pool.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use retrograd_tensor::parallel;
///
/// let sum = AtomicUsize::new(0);
/// parallel::for_each(5, &|task| {
///     sum.fetch_add(task, Ordering::Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 10);
/// ```
pub fn for_each(count: usize, f: &(dyn Fn(usize) + Sync)) {
    range(0..count, f);
}

/// Whether there is one thread, so that nothing is gained by cutting work up. What is computed must not
/// depend on it.
pub(crate) fn is_alone() -> bool {
    rayon::current_num_threads() == 1
}

/// Halves of the numbers, so that a thread that has nothing to do takes over half of what is left.
fn range(numbers: Range<usize>, f: &(dyn Fn(usize) + Sync)) {
    if numbers.len() <= 1 {
        return numbers.for_each(f);
    }
    let half = numbers.start + numbers.len() / 2;
    join(
        || range(numbers.start..half, f),
        || range(half..numbers.end, f),
    );
}

/// Calls both, the second one on another thread of rayon's pool if one is idle.
pub fn join(first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
    if rayon::current_thread_index().is_none() {
        // The pool's own thread is the one that waits.
        return rayon::scope(|_| join(first, second));
    }
    let _busy = Busy::new();
    rayon::join_context(
        |_| first(),
        |context| {
            let busy = Busy::new();
            second();
            drop(busy);
            if context.migrated() && DEPTH.get() == 0 {
                rayon::spawn(look_out);
            }
        },
    );
}

/// How long a thread looks out for work: a few times as long as it takes to wake one.
const LOOKOUT: Duration = Duration::from_micros(100);

thread_local! {
    /// How many calls of [`join`], one within another, this thread has a part in. It is not idle when it
    /// waits for the other part.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// For as long as it lives, this thread has a part in a [`join`].
struct Busy;

impl Busy {
    fn new() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Waits a little for something to do, and does it. If that was a part of a [`join`], it has asked for
/// this again.
fn look_out() {
    let start = Instant::now();
    // A thread that waits for another may have taken this, and must not stay.
    while DEPTH.get() == 0 && start.elapsed() < LOOKOUT {
        match rayon::yield_now() {
            Some(rayon::Yield::Executed) => return,
            _ => std::thread::yield_now(),
        }
    }
}

/// Calls `f` with the number of each chunk of `size` elements and the chunk; the last one may be
/// shorter.
///
/// # Panics
/// If `size` is 0.
pub fn for_each_chunk<T: Send>(out: &mut [T], size: usize, f: &(dyn Fn(usize, &mut [T]) + Sync)) {
    for_each_chunks([(out, size)], &|chunk, [part]| f(chunk, part));
}

/// As [`for_each_chunk`], for several slices at once, each with a size of its own.
///
/// # Panics
/// If a size is 0, or the slices have different numbers of chunks.
pub fn for_each_chunks<T: Send, const N: usize>(
    outs: [(&mut [T], usize); N],
    f: &(dyn Fn(usize, [&mut [T]; N]) + Sync),
) {
    let outs = outs.map(|(out, size)| Chunks {
        start: out.as_mut_ptr(),
        len: out.len(),
        size,
    });
    let counts = outs.each_ref().map(|out| out.len.div_ceil(out.size));
    let count = counts.first().copied().unwrap_or(0);
    assert_eq!(counts, [count; N], "as many chunks of each slice");
    for_each(count, &|chunk| {
        // SAFETY: the loop comes by every chunk once, and the slices are borrowed for all of it.
        f(
            chunk,
            outs.each_ref().map(|out| unsafe { out.chunk(chunk) }),
        );
    });
}

/// A slice that threads share by chunks.
struct Chunks<T> {
    start: *mut T,
    len: usize,
    size: usize,
}

// SAFETY: what threads have in common is an address; each chunk is handed to one of them.
unsafe impl<T: Send> Sync for Chunks<T> {}

impl<T> Chunks<T> {
    /// # Safety
    /// The chunk exists and nobody else has it, and the slice is borrowed for `'a`.
    unsafe fn chunk<'a>(&self, chunk: usize) -> &'a mut [T] {
        let first = chunk * self.size;
        let len = self.size.min(self.len - first);
        // SAFETY: the chunk lies inside of the slice, and is the caller's alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn every_task_is_done_once() {
        for count in [0, 1, 2, 7, 1000] {
            let done: Vec<AtomicU32> = (0..count).map(|_| AtomicU32::new(0)).collect();
            for_each(count, &|task| {
                done[task].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.into_iter().all(|done| done.into_inner() == 1));
        }
    }

    #[test]
    fn chunks_are_those_of_the_slice() {
        for (len, size) in [(0, 3), (1, 3), (6, 3), (7, 3), (7, 1), (5, 9)] {
            let mut found = vec![0; len];
            for_each_chunk(&mut found, size, &|chunk, part| part.fill(chunk));
            let expected: Vec<usize> = (0..len).map(|i| i / size).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn several_slices_go_together() {
        let (mut a, mut b) = ([0; 6], [0; 3]);
        for_each_chunks([(&mut a, 2), (&mut b, 1)], &|chunk, [a, b]| {
            a.fill(chunk);
            b[0] = 10 * chunk;
        });
        assert_eq!((a, b), ([0, 0, 1, 1, 2, 2], [0, 10, 20]));
    }

    #[test]
    #[should_panic(expected = "as many chunks of each slice")]
    fn slices_of_different_numbers_of_chunks_are_refused() {
        for_each_chunks([(&mut [0; 6], 2), (&mut [0; 3], 2)], &|_, _| ());
    }
}
