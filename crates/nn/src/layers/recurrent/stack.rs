//! Recurrent layers above each other, in one direction or both.

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{OrPanic, Shape, ShapeError};

use super::cell::{Cell, Kind, State};
use crate::module::Visitor;

/// How a recurrent network is built; by default one layer, forward, `[steps, batch, inputs]`.
#[doc(alias = "Bidirectional")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecurrentOptions {
    /// Layers above each other: the outputs of one are the inputs of the next.
    pub layers: usize,
    /// Whether each layer reads the sequence from the end as well; it then has twice the outputs.
    pub bidirectional: bool,
    /// Whether sequences are `[batch, steps, ...]` instead of `[steps, batch, ...]`. States are
    /// `[layers · directions, batch, hidden]` either way.
    pub batch_first: bool,
    /// The probability that an output is left out in training on its way to the next layer.
    pub dropout: f64,
    /// Whether gates have biases.
    pub bias: bool,
}

impl Default for RecurrentOptions {
    fn default() -> Self {
        Self {
            layers: 1,
            bidirectional: false,
            batch_first: false,
            dropout: 0.0,
            bias: true,
        }
    }
}

/// A cell for each direction of each layer, those of a layer together, forward first.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    cells: Vec<Cell>,
    inputs: usize,
    hidden: usize,
    options: RecurrentOptions,
}

impl Stack {
    /// # Panics
    /// If there is no layer.
    #[track_caller]
    pub(super) fn new(
        kind: Kind,
        inputs: usize,
        hidden: usize,
        options: RecurrentOptions,
        rng: &mut Rng,
    ) -> Self {
        let name = kind.name();
        assert!(options.layers > 0, "{name}: 0 layers; there must be one");
        let directions = if options.bidirectional { 2 } else { 1 };
        let mut cells = Vec::new();
        for position in 0..options.layers * directions {
            let inputs = if position < directions {
                inputs
            } else {
                directions * hidden
            };
            let cell = Cell::new(kind, inputs, hidden, rng);
            cells.push(if options.bias {
                cell
            } else {
                cell.without_bias()
            });
        }
        Self {
            cells,
            inputs,
            hidden,
            options,
        }
    }

    /// The same with another kind of as many gates.
    pub(super) fn with_kind(mut self, kind: Kind) -> Self {
        self.cells.iter_mut().for_each(|cell| cell.kind = kind);
        self
    }

    pub(super) fn visit(&self, visitor: &mut Visitor<'_>) {
        let directions = self.directions();
        for (position, cell) in self.cells.iter().enumerate() {
            let reverse = if position % directions == 1 {
                "_reverse"
            } else {
                ""
            };
            cell.visit(&format!("_l{}{reverse}", position / directions), visitor);
        }
    }

    fn directions(&self) -> usize {
        if self.options.bidirectional { 2 } else { 1 }
    }

    fn kind(&self) -> Kind {
        self.cells[0].kind
    }

    /// The outputs of the last layer for a sequence, and the states after the last step of all, from
    /// states that are given or zeros.
    #[track_caller]
    pub(super) fn run(&self, x: &Var, initial: Option<&[&Var]>) -> (Var, State) {
        if x.rank() != 2 {
            return self.run_batch(x, initial);
        }
        // A sequence alone is a batch of one.
        let axis = if self.options.batch_first { 0 } else { 1 };
        let raised = match initial {
            Some(given) => self.raised(x, given),
            None => State::new(),
        };
        let initial: Option<Vec<&Var>> = initial.map(|_| raised.iter().collect());
        let (y, states) = self.run_batch(&x.unsqueeze(axis), initial.as_deref());
        let states = states.iter().map(|state| state.squeeze(1)).collect();
        (y.squeeze(axis), states)
    }

    /// The states `[layers · directions, hidden]` of a sequence alone as those of a batch of one.
    #[track_caller]
    fn raised(&self, x: &Var, given: &[&Var]) -> State {
        let expected = [self.cells.len(), self.hidden];
        if let Some(wrong) = given.iter().find(|state| state.shape()[..] != expected) {
            self.refuse(
                &[*x.shape(), *wrong.shape()],
                format!("the state is not {expected:?}"),
            );
        }
        given.iter().map(|state| state.unsqueeze(1)).collect()
    }

    #[track_caller]
    fn run_batch(&self, x: &Var, initial: Option<&[&Var]>) -> (Var, State) {
        let (steps, batch) = self.check(x, initial.unwrap_or_default());
        let x = if self.options.batch_first {
            x.permute(&[1, 0, 2])
        } else {
            x.clone()
        };
        let mut rows = x.with_shape(Shape::from([steps * batch, self.inputs]));
        let mut last: Vec<State> = Vec::new();
        let directions = self.directions();
        for (layer, cells) in self.cells.chunks(directions).enumerate() {
            if layer > 0 {
                rows = rows.dropout(self.options.dropout);
            }
            let mut outputs = Vec::new();
            for (direction, cell) in cells.iter().enumerate() {
                let state = match initial {
                    Some(given) => given
                        .iter()
                        .map(|state| state.select(0, last.len()))
                        .collect(),
                    None => cell.zeros(batch, x.dtype()),
                };
                let reverse = direction == 1;
                let states = cell.unroll(&rows, steps, reverse, state);
                last.push(states[if reverse { 0 } else { steps - 1 }].clone());
                let outputs_of: Vec<&Var> = states.iter().map(|state| &state[0]).collect();
                outputs.push(Var::cat(&outputs_of, 0));
            }
            rows = if directions == 1 {
                outputs.swap_remove(0)
            } else {
                Var::cat(&[&outputs[0], &outputs[1]], 1)
            };
        }
        let y = rows.with_shape(Shape::from([steps, batch, directions * self.hidden]));
        let y = if self.options.batch_first {
            y.permute(&[1, 0, 2])
        } else {
            y
        };
        (y, self.stacked(&last))
    }

    /// The last states of all cells, `[layers · directions, batch, hidden]`.
    #[track_caller]
    fn stacked(&self, last: &[State]) -> State {
        let mut stacked = State::new();
        for which in 0..self.kind().states() {
            let states: Vec<&Var> = last.iter().map(|states| &states[which]).collect();
            stacked.push(Var::stack(&states, 0));
        }
        stacked
    }

    /// The numbers of steps and of sequences, if the shapes fit.
    #[track_caller]
    fn check(&self, x: &Var, initial: &[&Var]) -> (usize, usize) {
        let order = if self.options.batch_first {
            "[batch, steps"
        } else {
            "[steps, batch"
        };
        let (first, second) = match x.shape()[..] {
            [first, second, inputs] if inputs == self.inputs => (first, second),
            _ => self.refuse(&[*x.shape()], format!("not {order}, {}]", self.inputs)),
        };
        let (steps, batch) = if self.options.batch_first {
            (second, first)
        } else {
            (first, second)
        };
        if steps == 0 {
            self.refuse(&[*x.shape()], "a sequence has at least one step".to_owned());
        }
        let expected = [self.cells.len(), batch, self.hidden];
        if let Some(wrong) = initial.iter().find(|state| state.shape()[..] != expected) {
            let shapes = [*x.shape(), *wrong.shape()];
            self.refuse(&shapes, format!("the state is not {expected:?}"));
        }
        (steps, batch)
    }

    #[track_caller]
    fn refuse(&self, shapes: &[Shape], problem: String) -> ! {
        Err(ShapeError::new(self.kind().name(), shapes, problem)).or_panic()
    }
}
