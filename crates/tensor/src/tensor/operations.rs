//! The operations on tensors: those of arrays, of whatever type the elements have.
//!
//! Most are a line of a list: the name, the arguments, and what comes out. An argument that is a
//! tensor must have the type of the first.

use super::Tensor;
use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::{MatrixError, OrPanic};
use crate::ops::index::Slice;
use crate::ops::linalg::Triangular;
use crate::ops::scan::Start;
use crate::pointwise::{Binary, Unary};
use crate::shape::{
    Axes, Convolution, Diagonal, Geometry, PoolGeometry, Pooling, ReducedAxes, Resampling, Shape,
};

/// How the result of a function of [`Array`]s is seen from outside.
trait Erase {
    type Erased;
    fn erase(self) -> Self::Erased;
}

impl<T: Float> Erase for Array<T> {
    type Erased = Tensor;
    #[inline]
    fn erase(self) -> Tensor {
        T::erase(self)
    }
}

impl Erase for Array<i64> {
    type Erased = Self;
    fn erase(self) -> Self {
        self
    }
}

impl Erase for bool {
    type Erased = Self;
    fn erase(self) -> Self {
        self
    }
}

impl<A: Erase, B: Erase> Erase for (A, B) {
    type Erased = (A::Erased, B::Erased);
    fn erase(self) -> Self::Erased {
        (self.0.erase(), self.1.erase())
    }
}

impl<A: Erase, B: Erase, C: Erase> Erase for (A, B, C) {
    type Erased = (A::Erased, B::Erased, C::Erased);
    fn erase(self) -> Self::Erased {
        (self.0.erase(), self.1.erase(), self.2.erase())
    }
}

impl<A: Erase, E> Erase for Result<A, E> {
    type Erased = Result<A::Erased, E>;
    fn erase(self) -> Self::Erased {
        self.map(A::erase)
    }
}

/// An argument as a function of `Array<T>` takes it.
macro_rules! lower {
    ($x:ident, $T:ident, $name:ident, &Tensor) => {
        $x.operand::<$T>(stringify!($name))
    };
    ($x:ident, $T:ident, $name:ident, Option<&Tensor>) => {
        $x.map(|x| x.operand::<$T>(stringify!($name)))
    };
    ($x:ident, $T:ident, $name:ident, $($other:tt)*) => {
        $x
    };
}

