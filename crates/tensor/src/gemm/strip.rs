//! The kernel of matrix products: a strip of the result, one tile wide, from the top to the bottom.
//!
//! A tile is a sum of outer products: for each step of the inner axis, vectors of the right operand are
//! loaded once and multiplied with a broadcast number of the left one for each row. The walk down the
//! tiles is compiled with them: with an inner axis of ten or twenty steps, what comes before and after
//! these takes as long as they do, and with a few hundred still some percent. What a tile at the bottom
//! has too many rows is computed with the last row's numbers and not written.
//!
//! A tile one vector wide does a multiply-add for each number that it loads from the left operand, so
//! loads are its limit. A tile of three is as wide as the registers allow and limited by multiply-adds.

use super::addend::{Addend, write_row};
use crate::element::Float;
use crate::simd::{Isa, Kernel, Math, Routine, Simd};

/// out ← α·left·right + β·addend, for the columns of one tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip<T> {
    /// The first row's number of the first step, and how far it is from there to the next row and the
    /// next step. After the rows of a tile so much is skipped.
    pub(super) left: *const T,
    pub(super) row_stride: isize,
    pub(super) step_stride: isize,
    pub(super) skip: isize,
    /// The first step's numbers, next to each other, and how far it is to those of the next.
    pub(super) right: *const T,
    pub(super) right_stride: isize,
    pub(super) depth: usize,
    /// How many of the first steps can be read in whole vectors, though there be fewer columns.
    pub(super) whole: usize,
    pub(super) out: *mut T,
    pub(super) out_stride: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) alpha: T,
    pub(super) addend: Addend<T>,
}

/// The address of a strip's kernel. The columns must end in its last vector. Both operands must be
/// readable for all rows and steps, the right one as `whole` says; the result and, unless β is 0, the
/// addend must be accessible for all rows and columns.
pub(super) type StripKernel<T> = unsafe fn(&Strip<T>);

/// The kernels of an instruction set.
#[derive(Clone, Copy, Debug)]
pub(super) struct StripKernels<T> {
    /// By vectors of columns, up to those of the instruction set's tile. All steps must be whole.
    wide: [StripKernel<T>; 3],
    /// For one vector and for two, and any steps.
    narrow: [StripKernel<T>; 2],
}

impl<T: Float> StripKernels<T> {
    /// Columns of the widest strip whose steps need not be whole, in vectors.
    pub(super) const NARROW: usize = 2;

    #[inline(always)]
    pub(super) fn of<S: Simd<T>>(simd: S) -> Self {
        Self {
            wide: wide::<T, S, false>(simd),
            // A part of a vector takes a register for its mask.
            narrow: if const { matches!(S::ISA, Isa::Avx512) } {
                [
                    simd.address::<Walk<8, 4, 1, false, true>>(),
                    simd.address::<Walk<8, 4, 2, false, true>>(),
                ]
            } else {
                [
                    simd.address::<Walk<6, 2, 1, false, true>>(),
                    simd.address::<Walk<4, 2, 2, false, true>>(),
                ]
            },
        }
    }

    /// The same, with wide strips of [pairs](super::mixed).
    pub(super) fn of_pairs(self, isa: Isa) -> Self {
        let wide = T::dispatch_with_halves(isa, FindPairs);
        Self { wide, ..self }
    }

    /// The kernel of strips with so many vectors, whose steps are whole.
    #[inline]
    pub(super) fn wide(&self, vectors: usize) -> StripKernel<T> {
        self.wide[vectors - 1]
    }

    /// The kernel of strips with so many vectors, at most [`NARROW`](Self::NARROW).
    #[inline]
    pub(super) fn narrow(&self, vectors: usize) -> StripKernel<T> {
        self.narrow[vectors - 1]
    }
}

struct FindPairs;

impl<T: Float> Kernel<T> for FindPairs {
    type Output = [StripKernel<T>; 3];
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) -> Self::Output {
        wide::<T, S, true>(simd)
    }
}

/// Kernels as high as the instruction set's tile, and as wide and less.
#[inline(always)]
fn wide<T: Float, S: Simd<T>, const PAIRS: bool>(simd: S) -> [StripKernel<T>; 3] {
    // What is constant here is decided before the tiles are compiled.
    if const { matches!(S::ISA, Isa::Avx512) } {
        widths::<T, S, 8, 4, 3, PAIRS>(simd)
    } else if const { matches!(S::ISA, Isa::Avx2) } {
        widths::<T, S, 6, 2, 2, PAIRS>(simd)
    } else {
        widths::<T, S, 4, 2, 2, PAIRS>(simd)
    }
}

