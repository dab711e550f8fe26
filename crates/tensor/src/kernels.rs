//! The kernels of an element type, each compiled once.
//!
//! Generic code is compiled where it is used with a type, so without this page every crate that
//! multiplies two tensors would compile the product again, for every instruction set. The functions
//! here are no generic ones: they are compiled with this crate, and generic code calls them.

use crate::element::Float;
use crate::gemm::{self, Matrix, Onto};
use crate::ops::conv;
use crate::pointwise::Invocation;
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
        alpha: Self,
        left: Matrix<'_, Self>,
        right: Matrix<'_, Self>,
        onto: Onto<'_, Self>,
        out: &mut [Self],
    ) = gemm::multiply;
    /// A run of a pointwise program.
    #[doc(hidden)]
    fn pointwise(run: &mut Invocation<'_, '_, Self>) = Invocation::run;
    /// One block of images of a direct convolution.
    #[doc(hidden)]
    fn convolution(isa: Isa, block: conv::Block<'_, Self>) = conv::Block::run_on;
    /// A part of the weight's gradient of a direct convolution.
    #[doc(hidden)]
    fn convolution_weight(isa: Isa, part: conv::Part<'_, Self>) = conv::Part::run_on;
    /// One block of images of an indirect convolution.
    #[doc(hidden)]
    fn convolution_indirect(isa: Isa, block: conv::IndirectBlock<'_, Self>) = conv::IndirectBlock::run_on;
    /// A share of the weight's gradient of an indirect convolution.
    #[doc(hidden)]
    fn convolution_share(isa: Isa, share: conv::Share<'_, Self>) = conv::Share::run_on;
    /// Transposed copies.
    #[doc(hidden)]
    fn turn(isa: Isa, turn: conv::Turn<'_, Self>) = conv::Turn::run_on;
}
