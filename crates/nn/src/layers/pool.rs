//! Pooling: the largest or the mean of each window of a signal or an image, channel by channel.
//!
//! ```text
//! max      y[p] = max_k  x[p·stride + k·dilation − padding]
//! average  y[p] = mean_k x[p·stride + k − padding]
//! ```
//!
//! Windows lie side by side unless told otherwise. The adaptive ones are told how many windows there
//! shall be: window i of n runs from ⌊i·size/n⌋ to ⌈(i + 1)·size/n⌉. Nothing is trained.

use retrograd_autograd::Var;
use retrograd_tensor::Pooling;

use crate::module::{Module, Visitor};

/// Largest of each window of `[.., positions]`.
#[doc(alias = "MaxPooling1D")]
pub type MaxPool1d = MaxPool<1>;

/// Largest of each window of `[.., rows, columns]`.
#[doc(alias = "MaxPooling2D")]
pub type MaxPool2d = MaxPool<2>;

/// Mean of each window of `[.., positions]`.
#[doc(alias = "AveragePooling1D")]
pub type AvgPool1d = AvgPool<1>;

/// Mean of each window of `[.., rows, columns]`.
#[doc(alias = "AveragePooling2D")]
pub type AvgPool2d = AvgPool<2>;

/// Means of `[.., positions]` over a given number of windows.
#[doc(alias = "GlobalAveragePooling1D")]
pub type AdaptiveAvgPool1d = AdaptiveAvgPool<1>;

/// Means of `[.., rows, columns]` over a given number of windows; `[1, 1]` is global pooling.
#[doc(alias = "GlobalAveragePooling2D")]
pub type AdaptiveAvgPool2d = AdaptiveAvgPool<2>;

/// Largest of `[.., positions]` over a given number of windows.
#[doc(alias = "GlobalMaxPooling1D")]
pub type AdaptiveMaxPool1d = AdaptiveMaxPool<1>;

/// Largest of `[.., rows, columns]` over a given number of windows.
#[doc(alias = "GlobalMaxPooling2D")]
pub type AdaptiveMaxPool2d = AdaptiveMaxPool<2>;

/// Largest of each window of `N` last axes, 1 or 2; the first of equals gets the derivative.
///
/// ```
/// use retrograd_nn::{MaxPool2d, Module};
/// use retrograd_tensor::{DType, Tensor};
///
/// let halving = MaxPool2d::new([2, 2]);
/// assert_eq!(halving.forward(&Tensor::zeros([8, 16, 28, 28], DType::F32).into()).shape(), [8, 16, 14, 14]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool<const N: usize> {
    /// The windows.
    pub windows: Pooling<N>,
}

/// Mean of each window of `N` last axes, 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool<const N: usize> {
    /// The windows.
    pub windows: Pooling<N>,
    /// Whether taps in the padding count as zeros, or not at all.
    pub count_padding: bool,
}

/// Means of `N` last axes, 1 or 2, over a given number of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPool<const N: usize> {
    /// How many windows along each axis.
    pub size: [usize; N],
}

/// Largest of `N` last axes, 1 or 2, over a given number of windows; the first of equals gets the
/// derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveMaxPool<const N: usize> {
    /// How many windows along each axis.
    pub size: [usize; N],
}

impl<const N: usize> MaxPool<N> {
    /// Windows of this size side by side.
    #[must_use]
    pub fn new(kernel: [usize; N]) -> Self {
        Self {
            windows: Pooling::new(kernel),
        }
    }

    /// The same with this distance between windows.
    #[must_use]
    pub fn stride(self, stride: [usize; N]) -> Self {
        Self {
            windows: self.windows.stride(stride),
        }
    }

    /// The same with so many positions before and after each axis, which are never the largest.
    #[must_use]
    pub fn padding(self, padding: [usize; N]) -> Self {
        Self {
            windows: self.windows.padding(padding),
        }
    }

    /// The same with this distance between the taps of a window.
    #[must_use]
    pub fn dilation(self, dilation: [usize; N]) -> Self {
        Self {
            windows: self.windows.dilation(dilation),
        }
    }

    /// The same with the number of windows rounded up.
    #[must_use]
    pub fn ceil(self) -> Self {
        Self {
            windows: self.windows.ceil(),
        }
    }
}

impl<const N: usize> AvgPool<N> {
    /// Windows of this size side by side.
    #[must_use]
    pub fn new(kernel: [usize; N]) -> Self {
        Self {
            windows: Pooling::new(kernel),
            count_padding: true,
        }
    }

    /// The same with this distance between windows.
    #[must_use]
    pub fn stride(mut self, stride: [usize; N]) -> Self {
        self.windows = self.windows.stride(stride);
        self
    }

    /// The same with so many positions before and after each axis, which count as zeros.
    #[must_use]
    pub fn padding(mut self, padding: [usize; N]) -> Self {
        self.windows = self.windows.padding(padding);
        self
    }

    /// The same with the number of windows rounded up.
    #[must_use]
    pub fn ceil(mut self) -> Self {
        self.windows = self.windows.ceil();
        self
    }

    /// The same with means over what is inside alone.
    #[must_use]
    pub fn without_padding(mut self) -> Self {
        self.count_padding = false;
        self
    }
}

impl<const N: usize> AdaptiveAvgPool<N> {
    /// So many windows along each axis.
    #[must_use]
    pub fn new(size: [usize; N]) -> Self {
        Self { size }
    }
}

impl<const N: usize> AdaptiveMaxPool<N> {
    /// So many windows along each axis.
    #[must_use]
    pub fn new(size: [usize; N]) -> Self {
        Self { size }
    }
}

impl<const N: usize> Module for MaxPool<N> {
    fn forward(&self, x: &Var) -> Var {
        x.max_pool(&self.windows)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

impl<const N: usize> Module for AvgPool<N> {
    fn forward(&self, x: &Var) -> Var {
        x.avg_pool(&self.windows, self.count_padding)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

impl<const N: usize> Module for AdaptiveAvgPool<N> {
    fn forward(&self, x: &Var) -> Var {
        x.adaptive_avg_pool(self.size)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

impl<const N: usize> Module for AdaptiveMaxPool<N> {
    fn forward(&self, x: &Var) -> Var {
        x.adaptive_max_pool(self.size)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}
