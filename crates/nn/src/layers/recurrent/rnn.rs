//! The simplest recurrence (Elman 1990).
//!
//! ```text
//! hₜ = tanh(xₜ·Wᵢᵀ + bᵢ + hₜ₋₁·Wₕᵀ + bₕ)
//! ```

use retrograd_autograd::Var;

use retrograd_tensor::random::Rng;
use smallvec::smallvec;

use super::cell::{Cell, Kind};
use super::stack::{RecurrentOptions, Stack};
use crate::module::{Module, Visitor};

/// hₜ = tanh(xₜ·Wᵢᵀ + bᵢ + hₜ₋₁·Wₕᵀ + bₕ) over a sequence, or with max(0, ·) for tanh.
///
/// Parameters have PyTorch's names, such as `weight_ih_l0`, `[hidden, inputs]`, and
/// `bias_hh_l1_reverse`, `[hidden]`.
#[doc(alias = "SimpleRNN")]
#[derive(Clone, Debug)]
pub struct Rnn(Stack);

impl Rnn {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    ///
    /// # Panics
    /// If there is no layer.
    #[track_caller]
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, options: RecurrentOptions, rng: &mut Rng) -> Self {
        Self(Stack::new(Kind::Tanh, inputs, hidden, options, rng))
    }

    /// The same with max(0, ·) for tanh.
    #[must_use]
    pub fn with_relu(self) -> Self {
        Self(self.0.with_kind(Kind::Relu))
    }

    /// The outputs of the last layer, `[steps, batch, directions · hidden]`, and the last states of
    /// all layers, `[layers · directions, batch, hidden]`.
    ///
    /// The sequence is `[steps, batch, inputs]`, or `[batch, steps, inputs]` if the options say so, or
    /// without the axis of the batch, which then is missing everywhere. The first states have the
    /// shape of the last ones, and are 0 if none are given.
    ///
    /// # Panics
    /// If the shapes do not fit, or there is no step.
    #[track_caller]
    #[must_use]
    pub fn run(&self, x: &Var, initial: Option<&Var>) -> (Var, Var) {
        let initial = initial.map(|hidden| [hidden]);
        let (y, mut last) = self.0.run(x, initial.as_ref().map(|states| &states[..]));
        (y, last.swap_remove(0))
    }
}

impl Module for Rnn {
    fn forward(&self, x: &Var) -> Var {
        self.run(x, None).0
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit(visitor);
    }
}

/// One step of [`Rnn`]; its parameters are `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
#[doc(alias = "SimpleRNNCell")]
#[derive(Clone, Debug)]
pub struct RnnCell(Cell);

impl RnnCell {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Self {
        Self(Cell::new(Kind::Tanh, inputs, hidden, rng))
    }

    /// The same with max(0, ·) for tanh.
    #[must_use]
    pub fn with_relu(mut self) -> Self {
        self.0.kind = Kind::Relu;
        self
    }

    /// The same cell without its biases.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self(self.0.without_bias())
    }

    /// The new state `[batch, hidden]` after the input `[batch, inputs]`; the old state is 0 if none
    /// is given.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn step(&self, x: &Var, state: Option<&Var>) -> Var {
        let state = state.map(|hidden| smallvec![hidden.clone()]);
        self.0.advance(x, state).swap_remove(0)
    }
}

impl Module for RnnCell {
    fn forward(&self, x: &Var) -> Var {
        self.step(x, None)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit("", visitor);
    }
}
