//! Pooling. The largest of a window is read where it is, which is [`gather`](Var::gather); the
//! mean is linear, and its adjoint hands every element its share back.

use std::borrow::Cow;

use retrograd_tensor::{Float, OrPanic, PoolGeometry, Pooling, Shape, Sliding, Tensor, shape};

use super::one;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// The mean of each window, and the adjoint of that.
#[derive(Clone, Copy, Debug)]
struct AveragePool {
    geometry: PoolGeometry,
    count_padding: bool,
    adjoint: bool,
}

impl<T: Float> Primitive<T> for AveragePool {
    fn name(&self) -> Cow<'static, str> {
        if self.adjoint {
            "average_unpool"
        } else {
            "average_pool"
        }
        .into()
    }
    fn forward(&self, x: &[&Tensor<T>]) -> Tensor<T> {
        if self.adjoint {
            x[0].average_unpool(&self.geometry, self.count_padding)
        } else {
            x[0].average_pool(&self.geometry, self.count_padding)
        }
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs<T>, _y: &Output<T>, g: &Var<T>) -> Cotangents<T> {
        let adjoint = !self.adjoint;
        one(Var::apply(Self { adjoint, ..*self }, &[g]))
    }
    fn formula(&self) -> Cow<'static, str> {
        if self.adjoint {
            "y = x, shared out to the windows"
        } else {
            "y = means of windows of x"
        }
        .into()
    }
    fn rule(&self) -> Cow<'static, str> {
        if self.adjoint {
            "x̄ = sums of windows of g, over their sizes"
        } else {
            "x̄ = g, shared out to the windows"
        }
        .into()
    }
    fn attributes(&self) -> String {
        let of = |number: fn(&Sliding) -> usize| self.geometry.axes.each_ref().map(number);
        let [kernel, stride] = [of(|axis| axis.kernel), of(|axis| axis.stride)];
        format!("kernel {kernel:?}, stride {stride:?}")
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        x[0].elements().max(y.elements()) as u64
    }
}

impl<T: Float> Var<T> {
    /// Largest of each window of `[.., positions]`; the first of equals gets the derivative.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool1d(&self, options: &Pooling<1>) -> Self {
        largest(
            self,
            shape::pooling("max_pool1d", self.shape(), options).or_panic(),
        )
    }

    /// Largest of each window of `[.., rows, columns]`; the first of equals gets the derivative.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool2d(&self, options: &Pooling<2>) -> Self {
        largest(
            self,
            shape::pooling("max_pool2d", self.shape(), options).or_panic(),
        )
    }

    /// Mean of each window of `[.., positions]`; `count_padding` says whether taps in the padding
    /// count as zeros or not at all.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool1d(&self, options: &Pooling<1>, count_padding: bool) -> Self {
        let rule = shape::pooling("avg_pool1d", self.shape(), options).or_panic();
        mean(self, rule, count_padding)
    }

    /// Mean of each window of `[.., rows, columns]`; `count_padding` says whether taps in the
    /// padding count as zeros or not at all.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d(&self, options: &Pooling<2>, count_padding: bool) -> Self {
        let rule = shape::pooling("avg_pool2d", self.shape(), options).or_panic();
        mean(self, rule, count_padding)
    }
}

impl<T: Float> Var<T> {
    /// Means of `[.., rows, columns]` over windows that divide each axis into as many as `size`
    /// says: window i of n runs from ⌊i · from / n⌋ to ⌈(i + 1) · from / n⌉, so neighbours overlap
    /// where n does not divide the axis.
    ///
    /// # Panics
    /// If there are fewer than two axes, or an axis that is pooled or its number of windows is 0.
    #[track_caller]
    #[must_use]
    pub fn adaptive_avg_pool2d(&self, size: [usize; 2]) -> Self {
        let [.., rows, columns] = self.shape()[..] else {
            panic!(
                "adaptive_avg_pool2d: {}: fewer axes than the 2 to pool",
                self.shape()
            )
        };
        let from = [rows, columns];
        assert!(
            !from.contains(&0) && !size.contains(&0),
            "adaptive_avg_pool2d: {}: from {from:?} to {size:?}; all must be at least 1",
            self.shape()
        );
        if (0..2).all(|axis| from[axis].is_multiple_of(size[axis])) {
            let window = [0, 1].map(|axis| from[axis] / size[axis]);
            return self.avg_pool2d(&Pooling::new(window), true);
        }
        // Each row of the mean is a row of a small matrix times the column it is of.
        let [rows, columns] = [0, 1].map(|axis| Self::constant(means(from[axis], size[axis])));
        rows.matmul(&self.matmul_nt(&columns))
    }
}

/// The matrix `[to, from]` that takes the mean over each window.
fn means<T: Float>(from: usize, to: usize) -> Tensor<T> {
    Tensor::from_fn([to, from], |index| {
        let window = index[0] * from / to..((index[0] + 1) * from).div_ceil(to);
        if window.contains(&index[1]) {
            T::from_f64(1.0 / window.len() as f64)
        } else {
            T::ZERO
        }
    })
}

#[track_caller]
fn largest<T: Float>(x: &Var<T>, (shape, geometry): (Shape, PoolGeometry)) -> Var<T> {
    // Where the largest elements are is no function to differentiate, so their values may be read.
    let positions = x.value().max_pool_positions(&geometry);
    x.with_shape(geometry.planes_in())
        .gather(&positions)
        .with_shape(shape)
}

#[track_caller]
fn mean<T: Float>(
    x: &Var<T>,
    (shape, geometry): (Shape, PoolGeometry),
    count_padding: bool,
) -> Var<T> {
    let pool = AveragePool {
        geometry,
        count_padding,
        adjoint: false,
    };
    Var::apply(pool, &[&x.with_shape(geometry.planes_in())]).with_shape(shape)
}
