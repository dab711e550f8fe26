//! Attention with several heads, each of which looks for something else (Vaswani et al. 2017,
//! section 3.2.2).
//!
//! ```text
//! y = [head₁, head₂, …]·Wₒᵀ + bₒ
//! headₖ = softmax(Qₖ·Kₖᵀ/√d + mask)·Vₖ      Q, K, V = queries, keys, values, each ·Wᵀ + b
//! ```
//!
//! A head reads d neighbouring columns of Q, K and V, d = width / heads.

use retrograd_autograd::{Attention, Var};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, OrPanic, Shape, ShapeError, Tensor};

use super::linear::Linear;
use crate::init::Init;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// Attention with several heads on sequences `[batch, steps, width]`.
///
/// As a [`Module`] it is self-attention without masks; [`attend`](Self::attend) takes others'
/// sequences and masks. Parameters have PyTorch's names: `in_proj_weight`, `in_proj_bias`,
/// `out_proj.weight`, `out_proj.bias`.
///
/// ```
/// use retrograd_nn::{AttentionMasks, MultiheadAttention};
/// use retrograd_autograd::Var;
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let mut rng = random::rng(0);
/// let attention = MultiheadAttention::new(8, 2, &mut rng);
/// let x: Var = Tensor::normal([1, 5, 8], 0.0, 1.0, &mut rng, DType::F32).into();
/// let looking_back = AttentionMasks { causal: true, ..Default::default() };
/// assert_eq!(attention.attend(&x, &x, &x, &looking_back).shape(), [1, 5, 8]);
/// let weights = attention.weights(&x, &x, &looking_back);
/// assert_eq!(weights.shape(), [1, 2, 5, 5]); // a matrix a head
/// assert_eq!(weights.value().at(&[0, 1, 0, 0]), 1.0); // the first step sees itself alone
/// ```
#[derive(Clone, Debug)]
pub struct MultiheadAttention {
    /// W of queries, keys and values below each other, `[3 · width, width]`.
    pub in_proj_weight: Param,
    /// b of the same, `[3 · width]`.
    pub in_proj_bias: Option<Param>,
    /// What joins the heads.
    pub out_proj: Linear,
    heads: usize,
    dropout: f64,
}

/// What queries must not see; by default they see all keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttentionMasks<'a> {
    /// Added to the scores, broadcast to `[batch, heads, queries, keys]`: −∞ where a query must not
    /// see a key, 0 where it may.
    pub mask: Option<&'a Var>,
    /// Not 0 for keys that only fill a sequence up, `[batch, keys]`: no query sees these.
    pub padding: Option<&'a Tensor>,
    /// Whether query i sees keys 0 to i only.
    pub causal: bool,
}

/// The part of the inner weight that projects queries.
const QUERIES: usize = 0;
/// The part that projects keys.
const KEYS: usize = 1;
/// The part that projects values.
const VALUES: usize = 2;

impl MultiheadAttention {
    /// Start values as PyTorch draws them: the inner weight by Xavier's rule, the outer one uniform in
    /// ±1/√width, biases 0.
    ///
    /// # Panics
    /// If the width does not divide into the heads.
    #[track_caller]
    #[must_use]
    pub fn new(width: usize, heads: usize, rng: &mut Rng) -> Self {
        assert!(
            heads > 0 && width.is_multiple_of(heads),
            "multihead_attention: a width of {width} does not divide into {heads} heads"
        );
        let in_proj_weight =
            Param::new(Init::XavierUniform.draw([3 * width, width], rng, DType::default()));
        Self {
            in_proj_weight,
            in_proj_bias: Some(Param::new(Tensor::zeros([3 * width], DType::default()))),
            out_proj: Linear::with_init(width, width, Init::FanIn, rng),
            heads,
            dropout: 0.0,
        }
    }

