//! The tensor: an array whose element type is a value.
//!
//! Everything above this crate computes with [`Tensor`] and is compiled once, whatever the numbers
//! are. An operation looks at the element type where its kernel begins, once, and runs the function
//! of the same name of [`Array`], which knows its type.

use std::borrow::Cow;
use std::fmt;

use crate::array::Array;
use crate::element::Element;
use crate::error::TypeError;
use crate::layout::Layout;
use crate::shape::Shape;

/// Runs an expression with `$array` bound to the array inside of a tensor, and `$T` its type. With the
/// name of an operation in front, integers are refused.
macro_rules! of_array {
    ($tensor:expr, $T:ident, $array:ident => $body:expr) => {
        of_array!(@ $tensor, $T, $array => $body, $array => {
            #[allow(dead_code, reason = "most operations do not name the type")]
            type $T = i64;
            $body
        })
    };
    ($operation:expr, $tensor:expr, $T:ident, $array:ident => $body:expr) => {
        of_array!(@ $tensor, $T, $array => $body, _integers => crate::tensor::refuse($operation))
    };
    (@ $tensor:expr, $T:ident, $array:ident => $body:expr, $integers:pat => $other:expr) => {
        match $tensor {
            Tensor::F32($array) => {
                #[allow(dead_code, reason = "most operations do not name the type")]
                type $T = f32;
                $body
            }
            Tensor::F64($array) => {
                #[allow(dead_code, reason = "most operations do not name the type")]
                type $T = f64;
                $body
            }
            Tensor::I64($integers) => $other,
        }
    };
}

mod create;
mod dtype;
mod operations;
mod operators;

pub use dtype::DType;

/// An n-dimensional array of floating-point numbers, of `f32` or of `f64`, or of integers that are
/// indices or labels.
///
/// Numbers go in and come out as `f64`, which holds all but huge integers exactly: [`item`](Self::item),
/// [`at`](Self::at), [`iter`](Self::iter), [`to_vec`](Self::to_vec). Whoever wants the elements where
/// they lie names their type: [`as_slice`](Self::as_slice), [`array`](Self::array). Operands of one
/// operation have one type; [`cast`](Self::cast) makes it so.
///
/// Cloning shares the buffer. Views (reshape, permute, slice, broadcast) share it too, and a write
/// copies it first unless nobody else holds it, so no write is ever seen through another tensor.
#[derive(Clone)]
pub enum Tensor {
    /// Of `f32`.
    F32(Array<f32>),
    /// Of `f64`.
    F64(Array<f64>),
    /// Of integers.
    I64(Array<i64>),
}

impl<T: Element> From<Array<T>> for Tensor {
    #[inline]
    fn from(array: Array<T>) -> Self {
        T::erase(array)
    }
}

