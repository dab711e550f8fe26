//! The record of a computation: a list of nodes in the order they were computed.
//!
//! This is Wengert's list (1964). Every node's inputs stand before it, so a walk from the end to
//! the start meets every use of a value before the value itself: no sorting is needed.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{Float, Shape, Tensor};
use smallvec::SmallVec;

use crate::anomaly::{Anomaly, Detector};
use crate::primitive::Primitive;
use crate::var::Var;

/// Position of a node on its tape.
pub type NodeId = usize;

/// Whether a step trains or evaluates: dropout and noise act in training only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Parameters will be updated.
    Training,
    /// Parameters are only used.
    Evaluation,
}

/// The record of one step of computation, with the step's mode and random stream.
///
/// Cloning gives another handle to the same tape. A tape serves one step; the next step starts a
/// new one.
#[derive(Clone)]
pub struct Tape<T: Float = f32> {
    inner: Rc<Inner<T>>,
}

/// Which tape something belongs to.
pub(crate) struct Identity<T: Float>(Weak<Inner<T>>);

impl<T: Float> Identity<T> {
    pub(crate) fn is(&self, tape: &Tape<T>) -> bool {
        std::ptr::eq(self.0.as_ptr(), Rc::as_ptr(&tape.inner))
    }
}

impl<T: Float> fmt::Debug for Identity<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:p})", self.0.as_ptr())
    }
}

struct Inner<T: Float> {
    nodes: RefCell<Vec<Node<T>>>,
    /// Keyed leaves (parameters), so that one used twice is one node.
    leaves: RefCell<HashMap<u64, NodeId>>,
    rng: RefCell<Rng>,
    mode: Mode,
    detector: RefCell<Detector>,
    /// The line that nodes recorded now are for, when it is not the caller's.
    on_behalf_of: Cell<Option<&'static Location<'static>>>,
}

/// One operation that was computed, as data.
#[derive(Debug)]
pub struct Node<T: Float> {
    pub(crate) kind: Kind<T>,
    /// What each input was: the node that produced it, if tracked, and its shape.
    pub(crate) inputs: SmallVec<[(Option<NodeId>, Shape); 3]>,
    pub(crate) shape: Shape,
    pub(crate) saved: Saved<T>,
    pub(crate) location: &'static Location<'static>,
}

/// Where a node's value came from.
#[derive(Clone, Debug)]
pub(crate) enum Kind<T: Float> {
    /// Given from outside; the label is for people.
    Leaf(Option<Rc<str>>),
    /// Computed.
    Computed(Rc<dyn Primitive<T>>),
}

/// What a node keeps for its rule.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every node holds values, and boxing them would allocate"
)]
pub(crate) enum Saved<T: Float> {
    Values {
        inputs: SmallVec<[Option<Tensor<T>>; 3]>,
        output: Option<Tensor<T>>,
    },
    /// A sweep has used the values and let them go.
    Freed,
}

/// Puts a line back when dropped: a rule that panics must not leave its own to what comes after.
struct Restore<'t> {
    cell: &'t Cell<Option<&'static Location<'static>>>,
    before: Option<&'static Location<'static>>,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.cell.set(self.before);
    }
}

impl<T: Float> Node<T> {
    /// The operation's name; a leaf's is its label, or `leaf`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.kind {
            Kind::Leaf(label) => label.as_deref().unwrap_or("leaf").to_owned(),
            Kind::Computed(primitive) => primitive.name().into_owned(),
        }
    }

    /// Whether the value was given from outside.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::Leaf(_))
    }

    /// The shape of the value.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The tracked nodes it was computed from; `None` for constants.
    pub fn inputs(&self) -> impl Iterator<Item = Option<NodeId>> + '_ {
        self.inputs.iter().map(|(node, _)| *node)
    }

    /// The source line that asked for it.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Bytes of the values kept for the backward sweep.
    #[must_use]
    pub fn saved_bytes(&self) -> usize {
        let Saved::Values { inputs, output } = &self.saved else {
            return 0;
        };
        let elements: usize = inputs
            .iter()
            .chain([output])
            .flatten()
            .map(Tensor::elements)
            .sum();
        elements * size_of::<T>()
    }
}

