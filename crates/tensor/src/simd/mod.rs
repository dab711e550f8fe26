//! Vectors of numbers, whatever the machine calls them.
//!
//! A kernel is written once, against the [`Simd`] trait, and compiled for every instruction set.
//! An instruction set is a *token*: a value of zero size that exists only where the machine has the
//! instructions, so its methods are safe to call. [`Dispatch::dispatch`] hands the best token of
//! this machine to a [`Kernel`], the visitor:
//!
//! ```
//! use retrograd_tensor::Float;
//! use retrograd_tensor::simd::{Dispatch, Kernel, Math};
//!
//! /// y ← a·x + y
//! struct Axpy<'a, T> { a: T, x: &'a [T], y: &'a mut [T] }
//!
//! impl<T: Float> Kernel<T> for Axpy<'_, T> {
//!     type Output = ();
//!     #[inline(always)]
//!     fn run<S: Math<T>>(self, simd: S) {
//!         let a = simd.splat(self.a);
//!         for (x, y) in self.x.chunks(S::LANES).zip(self.y.chunks_mut(S::LANES)) {
//!             let sum = simd.mul_add(a, simd.load_part(x), simd.load_part(y));
//!             simd.store_part(sum, y);
//!         }
//!     }
//! }
//!
//! let mut y = [1.0_f32; 100];
//! f32::dispatch(Axpy { a: 2.0, x: &[3.0; 100], y: &mut y });
//! assert_eq!(y, [7.0; 100]);
//! ```
//!
//! `run` and everything it calls must be `#[inline(always)]`: only code that ends up inside the
//! dispatcher is compiled with the instruction set switched on. That also means that a kernel may
//! be a plain loop that ignores its token: the compiler vectorises it with the widest registers.
//!
//! The environment variable `RETROGRAD_ISA` forces an instruction set: `scalar`, `avx2` or
//! `avx512`. Results are the same to the last bit for the same instruction set; between them,
//! products round differently because not all of them fuse a multiplication with an addition. Products in
//! [mixed precision](crate::Precision::Mixed) are the same on machines that both have AVX512-BF16, or both not.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

pub(crate) mod halves;
mod isa;
mod math;
mod routine;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use isa::{Isa, IsaError};
pub use math::Math;
pub(crate) use math::lane;
pub(crate) use routine::{Address, Routine};
pub use scalar::Scalar;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{Avx2, Avx512};

