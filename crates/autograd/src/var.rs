//! A tensor that remembers where it came from.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::panic::Location;

use retrograd_tensor::{DType, Shape, Tensor};
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
pub struct Var {
    value: Tensor,
    history: History,
}

/// What a Var belongs to. Two words, so that a Var is four and the lists of them that nodes hold are
/// moved in registers.
#[derive(Clone)]
enum History {
    /// Nothing.
    Free,
    /// A step; and its node there, when tracked.
    On { node: Option<Place>, tape: Tape },
}

/// A [`NodeId`] and 1, in four bytes.
#[derive(Clone, Copy)]
struct Place(NonZeroU32);

impl Place {
    fn of(node: NodeId) -> Self {
        let place = u32::try_from(node + 1).ok().and_then(NonZeroU32::new);
        Self(place.expect("a tape of fewer than 2³² nodes"))
    }

    #[inline]
    fn node(self) -> NodeId {
        self.0.get() as NodeId - 1
    }
}

impl Var {
    /// A free constant.
    #[must_use]
    #[inline]
    pub fn constant(value: Tensor) -> Self {
        Self {
            value,
            history: History::Free,
        }
    }

    /// The number `value` as a free constant of this Var's type, of shape `[]`.
    #[must_use]
    pub fn scalar_like(&self, value: f64) -> Self {
        Self::constant(self.value.scalar_like(value))
    }

    /// A constant of the step that `other` belongs to, if it belongs to one.
    #[inline]
    pub(crate) fn constant_beside(value: Tensor, other: &Self) -> Self {
        match other.tape() {
            Some(tape) => Self::on_tape(value, tape.clone()),
            None => Self::constant(value),
        }
    }

    #[inline]
    pub(crate) fn on_tape(value: Tensor, tape: Tape) -> Self {
        let history = History::On { node: None, tape };
        Self { value, history }
    }

    #[inline]
    pub(crate) fn tracked(value: Tensor, tape: Tape, node: NodeId) -> Self {
        let node = Some(Place::of(node));
        let history = History::On { node, tape };
        Self { value, history }
    }

    /// The number itself.
    #[must_use]
    #[inline]
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// The tensor, without its history.
    #[must_use]
    #[inline]
    pub fn into_value(self) -> Tensor {
        self.value
    }

    /// Size along each axis.
    #[must_use]
    #[inline]
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// The type of the elements.
    #[must_use]
    #[inline]
    pub fn dtype(&self) -> DType {
        self.value.dtype()
    }

    /// Number of axes.
    #[must_use]
    #[inline]
    pub fn rank(&self) -> usize {
        self.value.rank()
    }

    /// Number of elements.
    #[must_use]
    #[inline]
    pub fn elements(&self) -> usize {
        self.value.elements()
    }

    /// The tape of the step this belongs to.
    #[must_use]
    #[inline]
    pub fn tape(&self) -> Option<&Tape> {
        match &self.history {
            History::Free => None,
            History::On { tape, .. } => Some(tape),
        }
    }

    /// The node on the tape, when tracked.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        match self.history {
            History::Free => None,
            History::On { node, .. } => node.map(Place::node),
        }
    }

    /// Whether derivatives can be taken with respect to this.
    #[must_use]
    #[inline]
    pub fn is_tracked(&self) -> bool {
        matches!(self.history, History::On { node: Some(_), .. })
    }

    /// The mode of the step this belongs to; free constants are being evaluated.
    #[must_use]
    #[inline]
    pub fn mode(&self) -> Mode {
        self.tape().map_or(Mode::Evaluation, Tape::mode)
    }

    /// The same value as a constant: no derivative flows through it.
    #[must_use]
    pub fn stop_gradient(&self) -> Self {
        Self::constant_beside(self.value.clone(), self)
    }

    /// Shape, operation and source line, for messages: ``[2, 3] of `exp` at src/main.rs:5:9``.
    pub(crate) fn origin(&self) -> String {
        match (self.tape(), self.node()) {
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
    pub fn item(&self) -> f64 {
        self.value.item()
    }

    /// Computes `primitive` on `inputs` and records it if any of them is tracked.
    ///
    /// # Panics
    /// As the operation does, and if the inputs belong to different tapes.
    #[track_caller]
    #[must_use]
    pub fn apply(primitive: impl Primitive + 'static, inputs: &[&Self]) -> Self {
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
#[inline]
fn values<'a>(inputs: &[&'a Var]) -> SmallVec<[&'a Tensor; 3]> {
    // Filled by hand, as every operation passes here: `collect` takes longer than a small one's
    // arithmetic.
    let mut values = SmallVec::new();
    for input in inputs {
        values.push(&input.value);
    }
    values
}

/// Writes what a rule will need of the inputs and the output to a node.
#[inline]
fn write(node: &mut Node, inputs: &[&Var], saves: Saves, output: &Tensor) {
    node.shape = *output.shape();
    node.dtype = output.dtype();
    let saved = node.saved.get_mut();
    for (i, input) in inputs.iter().enumerate() {
        node.inputs.push(Operand::of(input));
        let kept = saves.has_input(i).then(|| input.value.clone());
        saved.inputs.push(kept.map(Var::constant));
    }
    let kept = saves.has_output().then(|| output.clone());
    saved.output = kept.map(Var::constant);
}

/// Looks for an anomaly in what an operation gave.
#[cold]
fn inspect(
    tape: &Tape,
    primitive: &dyn Primitive,
    location: &'static Location<'static>,
    inputs: &[&Var],
    output: &Tensor,
) {
    let (name, inputs) = (primitive.name(), described(tape, inputs));
    let mut detector = tape.detector().borrow_mut();
    detector.inspect_forward(&name, location, output, &inputs);
}

/// The one tape that the inputs belong to, if any does.
#[track_caller]
#[inline]
pub(crate) fn common_tape<'a>(
    operation: &dyn Fn() -> Cow<'static, str>,
    inputs: &[&'a Var],
) -> Option<&'a Tape> {
    let mut tapes = inputs.iter().filter_map(|input| input.tape());
    let first = tapes.next()?;
    if let Some(other) = tapes.find(|tape| !first.is(tape)) {
        let of = |tape: &Tape| {
            let mine = |input: &&&Var| input.tape().is_some_and(|own| own.is(tape));
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
fn described<'a>(tape: &Tape, inputs: &[&'a Var]) -> Vec<(String, &'a Tensor)> {
    let nodes = tape.nodes();
    let name = |input: &Var| match input.node() {
        Some(id) => format!("{} (node {id})", nodes[id].name()),
        None => "constant".to_owned(),
    };
    inputs
        .iter()
        .map(|&input| (name(input), &input.value))
        .collect()
}

impl From<Tensor> for Var {
    fn from(value: Tensor) -> Self {
        Self::constant(value)
    }
}

impl fmt::Display for Var {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}

impl fmt::Debug for Var {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node() {
            Some(id) => write!(f, "Var(node {id}) {:?}", self.value),
            None => write!(f, "Var(constant) {:?}", self.value),
        }
    }
}