impl<T: Float> Tape<T> {
    /// An empty tape in training mode, with the random stream of seed 0.
    #[expect(
        clippy::new_without_default,
        reason = "a tape is a record, it has no default value"
    )]
    #[must_use]
    pub fn new() -> Self {
        Self::with(Mode::Training, random::rng(0))
    }

    /// An empty tape with this mode and random stream.
    #[must_use]
    pub fn with(mode: Mode, rng: Rng) -> Self {
        let inner = Inner {
            nodes: RefCell::default(),
            leaves: RefCell::default(),
            rng: RefCell::new(rng),
            mode,
            detector: RefCell::default(),
            on_behalf_of: Cell::new(None),
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Also look for the first value that is not finite, forward and backward.
    ///
    /// Costs a pass over every value; see [`anomaly`](Self::anomaly).
    #[must_use]
    pub fn detecting_anomalies(self) -> Self {
        self.inner.detector.borrow_mut().switch_on();
        self
    }

    /// The first value that was not finite, if one arose while detecting.
    #[must_use]
    pub fn anomaly(&self) -> Option<Anomaly> {
        self.inner.detector.borrow().found().cloned()
    }

    pub(crate) fn detector(&self) -> &RefCell<Detector> {
        &self.inner.detector
    }

    /// Whether the step trains or evaluates.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// Draws from the step's random stream.
    pub fn random<V>(&self, draw: impl FnOnce(&mut Rng) -> V) -> V {
        draw(&mut self.inner.rng.borrow_mut())
    }

    /// A value to differentiate with respect to.
    #[track_caller]
    #[must_use]
    pub fn leaf(&self, value: Tensor<T>) -> Var<T> {
        self.add_leaf(value, None)
    }

    /// As [`leaf`](Self::leaf), with a name for tables and messages.
    #[track_caller]
    #[must_use]
    pub fn named_leaf(&self, name: &str, value: Tensor<T>) -> Var<T> {
        self.add_leaf(value, Some(name.into()))
    }

    /// The leaf with this key; the first call makes it and later ones find it again, so that a
    /// value used in several places collects one gradient. In evaluation mode, a constant: nothing
    /// is recorded for values that will not be updated.
    #[track_caller]
    #[must_use]
    pub fn keyed_leaf(&self, key: u64, name: &str, value: Tensor<T>) -> Var<T> {
        if self.mode() == Mode::Evaluation {
            return self.constant(value);
        }
        // Most uses find the leaf made, and then nothing is allocated for it.
        if let Some(&node) = self.inner.leaves.borrow().get(&key) {
            return Var::tracked(value, self.clone(), node);
        }
        self.inner.leaves.borrow_mut().insert(key, self.len());
        self.named_leaf(name, value)
    }

    /// A value that belongs to the step but is not differentiated with respect to, such as data.
    #[must_use]
    pub fn constant(&self, value: Tensor<T>) -> Var<T> {
        Var::on_tape(value, self.clone())
    }

    #[track_caller]
    fn add_leaf(&self, value: Tensor<T>, label: Option<Rc<str>>) -> Var<T> {
        let node = Node {
            kind: Kind::Leaf(label),
            inputs: SmallVec::new(),
            shape: *value.shape(),
            saved: Saved::Values {
                inputs: SmallVec::new(),
                output: None,
            },
            location: Location::caller(),
        };
        // Every parameter of every step comes by: a name is made only for somebody who looks.
        let mut detector = self.inner.detector.borrow_mut();
        if detector.is_on() {
            detector.inspect_forward(&node.name(), node.location, &value, &[]);
        }
        drop(detector);
        let id = self.push(node);
        Var::tracked(value, self.clone(), id)
    }

    /// Runs `record`; what it records goes by the line of node `id`.
    ///
    /// A derivative belongs to the operation that is differentiated, not to a line of its rule.
    pub(crate) fn on_behalf_of<V>(&self, id: NodeId, record: impl FnOnce() -> V) -> V {
        let location = self.nodes()[id].location;
        let _restore = Restore {
            before: self.inner.on_behalf_of.replace(Some(location)),
            cell: &self.inner.on_behalf_of,
        };
        record()
    }

    /// The line that a node recorded now goes by.
    #[track_caller]
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.inner.on_behalf_of.get().unwrap_or(Location::caller())
    }

    pub(crate) fn push(&self, node: Node<T>) -> NodeId {
        let mut nodes = self.inner.nodes.borrow_mut();
        nodes.push(node);
        nodes.len() - 1
    }

    /// The nodes recorded so far, oldest first.
    #[must_use]
    pub fn nodes(&self) -> Ref<'_, [Node<T>]> {
        Ref::map(self.inner.nodes.borrow(), Vec::as_slice)
    }

    /// What node `id` keeps for its rule; taken from it for good if `free`.
    pub(crate) fn saved(&self, id: NodeId, free: bool) -> Saved<T> {
        let saved = &mut self.inner.nodes.borrow_mut()[id].saved;
        if free {
            std::mem::replace(saved, Saved::Freed)
        } else {
            saved.clone()
        }
    }

    /// Keyed leaves and their nodes.
    pub(crate) fn keys(&self) -> HashMap<u64, NodeId> {
        self.inner.leaves.borrow().clone()
    }

    /// Whether both handles are of one tape.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }

    /// Tells this tape from others without keeping it alive.
    pub(crate) fn identity(&self) -> Identity<T> {
        Identity(Rc::downgrade(&self.inner))
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.nodes.borrow().len()
    }

    /// Whether nothing is recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Float> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Tape<{}>({} nodes, {:?})",
            T::NAME,
            self.len(),
            self.mode()
        )
    }
}
