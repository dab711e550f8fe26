//! Many values into one: sums and extremes.

use super::functions::Action;
use super::operator::Binary;
use super::row::{Row, RowCall};
use crate::element::Float;
use crate::simd::Isa;

/// How values that share a place in a smaller target become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combine {
    Sum,
    /// The largest; NaN if there is one.
    Max,
    /// The smallest; NaN if there is one.
    Min,
}

impl Combine {
    /// `into` ← `into` combined with a row, element by element.
    ///
    /// # Safety
    /// The machine has the instruction set, the row `len` elements, and `into` room for them.
    pub(super) unsafe fn merge<T: Float>(self, isa: Isa, into: *mut T, row: Row<T>, len: usize) {
        let function = match self {
            Self::Sum => Binary::Add,
            Self::Max => Binary::Max,
            Self::Min => Binary::Min,
        };
        // The row first: of a choice between something and what is in its place already the compiler
        // makes a masked store, which takes some processors twelve cycles.
        let call = RowCall::new([row, Row::of(into.cast_const())], into, len);
        // SAFETY: the caller's promise.
        unsafe { Action::Binary(function).find(isa)(&call) };
    }

    /// What changes nothing.
    pub(super) fn identity<T: Float>(self) -> T {
        match self {
            Self::Sum => T::ZERO,
            Self::Max => -T::INFINITY,
            Self::Min => T::INFINITY,
        }
    }

    #[inline(always)]
    pub(super) fn two<T: Float>(self, a: T, b: T) -> T {
        match self {
            Self::Sum => a + b,
            Self::Max => a.maximum(b),
            Self::Min => a.minimum(b),
        }
    }
}
