//! The record of a computation: a list of nodes in the order they were computed.
//!
//! This is Wengert's list (1964). Every node's inputs stand before it, so a walk from the end to
//! the start meets every use of a value before the value itself: no sorting is needed.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use retrograd_tensor::Tensor;
use retrograd_tensor::random::{self, Rng};

use crate::anomaly::{Anomaly, Detector};
use crate::checkpoint::Scope;
use crate::hook::Hooks;
use crate::inspect::Recorder;
use crate::live;
use crate::node::{Kind, Node, NodeId};
use crate::recycle;
use crate::var::Var;

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
/// new one, which takes over the memory of one that is gone.
#[derive(Clone)]
pub struct Tape {
    inner: Rc<Inner>,
}

/// Which tape something belongs to; no two tapes of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64);

impl Identity {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A number above those of all tapes and derivatives forwards so far.
pub(crate) fn new_level() -> u64 {
    Identity::new().0
}

struct Inner {
    identity: Identity,
    /// The nodes recorded, and after them vacant ones that an earlier step has left.
    nodes: RefCell<Vec<Rc<Node>>>,
    /// How many are recorded.
    len: Cell<usize>,
    /// Keyed leaves (parameters) in the order of their keys, so that one used twice is one node.
    leaves: RefCell<Vec<(u64, NodeId)>>,
    rng: RefCell<Rng>,
    mode: Mode,
    detector: RefCell<Detector>,
    /// Whether somebody takes notes, who is next: asked at every operation.
    watched: Cell<bool>,
    recorder: RefCell<Option<Box<Recorder>>>,
    /// The line that nodes recorded now are for, when it is not the caller's.
    on_behalf_of: Cell<Option<&'static Location<'static>>>,
    /// Nodes whose cotangents somebody wants to see, in their order.
    hooks: RefCell<Vec<Hooks>>,
    /// Regions that are running, outermost first.
    scopes: RefCell<Vec<Scope>>,
    /// Whether what runs now ran before and was forgotten.
    recomputing: Cell<bool>,
}

impl Inner {
    /// The memory of a step, before there is a step.
    fn vacant() -> Self {
        Self {
            identity: Identity(0),
            nodes: RefCell::default(),
            len: Cell::new(0),
            leaves: RefCell::default(),
            rng: RefCell::new(random::rng(0)),
            mode: Mode::Training,
            detector: RefCell::default(),
            watched: Cell::new(false),
            recorder: RefCell::default(),
            on_behalf_of: Cell::new(None),
            hooks: RefCell::default(),
            scopes: RefCell::default(),
            recomputing: Cell::new(false),
        }
    }

    /// Lets go of the step and keeps the memory.
    fn vacate(&mut self) {
        let nodes = self.nodes.get_mut();
        let len = self.len.replace(0);
        live::discount(len);
        for node in &mut nodes[..len] {
            match Rc::get_mut(node) {
                Some(node) => node.vacate(),
                // Somebody looks at it still.
                None => *node = Rc::new(Node::vacant()),
            }
        }
        nodes.truncate(recycle::MOST_ROOM);
        nodes.shrink_to(recycle::MOST_ROOM);
        self.leaves.get_mut().clear();
        *self.detector.get_mut() = Detector::default();
        self.watched.set(false);
        *self.recorder.get_mut() = None;
        self.on_behalf_of.set(None);
        self.hooks.get_mut().clear();
        self.scopes.get_mut().clear();
        self.recomputing.set(false);
    }
}

/// The last handle leaves the memory to the next tape of the thread.
impl Drop for Tape {
    fn drop(&mut self) {
        if let Some(inner) = Rc::get_mut(&mut self.inner) {
            inner.vacate();
            recycle::give(Rc::clone(&self.inner));
        }
    }
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

/// A region that is running. Leaves it when dropped, also when the region panics.
pub(crate) struct Open<'t> {
    tape: &'t Tape,
    depth: usize,
}

impl Open<'_> {
    /// Leaves the region; gives the keyed leaves that it used.
    pub(crate) fn close(self) -> Vec<(u64, Var)> {
        let scope = self.tape.inner.scopes.borrow_mut().pop();
        scope.map_or_else(Vec::new, Scope::into_leaves)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.tape.inner.scopes.borrow_mut().truncate(self.depth);
    }
}

