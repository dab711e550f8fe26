//! The micro-kernel: one small tile of a product, held in registers.
//!
//! ```text
//! out[rows[i].out + j] = α · Σ_p left[rows[i].left + steps[p].left] · right[steps[p].right + j] + …
//! ```
//!
//! A tile of a few rows and vectors of columns is a sum of outer products: for each step p of the
//! inner axis, vectors of the right operand are loaded once and multiplied with a broadcast number
//! of the left one for each row. Where that number lies makes no difference to a tile, as long as the
//! way there is an addition. So packed panels, matrices read where they are and windows of images are
//! all multiplied by the same code; in a packed panel the addresses are in step.
//!
//! Each size of tile is a [routine](Routine) of its own. Tiles are as large as the registers allow;
//! at the edges of a result there are smaller ones, of 1, 2 and 4 rows and of fewer vectors. What a
//! tile has too many rows is computed with the last row's numbers and not written.

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

/// What a tile is added to, times β.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addend<T> {
    /// Column 0 of the tile's first row; null for what the result holds. Not read if β is 0.
    pub(super) pointer: *const T,
    /// 0 adds the same row to every row.
    pub(super) row_stride: usize,
    pub(super) beta: T,
}

impl<T: Float> Addend<T> {
    /// Nothing, whatever the result holds.
    pub(super) const NOTHING: Self = Self::scaled(T::ZERO);

    /// What the result holds, times β.
    pub(super) const fn scaled(beta: T) -> Self {
        Self {
            pointer: std::ptr::null(),
            row_stride: 0,
            beta,
        }
    }

    /// Rows of numbers, a stride apart.
    pub(super) fn rows(rows: &[T], row_stride: usize) -> Self {
        Self {
            pointer: rows.as_ptr(),
            row_stride,
            beta: T::ONE,
        }
    }

    /// The addend of the part starting at a row.
    pub(super) fn after_rows(self, row: usize) -> Self {
        self.after_columns(row * self.row_stride)
    }

    /// The addend of the part starting at a column.
    pub(super) fn after_columns(self, column: usize) -> Self {
        let pointer = match self.pointer.is_null() {
            true => self.pointer,
            false => self.pointer.wrapping_add(column),
        };
        Self { pointer, ..self }
    }
}

/// One tile: out ← α·left·right + β·addend.
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
    pub(super) alpha: T,
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
    pub(super) fn of<S: Simd<T>, const PAIRS: bool>(simd: S) -> Self {
        // What is constant here is decided before the tiles are compiled.
        if const { matches!(S::ISA, Isa::Avx512) } {
            addresses::<T, S, PAIRS, 8, 3>(simd)
        } else if const { matches!(S::ISA, Isa::Avx2) } {
            addresses::<T, S, PAIRS, 6, 2>(simd)
        } else {
            addresses::<T, S, PAIRS, 4, 2>(simd)
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
fn addresses<T: Float, S: Simd<T>, const PAIRS: bool, const ROWS: usize, const VECTORS: usize>(
    simd: S,
) -> MicroKernels<T> {
    debug_assert_eq!(S::ISA.resources().tile, [ROWS, VECTORS]);
    MicroKernels {
        sizes: [
            heights::<T, S, PAIRS, ROWS, 1>(simd),
            heights::<T, S, PAIRS, ROWS, 2>(simd),
            heights::<T, S, PAIRS, ROWS, VECTORS>(simd),
        ],
        lone: simd.address::<Body<PAIRS, 1, { MicroKernels::<f32>::LONE }>>(),
        widest: VECTORS,
    }
}

#[inline(always)]
fn heights<T: Float, S: Simd<T>, const PAIRS: bool, const ROWS: usize, const VECTORS: usize>(
    simd: S,
) -> [MicroKernel<T>; 4] {
    [
        simd.address::<Body<PAIRS, 1, VECTORS>>(),
        simd.address::<Body<PAIRS, 2, VECTORS>>(),
        simd.address::<Body<PAIRS, 4, VECTORS>>(),
        simd.address::<Body<PAIRS, ROWS, VECTORS>>(),
    ]
}

/// The micro-kernel of `ROWS` rows and `VECTORS` vectors of columns, of numbers or of [pairs](super::mixed).
struct Body<const PAIRS: bool, const ROWS: usize, const VECTORS: usize>;

impl<T: Float, const PAIRS: bool, const ROWS: usize, const VECTORS: usize> Routine<T>
    for Body<PAIRS, ROWS, VECTORS>
{
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
                        *sum = match PAIRS {
                            true => simd.dot_halves(factor, column, *sum),
                            false => simd.mul_add(factor, column, *sum),
                        };
                    }
                }
            }
        }
        // SAFETY: the tile is the caller's.
        unsafe { write(simd, tile, &sums) }
    }
}

/// The epilogue: scales the sums, adds what is to be added, and writes them.
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
    let alpha = simd.splat(tile.alpha);
    let beta = match addend.beta == T::ZERO {
        true => None,
        false => Some(simd.splat(addend.beta)),
    };
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
            write_row(simd, row, alpha, beta, from, to, tile.columns);
        }
    }
}

/// One row of it: `to` ← α·sums + β·`from`, or without an addend.
///
/// # Safety
/// So many columns must be accessible; they end in the last vector, or in a lone row before.
#[inline(always)]
pub(super) unsafe fn write_row<T: Float, S: Simd<T>, const VECTORS: usize>(
    simd: S,
    sums: &[S::Vector; VECTORS],
    alpha: S::Vector,
    beta: Option<S::Vector>,
    from: *const T,
    to: *mut T,
    columns: usize,
) {
    for (v, &sum) in sums.iter().enumerate() {
        let first = v * S::LANES;
        let (to, from) = (to.wrapping_add(first), from.wrapping_add(first));
        let mut value = simd.mul(alpha, sum);
        let before_last = v + 1 < VECTORS && VECTORS < MicroKernels::<T>::LONE;
        // SAFETY: the columns of each vector are inside the row.
        unsafe {
            if before_last || columns >= first + S::LANES {
                if let Some(beta) = beta {
                    value = simd.mul_add(beta, simd.load_at(from), value);
                }
                simd.store_at(value, to);
            } else if columns > first {
                let count = columns - first;
                if let Some(beta) = beta {
                    value = simd.mul_add(beta, simd.load_part_at(from, count), value);
                }
                simd.store_part_at(value, to, count);
            }
        }
    }
}
