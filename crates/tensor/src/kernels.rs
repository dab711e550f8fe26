//! The kernels of an element type, each compiled once.
//!
//! Generic code is compiled where it is used with a type, so without this page every crate that
//! multiplies two tensors would compile the product again, for every instruction set. The functions
//! here are no generic ones: they are compiled with this crate, and generic code calls them.

use crate::element::Float;
use crate::gemm::{self, Matrix, Onto};
use crate::ops::conv;
use crate::pointwise::Invocation;
use crate::precision::Precision;
use crate::simd::Isa;

/// `kernels! { fn product(..) = gemm::multiply; }` gives a trait with that function, implemented for
/// `f32` and `f64` by the generic one.
macro_rules! kernels {
    ($(
        $(#[$meta:meta])*
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $generic:expr;
    )*) => {
        /// Element types that have kernels.
        pub trait Kernels: Sized {
            $($(#[$meta])* fn $name($($argument: $type),*) where Self: Float;)*
        }
        impl Kernels for f32 {
            $(fn $name($($argument: $type),*) { $generic($($argument),*) })*
        }
        impl Kernels for f64 {
            $(fn $name($($argument: $type),*) { $generic($($argument),*) })*
        }
    };
}

kernels! {
    /// `out` ← α · `left` · `right` + what `onto` says.
    #[doc(hidden)]
    fn product(
        isa: Isa,
        precision: Precision,
        alpha: Self,
        left: Matrix<'_, Self>,
        right: Matrix<'_, Self>,
        onto: Onto<'_, Self>,
        out: &mut [Self],
    ) = gemm::multiply;
    /// A run of a pointwise program.
    #[doc(hidden)]
    fn pointwise(run: &mut Invocation<'_, '_, Self>) = Invocation::run;
    /// A convolution, its transpose, or the adjoint in its weight.
    #[doc(hidden)]
    fn convolution(isa: Isa, call: conv::Call<'_, Self>) = conv::Call::run_on;
}
