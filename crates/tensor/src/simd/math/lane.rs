//! The functions of one number: a vector of which one lane is used.
//!
//! A number then has the same function to the last bit wherever it stands, alone or among others.

use super::Math;
use crate::element::Float;
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

lanes! { exp expm1 log log1p rsqrt sin cos tanh sigmoid softplus erf gelu }

/// x to the power y.
pub(crate) fn pow<T: Float>(x: T, y: T) -> T {
    struct Lane<T>(T, T);
    impl<T: Float> Kernel<T> for Lane<T> {
        type Output = T;
        #[inline(always)]
        fn run<S: Math<T>>(self, simd: S) -> T {
            simd.first(simd.pow(simd.splat(self.0), simd.splat(self.1)))
        }
    }
    T::dispatch(Lane(x, y))
}