/// `operations! { cumsum(axis: [isize]) -> Tensor; }` gives `Tensor::cumsum`, which is
/// `Array::cumsum` of whatever floating-point type the elements have; with `any:` in front, of whatever
/// type.
macro_rules! operations {
    (any: $($(#[$must:meta])* $name:ident($($argument:ident: [$($type:tt)*]),*) -> $output:ty;)*) => {
        impl Tensor {
            $(
                #[doc = concat!("As [`Array::", stringify!($name), "`].")]
                #[track_caller]
                $(#[$must])*
                pub fn $name(&self, $($argument: $($type)*),*) -> $output {
                    of_array!(self, T, x => x.$name($($argument),*).into())
                }
            )*
        }
    };
    ($($(#[$must:meta])* $name:ident($($argument:ident: [$($type:tt)*]),*) -> $output:ty;)*) => {
        impl Tensor {
            $(
                #[doc = concat!("As [`Array::", stringify!($name), "`].")]
                #[track_caller]
                $(#[$must])*
                pub fn $name(&self, $($argument: $($type)*),*) -> $output {
                    of_array!(stringify!($name), self, T, x => {
                        x.$name($(lower!($argument, T, $name, $($type)*)),*).erase()
                    })
                }
            )*
        }
    };
}

// Views and copies.
operations! { any:
    #[doc(alias = "view")]
    #[must_use] reshape(sizes: [&[isize]]) -> Tensor;
    #[must_use] with_shape(shape: [Shape]) -> Tensor;
    #[doc(alias = "transpose")]
    #[must_use] permute(order: [&[usize]]) -> Tensor;
    #[must_use] transpose(first: [isize], second: [isize]) -> Tensor;
    #[must_use] t() -> Tensor;
    #[doc(alias = "expand")]
    #[must_use] broadcast_to(shape: [impl Into<Shape>]) -> Tensor;
    #[doc(alias = "expand_dims")]
    #[must_use] unsqueeze(axis: [isize]) -> Tensor;
    #[must_use] squeeze(axis: [isize]) -> Tensor;
    #[doc(alias = "reverse")]
    #[must_use] flip(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] contiguous() -> Tensor;
    #[doc(alias = "clone")]
    #[must_use] copied() -> Tensor;
    #[doc(alias = "narrow")]
    #[must_use] slice(axis: [isize], positions: [impl Into<Slice>]) -> Tensor;
    #[must_use] select(axis: [isize], position: [usize]) -> Tensor;
    #[must_use] place(shape: [Shape], axis: [isize], positions: [impl Into<Slice>]) -> Tensor;
    #[doc(alias = "index_select")]
    #[must_use] rows(indices: [&[usize]]) -> Tensor;
    #[must_use] diagonal(offset: [isize], axes: [[isize; 2]]) -> Tensor;
    #[doc(alias = "diag_embed")]
    #[must_use] place_diagonal(shape: [Shape], diagonal: [&Diagonal]) -> Tensor;
    #[must_use] tril(offset: [isize]) -> Tensor;
    #[must_use] triu(offset: [isize]) -> Tensor;
    #[must_use] roll(axis: [isize], shift: [isize]) -> Tensor;
    #[doc(alias = "sliding_window_view")]
    #[must_use] unfold(axis: [isize], size: [usize], step: [usize]) -> Tensor;
}

impl Tensor {
    /// The parts at every position of an axis, without that axis, as views: the inverse of
    /// [`stack`](Self::stack).
    ///
    /// ```
    /// use retrograd_tensor::Tensor;
    ///
    /// let columns = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2]).unbind(1);
    /// assert_eq!(columns[1].to_vec(), [2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist.
    #[doc(alias = "unstack")]
    #[track_caller]
    #[must_use]
    pub fn unbind(&self, axis: isize) -> Vec<Self> {
        let place = self.shape().axis("unbind", axis).or_panic();
        let positions = 0..self.shape()[place];
        positions.map(|i| self.select(axis, i)).collect()
    }
}

// Reading, adding and choosing at indices.
operations! {
    #[doc(alias = "col2im")]
    #[must_use] fold(axis: [isize], positions: [usize], step: [usize]) -> Tensor;
    #[must_use] gather(indices: [&Array<i64>]) -> Tensor;
    #[doc(alias = "take")]
    #[must_use] gather_rows(indices: [&Array<i64>]) -> Tensor;
    #[doc(alias = "take_along_axis")]
    #[doc(alias = "take_along_dim")]
    #[must_use] gather_along(axis: [isize], indices: [&Array<i64>]) -> Tensor;
    #[must_use] scatter_along(axis: [isize], indices: [&Array<i64>], values: [&Tensor]) -> Tensor;
    #[must_use] scatter_add(indices: [&Array<i64>], size: [usize]) -> Tensor;
    #[must_use] scatter_add_rows(indices: [&Array<i64>], rows: [usize]) -> Tensor;
    #[doc(alias = "scatter_add")]
    #[must_use] scatter_add_along(shape: [Shape], axis: [isize], indices: [&Array<i64>]) -> Tensor;
    #[must_use] index_select(axis: [isize], indices: [&Array<i64>]) -> Tensor;
    #[doc(alias = "index_add")]
    #[must_use] index_sum(axis: [isize], indices: [&Array<i64>], size: [usize]) -> Tensor;
    #[doc(alias = "top_k")]
    #[must_use] topk(k: [usize]) -> (Tensor, Array<i64>);
    #[must_use] topk_positions(k: [usize]) -> Array<i64>;
    #[must_use] sort(descending: [bool]) -> (Tensor, Array<i64>);
    #[must_use] argsort(descending: [bool]) -> Array<i64>;
    #[must_use] searchsorted(values: [&Tensor], right: [bool]) -> Array<i64>;
    #[must_use] median(axis: [isize]) -> (Tensor, Array<i64>);
    #[must_use] median_positions(axis: [isize]) -> Array<i64>;
    #[must_use] ranked_positions(axis: [isize], ranks: [&[usize]]) -> Array<i64>;
    #[must_use] argmax(axis: [isize]) -> Array<i64>;
    #[must_use] argmin(axis: [isize]) -> Array<i64>;
    #[must_use] cummax_positions(axis: [isize]) -> Array<i64>;
    #[must_use] cummin_positions(axis: [isize]) -> Array<i64>;
    #[must_use] sparse_decode(indices: [&Array<i64>], dictionary: [&Tensor]) -> Tensor;
    #[must_use] sparse_encode(indices: [&Array<i64>], dictionary: [&Tensor]) -> Tensor;
    #[must_use] sparse_outer(indices: [&Array<i64>], input: [&Tensor], features: [usize]) -> Tensor;
}

// Elementwise functions, reductions and scans.
operations! {
    #[must_use] unary(function: [Unary]) -> Tensor;
    #[must_use] binary(function: [Binary], other: [&Tensor]) -> Tensor;
    #[must_use] scale(factor: [f64]) -> Tensor;
    #[doc(alias = "isfinite")]
    #[must_use] is_finite() -> bool;
    #[must_use] gammainc(x: [&Tensor], order: [usize]) -> Tensor;
    #[must_use] gamma_from_normal(z: [&Tensor]) -> Tensor;
    #[must_use] von_mises_fisher_mass(dimensions: [usize]) -> Tensor;
    #[must_use] von_mises_fisher_moment(dimensions: [usize], order: [usize]) -> Tensor;
    #[must_use] von_mises_fisher_tail(s: [&Tensor], dimensions: [usize], order: [usize]) -> Tensor;
    #[must_use] von_mises_fisher_from_normal(z: [&Tensor], dimensions: [usize]) -> Tensor;
    #[doc(alias = "reduce_sum")]
    #[must_use] sum(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] sum_resolved(axes: [ReducedAxes]) -> Tensor;
    #[doc(alias = "reduce_mean")]
    #[must_use] mean(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] sum_to(shape: [&Shape]) -> Tensor;
    #[doc(alias = "amax")]
    #[must_use] max(axes: [impl Into<Axes>]) -> Tensor;
    #[doc(alias = "amin")]
    #[must_use] min(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] any(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] all(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] logsumexp(axes: [impl Into<Axes>]) -> Tensor;
    #[must_use] cumsum(axis: [isize]) -> Tensor;
    #[must_use] cumsum_reverse(axis: [isize]) -> Tensor;
    #[must_use] recurrence(factors: [&Tensor], axis: [isize], start: [Start]) -> Tensor;
    #[must_use] logcumsumexp(axis: [isize]) -> Tensor;
}

// Products, convolutions, windows and images.
operations! {
    #[doc(alias = "mm")]
    #[doc(alias = "bmm")]
    #[must_use] matmul(right: [&Tensor]) -> Tensor;
    #[must_use] matmul_transposed(right: [&Tensor], transposed: [[bool; 2]]) -> Tensor;
    #[doc(alias = "addmm")]
    #[doc(alias = "linear")]
    #[must_use] affine(right: [&Tensor], row: [&Tensor]) -> Tensor;
    #[must_use] conv1d(weight: [&Tensor], bias: [Option<&Tensor>], options: [&Convolution<1>]) -> Tensor;
    #[must_use] conv2d(weight: [&Tensor], bias: [Option<&Tensor>], options: [&Convolution<2>]) -> Tensor;
    #[must_use] convolve(weight: [&Tensor], bias: [Option<&Tensor>], geometry: [&Geometry]) -> Tensor;
    #[must_use] convolve_transposed(weight: [&Tensor], bias: [Option<&Tensor>], geometry: [&Geometry]) -> Tensor;
    #[must_use] convolve_filter(output: [&Tensor], geometry: [&Geometry]) -> Tensor;
    #[must_use] max_pool1d(options: [&Pooling<1>]) -> Tensor;
    #[must_use] max_pool2d(options: [&Pooling<2>]) -> Tensor;
    #[must_use] avg_pool1d(options: [&Pooling<1>], count_padding: [bool]) -> Tensor;
    #[must_use] avg_pool2d(options: [&Pooling<2>], count_padding: [bool]) -> Tensor;
    #[must_use] max_pool_positions(geometry: [&PoolGeometry]) -> Array<i64>;
    #[must_use] average_pool(geometry: [&PoolGeometry], count_padding: [bool]) -> Tensor;
    #[must_use] average_unpool(geometry: [&PoolGeometry], count_padding: [bool]) -> Tensor;
    #[doc(alias = "interpolate")]
    #[must_use] resample(geometry: [&Resampling]) -> Tensor;
    #[must_use] resample_adjoint(geometry: [&Resampling]) -> Tensor;
}

// Linear algebra.
operations! {
    #[must_use] cholesky() -> Tensor;
    #[doc = "\n# Errors\nAs there."]
    try_cholesky() -> Result<Tensor, MatrixError>;
    #[must_use] eigh() -> (Tensor, Tensor);
    #[doc = "\n# Errors\nAs there."]
    try_eigh() -> Result<(Tensor, Tensor), MatrixError>;
    #[must_use] solve(right: [&Tensor], transposed: [bool]) -> Tensor;
    #[doc = "\n# Errors\nAs there."]
    try_solve(right: [&Tensor], transposed: [bool]) -> Result<Tensor, MatrixError>;
    #[must_use] lu() -> (Tensor, Array<i64>);
    #[must_use] lu_solve(order: [&Array<i64>], right: [&Tensor], transposed: [bool]) -> Tensor;
    #[must_use] lu_slogdet(order: [&Array<i64>]) -> (Tensor, Tensor);
    #[must_use] lu_det(order: [&Array<i64>]) -> Tensor;
    #[doc(alias = "inv")]
    #[must_use] inverse() -> Tensor;
    #[doc = "\n# Errors\nAs there."]
    try_inverse() -> Result<Tensor, MatrixError>;
    #[doc(alias = "logabsdet")]
    #[must_use] slogdet() -> (Tensor, Tensor);
    #[must_use] det() -> Tensor;
    #[must_use] qr() -> (Tensor, Tensor);
    #[must_use] svd() -> (Tensor, Tensor, Tensor);
    #[doc = "\n# Errors\nAs there."]
    try_svd() -> Result<(Tensor, Tensor, Tensor), MatrixError>;
    #[must_use] solve_triangular(right: [&Tensor], triangle: [Triangular]) -> Tensor;
    #[doc = "\n# Errors\nAs there."]
    try_solve_triangular(right: [&Tensor], triangle: [Triangular]) -> Result<Tensor, MatrixError>;
}

/// Operations with more to them than arguments.
impl Tensor {
    /// As [`Array::with`].
    #[track_caller]
    #[must_use]
    pub fn with(&self, axis: isize, positions: impl Into<Slice>, values: &Self) -> Self {
        of_array!(self, T, x => x.with(axis, positions, values.operand("with")).into())
    }

    /// As [`Array::pad`].
    #[track_caller]
    #[must_use]
    pub fn pad(&self, widths: &[[isize; 2]], value: f64) -> Self {
        of_array!(self, T, x => x.pad(widths, T::from_f64(value)).into())
    }

    /// As [`Array::upsample_nearest`].
    #[track_caller]
    #[must_use]
    pub fn upsample_nearest<const N: usize>(&self, size: [usize; N]) -> Self {
        of_array!("upsample_nearest", self, T, x => x.upsample_nearest(size).into())
    }

    /// As [`Array::upsample_linear`].
    #[track_caller]
    #[must_use]
    pub fn upsample_linear<const N: usize>(&self, size: [usize; N], align_corners: bool) -> Self {
        of_array!("upsample_linear", self, T, x => x.upsample_linear(size, align_corners).into())
    }

    /// `self` ← `self` + `other`; in place when nobody else holds the buffer.
    ///
    /// # Panics
    /// If the shapes or types differ.
    #[doc(alias = "add_")]
    #[track_caller]
    pub fn add_assign(&mut self, other: &Self) {
        of_array!("add_assign", self, T, x => x.add_assign(other.operand::<T>("add_assign")));
    }

    /// As [`Array::add_at`].
    #[track_caller]
    pub fn add_at(&mut self, axis: isize, positions: impl Into<Slice>, part: &Self) {
        of_array!("add_at", self, T, x => x.add_at(axis, positions, part.operand::<T>("add_at")));
    }

    /// As [`Array::add_product`].
    #[track_caller]
    pub fn add_product(&mut self, alpha: f64, left: &Self, right: &Self, beta: f64) {
        of_array!("add_product", self, T, x => {
            let [left, right] = [left, right].map(|side| side.operand::<T>("add_product"));
            x.add_product(alpha, left, right, beta);
        });
    }
}
