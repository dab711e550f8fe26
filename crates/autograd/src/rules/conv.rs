//! Convolutions. The sum ȳ·conv(x, w) joins three operands, and each primitive gives what one of
//! them receives from the other two:
//!
//! ```text
//! y = conv(x, w)      x̂ = transposed(y, w)      ŵ = filter(x, y)
//! ```
//!
//! So the cotangents of each are the other two, and the three are closed under their own rules.
//! A transposed convolution as a layer is the second of them.

use std::borrow::Cow;

use retrograd_tensor::{Convolution, Geometry, OrPanic, Shape, Sliding, Tensor, shape};

use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// Each input is multiplied by the other, so each cotangent reads the other. A bias, the third,
/// reads nothing.
fn saves_other(needed: Needed) -> Saves {
    let first = Saves::input(1).when(needed.has(0));
    first.and(Saves::input(0).when(needed.has(1)))
}

/// The cotangents of both operands and, if there is a third input, of the bias: the sum over all
/// but the channels, plane by plane first because planes lie together.
fn with_bias(x: &Inputs, operands: [Option<Var>; 2], g: &Var) -> Cotangents {
    let mut cotangents = Cotangents::from_iter(operands);
    if x.len() > 2 {
        let planes = |sizes: &Shape| Shape::from([sizes[0], sizes[1], sizes[2..].iter().product()]);
        let bias = || g.with_shape(planes(g.shape())).sum(2).sum(0);
        cotangents.push(x.needs(2).then(bias));
    }
    cotangents
}

/// The windows for people, rows before columns.
fn windows(geometry: &Geometry) -> String {
    let of = |number: fn(&Sliding) -> usize| geometry.axes.each_ref().map(number);
    format!(
        "kernel {:?}, stride {:?}, padding {:?}, dilation {:?}, groups {}",
        of(|axis| axis.kernel),
        of(|axis| axis.stride),
        of(|axis| axis.before),
        of(|axis| axis.dilation),
        geometry.groups
    )
}

/// A product and a sum for each tap of each element of what the taps are summed to; `weight` is
/// `[channels of that, ...taps]`.
fn taps(sums: &Shape, weight: &Shape) -> u64 {
    2 * (sums.elements() * weight[1..].iter().product::<usize>()) as u64
}

/// y = conv(x, w) + bias.
#[derive(Clone, Copy, Debug)]
struct Conv(Geometry);

impl Primitive for Conv {
    fn name(&self) -> Cow<'static, str> {
        "conv".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].convolve(x[1], x.get(2).copied(), &self.0)
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let input = x
            .needs(0)
            .then(|| Var::apply(ConvTransposed(self.0), &[g, &x[1]]));
        let weight = x
            .needs(1)
            .then(|| Var::apply(ConvFilter(self.0), &[&x[0], g]));
        with_bias(x, [input, weight], g)
    }
    fn jvp(&self, x: &[&Var], y: &Output, t: &[Option<&Var>]) -> Tangent {
        moved_with_bias(*self, x, y, t)
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        on_merged(x, |batch| {
            let mut geometry = self.0;
            geometry.batch = batch;
            Self(geometry)
        })
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = conv(x, w) + b".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = transposed(g, w),  w̄ = filter(x, g),  b̄ = Σ g".into()
    }
    fn attributes(&self) -> String {
        windows(&self.0)
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        taps(y, &x[1])
    }
}

/// x̂ = transposed(y, w) + bias.
#[derive(Clone, Copy, Debug)]
struct ConvTransposed(Geometry);

impl Primitive for ConvTransposed {
    fn name(&self) -> Cow<'static, str> {
        "conv_transposed".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].convolve_transposed(x[1], x.get(2).copied(), &self.0)
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let output = x.needs(0).then(|| Var::apply(Conv(self.0), &[g, &x[1]]));
        let weight = x
            .needs(1)
            .then(|| Var::apply(ConvFilter(self.0), &[g, &x[0]]));
        with_bias(x, [output, weight], g)
    }
    fn jvp(&self, x: &[&Var], y: &Output, t: &[Option<&Var>]) -> Tangent {
        moved_with_bias(*self, x, y, t)
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        on_merged(x, |batch| {
            let mut geometry = self.0;
            geometry.batch = batch;
            Self(geometry)
        })
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = transposed(x, w) + b".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = conv(g, w),  w̄ = filter(g, x),  b̄ = Σ g".into()
    }
    fn attributes(&self) -> String {
        windows(&self.0)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        taps(&x[0], &x[1])
    }
}

/// ŵ = filter(x, y).
#[derive(Clone, Copy, Debug)]
struct ConvFilter(Geometry);

