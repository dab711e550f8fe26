//! Small functions that are called by their address.

use super::Math;

/// A function that is compiled for every instruction set, and called by its address.
///
/// A [`Kernel`](super::Kernel) becomes part of the code around it. A routine stays by itself: who
/// has many of them finds addresses once and calls those from code that is compiled once.
pub trait Routine<T> {
    /// What it works on.
    type Argument;
    /// Does the work. Mark it `#[inline(always)]`, as everything it calls.
    ///
    /// # Safety
    /// What the routine asks of its argument.
    unsafe fn run<S: Math<T>>(simd: S, argument: &Self::Argument);
}

/// Where a routine is. Whoever calls it promises that the machine has the instructions, beside what
/// the routine asks of its argument.
pub(crate) type Address<A> = unsafe fn(&A);