#[inline(always)]
fn widths<T, S, const HEIGHT: usize, const LOW: usize, const VECTORS: usize, const PAIRS: bool>(
    simd: S,
) -> [StripKernel<T>; 3]
where
    T: Float,
    S: Simd<T>,
{
    debug_assert_eq!(S::ISA.resources().tile, [HEIGHT, VECTORS]);
    [
        simd.address::<Walk<HEIGHT, LOW, 1, PAIRS, false>>(),
        simd.address::<Walk<HEIGHT, LOW, 2, PAIRS, false>>(),
        simd.address::<Walk<HEIGHT, LOW, VECTORS, PAIRS, false>>(),
    ]
}

/// The walk down the tiles of a strip: tiles of `HEIGHT` rows, and at the bottom one for the rows that
/// are left, which has 1 or `LOW` if that is enough. Numbers may be [`PAIRS`](super::mixed), and steps not whole
/// if it is taken with `CARE`.
struct Walk<
    const HEIGHT: usize,
    const LOW: usize,
    const VECTORS: usize,
    const PAIRS: bool,
    const CARE: bool,
>;

impl<
    T: Float,
    const HEIGHT: usize,
    const LOW: usize,
    const VECTORS: usize,
    const PAIRS: bool,
    const CARE: bool,
> Routine<T> for Walk<HEIGHT, LOW, VECTORS, PAIRS, CARE>
{
    type Argument = Strip<T>;

    #[inline(always)]
    unsafe fn run<S: Math<T>>(simd: S, strip: &Strip<T>) {
        let mut strip = *strip;
        // SAFETY: the strip is the caller's, and what is left of it below a tile.
        unsafe {
            while strip.rows >= HEIGHT {
                tile::<T, S, HEIGHT, VECTORS, PAIRS, CARE, false>(simd, &strip);
                let way = HEIGHT as isize * strip.row_stride + strip.skip;
                strip.left = strip.left.wrapping_offset(way);
                strip.out = strip.out.wrapping_add(HEIGHT * strip.out_stride);
                strip.addend = strip.addend.after_rows(HEIGHT);
                strip.rows -= HEIGHT;
            }
            match strip.rows {
                0 => {}
                1 => tile::<T, S, 1, VECTORS, PAIRS, CARE, true>(simd, &strip),
                few if few <= LOW => tile::<T, S, LOW, VECTORS, PAIRS, CARE, true>(simd, &strip),
                _ => tile::<T, S, HEIGHT, VECTORS, PAIRS, CARE, true>(simd, &strip),
            }
        }
    }
}

/// The first tile of a strip.
///
/// # Safety
/// As for a [kernel](StripKernel), with as many rows as the tile is high or, at the `EDGE`, at least one.
#[inline(always)]
unsafe fn tile<
    T: Float,
    S: Math<T>,
    const HEIGHT: usize,
    const VECTORS: usize,
    const PAIRS: bool,
    const CARE: bool,
    const EDGE: bool,
>(
    simd: S,
    strip: &Strip<T>,
) {
    // Rows that an edge has too few are the last one again.
    let last = if EDGE { strip.rows - 1 } else { HEIGHT - 1 };
    let mut lefts = [strip.left; HEIGHT];
    for (i, left) in lefts.iter_mut().enumerate() {
        *left = left.wrapping_offset(i.min(last) as isize * strip.row_stride);
    }
    let mut sums = [[simd.splat(T::ZERO); VECTORS]; HEIGHT];
    let (mut right, mut step) = (strip.right, 0);
    for p in 0..strip.depth {
        // SAFETY: there are so many rows, steps and columns.
        unsafe {
            let mut columns = [simd.splat(T::ZERO); VECTORS];
            for (v, column) in columns.iter_mut().enumerate() {
                let from = right.add(v * S::LANES);
                *column = if !CARE || v + 1 < VECTORS || p < strip.whole {
                    simd.load_at(from)
                } else {
                    simd.load_part_at(from, strip.columns - v * S::LANES)
                };
            }
            for (row, left) in sums.iter_mut().zip(&lefts) {
                let factor = simd.splat(*left.offset(step));
                for (sum, &column) in row.iter_mut().zip(&columns) {
                    *sum = match PAIRS {
                        true => simd.dot_halves(factor, column, *sum),
                        false => simd.mul_add(factor, column, *sum),
                    };
                }
            }
        }
        step += strip.step_stride;
        right = right.wrapping_offset(strip.right_stride);
    }
    let addend = strip.addend;
    let (from, stride) = match addend.pointer.is_null() {
        true => (strip.out.cast_const(), strip.out_stride),
        false => (addend.pointer, addend.row_stride),
    };
    let alpha = simd.splat(strip.alpha);
    let beta = addend.factor(simd);
    for (i, sums) in sums.iter().enumerate() {
        if EDGE && i > last {
            break;
        }
        let from = from.wrapping_add(i * stride);
        let to = strip.out.wrapping_add(i * strip.out_stride);
        // SAFETY: the row is in the strip.
        unsafe { write_row(simd, sums, alpha, beta, from, to, strip.columns) }
    }
}
