//! The gated recurrent unit (Cho et al. 2014), in the form whose reset gate acts on the product.
//!
//! ```text
//! r = σ(xₜ·Wᵢᵣᵀ + bᵢᵣ + hₜ₋₁·Wₕᵣᵀ + bₕᵣ)     z = σ(xₜ·Wᵢzᵀ + bᵢz + hₜ₋₁·Wₕzᵀ + bₕz)
//! n = tanh(xₜ·Wᵢₙᵀ + bᵢₙ + r·(hₜ₋₁·Wₕₙᵀ + bₕₙ))
//! hₜ = (1 − z)·n + z·hₜ₋₁
//! ```
//!
//! PyTorch, cuDNN and Keras (`reset_after`) compute this form; in the paper r acts on hₜ₋₁ before the
//! product, which then could not be one for all gates.

use retrograd_autograd::Var;

use retrograd_tensor::random::Rng;
use smallvec::smallvec;

use super::cell::{Cell, Kind};
use super::stack::{RecurrentOptions, Stack};
use crate::module::{Module, Visitor};

/// Gated recurrent units over a sequence.
///
/// Parameters have PyTorch's names, such as `weight_ih_l0`, `[3 · hidden, inputs]`, and
/// `bias_hh_l1_reverse`, `[3 · hidden]`; the rows are those of the gates r, z and n.
#[derive(Clone, Debug)]
pub struct Gru(Stack);

impl Gru {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    ///
    /// # Panics
    /// If there is no layer.
    #[track_caller]
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, options: RecurrentOptions, rng: &mut Rng) -> Self {
        Self(Stack::new(Kind::Gru, inputs, hidden, options, rng))
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

impl Module for Gru {
    fn forward(&self, x: &Var) -> Var {
        self.run(x, None).0
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit(visitor);
    }
}

/// One step of [`Gru`]; its parameters are `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
#[derive(Clone, Debug)]
pub struct GruCell(Cell);

impl GruCell {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, rng: &mut Rng) -> Self {
        Self(Cell::new(Kind::Gru, inputs, hidden, rng))
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

impl Module for GruCell {
    fn forward(&self, x: &Var) -> Var {
        self.step(x, None)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit("", visitor);
    }
}
