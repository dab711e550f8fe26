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
//! There are three ways to compute them. An [indirect] product reads windows where they are, with
//! channels in the lanes of vectors; it is the fastest wherever there are enough channels to fill
//! them. With few channels positions are in the lanes: on [shifted planes](direct) a tap is
//! multiplied with all positions of a plane. [Unfolded](unfold), each becomes a product of matrices,
//! which is left for plain code and for windows that are far apart.
//!
//! All three are exact adjoints of one another for every [`Geometry`], so whoever differentiates
//! needs nothing else, at any order. Work is cut into blocks of images by shape alone, and what
//! the blocks add to a weight is summed by a fixed tree: the results are the same bits on any
//! number of threads.

mod correlate;
mod direct;
mod dots;
mod filter;
mod indirect;
#[cfg(test)]
mod naive;
mod planes;
mod shifts;
#[cfg(test)]
mod tests;
mod unfold;

pub(crate) use direct::Block;
pub(crate) use filter::Part;
pub(crate) use indirect::{Block as IndirectBlock, Share, Turn};

use planes::Planes;

use crate::element::Float;
use crate::error::OrPanic;
use crate::gemm::Columns;
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
            let (isa, terms) = (Isa::current(), bias.as_ref().map(Self::values));
            match Way::of_convolution([&x, &w], geometry) {
                Way::Indirect => indirect::forward(isa, [&x, &w], terms.as_deref(), geometry, y),
                Way::Direct => direct::forward(isa, [&x, &w], terms.as_deref(), geometry, y),
                Way::Unfolded => {
                    unfold::forward(&x, &w, geometry, y);
                    add_bias(y, bias.as_ref(), geometry.axes.map(|axis| axis.output));
                }
            }
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
            let (isa, terms) = (Isa::current(), bias.as_ref().map(Self::values));
            match Way::of_transpose([&y, &w], geometry) {
                Way::Indirect => indirect::transposed(isa, [&y, &w], terms.as_deref(), geometry, x),
                Way::Direct => direct::transposed(isa, [&y, &w], terms.as_deref(), geometry, x),
                Way::Unfolded => {
                    unfold::transposed(&y, &w, geometry, x);
                    add_bias(x, bias.as_ref(), geometry.axes.map(|axis| axis.input));
                }
            }
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
        match Way::of_filter([&x, &y], geometry) {
            Way::Indirect => indirect::filter(Isa::current(), &x, &y, geometry),
            Way::Direct => filter::filter(Isa::current(), &x, &y, geometry),
            Way::Unfolded => unfold::filter(&x, &y, geometry),
        }
    }
}

/// How a convolution, its transpose or its filter is computed.
///
/// With AVX2 a core that multiplies matrices at 74 GFLOP/s does 70 to 94 on the layers of 16
/// channels and more that were measured if it goes indirectly, up to 68 directly and up to 50
/// unfolded, padding counted as the definition has it. (Padding is left out of the indirect way, so
/// it may seem faster than it is.) Strides favour it: 4 x 4 taps, a stride of 2, 32 to 64 channels
/// and back are 4.9 ms against 7.6 and 10. Where its conditions do not hold it loses by a few
/// hundredths, with a single channel by a factor of 1.5 to 5.
#[derive(Clone, Copy, Debug)]
enum Way {
    Indirect,
    Direct,
    Unfolded,
}

impl Way {
    /// Products of a sum from which turning each result into its plane does not count.
    const PRODUCTS: usize = 65;
    /// Channels of the input from which the few taps that a class may have fill tiles.
    const CHANNELS: usize = 8;
    /// Most taps of a window: each class has a table of its own, and classes grow with windows.
    const TAPS: usize = 64;
    /// Most windows of all taps, for the same reason: 16 bytes each are 1 MB.
    const WINDOWS: usize = 1 << 16;

    fn of_convolution<T: Float>(operands: [&[T]; 2], geometry: &Geometry) -> Self {
        let [sources, results, taps] = sizes(geometry);
        let long = sources * taps >= Self::PRODUCTS && taps <= Self::TAPS;
        let planes = shifts::input_planes(geometry);
        Self::of(operands, geometry, long.then_some(results), planes)
    }

    fn of_transpose<T: Float>(operands: [&[T]; 2], geometry: &Geometry) -> Self {
        let [results, sources, taps] = sizes(geometry);
        let phases = geometry.axes[0].stride * geometry.axes[1].stride;
        let long = sources * taps >= Self::PRODUCTS * phases && taps <= Self::TAPS;
        let planes = shifts::output_planes(geometry);
        Self::of(operands, geometry, long.then_some(results), planes)
    }

    fn of_filter<T: Float>(operands: [&[T]; 2], geometry: &Geometry) -> Self {
        let [sources, results, taps] = sizes(geometry);
        let windows = geometry.axes[0].output * geometry.axes[1].output;
        let high = sources >= Self::CHANNELS && taps * windows <= Self::WINDOWS;
        let planes = shifts::input_planes(geometry);
        Self::of(operands, geometry, high.then_some(results), planes)
    }

    /// The way for so many channels of the result, if there is enough to do for each.
    fn of<T: Float>(
        operands: [&[T]; 2],
        geometry: &Geometry,
        results: Option<usize>,
        planes: Planes,
    ) -> Self {
        let isa = Isa::current();
        let is_empty = operands.iter().any(|operand| operand.is_empty());
        if isa == Isa::Scalar || is_empty {
            // Elsewhere the product of matrices comes from a crate that knows other machines.
            return Self::Unfolded;
        }
        // Channels are the lanes of vectors, which are to be full, or nearly.
        let full = |results| 4 * results >= 3 * Columns::new::<T>(isa, results).pitch();
        if results.is_some_and(full) {
            return Self::Indirect;
        }
        // Direct kernels multiply every tap with every position of the planes, unfolding every tap
        // with every window, so at least a third of the positions must be windows.
        let windows = geometry.axes[0].output * geometry.axes[1].output;
        if 3 * windows >= planes.image() {
            Self::Direct
        } else {
            Self::Unfolded
        }
    }
}

/// Channels of a group, in and out, and taps of a window.
fn sizes(geometry: &Geometry) -> [usize; 3] {
    let [rows, columns] = geometry.axes.map(|axis| axis.kernel);
    [
        geometry.in_channels / geometry.groups,
        geometry.out_channels / geometry.groups,
        rows * columns,
    ]
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