/// The vectors of one instruction set whose elements are `T`.
///
/// Functions act lane by lane. Sealed: the tokens of this module are all there are.
#[expect(
    clippy::missing_safety_doc,
    reason = "each says what its pointer must allow"
)]
pub trait Simd<T>: Copy + Send + Sync + sealed::Sealed + 'static {
    /// Which instruction set it is.
    const ISA: Isa;
    /// Elements in a vector.
    const LANES: usize;
    /// Whether `mul_add` rounds once.
    const FUSED: bool;
    /// A vector of `LANES` numbers.
    type Vector: Copy;
    /// A truth value for each lane.
    type Mask: Copy;
    /// The bit patterns of a vector, as integers as wide as `T`.
    type Bits: Copy;

    /// `value` in every lane.
    fn splat(self, value: T) -> Self::Vector;
    /// The first `LANES` values of a slice.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    fn load(self, from: &[T]) -> Self::Vector {
        assert!(from.len() >= Self::LANES);
        // SAFETY: the slice holds a whole vector.
        unsafe { self.load_at(from.as_ptr()) }
    }
    /// Writes all lanes to the beginning of a slice.
    ///
    /// # Panics
    /// If it has no room for them.
    #[inline(always)]
    fn store(self, x: Self::Vector, to: &mut [T]) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the slice has room for a whole vector.
        unsafe { self.store_at(x, to.as_mut_ptr()) }
    }
    /// As many values as a slice has, at most `LANES`; the other lanes are 0.
    #[inline(always)]
    fn load_part(self, from: &[T]) -> Self::Vector {
        if from.len() >= Self::LANES {
            self.load(from)
        } else {
            // SAFETY: only the elements of the slice are read.
            unsafe { self.load_part_at(from.as_ptr(), from.len()) }
        }
    }
    /// Writes as many lanes as a slice has room for, at most `LANES`.
    #[inline(always)]
    fn store_part(self, x: Self::Vector, to: &mut [T]) {
        if to.len() >= Self::LANES {
            self.store(x, to);
        } else {
            // SAFETY: only the elements of the slice are written.
            unsafe { self.store_part_at(x, to.as_mut_ptr(), to.len()) }
        }
    }
    /// The `LANES` values at `from`, which must be readable; no alignment is needed.
    unsafe fn load_at(self, from: *const T) -> Self::Vector;
    /// Writes all lanes at `to`, which must be writable.
    unsafe fn store_at(self, x: Self::Vector, to: *mut T);
    /// The `count < LANES` values at `from`, which must be readable; the other lanes are 0.
    unsafe fn load_part_at(self, from: *const T, count: usize) -> Self::Vector;
    /// Writes the first `count < LANES` lanes at `to`, which must be writable.
    unsafe fn store_part_at(self, x: Self::Vector, to: *mut T, count: usize);

    /// a + b
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a − b
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a / b
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the instruction set can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// c − a · b, rounded once where the instruction set can.
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// 1/x with a relative error below 2⁻¹⁴, for Newton's method to start from; x and 1/x must be
    /// normal. Exact where a division is as fast as anything.
    fn recip_estimate(self, x: Self::Vector) -> Self::Vector;
    /// √x, correctly rounded.
    fn sqrt(self, x: Self::Vector) -> Self::Vector;
    /// The larger; `b` if either is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller; `b` if either is NaN.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The nearest integer, the even one of two.
    fn round(self, x: Self::Vector) -> Self::Vector;
    /// x · 2ⁿ for ¼ ≤ |x| ≤ 4 (or x zero, infinite or NaN) and an integer n of any size, rounded
    /// once, also where the result is subnormal.
    fn scale(self, x: Self::Vector, n: Self::Vector) -> Self::Vector;

    /// a < b; false for NaN.
    fn less(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// a ≤ b; false for NaN.
    fn less_equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// a = b; false for NaN.
    fn equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// Lanes of `yes` where the mask is true, of `no` elsewhere.
    fn select(self, mask: Self::Mask, yes: Self::Vector, no: Self::Vector) -> Self::Vector;
    /// True where both are.
    fn both(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// True where either is.
    fn either(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Whether any lane is true.
    fn any(self, mask: Self::Mask) -> bool;
    /// Whether all lanes are true.
    fn all(self, mask: Self::Mask) -> bool;

    /// The bit patterns of `x`.
    fn bits(self, x: Self::Vector) -> Self::Bits;
    /// The numbers with these bit patterns.
    fn of_bits(self, bits: Self::Bits) -> Self::Vector;
    /// The low bits of `value`, as many as `T` has, in every lane.
    fn bits_splat(self, value: u64) -> Self::Bits;
    /// Bits that are set in both.
    fn bits_and(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// Bits that are set in either.
    fn bits_or(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// Bits that differ.
    fn bits_xor(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a + b as integers, wrapping.
    fn bits_add(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a − b as integers, wrapping.
    fn bits_sub(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// Shifted towards the high bits.
    fn shift_left<const N: u32>(self, a: Self::Bits) -> Self::Bits;
    /// Shifted towards the low bits; zeros come in.
    fn shift_right<const N: u32>(self, a: Self::Bits) -> Self::Bits;

    /// −x
    #[inline(always)]
    fn neg(self, x: Self::Vector) -> Self::Vector {
        self.of_bits(self.bits_xor(self.bits(x), self.bits_splat(sign_bit::<T>())))
    }
    /// |x|
    #[inline(always)]
    fn abs(self, x: Self::Vector) -> Self::Vector {
        self.of_bits(self.bits_and(self.bits(x), self.bits_splat(!sign_bit::<T>())))
    }
    /// |x| with the signs of `sign`.
    #[inline(always)]
    fn copy_sign(self, x: Self::Vector, sign: Self::Vector) -> Self::Vector {
        let sign = self.bits_and(self.bits(sign), self.bits_splat(sign_bit::<T>()));
        self.of_bits(self.bits_or(self.bits(self.abs(x)), sign))
    }

    /// The first lane.
    #[inline(always)]
    fn first(self, x: Self::Vector) -> T {
        let mut lanes = [const { MaybeUninit::uninit() }; MAX_LANES];
        // SAFETY: there is room for the largest vector, and it has a first lane.
        unsafe {
            self.store_at(x, lanes.as_mut_ptr().cast());
            lanes[0].assume_init_read()
        }
    }

    /// c + a₀·b₀ + a₁·b₁, where each lane of `a` and `b` holds two numbers, of each the upper half of its
    /// bits: for `f32` two bf16s. Each product is added with a rounding of its own.
    #[inline(always)]
    fn dot_halves(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        halves::dot(self, a, b, c)
    }

    /// a₀ b₀ a₁ b₁ … as two vectors.
    fn zip(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);

    /// Where a routine is that is compiled for this instruction set.
    #[doc(hidden)]
    fn address<R: Routine<T>>(self) -> Address<R::Argument>;
}

/// Elements in the largest vector: 64 bytes of `f32`.
pub(crate) const MAX_LANES: usize = 16;

/// The highest bit of a number as wide as `T`.
const fn sign_bit<T>() -> u64 {
    1 << (8 * size_of::<T>() - 1)
}

/// An instruction set: vectors of both float types, and the way between them.
pub trait InstructionSet: Simd<f32> + Simd<f64> {
    /// The lower and the upper half of the lanes in twice the precision.
    fn widen(
        self,
        x: <Self as Simd<f32>>::Vector,
    ) -> (<Self as Simd<f64>>::Vector, <Self as Simd<f64>>::Vector);
    /// The nearest `f32`s, those of `low` first.
    fn narrow(
        self,
        low: <Self as Simd<f64>>::Vector,
        high: <Self as Simd<f64>>::Vector,
    ) -> <Self as Simd<f32>>::Vector;
}

/// Work that can be done with any instruction set.
pub trait Kernel<T> {
    /// What comes of it.
    type Output;
    /// Does the work. Mark it `#[inline(always)]`, as everything it calls.
    fn run<S: Math<T>>(self, simd: S) -> Self::Output;
}

/// Element types that kernels run on: `f32` and `f64`.
pub trait Dispatch: Sized {
    /// Runs a kernel with the best instruction set of this machine (see [`Isa::current`]).
    #[inline]
    fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Output {
        Self::dispatch_on(Isa::current(), kernel)
    }

    /// Runs a kernel with one of the instruction sets of this machine.
    ///
    /// # Panics
    /// If the machine does not have it.
    fn dispatch_on<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output;

    /// As [`dispatch_on`](Self::dispatch_on), for kernels that are not used with plain code and
    /// need not be compiled for it.
    ///
    /// # Panics
    /// If `isa` is [`Isa::Scalar`] or the machine does not have it.
    fn dispatch_on_vectors<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output;

    /// As [`dispatch_on`](Self::dispatch_on), with a token whose [`dot_halves`](Simd::dot_halves) is one
    /// instruction if the machine has that. What is compiled with it are the routines whose addresses the
    /// kernel takes, and not the kernel.
    #[doc(hidden)]
    fn dispatch_with_halves<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output;

    /// The address of a routine for an instruction set. To call it, the machine must have that.
    #[doc(hidden)]
    fn routine<R: Routine<Self>>(isa: Isa) -> Address<R::Argument>;
}

/// `impl_dispatch!(f32)` gives `impl Dispatch for f32`, which matches on the instruction set.
macro_rules! impl_dispatch {
    ($type:ident) => {
        impl Dispatch for $type {
            #[inline]
            fn dispatch_on<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output {
                match isa {
                    Isa::Scalar => kernel.run(Scalar),
                    Isa::Avx2 | Isa::Avx512 => Self::dispatch_on_vectors(isa, kernel),
                }
            }

            #[inline]
            fn dispatch_on_vectors<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => Avx2::token().run::<$type, K>(kernel),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => Avx512::<false>::token().run::<$type, K>(kernel),
                    _ => {
                        let _ = kernel;
                        unreachable!("{isa} has no vectors on this machine")
                    }
                }
            }

            #[inline]
            fn dispatch_with_halves<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 if isa.multiplies_bf16() => kernel.run(Avx512::<true>::token()),
                    _ => Self::dispatch_on(isa, kernel),
                }
            }

            #[inline]
            fn routine<R: Routine<Self>>(isa: Isa) -> Address<R::Argument> {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => Avx2::routine::<$type, R>,
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => Avx512::<false>::routine::<$type, R>,
                    _ => scalar::routine::<$type, R>,
                }
            }
        }
    };
}

impl_dispatch!(f32);
impl_dispatch!(f64);

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Scalar {}
    #[cfg(target_arch = "x86_64")]
    impl Sealed for super::Avx2 {}
    #[cfg(target_arch = "x86_64")]
    impl<const BF16: bool> Sealed for super::Avx512<BF16> {}
}

#[cfg(test)]
mod tests;
