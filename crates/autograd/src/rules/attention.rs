//! Attention: each query takes the mean of the values, weighted by how well their keys fit it
//! (Vaswani et al. 2017, equation 1).
//!
//! ```text
//! y = softmax(scale · Q·Kᵀ + mask) · V
//! ```

use retrograd_tensor::Tensor;

use crate::var::Var;

/// How queries look at keys: by default at all of them, with a scale of 1/√width.
///
/// ```
/// use retrograd_autograd::Attention;
///
/// let looking_back = Attention { causal: true, ..Attention::default() };
/// assert_eq!(looking_back.dropout, 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Attention {
    /// Whether query i sees keys 0 to i only.
    pub causal: bool,
    /// What the products of queries and keys are multiplied by, if not 1/√width.
    pub scale: Option<f64>,
    /// The probability that a weight is left out in training; see [`Var::dropout`].
    pub dropout: f64,
}

impl Var {
    /// Scaled dot-product attention of these queries `[.., queries, width]` on keys
    /// `[.., keys, width]` and values `[.., keys, out]`, to `[.., queries, out]`; leading axes, such
    /// as batch and heads, broadcast.
    ///
    /// A mask of either element type that broadcasts to `[.., queries, keys]` is added to the scores:
    /// −∞ where a query must not see a key, 0 where it may. A query that sees no key at all gets 0, and
    /// nothing flows back from it.
    ///
    /// # Panics
    /// If the shapes do not fit, or the probability of dropout is not in [0, 1).
    #[doc(alias = "scaled_dot_product_attention")]
    #[track_caller]
    #[must_use]
    pub fn attention(
        &self,
        keys: &Self,
        values: &Self,
        mask: Option<&Self>,
        options: &Attention,
    ) -> Self {
        let width = self.shape().last().copied().unwrap_or(1);
        let scale = options
            .scale
            .unwrap_or_else(|| 1.0 / (width.max(1) as f64).sqrt());
        // Scaled first, since there are fewer elements in the queries than in the scores.
        let mut scores = (self * scale).matmul_nt(keys);
        if options.causal {
            let [.., queries, keys] = scores.shape()[..] else {
                unreachable!("a product of matrices is a matrix")
            };
            let later = Tensor::ones([queries, keys], scores.dtype()).triu(1);
            scores = scores.masked_fill(&later, f64::NEG_INFINITY);
        }
        if let Some(mask) = mask {
            let mask = mask.cast(scores.dtype());
            scores = scores + mask;
        }
        let weights = scores.shares_of_some();
        weights.dropout(options.dropout).matmul(values)
    }
}
