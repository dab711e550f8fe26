//! Several points at once: a number for each, side by side.
//!
//! A program on numbers does the same at every point, so its points can go through it together. An
//! operation is then a loop over [`LANES`] numbers, which the compiler makes vectors of, and what it
//! costs to record or to dispatch is shared by all of them.
//!
//! Points part where a program asks which of two numbers is larger. Then the answer is that of the first
//! point, and [`diverged`] says so: whoever runs a program on lanes asks afterwards, and repeats what
//! diverged one point at a time.

use std::array::from_fn;
use std::cell::Cell;
use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use retrograd_tensor::simd::{Dispatch, Kernel, Math};

use super::real::{Arithmetic, Real, same_length};

/// How many points go together: the `f64`s in the widest vector there is.
pub(super) const LANES: usize = 8;

/// A number at each of several points, in one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Lanes(pub(super) [f64; LANES]);

thread_local! {
    static DIVERGED: Cell<bool> = const { Cell::new(false) };
}

/// Whether points have parted since it was asked last.
pub(super) fn diverged() -> bool {
    DIVERGED.replace(false)
}

/// The same, and the next who asks gets the same answer.
pub(super) fn have_diverged() -> bool {
    DIVERGED.get()
}

/// The answer at the first of all pairs, and a note if another one has a different one.
#[inline(always)]
fn agreed<T: PartialEq>(a: &[f64; LANES], b: &[f64; LANES], answer: impl Fn(&f64, &f64) -> T) -> T {
    let first = answer(&a[0], &b[0]);
    let others = a.iter().zip(b);
    if !others.fold(true, |same, (a, b)| same & (answer(a, b) == first)) {
        DIVERGED.set(true);
    }
    first
}

// Plain loops over arrays: what is written with `array::map` stays a call for each lane.
impl Lanes {
    #[inline(always)]
    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }

    #[inline(always)]
    fn zip(mut self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        for (x, y) in self.0.iter_mut().zip(&other.0) {
            *x = f(*x, *y);
        }
        self
    }
}

impl From<f64> for Lanes {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self([value; LANES])
    }
}

impl PartialEq for Lanes {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        agreed(&self.0, &other.0, PartialEq::eq)
    }
}

impl PartialOrd for Lanes {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        agreed(&self.0, &other.0, PartialOrd::partial_cmp)
    }
}

impl PartialEq<f64> for Lanes {
    #[inline(always)]
    fn eq(&self, other: &f64) -> bool {
        *self == Self::from(*other)
    }
}

impl PartialOrd<f64> for Lanes {
    #[inline(always)]
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.partial_cmp(&Self::from(*other))
    }
}

impl Neg for Lanes {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(Neg::neg)
    }
}

impl Sum for Lanes {
    #[inline(always)]
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(0.0.into(), Add::add)
    }
}

/// `operators!(Add, add, AddAssign, add_assign)` gives a + b and a += b, where b, or in the former
/// a, may be a constant.
macro_rules! operators {
    ($trait:ident, $method:ident, $assign:ident, $assign_method:ident) => {
        impl $trait for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, $trait::$method)
            }
        }
        impl $trait<f64> for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.map(|x| $trait::$method(x, other))
            }
        }
        impl $trait<Lanes> for f64 {
            type Output = Lanes;
            #[inline(always)]
            fn $method(self, other: Lanes) -> Lanes {
                other.map(|x| $trait::$method(self, x))
            }
        }
        impl $assign for Lanes {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                *self = $trait::$method(*self, other);
            }
        }
        impl $assign<f64> for Lanes {
            #[inline(always)]
            fn $assign_method(&mut self, other: f64) {
                *self = $trait::$method(*self, other);
            }
        }
    };
}

operators!(Add, add, AddAssign, add_assign);
operators!(Sub, sub, SubAssign, sub_assign);
operators!(Mul, mul, MulAssign, mul_assign);
operators!(Div, div, DivAssign, div_assign);

impl Arithmetic for Lanes {}

/// `lanewise!(exp, log)` gives `fn exp(self) -> Self`, which is `exp` of each number, and `log`.
macro_rules! lanewise {
    ($($name:ident),*) => {
        $(
            #[inline(always)]
            fn $name(self) -> Self {
                self.map(Real::$name)
            }
        )*
    };
}

