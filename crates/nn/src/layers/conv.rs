//! Convolutions: the same small weight at every place of a signal or an image.
//!
//! ```text
//! y[b, o, p] = bias[o] + Σ_c Σ_k weight[o, c, k] · x[b, c, p·stride + k·dilation − padding]
//! ```
//!
//! Sizes go from n to ⌊(n + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1 (LeCun et al. 1989;
//! Dumoulin and Visin 2016). With groups, each group of channels is convolved on its own.

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Convolution, Shape, Tensor};

use super::refusal::refuse;
use super::start::weight_and_bias;
use super::weighted::Weighted;
use crate::init::Init;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// Convolution of signals, `[batch, inputs, positions]` to `[batch, outputs, positions]`.
pub type Conv1d = Conv<1>;

/// Convolution of images, `[batch, inputs, rows, columns]` to `[batch, outputs, rows, columns]`.
#[doc(alias = "DepthwiseConv2D")]
pub type Conv2d = Conv<2>;

/// Convolution over `N` axes, 1 or 2: [`Conv1d`] or [`Conv2d`].
///
/// ```
/// use retrograd_nn::{Conv2d, Module};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let halving = Conv2d::new(3, 16, [3, 3], &mut random::rng(0)).stride([2, 2]).padding([1, 1]);
/// let images = Tensor::zeros([8, 3, 28, 28], DType::F32);
/// assert_eq!(halving.forward(&images.into()).shape(), [8, 16, 14, 14]);
/// ```
#[derive(Clone, Debug)]
pub struct Conv<const N: usize> {
    /// `[outputs, inputs / groups, taps ..]`.
    pub weight: Param,
    /// `[outputs]`.
    pub bias: Option<Param>,
    /// How it slides: stride, padding, dilation, groups.
    pub options: Convolution<N>,
}

/// Refuses what is not `[batch, inputs, ..]` with `axes` more.
#[track_caller]
pub(super) fn expect_channels(
    kind: &str,
    weight: &Param,
    x: &Var,
    [inputs, outputs]: [usize; 2],
    axes: usize,
) {
    if x.rank() != axes + 2 || x.shape()[1] != inputs {
        let kind = format_args!("{kind}{axes}d of {inputs} to {outputs} channels");
        let expected = format_args!("[batch, {inputs}, ..] of {} axes", axes + 2);
        refuse(kind, Some(weight), x, expected)
    }
}

/// The shape of a weight, `[first, second / groups, taps ..]`.
#[track_caller]
pub(super) fn weight_shape<const N: usize>(
    what: &str,
    [first, second]: [usize; 2],
    kernel: [usize; N],
    groups: usize,
) -> Shape {
    assert!(
        !kernel.contains(&0),
        "{what}: a kernel of {kernel:?}; it needs at least one tap along each axis"
    );
    assert!(
        groups > 0 && first.is_multiple_of(groups) && second.is_multiple_of(groups),
        "{what}: {first} and {second} channels do not form {groups} equal groups"
    );
    Shape::from([&[first, second / groups], &kernel[..]].concat())
}

impl<const N: usize> Conv<N> {
    /// A kernel of so many taps along each axis, which moves one by one without padding. Start values
    /// as PyTorch draws them: weight and bias uniform in ±1/√(inputs · taps).
    ///
    /// # Panics
    /// If the kernel has no taps.
    #[track_caller]
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; N], rng: &mut Rng) -> Self {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// The same with channels in `groups` that do not see each other; as many groups as inputs make
    /// it depthwise.
    ///
    /// # Panics
    /// If the kernel has no taps, or the channels do not form equal groups.
    #[doc(alias = "groups")]
    #[track_caller]
    #[must_use]
    pub fn grouped(
        inputs: usize,
        outputs: usize,
        kernel: [usize; N],
        groups: usize,
        rng: &mut Rng,
    ) -> Self {
        let shape = weight_shape("convolution", [outputs, inputs], kernel, groups);
        let (weight, bias) = weight_and_bias(shape, outputs, rng);
        Self {
            weight,
            bias: Some(bias),
            options: Convolution::default().groups(groups),
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

    /// The same layer with this distance between windows.
    #[must_use]
    pub fn stride(mut self, stride: [usize; N]) -> Self {
        self.options = self.options.stride(stride);
        self
    }

    /// The same layer with so many zeros before and after each axis.
    #[must_use]
    pub fn padding(mut self, padding: [usize; N]) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// The same layer with this distance between the taps of a window.
    #[must_use]
    pub fn dilation(mut self, dilation: [usize; N]) -> Self {
        self.options = self.options.dilation(dilation);
        self
    }

    /// The same layer with as many zeros as keep the sizes at stride 1; of an odd number, the one
    /// more is behind, as in PyTorch and Keras. Goes by the dilation that is set.
    #[must_use]
    pub fn same(mut self) -> Self {
        let shape = self.weight.shape();
        self.options.padding = std::array::from_fn(|axis| {
            let zeros = self.options.dilation[axis] * (shape[axis + 2] - 1);
            (zeros / 2, zeros - zeros / 2)
        });
        self
    }

    /// The same layer without its bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }
}

impl<const N: usize> Weighted for Conv<N> {
    fn weight(&self) -> &Param {
        &self.weight
    }

    fn forward_with(&self, x: &Var, weight: &Var) -> Var {
        let shape = self.weight.shape();
        expect_channels(
            "conv",
            &self.weight,
            x,
            [shape[1] * self.options.groups, shape[0]],
            N,
        );
        let bias = self.bias.as_ref().map(|bias| bias.beside(x));
        x.conv(weight, bias.as_ref(), &self.options)
    }

    fn visit_others(&self, visitor: &mut Visitor<'_>) {
        if let Some(bias) = &self.bias {
            visitor.param("bias", bias);
        }
    }
}

impl<const N: usize> Module for Conv<N> {
    fn forward(&self, x: &Var) -> Var {
        self.forward_with(x, &self.weight.beside(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
        self.visit_others(visitor);
    }
}
