//! The encoder block of transformers (Vaswani et al. 2017, section 3.1).
//!
//! ```text
//! norm last (2017)                      norm first (Xiong et al. 2020)
//! h = norm₁(x + attention(x))           h = x + attention(norm₁ x)
//! y = norm₂(h + W₂·f(W₁·h))             y = h + W₂·f(W₁·norm₂ h)
//! ```
//!
//! With the norm first, a sum leads from end to end, and deep stacks train without a warm-up.

use retrograd_autograd::Var;

use retrograd_tensor::random::Rng;

use super::activation::Activation;
use super::attention::{AttentionMasks, MultiheadAttention};
use super::linear::Linear;
use super::norm::LayerNorm;
use crate::module::{Module, Visitor};

/// How an encoder block is built; the defaults are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformerOptions {
    /// Units between the two linear layers.
    pub feedforward: usize,
    /// The probability that a number is left out in training: of the weights of the attention, of the
    /// units between the linear layers, and of what is added to x and to h.
    pub dropout: f64,
    /// f, between the linear layers; usually ReLU or GELU.
    pub activation: Activation,
    /// Whether the normalisation stands before attention and linear layers instead of after the sums.
    pub norm_first: bool,
    /// What is added to variances.
    pub epsilon: f64,
}

impl Default for TransformerOptions {
    fn default() -> Self {
        Self {
            feedforward: 2048,
            dropout: 0.1,
            activation: Activation::Relu,
            norm_first: false,
            epsilon: 1e-5,
        }
    }
}

/// Self-attention, then two linear layers for each step, both with a way around them; from
/// `[batch, steps, width]` to the same.
///
/// Parameters have PyTorch's names, from `self_attn.in_proj_weight` to `norm2.bias`.
#[doc(alias = "TransformerEncoder")]
#[derive(Clone, Debug)]
pub struct TransformerEncoderLayer {
    /// What looks at other steps.
    pub self_attn: MultiheadAttention,
    /// W₁, `[feedforward, width]`.
    pub linear1: Linear,
    /// W₂, `[width, feedforward]`.
    pub linear2: Linear,
    /// The normalisation of attention.
    pub norm1: LayerNorm,
    /// The normalisation of the linear layers.
    pub norm2: LayerNorm,
    options: TransformerOptions,
}

impl TransformerEncoderLayer {
    /// Start values as PyTorch draws them.
    ///
    /// # Panics
    /// If the width does not divide into the heads.
    #[track_caller]
    #[must_use]
    pub fn new(width: usize, heads: usize, options: TransformerOptions, rng: &mut Rng) -> Self {
        let attention = MultiheadAttention::new(width, heads, rng);
        let norm = || LayerNorm::new([width]).epsilon(options.epsilon);
        Self {
            self_attn: attention.with_dropout(options.dropout),
            linear1: Linear::new(width, options.feedforward, rng),
            linear2: Linear::new(options.feedforward, width, rng),
            norm1: norm(),
            norm2: norm(),
            options,
        }
    }

    /// The block for sequences `[batch, steps, width]`, whose steps do not see what `masks` hide.
    ///
    /// # Panics
    /// If the shapes do not fit, or the probability of dropout is not in [0, 1).
    #[track_caller]
    #[must_use]
    pub fn encode(&self, x: &Var, masks: &AttentionMasks<'_>) -> Var {
        if self.options.norm_first {
            let h = x + self.attention(&self.norm1.forward(x), masks);
            let steps = self.feedforward(&self.norm2.forward(&h));
            h + steps
        } else {
            let h = self.norm1.forward(&(x + self.attention(x, masks)));
            let steps = self.feedforward(&h);
            self.norm2.forward(&(h + steps))
        }
    }

    #[track_caller]
    fn attention(&self, x: &Var, masks: &AttentionMasks<'_>) -> Var {
        let seen = self.self_attn.attend(x, x, x, masks);
        seen.dropout(self.options.dropout)
    }

    #[track_caller]
    fn feedforward(&self, x: &Var) -> Var {
        let dropout = self.options.dropout;
        let units = self.options.activation.forward(&self.linear1.forward(x));
        self.linear2
            .forward(&units.dropout(dropout))
            .dropout(dropout)
    }
}

impl Module for TransformerEncoderLayer {
    fn forward(&self, x: &Var) -> Var {
        self.encode(x, &AttentionMasks::default())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("self_attn", &self.self_attn);
        visitor.child("linear1", &self.linear1);
        visitor.child("linear2", &self.linear2);
        visitor.child("norm1", &self.norm1);
        visitor.child("norm2", &self.norm2);
    }
}
