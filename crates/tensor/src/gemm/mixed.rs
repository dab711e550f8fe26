//! Products in [mixed precision](crate::Precision::Mixed): operands rounded to bf16, sums in f32.
//!
//! A bf16 is the upper half of an f32: the same exponents, and eight bits of precision. Two of them take
//! the room of an f32, so each operand becomes a matrix of *pairs*, half as long along the inner axis of k
//! steps. Step p is paired with step p + h, where h = ⌈k/2⌉: a sum has no order as long as both operands
//! agree, and so no number has to move sideways, whichever axis an operand is stored along. From there
//! on it is the [blocked product](super::blocked) of matrices whose numbers are pairs, with strips that
//! add two products a lane ([`Simd::dot_halves`]).
//!
//! All of this is written for the upper halves of any type; only f32 is used.

use super::blocked::{self, Destination};
use super::{Matrix, Onto, Routines};
use crate::element::Float;
use crate::parallel;
use crate::simd::{Isa, Kernel, MAX_LANES, Math, Simd, halves};
use crate::storage::Storage;

/// Pairs worth a task of their own, about 10 µs of rounding.
const TASK: usize = 1 << 15;

/// Least side of a product that is taken like this. Rounding a thinner one takes longer than it saves.
const LEAST_SIDE: usize = 32;

/// Whether the product of these operands may be taken like this.
pub(super) fn suits<T>(left: &Matrix<'_, T>, right: &Matrix<'_, T>) -> bool {
    left.rows.min(left.columns).min(right.columns) >= LEAST_SIDE
}

/// The product with vectors of `isa`, of operands that are rounded first.
///
/// # Safety
/// `target` must allow access to `left.rows` x `right.columns` elements that nobody else accesses.
pub(super) unsafe fn multiply<T: Float>(
    isa: Isa,
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    target: Destination<T>,
) {
    let half = left.columns.div_ceil(2);
    let [mut lefts, mut rights] =
        [left.rows, right.columns].map(|lines| Storage::recycled(lines * half));
    let left = paired(isa, left, lefts.as_mut_slice());
    let right = paired(isa, right.turned(), rights.as_mut_slice()).turned();
    // SAFETY: the caller's promise.
    unsafe { blocked::multiply(&Routines::of_pairs(isa), alpha, left, right, onto, target) }
}

/// The matrix of a matrix's pairs along its columns, stored along the same axis.
fn paired<'a, T: Float>(isa: Isa, matrix: Matrix<'_, T>, pairs: &'a mut [T]) -> Matrix<'a, T> {
    let Matrix { rows, columns, .. } = matrix;
    let half = columns.div_ceil(2);
    // A line is a part of the longer way through memory without jumps.
    let by_rows = matrix.column_stride == 1;
    let line = if by_rows { half } else { rows };
    let lines = (TASK / line).max(1);
    parallel::for_each_chunk(pairs, lines * line, &|task, pairs| {
        for (i, to) in pairs.chunks_exact_mut(line).enumerate() {
            let i = task * lines + i;
            let [low, high] = match by_rows {
                true => [(i, 0, half), (i, half, columns - half)],
                false => [
                    (0, i, rows),
                    (0, half + i, if half + i < columns { rows } else { 0 }),
                ],
            };
            let of = |(row, column, count)| Line {
                data: matrix.data,
                start: matrix.position(row, column),
                stride: if by_rows { 1 } else { matrix.row_stride },
                count,
            };
            T::dispatch_on(
                isa,
                Pair {
                    low: of(low),
                    high: of(high),
                    to,
                },
            );
        }
    });
    let stored = Matrix {
        data: pairs,
        offset: 0,
        rows: pairs.len() / line,
        columns: line,
        row_stride: line as isize,
        column_stride: 1,
    };
    if by_rows { stored } else { stored.turned() }
}

/// Some numbers of a matrix, a stride apart.
#[derive(Clone, Copy)]
struct Line<'a, T> {
    data: &'a [T],
    start: isize,
    stride: isize,
    count: usize,
}