/// Puts the random stream back when dropped.
pub(crate) struct Rewound<'t> {
    tape: &'t Tape,
    rng: Option<Rng>,
    recomputing: bool,
}

impl Drop for Rewound<'_> {
    fn drop(&mut self) {
        if let Some(rng) = self.rng.take() {
            self.tape.inner.rng.replace(rng);
        }
        self.tape.inner.recomputing.set(self.recomputing);
    }
}

impl Tape {
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
        let mut inner = recycle::take().unwrap_or_else(|| Rc::new(Inner::vacant()));
        if let Some(inner) = Rc::get_mut(&mut inner) {
            inner.identity = Identity::new();
            inner.mode = mode;
            inner.rng = RefCell::new(rng);
        }
        live::count_tape();
        Self { inner }
    }

    /// Also say that what runs here has run before, as when a failed step is looked at again: see
    /// [`is_recomputing`](Self::is_recomputing).
    #[must_use]
    pub fn recomputing(self) -> Self {
        self.inner.recomputing.set(true);
        self
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

    #[inline]
    pub(crate) fn detector(&self) -> &RefCell<Detector> {
        &self.inner.detector
    }

    /// Whether somebody takes notes of this step.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.inner.watched.get()
    }

    pub(crate) fn set_watched(&self) {
        self.inner.watched.set(true);
    }

    pub(crate) fn recorder(&self) -> &RefCell<Option<Box<Recorder>>> {
        &self.inner.recorder
    }

    /// Whether the step trains or evaluates.
    #[must_use]
    #[inline]
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
    pub fn leaf(&self, value: Tensor) -> Var {
        self.add_leaf(value, None)
    }

    /// A leaf whose value is what `var` stands for without its tape: a tensor, a batch or a dual.
    #[track_caller]
    pub(crate) fn leaf_of(&self, var: &Var) -> Var {
        let location = Location::caller();
        let id = self.record(|node| {
            node.kind = Kind::Leaf(None);
            node.shape = *var.shape();
            node.dtype = var.dtype();
            node.location = location;
        });
        self.note_leaf(id, var.raw());
        var.tracked_as(self, id)
    }

    /// As [`leaf`](Self::leaf), with a name for tables and messages.
    #[track_caller]
    #[must_use]
    pub fn named_leaf(&self, name: &str, value: Tensor) -> Var {
        self.add_leaf(value, Some(name.into()))
    }

    /// The leaf with this key; the first call makes it and later ones find it again, so that a
    /// value used in several places collects one gradient. In evaluation mode, a constant: nothing
    /// is recorded for values that will not be updated.
    #[track_caller]
    #[must_use]
    pub fn keyed_leaf(&self, key: u64, name: impl Into<Arc<str>>, value: Tensor) -> Var {
        if self.mode() == Mode::Evaluation {
            return self.constant(value);
        }
        let regions = self.inner.scopes.borrow().len();
        if regions > 0 {
            return self.leaf_in_region(regions, key, name.into(), value);
        }
        self.leaf_of_key(key, name, value)
    }

    #[track_caller]
    fn leaf_of_key(&self, key: u64, name: impl Into<Arc<str>>, value: Tensor) -> Var {
        let mut leaves = self.inner.leaves.borrow_mut();
        match leaves.binary_search_by_key(&key, |&(key, _)| key) {
            Ok(found) => Var::tracked(value, self.clone(), leaves[found].1),
            Err(place) => {
                leaves.insert(place, (key, self.len()));
                drop(leaves);
                self.add_leaf(value, Some(name.into()))
            }
        }
    }

    /// The keyed leaf as the innermost of some regions knows it.
    #[track_caller]
    fn leaf_in_region(&self, regions: usize, key: u64, name: Arc<str>, value: Tensor) -> Var {
        let Some(innermost) = regions.checked_sub(1) else {
            return self.leaf_of_key(key, name, value);
        };
        if let Some(known) = self.inner.scopes.borrow()[innermost].find(key, &name) {
            return known;
        }
        let leaf = self.leaf_in_region(innermost, key, name, value);
        self.inner.scopes.borrow_mut()[innermost].note(key, leaf)
    }

    /// Makes `var` what [`keyed_leaf`](Self::keyed_leaf) finds under this key, so that a parameter
    /// can be an input of a function that is checked or differentiated. The caller sees to it that
    /// the value given there is that of `var`.
    ///
    /// # Panics
    /// If `var` is not tracked on this tape, or something else has the key.
    #[track_caller]
    pub fn bind_key(&self, key: u64, var: &Var) {
        let node = var
            .node()
            .filter(|_| var.tape().is_some_and(|tape| tape.is(self)));
        let node = node.expect("bind_key: the Var is not tracked on this tape");
        let mut leaves = self.inner.leaves.borrow_mut();
        match leaves.binary_search_by_key(&key, |&(key, _)| key) {
            Ok(found) => assert!(
                leaves[found].1 == node,
                "bind_key: key {key} is that of node {} already",
                leaves[found].1
            ),
            Err(place) => leaves.insert(place, (key, node)),
        }
    }

    /// A value that belongs to the step but is not differentiated with respect to, such as data.
    #[must_use]
    pub fn constant(&self, value: Tensor) -> Var {
        Var::on_tape(value, self.clone())
    }

    /// A free constant as what it is on this tape: the output of a node, or a constant.
    pub(crate) fn var(&self, value: Var, node: Option<NodeId>) -> Var {
        match node {
            Some(node) => value.tracked_as(self, node),
            None => value.constant_of(self),
        }
    }

    #[track_caller]
    fn add_leaf(&self, value: Tensor, label: Option<Arc<str>>) -> Var {
        let location = Location::caller();
        // Every parameter of every step comes by: a name is made only for somebody who looks.
        let mut detector = self.inner.detector.borrow_mut();
        if detector.is_on() {
            let name = label.as_deref().unwrap_or("leaf");
            detector.inspect_forward(name, location, &value, &[]);
        }
        drop(detector);
        let id = self.record(|node| {
            node.kind = Kind::Leaf(label);
            node.shape = *value.shape();
            node.dtype = value.dtype();
            node.location = location;
        });
        self.note_leaf(id, &value);
        Var::tracked(value, self.clone(), id)
    }

    /// A tape for computing again what ran on `outer` when its random stream was `rng`.
    pub(crate) fn beside(outer: &Self, rng: Rng) -> Self {
        let tape = Self::with(outer.mode(), rng).recomputing();
        if outer.detector().borrow().is_on() {
            tape.detecting_anomalies()
        } else {
            tape
        }
    }

    /// Whether what runs has run before: a [`checkpoint`](crate::checkpoint) region in the sweep, a
    /// failed step, a function that is checked. What code changes as it runs, such as running means,
    /// it must not change once more.
    #[must_use]
    pub fn is_recomputing(&self) -> bool {
        self.inner.recomputing.get()
    }

    /// Takes over the anomaly that a tape beside this one has found.
    pub(crate) fn take_anomaly(&self, other: &Self) {
        if let Some(found) = other.detector().borrow_mut().take() {
            self.inner.detector.borrow_mut().put(found);
        }
    }

    /// Enters a region; it is left when the result is dropped.
    pub(crate) fn open(&self, scope: Scope) -> Open<'_> {
        let mut scopes = self.inner.scopes.borrow_mut();
        let depth = scopes.len();
        scopes.push(scope);
        Open { tape: self, depth }
    }

    /// Goes back to an earlier state of the random stream until the result is dropped.
    pub(crate) fn rewound(&self, rng: Rng) -> Rewound<'_> {
        Rewound {
            tape: self,
            rng: Some(self.inner.rng.replace(rng)),
            recomputing: self.inner.recomputing.replace(true),
        }
    }

    /// Changes the hooks of a node.
    pub(crate) fn hook(&self, node: NodeId, change: impl FnOnce(&mut Hooks)) {
        let mut hooks = self.inner.hooks.borrow_mut();
        let place = match hooks.binary_search_by_key(&node, |hooks| hooks.node) {
            Ok(place) => place,
            Err(place) => {
                hooks.insert(place, Hooks::new(node));
                place
            }
        };
        change(&mut hooks[place]);
    }

    /// Whether sweeps keep this node's cotangent.
    pub(crate) fn retains(&self, node: NodeId) -> bool {
        let hooks = self.inner.hooks.borrow();
        hooks
            .iter()
            .any(|hooks| hooks.node == node && hooks.retained)
    }

    /// All hooks in the order of the nodes. A copy, as hooks may set hooks.
    pub(crate) fn hooks(&self) -> Vec<Hooks> {
        self.inner.hooks.borrow().clone()
    }

    /// Runs `rule`; what it records goes by the line of `node`.
    ///
    /// A derivative belongs to the operation that is differentiated, not to a line of its rule.
    pub(crate) fn on_behalf_of<V>(&self, node: &Node, rule: impl FnOnce() -> V) -> V {
        let _restore = Restore {
            before: self.inner.on_behalf_of.replace(Some(node.location)),
            cell: &self.inner.on_behalf_of,
        };
        rule()
    }

    /// The line that a node recorded now goes by.
    #[track_caller]
    #[inline]
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.inner.on_behalf_of.get().unwrap_or(Location::caller())
    }

    /// Appends a node: `write` sets what the vacant one it is given shall be.
    pub(crate) fn record(&self, write: impl FnOnce(&mut Node)) -> NodeId {
        let (id, mut node) = self.next();
        write(&mut node);
        id
    }

    /// The next node and its number, vacant and to be written at once.
    #[inline]
    pub(crate) fn next(&self) -> (NodeId, RefMut<'_, Node>) {
        let (mut nodes, id) = (self.inner.nodes.borrow_mut(), self.len());
        if id == nodes.len() {
            nodes.push(Rc::new(Node::vacant()));
        }
        self.inner.len.set(id + 1);
        live::count_node();
        let node = RefMut::map(nodes, |nodes| {
            Rc::get_mut(&mut nodes[id]).expect("nobody looks at a vacant node")
        });
        (id, node)
    }

    /// The nodes recorded so far, oldest first.
    #[must_use]
    pub fn nodes(&self) -> Ref<'_, [Rc<Node>]> {
        Ref::map(self.inner.nodes.borrow(), |nodes| &nodes[..self.len()])
    }

    /// One node, which can be looked at while others are recorded.
    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> Rc<Node> {
        Rc::clone(&self.inner.nodes.borrow()[id])
    }

    /// Keyed leaves and their nodes, in the order of the keys.
    pub(crate) fn keys(&self) -> Ref<'_, [(u64, NodeId)]> {
        Ref::map(self.inner.leaves.borrow(), Vec::as_slice)
    }

    /// Whether both handles are of one tape.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }

    /// The number that tells this tape from all others of the process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.identity.0
    }

    /// Tells this tape from others without keeping it alive.
    pub(crate) fn identity(&self) -> Identity {
        self.inner.identity
    }

    /// Number of nodes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.inner.len.get()
    }

    /// Whether nothing is recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape({} nodes, {:?})", self.len(), self.mode())
    }
}
