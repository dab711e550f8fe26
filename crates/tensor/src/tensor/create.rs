//! Tensors from numbers, ranges, functions and chance.

use super::{DType, Tensor, arrays};
use crate::array::Array;
use crate::element::Element;
use crate::error::ShapeError;
use crate::random::Rng;
use crate::shape::Shape;

/// `constructors! { zeros(shape: impl Into<Shape>) }` gives `Tensor::zeros(shape, dtype)`.
macro_rules! constructors {
    ($($(#[$meta:meta])* $name:ident($($argument:ident: $type:ty),*);)*) => {
        impl Tensor {
            $(
                $(#[$meta])*
                #[must_use]
                pub fn $name($($argument: $type,)* dtype: DType) -> Self {
                    typed!(dtype, T => Array::<T>::$name($($argument),*).into())
                }
            )*
        }
    };
}

constructors! {
    /// Every element 0.
    zeros(shape: impl Into<Shape>);
    /// Every element 1.
    ones(shape: impl Into<Shape>);
    /// 0, 1, ..., `count` − 1.
    arange(count: usize);
    /// `count` numbers from `start` to `end`, both included, equally far apart.
    linspace(start: f64, end: f64, count: usize);
    /// The identity matrix `[size, size]`.
    eye(size: usize);
}

/// Tensors from numbers.
impl Tensor {
    /// The values in row-major order under `shape`; their type is the tensor's.
    ///
    /// # Panics
    /// If the number of values is not the number of elements of `shape`; see
    /// [`try_from_vec`](Self::try_from_vec).
    #[doc(alias = "tensor")]
    #[doc(alias = "from_numpy")]
    #[track_caller]
    #[must_use]
    pub fn from_vec<T: Element>(values: Vec<T>, shape: impl Into<Shape>) -> Self {
        Array::from_vec(values, shape).into()
    }

    /// As [`from_vec`](Self::from_vec), for values whose number is not known to fit.
    ///
    /// # Errors
    /// If the number of values is not the number of elements of `shape`.
    pub fn try_from_vec<T: Element>(values: Vec<T>, shape: Shape) -> Result<Self, ShapeError> {
        Array::try_from_vec(values, shape).map(Self::from)
    }

    /// One number, of shape `[]`; its type is the tensor's.
    #[must_use]
    pub fn scalar<T: Element>(value: T) -> Self {
        Array::scalar(value).into()
    }

    /// Every element `value`, whose type is the tensor's.
    #[doc(alias = "fill")]
    #[must_use]
    pub fn full<T: Element>(shape: impl Into<Shape>, value: T) -> Self {
        Array::full(shape, value).into()
    }

    /// Every element `value`, stored once: all strides are 0.
    ///
    /// For operands that are only read, such as the cotangent that starts a backward sweep.
    #[must_use]
    pub fn constant<T: Element>(shape: impl Into<Shape>, value: T) -> Self {
        Array::constant(shape, value).into()
    }

    /// Element `[i, j, ...]` is `value(&[i, j, ...])`, whose type is the tensor's.
    #[doc(alias = "fromfunction")]
    #[must_use]
    pub fn from_fn<T: Element>(shape: impl Into<Shape>, value: impl FnMut(&[usize]) -> T) -> Self {
        Array::from_fn(shape, value).into()
    }

    /// Independent numbers, uniform in `[low, high)`; see [`Array::uniform`].
    #[doc(alias = "rand")]
    #[must_use]
    pub fn uniform(
        shape: impl Into<Shape>,
        low: f64,
        high: f64,
        rng: &mut Rng,
        dtype: DType,
    ) -> Self {
        typed!(dtype, T => Array::<T>::uniform(shape, low, high, rng).into())
    }

    /// Independent numbers, normal with the given mean and standard deviation.
    #[doc(alias = "randn")]
    #[must_use]
    pub fn normal(
        shape: impl Into<Shape>,
        mean: f64,
        deviation: f64,
        rng: &mut Rng,
        dtype: DType,
    ) -> Self {
        typed!(dtype, T => Array::<T>::normal(shape, mean, deviation, rng).into())
    }

    /// The number `value` in the type of this tensor, of shape `[]`.
    #[must_use]
    #[inline]
    pub fn scalar_like(&self, value: f64) -> Self {
        of_array!(self, T, _x => Array::scalar(T::from_f64(value)).into())
    }

    /// Every element `value`, in the type of this tensor.
    #[must_use]
    pub fn full_like(&self, shape: impl Into<Shape>, value: f64) -> Self {
        of_array!(self, T, _x => Array::full(shape, T::from_f64(value)).into())
    }

    /// As [`constant`](Self::constant), in the type of this tensor.
    #[must_use]
    #[inline]
    pub fn constant_like(&self, shape: impl Into<Shape>, value: f64) -> Self {
        of_array!(self, T, _x => Array::constant(shape, T::from_f64(value)).into())
    }

    /// The tensors one after another along an axis.
    ///
    /// # Panics
    /// If there are none, the axis does not exist, or other axes or the types differ.
    #[doc(alias = "concat")]
    #[doc(alias = "concatenate")]
    #[track_caller]
    #[must_use]
    pub fn cat(tensors: &[Self], axis: isize) -> Self {
        let Some(first) = tensors.first() else {
            return Array::<f32>::cat(&[], axis).into();
        };
        of_array!(first, T, _x => Array::<T>::cat(&arrays("cat", tensors), axis).into())
    }

    /// The tensors along a new axis.
    ///
    /// # Panics
    /// If there are none, the axis does not exist, or the shapes or types differ.
    #[track_caller]
    #[must_use]
    pub fn stack(tensors: &[Self], axis: isize) -> Self {
        let Some(first) = tensors.first() else {
            return Array::<f32>::stack(&[], axis).into();
        };
        of_array!(first, T, _x => Array::<T>::stack(&arrays("stack", tensors), axis).into())
    }
}
