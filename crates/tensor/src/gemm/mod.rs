//! Matrix products C ← α·A·B + β·C on strided operands.
//!
//! Every product goes one of four ways:
//!
//! * [`blocked`]: operands packed into panels where that pays, and strips of tiles;
//! * [`dot`]: a few rows times the columns of a matrix that lie along the inner axis, which is too
//!   little work to pack anything for;
//! * [`narrow`]: few columns, strips of tiles with operands read where they lie;
//! * [`mixed`]: blocked, of operands that are rounded to bf16, where that is asked for.
//!
//! They are the same for every instruction set. What is compiled for each are a few short functions:
//! the kernels of [strips](strip), and the copies of [packing](pack). Convolutions come by products of
//! [scattered operands](indirect), whose tiles are the [micro-kernels](microkernel).
//!
//! The [`naive`] product is the reference that all are tested against. Work is cut by shape alone
//! and each element is one sum in one order, so results do not depend on the number of threads.
#![allow(unsafe_code)]

mod addend;
mod blocked;
mod blocking;
mod copy;
mod dot;
mod indirect;
mod microkernel;
mod mixed;
#[cfg(test)]
mod naive;
mod narrow;
mod pack;
mod panels;
mod strip;

use crate::element::Float;
use crate::precision::Precision;
use crate::simd::{Isa, Kernel, Math};
use addend::Addend;
use blocked::Destination;
pub(crate) use copy::{LineCopy, Transpose};
pub(crate) use indirect::{Epilogue, Indirect, Table};
use microkernel::MicroKernels;
pub(crate) use panels::Panels;
use strip::StripKernels;

/// A matrix to read: element `(i, j)` is `data[offset + i·row_stride + j·column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) offset: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: isize,
    pub(crate) column_stride: isize,
}

impl<T> Matrix<'_, T> {
    pub(crate) fn position(&self, row: usize, column: usize) -> isize {
        self.offset as isize + row as isize * self.row_stride + column as isize * self.column_stride
    }

    fn pointer(&self, row: usize, column: usize) -> *const T {
        let position = self.position(row, column);
        self.data.as_ptr().wrapping_offset(position)
    }

    /// Whether every element lies inside `data`; the extremes are at the corners.
    fn is_inside(&self) -> bool {
        let (bottom, right) = (self.rows - 1, self.columns - 1);
        [(0, 0), (0, right), (bottom, 0), (bottom, right)]
            .iter()
            .all(|&(row, column)| {
                (0..self.data.len() as isize).contains(&self.position(row, column))
            })
    }

    /// The transposed matrix, in the same memory.
    pub(crate) fn turned(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    pub(crate) fn rows_from(self, first: usize, rows: usize) -> Self {
        Self {
            offset: self.position(first, 0) as usize,
            rows,
            ..self
        }
    }

    pub(crate) fn columns_from(self, first: usize, columns: usize) -> Self {
        Self {
            offset: self.position(0, first) as usize,
            columns,
            ..self
        }
    }
}

/// The addresses of all that is compiled for an instruction set, found once for a product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routines<T> {
    pub(crate) isa: Isa,
    kernels: MicroKernels<T>,
    strips: StripKernels<T>,
    copy: unsafe fn(&copy::Lines<T>),
    transpose: unsafe fn(&copy::Lines<T>),
}

impl<T: Float> Routines<T> {
    pub(crate) fn new(isa: Isa) -> Self {
        T::dispatch_on(isa, FindRoutines)
    }

    /// With strips of numbers that are [pairs](mixed).
    fn of_pairs(isa: Isa) -> Self {
        let routines = Self::new(isa);
        Self {
            strips: routines.strips.of_pairs(isa),
            ..routines
        }
    }
}

struct FindRoutines;

