//! Arithmetic of tensors among themselves and with numbers, and whether they are equal or nearly so.

use std::ops::{Add, Div, Mul, Neg, Sub};

use approx::{AbsDiffEq, RelativeEq};

use super::{Tensor, mixed};
use crate::approximate::Values;
use crate::array::Array;
use crate::element::Element;
use crate::shape::Shape;

/// `operator!(Add, add)` implements `+` among `Tensor`, `&Tensor` and, on the right, `f64`.
macro_rules! operator {
    ($trait:ident, $method:ident) => {
        operator!(@ $trait, $method, &Tensor, &Tensor, |b, T| b.operand::<T>(stringify!($method)));
        operator!(@ $trait, $method, Tensor, &Tensor, |b, T| b.operand::<T>(stringify!($method)));
        operator!(@ $trait, $method, &Tensor, Tensor, |b, T| b.into_operand::<T>(stringify!($method)));
        operator!(@ $trait, $method, Tensor, Tensor, |b, T| b.into_operand::<T>(stringify!($method)));
        operator!(@ $trait, $method, &Tensor, f64, |b, T| b);
        operator!(@ $trait, $method, Tensor, f64, |b, T| b);
    };
    (@ $trait:ident, $method:ident, $left:ty, $right:ty, |$b:ident, $T:ident| $operand:expr) => {
        impl $trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, $b: $right) -> Tensor {
                of_array!(stringify!($method), self, $T, a => $trait::$method(a, $operand).into())
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl Tensor {
    /// The array of this tensor as an operand beside one of type `T`.
    #[track_caller]
    #[inline]
    fn into_operand<T: Element>(self, operation: &str) -> Array<T> {
        let dtype = self.dtype();
        T::into_typed(self).unwrap_or_else(|| mixed(operation, T::DTYPE, dtype))
    }
}

impl Neg for &Tensor {
    type Output = Tensor;
    fn neg(self) -> Tensor {
        of_array!("neg", self, T, x => (-x).into())
    }
}

impl Neg for Tensor {
    type Output = Self;
    fn neg(self) -> Self {
        of_array!("neg", self, T, x => (-x).into())
    }
}

/// Same type, shape and elements (so a NaN makes a tensor unequal to itself).
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        of_array!(self, T, x => T::typed(other).is_some_and(|other| x == other))
    }
}

impl AbsDiffEq for Tensor {
    type Epsilon = f64;

    fn default_epsilon() -> f64 {
        f64::default_epsilon()
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: f64) -> bool {
        near(self, other, |a, b| a.abs_diff_eq(&b, epsilon))
    }
}

impl RelativeEq for Tensor {
    fn default_max_relative() -> f64 {
        f64::default_max_relative()
    }

    fn relative_eq(&self, other: &Self, epsilon: f64, max_relative: f64) -> bool {
        near(self, other, |a, b| a.relative_eq(&b, epsilon, max_relative))
    }
}

/// Same shape, and each element near its counterpart.
fn near(a: &Tensor, b: &Tensor, near: impl Fn(f64, f64) -> bool) -> bool {
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(|(a, b)| near(a, b))
}

impl Values for Tensor {
    fn values(&self) -> (Shape, Vec<f64>) {
        (*self.shape(), self.to_vec())
    }
}