impl<'a, T: Float> Line<'a, T> {
    /// The numbers, if they lie next to each other.
    #[inline(always)]
    fn slice(&self) -> Option<&'a [T]> {
        match (self.count, self.stride) {
            (0, _) => Some(&[]),
            (count, 1) => Some(&self.data[self.start as usize..][..count]),
            _ => None,
        }
    }

    /// So many numbers from `first` on, wherever they lie; zeros after the last.
    #[inline(always)]
    fn gather<S: Simd<T>>(&self, simd: S, first: usize) -> S::Vector {
        let mut numbers = [T::ZERO; MAX_LANES];
        for (i, number) in (first..self.count).zip(&mut numbers[..S::LANES]) {
            *number = self.data[(self.start + i as isize * self.stride) as usize];
        }
        simd.load(&numbers)
    }
}

/// `to` ← the pairs of numbers of two lines.
struct Pair<'a, T> {
    low: Line<'a, T>,
    high: Line<'a, T>,
    to: &'a mut [T],
}

impl<T: Float> Kernel<T> for Pair<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Self { low, high, to } = self;
        let mut done = 0;
        if let (Some(low), Some(high)) = (low.slice(), high.slice()) {
            let whole = low.chunks_exact(S::LANES).zip(high.chunks_exact(S::LANES));
            for ((low, high), to) in whole.zip(to.chunks_exact_mut(S::LANES)) {
                simd.store(halves::pack(simd, simd.load(low), simd.load(high)), to);
                done += S::LANES;
            }
        }
        for (block, to) in to[done..].chunks_mut(S::LANES).enumerate() {
            let first = done + block * S::LANES;
            let (low, high) = (low.gather(simd, first), high.gather(simd, first));
            simd.store_part(halves::pack(simd, low, high), to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::matmul::matrix;
    use crate::{Array, Precision, assert_abs_diff_eq, random};

    /// The nearest bf16, found among the two around a number.
    fn rounded(x: f32) -> f32 {
        let below = f32::from_bits(x.to_bits() & 0xffff_0000);
        let above = f32::from_bits((x.to_bits() & 0xffff_0000) + 0x1_0000);
        let [down, up] = [x - below, above - x].map(f32::abs);
        let is_even = below.to_bits() >> 16 & 1 == 0;
        if down < up || down == up && is_even {
            below
        } else {
            above
        }
    }

    /// The product, also of operands that do not [suit](suits).
    fn product(isa: Isa, a: &Array<f32>, b: &Array<f32>) -> Vec<f32> {
        let [left, right] = [a, b].map(|x| matrix(x, x.layout().offset()));
        let mut out = vec![f32::NAN; left.rows * right.columns];
        let target = Destination {
            pointer: out.as_mut_ptr(),
            row_stride: right.columns,
        };
        // SAFETY: `target` covers all of `out`, and both operands lie inside of their buffers.
        unsafe { multiply(isa, 1.0, left, right, Onto::Nothing, target) };
        out
    }

    /// Every arrangement of both operands, and shapes with odd and even inner axes, against the product in
    /// f64 of operands that are rounded one by one.
    #[test]
    fn operands_are_rounded_and_sums_are_not() {
        let mut rng = random::rng(3);
        let shapes = [
            [1, 1, 1],
            [3, 2, 5],
            [8, 17, 48],
            [20, 31, 33],
            [5, 784, 100],
            [130, 401, 70],
            [1, 300, 1],
            [300, 7, 1],
            [2, 3001, 4],
        ];
        for [rows, inner, columns] in shapes {
            let wide = Array::<f32>::normal([2 * rows, 2 * inner], 0.0, 1.0, &mut rng);
            let every_other = |x: &Array<f32>| {
                let half = x.slice(0, crate::Slice::all().step(2));
                half.slice(1, crate::Slice::all().step(2))
            };
            let b = Array::<f32>::normal([inner, columns], 0.0, 1.0, &mut rng);
            let a = every_other(&wide);
            let exact = {
                let [a, b] = [&a, &b].map(|x| x.map(rounded).cast::<f64>());
                a.matmul(&b)
            };
            let size = a.map(f32::abs).matmul(&b.map(f32::abs)).cast::<f64>();
            let upwards = a.flip(0).t().copied().t().flip(0);
            for a in [a.copied(), a.t().copied().t(), upwards, a] {
                for b in [b.copied(), b.t().copied().t(), b.flip(0).copied().flip(0)] {
                    for isa in Isa::available() {
                        let out = product(isa, &a, &b);
                        let bound = (inner + 2) as f64 * f64::from(f32::EPSILON);
                        for ((x, exact), size) in out.iter().zip(exact.iter()).zip(size.iter()) {
                            let error = (f64::from(*x) - exact).abs();
                            assert!(
                                error <= bound * size * 1.01,
                                "{isa} {rows} {inner} {columns}: {error:e}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn one_number_may_be_a_whole_operand() {
        let one = Array::<f32>::ones([1, 1]).broadcast_to([40, 50]);
        for isa in Isa::available() {
            assert_eq!(product(isa, &one, &one.t()), [50.0; 40 * 40]);
        }
    }

    #[test]
    fn rounding_keeps_what_is_special() {
        let one = Array::<f32>::ones([1, 1]);
        let special = [
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            1.0e-37,
            -3.0,
        ];
        for x in special
            .into_iter()
            .chain([f32::NAN, f32::from_bits(0x7f80_0001)])
        {
            let found = product(Isa::current(), &Array::full([1, 1], x), &one)[0];
            let expected = if x == f32::MAX {
                f32::INFINITY
            } else {
                rounded_or_nan(x)
            };
            assert!(
                found == expected || found.is_nan() && x.is_nan(),
                "{x}: {found}"
            );
        }
    }

    fn rounded_or_nan(x: f32) -> f32 {
        if x.is_finite() && x != 0.0 {
            rounded(x)
        } else {
            x
        }
    }

    #[test]
    fn batches_rows_and_sums_are_mixed_as_well_and_thin_ones_and_f64_are_not() {
        // Sums of forty, of which a two-thousandth is lost in rounding.
        let x = Array::<f32>::full([2, 33, 40], 1.0 + 1.0 / 1024.0);
        let ones = Array::<f32>::ones([40, 35]);
        let matrix = x.select(0, 0);
        let full = 40.0 + 40.0 / 1024.0;
        Precision::Mixed.scope(|| {
            assert_eq!(x.matmul(&ones), Array::full([2, 33, 35], 40.0));
            let batch = ones.broadcast_to([2, 40, 35]).copied();
            assert_eq!(x.matmul(&batch), Array::full([2, 33, 35], 40.0));
            let row = Array::full([35], 0.5);
            assert_eq!(matrix.affine(&ones, &row), Array::full([33, 35], 40.5));
            let mut sum = Array::<f32>::ones([33, 35]);
            sum.add_product(2.0, &matrix, &ones, -1.0);
            assert_eq!(sum, Array::full([33, 35], 79.0));
            let thin = ones.slice(1, ..31);
            assert_eq!(matrix.matmul(&thin), Array::full([33, 31], full));
            let double = matrix.cast::<f64>().matmul(&ones.cast());
            let exact = Array::full([33, 35], f64::from(full));
            assert_abs_diff_eq!(double, exact, epsilon = 1e-13);
        });
        assert_eq!(matrix.matmul(&ones), Array::full([33, 35], full));
    }

    #[test]
    fn the_result_does_not_depend_on_the_number_of_threads() {
        let mut rng = random::rng(6);
        let a = Array::<f32>::normal([300, 784], 0.0, 1.0, &mut rng);
        let b = Array::<f32>::normal([784, 500], 0.0, 1.0, &mut rng);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| Precision::Mixed.scope(|| a.matmul(&b)))
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert_eq!(with(threads), one);
        }
    }
}