/// The elements.
impl Tensor {
    /// The type of the elements.
    #[must_use]
    #[inline]
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::I64(_) => DType::I64,
        }
    }

    /// The same elements in another type, rounded to nearest, or without their fractions where that is
    /// one of integers; itself if it has that type.
    #[doc(alias = "to")]
    #[doc(alias = "astype")]
    #[must_use]
    pub fn cast(&self, dtype: DType) -> Self {
        if self.dtype() == dtype {
            return self.clone();
        }
        of_array!(self, T, x => match dtype {
            DType::F32 => x.cast::<f32>().into(),
            DType::F64 => x.cast::<f64>().into(),
            DType::I64 => x.cast::<i64>().into(),
        })
    }

    /// The array of this type inside.
    ///
    /// # Errors
    /// If the elements have another type.
    #[inline]
    pub fn try_array<T: Element>(&self) -> Result<&Array<T>, TypeError> {
        T::typed(self).ok_or_else(|| TypeError::new(T::DTYPE, self))
    }

    /// The array of this type inside.
    ///
    /// # Panics
    /// If the elements have another type.
    #[track_caller]
    #[must_use]
    #[inline]
    pub fn array<T: Element>(&self) -> &Array<T> {
        self.try_array().unwrap_or_else(|error| panic!("{error}"))
    }

    /// This as an operand beside one of type `T`.
    #[track_caller]
    #[inline]
    pub(crate) fn operand<T: Element>(&self, operation: &str) -> &Array<T> {
        T::typed(self).unwrap_or_else(|| mixed(operation, T::DTYPE, self.dtype()))
    }

    /// Whether all operands of an operation have one type.
    ///
    /// # Panics
    /// If they have not, with the operation's name.
    #[track_caller]
    #[inline]
    pub fn expect_one_type(operation: &str, operands: &[&Self]) {
        for pair in operands.windows(2) {
            let [one, other] = [pair[0].dtype(), pair[1].dtype()];
            if one != other {
                mixed(operation, one, other);
            }
        }
    }

    /// Size along each axis.
    #[must_use]
    #[inline]
    pub fn shape(&self) -> &Shape {
        of_array!(self, T, x => x.shape())
    }

    /// How the elements lie in the buffer.
    #[must_use]
    #[inline]
    pub fn layout(&self) -> &Layout {
        of_array!(self, T, x => x.layout())
    }

    /// Number of axes.
    #[doc(alias = "ndim")]
    #[doc(alias = "dim")]
    #[must_use]
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// Number of elements.
    #[doc(alias = "numel")]
    #[doc(alias = "size")]
    #[must_use]
    #[inline]
    pub fn elements(&self) -> usize {
        self.shape().elements()
    }

    /// Bytes of the elements.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype().bytes()
    }

    /// As [`Array::buffer_bytes`].
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        of_array!(self, T, x => x.buffer_bytes())
    }

    /// Whether the elements lie next to each other in row-major order.
    #[must_use]
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        of_array!(self, T, x => x.is_contiguous())
    }

    /// Whether nobody else holds the buffer, so that a write needs no copy.
    #[must_use]
    #[inline]
    pub fn is_unique(&self) -> bool {
        of_array!(self, T, x => x.is_unique())
    }

    /// Whether both tensors look at the same buffer.
    #[doc(alias = "data_ptr")]
    #[must_use]
    #[inline]
    pub fn shares_storage_with(&self, other: &Self) -> bool {
        of_array!(self, T, x => other.try_array::<T>().is_ok_and(|other| x.shares_storage_with(other)))
    }

    /// The elements in row-major order, if they are of type `T` and lie so in memory.
    #[must_use]
    #[inline]
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        T::typed(self)?.as_slice()
    }

    /// The elements in row-major order, borrowed where they lie so and copied where not.
    ///
    /// # Panics
    /// If they are not of type `T`.
    #[track_caller]
    #[must_use]
    pub fn values<T: Element>(&self) -> Cow<'_, [T]> {
        self.array().values()
    }

    /// The elements for writing, in row-major order; copies the buffer first if it is shared or
    /// not contiguous.
    ///
    /// # Panics
    /// If they are not of type `T`.
    #[track_caller]
    #[inline]
    pub fn make_mut<T: Element>(&mut self) -> &mut [T] {
        if self.dtype() != T::DTYPE {
            panic!("{}", TypeError::new(T::DTYPE, self));
        }
        T::typed_mut(self)
            .expect("the type was looked at")
            .make_mut()
    }

    /// The elements in row-major order, as `f64`.
    #[doc(alias = "tolist")]
    #[doc(alias = "numpy")]
    #[must_use]
    pub fn to_vec(&self) -> Vec<f64> {
        of_array!(self, T, x => x.values().iter().map(|x| x.to_f64()).collect())
    }

    /// The elements in row-major order, as `f64`.
    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        fn of<T: Element>(x: &Tensor) -> impl Iterator<Item = f64> + '_ {
            let array = T::typed(x).into_iter();
            array.flat_map(Array::iter).map(T::to_f64)
        }
        of::<f32>(self)
            .chain(of::<f64>(self))
            .chain(of::<i64>(self))
    }

    /// The element at `index`, one position an axis, as `f64`.
    ///
    /// # Panics
    /// If the index has another rank or is out of range.
    #[track_caller]
    #[must_use]
    pub fn at(&self, index: &[usize]) -> f64 {
        of_array!(self, T, x => x.at(index).to_f64())
    }

    /// The value of a tensor of one element, of any rank, as `f64`.
    ///
    /// # Panics
    /// If there is not exactly one element.
    #[track_caller]
    #[must_use]
    #[inline]
    pub fn item(&self) -> f64 {
        of_array!(self, T, x => x.item().to_f64())
    }

    /// Any function of every element; slower than [`unary`](Self::unary), for odd jobs.
    #[must_use]
    pub fn map(&self, function: impl Fn(f64) -> f64) -> Self {
        of_array!("map", self, T, x => x.map(|x| T::from_f64(function(x.to_f64()))).into())
    }
}

#[cold]
#[track_caller]
fn mixed(operation: &str, one: DType, other: DType) -> ! {
    panic!(
        "{operation}: operands of type {one} and {other}; cast one of them, as `x.cast(DType::{one:?})`"
    )
}

#[cold]
#[track_caller]
fn refuse(operation: &str) -> ! {
    panic!("{operation}: an operand of type i64; cast it, as `x.cast(DType::F32)`")
}

/// What [`typed!`](crate::typed) says of integers.
#[doc(hidden)]
#[cold]
#[track_caller]
pub fn refuse_integers() -> ! {
    panic!(
        "elements of type i64 where numbers of f32 or f64 are expected; cast them, as `x.cast(DType::F32)`"
    )
}

/// The arrays inside of tensors, which have the type of the first.
#[track_caller]
fn arrays<T: Element>(operation: &str, tensors: &[Tensor]) -> Vec<Array<T>> {
    let array = |tensor: &Tensor| tensor.operand(operation).clone();
    tensors.iter().map(array).collect()
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        of_array!(self, T, x => fmt::Display::fmt(x, f))
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        of_array!(self, T, x => fmt::Debug::fmt(x, f))
    }
}
