//! Elementwise arithmetic and functions, with broadcasting.
//!
//! Each is a [`Program`] of one instruction, so there is one loop over memory in the whole crate.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::element::Float;
use crate::error::OrPanic;
use crate::pointwise::{Binary, Program, Unary};
use crate::shape;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// A function of every element.
    #[must_use]
    pub fn unary(&self, function: Unary) -> Self {
        Program::of_unary(function).run(&[self]).swap_remove(0)
    }

    /// A function of the paired elements of two tensors, broadcast to a common shape.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn binary(&self, function: Binary, other: &Self) -> Self {
        // Checked here as well, so that the message names the operation.
        shape::broadcast(name(function), &[*self.shape(), *other.shape()]).or_panic();
        Program::of_binary(function)
            .run(&[self, other])
            .swap_remove(0)
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
            let terms = other.values();
            self.make_mut()
                .iter_mut()
                .zip(terms.iter())
                .for_each(|(sum, &term)| *sum += term);
        } else {
            *self = &*self + other;
        }
    }

    /// Whether every element is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        // x·0 is 0 for finite x and NaN otherwise, and a sum keeps a NaN: no branch in the loop, and
        // running sums side by side.
        const LANES: usize = 16;
        self.values().chunks(64 * LANES).all(|chunk| {
            let (whole, rest) = chunk.as_chunks::<LANES>();
            let mut sums = [T::ZERO; LANES];
            for lanes in whole {
                sums.iter_mut()
                    .zip(lanes)
                    .for_each(|(sum, &value)| *sum += value * T::ZERO);
            }
            sums.iter_mut()
                .zip(rest)
                .for_each(|(sum, &value)| *sum += value * T::ZERO);
            sums == [T::ZERO; LANES]
        })
    }
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
    }
}

/// `operator!(Add, add)` implements `+` among `Tensor`, `&Tensor` and, on the right, `f64`.
macro_rules! operator {
    ($trait:ident, $method:ident) => {
        operator!(@ $trait, $method, &Tensor<T>, &Tensor<T>, |b| b);
        operator!(@ $trait, $method, &Tensor<T>, Tensor<T>, |b| &b);
        operator!(@ $trait, $method, Tensor<T>, &Tensor<T>, |b| b);
        operator!(@ $trait, $method, Tensor<T>, Tensor<T>, |b| &b);
        operator!(@ $trait, $method, &Tensor<T>, f64, |b| &Tensor::scalar(T::from_f64(b)));
        operator!(@ $trait, $method, Tensor<T>, f64, |b| &Tensor::scalar(T::from_f64(b)));
    };
    (@ $trait:ident, $method:ident, $left:ty, $right:ty, |$b:ident| $operand:expr) => {
        impl<T: Float> $trait<$right> for $left {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, $b: $right) -> Tensor<T> {
                self.binary(Binary::$trait, $operand)
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<T: Float> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        self.unary(Unary::Neg)
    }
}

impl<T: Float> Neg for Tensor<T> {
    type Output = Self;
    fn neg(self) -> Self {
        -&self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_broadcast() {
        let x = Tensor::<f64>::arange(6).reshape(&[2, 3]);
        let y = &x * x.slice(0, ..1) - 1.0;
        assert_eq!(y.to_vec(), [-1.0, 0.0, 3.0, -1.0, 3.0, 9.0]);
        assert_eq!((-&x).scale(-2.0).to_vec()[5], 10.0);
    }

    #[test]
    fn accumulation_is_in_place_when_unique() {
        let mut a = Tensor::<f32>::ones([3]);
        let address = a.as_slice().unwrap().as_ptr();
        a.add_assign(&Tensor::ones([3]));
        assert_eq!(
            (a.as_slice().unwrap().as_ptr(), a.to_vec()[0]),
            (address, 2.0)
        );
        let mut c = Tensor::constant([3], 1.0_f32);
        c.add_assign(&a);
        assert_eq!(c.to_vec(), [3.0; 3]);
    }

    #[test]
    fn infinities_are_found() {
        let mut x = Tensor::<f32>::ones([3000]);
        assert!(x.is_finite());
        x.make_mut()[2999] = f32::NEG_INFINITY;
        assert!(!x.is_finite());
    }

    #[test]
    #[should_panic(expected = "add: [2, 3] x [2]: sizes 3 and 2 do not broadcast")]
    fn mismatches_name_the_operation() {
        let _ = &Tensor::<f32>::zeros([2, 3]) + &Tensor::zeros([2]);
    }
}
