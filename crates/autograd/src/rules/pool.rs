//! Pooling. The largest of a window is read where it is, which is [`gather`](Var::gather); the
//! mean is linear, and its adjoint hands every element its share back.

use std::borrow::Cow;

use retrograd_tensor::{Array, OrPanic, PoolGeometry, Pooling, Shape, Sliding, Tensor, shape};

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

impl Primitive for AveragePool {
    fn name(&self) -> Cow<'static, str> {
        if self.adjoint {
            "average_unpool"
        } else {
            "average_pool"
        }
        .into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        if self.adjoint {
            x[0].average_unpool(&self.geometry, self.count_padding)
        } else {
            x[0].average_pool(&self.geometry, self.count_padding)
        }
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let adjoint = !self.adjoint;
        one(Var::apply(Self { adjoint, ..*self }, &[g]))
    }
    moves!(Linear);
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

impl Var {
    /// Positions in the planes of all members of a batch, with an axis for the members in front.
    pub(super) fn of_members(&self, positions: Array<i64>) -> Array<i64> {
        let Some(members) = self.batch_size() else {
            return positions;
        };
        let [planes, windows] = positions.shape()[..] else {
            unreachable!("positions are those of windows in planes")
        };
        positions.with_shape(Shape::from([members, planes / members.max(1), windows]))
    }

    /// Largest of each window of `N` last axes, 1 or 2: [`max_pool1d`](Self::max_pool1d) or
    /// [`max_pool2d`](Self::max_pool2d).
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool<const N: usize>(&self, options: &Pooling<N>) -> Self {
        const { assert!(N == 1 || N == 2, "one or two axes to pool") };
        let name = if N == 1 { "max_pool1d" } else { "max_pool2d" };
        let (shape, geometry) = shape::pooling(name, self.shape(), options).or_panic();
        let (_, all) = shape::pooling(name, self.raw().shape(), options).or_panic();
        let positions = self.of_members(self.raw().max_pool_positions(&all));
        self.with_shape(geometry.planes_in())
            .gather(&positions)
            .with_shape(shape)
    }

    /// Mean of each window of `N` last axes, 1 or 2: [`avg_pool1d`](Self::avg_pool1d) or
    /// [`avg_pool2d`](Self::avg_pool2d).
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool<const N: usize>(&self, options: &Pooling<N>, count_padding: bool) -> Self {
        const { assert!(N == 1 || N == 2, "one or two axes to pool") };
        let name = if N == 1 { "avg_pool1d" } else { "avg_pool2d" };
        let (shape, geometry) = shape::pooling(name, self.shape(), options).or_panic();
        let pool = AveragePool {
            geometry,
            count_padding,
            adjoint: false,
        };
        Self::apply(pool, &[&self.with_shape(geometry.planes_in())]).with_shape(shape)
    }

    /// Largest of each window of `[.., positions]`; the first of equals gets the derivative.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool1d(&self, options: &Pooling<1>) -> Self {
        self.max_pool(options)
    }

    /// Largest of each window of `[.., rows, columns]`; the first of equals gets the derivative.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool2d(&self, options: &Pooling<2>) -> Self {
        self.max_pool(options)
    }

    /// Mean of each window of `[.., positions]`; `count_padding` says whether taps in the padding
    /// count as zeros or not at all.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool1d(&self, options: &Pooling<1>, count_padding: bool) -> Self {
        self.avg_pool(options, count_padding)
    }

    /// Mean of each window of `[.., rows, columns]`; `count_padding` says whether taps in the
    /// padding count as zeros or not at all.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool2d(&self, options: &Pooling<2>, count_padding: bool) -> Self {
        self.avg_pool(options, count_padding)
    }
}
