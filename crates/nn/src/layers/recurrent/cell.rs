//! One step: the weights of the gates and the formulas of the new state.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, OrPanic, ShapeError, Tensor};
use smallvec::{SmallVec, smallvec};

use crate::module::Visitor;
use crate::param::Param;

/// What is carried from step to step, each `[batch, hidden]`: h first, which is also the output.
pub(super) type State = SmallVec<[Var; 2]>;

/// Which recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tanh,
    Relu,
    Lstm,
    Gru,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tanh | Self::Relu => "rnn",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
        }
    }

    /// How many rows of the weights each unit has.
    fn gates(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 1,
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }

    /// How many tensors are carried.
    pub(super) fn states(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }

    /// Into how many parts what the inputs contribute is cut, once for all steps: the gates if the
    /// formulas read them apart from what the state contributes.
    fn cuts(self) -> usize {
        if self == Self::Gru { 3 } else { 1 }
    }

    /// The new state, from what the inputs and the old one contribute to the gates.
    #[track_caller]
    fn step(self, inputs: &[&Var], recurrent: &Var, state: &State) -> State {
        match self {
            Self::Tanh => smallvec![TANH.apply(&[inputs[0], recurrent])],
            Self::Relu => smallvec![RELU.apply(&[inputs[0], recurrent])],
            Self::Lstm => {
                let gates = inputs[0] + recurrent;
                let [i, f, g, o] = &gates.chunk(1, 4)[..] else {
                    unreachable!("four gates")
                };
                let cell = CELL.apply(&[i, f, g, &state[1]]);
                smallvec![SHOWN.apply(&[o, &cell]), cell]
            }
            Self::Gru => {
                let [r, z, n] = &recurrent.chunk(1, 3)[..] else {
                    unreachable!("three gates")
                };
                let new = CANDIDATE.apply(&[inputs[0], r, inputs[2], n]);
                smallvec![MIXTURE.apply(&[inputs[1], z, &state[0], &new])]
            }
        }
    }
}

static TANH: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("rnn_tanh", |[x, h]: [Expr; 2]| (x + h).tanh()));

static RELU: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("rnn_relu", |[x, h]: [Expr; 2]| {
        let sum = x + h;
        Expr::select(&sum.less_equal(0.0), &Expr::from(0.0), &sum)
    })
});

static CELL: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("lstm_cell", |[i, f, g, c]: [Expr; 4]| {
        f.sigmoid() * c + i.sigmoid() * g.tanh()
    })
});

static SHOWN: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("lstm_hidden", |[o, c]: [Expr; 2]| o.sigmoid() * c.tanh()));

static CANDIDATE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("gru_candidate", |[r_x, r_h, n_x, n_h]: [Expr; 4]| {
        (n_x + (r_x + r_h).sigmoid() * n_h).tanh()
    })
});

static MIXTURE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("gru_hidden", |[z_x, z_h, h, n]: [Expr; 4]| {
        &n + (z_x + z_h).sigmoid() * (h - &n)
    })
});

/// The weights of a cell, or of one direction of a layer: what the inputs contribute to the gates is
/// x·Wᵀ + b, and the same of the state.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) kind: Kind,
    hidden: usize,
    /// Of the inputs, `[gates · hidden, inputs]`.
    weight_ih: Param,
    /// Of the state, `[gates · hidden, hidden]`.
    weight_hh: Param,
    /// Of both, `[gates · hidden]` each.
    bias: Option<[Param; 2]>,
}

impl Cell {
    /// Start values as PyTorch draws them: all uniform in ±1/√hidden.
    pub(super) fn new(kind: Kind, inputs: usize, hidden: usize, rng: &mut Rng) -> Self {
        let limit = (hidden.max(1) as f64).sqrt().recip();
        let rows = kind.gates() * hidden;
        let mut draw = |shape: &[usize]| {
            Param::new(Tensor::uniform(shape, -limit, limit, rng, DType::default()))
        };
        let (weight_ih, weight_hh) = (draw(&[rows, inputs]), draw(&[rows, hidden]));
        let bias = Some([draw(&[rows]), draw(&[rows])]);
        Self {
            kind,
            hidden,
            weight_ih,
            weight_hh,
            bias,
        }
    }

    pub(super) fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Names the weights as PyTorch does; those of layers end in `_l0`, `_l0_reverse`, ...
    pub(super) fn visit(&self, suffix: &str, visitor: &mut Visitor<'_>) {
        visitor.param(&format!("weight_ih{suffix}"), &self.weight_ih);
        visitor.param(&format!("weight_hh{suffix}"), &self.weight_hh);
        if let Some([ih, hh]) = &self.bias {
            visitor.param(&format!("bias_ih{suffix}"), ih);
            visitor.param(&format!("bias_hh{suffix}"), hh);
        }
    }

    /// A state of zeros.
    pub(super) fn zeros(&self, batch: usize, dtype: DType) -> State {
        let zeros = || Var::constant(Tensor::zeros([batch, self.hidden], dtype));
        (0..self.kind.states()).map(|_| zeros()).collect()
    }

    /// The new state after one input `[batch, inputs]`.
    #[track_caller]
    pub(super) fn advance(&self, x: &Var, state: Option<State>) -> State {
        let fits = x.rank() == 2 && x.shape()[1] == self.weight_ih.shape()[1];
        if !fits {
            let problem = format!("not [batch, {}]", self.weight_ih.shape()[1]);
            Err(ShapeError::new(self.kind.name(), &[*x.shape()], problem)).or_panic()
        }
        let batch = x.shape()[0];
        let state = state.unwrap_or_else(|| self.zeros(batch, x.dtype()));
        if let Some(wrong) = state.iter().find(|s| s.shape()[..] != [batch, self.hidden]) {
            let problem = format!("the state is not [{batch}, {}]", self.hidden);
            let shapes = [*x.shape(), *wrong.shape()];
            Err(ShapeError::new(self.kind.name(), &shapes, problem)).or_panic()
        }
        let mut states = self.unroll(x, 1, false, state);
        states.swap_remove(0)
    }

    /// The states after each of `steps` inputs, which are rows `[steps · batch, inputs]`, the
    /// batch of the first step first. In reverse, the last input comes first; the result is in the
    /// order of the inputs still.
    #[track_caller]
    pub(super) fn unroll(
        &self,
        rows: &Var,
        steps: usize,
        reverse: bool,
        mut state: State,
    ) -> Vec<State> {
        let bias = |which: usize| self.bias.as_ref().map(|bias| bias[which].beside(rows));
        let inputs = affine(rows, &self.weight_ih.beside(rows), bias(0).as_ref());
        let mut parts = Vec::new();
        for part in inputs.chunk(1, self.kind.cuts()) {
            parts.push(part.split_sizes(0, &vec![part.shape()[0] / steps.max(1); steps]));
        }
        let (weight, bias) = (self.weight_hh.beside(rows), bias(1));
        let mut states = Vec::with_capacity(steps);
        for step in 0..steps {
            let step = if reverse { steps - 1 - step } else { step };
            let inputs: SmallVec<[&Var; 3]> = parts.iter().map(|part| &part[step]).collect();
            let recurrent = affine(&state[0], &weight, bias.as_ref());
            state = self.kind.step(&inputs, &recurrent, &state);
            states.push(state.clone());
        }
        if reverse {
            states.reverse();
        }
        states
    }
}

/// x·Wᵀ + b.
#[track_caller]
fn affine(x: &Var, weight: &Var, bias: Option<&Var>) -> Var {
    match bias {
        Some(bias) => x.affine(weight, bias),
        None => x.matmul_nt(weight),
    }
}
