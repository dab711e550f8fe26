//! Copies of lines: straight ones, filled up with zeros, and transposed ones.

use super::Routines;
use crate::element::Float;
use crate::simd::{Math, Routine, Simd};

/// Most lanes that vectors have.
const MOST_LANES: usize = 16;

/// `to[k, i, ..width]` ← `from[k, i, ..columns]`, then zeros, and zeros on some more lines.
#[derive(Debug)]
pub(crate) struct LineCopy<'a, T> {
    pub(crate) from: &'a [T],
    pub(crate) to: &'a mut [T],
    /// From line to line, in `from` and in `to`.
    pub(crate) strides: [usize; 2],
    /// How many there are, and how many lines of zeros follow them.
    pub(crate) lines: [usize; 2],
    /// How many columns there are, and with the zeros.
    pub(crate) columns: [usize; 2],
    /// How many such blocks of lines there are, and how far apart in `from` and in `to`.
    pub(crate) blocks: usize,
    pub(crate) block_strides: [usize; 2],
}

impl<T: Float> LineCopy<'_, T> {
    /// Makes the copy.
    ///
    /// # Panics
    /// If a line does not end inside of its slice.
    pub(crate) fn run(self, routines: &Routines<T>) {
        let ([lines, zeros], [columns, width]) = (self.lines, self.columns);
        let Some(last_block) = self.blocks.checked_sub(1) else {
            return;
        };
        let [from, to] = self.strides;
        let [first, second] = self.block_strides.map(|stride| last_block * stride);
        assert!(columns <= width);
        if lines > 0 {
            assert!(first + (lines - 1) * from + columns <= self.from.len());
        }
        if lines + zeros > 0 {
            assert!(second + (lines + zeros - 1) * to + width <= self.to.len());
        }
        let lines = Lines {
            from: self.from.as_ptr(),
            to: self.to.as_mut_ptr(),
            strides: self.strides,
            lines: self.lines,
            columns: self.columns,
            blocks: self.blocks,
            block_strides: self.block_strides,
        };
        // SAFETY: all lines are inside of the slices.
        unsafe { (routines.copy)(&lines) }
    }
}

/// `to[i, j]` ← `from[j, i]`; the numbers of each line lie next to each other.
#[derive(Debug)]
pub(crate) struct Transpose<'a, T> {
    pub(crate) from: &'a [T],
    pub(crate) to: &'a mut [T],
    /// From line to line, in `from` and in `to`.
    pub(crate) strides: [usize; 2],
    /// Rows and columns of `to`.
    pub(crate) size: [usize; 2],
}

impl<T: Float> Transpose<'_, T> {
    /// Makes the copy.
    ///
    /// # Panics
    /// If a line does not end inside of its slice.
    pub(crate) fn run(self, routines: &Routines<T>) {
        let [rows, columns] = self.size;
        if rows == 0 || columns == 0 {
            return;
        }
        let [from, to] = self.strides;
        assert!((columns - 1) * from + rows <= self.from.len());
        assert!((rows - 1) * to + columns <= self.to.len());
        let lines = Lines {
            from: self.from.as_ptr(),
            to: self.to.as_mut_ptr(),
            strides: self.strides,
            lines: [rows, 0],
            columns: [columns; 2],
            blocks: 1,
            block_strides: [0, 0],
        };
        // SAFETY: all lines are inside of the slices.
        unsafe { (routines.transpose)(&lines) }
    }
}

/// Lines by their addresses.
#[derive(Debug)]
pub(super) struct Lines<T> {
    from: *const T,
    to: *mut T,
    strides: [usize; 2],
    lines: [usize; 2],
    columns: [usize; 2],
    blocks: usize,
    block_strides: [usize; 2],
}

/// The routine of [`LineCopy`].
pub(super) struct Straight;

impl<T: Float> Routine<T> for Straight {
    type Argument = Lines<T>;

