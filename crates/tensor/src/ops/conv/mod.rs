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
//! There are two ways to compute them. An [indirect] product reads windows where they are, with
//! channels in the lanes of vectors; it is the fastest wherever there are enough channels to fill
//! them. With few channels positions are in the lanes: on [shifted planes](direct) a tap is
//! multiplied with all positions of a plane. Both are products by the one
//! [micro-kernel](crate::gemm), with other rows, steps and columns.
//!
//! All three kernels are exact adjoints of one another for every [`Geometry`], so whoever differentiates
//! needs nothing else, at any order. Work is cut into blocks of images by shape alone, and what
//! the blocks add to a weight is summed by a fixed tree: the results are the same bits on any
//! number of threads.

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

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::parallel;
use crate::shape::{self, Convolution, Geometry, Shape};
use crate::simd::Isa;

/// Tasks that the images are cut into at least, so that threads share them evenly.
const TASKS: usize = 16;

/// Windows whose terms of a weight are summed before they are added to others: a multiple of all
/// vectors' lanes. Of millions that are added to one number, each would lose its last digits.
const SPAN: usize = 1 << 14;

impl<T: Float> Array<T> {
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
            run(Kind::Forward, [&x, &w], bias.as_ref(), geometry, y);
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
            run(Kind::Transposed, [&y, &w], bias.as_ref(), geometry, x);
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
        Self::written(geometry.weight(), |w| {
            run(Kind::Filter, [&x, &y], None, geometry, w);
        })
    }
}

/// Which of the three operands is asked for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Forward,
    Transposed,
    Filter,
}

/// A kernel with its operands.
#[derive(Debug)]
pub struct Call<'a, T> {
    kind: Kind,
    /// The input and the weight, or the output and the weight, or the input and the output.
    operands: [&'a [T]; 2],
    bias: Option<&'a [T]>,
    geometry: &'a Geometry,
    result: &'a mut [T],
}

fn run<T: Float>(
    kind: Kind,
    operands: [&[T]; 2],
    bias: Option<&Array<T>>,
    geometry: &Geometry,
    result: &mut [T],
) {
    let terms = bias.map(Array::values);
    let call = Call {
        kind,
        operands,
        bias: terms.as_deref(),
        geometry,
        result,
    };
    T::convolution(Isa::current(), call);
}

impl<T: Float> Call<'_, T> {
    /// Computes the result with vectors of `isa`.
    pub(crate) fn run_on(isa: Isa, call: Self) {
        let strategy = Strategy::of(isa, &call);
        call.run_by(isa, strategy);
    }

    fn run_by(self, isa: Isa, strategy: Strategy) {
        if self.operands.iter().any(|operand| operand.is_empty()) || self.result.is_empty() {
            return self.nothing();
        }
        match (strategy, self.kind) {
            (Strategy::Indirect, Kind::Filter) => indirect::filter(isa, self),
            (Strategy::Indirect, _) => indirect::convolve(isa, self),
            (Strategy::Direct, Kind::Filter) => filter::filter(isa, self),
            (Strategy::Direct, _) => direct::convolve(isa, self),
        }
    }

    /// Sums of no products.
    fn nothing(self) {
        self.result.fill(T::ZERO);
        if let (Some(bias), false) = (self.bias, self.result.is_empty()) {
            let area = self.result.len() / (self.geometry.batch * bias.len());
            let planes = self.result.chunks_exact_mut(area);
            planes
                .zip(bias.iter().cycle())
                .for_each(|(plane, &term)| plane.fill(term));
        }
    }

    fn transposed(&self) -> bool {
        matches!(self.kind, Kind::Transposed)
    }
}

/// How a kernel is computed.
///
/// With AVX2 a core that multiplies matrices at 74 GFLOP/s does 70 to 94 on the layers of 16
/// channels and more that were measured if it goes indirectly, and up to 68 directly, padding counted
/// as the definition has it. (Padding is left out of the indirect way, so it may seem faster than it
/// is.) Strides favour it: 4 x 4 taps, a stride of 2, 32 to 64 channels and back are 4.9 ms against
/// 7.6. Where its conditions do not hold it loses by a few hundredths, with a single channel by a
/// factor of 1.5 to 5.
#[derive(Clone, Copy, Debug)]
enum Strategy {
    Indirect,
    Direct,
}

impl Strategy {
    /// Products of a sum from which turning each result into its plane does not count.
    const PRODUCTS: usize = 65;
    /// Channels of the input from which the few taps that a class may have fill tiles.
    const CHANNELS: usize = 8;
    /// Most taps of a window: each class has a table of its own, and classes grow with windows.
    const TAPS: usize = 64;
    /// Most windows of all taps, for the same reason: 16 bytes each are 1 MB.
    const WINDOWS: usize = 1 << 16;

    fn of<T: Float>(isa: Isa, call: &Call<'_, T>) -> Self {
        let geometry = call.geometry;
        let [inputs, outputs, taps] = sizes(geometry);
        let windows = geometry.axes[0].output * geometry.axes[1].output;
        let phases = geometry.axes[0].stride * geometry.axes[1].stride;
        let (results, long, fits) = match call.kind {
            Kind::Forward => (outputs, inputs * taps >= Self::PRODUCTS, taps <= Self::TAPS),
            Kind::Transposed => (
                inputs,
                outputs * taps >= Self::PRODUCTS * phases,
                taps <= Self::TAPS,
            ),
            Kind::Filter => (
                outputs,
                inputs >= Self::CHANNELS,
                taps * windows <= Self::WINDOWS,
            ),
        };
        // Channels are the lanes of vectors, which are to be full, or nearly.
        let full = 4 * results >= 3 * indirect::columns::<T>(isa, results).pitch();
        // Direct kernels multiply every tap with every position of the planes, so at least a third
        // of those must be windows.
        let planes = match call.kind {
            Kind::Transposed => shifts::output_planes(geometry),
            Kind::Forward | Kind::Filter => shifts::input_planes(geometry),
        };
        let sparse = 3 * windows < planes.image();
        match fits && (long && full || sparse) {
            true => Self::Indirect,
            false => Self::Direct,
        }
    }
}

/// Calls `f` with blocks of so many images of the source and of the result, whose images have these
/// sizes, in parallel.
fn each_block<T: Float>(
    images: usize,
    source: &[T],
    result: &mut [T],
    sizes: [usize; 2],
    f: &(dyn Fn(&[T], &mut [T]) + Sync),
) {
    let [from, to] = sizes.map(|size| images * size);
    parallel::for_each_chunk(result, to, &|i, result| {
        f(&source[i * from..source.len().min((i + 1) * from)], result);
    });
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
fn check<T: Float>(operands: &[(&Array<T>, Shape)]) {
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
fn channels<T: Float>(bias: &Array<T>, channels: usize) -> Array<T> {
    assert!(
        *bias.shape() == [channels],
        "convolution: a bias {} for {channels} channels of output",
        bias.shape()
    );
    bias.contiguous()
}
