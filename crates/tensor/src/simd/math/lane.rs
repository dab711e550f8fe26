//! The functions of one number: vectors of which one lane is used.
//!
//! A number then has the same function to the last bit wherever it stands, alone or among others.

use super::Math;
use crate::element::Float;
use crate::pointwise::long;
use crate::simd::Kernel;

/// `lanes! { exp }` gives `fn exp(x)`, which fills a vector with x and takes the first lane of
/// `simd.exp(…)`, under the best instruction set.
macro_rules! lanes {
    ($($name:ident)*) => {
        $(
            pub(crate) fn $name<T: Float>(x: T) -> T {
                struct Lane<T>(T);
                impl<T: Float> Kernel<T> for Lane<T> {
                    type Output = T;
                    #[inline(always)]
                    fn run<S: Math<T>>(self, simd: S) -> T {
                        simd.first(simd.$name(simd.splat(self.0)))
                    }
                }
                T::dispatch(Lane(x))
            }
        )*
    };
}

lanes! { rsqrt gelu }

/// `rows! { exp: Exp }` gives `fn exp(x)`, which is the function over a row of one number: that is
/// compiled for the programs anyway.
macro_rules! rows {
    ($($name:ident: $function:ident),*) => {
        $(
            pub(crate) fn $name<T: Float>(x: T) -> T {
                long::of_numbers::<T, long::$function, 1>([x])
            }
        )*
    };
}

rows! {
    exp: Exp, expm1: Expm1, log: Log, log1p: Log1p, sin: Sin, cos: Cos, tanh: Tanh,
    sigmoid: Sigmoid, softplus: Softplus, erf: Erf
}

/// x to the power y.
pub(crate) fn pow<T: Float>(x: T, y: T) -> T {
    long::of_numbers::<T, long::Pow, 2>([x, y])
}
