//! Transposed convolutions, which make images larger where convolutions make them smaller.
//!
//! A convolution of the same weight and options is a linear map; this is the transposed one (Zeiler
//! et al. 2010; Dumoulin and Visin 2016, chapter 4):
//!
//! ```text
//! y[b, o, p·stride + k·dilation − padding] += weight[c, o, k] · x[b, c, p]
//! ```
//!
//! Sizes go from n to (n − 1)·stride − 2·padding + dilation·(kernel − 1) + 1 + output padding. The
//! last term picks one of the sizes that a convolution with this stride brings to n.

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Convolution, Tensor};

use super::conv::{expect_channels, weight_shape};
use super::start::weight_and_bias;
use super::weighted::Weighted;
use crate::init::Init;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// Transposed convolution of signals, `[batch, inputs, positions]` to `[batch, outputs, positions]`.
#[doc(alias = "Conv1DTranspose")]
pub type ConvTranspose1d = ConvTranspose<1>;

/// Transposed convolution of images, `[batch, inputs, rows, columns]` to
/// `[batch, outputs, rows, columns]`.
#[doc(alias = "Conv2DTranspose")]
#[doc(alias = "deconvolution")]
pub type ConvTranspose2d = ConvTranspose<2>;

/// Transposed convolution over `N` axes, 1 or 2: [`ConvTranspose1d`] or [`ConvTranspose2d`].
///
/// ```
/// use retrograd_nn::{ConvTranspose2d, Module};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let doubling = ConvTranspose2d::new(16, 3, [3, 3], &mut random::rng(0))
///     .stride([2, 2])
///     .padding([1, 1])
///     .output_padding([1, 1]);
/// let images = Tensor::zeros([8, 16, 14, 14], DType::F32);
/// assert_eq!(doubling.forward(&images.into()).shape(), [8, 3, 28, 28]);
/// ```
#[derive(Clone, Debug)]
pub struct ConvTranspose<const N: usize> {
    /// `[inputs, outputs / groups, taps ..]`.
    pub weight: Param,
    /// `[outputs]`.
    pub bias: Option<Param>,
    /// How the convolution slides that this one is the transpose of.
    pub options: Convolution<N>,
    /// Positions more at the end of each axis.
    pub output_padding: [usize; N],
}

impl<const N: usize> ConvTranspose<N> {
    /// A kernel of so many taps along each axis, which moves one by one without padding. Start values
    /// as PyTorch draws them: weight and bias uniform in ±1/√(outputs · taps).
    ///
    /// # Panics
    /// If the kernel has no taps.
    #[track_caller]
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; N], rng: &mut Rng) -> Self {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// The same with channels in `groups` that do not see each other.
    ///
    /// # Panics
    /// If the kernel has no taps, or the channels do not form equal groups.
    #[track_caller]
    #[must_use]
    pub fn grouped(
        inputs: usize,
        outputs: usize,
        kernel: [usize; N],
        groups: usize,
        rng: &mut Rng,
    ) -> Self {
        let shape = weight_shape("transposed convolution", [inputs, outputs], kernel, groups);
        let (weight, bias) = weight_and_bias(shape, outputs, rng);
        Self {
            weight,
            bias: Some(bias),
            options: Convolution::default().groups(groups),
            output_padding: [0; N],
        }
    }

    /// The same with its weight drawn by `init` and a bias of 0.
    #[must_use]
    pub fn with_init(self, init: Init, rng: &mut Rng) -> Self {
        let dtype = self.weight.dtype();
        self.weight.set(init.draw(self.weight.shape(), rng, dtype));
        if let Some(bias) = &self.bias {
            bias.set(Tensor::zeros(bias.shape(), dtype));
        }
        self
    }

    /// The same layer with this distance between the places that neighbouring inputs go to.
    #[must_use]
    pub fn stride(mut self, stride: [usize; N]) -> Self {
        self.options = self.options.stride(stride);
        self
    }

    /// The same layer with so many positions cut off before and after each axis.
    #[must_use]
    pub fn padding(mut self, padding: [usize; N]) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// The same layer with so many positions more at the end of each axis.
    #[must_use]
    pub fn output_padding(self, output_padding: [usize; N]) -> Self {
        Self {
            output_padding,
            ..self
        }
    }

    /// The same layer with this distance between the taps of a window.
    #[must_use]
    pub fn dilation(mut self, dilation: [usize; N]) -> Self {
        self.options = self.options.dilation(dilation);
        self
    }

    /// The same layer without its bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }
}

impl<const N: usize> Weighted for ConvTranspose<N> {
    fn weight(&self) -> &Param {
        &self.weight
    }

    fn forward_with(&self, x: &Var, weight: &Var) -> Var {
        let shape = self.weight.shape();
        let channels = [shape[0], shape[1] * self.options.groups];
        expect_channels("conv_transpose", &self.weight, x, channels, N);
        let bias = self.bias.as_ref().map(|bias| bias.beside(x));
        x.conv_transpose(weight, bias.as_ref(), &self.options, self.output_padding)
    }

    fn visit_others(&self, visitor: &mut Visitor<'_>) {
        if let Some(bias) = &self.bias {
            visitor.param("bias", bias);
        }
    }

    fn output_axis(&self) -> usize {
        1
    }
}

impl<const N: usize> Module for ConvTranspose<N> {
    fn forward(&self, x: &Var) -> Var {
        self.forward_with(x, &self.weight.beside(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
        self.visit_others(visitor);
    }
}
