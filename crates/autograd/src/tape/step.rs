//! What a step carries beside its record: its mode, its random stream, and its leaves.

use std::cell::{Cell, Ref, RefCell};
use std::panic::Location;
use std::sync::Arc;

use retrograd_tensor::Tensor;
use retrograd_tensor::random::{self, Rng};

use super::Tape;
use crate::checkpoint::Scope;
use crate::node::{Kind, NodeId};
use crate::var::Var;

/// Whether a step trains or evaluates: dropout and noise act in training only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Parameters will be updated.
    Training,
    /// Parameters are only used.
    Evaluation,
}

/// How a step runs, and what it found where it began.
pub(super) struct Step {
    mode: Mode,
    rng: RefCell<Rng>,
    /// Keyed leaves (parameters) in the order of their keys, so that one used twice is one node.
    leaves: RefCell<Vec<(u64, NodeId)>>,
    /// Regions that are running, outermost first.
    scopes: RefCell<Vec<Scope>>,
    /// Whether what runs now ran before and was forgotten.
    recomputing: Cell<bool>,
}

impl Step {
    pub(super) fn vacant() -> Self {
        Self {
            mode: Mode::Training,
            rng: RefCell::new(random::rng(0)),
            leaves: RefCell::default(),
            scopes: RefCell::default(),
            recomputing: Cell::new(false),
        }
    }

    /// The next step, with the lists of the last one.
    pub(super) fn begin(&mut self, mode: Mode, rng: Rng) {
        self.mode = mode;
        self.rng = RefCell::new(rng);
    }

    /// Lets go of the step and keeps the lists.
    pub(super) fn vacate(&mut self) {
        self.leaves.get_mut().clear();
        self.scopes.get_mut().clear();
        self.recomputing.set(false);
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
        let scope = self.tape.inner.step.scopes.borrow_mut().pop();
        scope.map_or_else(Vec::new, Scope::into_leaves)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.tape
            .inner
            .step
            .scopes
            .borrow_mut()
            .truncate(self.depth);
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
            self.tape.inner.step.rng.replace(rng);
        }
        self.tape.inner.step.recomputing.set(self.recomputing);
    }
}

/// Mode and random stream.
impl Tape {
    /// Whether the step trains or evaluates.
    #[must_use]
    #[inline]
    pub fn mode(&self) -> Mode {
        self.inner.step.mode
    }

    /// Draws from the step's random stream.
    pub fn random<V>(&self, draw: impl FnOnce(&mut Rng) -> V) -> V {
        draw(&mut self.inner.step.rng.borrow_mut())
    }

    /// Also say that what runs here has run before, as when a failed step is looked at again: see
    /// [`is_recomputing`](Self::is_recomputing).
    #[must_use]
    pub fn recomputing(self) -> Self {
        self.inner.step.recomputing.set(true);
        self
    }

    /// Whether what runs has run before: a [`checkpoint`](crate::checkpoint) region in the sweep, a
    /// failed step, a function that is checked. What code changes as it runs, such as running means,
    /// it must not change once more.
    #[must_use]
    pub fn is_recomputing(&self) -> bool {
        self.inner.step.recomputing.get()
    }

    /// Goes back to an earlier state of the random stream until the result is dropped.
    pub(crate) fn rewound(&self, rng: Rng) -> Rewound<'_> {
        Rewound {
            tape: self,
            rng: Some(self.inner.step.rng.replace(rng)),
            recomputing: self.inner.step.recomputing.replace(true),
        }
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

    /// Enters a region; it is left when the result is dropped.
    pub(crate) fn open(&self, scope: Scope) -> Open<'_> {
        let mut scopes = self.inner.step.scopes.borrow_mut();
        let depth = scopes.len();
        scopes.push(scope);
        Open { tape: self, depth }
    }
}

/// Leaves and constants.
impl Tape {
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
        let regions = self.inner.step.scopes.borrow().len();
        if regions > 0 {
            return self.leaf_in_region(regions, key, name.into(), value);
        }
        self.leaf_of_key(key, name, value)
    }

    #[track_caller]
    fn leaf_of_key(&self, key: u64, name: impl Into<Arc<str>>, value: Tensor) -> Var {
        let mut leaves = self.inner.step.leaves.borrow_mut();
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
        if let Some(known) = self.inner.step.scopes.borrow()[innermost].find(key, &name) {
            return known;
        }
        let leaf = self.leaf_in_region(innermost, key, name, value);
        self.inner.step.scopes.borrow_mut()[innermost].note(key, leaf)
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
        let mut leaves = self.inner.step.leaves.borrow_mut();
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
        let mut detector = self.detector().borrow_mut();
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

    /// Keyed leaves and their nodes, in the order of the keys.
    pub(crate) fn keys(&self) -> Ref<'_, [(u64, NodeId)]> {
        Ref::map(self.inner.step.leaves.borrow(), Vec::as_slice)
    }
}
