//! Functions whose code is long, each compiled on its own.
//!
//! A [`Leaf`](super::leaf::Leaf) with all of them inlined would be a function of a hundred thousand
//! instructions, which takes the compiler minutes. A call for a row of values costs nothing beside
//! them, so each is a kernel.

use std::marker::PhantomData;

use super::row::{Row, of_each, store_some};
use crate::element::Float;
use crate::simd::{Isa, Kernel, Math};

/// A function of `N` vectors.
///
/// A trait, as a closure cannot be told to become part of the kernel that calls it: one that long
/// would be a function of its own, compiled without the kernel's instruction set.
pub(crate) trait Function<const N: usize> {
    fn at<T: Float, S: Math<T>>(simd: S, x: [S::Vector; N]) -> S::Vector;
}

/// `functions! { Exp: exp(x) }` gives a type `Exp` that stands for the vector function `exp`.
macro_rules! functions {
    ($($name:ident: $method:ident($($x:ident),*)),*) => {
        $(
            pub(crate) struct $name;

            impl Function<{ [$(stringify!($x)),*].len() }> for $name {
                #[inline(always)]
                fn at<T: Float, S: Math<T>>(
                    simd: S,
                    [$($x),*]: [S::Vector; [$(stringify!($x)),*].len()],
                ) -> S::Vector {
                    simd.$method($($x),*)
                }
            }
        )*
    };
}

functions! {
    Exp: exp(x), Expm1: expm1(x), Log: log(x), Log1p: log1p(x), Sin: sin(x), Cos: cos(x),
    Tanh: tanh(x), Sigmoid: sigmoid(x), Softplus: softplus(x), Erf: erf(x), Pow: pow(x, y)
}

/// Runs a kernel without becoming part of the caller, which has one call of it and is compiled for
/// the same instructions, so that the compiler would see no reason not to.
#[inline(never)]
fn apart<T: Float, K: Kernel<T, Output = ()>>(isa: Isa, kernel: K) {
    T::dispatch_on(isa, kernel);
}

/// `y` ← the function of `rows`.
///
/// # Safety
/// As [`each`](super::row::each).
#[inline(always)]
pub(super) unsafe fn over<T: Float, S: Math<T>, F: Function<N>, const N: usize>(
    rows: [Row<T>; N],
    y: *mut T,
    len: usize,
) {
    let function = PhantomData::<F>;
    apart(
        S::ISA,
        Over {
            function,
            rows,
            y,
            len,
        },
    );
}

/// The function of `N` numbers, under the best instruction set.
pub(crate) fn of_numbers<T: Float, F: Function<N>, const N: usize>(x: [T; N]) -> T {
    let mut y = T::ZERO;
    let over = Over {
        function: PhantomData::<F>,
        rows: x.each_ref().map(|x| Row::of(x)),
        y: &raw mut y,
        len: 1,
    };
    apart(Isa::current(), over);
    y
}

/// Made only where the rows are what [`over`] asks for.
struct Over<F, T, const N: usize> {
    function: PhantomData<F>,
    rows: [Row<T>; N],
    y: *mut T,
    len: usize,
}

impl<T: Float, F: Function<N>, const N: usize> Kernel<T> for Over<F, T, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let mut i = 0;
        while i < self.len {
            let left = self.len - i;
            // SAFETY: what is read and written lies before `len`, in the rows and in `y`.
            unsafe {
                let x = of_each(self.rows, |row| row.load_some(simd, i, left));
                store_some(simd, F::at(simd, x), self.y.add(i), left);
            }
            i += S::LANES;
        }
    }
}

/// `softplus`, `sigmoid` ← both functions of `x`, from one exponential.
///
/// # Safety
/// As [`each`](super::row::each), for either of them; they are apart.
#[inline(always)]
pub(super) unsafe fn softplus_and_sigmoid<T: Float, S: Math<T>>(
    x: Row<T>,
    softplus: *mut T,
    sigmoid: *mut T,
    len: usize,
) {
    let both = SoftplusAndSigmoid {
        x,
        softplus,
        sigmoid,
        len,
    };
    apart(S::ISA, both);
}

/// Made only where the rows are what [`softplus_and_sigmoid`] asks for.
struct SoftplusAndSigmoid<T> {
    x: Row<T>,
    softplus: *mut T,
    sigmoid: *mut T,
    len: usize,
}

impl<T: Float> Kernel<T> for SoftplusAndSigmoid<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let mut i = 0;
        while i < self.len {
            let left = self.len - i;
            // SAFETY: what is read and written lies before `len`.
            unsafe {
                let x = self.x.load_some(simd, i, left);
                let (softplus, sigmoid) = simd.softplus_and_sigmoid(x);
                store_some(simd, softplus, self.softplus.add(i), left);
                store_some(simd, sigmoid, self.sigmoid.add(i), left);
            }
            i += S::LANES;
        }
    }
}
