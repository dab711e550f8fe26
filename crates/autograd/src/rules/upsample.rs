//! Stretching images and signals. It is linear, and its adjoint hands each position's cotangent
//! back to the neighbours it was made of.

use std::borrow::Cow;

use retrograd_tensor::{Interpolation, OrPanic, Resampling, Shape, Tensor, shape};

use super::one;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Planes in other sizes, and the adjoint of that.
#[derive(Clone, Copy, Debug)]
struct Resample {
    geometry: Resampling,
    adjoint: bool,
}

impl Primitive for Resample {
    fn name(&self) -> Cow<'static, str> {
        if self.adjoint {
            "upsample_adjoint"
        } else {
            "upsample"
        }
        .into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        if self.adjoint {
            x[0].resample_adjoint(&self.geometry)
        } else {
            x[0].resample(&self.geometry)
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
            "y = x, handed back to the neighbours"
        } else {
            "y = x, stretched"
        }
        .into()
    }
    fn rule(&self) -> Cow<'static, str> {
        if self.adjoint {
            "x̄ = g, stretched"
        } else {
            "x̄ = g, handed back to the neighbours"
        }
        .into()
    }
    fn attributes(&self) -> String {
        let Resampling {
            from,
            to,
            interpolation,
            ..
        } = self.geometry;
        format!("{from:?} to {to:?}, {interpolation:?}")
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        x[0].elements().max(y.elements()) as u64
    }
}

impl Var {
    /// The last axes stretched to `size` by repeating nearest neighbours: `[.., positions]` for one
    /// size, `[.., rows, columns]` for two, `[.., layers, rows, columns]` for three.
    ///
    /// # Panics
    /// If there are fewer axes than sizes, there are more than three, or a size is 0.
    #[doc(alias = "interpolate")]
    #[track_caller]
    #[must_use]
    pub fn upsample_nearest<const N: usize>(&self, size: [usize; N]) -> Self {
        const NAME: &str = "upsample_nearest";
        if let (&[layers, rows, columns], [lead @ .., old, height, width]) =
            (&size[..], &self.shape()[..])
        {
            let area = height * width;
            let planes = self.with_shape(Shape::from([lead, &[*old, area]].concat()));
            return stretched(&planes, NAME, [layers, area], Interpolation::Nearest)
                .with_shape(Shape::from([lead, &[layers, *height, *width]].concat()))
                .upsample_nearest([rows, columns]);
        }
        stretched(self, NAME, size, Interpolation::Nearest)
    }

    /// As [`upsample_nearest`](Self::upsample_nearest) of one or two axes, by factors: sizes are
    /// rounded down, and positions are 1/factor apart.
    ///
    /// # Panics
    /// If a factor is not a positive number, there are fewer axes than factors, or a size is or
    /// becomes 0.
    #[track_caller]
    #[must_use]
    pub fn upsample_nearest_by<const N: usize>(&self, factors: [f64; N]) -> Self {
        const NAME: &str = "upsample_nearest_by";
        let rule = shape::resampling_by(NAME, self.shape(), factors, Interpolation::Nearest);
        resampled(self, rule.or_panic())
    }

    /// As [`upsample_linear`](Self::upsample_linear) without corners, by factors: sizes are rounded
    /// down, and positions are 1/factor apart.
    ///
    /// # Panics
    /// If a factor is not a positive number, there are fewer axes than factors, or a size is or
    /// becomes 0.
    #[track_caller]
    #[must_use]
    pub fn upsample_linear_by<const N: usize>(&self, factors: [f64; N]) -> Self {
        const NAME: &str = "upsample_linear_by";
        let rule = shape::resampling_by(NAME, self.shape(), factors, Interpolation::Linear);
        resampled(self, rule.or_panic())
    }

    /// The last axes stretched to `size` along lines between neighbours: linear for one size,
    /// bilinear for two. With `align_corners` the outer positions coincide, else the outer edges.
    ///
    /// # Panics
    /// If there are fewer axes than sizes, or a size is 0.
    #[doc(alias = "interpolate")]
    #[doc(alias = "bilinear")]
    #[track_caller]
    #[must_use]
    pub fn upsample_linear<const N: usize>(&self, size: [usize; N], align_corners: bool) -> Self {
        let interpolation = if align_corners {
            Interpolation::LinearCorners
        } else {
            Interpolation::Linear
        };
        stretched(self, "upsample_linear", size, interpolation)
    }
}

#[track_caller]
fn stretched<const N: usize>(
    x: &Var,
    operation: &str,
    size: [usize; N],
    interpolation: Interpolation,
) -> Var {
    let rule = shape::resampling(operation, x.shape(), size, interpolation);
    resampled(x, rule.or_panic())
}

#[track_caller]
fn resampled(x: &Var, (shape, geometry): (Shape, Resampling)) -> Var {
    let adjoint = false;
    let planes = x.with_shape(geometry.input());
    Var::apply(Resample { geometry, adjoint }, &[&planes]).with_shape(shape)
}