    #[inline(always)]
    unsafe fn run<S: Math<T>>(simd: S, lines: &Lines<T>) {
        let ([count, zeros], [columns, width]) = (lines.lines, lines.columns);
        let whole = columns / S::LANES * S::LANES;
        let part = columns - whole;
        // Line by line, so that neighbouring blocks are read in the order of memory.
        let (mut from, mut to) = (lines.from, lines.to);
        for _ in 0..count {
            let (mut source, mut target) = (from, to);
            for _ in 0..lines.blocks {
                // SAFETY: the line is inside of what is read and written.
                unsafe {
                    for i in (0..whole).step_by(S::LANES) {
                        simd.store_at(simd.load_at(source.add(i)), target.add(i));
                    }
                    let mut end = whole;
                    if part > 0 {
                        let values = simd.load_part_at(source.add(whole), part);
                        if width - whole >= S::LANES {
                            simd.store_at(values, target.add(whole));
                        } else {
                            simd.store_part_at(values, target.add(whole), width - whole);
                        }
                        end = width.min(whole + S::LANES);
                    }
                    for i in (end..width).step_by(S::LANES) {
                        let zeros =
                            std::slice::from_raw_parts_mut(target.add(i), S::LANES.min(width - i));
                        simd.store_part(simd.splat(T::ZERO), zeros);
                    }
                }
                source = source.wrapping_add(lines.block_strides[0]);
                target = target.wrapping_add(lines.block_strides[1]);
            }
            from = from.wrapping_add(lines.strides[0]);
            to = to.wrapping_add(lines.strides[1]);
        }
        for line in 0..zeros * lines.blocks {
            let (line, block) = (line % zeros, line / zeros);
            let start = line * lines.strides[1] + block * lines.block_strides[1];
            // SAFETY: the line is inside of what is written; a number of zeros is 0.
            unsafe { std::ptr::write_bytes(to.wrapping_add(start), 0, width) }
        }
    }
}

/// The routine of [`Transpose`].
///
/// Square blocks go through registers: a vector from each line, then log₂ of their number perfect
/// shuffles. Each interleaves the first half of the vectors with the second, which rotates the bits
/// of an element's position by one; in the end those of row and column are exchanged.
pub(super) struct Squares;

impl<T: Float> Routine<T> for Squares {
    type Argument = Lines<T>;

    #[inline(always)]
    unsafe fn run<S: Math<T>>(simd: S, lines: &Lines<T>) {
        let [from_stride, to_stride] = lines.strides;
        let ([rows, _], [columns, _]) = (lines.lines, lines.columns);
        for column in (0..columns).step_by(S::LANES) {
            let width = S::LANES.min(columns - column);
            for row in (0..rows).step_by(S::LANES) {
                let height = S::LANES.min(rows - row);
                let from = lines.from.wrapping_add(column * from_stride + row);
                let to = lines.to.wrapping_add(row * to_stride + column);
                let mut vectors = [simd.splat(T::ZERO); MOST_LANES];
                // SAFETY: `width` lines from `from` on have `height` elements, and as many lines
                // from `to` on have `width`.
                unsafe {
                    if height == S::LANES && width == S::LANES {
                        for (i, vector) in vectors[..S::LANES].iter_mut().enumerate() {
                            *vector = simd.load_at(from.add(i * from_stride));
                        }
                        let vectors = shuffled(simd, vectors);
                        for (i, &vector) in vectors[..S::LANES].iter().enumerate() {
                            simd.store_at(vector, to.add(i * to_stride));
                        }
                        continue;
                    }
                    for (i, vector) in vectors[..width].iter_mut().enumerate() {
                        let from = std::slice::from_raw_parts(from.add(i * from_stride), height);
                        *vector = simd.load_part(from);
                    }
                    let vectors = shuffled(simd, vectors);
                    for (i, &vector) in vectors[..height].iter().enumerate() {
                        let to = std::slice::from_raw_parts_mut(to.add(i * to_stride), width);
                        simd.store_part(vector, to);
                    }
                }
            }
        }
    }
}

/// The first `LANES` vectors as a matrix, transposed.
#[inline(always)]
fn shuffled<T: Float, S: Simd<T>>(
    simd: S,
    mut vectors: [S::Vector; MOST_LANES],
) -> [S::Vector; MOST_LANES] {
    for _ in 0..S::LANES.ilog2() {
        let before = vectors;
        for i in 0..S::LANES / 2 {
            (vectors[2 * i], vectors[2 * i + 1]) = simd.zip(before[i], before[i + S::LANES / 2]);
        }
    }
    vectors
}
