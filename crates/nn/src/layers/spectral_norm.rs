//! Spectral normalisation: a weight divided by its largest singular value, so that the layer stretches
//! nothing by more than 1 (Miyato et al. 2018, algorithm 1).
//!
//! ```text
//! u ← W v / ‖W v‖,  v ← Wᵀu / ‖Wᵀu‖      power iteration, one round a step
//! σ = uᵀ W v,   y = layer(x; W / σ)
//! ```
//!
//! W is the weight as a matrix, a row an output. u and v are kept from step to step, so one round is
//! enough: they follow W as it is trained. σ is differentiated through W alone, which is right where u
//! and v are singular vectors, since σ does not change with them there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

use super::weighted::{Weighted, matrix, matrix_shape};
use crate::buffer::{Buffer, may_change};
use crate::module::{Module, Visitor};

/// Rounds of the power iteration before the first step.
const FIRST_ROUNDS: usize = 15;

/// Added to nothing, but lengths are at least this.
const SHORTEST: f64 = 1e-12;

/// A layer whose weight is divided by its largest singular value.
///
/// Names are those of PyTorch's `parametrizations.spectral_norm`: `parametrizations.weight.original`
/// is W, and the buffers `parametrizations.weight.0._u` and `_v` are the vectors. In training they
/// take one round at the first use in a step; later uses in the same step see the same vectors, so
/// that a layer used twice has one weight. (PyTorch takes a round at every use.)
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_nn::{Linear, Module, SpectralNorm};
/// use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};
///
/// let mut rng = random::rng(0);
/// let linear = Linear::new(2, 2, &mut rng).without_bias().to(DType::F64);
/// let layer = SpectralNorm::new(linear, &mut rng);
/// layer.original().set(Tensor::from_vec(vec![3.0, 0.0, 0.0, 1.0], [2, 2]));
/// let x = Tensor::eye(2, DType::F64);
/// for _ in 0..20 {
///     let _ = layer.forward(&Tape::new().constant(x.clone()));
/// }
/// let y = layer.forward(&x.into());
/// let expected = Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0 / 3.0], [2, 2]);
/// assert_abs_diff_eq!(y.value(), &expected, epsilon = 1e-12);
/// ```
#[doc(alias = "SpectralNormalization")]
#[derive(Clone, Debug)]
pub struct SpectralNorm<L> {
    /// u, `[outputs]`.
    pub left: Buffer,
    /// v, `[rest]`.
    pub right: Buffer,
    inner: L,
    rounds: usize,
    /// The tape of the last round.
    last: Arc<AtomicU64>,
}

impl<L: Weighted> SpectralNorm<L> {
    /// The layer with its weight divided; the vectors start at random.
    ///
    /// # Panics
    /// If the weight is empty.
    #[track_caller]
    #[must_use]
    pub fn new(inner: L, rng: &mut Rng) -> Self {
        let shape = inner.weight().shape();
        let [rows, columns] = matrix_shape(&shape, inner.output_axis());
        assert!(
            rows * columns > 0,
            "spectral norm: a weight of shape {shape} has no singular value"
        );
        let dtype = inner.weight().dtype();
        let vector = |size, rng: &mut Rng| unit(&Tensor::normal([size], 0.0, 1.0, rng, dtype));
        let (left, right) = (vector(rows, rng), vector(columns, rng));
        let layer = Self {
            left: Buffer::new(left),
            right: Buffer::new(right),
            inner,
            rounds: 1,
            last: Arc::default(),
        };
        layer.iterate(FIRST_ROUNDS);
        layer
    }

    /// The same with so many rounds of the power iteration a step.
    #[must_use]
    pub fn rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    /// W, before it is divided.
    #[must_use]
    pub fn original(&self) -> &crate::Param {
        self.inner.weight()
    }

    /// σ for a weight beside `x`.
    fn singular_value(&self, weight: &Var) -> Var {
        let (left, right) = (self.left.beside(weight), self.right.beside(weight));
        let matrix = matrix(weight, self.inner.output_axis());
        matrix.mv(&right).dot(&left)
    }

    /// The weight over σ, beside `x`; in training, the vectors take a round first.
    #[must_use]
    pub fn weight(&self, x: &Var) -> Var {
        if may_change(x) && self.is_first_of_step(x) {
            self.iterate(self.rounds);
        }
        let weight = self.inner.weight().beside(x);
        let sigma = self.singular_value(&weight);
        weight / sigma
    }

    fn is_first_of_step(&self, x: &Var) -> bool {
        let step = x.tape().map_or(0, retrograd_autograd::Tape::id);
        self.last.swap(step, Ordering::Relaxed) != step
    }

    /// Rounds of the power iteration.
    fn iterate(&self, rounds: usize) {
        let weight = Var::constant(self.inner.weight().value());
        let matrix = matrix(&weight, self.inner.output_axis()).into_value();
        let column = |vector: &Tensor| vector.unsqueeze(1);
        let mut right = self.right.value();
        for _ in 0..rounds {
            let left = unit(&matrix.matmul(&column(&right)).squeeze(1));
            right = unit(&matrix.t().matmul(&column(&left)).squeeze(1));
            self.left.set(left);
            self.right.set(right.clone());
        }
    }
}

/// The vector at length 1.
fn unit(vector: &Tensor) -> Tensor {
    let square: f64 = vector.iter().map(|v| v * v).sum();
    vector.scale(square.sqrt().max(SHORTEST).recip())
}

impl<L: Weighted> Module for SpectralNorm<L> {
    fn forward(&self, x: &Var) -> Var {
        self.inner.forward_with(x, &self.weight(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.inner.visit_others(visitor);
        visitor.param("parametrizations.weight.original", self.inner.weight());
        visitor.buffer("parametrizations.weight.0._u", &self.left);
        visitor.buffer("parametrizations.weight.0._v", &self.right);
    }
}
