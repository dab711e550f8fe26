//! A tensor that remembers where it came from.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

use retrograd_tensor::{Float, Shape, Tensor};
use smallvec::SmallVec;

use crate::node::{Kind, Node, NodeId, Operand};
use crate::primitive::{Needed, Primitive, Saves};
use crate::tape::{Mode, Tape};

/// A value and, when tracked, its node on a tape.
///
/// * A **tracked** Var is on a tape as a node: derivatives can be taken with respect to it.
/// * A **constant** on a tape belongs to a step but is not differentiated.
/// * A **free** constant knows no tape; computing with free constants alone records nothing, which
///   is how a trained model is used.
///
/// Reading the value is [`value`](Self::value); cloning is cheap.
#[derive(Clone)]
pub struct Var<T: Float = f32> {
    value: Tensor<T>,
    tape: Option<Tape<T>>,
    node: Option<NodeId>,
}

impl<T: Float> Var<T> {
    /// A free constant.
    #[must_use]
    pub fn constant(value: Tensor<T>) -> Self {
        Self {
            value,
            tape: None,
            node: None,
        }
    }

    /// A constant of the step that `other` belongs to, if it belongs to one.
    pub(crate) fn constant_beside(value: Tensor<T>, other: &Self) -> Self {
        Self {
            value,
            tape: other.tape.clone(),
            node: None,
        }
    }

    pub(crate) fn on_tape(value: Tensor<T>, tape: Tape<T>) -> Self {
        Self {
            value,
            tape: Some(tape),
            node: None,
        }
    }

    pub(crate) fn tracked(value: Tensor<T>, tape: Tape<T>, node: NodeId) -> Self {
        Self {
            value,
            tape: Some(tape),
            node: Some(node),
        }
    }

    /// The number itself.
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The tensor, without its history.
    #[must_use]
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    /// Size along each axis.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// Number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.value.rank()
    }

    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.value.elements()
    }

    /// The tape of the step this belongs to.
    #[must_use]
    pub fn tape(&self) -> Option<&Tape<T>> {
        self.tape.as_ref()
    }

    /// The node on the tape, when tracked.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        self.node
    }

    /// Whether derivatives can be taken with respect to this.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }

    /// The mode of the step this belongs to; free constants are being evaluated.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.tape.as_ref().map_or(Mode::Evaluation, Tape::mode)
    }

    /// The same value as a constant: no derivative flows through it.
    #[must_use]
    pub fn stop_gradient(&self) -> Self {
        Self {
            node: None,
            ..self.clone()
        }
    }

    /// Shape, operation and source line, for messages: ``[2, 3] of `exp` at src/main.rs:5:9``.
    pub(crate) fn origin(&self) -> String {
        match (&self.tape, self.node) {
            (Some(tape), Some(id)) => {
                let node = tape.node(id);
                format!(
                    "{} of `{}` at {}",
                    self.shape(),
                    node.name(),
                    node.location()
                )
            }
            _ => format!("{} of a constant", self.shape()),
        }
    }

    /// The value of a Var of one element.
    ///
    /// # Panics
    /// If there is not exactly one element.
    #[track_caller]
    #[must_use]
    pub fn item(&self) -> T {
        self.value.item()
    }

    /// Computes `primitive` on `inputs` and records it if any of them is tracked.
    ///
    /// # Panics
    /// As the operation does, and if the inputs belong to different tapes.
    #[track_caller]
    #[must_use]
    pub fn apply(primitive: impl Primitive<T> + 'static, inputs: &[&Self]) -> Self {
        // Compiled for every primitive, so what does not need to know which it is has functions of
        // its own. The result is computed here, so that `forward` knows its caller.
        let values = values(inputs);
        let tape = common_tape(&|| primitive.name(), inputs);
        let clock = tape.and_then(Tape::clock);
        let output = primitive.forward(&values);
        let took = clock.map(|clock| clock.elapsed());
        let Some(tape) = tape else {
            return Self::constant(output);
        };
        let location = tape.location();
        if tape.detector().borrow().is_on() {
            inspect(tape, &primitive, location, inputs, &output);
        }
        if !inputs.iter().any(|input| input.is_tracked()) {
            if let Some(took) = took {
                tape.note_constant(&primitive, inputs, &output, took);
            }
            return Self::on_tape(output, tape.clone());
        }
        let needed = Needed::from_fn(inputs.len(), |i| inputs[i].is_tracked());
        let saves = primitive.saves(needed);
        let (id, mut node) = tape.next();
        node.kind = Kind::of(primitive, location);
        node.location = location;
        write(&mut node, inputs, saves, &output);
        drop(node);
        if let Some(took) = took {
            tape.note_node(id, inputs, &output, took);
        }
        Self::tracked(output, tape.clone(), id)
    }
}

