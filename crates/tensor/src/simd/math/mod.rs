//! Functions of vectors.

use super::{InstructionSet, Simd};

/// The functions of a vector, beyond the arithmetic of [`Simd`].
pub trait Math<T>: Simd<T> {}

impl<S: InstructionSet> Math<f32> for S {}
impl<S: InstructionSet> Math<f64> for S {}
