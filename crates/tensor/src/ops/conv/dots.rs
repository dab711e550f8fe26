//! Dot products of planes with shifted planes.
//!
//! ```text
//! out[i, p] += Σ_q left[i, q] · planes[starts[p] + q]
//! ```
//!
//! This is a matrix product along the positions. A tile of a few rows and taps is held in
//! registers, a vector for each, and summed across its lanes at the end.

use std::ops::Range;

use super::SPAN;
use crate::element::Float;
use crate::simd::{Isa, Kernel, Math, Simd};

/// Most vectors of a tile.
const MOST: usize = 16;

/// Taps of a block. They are a channel's or two, whose planes stay in the first-level cache while all
/// rows meet them.
const BLOCK: usize = 16;

/// One product.
#[derive(Debug)]
pub(super) struct PlaneDots<'a, T> {
    /// `[rows, positions]`, a whole number of vectors of positions.
    pub(super) left: &'a [T],
    pub(super) positions: usize,
    /// Where each tap reads.
    pub(super) starts: &'a [i64],
    pub(super) planes: &'a [T],
    /// `[rows, taps]`, which the products are added to.
    pub(super) out: &'a mut [T],
}

impl<T: Float> Kernel<T> for PlaneDots<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let few = self.left.len() <= 2 * self.positions;
        match (S::ISA, few) {
            (Isa::Avx512, false) => self.tiles::<S, 4, 4>(simd),
            (Isa::Avx512, true) => self.tiles::<S, 1, 16>(simd),
            (_, false) => self.tiles::<S, 4, 2>(simd),
            (_, true) => self.tiles::<S, 1, 8>(simd),
        }
    }
}

impl<T: Float> PlaneDots<'_, T> {
    #[inline(always)]
    fn tiles<S: Simd<T>, const ROWS: usize, const TAPS: usize>(self, simd: S) {
        let taps = self.starts.len();
        for (block, starts) in self.starts.chunks(BLOCK).enumerate() {
            for (i, left) in self.left.chunks(ROWS * self.positions).enumerate() {
                let rows = left.len() / self.positions;
                for (j, starts) in starts.chunks(TAPS).enumerate() {
                    for first in (0..self.positions).step_by(SPAN) {
                        let span = first..self.positions.min(first + SPAN);
                        let sums = self.tile::<S, ROWS, TAPS>(simd, left, starts, span);
                        for row in 0..rows {
                            let tap = block * BLOCK + j * TAPS;
                            let out =
                                &mut self.out[(i * ROWS + row) * taps + tap..][..starts.len()];
                            for (slot, &sum) in out.iter_mut().zip(&sums[row * TAPS..]) {
                                *slot += sum;
                            }
                        }
                    }
                }
            }
        }
    }

    /// The dot products of `ROWS` rows with `TAPS` taps over a span of positions; missing ones repeat
    /// the last.
    #[inline(always)]
    fn tile<S: Simd<T>, const ROWS: usize, const TAPS: usize>(
        &self,
        simd: S,
        left: &[T],
        starts: &[i64],
        span: Range<usize>,
    ) -> [T; MOST] {
        let length = span.len();
        let rows: [&[T]; ROWS] = std::array::from_fn(|i| {
            let row = i.min(left.len() / self.positions - 1);
            &left[row * self.positions + span.start..][..length]
        });
        let taps: [&[T]; TAPS] = std::array::from_fn(|j| {
            let start = starts[j.min(starts.len() - 1)] as usize;
            &self.planes[start + span.start..][..length]
        });
        let mut sums = [[simd.splat(T::ZERO); TAPS]; ROWS];
        let mut q = 0;
        while q + S::LANES <= length {
            let values: [S::Vector; TAPS] = std::array::from_fn(|j| simd.load(&taps[j][q..]));
            for (row, sums) in rows.iter().zip(&mut sums) {
                let value = simd.load(&row[q..]);
                for (sum, &tap) in sums.iter_mut().zip(&values) {
                    *sum = simd.mul_add(value, tap, *sum);
                }
            }
            q += S::LANES;
        }
        let mut flat = [simd.splat(T::ZERO); MOST];
        for (slot, &sum) in flat.iter_mut().zip(sums.as_flattened()) {
            *slot = sum;
        }
        across(simd, flat, ROWS * TAPS)
    }
}

/// The sum of the lanes of each of the first `count` vectors.
///
/// Zipping two vectors and adding the halves leaves half as many sums of each, side by side; after
/// as many rounds as lanes can be halved, every lane is the sum of one vector.
#[inline(always)]
fn across<T: Float, S: Simd<T>>(
    simd: S,
    mut vectors: [S::Vector; MOST],
    count: usize,
) -> [T; MOST] {
    let mut sums = [T::ZERO; MOST];
    let groups = sums.chunks_exact_mut(S::LANES).enumerate();
    for (group, sums) in groups.take(count.div_ceil(S::LANES)) {
        let first = group * S::LANES;
        let mut half = S::LANES / 2;
        while half > 0 {
            for i in first..first + half {
                let (low, high) = simd.zip(vectors[i], vectors[i + half]);
                vectors[i] = simd.add(low, high);
            }
            half /= 2;
        }
        simd.store(vectors[first], sums);
    }
    sums
}
