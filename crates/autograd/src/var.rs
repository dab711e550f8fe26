//! A tensor that remembers where it came from.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::panic::Location;
use std::rc::Rc;

use retrograd_tensor::{DType, Shape, Tensor};
use smallvec::{SmallVec, smallvec};

use crate::lift::{self, Dual, Lift};
use crate::node::{Kind, Node, NodeId, Operand};
use crate::primitive::{Forward, Needed, Primitive, Residuals, Saves};
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
    /// More than one tensor, and perhaps a step.
    Lifted(Rc<Lifted>),
}

struct Lifted {
    node: Option<NodeId>,
    tape: Option<Tape>,
    lift: Lift,
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
    #[doc(alias = "convert_to_tensor")]
    #[must_use]
    #[inline]
    pub fn constant(value: Tensor) -> Self {
        Self {
            value,
            history: History::Free,
        }
    }

    /// The number `value` as a free constant of this Var's type, of shape `[]`.
    #[doc(alias = "full_like")]
    #[must_use]
    pub fn scalar_like(&self, value: f64) -> Self {
        Self::constant(self.raw().scalar_like(value))
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

    /// The tensor itself; of a dual, the value without its movement.
    ///
    /// # Panics
    /// Of a batch inside of [`vmap`](crate::functional::vmap), where there is one for each member.
    #[doc(alias = "numpy")]
    #[track_caller]
    #[must_use]
    #[inline]
    pub fn value(&self) -> &Tensor {
        if let Some(Lift::Batch(shape)) = self.lift() {
            refuse_value(shape);
        }
        &self.value
    }

    /// The tensor itself; of a batch, that of all members.
    #[inline]
    pub(crate) fn raw(&self) -> &Tensor {
        &self.value
    }

    /// Every tensor that this holds: of a dual, the value and its movement.
    pub(crate) fn buffers(&self) -> SmallVec<[&Tensor; 2]> {
        match self.dual() {
            None => smallvec![&self.value],
            Some(Dual {
                primal, tangent, ..
            }) => {
                let parts = primal.buffers().into_iter().chain(tangent.buffers());
                parts.collect()
            }
        }
    }

    /// A constant made of this one's numbers; of a batch, of those of all members.
    pub(crate) fn derived(&self, value: Tensor) -> Self {
        match self.batch_size() {
            None => Self::constant(value),
            Some(_) => Self::batch(value, None),
        }
    }

    /// A tensor of this Var's shape, to ask what shapes views of it would have.
    pub(crate) fn stand_in(&self) -> Tensor {
        match self.batch_size() {
            None => self.value.clone(),
            Some(_) => self.value.constant_like(self.shape(), 0.0),
        }
    }

    /// A constant whose numbers, of all members of a batch, are a function of these.
    pub(crate) fn mapped(&self, function: impl Fn(f64) -> f64) -> Self {
        self.derived(self.value.map(function))
    }

    /// As [`raw`](Self::raw), for good.
    pub(crate) fn into_raw(self) -> Tensor {
        self.value
    }

    /// A batch: one member for each position of the first axis.
    pub(crate) fn batch(value: Tensor, tape: Option<Tape>) -> Self {
        let shape = Shape::from(&value.shape()[1..]);
        Self::lifted(value, None, tape, Lift::Batch(shape))
    }

    /// A value that moves.
    pub(crate) fn moving(dual: Dual) -> Self {
        Self::lifted(dual.primal.value.clone(), None, None, Lift::Dual(dual))
    }

    fn lifted(value: Tensor, node: Option<NodeId>, tape: Option<Tape>, lift: Lift) -> Self {
        let history = History::Lifted(Rc::new(Lifted { node, tape, lift }));
        Self { value, history }
    }

    /// What this stands for beside a tensor.
    #[inline]
    pub(crate) fn lift(&self) -> Option<&Lift> {
        match &self.history {
            History::Lifted(lifted) => Some(&lifted.lift),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_lifted(&self) -> bool {
        self.lift().is_some()
    }

    pub(crate) fn dual(&self) -> Option<&Dual> {
        match self.lift()? {
            Lift::Dual(dual) => Some(dual),
            Lift::Batch(_) => None,
        }
    }

    /// The number of members, if this is a batch inside of [`vmap`](crate::functional::vmap): then there is no one
    /// [`value`](Self::value).
    #[must_use]
    pub fn batch_size(&self) -> Option<usize> {
        match self.lift()? {
            Lift::Batch(_) => self.value.shape().first().copied(),
            Lift::Dual(dual) => dual.primal.batch_size(),
        }
    }

    /// What is below the tape that this is tracked on; itself if it is not.
    pub(crate) fn below(&self) -> Self {
        match &self.history {
            History::Lifted(lifted) if lifted.node.is_none() => self.clone(),
            _ => self.below_tape(),
        }
    }

    /// What is below the tape that this belongs to.
    pub(crate) fn below_tape(&self) -> Self {
        match &self.history {
            History::Lifted(lifted) => {
                Self::lifted(self.value.clone(), None, None, lifted.lift.clone())
            }
            _ => Self::constant(self.value.clone()),
        }
    }

    /// This as the result of a node.
    pub(crate) fn tracked_as(&self, tape: &Tape, node: NodeId) -> Self {
        match &self.history {
            History::Lifted(lifted) => {
                let (value, lift) = (self.value.clone(), lifted.lift.clone());
                Self::lifted(value, Some(node), Some(tape.clone()), lift)
            }
            _ => Self::tracked(self.value.clone(), tape.clone(), node),
        }
    }

    /// This as a constant of a tape.
    pub(crate) fn constant_of(&self, tape: &Tape) -> Self {
        match &self.history {
            History::Lifted(lifted) => {
                let (value, lift) = (self.value.clone(), lifted.lift.clone());
                Self::lifted(value, None, Some(tape.clone()), lift)
            }
            _ => Self::on_tape(self.value.clone(), tape.clone()),
        }
    }

    /// The tensor, without its history.
    ///
    /// # Panics
    /// As [`value`](Self::value).
    #[must_use]
    #[inline]
    pub fn into_value(self) -> Tensor {
        if let Some(Lift::Batch(shape)) = self.lift() {
            refuse_value(shape);
        }
        self.value
    }

    /// Size along each axis.
    #[must_use]
    #[inline]
    pub fn shape(&self) -> &Shape {
        match self.lift() {
            None => self.value.shape(),
            Some(Lift::Batch(shape)) => shape,
            Some(Lift::Dual(dual)) => dual.primal.shape(),
        }
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
        self.shape().rank()
    }

    /// Number of elements.
    #[must_use]
    #[inline]
    pub fn elements(&self) -> usize {
        self.shape().elements()
    }

    /// The tape of the step this belongs to.
    #[must_use]
    #[inline]
    pub fn tape(&self) -> Option<&Tape> {
        match &self.history {
            History::Free => None,
            History::On { tape, .. } => Some(tape),
            History::Lifted(lifted) => match (&lifted.tape, &lifted.lift) {
                (Some(tape), _) => Some(tape),
                (None, Lift::Dual(dual)) => dual.primal.tape(),
                (None, Lift::Batch(_)) => None,
            },
        }
    }

    /// The node on the tape, when tracked.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        match self.history {
            History::Free => None,
            History::On { node, .. } => node.map(Place::node),
            History::Lifted(ref lifted) => lifted.node,
        }
    }

    /// Whether derivatives can be taken with respect to this.
    #[must_use]
    #[inline]
    pub fn is_tracked(&self) -> bool {
        match &self.history {
            History::Free => false,
            History::On { node, .. } => node.is_some(),
            History::Lifted(lifted) => {
                let below = || self.dual().is_some_and(|dual| dual.primal.is_tracked());
                lifted.node.is_some() || below()
            }
        }
    }

    /// Whether an operation on this has to be one of Vars: it is tracked, or more than one tensor.
    #[inline]
    pub(crate) fn is_recorded(&self) -> bool {
        self.is_tracked() || self.is_lifted()
    }

    /// The mode of the step this belongs to; free constants are being evaluated.
    #[must_use]
    #[inline]
    pub fn mode(&self) -> Mode {
        self.tape().map_or(Mode::Evaluation, Tape::mode)
    }

    /// The same value as a constant: no derivative flows through it.
    #[doc(alias = "detach")]
    #[must_use]
    pub fn stop_gradient(&self) -> Self {
        match &self.history {
            History::Lifted(lifted) => match (&lifted.lift, &lifted.tape) {
                (Lift::Dual(dual), _) => dual.primal.stop_gradient(),
                (Lift::Batch(_), Some(tape)) => self.constant_of(tape),
                (Lift::Batch(_), None) => self.clone(),
            },
            _ => Self::constant_beside(self.value.clone(), self),
        }
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
        self.value().item()
    }

    /// Computes `primitive` on `inputs` and records it if any of them is tracked.
    ///
    /// # Panics
    /// As the operation does, and if the inputs belong to different tapes.
    #[track_caller]
    #[must_use]
    pub fn apply(primitive: impl Primitive + 'static, inputs: &[&Self]) -> Self {
        Self::apply_keeping(primitive, inputs, None)
    }

    /// As [`apply`](Self::apply), with what its rule will read beside inputs and output for somebody else
    /// as well.
    #[track_caller]
    #[inline]
    pub(crate) fn apply_keeping(
        primitive: impl Primitive + 'static,
        inputs: &[&Self],
        kept: Option<&mut Residuals>,
    ) -> Self {
        // Compiled for every primitive, so what does not need to know which it is has functions of
        // its own. The result is computed here, so that `forward` knows its caller.
        if inputs.iter().any(|input| input.is_lifted()) {
            let (y, residuals) = lift::apply(Rc::new(primitive), inputs);
            if let Some(kept) = kept {
                *kept = residuals;
            }
            return y;
        }
        let is_tracked = inputs.iter().any(|input| input.is_tracked());
        let values = values(inputs);
        let tape = common_tape(&|| primitive.name(), inputs);
        let clock = tape.and_then(Tape::clock);
        let Forward {
            value: output,
            residuals,
        } = if is_tracked || kept.is_some() {
            primitive.forward_with_residuals(&values)
        } else {
            primitive.forward(&values).into()
        };
        let took = clock.map(|clock| clock.elapsed());
        if let Some(kept) = kept {
            *kept = residuals.clone();
        }
        let Some(tape) = tape else {
            return Self::constant(output);
        };
        let location = tape.location();
        if tape.detector().borrow().is_on() {
            inspect(tape, &primitive, location, inputs, &output);
        }
        if !is_tracked {
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
        if !residuals.is_empty() {
            residuals.clone_into(&mut node.saved.get_mut().residuals);
        }
        drop(node);
        if let Some(took) = took {
            tape.note_node(id, inputs, &output, took);
        }
        Self::tracked(output, tape.clone(), id)
    }
}

#[cold]
#[track_caller]
fn refuse_value(shape: &Shape) -> ! {
    panic!(
        "value: this Var, of shape {shape}, is a batch inside of vmap or of a derivative for many cotangents: it has a \
         value for each member. An operation that looks at values to choose what to do cannot be batched"
    )
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
