//! Transposed copies.

use crate::element::Float;
use crate::simd::{Isa, Kernel, Math, Simd};

/// Most lanes that vectors have.
const MOST_LANES: usize = 16;

/// `to[i, j]` ← `from[j, i]` for `rows` rows and `columns` columns of `to`; rows are a stride apart.
///
/// Square blocks go through registers: a vector from each row, then log₂ of their number perfect
/// shuffles. Each interleaves the first half of the vectors with the second, which rotates the bits
/// of an element's position by one; in the end those of row and column are exchanged.
#[inline(always)]
pub(super) fn turn<T: Float, S: Simd<T>>(
    simd: S,
    (from, from_stride): (&[T], usize),
    (to, to_stride): (&mut [T], usize),
    [rows, columns]: [usize; 2],
) {
    for column in (0..columns).step_by(S::LANES) {
        let width = S::LANES.min(columns - column);
        for row in (0..rows).step_by(S::LANES) {
            let height = S::LANES.min(rows - row);
            let mut vectors = [simd.splat(T::ZERO); MOST_LANES];
            if height == S::LANES && width == S::LANES {
                for (i, vector) in vectors[..S::LANES].iter_mut().enumerate() {
                    *vector = simd.load(&from[(column + i) * from_stride + row..]);
                }
            } else {
                for (i, vector) in vectors[..width].iter_mut().enumerate() {
                    let from = &from[(column + i) * from_stride + row..][..height];
                    *vector = simd.load_part(from);
                }
            }
            for _ in 0..S::LANES.ilog2() {
                let before = vectors;
                for i in 0..S::LANES / 2 {
                    (vectors[2 * i], vectors[2 * i + 1]) =
                        simd.zip(before[i], before[i + S::LANES / 2]);
                }
            }
            if height == S::LANES && width == S::LANES {
                for (i, &vector) in vectors[..S::LANES].iter().enumerate() {
                    simd.store(vector, &mut to[(row + i) * to_stride + column..]);
                }
            } else {
                for (i, &vector) in vectors[..height].iter().enumerate() {
                    let to = &mut to[(row + i) * to_stride + column..][..width];
                    simd.store_part(vector, to);
                }
            }
        }
    }
}

/// Transposed copies of `blocks` matrices, one a step after another.
#[derive(Debug)]
pub struct Turn<'a, T> {
    pub(super) from: &'a [T],
    pub(super) to: &'a mut [T],
    /// From row to row, in `from` and in `to`.
    pub(super) strides: [usize; 2],
    /// Rows and columns of what is written.
    pub(super) size: [usize; 2],
    pub(super) blocks: usize,
    /// From block to block.
    pub(super) steps: [usize; 2],
}

impl<T: Float> Turn<'_, T> {
    pub(crate) fn run_on(isa: Isa, turn: Self) {
        T::dispatch_on_vectors(isa, turn);
    }
}

impl<T: Float> Kernel<T> for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        for block in 0..self.blocks {
            let from = &self.from[block * self.steps[0]..];
            let to = &mut self.to[block * self.steps[1]..];
            turn(
                simd,
                (from, self.strides[0]),
                (to, self.strides[1]),
                self.size,
            );
        }
    }
}