    /// The same without its biases.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self {
            in_proj_bias: None,
            out_proj: self.out_proj.without_bias(),
            ..self
        }
    }

    /// The same with weights of keys left out in training with this probability.
    #[must_use]
    pub fn with_dropout(self, dropout: f64) -> Self {
        Self { dropout, ..self }
    }

    /// For each query of `[batch, queries, width]`, what it takes from the values
    /// `[batch, keys, width]` whose keys, in the same shape, fit it: `[batch, queries, width]`.
    ///
    /// A query that sees no key at all has no answer: NaN.
    ///
    /// # Panics
    /// If the shapes do not fit, or the probability of dropout is not in [0, 1).
    #[track_caller]
    #[must_use]
    pub fn attend(
        &self,
        queries: &Var,
        keys: &Var,
        values: &Var,
        masks: &AttentionMasks<'_>,
    ) -> Var {
        let shape = self.check(queries, keys, values, masks);
        let v = self.projected(values, VALUES);
        let mixed = self.mixed(queries, keys, &v, masks, self.dropout);
        let joined = mixed.permute(&[0, 2, 1, 3]).with_shape(shape);
        self.out_proj.forward(&joined)
    }

    /// How much each head lets each query take from each key, `[batch, heads, queries, keys]`; the
    /// shares of a query add up to 1.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn weights(&self, queries: &Var, keys: &Var, masks: &AttentionMasks<'_>) -> Var {
        self.check(queries, keys, keys, masks);
        // Values that are the unit vectors show what they are multiplied by.
        let units = Var::constant(Tensor::eye(keys.shape()[1], keys.dtype()));
        self.mixed(queries, keys, &units, masks, 0.0)
    }

    /// The values by the weights of each head, `[batch, heads, queries, ...]`.
    #[track_caller]
    fn mixed(
        &self,
        queries: &Var,
        keys: &Var,
        values: &Var,
        masks: &AttentionMasks<'_>,
        dropout: f64,
    ) -> Var {
        let q = self.projected(queries, QUERIES);
        let k = self.projected(keys, KEYS);
        let options = Attention {
            causal: masks.causal,
            scale: None,
            dropout,
        };
        q.attention(&k, values, masks.added(q.dtype()).as_ref(), &options)
    }

    /// One of the three projections by heads, `[batch, heads, steps, width / heads]`.
    #[track_caller]
    fn projected(&self, x: &Var, part: usize) -> Var {
        let [batch, steps, width] = x.shape()[..] else {
            unreachable!("the shapes were checked")
        };
        // Three products: a part of one large product would have a cotangent of its size.
        let of = |param: &Param| param.beside(x).narrow(0, part * width, width);
        let weight = of(&self.in_proj_weight);
        let y = match &self.in_proj_bias {
            Some(bias) => x.affine(&weight, &of(bias)),
            None => x.matmul_nt(&weight),
        };
        let heads = Shape::from([batch, steps, self.heads, width / self.heads]);
        y.with_shape(heads).permute(&[0, 2, 1, 3])
    }

    /// The shape of the result, if the shapes fit.
    #[track_caller]
    fn check(&self, queries: &Var, keys: &Var, values: &Var, masks: &AttentionMasks<'_>) -> Shape {
        let shape = *queries.shape();
        let width = self.in_proj_weight.shape()[1];
        let fits = shape.len() == 3
            && shape[2] == width
            && keys.rank() == 3
            && keys.shape()[0] == shape[0]
            && keys.shape()[2] == width
            && values.shape() == keys.shape();
        let problem = if !fits {
            format!("not [batch, queries, {width}] and twice [batch, keys, {width}]")
        } else if masks
            .padding
            .is_some_and(|padding| padding.shape()[..] != keys.shape()[..2])
        {
            "the padding is not [batch, keys]".to_owned()
        } else {
            return shape;
        };
        let mut shapes = vec![shape, *keys.shape(), *values.shape()];
        shapes.extend(masks.padding.map(|padding| *padding.shape()));
        Err(ShapeError::new("multihead_attention", &shapes, problem)).or_panic()
    }
}

impl AttentionMasks<'_> {
    /// Mask and padding as what is added to the scores.
    #[track_caller]
    fn added(&self, dtype: DType) -> Option<Var> {
        let Some(padding) = self.padding else {
            return self.mask.cloned();
        };
        let hidden = |fills| if fills == 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let [batch, keys] = padding.shape()[..] else {
            unreachable!("the shapes were checked")
        };
        let shape = Shape::from([batch, 1, 1, keys]);
        let padding = Var::constant(padding.map(hidden).cast(dtype).with_shape(shape));
        Some(match self.mask {
            Some(mask) => mask + padding,
            None => padding,
        })
    }
}

impl Module for MultiheadAttention {
    fn forward(&self, x: &Var) -> Var {
        self.attend(x, x, x, &AttentionMasks::default())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("in_proj_weight", &self.in_proj_weight);
        if let Some(bias) = &self.in_proj_bias {
            visitor.param("in_proj_bias", bias);
        }
        visitor.child("out_proj", &self.out_proj);
    }
}
