//! The micro-kernel: one small tile of a product of scattered operands, held in registers.
//!
//! ```text
//! out[rows[i].out + j] = Σ_p left[rows[i].left + steps[p].left] · right[steps[p].right + j] + …
//! ```
//!
//! A tile of a few rows and vectors of columns is a sum of outer products: for each step p of the
//! inner axis, vectors of the right operand are loaded once and multiplied with a broadcast number
//! of the left one for each row. Where that number lies makes no difference to a tile, as long as the
//! way there is an addition. So windows of images are multiplied where they are. In a matrix rows and
//! steps are strides apart, and nothing needs to be looked up: see the [strip](super::strip).
//!
//! Each size of tile is a [routine](Routine) of its own. Tiles are as large as the registers allow;
//! at the edges of a result there are smaller ones, of 1, 2 and 4 rows and of fewer vectors. What a
//! tile has too many rows is computed with the last row's numbers and not written.

use super::addend::{Addend, write_row};
use crate::element::Float;
use crate::simd::{Isa, Math, Routine, Simd};

/// Two positions: where a row begins in the left operand and in the result, or how far from there a
/// step reads the left operand and where the right one.
pub(crate) type Offsets = [i64; 2];

/// Most rows of a tile.
pub(super) const MOST_ROWS: usize = 8;

/// Some rows, the last one repeated for all that are missing.
pub(super) fn padded(rows: &[Offsets]) -> [Offsets; MOST_ROWS] {
    std::array::from_fn(|i| rows[i.min(rows.len() - 1)])
}

/// One tile: out ← left·right + β·addend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<T> {
    pub(super) left: *const T,
    pub(super) right: *const T,
    pub(super) out: *mut T,
    /// How many rows there are, and where they begin; as many as the kernel has, the last one
    /// repeated if there are fewer.
    pub(super) height: usize,
    pub(super) rows: *const Offsets,
    /// How many steps there are, and what they read.
    pub(super) depth: usize,
    pub(super) steps: *const Offsets,
    pub(super) columns: usize,
    pub(super) addend: Addend<T>,
}

/// The address of a micro-kernel. Its tile must have between one row and as many as the kernel, and
/// columns that end in its last vector, or, in a [lone row](MicroKernels::LONE), before. Both
/// operands must be readable for all rows and steps, the right one in whole vectors; the result and,
/// unless β is 0, the addend must be accessible for all rows and columns.
pub(super) type MicroKernel<T> = unsafe fn(&Tile<T>);

/// The micro-kernels of an instruction set.
#[derive(Clone, Copy, Debug)]
pub(super) struct MicroKernels<T> {
    /// By vectors of columns, then for up to 1, 2, 4 and more rows.
    sizes: [[MicroKernel<T>; 4]; 3],
    /// A single row of many columns.
    lone: MicroKernel<T>,
    /// Vectors of the widest of the others.
    widest: usize,
}

impl<T: Float> MicroKernels<T> {
    /// Vectors of a lone row: enough running sums to hide the latency of multiply-add.
    pub(super) const LONE: usize = 8;

    #[inline(always)]
    pub(super) fn of<S: Simd<T>>(simd: S) -> Self {
        // What is constant here is decided before the tiles are compiled.
        if const { matches!(S::ISA, Isa::Avx512) } {
            addresses::<T, S, 8, 3>(simd)
        } else if const { matches!(S::ISA, Isa::Avx2) } {
            addresses::<T, S, 6, 2>(simd)
        } else {
            addresses::<T, S, 4, 2>(simd)
        }
    }

    /// The kernel for so many rows and vectors, at most those of the instruction set's tile, or one
    /// row of at most [`LONE`](Self::LONE) vectors.
    #[inline]
    pub(super) fn get(&self, rows: usize, vectors: usize) -> MicroKernel<T> {
        let height = match rows {
            1 if vectors > self.widest => return self.lone,
            1 => 0,
            2 => 1,
            3 | 4 => 2,
            _ => 3,
        };
        self.sizes[vectors - 1][height]
    }
}

#[inline(always)]
fn addresses<T: Float, S: Simd<T>, const ROWS: usize, const VECTORS: usize>(
    simd: S,
) -> MicroKernels<T> {
    debug_assert_eq!(S::ISA.resources().tile, [ROWS, VECTORS]);
    MicroKernels {
        sizes: [
            heights::<T, S, ROWS, 1>(simd),
            heights::<T, S, ROWS, 2>(simd),
            heights::<T, S, ROWS, VECTORS>(simd),
        ],
        lone: simd.address::<Body<1, { MicroKernels::<f32>::LONE }>>(),
        widest: VECTORS,
    }
}

#[inline(always)]
fn heights<T: Float, S: Simd<T>, const ROWS: usize, const VECTORS: usize>(
    simd: S,
) -> [MicroKernel<T>; 4] {
    [
        simd.address::<Body<1, VECTORS>>(),
        simd.address::<Body<2, VECTORS>>(),
        simd.address::<Body<4, VECTORS>>(),
        simd.address::<Body<ROWS, VECTORS>>(),
    ]
}

/// The micro-kernel of `ROWS` rows and `VECTORS` vectors of columns.
struct Body<const ROWS: usize, const VECTORS: usize>;

impl<T: Float, const ROWS: usize, const VECTORS: usize> Routine<T> for Body<ROWS, VECTORS> {
    type Argument = Tile<T>;

    #[inline(always)]
    unsafe fn run<S: Math<T>>(simd: S, tile: &Tile<T>) {
        let mut lefts = [tile.left; ROWS];
        for (i, left) in lefts.iter_mut().enumerate() {
            // SAFETY: there are as many.
            let [row, _] = unsafe { *tile.rows.add(i) };
            *left = left.wrapping_offset(row as isize);
        }
        let mut sums = [[simd.splat(T::ZERO); VECTORS]; ROWS];
        for p in 0..tile.depth {
            // SAFETY: there are so many steps, and what they read is in the operands.
            unsafe {
                let [left, right] = *tile.steps.add(p);
                let right = tile.right.offset(right as isize);
                let mut columns = [simd.splat(T::ZERO); VECTORS];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = simd.load_at(right.add(v * S::LANES));
                }
                for (row, from) in sums.iter_mut().zip(&lefts) {
                    let factor = simd.splat(*from.offset(left as isize));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = simd.mul_add(factor, column, *sum);
                    }
                }
            }
        }
        // SAFETY: the tile is the caller's.
        unsafe { write(simd, tile, &sums) }
    }
}

/// The epilogue: adds what is to be added, and writes the rows that there are.
///
/// # Safety
/// As [`MicroKernel`] says.
#[inline(always)]
unsafe fn write<T: Float, S: Simd<T>, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    tile: &Tile<T>,
    sums: &[[S::Vector; VECTORS]; ROWS],
) {
    let addend = tile.addend;
    let one = simd.splat(T::ONE);
    let beta = addend.factor(simd);
    for (i, row) in sums.iter().enumerate() {
        if i >= tile.height {
            break;
        }
        // SAFETY: the row and the columns of each vector are inside the tile.
        unsafe {
            let to = tile.out.offset((*tile.rows.add(i))[1] as isize);
            let from = match addend.pointer.is_null() {
                false => addend.pointer.wrapping_add(i * addend.row_stride),
                true => to.cast_const(),
            };
            write_row(simd, row, one, beta, from, to, tile.columns);
        }
    }
}