/// `vectors!(exp)` gives `fn exp(self) -> Self`, which is `exp` of the lanes as the tensors compute it.
macro_rules! vectors {
    ($($name:ident),*) => {
        $(
            #[inline]
            fn $name(mut self) -> Self {
                struct Function<'l>(&'l mut Lanes);
                impl Kernel<f64> for Function<'_> {
                    type Output = ();
                    #[inline(always)]
                    fn run<S: Math<f64>>(self, simd: S) {
                        for lanes in self.0.0.chunks_exact_mut(S::LANES) {
                            let y = simd.$name(simd.load_part(lanes));
                            simd.store_part(y, lanes);
                        }
                    }
                }
                f64::dispatch(Function(&mut self));
                self
            }
        )*
    };
}

impl Real for Lanes {
    const PLAIN: bool = true;

    lanewise!(abs, sign, recip, sqrt, atan, square);
    vectors!(exp, log, log1p, sin, cos, tanh, sigmoid);

    fn to_f64(self) -> f64 {
        agreed(&self.0, &self.0, |x, _| *x)
    }
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.0.iter().fold(true, |zero, x| zero & (*x == 0.0))
    }
    #[inline(always)]
    fn is_one(self) -> bool {
        self.0.iter().fold(true, |one, x| one & (*x == 1.0))
    }
    #[inline(always)]
    fn is_tame(self) -> bool {
        // Without `all`, which would stop early and so go one by one.
        self.0.iter().fold(true, |tame, x| tame & x.is_finite())
    }
    #[inline(always)]
    fn through(self, slope: Self) -> Self {
        self.zip(slope, Real::through)
    }
    /// Something comes of one lane at least; of others may come nothing.
    #[inline(always)]
    fn surely_through(self, slope: Self) -> Self {
        self.through(slope)
    }
    #[inline]
    fn sin_cos(self) -> (Self, Self) {
        struct Both<'l>(&'l Lanes, [&'l mut Lanes; 2]);
        impl Kernel<f64> for Both<'_> {
            type Output = ();
            #[inline(always)]
            fn run<S: Math<f64>>(self, simd: S) {
                let Self(x, [sin, cos]) = self;
                for at in (0..LANES).step_by(S::LANES) {
                    // In one place, where what they share is computed once.
                    let x = simd.load_part(&x.0[at..at + S::LANES]);
                    simd.store_part(simd.sin(x), &mut sin.0[at..at + S::LANES]);
                    simd.store_part(simd.cos(x), &mut cos.0[at..at + S::LANES]);
                }
            }
        }
        let (mut sin, mut cos) = (self, self);
        f64::dispatch(Both(&self, [&mut sin, &mut cos]));
        (sin, cos)
    }
    fn powi(self, exponent: i32) -> Self {
        self.map(|x| Real::powi(x, exponent))
    }
    fn powf(self, exponent: f64) -> Self {
        self.map(|x| Real::powf(x, exponent))
    }
    fn pow(self, exponent: Self) -> Self {
        self.zip(exponent, Real::pow)
    }
    #[inline(always)]
    fn hypot(self, other: Self) -> Self {
        let square = self.square() + other.square();
        let precise = square
            .0
            .iter()
            .fold(true, |all, x| all & (1e-280..1e280).contains(x));
        if precise {
            square.sqrt()
        } else {
            self.zip(other, Real::hypot)
        }
    }
    fn max(self, other: Self) -> Self {
        self.zip(other, Real::max)
    }
    fn min(self, other: Self) -> Self {
        self.zip(other, Real::min)
    }
    fn logsumexp(terms: &[Self]) -> Self {
        let least = Self::from(f64::NEG_INFINITY);
        let largest = terms.iter().copied().fold(least, Real::max);
        if largest.is_tame() {
            return largest
                + terms
                    .iter()
                    .map(|x| (*x - largest).exp())
                    .sum::<Self>()
                    .log();
        }
        let at = |lane: usize| terms.iter().map(|x| x.0[lane]).collect::<Vec<_>>();
        Self(from_fn(|lane| f64::logsumexp(&at(lane))))
    }
    #[inline(always)]
    fn dot(a: &[Self], b: &[Self]) -> Self {
        same_length(a.len(), b.len());
        a.iter().zip(b).map(|(&a, &b)| a * b).sum()
    }
    #[inline(always)]
    fn linear(weights: &[f64], x: &[Self]) -> Self {
        same_length(weights.len(), x.len());
        weights.iter().zip(x).map(|(&w, &x)| x * w).sum()
    }
}
