//! Long short-term memory (Hochreiter and Schmidhuber 1997; with the forget gate of Gers,
//! Schmidhuber and Cummins 2000).
//!
//! ```text
//! i, f, g, o = parts of xₜ·Wᵢᵀ + bᵢ + hₜ₋₁·Wₕᵀ + bₕ
//! cₜ = σ(f)·cₜ₋₁ + σ(i)·tanh g
//! hₜ = σ(o)·tanh cₜ
//! ```
//!
//! The cell c passes from step to step by a factor and a sum alone, so that its cotangent need not
//! shrink on the way back.

use retrograd_autograd::Var;

use retrograd_tensor::random::Rng;
use smallvec::smallvec;

use super::cell::{Cell, Kind};
use super::stack::{RecurrentOptions, Stack};
use crate::module::{Module, Visitor};

/// Long short-term memory over a sequence.
///
/// Parameters have PyTorch's names, such as `weight_ih_l0`, `[4 · hidden, inputs]`, and
/// `bias_hh_l1_reverse`, `[4 · hidden]`; the rows are those of the gates i, f, g and o.
///
/// ```
/// use retrograd_nn::{Lstm, RecurrentOptions};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let options = RecurrentOptions { layers: 2, bidirectional: true, ..Default::default() };
/// let lstm = Lstm::new(5, 8, options, &mut random::rng(0));
/// let sequences = Tensor::zeros([10, 3, 5], DType::F32); // steps, batch, inputs
/// let (y, (h, c)) = lstm.run(&sequences.into(), None);
/// assert_eq!(y.shape(), [10, 3, 16]);
/// assert_eq!((h.shape(), c.shape()), (&[4, 3, 8].into(), &[4, 3, 8].into()));
/// ```
#[derive(Clone, Debug)]
pub struct Lstm(Stack);

impl Lstm {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    ///
    /// # Panics
    /// If there is no layer.
    #[track_caller]
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, options: RecurrentOptions, rng: &mut Rng) -> Self {
        Self(Stack::new(Kind::Lstm, inputs, hidden, options, rng))
    }

    /// The outputs of the last layer, `[steps, batch, directions · hidden]`, and the last states h and
    /// c of all layers, `[layers · directions, batch, hidden]`.
    ///
    /// The sequence is `[steps, batch, inputs]`, or `[batch, steps, inputs]` if the options say so, or
    /// without the axis of the batch, which then is missing everywhere. The first states (h, c) have
    /// the shape of the last ones, and are 0 if none are given.
    ///
    /// # Panics
    /// If the shapes do not fit, or there is no step.
    #[track_caller]
    #[must_use]
    pub fn run(&self, x: &Var, initial: Option<(&Var, &Var)>) -> (Var, (Var, Var)) {
        let initial = initial.map(|(hidden, cell)| [hidden, cell]);
        let (y, mut last) = self.0.run(x, initial.as_ref().map(|states| &states[..]));
        let cell = last.swap_remove(1);
        (y, (last.swap_remove(0), cell))
    }
}

impl Module for Lstm {
    fn forward(&self, x: &Var) -> Var {
        self.run(x, None).0
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit(visitor);
    }
}

/// One step of [`Lstm`]; its parameters are `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
#[derive(Clone, Debug)]
pub struct LstmCell(Cell);

impl LstmCell {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Self {
        Self(Cell::new(Kind::Lstm, inputs, hidden, rng))
    }

    /// The same cell without its biases.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self(self.0.without_bias())
    }

    /// The new states h and c, `[batch, hidden]`, after the input `[batch, inputs]`; the old ones are
    /// 0 if none are given.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn step(&self, x: &Var, state: Option<(&Var, &Var)>) -> (Var, Var) {
        let state = state.map(|(hidden, cell)| smallvec![hidden.clone(), cell.clone()]);
        let mut state = self.0.advance(x, state);
        let cell = state.swap_remove(1);
        (state.swap_remove(0), cell)
    }
}

impl Module for LstmCell {
    fn forward(&self, x: &Var) -> Var {
        self.step(x, None).0
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit("", visitor);
    }
}
