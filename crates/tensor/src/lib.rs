//! N-dimensional arrays and the kernels that work on them.
//!
//! A [`Tensor`] holds numbers of `f32` or of `f64`, which is a value ([`DType`]) and no type: what
//! computes with tensors is compiled once. Inside is an [`Array`], whose element type is a type: a
//! shared buffer plus a [`Layout`] that says how to walk it. Views (reshape, permute, slice,
//! broadcast) change the layout and never the buffer; writes copy the buffer first unless nobody else
//! holds it.
//!
//! ```
//! use retrograd_tensor::{Tensor, keep};
//!
//! let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
//! let centred = &x - &x.mean(keep(0));
//! assert_eq!(centred.to_vec(), [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]);
//! assert_eq!(x.matmul(&x.t()).shape(), [2, 2]);
//! ```
//!
//! Where to look: [`Tensor`] and [`Array`] for the operations, [`pointwise`] for fused elementwise programs,
//! [`shape`] for the rules that decide every result's shape, [`random`] for seeded generators.
//!
//! Work is split by shape, never by the number of threads, so every result is the same to the
//! last bit on any machine of the same instruction set.

/// Runs an expression with a floating-point type that is a value as a type:
/// `typed!(x.dtype(), T => x.array::<T>().rank())`. It panics for integers.
#[macro_export]
macro_rules! typed {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $crate::DType::I64 => $crate::refuse_integers(),
        }
    };
}

#[doc(hidden)]
pub mod approximate;
mod array;
mod create;
mod display;
mod element;
mod error;
mod gemm;
mod kernels;
mod layout;
mod ops;
pub mod parallel;
pub mod pointwise;
mod precision;
pub mod random;
pub mod shape;
pub mod simd;
mod special;
mod storage;
mod tensor;

pub use array::Array;
pub use element::{Element, Float};
pub use error::{MatrixError, OrPanic, ShapeError, TypeError};
pub use layout::Layout;
pub use ops::index::Slice;
pub use ops::linalg::Triangular;
pub use ops::scan::Start;
pub use precision::Precision;
pub use shape::{
    Axes, Convolution, Diagonal, Geometry, Interpolation, MAX_RANK, PoolGeometry, Pooling,
    ReducedAxes, Resampling, Shape, Sliding, keep,
};
pub use storage::pool;
pub use tensor::{DType, Tensor, refuse_integers};
