//! Normalisation: numbers brought to mean 0 and variance 1 in groups, then scaled and shifted.
//!
//! ```text
//! y = (x − m)·s      m = mean x, s = 1/√(variance x + ε)
//! x̄ = s·(g − mean g − y·mean(g·y))
//! ```
//!
//! Batch, layer, group and instance normalisation differ in what a group is.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{Axes, OrPanic, ReducedAxes, Shape, ShapeError, Tensor, keep};

use super::moment::Centre;
use super::norm::{are_squares_safe, units};
use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{
    Batched, Cotangents, Forward, Inputs, Needed, Output, Primitive, Residuals, Saves,
};
use crate::var::Var;

/// (x − m)·s over groups, which are along axes.
#[derive(Clone, Copy, Debug)]
struct Standardize {
    axes: ReducedAxes,
    epsilon: f64,
}

impl Primitive for Standardize {
    fn name(&self) -> Cow<'static, str> {
        "standardize".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        self.forward_with_residuals(x).value
    }
    fn forward_with_residuals(&self, x: &[&Tensor]) -> Forward {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("standardize", |[x, first, distance, s]: [Expr; 4]| {
                (x - first - distance) * s
            })
        });
        let centre = Centre::of(x[0], self.axes);
        let (variance, scale) = self.variance_and_scale(x[0], &centre);
        let Centre { first, distance } = &centre;
        Forward::from(FORMULA.forward(&[x[0], first, distance, &scale]))
            .keeping("mean", centre.mean())
            .keeping("variance", variance)
            .keeping("scale", scale)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        static PRODUCT: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("standardize.along", |[g, y]: [Expr; 2]| g * y));
        static SLOPE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("standardize.vjp", |[y, g, s, mean, along]: [Expr; 5]| {
                s * (g - mean - y * along)
            })
        });
        let axes = || keep(self.axes.to_axes());
        // Only a derivative of the derivative has to know what the scale is made of.
        let moves = x[0].is_tracked() || x[0].dual().is_some();
        let recomputed = moves.then(|| {
            let epsilon = x[0].scalar_like(self.epsilon);
            SCALE.apply(&[&x[0].var(axes(), 0.0), &epsilon])
        });
        let scale = recomputed.as_ref().unwrap_or_else(|| y.residual("scale"));
        let count = x[0].scalar_like(self.axes.count(x.shape(0)) as f64);
        let mean = g.sum(axes()) / &count;
        let along = PRODUCT.apply_sum(&[g, y], axes()) / &count;
        one(SLOPE.apply(&[y, g, scale, &mean, &along]))
    }
    fn forward_batched_with_residuals(&self, x: &[Batched<'_>]) -> Option<Forward> {
        let axes = self.axes.behind_batch();
        Some(Self { axes, ..*self }.forward_with_residuals(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = (x − mean x)·s, s = 1/√(variance x + ε)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = s·(g − mean g − y·mean(g·y))".into()
    }
    fn attributes(&self) -> String {
        format!("axes: {:?}, epsilon: {:e}", self.axes, self.epsilon)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        6 * x[0].elements() as u64
    }
}

/// 1/√(variance + ε).
static SCALE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("standardize.scale", |[variance, epsilon]: [Expr; 2]| {
        (variance + epsilon).sqrt().recip()
    })
});

impl Standardize {
    /// The variance without correction, and the scale.
    fn variance_and_scale(&self, x: &Tensor, centre: &Centre<Tensor>) -> (Tensor, Tensor) {
        let count = self.axes.count(x.shape()) as f64;
        let variance_in = |units: &Tensor| centre.scatter(x, units) / count;
        let variance = variance_in(&x.scalar_like(1.0));
        if variance.is_finite() {
            let scale = SCALE.forward(&[&variance, &x.scalar_like(self.epsilon)]);
            return (variance, scale);
        }
        // The square of a deviation may be infinite where the deviation is not.
        let units = units(x, self.axes, 1.0);
        let epsilon = &units * &units * self.epsilon;
        let scale = SCALE.forward(&[&variance_in(&units), &epsilon]) * units;
        (variance, scale)
    }
}