impl<T: Float> Kernel<T> for FindRoutines {
    type Output = Routines<T>;
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) -> Routines<T> {
        Routines {
            isa: S::ISA,
            kernels: MicroKernels::of(simd),
            strips: StripKernels::of(simd),
            copy: simd.address::<copy::Straight>(),
            transpose: simd.address::<copy::Squares>(),
        }
    }
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Onto<'a, T> {
    /// Nothing: the result is overwritten, whatever it held.
    Nothing,
    /// What the result holds, times this.
    Scaled(T),
    /// The same row for every row of the result, such as a bias.
    Row(&'a [T]),
}

impl<T: Float> Onto<'_, T> {
    fn columns_from(self, first: usize) -> Self {
        match self {
            Self::Row(row) => Self::Row(&row[first..]),
            other => other,
        }
    }

    /// What the sum is added to that begins with this step of the inner axis: what was there counts once,
    /// and later sums are added to what the first one wrote.
    fn addend(self, first_step: usize) -> Addend<T> {
        match self {
            _ if first_step > 0 => Addend::scaled(T::ONE),
            // Not 0·C, which would keep a NaN.
            Self::Nothing => Addend::NOTHING,
            Self::Scaled(beta) => Addend::scaled(beta),
            Self::Row(row) => Addend::rows(row, 0),
        }
    }
}

/// `out` ← `left` · `right`, with `out` contiguous `[left.rows, right.columns]`.
pub(crate) fn product<T: Float>(
    precision: Precision,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    out: &mut [T],
) {
    product_onto(precision, T::ONE, left, right, Onto::Nothing, out);
}

/// `out` ← α · `left` · `right` + what `onto` says, with `out` contiguous `[rows, columns]`.
pub(crate) fn product_onto<T: Float>(
    precision: Precision,
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    out: &mut [T],
) {
    T::product(Isa::current(), precision, alpha, left, right, onto, out);
}

pub(crate) fn multiply<T: Float>(
    isa: Isa,
    precision: Precision,
    alpha: T,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    onto: Onto<'_, T>,
    out: &mut [T],
) {
    debug_assert_eq!(left.columns, right.rows, "checked by the shape rule");
    let (rows, columns) = (left.rows, right.columns);
    assert_eq!(out.len(), rows * columns, "the result holds rows x columns");
    if let Onto::Row(row) = onto {
        assert_eq!(row.len(), columns, "the row is as wide as the result");
    }
    if out.is_empty() {
        return;
    }
    if left.columns == 0 {
        return nothing(onto, out);
    }
    assert!(
        left.is_inside() && right.is_inside(),
        "a layout stays inside its storage"
    );
    // A column is a row of the transposed product, in the same memory.
    if columns == 1 && rows > 1 && !matches!(onto, Onto::Row(_)) {
        return multiply(
            isa,
            precision,
            alpha,
            right.turned(),
            left.turned(),
            onto,
            out,
        );
    }
    let target = Destination {
        pointer: out.as_mut_ptr(),
        row_stride: columns,
    };
    // SAFETY: `target` covers all of `out`, which is borrowed mutably for the whole call, and both
    // operands lie inside their slices.
    unsafe {
        let mixed = precision == Precision::Mixed && mixed::suits(&left, &right);
        if const { size_of::<T>() == 4 } && mixed {
            mixed::multiply(isa, alpha, left, right, onto, target);
        } else if dot::suits(&left, &right) {
            dot::multiply(isa, alpha, left, right, onto, target);
        } else if narrow::suits(isa, &right) {
            narrow::multiply(isa, alpha, left, right, onto, target);
        } else {
            blocked::multiply(&Routines::new(isa), alpha, left, right, onto, target);
        }
    }
}

/// The product along an inner axis of no elements.
fn nothing<T: Float>(onto: Onto<'_, T>, out: &mut [T]) {
    match onto {
        Onto::Nothing => out.fill(T::ZERO),
        Onto::Scaled(beta) if beta == T::ZERO => out.fill(T::ZERO),
        Onto::Scaled(beta) => out.iter_mut().for_each(|value| *value *= beta),
        Onto::Row(row) => out
            .chunks_exact_mut(row.len())
            .for_each(|to| to.copy_from_slice(row)),
    }
}

#[cfg(test)]
mod tests;
