//! Normalisations of each sample by itself: the same in training and evaluation, for batches of one
//! as well.
//!
//! ```text
//! layer, group, instance   y = (x − m) / √(v + ε) · weight + bias
//! root mean square         y = x / √(mean x² + ε) · weight
//! ```
//!
//! They differ in what m and v are taken over: the last axes of a sample (Ba et al. 2016), a group of
//! its channels (Wu and He 2018), one channel (Ulyanov et al. 2016), or without a mean at all (Zhang
//! and Sennrich 2019).

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Shape, Tensor};

use super::affine::Affine;
use super::refusal::refuse;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// Layer normalisation over the last axes.
///
/// ```
/// use retrograd_nn::{LayerNorm, Module};
/// use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq};
///
/// let norm = LayerNorm::new([2]).to(DType::F64);
/// let y = norm.forward(&Tensor::from_vec(vec![1.0, 3.0, -20.0, 20.0], [2, 2]).into());
/// let expected = Tensor::from_vec(vec![-1.0, 1.0, -1.0, 1.0], [2, 2]);
/// assert_abs_diff_eq!(y.value(), &expected, epsilon = 1e-4);
/// ```
#[doc(alias = "LayerNormalization")]
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// Scale and shift, in the shape of the axes that are normalised.
    pub affine: Affine,
    /// Added to the variance.
    pub epsilon: f64,
    shape: Shape,
}

impl LayerNorm {
    /// Over the last axes, which have this shape; ε is 10⁻⁵.
    #[must_use]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self {
            affine: Affine::new(shape),
            epsilon: 1e-5,
            shape,
        }
    }

    /// The same with another number added to the variance.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same without a shift.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.affine.bias = None;
        self
    }

    /// The same without learnt scale and shift.
    #[must_use]
    pub fn without_affine(mut self) -> Self {
        self.affine = Affine::none();
        self
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Var) -> Var {
        check_last("layer norm", x, &self.shape, self.affine.weight.as_ref());
        let (weight, bias) = self.affine.beside(x);
        x.layer_norm(
            self.shape.rank(),
            weight.as_ref(),
            bias.as_ref(),
            self.epsilon,
        )
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.affine.visit(visitor);
    }
}

/// Normalisation by the root of the mean square over the last axes.
#[doc(alias = "RMSNormalization")]
#[derive(Clone, Debug)]
pub struct RmsNorm {
    /// The scale, in the shape of the axes that are normalised; 1 at first.
    pub weight: Option<Param>,
    /// Added to the mean square; `None` for the distance from 1 to the next number of the input's type.
    pub epsilon: Option<f64>,
    shape: Shape,
}

impl RmsNorm {
    /// Over the last axes, which have this shape; ε is the distance from 1 to the next number, as in
    /// PyTorch.
    #[must_use]
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self {
            weight: Some(Param::new(Tensor::ones(shape, DType::default()))),
            epsilon: None,
            shape,
        }
    }

    /// The same with another number added to the mean square.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self {
            epsilon: Some(epsilon),
            ..self
        }
    }

    /// The same without a learnt scale.
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self {
            weight: None,
            ..self
        }
    }
}

impl Module for RmsNorm {
    fn forward(&self, x: &Var) -> Var {
        check_last(
            "root mean square norm",
            x,
            &self.shape,
            self.weight.as_ref(),
        );
        let weight = self.weight.as_ref().map(|weight| weight.beside(x));
        let epsilon = self.epsilon.unwrap_or_else(|| x.dtype().epsilon());
        x.rms_norm(self.shape.rank(), weight.as_ref(), epsilon)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        if let Some(weight) = &self.weight {
            visitor.param("weight", weight);
        }
    }
}

/// Group normalisation of `[batch, channels, ...]`: over each group of neighbouring channels.
#[doc(alias = "GroupNormalization")]
#[derive(Clone, Debug)]
pub struct GroupNorm {
    /// Scale and shift of each channel, `[channels]`.
    pub affine: Affine,
    /// Added to the variance.
    pub epsilon: f64,
    groups: usize,
    channels: usize,
}

impl GroupNorm {
    /// Channels in so many groups; ε is 10⁻⁵.
    ///
    /// # Panics
    /// If the channels do not form equal groups.
    #[track_caller]
    #[must_use]
    pub fn new(groups: usize, channels: usize) -> Self {
        assert!(
            groups > 0 && channels.is_multiple_of(groups),
            "group norm: {channels} channels do not form {groups} equal groups"
        );
        Self {
            affine: Affine::new([channels]),
            epsilon: 1e-5,
            groups,
            channels,
        }
    }

    /// The same with another number added to the variance.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same without learnt scale and shift.
    #[must_use]
    pub fn without_affine(mut self) -> Self {
        self.affine = Affine::none();
        self
    }
}

impl Module for GroupNorm {
    fn forward(&self, x: &Var) -> Var {
        if x.rank() < 2 || x.shape()[1] != self.channels {
            let expected = format_args!("[batch, channels, ...] with {} channels", self.channels);
            refuse("group norm", self.affine.weight.as_ref(), x, expected)
        }
        let (weight, bias) = self.affine.beside(x);
        x.group_norm(self.groups, weight.as_ref(), bias.as_ref(), self.epsilon)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.affine.visit(visitor);
    }
}

/// Panics unless the last axes of `x` have this shape.
#[track_caller]
fn check_last(kind: &str, x: &Var, shape: &Shape, weight: Option<&Param>) {
    if !x.shape().ends_with(&shape[..]) {
        refuse(kind, weight, x, format_args!("last axes of {shape}"))
    }
}
