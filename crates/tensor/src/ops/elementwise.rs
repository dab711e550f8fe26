//! Elementwise arithmetic and functions, with broadcasting.
//!
//! Each is a [`Program`] of one instruction, so there is one loop over memory in the whole crate. An
//! operand that is given away, is nobody else's and has the result's shape becomes the result: `a + b`
//! writes into `a`, where `&a + &b` needs a third buffer and the time to fetch it.

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::LazyLock;

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::pointwise::{Binary, Program, Unary};
use crate::shape::{self, Shape};

impl<T: Float> Array<T> {
    /// A function of every element.
    #[must_use]
    pub fn unary(&self, function: Unary) -> Self {
        of_unary(function).run_one(&[self])
    }

    /// A function of the paired elements of two tensors, broadcast to a common shape.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn binary(&self, function: Binary, other: &Self) -> Self {
        // Checked here as well, so that the message names the operation.
        if self.shape() != other.shape() {
            shape::broadcast(name(function), &[*self.shape(), *other.shape()]).or_panic();
        }
        of_binary(function).run_one(&[self, other])
    }

    /// As [`binary`](Self::binary), in the buffer of the left operand if it can become the result.
    #[track_caller]
    fn binary_from_left(mut self, function: Binary, other: &Self) -> Self {
        if self.can_become(other) {
            of_binary(function).run_in_place(&mut self, &[None, Some(other)]);
            self
        } else {
            self.binary(function, other)
        }
    }

    /// As [`binary`](Self::binary), in the buffer of the right operand if it can become the result.
    #[track_caller]
    fn binary_from_right(&self, function: Binary, mut other: Self) -> Self {
        if other.can_become(self) {
            of_binary(function).run_in_place(&mut other, &[Some(self), None]);
            other
        } else {
            self.binary(function, &other)
        }
    }

    /// As [`binary`](Self::binary), in the buffer of either operand if it can become the result.
    #[track_caller]
    fn binary_from_either(self, function: Binary, other: Self) -> Self {
        if self.can_become(&other) {
            self.binary_from_left(function, &other)
        } else {
            self.binary_from_right(function, other)
        }
    }

    /// Whether the result of this and `other` fits the buffer of this, which nobody else holds.
    fn can_become(&self, other: &Self) -> bool {
        let fits = self.shape() == other.shape()
            || shape::broadcast_to(other.shape(), self.shape()).is_ok();
        fits && self.is_unique() && self.is_contiguous()
    }

    /// Any function of every element; slower than [`unary`](Self::unary), for odd jobs.
    #[must_use]
    pub fn map(&self, function: impl Fn(T) -> T) -> Self {
        Self::written(*self.shape(), |out| {
            out.iter_mut()
                .zip(self.iter())
                .for_each(|(slot, value)| *slot = function(value));
        })
    }

    /// Every element multiplied by `factor`.
    #[must_use]
    pub fn scale(&self, factor: f64) -> Self {
        self * &Self::scalar(T::from_f64(factor))
    }

    /// `self` ← `self` + `other`; in place when nobody else holds the buffer.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn add_assign(&mut self, other: &Self) {
        assert!(
            self.shape() == other.shape(),
            "add_assign: {} x {}: shapes differ",
            self.shape(),
            other.shape()
        );
        if self.is_unique() && self.is_contiguous() {
            of_binary(Binary::Add).run_in_place(self, &[None, Some(other)]);
        } else {
            *self = &*self + other;
        }
    }

    /// Whether every element is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        // x·0 is 0 for finite x and NaN otherwise, and a sum keeps a NaN.
        let zero = Self::scalar(T::ZERO);
        let inputs = [self, &zero];
        let product = of_binary(Binary::Mul);
        product
            .run_one_to(&inputs, self.shape(), &Shape::SCALAR)
            .item()
            == T::ZERO
    }
}

/// The program of one function of one input.
fn of_unary(function: Unary) -> &'static Program {
    static ALL: LazyLock<[Program; Unary::ALL.len()]> =
        LazyLock::new(|| Unary::ALL.map(Program::of_unary));
    &ALL[function as usize]
}

/// The program of one function of two inputs.
fn of_binary(function: Binary) -> &'static Program {
    static ALL: LazyLock<[Program; Binary::ALL.len()]> =
        LazyLock::new(|| Binary::ALL.map(Program::of_binary));
    &ALL[function as usize]
}

/// The name of a function in error messages.
fn name(function: Binary) -> &'static str {
    match function {
        Binary::Add => "add",
        Binary::Sub => "sub",
        Binary::Mul => "mul",
        Binary::Div => "div",
        Binary::Max => "max",
        Binary::Min => "min",
        Binary::Pow => "pow",
        Binary::Less => "less",
        Binary::LessEqual => "less_equal",
        Binary::Equal => "equal",
        Binary::LogisticLoss => "logistic_loss",
        Binary::LogisticSlope => "logistic_slope",
        Binary::Atan2 => "atan2",
        Binary::Hypot => "hypot",
        Binary::Polygamma => "polygamma",
        Binary::Remainder => "remainder",
    }
}