impl Primitive for ConvFilter {
    fn name(&self) -> Cow<'static, str> {
        "conv_filter".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].convolve_filter(x[1], &self.0)
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let input = x
            .needs(0)
            .then(|| Var::apply(ConvTransposed(self.0), &[&x[1], g]));
        let output = x.needs(1).then(|| Var::apply(Conv(self.0), &[&x[0], g]));
        Cotangents::from_iter([input, output])
    }
    moves!(Multilinear);
    fn formula(&self) -> Cow<'static, str> {
        "y = filter(a, b)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "ā = transposed(b, g),  b̄ = conv(a, g)".into()
    }
    fn attributes(&self) -> String {
        windows(&self.0)
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        taps(&x[1], y)
    }
}

/// How a convolution moves, which is linear in its operands and adds a bias.
fn moved_with_bias(
    primitive: impl Primitive + Copy + 'static,
    x: &[&Var],
    y: &Var,
    t: &[Option<&Var>],
) -> Tangent {
    let bias = t.get(2).copied().flatten().map(|bias| {
        let positions = y.rank() - 2;
        let sizes = [&bias.shape()[..], &vec![1; positions]].concat();
        bias.with_shape(Shape::from(sizes)).broadcast_to(*y.shape())
    });
    let moved = [
        t[0].map(|t| Var::apply(primitive, &[t, x[1]])),
        t[1].map(|t| Var::apply(primitive, &[x[0], t])),
        bias,
    ];
    let moved = moved.into_iter().flatten().reduce(|a, b| a + b);
    moved.map_or(Tangent::Zero, Tangent::Of)
}

/// Batches of images by one weight are more images.
#[track_caller]
fn on_merged<P: Primitive>(x: &[Batched<'_>], of: impl Fn(usize) -> P) -> Option<Tensor> {
    if x[1..].iter().any(|x| x.is_batched) {
        return None;
    }
    let sizes = x[0].value.shape();
    let merged = [&[sizes[0] * sizes[1]], &sizes[2..]].concat();
    let images = x[0].value.with_shape(Shape::from(merged));
    let others = x[1..].iter().map(|x| x.value);
    let y =
        of(images.shape()[0]).forward(&std::iter::once(&images).chain(others).collect::<Vec<_>>());
    let sizes = [&sizes[..2], &y.shape()[1..]].concat();
    Some(y.with_shape(Shape::from(sizes)))
}

/// Both operands, and the bias if there is one.
#[track_caller]
fn apply(primitive: impl Primitive + 'static, x: &Var, weight: &Var, bias: Option<&Var>) -> Var {
    match bias {
        Some(bias) => Var::apply(primitive, &[x, weight, bias]),
        None => Var::apply(primitive, &[x, weight]),
    }
}

impl Var {
    /// Convolution over `N` spatial axes, 1 or 2: [`conv1d`](Self::conv1d) or
    /// [`conv2d`](Self::conv2d).
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv<const N: usize>(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<N>,
    ) -> Self {
        const { assert!(N == 1 || N == 2, "one or two spatial axes") };
        let geometry = shape::convolution(self.shape(), weight.shape(), options).or_panic();
        apply(Conv(geometry), self, weight, bias)
    }

    /// Transposed convolution over `N` spatial axes, 1 or 2:
    /// [`conv_transpose1d`](Self::conv_transpose1d) or [`conv_transpose2d`](Self::conv_transpose2d).
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::transposed_convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv_transpose<const N: usize>(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<N>,
        output_padding: [usize; N],
    ) -> Self {
        const { assert!(N == 1 || N == 2, "one or two spatial axes") };
        let shapes = (self.shape(), weight.shape());
        let geometry =
            shape::transposed_convolution(shapes.0, shapes.1, options, output_padding).or_panic();
        apply(ConvTransposed(geometry), self, weight, bias)
    }

    /// Convolution of signals `[batch, channels, positions]` by a weight
    /// `[out channels, channels / groups, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv1d(&self, weight: &Self, bias: Option<&Self>, options: &Convolution<1>) -> Self {
        self.conv(weight, bias, options)
    }

    /// Convolution of images `[batch, channels, rows, columns]` by a weight
    /// `[out channels, channels / groups, taps, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv2d(&self, weight: &Self, bias: Option<&Self>, options: &Convolution<2>) -> Self {
        self.conv(weight, bias, options)
    }

    /// Transposed convolution of signals `[batch, channels, positions]` by a weight
    /// `[channels, out channels / groups, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::transposed_convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv_transpose1d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<1>,
        output_padding: [usize; 1],
    ) -> Self {
        self.conv_transpose(weight, bias, options, output_padding)
    }

    /// Transposed convolution of images `[batch, channels, rows, columns]` by a weight
    /// `[channels, out channels / groups, taps, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`retrograd_tensor::shape::transposed_convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv_transpose2d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<2>,
        output_padding: [usize; 2],
    ) -> Self {
        self.conv_transpose(weight, bias, options, output_padding)
    }
}
