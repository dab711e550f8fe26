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

/// Rows of windows: how many, how wide, how far apart in the planes, and how far apart in the result
/// those of two channels are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) count: usize,
    pub(super) width: usize,
    pub(super) pitch: usize,
    pub(super) area: usize,
}

/// Vectors of windows of a tile of [`Correlation::rows`].
fn tile_vectors(isa: Isa, width: usize, lanes: usize) -> usize {
    let vectors = width.div_ceil(lanes);
    match isa {
        Isa::Avx512 if vectors.is_multiple_of(3) => 3,
        Isa::Avx512 if vectors == 1 => 1,
        _ => 2,
    }
}

/// Whether rows are better multiplied one by one than all in one.
pub(super) fn suits_rows<T>(
    isa: Isa,
    results: usize,
    taps: usize,
    rows: Rows,
    flat: usize,
) -> bool {
    let lanes = (if isa == Isa::Avx512 { 64 } else { 32 }) / size_of::<T>();
    let tile = lanes * tile_vectors(isa, rows.width, lanes);
    let computed = rows.count * rows.width.next_multiple_of(tile);
    results > 2 && taps <= DEPTH && 8 * computed <= 9 * flat
}

impl<T: Float> Correlation<'_, T> {
    /// `out` ← the products for rows of windows, plus a number for each row of the result.
    #[inline(always)]
    pub(super) fn rows<S: Simd<T>>(self, simd: S, rows: Rows, bias: Option<&[T]>, out: &mut [T]) {
        match (
            tile_rows(S::ISA, self.rows),
            tile_vectors(S::ISA, rows.width, S::LANES),
        ) {
            (8, 1) => self.row_tiles::<S, 8, 1>(simd, rows, bias, out),
            (8, 2) => self.row_tiles::<S, 8, 2>(simd, rows, bias, out),
            (8, _) => self.row_tiles::<S, 8, 3>(simd, rows, bias, out),
            (_, 1) => self.row_tiles::<S, 4, 1>(simd, rows, bias, out),
            (_, 2) => self.row_tiles::<S, 4, 2>(simd, rows, bias, out),
            _ => self.row_tiles::<S, 4, 3>(simd, rows, bias, out),
        }
    }

    #[inline(always)]
    fn row_tiles<S: Simd<T>, const ROWS: usize, const VECTORS: usize>(
        self,
        simd: S,
        rows: Rows,
        bias: Option<&[T]>,
        out: &mut [T],
    ) {
        let panel = self.starts.len() * ROWS;
        for (i, weights) in self.weights.chunks_exact(panel).enumerate() {
            let mut start = [[simd.splat(T::ZERO); VECTORS]; ROWS];
            if let Some(bias) = bias {
                for (start, &term) in start.iter_mut().zip(&bias[i * ROWS..]) {
                    *start = [simd.splat(term); VECTORS];
                }
            }
            let channels = (self.rows - i * ROWS).min(ROWS);
            let out = &mut out[i * ROWS * rows.area..];
            for row in 0..rows.count {
                for first in (0..rows.width).step_by(VECTORS * S::LANES) {
                    let mut sums = start;
                    let planes = &self.planes[row * rows.pitch + first..];
                    accumulate(simd, self.starts, weights, planes, &mut sums);
                    let width = (rows.width - first).min(VECTORS * S::LANES);
                    let place = row * rows.width + first;
                    if channels == ROWS && width == VECTORS * S::LANES {
                        for (c, sums) in sums.iter().enumerate() {
                            let out = &mut out[c * rows.area + place..][..VECTORS * S::LANES];
                            for (v, &sum) in sums.iter().enumerate() {
                                simd.store(sum, &mut out[v * S::LANES..]);
                            }
                        }
                        continue;
                    }
                    for (c, sums) in sums.iter().enumerate().take(channels) {
                        let out = &mut out[c * rows.area + place..][..width];
                        for (out, &sum) in out.chunks_mut(S::LANES).zip(sums) {
                            simd.store_part(sum, out);
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
