//! The element type as a value.

use std::fmt;

use crate::element::{Element, Float};

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32 bits, about 7 digits: what networks are trained with.
    #[default]
    F32,
    /// 64 bits, about 16 digits: what derivatives are checked with.
    F64,
}

impl DType {
    /// The type's name as users write it, such as `f32`.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'static str {
        typed!(self, T => T::NAME)
    }

    /// Bytes of one element.
    #[must_use]
    #[inline]
    pub fn bytes(self) -> usize {
        typed!(self, T => size_of::<T>())
    }

    /// Distance between 1 and the next larger number of the type.
    #[must_use]
    pub fn epsilon(self) -> f64 {
        typed!(self, T => T::EPSILON.to_f64())
    }

    /// The smallest positive number of full precision.
    #[must_use]
    pub fn min_positive(self) -> f64 {
        typed!(self, T => T::MIN_POSITIVE.to_f64())
    }

    /// The nearest number of the type.
    #[must_use]
    pub fn round(self, number: f64) -> f64 {
        typed!(self, T => T::from_f64(number).to_f64())
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
