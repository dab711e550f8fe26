//! Every function against a reference of many more digits, under every instruction set.

mod double;
mod reference;
mod single;

use super::Math;
use crate::element::Float;
use crate::simd::{Isa, Kernel};

/// The functions of one argument.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Exp,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Rsqrt,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Softplus,
    Erf,
    NormalCdf,
}

impl Function {
    const ALL: [Self; 14] = [
        Self::Exp,
        Self::Expm1,
        Self::Log,
        Self::Log1p,
        Self::Log2,
        Self::Log10,
        Self::Rsqrt,
        Self::Sin,
        Self::Cos,
        Self::Tanh,
        Self::Sigmoid,
        Self::Softplus,
        Self::Erf,
        Self::NormalCdf,
    ];
}

/// y ← f(x) for slices of one length.
struct Over<'a, T>(Function, &'a [T], &'a mut [T]);

/// `each!(simd, x, y, exp)` is a loop over vectors.
macro_rules! each {
    ($simd:ident, $x:ident, $y:ident, $method:ident) => {
        for (x, y) in $x.chunks(S::LANES).zip($y.chunks_mut(S::LANES)) {
            $simd.store_part($simd.$method($simd.load_part(x)), y);
        }
    };
}

impl<T: Float> Kernel<T> for Over<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Self(function, x, y) = self;
        match function {
            Function::Exp => each!(simd, x, y, exp),
            Function::Expm1 => each!(simd, x, y, expm1),
            Function::Log => each!(simd, x, y, log),
            Function::Log1p => each!(simd, x, y, log1p),
            Function::Log2 => each!(simd, x, y, log2),
            Function::Log10 => each!(simd, x, y, log10),
            Function::Rsqrt => each!(simd, x, y, rsqrt),
            Function::Sin => each!(simd, x, y, sin),
            Function::Cos => each!(simd, x, y, cos),
            Function::Tanh => each!(simd, x, y, tanh),
            Function::Sigmoid => each!(simd, x, y, sigmoid),
            Function::Softplus => each!(simd, x, y, softplus),
            Function::Erf => each!(simd, x, y, erf),
            Function::NormalCdf => each!(simd, x, y, normal_cdf),
        }
    }
}

/// z ← xʸ for slices of one length.
struct Pow<'a, T>(&'a [T], &'a [T], &'a mut [T]);

impl<T: Float> Kernel<T> for Pow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let arguments = self.0.chunks(S::LANES).zip(self.1.chunks(S::LANES));
        for ((x, y), z) in arguments.zip(self.2.chunks_mut(S::LANES)) {
            simd.store_part(simd.pow(simd.load_part(x), simd.load_part(y)), z);
        }
    }
}

/// f(x) for each x.
fn apply<T: Float>(isa: Isa, function: Function, x: &[T]) -> Vec<T> {
    let mut y = vec![T::ZERO; x.len()];
    T::dispatch_on(isa, Over(function, x, &mut y));
    y
}

/// The largest error so far, in ULP, and where.
#[derive(Clone, Copy, Debug, Default)]
struct Worst<T> {
    error: f64,
    at: T,
}

impl<T: Copy> Worst<T> {
    fn see(&mut self, error: f64, at: T) {
        if error > self.error || error.is_nan() {
            *self = Self { error, at };
        }
    }
}
