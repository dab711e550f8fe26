//! A few rows times a matrix whose columns lie along the inner axis: one dot product an element.
//!
//! This is the linear layer `x·Wᵀ` of a single sample. Every number of the matrix is used a few
//! times at most, so the memory's speed is the limit and packing would only add to the traffic.

use super::blocked::Destination;
use super::{Matrix, Onto};
use crate::element::Float;
use crate::parallel;
use crate::simd::{Isa, Kernel, Math, Simd};

/// Most rows of the left operand; with more of them, packing the right one pays.
const MOST_ROWS: usize = 4;
/// Columns whose sums run side by side, to hide the latency of multiply-add.
const COLUMNS: usize = 4;
/// Numbers of the matrix worth a task of their own, about 20 µs of reading.
const TASK: usize = 1 << 16;

/// Whether both operands lie along the inner axis and the left one has few rows.
pub(super) fn suits<T>(left: &Matrix<'_, T>, right: &Matrix<'_, T>) -> bool {
    left.rows <= MOST_ROWS && left.column_stride == 1 && right.row_stride == 1
}

/// The product, by dot products with vectors of `isa`.
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
    let whole = DotColumns {
        alpha,
        left,
        right,
        onto,
        target,
        columns: 0..right.columns,
    };
    let columns = (TASK / left.columns).next_multiple_of(COLUMNS).max(COLUMNS);
    parallel::for_each(right.columns.div_ceil(columns), &|task| {
        let first = task * columns;
        let columns = first..(first + columns).min(right.columns);
        T::dispatch_on(
            isa,
            DotColumns {
                columns,
                ..whole.clone()
            },
        );
    });
}

/// Some columns of the result.
#[derive(Clone)]
struct DotColumns<'a, T> {
    alpha: T,
    left: Matrix<'a, T>,
    right: Matrix<'a, T>,
    onto: Onto<'a, T>,
    target: Destination<T>,
    columns: std::ops::Range<usize>,
}

impl<T: Float> Kernel<T> for DotColumns<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let inner = self.left.columns;
        for column in self.columns.clone().step_by(COLUMNS) {
            let columns = COLUMNS.min(self.columns.end - column);
            // A column beyond the last repeats the last, whose dot product is then not used.
            let vectors: [&[T]; COLUMNS] = std::array::from_fn(|j| {
                let column = column + j.min(columns - 1);
                &self.right.data[self.right.position(0, column) as usize..][..inner]
            });
            for row in 0..self.left.rows {
                let left = &self.left.data[self.left.position(row, 0) as usize..][..inner];
                let dots = dots(simd, left, vectors);
                for (j, &dot) in dots.iter().enumerate().take(columns) {
                    // SAFETY: the element is inside the result and belongs to this task.
                    let element = unsafe { &mut *self.target.at(row, column + j).pointer };
                    let old = match self.onto {
                        Onto::Scaled(beta) if beta != T::ZERO => beta * *element,
                        Onto::Nothing | Onto::Scaled(_) => T::ZERO,
                        Onto::Row(row) => row[column + j],
                    };
                    *element = self.alpha * dot + old;
                }
            }
        }
    }
}

/// The dot product of `left` with each of `columns`, all of one length.
#[inline(always)]
fn dots<T: Float, S: Simd<T>>(simd: S, left: &[T], columns: [&[T]; COLUMNS]) -> [T; COLUMNS] {
    /// Sums of each column that run side by side.
    const CHAINS: usize = 2;
    let mut sums = [[simd.splat(T::ZERO); CHAINS]; COLUMNS];
    let mut first = 0;
    while first < left.len() {
        for chain in 0..CHAINS {
            let start = (first + chain * S::LANES).min(left.len());
            let end = (start + S::LANES).min(left.len());
            let factor = simd.load_part(&left[start..end]);
            for (sum, column) in sums.iter_mut().zip(&columns) {
                let column = simd.load_part(&column[start..end]);
                sum[chain] = simd.mul_add(factor, column, sum[chain]);
            }
        }
        first += CHAINS * S::LANES;
    }
    // Not `sums.map`, whose closure would be a function without the kernel's instruction set.
    let mut dots = [T::ZERO; COLUMNS];
    for (dot, [even, odd]) in dots.iter_mut().zip(sums) {
        let mut lanes = [T::ZERO; 16];
        simd.store(simd.add(even, odd), &mut lanes);
        let mut width = S::LANES / 2;
        while width > 0 {
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
            width /= 2;
        }
        *dot = lanes[0];
    }
    dots
}