/// `operator!(Add, add)` implements `+` among `Array`, `&Array` and, on the right, `f64`.
macro_rules! operator {
    ($trait:ident, $method:ident) => {
        operator!(@ $trait, $method, &Array<T>, &Array<T>, binary, |b| b);
        operator!(@ $trait, $method, &Array<T>, Array<T>, binary_from_right, |b| b);
        operator!(@ $trait, $method, Array<T>, &Array<T>, binary_from_left, |b| b);
        operator!(@ $trait, $method, Array<T>, Array<T>, binary_from_either, |b| b);
        operator!(@ $trait, $method, &Array<T>, f64, binary, |b| &Array::scalar(T::from_f64(b)));
        operator!(@ $trait, $method, Array<T>, f64, binary_from_left, |b| &Array::scalar(T::from_f64(b)));
    };
    (@ $trait:ident, $method:ident, $left:ty, $right:ty, $way:ident, |$b:ident| $operand:expr) => {
        impl<T: Float> $trait<$right> for $left {
            type Output = Array<T>;
            #[track_caller]
            fn $method(self, $b: $right) -> Array<T> {
                self.$way(Binary::$trait, $operand)
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<T: Float> Neg for &Array<T> {
    type Output = Array<T>;
    fn neg(self) -> Array<T> {
        self.unary(Unary::Neg)
    }
}

impl<T: Float> Neg for Array<T> {
    type Output = Self;
    fn neg(mut self) -> Self {
        if self.is_unique() && self.is_contiguous() {
            of_unary(Unary::Neg).run_in_place(&mut self, &[None]);
            self
        } else {
            -&self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_broadcast() {
        let x = Array::<f64>::arange(6).reshape(&[2, 3]);
        let y = &x * x.slice(0, ..1) - 1.0;
        assert_eq!(y.to_vec(), [-1.0, 0.0, 3.0, -1.0, 3.0, 9.0]);
        assert_eq!((-&x).scale(-2.0).to_vec()[5], 10.0);
    }

    #[test]
    fn every_function_finds_its_program() {
        for f in Unary::ALL {
            assert_eq!(of_unary(f), &Program::of_unary(f));
        }
        for f in Binary::ALL {
            assert_eq!(of_binary(f), &Program::of_binary(f));
        }
    }

    #[test]
    fn operands_that_are_given_away_become_the_result() {
        let address = |x: &Array<f64>| x.as_slice().map(<[f64]>::as_ptr);
        let new = || Array::<f64>::arange(6).reshape(&[2, 3]);
        let row = || Array::<f64>::full([3], 4.0);
        let expected = [4.0, 3.0, 2.0, 1.0, 0.0, -1.0];
        let x = new();
        let at = address(&x);
        let y = row() - x;
        assert_eq!((address(&y), y.to_vec()), (at, expected.to_vec()));
        let z = -y - row() * 0.0;
        assert_eq!(address(&z), at);
        assert_eq!(z.to_vec(), expected.map(|v| -v));
        // Shared, turned, or too small: left alone.
        let shared = z.clone();
        assert_ne!(address(&(z + row())), at);
        assert_eq!(shared.to_vec(), expected.map(|v| -v));
        assert_eq!(
            (new().t() + new().t()).to_vec(),
            [0.0, 6.0, 2.0, 8.0, 4.0, 10.0]
        );
        assert_eq!((row() + new()).shape(), [2, 3]);
        assert_eq!((row() + &new()).shape(), [2, 3]);
    }

    #[test]
    fn accumulation_is_in_place_when_unique() {
        let mut a = Array::<f32>::ones([3]);
        let address = a.as_slice().unwrap().as_ptr();
        a.add_assign(&Array::ones([3]));
        assert_eq!(
            (a.as_slice().unwrap().as_ptr(), a.to_vec()[0]),
            (address, 2.0)
        );
        let mut c = Array::constant([3], 1.0_f32);
        c.add_assign(&a);
        assert_eq!(c.to_vec(), [3.0; 3]);
    }

    #[test]
    fn infinities_are_found() {
        let mut x = Array::<f32>::ones([3000]);
        assert!(x.is_finite());
        x.make_mut()[2999] = f32::NEG_INFINITY;
        assert!(!x.is_finite());
        x.make_mut()[2999] = 0.0;
        x.make_mut()[17] = f32::NAN;
        assert!(!x.is_finite() && x.slice(0, 18..).is_finite());
        assert!(Array::<f32>::zeros([0, 3]).is_finite());
    }

    #[test]
    #[should_panic(expected = "add: [2, 3] x [2]: sizes 3 and 2 do not broadcast")]
    fn mismatches_name_the_operation() {
        let _ = &Array::<f32>::zeros([2, 3]) + &Array::zeros([2]);
    }
}
