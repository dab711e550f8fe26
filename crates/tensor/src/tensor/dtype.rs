//! The element type as a value.

use std::fmt;

use crate::element::Element;

/// The element type of a tensor.
///
/// Integers are for indices and labels: they are moved, read and compared, and there is no arithmetic on
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32 bits, about 7 digits: what networks are trained with.
    #[default]
    F32,
    /// 64 bits, about 16 digits: what derivatives are checked with.
    F64,
    /// Integers of 64 bits.
    I64,
}

impl DType {
    /// The type's name as users write it, such as `f32`.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => f32::NAME,
            Self::F64 => f64::NAME,
            Self::I64 => i64::NAME,
        }
    }

    /// Bytes of one element.
    #[must_use]
    #[inline]
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F64 => size_of::<f64>(),
            Self::I64 => size_of::<i64>(),
        }
    }

    /// Distance between 1 and the next larger number of the type.
    ///
    /// # Panics
    /// As the others of floating-point numbers, for integers.
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
