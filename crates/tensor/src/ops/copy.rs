//! Elements in row-major order, from wherever they lie.
//!
//! Reading along the innermost axis is right where neighbours lie next to each other. Where they do
//! not, as in a transposed matrix, each read would fetch a cache line and use one element of it. So
//! the axis along which neighbours *are* close is walked as well, in square tiles: all elements of
//! the lines that a tile touches are used before the lines are let go.

use smallvec::SmallVec;

use crate::element::Element;
use crate::layout::Layout;
use crate::parallel::for_each_chunk;
use crate::shape::MAX_RANK;

/// Sides of a tile: its lines, one an element of a side, fit the L1 cache with room to spare.
const TILE: usize = 32;
/// Elements from which other threads are called in, and that each takes at a time.
const PARALLEL: usize = 1 << 17;

/// `out` ← the elements of `buffer` that `layout` walks, in row-major order.
pub(crate) fn row_major<T: Element>(buffer: &[T], layout: &Layout, out: &mut [T]) {
    let axes: SmallVec<[Axis; MAX_RANK]> = layout
        .shape()
        .iter()
        .zip(layout.strides())
        .filter(|(size, _)| **size != 1)
        .map(|(&size, &stride)| Axis { size, stride })
        .collect();
    if out.is_empty() {
        return;
    }
    let [first, inner @ ..] = &axes[..] else {
        return out.fill(buffer[layout.offset()]);
    };
    // Whole tiles of the first axis.
    let row = out.len() / first.size;
    let rows = (PARALLEL / row).max(1).next_multiple_of(TILE);
    let part = |i: usize, out: &mut [T]| {
        let size = out.len() / row;
        let start = layout.offset() as isize + (i * rows) as isize * first.stride;
        let first = Axis { size, ..*first };
        copy(buffer, start, &first, inner, out);
    };
    if out.len() < PARALLEL {
        let parts = out.chunks_mut(rows * row).enumerate();
        parts.for_each(|(i, out)| part(i, out));
    } else {
        for_each_chunk(out, rows * row, &part);
    }
}

/// One axis of what is copied.
#[derive(Clone, Copy, Debug)]
struct Axis {
    size: usize,
    stride: isize,
}

/// `out` ← the box of these axes that begins at `start`.
fn copy<T: Element>(buffer: &[T], start: isize, first: &Axis, inner: &[Axis], out: &mut [T]) {
    let Some((last, middle)) = inner.split_last() else {
        return run(buffer, start, first, out);
    };
    let width = out.len() / first.size;
    let is_transposed = last.stride.abs() > first.stride.abs() && first.stride != 0;
    if middle.is_empty() && is_transposed {
        return transpose(buffer, start, [first, last], out);
    }
    for (i, row) in out.chunks_mut(width).enumerate() {
        let start = start + i as isize * first.stride;
        copy(buffer, start, &inner[0], &inner[1..], row);
    }
}

/// `out` ← one row.
fn run<T: Element>(buffer: &[T], start: isize, axis: &Axis, out: &mut [T]) {
    let first = start as usize;
    match axis.stride {
        1 => out.copy_from_slice(&buffer[first..first + axis.size]),
        0 => out.fill(buffer[first]),
        stride => {
            for (i, slot) in out.iter_mut().enumerate() {
                *slot = buffer[(start + i as isize * stride) as usize];
            }
        }
    }
}

/// `out` ← a matrix whose rows lie closer to each other than the elements of a row, tile by tile.
fn transpose<T: Element>(buffer: &[T], start: isize, [rows, columns]: [&Axis; 2], out: &mut [T]) {
    for (i, band) in out.chunks_mut(TILE * columns.size).enumerate() {
        let start = start + (i * TILE) as isize * rows.stride;
        for first in (0..columns.size).step_by(TILE) {
            let width = TILE.min(columns.size - first);
            for (row, out) in band.chunks_mut(columns.size).enumerate() {
                let start = start + row as isize * rows.stride + first as isize * columns.stride;
                let column = Axis {
                    size: width,
                    stride: columns.stride,
                };
                run(buffer, start, &column, &mut out[first..first + width]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Array, Slice};

    /// The elements one by one, each where the layout says it lies.
    fn one_by_one<T: crate::Element>(view: &Array<T>) -> Vec<T> {
        let positions = view.layout().positions();
        positions.map(|position| view.buffer()[position]).collect()
    }

    #[test]
    fn copies_are_what_an_index_finds() {
        for shape in [[3, 5, 7], [1, 70, 65], [33, 1, 64], [2, 0, 3], [600, 9, 31]] {
            let x = Array::<f32>::arange(shape.iter().product()).with_shape(shape.into());
            for view in [
                x.clone(),
                x.permute(&[2, 0, 1]),
                x.permute(&[1, 2, 0]),
                x.permute(&[0, 2, 1]),
                x.permute(&[2, 1, 0]).flip(0),
                x.slice(1, Slice::all().step(2)).flip(2),
                x.slice(0, ..1).broadcast_to([2, 3, shape[1], shape[2]]),
            ] {
                let copy = view.copied();
                assert!(copy.is_contiguous() && !copy.shares_storage_with(&view));
                assert_eq!(copy.as_slice().unwrap(), one_by_one(&view));
                assert_eq!(view.values(), one_by_one(&view));
                assert!(view.iter().eq(one_by_one(&view)));
                assert_eq!(view, copy);
            }
        }
    }

    #[test]
    fn a_large_copy_is_the_same_in_parallel() {
        let x = Array::<f64>::arange(700 * 300).with_shape([700, 300].into());
        assert_eq!(x.t().copied().to_vec(), one_by_one(&x.t()));
        let back = x.t().flip(1);
        assert_eq!(back.copied().to_vec(), one_by_one(&back));
    }
}
