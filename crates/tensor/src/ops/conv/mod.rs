//! Convolutions of signals and images: the product, its transpose, and the adjoint in the weight.
//!
//! ```text
//! y[b, o, j] = bias[o] + Σ_{c, k} w[o, c, k] · x[b, c, j·stride + k·dilation − before]
//! ```
//!
//! with j and k running over one or two axes, and c over the channels of o's group. The sum joins
//! three operands; given any two, the other kernels ask what the third receives:
//!
//! ```text
//! x̂[b, c, i] = Σ_{o, k: i = j·stride + k·dilation − before} w[o, c, k] · y[b, o, j]   transposed
//! ŵ[o, c, k] = Σ_{b, j} y[b, o, j] · x[b, c, j·stride + k·dilation − before]          filter
//! ```
//!
//! There are two ways to compute them. On [shifted planes](direct) nothing is unfolded, and a tap is
//! multiplied with all positions of a plane; this is the faster one wherever most positions are
//! windows. [Unfolded](unfold), each becomes a product of matrices.
//!
//! All three are exact adjoints of one another for every [`Geometry`], so whoever differentiates
//! needs nothing else, at any order. Work is cut into blocks of images by shape alone, and what
//! the blocks add to a weight is summed by a fixed tree: the results are the same bits on any
//! number of threads.

mod correlate;
mod direct;
mod dots;
mod filter;
#[cfg(test)]
mod naive;
mod planes;
mod shifts;
#[cfg(test)]
mod tests;
mod unfold;

pub(crate) use direct::Block;
pub(crate) use filter::Part;

use planes::Planes;

use crate::element::Float;
use crate::error::OrPanic;
use crate::shape::{self, Convolution, Geometry, Shape};
use crate::simd::Isa;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// Convolution of signals `[batch, channels, positions]` by a weight
    /// `[out channels, channels / groups, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`shape::convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv1d(&self, weight: &Self, bias: Option<&Self>, options: &Convolution<1>) -> Self {
        let geometry = shape::convolution(self.shape(), weight.shape(), options).or_panic();
        self.convolve(weight, bias, &geometry)
    }

    /// Convolution of images `[batch, channels, rows, columns]` by a weight
    /// `[out channels, channels / groups, taps, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`shape::convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv2d(&self, weight: &Self, bias: Option<&Self>, options: &Convolution<2>) -> Self {
        let geometry = shape::convolution(self.shape(), weight.shape(), options).or_panic();
        self.convolve(weight, bias, &geometry)
    }

    /// Transposed convolution of signals `[batch, channels, positions]` by a weight
    /// `[channels, out channels / groups, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`shape::transposed_convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv_transpose1d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<1>,
        output_padding: [usize; 1],
    ) -> Self {
        let (input, weights) = (self.shape(), weight.shape());
        let geometry =
            shape::transposed_convolution(input, weights, options, output_padding).or_panic();
        self.convolve_transposed(weight, bias, &geometry)
    }

    /// Transposed convolution of images `[batch, channels, rows, columns]` by a weight
    /// `[channels, out channels / groups, taps, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`shape::transposed_convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv_transpose2d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<2>,
        output_padding: [usize; 2],
    ) -> Self {
        let (input, weights) = (self.shape(), weight.shape());
        let geometry =
            shape::transposed_convolution(input, weights, options, output_padding).or_panic();
        self.convolve_transposed(weight, bias, &geometry)
    }

    /// The convolution of this input by `weight`, plus `bias`, with all sizes resolved.
    ///
    /// # Panics
    /// If a shape is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn convolve(&self, weight: &Self, bias: Option<&Self>, geometry: &Geometry) -> Self {
        check(&[(self, geometry.input()), (weight, geometry.weight())]);
        let bias = bias.map(|bias| channels(bias, geometry.out_channels));
        let (x, w) = (self.values(), weight.values());
        Self::written(geometry.output(), |y| {
            if is_direct([&x, &w], geometry, shifts::input_planes(geometry)) {
                let bias = bias.as_ref().map(Self::values);
                return direct::forward(Isa::current(), [&x, &w], bias.as_deref(), geometry, y);
            }
            unfold::forward(&x, &w, geometry, y);
            add_bias(y, bias.as_ref(), geometry.axes.map(|axis| axis.output));
        })
    }

    /// The transpose of [`convolve`](Self::convolve) in its input: from something shaped like the
    /// output to what each position of the input receives, plus `bias`.
    ///
    /// # Panics
    /// If a shape is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn convolve_transposed(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        geometry: &Geometry,
    ) -> Self {
        check(&[(self, geometry.output()), (weight, geometry.weight())]);
        let bias = bias.map(|bias| channels(bias, geometry.in_channels));
        let (y, w) = (self.values(), weight.values());
        Self::written(geometry.input(), |x| {
            if is_direct([&y, &w], geometry, shifts::output_planes(geometry)) {
                let bias = bias.as_ref().map(Self::values);
                return direct::transposed(Isa::current(), [&y, &w], bias.as_deref(), geometry, x);
            }
            unfold::transposed(&y, &w, geometry, x);
            add_bias(x, bias.as_ref(), geometry.axes.map(|axis| axis.input));
        })
    }

    /// The adjoint of [`convolve`](Self::convolve) in its weight: from this input and something
    /// shaped like the output to what each tap of the weight receives.
    ///
    /// # Panics
    /// If a shape is not the geometry's.
    #[track_caller]
    #[must_use]
    pub fn convolve_filter(&self, output: &Self, geometry: &Geometry) -> Self {
        check(&[(self, geometry.input()), (output, geometry.output())]);
        let (x, y) = (self.values(), output.values());
        if is_direct([&x, &y], geometry, shifts::input_planes(geometry)) {
            return filter::filter(Isa::current(), &x, &y, geometry);
        }
        unfold::filter(&x, &y, geometry)
    }
}

/// Whether the direct kernels are faster than unfolding.
///
/// They multiply every tap with every position of the planes, unfolding every tap with every
/// window; so at least a third of the positions must be windows. Measured with AVX-512, a core does
/// 60 to 130 GFLOP/s times that share directly, and 20 to 50 unfolded, from one channel to 256.
fn is_direct<T: Float>(operands: [&[T]; 2], geometry: &Geometry, planes: Planes) -> bool {
    let windows = geometry.axes[0].output * geometry.axes[1].output;
    let is_empty = operands.iter().any(|operand| operand.is_empty());
    // Elsewhere the product of matrices comes from a crate that knows other machines.
    Isa::current() != Isa::Scalar && !is_empty && 3 * windows >= planes.image()
}

#[track_caller]
fn check<T: Float>(operands: &[(&Tensor<T>, Shape)]) {
    for (tensor, shape) in operands {
        assert!(
            tensor.shape() == shape,
            "convolution: {} where the geometry says {shape}",
            tensor.shape()
        );
    }
}

/// The bias, one number a channel.
#[track_caller]
fn channels<T: Float>(bias: &Tensor<T>, channels: usize) -> Tensor<T> {
    assert!(
        *bias.shape() == [channels],
        "convolution: a bias {} for {channels} channels of output",
        bias.shape()
    );
    bias.contiguous()
}

/// Adds each channel's number to its planes.
fn add_bias<T: Float>(out: &mut [T], bias: Option<&Tensor<T>>, size: [usize; 2]) {
    let (Some(bias), true) = (bias, !out.is_empty()) else {
        return;
    };
    let bias = bias.values();
    for (plane, &term) in out.chunks_mut(size[0] * size[1]).zip(bias.iter().cycle()) {
        plane.iter_mut().for_each(|value| *value += term);
    }
}
