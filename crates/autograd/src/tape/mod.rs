//! The record of a computation: a list of nodes in the order they were computed.
//!
//! Behind a handle are three things: the [list](list) itself, which is all that a sweep needs; how the
//! [step](step) runs, with its leaves; and who [watches](watch).

mod list;
mod step;
mod watch;

use std::cell::{Ref, RefMut};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use retrograd_tensor::random::{self, Rng};

use crate::live;
use crate::node::{Node, NodeId};
use crate::recycle;
use list::List;
pub use step::Mode;
use step::Step;
use watch::Watch;

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
    list: List,
    step: Step,
    watch: Watch,
}

impl Inner {
    /// The memory of a step, before there is a step.
    fn vacant() -> Self {
        Self {
            identity: Identity(0),
            list: List::default(),
            step: Step::vacant(),
            watch: Watch::default(),
        }
    }
}

/// The last handle leaves the memory to the next tape of the thread.
impl Drop for Tape {
    fn drop(&mut self) {
        if let Some(inner) = Rc::get_mut(&mut self.inner) {
            inner.list.vacate();
            inner.step.vacate();
            inner.watch.vacate();
            recycle::give(Rc::clone(&self.inner));
        }
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
            inner.step.begin(mode, rng);
        }
        live::count_tape();
        Self { inner }
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
        self.inner.list.next()
    }

    /// The nodes recorded so far, oldest first.
    #[must_use]
    pub fn nodes(&self) -> Ref<'_, [Rc<Node>]> {
        self.inner.list.nodes()
    }

    /// One node, which can be looked at while others are recorded.
    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> Rc<Node> {
        self.inner.list.node(id)
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
        self.inner.list.len()
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
