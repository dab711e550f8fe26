//! The product of weights with shifted planes.
//!
//! ```text
//! out[i, q] = Σ_p weights[p, i] · planes[starts[p] + q]
//! ```
//!
//! This is a matrix product whose right operand is never made: row p of it is the plane of a
//! channel from `starts[p]` on. A tile of a few rows and vectors of positions is held in registers
//! while p runs over all taps of all channels, as in the [product of matrices](crate::gemm).

use crate::element::Float;
use crate::simd::{Isa, Simd};

/// Taps of a block. A tile reads four lines of 64 bytes for each at most, 32 KB, and all panels find
/// them in the first-level cache.
const DEPTH: usize = 128;

/// Rows of a tile for a result of `rows` rows: as many as the registers hold, if there are so many.
pub(super) fn tile_rows(isa: Isa, rows: usize) -> usize {
    let most = if isa == Isa::Avx512 { 8 } else { 4 };
    rows.next_power_of_two().min(most)
}

/// One product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correlation<'a, T> {
    /// Rows of the result.
    pub(super) rows: usize,
    /// Positions of the result.
    pub(super) positions: usize,
    /// `[panel, tap, tile_rows]`: rows beyond the last are anything.
    pub(super) weights: &'a [T],
    /// Where each tap reads.
    pub(super) starts: &'a [i64],
    pub(super) planes: &'a [T],
}

impl<T: Float> Correlation<'_, T> {
    /// `out` `[rows, positions + SLACK]` ← the product; what is behind the positions is undefined.
    #[inline(always)]
    pub(super) fn run<S: Simd<T>>(self, simd: S, out: &mut [T]) {
        if self.starts.is_empty() {
            return out.fill(T::ZERO);
        }
        match tile_rows(S::ISA, self.rows) {
            8 => self.tiles::<S, 8, 3>(simd, out),
            // With 16 registers, 4 x 3 running sums would leave none for the factor.
            4 if const { matches!(S::ISA, Isa::Avx2) } => self.tiles::<S, 4, 2>(simd, out),
            4 => self.tiles::<S, 4, 3>(simd, out),
            2 => self.tiles::<S, 2, 6>(simd, out),
            _ => self.tiles::<S, 1, 8>(simd, out),
        }
    }

    #[inline(always)]
    fn tiles<S: Simd<T>, const ROWS: usize, const VECTORS: usize>(self, simd: S, out: &mut [T]) {
        let width = out.len() / self.rows;
        let panel = self.starts.len() * ROWS;
        for (chunk, starts) in self.starts.chunks(DEPTH).enumerate() {
            for first in (0..self.positions).step_by(VECTORS * S::LANES) {
                // All panels meet the same positions, which stay in the first-level cache.
                for (i, weights) in self.weights.chunks_exact(panel).enumerate() {
                    let weights = &weights[chunk * DEPTH * ROWS..][..starts.len() * ROWS];
                    let mut sums = [[simd.splat(T::ZERO); VECTORS]; ROWS];
                    let rows = || (i * ROWS..self.rows).map(|row| row * width + first);
                    if chunk > 0 {
                        for (place, sums) in rows().zip(&mut sums) {
                            let out = &out[place..][..VECTORS * S::LANES];
                            for (v, sum) in sums.iter_mut().enumerate() {
                                *sum = simd.load(&out[v * S::LANES..]);
                            }
                        }
                    }
                    let planes = &self.planes[first..];
                    accumulate(simd, starts, weights, planes, &mut sums);
                    for (place, sums) in rows().zip(&sums) {
                        let out = &mut out[place..][..VECTORS * S::LANES];
                        for (v, &sum) in sums.iter().enumerate() {
                            simd.store(sum, &mut out[v * S::LANES..]);
                        }
                    }
                }
            }
        }
    }
}

/// Adds the products of the weights `[tap, ROWS]` with what the taps read to a tile.
#[inline(always)]
fn accumulate<T: Float, S: Simd<T>, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    starts: &[i64],
    weights: &[T],
    planes: &[T],
    sums: &mut [[S::Vector; VECTORS]; ROWS],
) {
    let mut tile = *sums;
    for (&start, weights) in starts.iter().zip(weights.chunks_exact(ROWS)) {
        let plane = &planes[start as usize..][..VECTORS * S::LANES];
        let mut values = [simd.splat(T::ZERO); VECTORS];
        for (v, value) in values.iter_mut().enumerate() {
            *value = simd.load(&plane[v * S::LANES..]);
        }
        for (row, &weight) in tile.iter_mut().zip(weights) {
            let weight = simd.splat(weight);
            for (sum, &value) in row.iter_mut().zip(&values) {
                *sum = simd.mul_add(weight, value, *sum);
            }
        }
    }
    *sums = tile;
}
