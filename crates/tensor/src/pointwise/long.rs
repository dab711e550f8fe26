//! Functions whose code is long, each compiled on its own.
//!
//! A [`Leaf`](super::leaf::Leaf) with all of them inlined would be a function of a hundred thousand
//! instructions, which takes the compiler minutes. A call for a row of values costs nothing beside
//! them, so each is a kernel.

use std::marker::PhantomData;

use super::row::{Row, each_long, store_some};
use crate::element::Float;
use crate::simd::{Isa, Kernel, Math};

/// A function of one vector.
pub(crate) trait Function {
    fn at<T: Float, S: Math<T>>(simd: S, x: S::Vector) -> S::Vector;
}

/// `functions! { Exp: exp }` gives a type `Exp` that stands for the vector function `exp`.
macro_rules! functions {
    ($($name:ident: $method:ident),*) => {
        $(
            pub(crate) struct $name;

            impl Function for $name {
                #[inline(always)]
                fn at<T: Float, S: Math<T>>(simd: S, x: S::Vector) -> S::Vector {
                    simd.$method(x)
                }
            }
        )*
    };
}

functions! {
    Exp: exp, Expm1: expm1, Log: log, Log1p: log1p, Sin: sin, Cos: cos, Tanh: tanh,
    Sigmoid: sigmoid, Softplus: softplus, Erf: erf
}

/// Runs a kernel without becoming part of the caller, which has one call of it and is compiled for
/// the same instructions, so that the compiler would see no reason not to.
#[inline(never)]
fn apart<T: Float, K: Kernel<T, Output = ()>>(isa: Isa, kernel: K) {
    T::dispatch_on(isa, kernel);
}

/// `y` ← the function of `x`.
///
/// # Safety
/// As [`each`](super::row::each).
#[inline(always)]
pub(super) unsafe fn over<T: Float, S: Math<T>, F: Function>(x: Row<T>, y: *mut T, len: usize) {
    let function = PhantomData::<F>;
    apart(
        S::ISA,
        Over {
            function,
            x,
            y,
            len,
        },
    );
}

/// The function of one number, under the best instruction set.
pub(crate) fn of_one<T: Float, F: Function>(x: T) -> T {
    let mut y = T::ZERO;
    let over = Over {
        function: PhantomData::<F>,
        x: Row::of(&raw const x),
        y: &raw mut y,
        len: 1,
    };
    apart(Isa::current(), over);
    y
}

/// Made only where the rows are what [`over`] asks for.
struct Over<F, T> {
    function: PhantomData<F>,
    x: Row<T>,
    y: *mut T,
    len: usize,
}

impl<T: Float, F: Function> Kernel<T> for Over<F, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        // SAFETY: the maker's promise.
        unsafe { each_long(simd, [self.x], self.y, self.len, |[x]| F::at(simd, x)) }
    }
}

/// `y` ← the first row to the power of the second.
///
/// # Safety
/// As [`each`](super::row::each).
#[inline(always)]
pub(super) unsafe fn pow<T: Float, S: Math<T>>(rows: [Row<T>; 2], y: *mut T, len: usize) {
    apart(S::ISA, Pow { rows, y, len });
}

/// x to the power y, under the best instruction set.
pub(crate) fn pow_of_one<T: Float>(x: T, y: T) -> T {
    let mut z = T::ZERO;
    let pow = Pow {
        rows: [Row::of(&raw const x), Row::of(&raw const y)],
        y: &raw mut z,
        len: 1,
    };
    apart(Isa::current(), pow);
    z
}

/// Made only where the rows are what [`pow`] asks for.
struct Pow<T> {
    rows: [Row<T>; 2],
    y: *mut T,
    len: usize,
}

impl<T: Float> Kernel<T> for Pow<T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        // SAFETY: the maker's promise.
        unsafe { each_long(simd, self.rows, self.y, self.len, |[a, b]| simd.pow(a, b)) }
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
