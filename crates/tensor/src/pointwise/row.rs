//! Functions over rows of values, a vector at a time.
//!
//! A row is where a block of values lies: neighbours in memory, or one vector that is read again
//! and again, which is how a constant takes part without being written out. Everything here is
//! inlined into the [`Leaf`](super::leaf::Leaf), which is compiled for every instruction set.

use crate::element::Float;
use crate::simd::Math;

/// Most lanes of any vector.
pub(super) const MAX_LANES: usize = 16;

/// Where the values of a block are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<T> {
    pub(super) start: *const T,
    /// 1 for neighbours in memory, 0 for one vector that stands for all.
    pub(super) step: usize,
}

impl<T: Float> Row<T> {
    /// Neighbours in memory.
    #[inline(always)]
    pub(super) fn of(start: *const T) -> Self {
        Self { start, step: 1 }
    }

    /// One value, written to every lane of the [`MAX_LANES`] at `vector`.
    #[inline(always)]
    pub(super) fn same(vector: *const T) -> Self {
        Self {
            start: vector,
            step: 0,
        }
    }

    /// Lanes from element `i` on.
    ///
    /// # Safety
    /// The row has them.
    #[inline(always)]
    pub(super) unsafe fn load<S: Math<T>>(self, simd: S, i: usize) -> S::Vector {
        // SAFETY: in the row, by the caller's promise.
        unsafe { simd.load_at(self.start.add(i * self.step)) }
    }

    /// The last `count < LANES` elements, from `i` on.
    ///
    /// # Safety
    /// The row has them.
    #[inline(always)]
    unsafe fn load_part<S: Math<T>>(self, simd: S, i: usize, count: usize) -> S::Vector {
        // SAFETY: in the row, by the caller's promise.
        unsafe { simd.load_part_at(self.start.add(i * self.step), count) }
    }

    /// As many elements from `i` on as are `left`, at most a vector.
    ///
    /// # Safety
    /// The row has them.
    #[inline(always)]
    pub(super) unsafe fn load_some<S: Math<T>>(self, simd: S, i: usize, left: usize) -> S::Vector {
        // SAFETY: in the row, by the caller's promise.
        unsafe {
            if left >= S::LANES {
                self.load(simd, i)
            } else {
                self.load_part(simd, i, left)
            }
        }
    }

    /// Element `i`.
    ///
    /// # Safety
    /// The row has it.
    #[inline(always)]
    pub(super) unsafe fn at(self, i: usize) -> T {
        // SAFETY: in the row, by the caller's promise.
        unsafe { *self.start.add(i * self.step) }
    }
}

/// `y` ← f of the elements of `N` rows.
///
/// # Safety
/// The rows have `len` elements, `y` has room for them, and a row that overlaps `y` begins where
/// `y` does.
#[inline(always)]
pub(super) unsafe fn each<T: Float, S: Math<T>, const N: usize>(
    simd: S,
    rows: [Row<T>; N],
    y: *mut T,
    len: usize,
    f: impl Fn([S::Vector; N]) -> S::Vector,
) {
    let whole = len - len % S::LANES;
    let mut i = 0;
    while i < whole {
        // SAFETY: a whole vector lies before `len`, in the rows and in `y`.
        unsafe { simd.store_at(f(of_each(rows, |row| row.load(simd, i))), y.add(i)) };
        i += S::LANES;
    }
    if whole < len {
        // SAFETY: `len - whole` elements are left, less than a vector.
        unsafe {
            let last = f(of_each(rows, |row| row.load_part(simd, whole, len - whole)));
            simd.store_part_at(last, y.add(whole), len - whole);
        }
    }
}

/// As [`each`], for functions that no vector has: rare ones, whose code is not worth compiling for
/// every instruction set.
///
/// # Safety
/// As [`each`].
#[inline(never)]
pub(super) unsafe fn one_by_one<T: Float, const N: usize>(
    rows: [Row<T>; N],
    y: *mut T,
    len: usize,
    f: impl Fn([T; N]) -> T,
) {
    for i in 0..len {
        // SAFETY: element `i` lies before `len`, in the rows and in `y`.
        unsafe { *y.add(i) = f(of_each(rows, |row| row.at(i))) };
    }
}

/// Writes as many lanes as are `left`, at most all.
///
/// # Safety
/// `y` has room for them.
#[inline(always)]
pub(super) unsafe fn store_some<T: Float, S: Math<T>>(
    simd: S,
    value: S::Vector,
    y: *mut T,
    left: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if left >= S::LANES {
            simd.store_at(value, y);
        } else {
            simd.store_part_at(value, y, left);
        }
    }
}

/// `f` of each row.
///
/// As `<[_; N]>::map`, which would guard every element against a panic in `f`: there are a thousand
/// loops, and the guards took the compiler half a minute.
#[inline(always)]
pub(super) fn of_each<R: Copy, V: Copy, const N: usize>(
    rows: [R; N],
    f: impl Fn(R) -> V,
) -> [V; N] {
    let mut all = [f(rows[0]); N];
    let mut i = 1;
    while i < N {
        all[i] = f(rows[i]);
        i += 1;
    }
    all
}