impl Var {
    /// Mean 0 and variance 1 along axes: (x − mean) / √(variance + `epsilon`), the variance without
    /// correction.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn standardize(&self, axes: impl Into<Axes>, epsilon: f64) -> Self {
        let axes = self.reduced("standardize", axes);
        Self::apply(Standardize { axes, epsilon }, &[self])
    }

    /// Layer normalisation (Ba et al. 2016): mean 0 and variance 1 over the last `axes` axes of each
    /// sample, then times `weight` plus `bias`, in the shape of those axes.
    ///
    /// # Panics
    /// If there are fewer axes, or weight or bias do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn layer_norm(
        &self,
        axes: usize,
        weight: Option<&Self>,
        bias: Option<&Self>,
        epsilon: f64,
    ) -> Self {
        let axes = self.last_axes("layer_norm", axes);
        self.standardize(&axes[..], epsilon).scaled(weight, bias)
    }

    /// Normalisation by the root of the mean square (Zhang and Sennrich 2019): x / √(mean x² + ε)
    /// over the last `axes` axes of each sample, times `weight` in the shape of those axes.
    ///
    /// # Panics
    /// If there are fewer axes, or the weight does not broadcast.
    #[track_caller]
    #[must_use]
    pub fn rms_norm(&self, axes: usize, weight: Option<&Self>, epsilon: f64) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("rms_norm", |[x, square, w, epsilon]: [Expr; 4]| {
                x / (square + epsilon).sqrt() * w
            })
        });
        let axes = self.last_axes("rms_norm", axes);
        let last = self.reduced("rms_norm", &axes[..]);
        let count = last.count(self.shape()) as f64;
        let sum = self.squared_norm(keep(&axes[..]));
        let (none, epsilon) = (self.scalar_like(1.0), self.scalar_like(epsilon));
        let weight = weight.unwrap_or(&none);
        let are_safe = || are_squares_safe(&(sum.value() + epsilon.value()));
        if self.batch_size().is_some() || are_safe() {
            return FORMULA.apply(&[self, &(sum / self.scalar_like(count)), weight, &epsilon]);
        }
        // In larger units than 1, which small numbers may need where there is no epsilon, an epsilon
        // would be too large.
        let most = if epsilon.item() == 0.0 {
            f64::INFINITY
        } else {
            1.0
        };
        let units = Var::constant(units(self.value(), last, most));
        let x = self * &units;
        let mean = x.squared_norm(keep(&axes[..])) / self.scalar_like(count);
        FORMULA.apply(&[&x, &mean, weight, &(units * epsilon.sqrt()).square()])
    }

    /// Batch normalisation (Ioffe and Szegedy 2015) of `[batch, channels, ...]` as in training: mean
    /// 0 and variance 1 over everything but the channels, then times `weight` plus `bias`,
    /// `[channels]`.
    ///
    /// The mean and the variance of the batch come along, `[channels]`, for running means that
    /// [`batch_norm_by`](Self::batch_norm_by) takes later; the variance is without correction.
    ///
    /// # Panics
    /// If there is no axis of channels, or weight or bias do not have its size.
    #[track_caller]
    #[must_use]
    pub fn batch_norm(
        &self,
        weight: Option<&Self>,
        bias: Option<&Self>,
        epsilon: f64,
    ) -> (Self, Tensor, Tensor) {
        let channels = self.channels("batch_norm");
        let axes: Vec<isize> = (0..self.rank() as isize)
            .filter(|&axis| axis != 1)
            .collect();
        let axes = self.reduced("batch_norm", &axes[..]);
        let mut kept = Residuals::default();
        let standardize = Standardize { axes, epsilon };
        let y = Self::apply_keeping(standardize, &[self], Some(&mut kept));
        assert!(
            self.batch_size().is_none(),
            "batch_norm: its statistics are those of a batch, and a member of a batch in vmap has none"
        );
        let (weight, bias) = (self.beside_channels(weight), self.beside_channels(bias));
        let flat = |moment: &Var| moment.value().with_shape(Shape::from([channels]));
        let y = y.scaled(weight.as_ref(), bias.as_ref());
        (y, flat(kept.of("mean")), flat(kept.of("variance")))
    }

    /// Batch normalisation as in evaluation, by a mean and a variance that are given, `[channels]`.
    ///
    /// # Panics
    /// If there is no axis of channels, or what is given does not have its size.
    #[track_caller]
    #[must_use]
    pub fn batch_norm_by(
        &self,
        mean: &Self,
        variance: &Self,
        weight: Option<&Self>,
        bias: Option<&Self>,
        epsilon: f64,
    ) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("batch_norm_by", |[x, m, v, w, b, epsilon]: [Expr; 6]| {
                (x - m) / (v + epsilon).sqrt() * w + b
            })
        });
        let (none, nothing) = (self.scalar_like(1.0), self.scalar_like(0.0));
        let (mean, variance) = (self.channels_beside(mean), self.channels_beside(variance));
        let weight = self.beside_channels(weight).unwrap_or(none);
        let bias = self.beside_channels(bias).unwrap_or(nothing);
        FORMULA.apply(&[
            self,
            &mean,
            &variance,
            &weight,
            &bias,
            &self.scalar_like(epsilon),
        ])
    }

    /// Group normalisation (Wu and He 2018) of `[batch, channels, ...]`: mean 0 and variance 1 over
    /// each of `groups` groups of neighbouring channels of each sample, then times `weight` plus
    /// `bias`, `[channels]`.
    ///
    /// # Panics
    /// If the channels do not divide into the groups, or weight or bias do not have their number.
    #[track_caller]
    #[must_use]
    pub fn group_norm(
        &self,
        groups: usize,
        weight: Option<&Self>,
        bias: Option<&Self>,
        epsilon: f64,
    ) -> Self {
        let channels = self.channels("group_norm");
        if groups == 0 || !channels.is_multiple_of(groups) {
            let problem =
                format!("{channels} channels (axis 1) do not divide into {groups} groups");
            Err(ShapeError::new("group_norm", &[*self.shape()], problem)).or_panic()
        }
        let batch = self.shape()[0];
        let each = self.elements() / (batch * groups).max(1);
        let rows = self.with_shape(Shape::from([batch, groups, each]));
        let y = rows.standardize(-1, epsilon).with_shape(*self.shape());
        let (weight, bias) = (self.beside_channels(weight), self.beside_channels(bias));
        y.scaled(weight.as_ref(), bias.as_ref())
    }

    /// Instance normalisation (Ulyanov et al. 2016) of `[batch, channels, ...]`: a group for each
    /// channel of each sample.
    ///
    /// # Panics
    /// If there is no axis of channels, or weight or bias do not have its size.
    #[track_caller]
    #[must_use]
    pub fn instance_norm(&self, weight: Option<&Self>, bias: Option<&Self>, epsilon: f64) -> Self {
        self.group_norm(self.channels("instance_norm"), weight, bias, epsilon)
    }

    /// x·w + b, of those there are.
    #[track_caller]
    fn scaled(self, weight: Option<&Self>, bias: Option<&Self>) -> Self {
        static FORMULA: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("scale_and_shift", |[x, w, b]: [Expr; 3]| x * w + b));
        match (weight, bias) {
            (Some(weight), Some(bias)) => FORMULA.apply(&[&self, weight, bias]),
            (Some(weight), None) => self * weight,
            (None, Some(bias)) => self + bias,
            (None, None) => self,
        }
    }

    /// The last `count` axes, from the end.
    #[track_caller]
    fn last_axes(&self, operation: &str, count: usize) -> Vec<isize> {
        if count > self.rank() {
            let problem = format!("there are no {count} last axes");
            Err(ShapeError::new(operation, &[*self.shape()], problem)).or_panic()
        }
        (1..=count as isize).map(|axis| -axis).collect()
    }

    /// The size of axis 1.
    #[track_caller]
    fn channels(&self, operation: &str) -> usize {
        if self.rank() < 2 {
            let problem = "there is no axis 1 for channels; the shape is [batch, channels, ...]";
            Err(ShapeError::new(operation, &[*self.shape()], problem)).or_panic()
        }
        self.shape()[1]
    }

    /// One number a channel, with the axes to stand beside this: `[channels, 1, ...]`.
    #[track_caller]
    fn channels_beside(&self, var: &Self) -> Self {
        let sizes: Vec<usize> = (1..self.rank())
            .map(|axis| if axis == 1 { self.shape()[1] } else { 1 })
            .collect();
        var.with_shape(Shape::from(sizes))
    }

    /// The same of what may be left out.
    #[track_caller]
    fn beside_channels(&self, var: Option<&Self>) -> Option<Self> {
        // No `map`: the caller's line does not pass through closures.
        Some(self.channels_beside(var?))
    }
}