/// The values of the inputs.
fn values<'a, T: Float>(inputs: &[&'a Var<T>]) -> SmallVec<[&'a Tensor<T>; 3]> {
    // Filled by hand, as every operation passes here: `collect` takes longer than a small one's
    // arithmetic.
    let mut values = SmallVec::new();
    for input in inputs {
        values.push(&input.value);
    }
    values
}

/// Writes what a rule will need of the inputs and the output to a node.
fn write<T: Float>(node: &mut Node<T>, inputs: &[&Var<T>], saves: Saves, output: &Tensor<T>) {
    node.shape = *output.shape();
    let saved = node.saved.get_mut();
    for (i, input) in inputs.iter().enumerate() {
        node.inputs.push(Operand {
            node: input.node,
            shape: *input.shape(),
        });
        let kept = saves.has_input(i).then(|| input.value.clone());
        saved.inputs.push(kept.map(Var::constant));
    }
    let kept = saves.has_output().then(|| output.clone());
    saved.output = kept.map(Var::constant);
}

/// Looks for an anomaly in what an operation gave.
#[cold]
fn inspect<T: Float>(
    tape: &Tape<T>,
    primitive: &dyn Primitive<T>,
    location: &'static Location<'static>,
    inputs: &[&Var<T>],
    output: &Tensor<T>,
) {
    let (name, inputs) = (primitive.name(), described(tape, inputs));
    let mut detector = tape.detector().borrow_mut();
    detector.inspect_forward(&name, location, output, &inputs);
}

/// The one tape that the inputs belong to, if any does.
#[track_caller]
pub(crate) fn common_tape<'a, T: Float>(
    operation: &dyn Fn() -> Cow<'static, str>,
    inputs: &[&'a Var<T>],
) -> Option<&'a Tape<T>> {
    let mut tapes = inputs.iter().filter_map(|input| input.tape.as_ref());
    let first = tapes.next()?;
    if let Some(other) = tapes.find(|tape| !first.is(tape)) {
        let of = |tape: &Tape<T>| {
            let mine = |input: &&&Var<T>| input.tape.as_ref().is_some_and(|own| own.is(tape));
            inputs.iter().find(mine).map(|input| input.origin())
        };
        panic!(
            "{}: inputs belong to two tapes: {} to one, {} to another; a step uses one tape for everything (pass \
             values across with `tape.constant(x.value().clone())`)",
            operation(),
            of(first).unwrap_or_default(),
            of(other).unwrap_or_default(),
        );
    }
    Some(first)
}

/// Inputs by name, for messages.
fn described<'a, T: Float>(tape: &Tape<T>, inputs: &[&'a Var<T>]) -> Vec<(String, &'a Tensor<T>)> {
    let nodes = tape.nodes();
    let name = |input: &Var<T>| match input.node {
        Some(id) => format!("{} (node {id})", nodes[id].name()),
        None => "constant".to_owned(),
    };
    inputs
        .iter()
        .map(|&input| (name(input), &input.value))
        .collect()
}

impl<T: Float> From<Tensor<T>> for Var<T> {
    fn from(value: Tensor<T>) -> Self {
        Self::constant(value)
    }
}

impl<T: Float> fmt::Display for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}

impl<T: Float> fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(id) => write!(f, "Var(node {id}) {:?}", self.value),
            None => write!(f, "Var(constant) {:?}", self.value),
        }
    }
}
