//! Whoever watches a step: who looks for values that are not finite, takes notes, wants to see
//! cotangents, or asks which line a node is for.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use super::Tape;
use crate::anomaly::{Anomaly, Detector};
use crate::hook::Hooks;
use crate::inspect::Recorder;
use crate::node::{Node, NodeId};

/// Those who watch.
#[derive(Default)]
pub(super) struct Watch {
    detector: RefCell<Detector>,
    /// Whether somebody takes notes, who is next: asked at every operation.
    watched: Cell<bool>,
    recorder: RefCell<Option<Box<Recorder>>>,
    /// The line that nodes recorded now are for, when it is not the caller's.
    on_behalf_of: Cell<Option<&'static Location<'static>>>,
    /// Nodes whose cotangents somebody wants to see, in their order.
    hooks: RefCell<Vec<Hooks>>,
}

impl Watch {
    /// Sends everybody home.
    pub(super) fn vacate(&mut self) {
        *self.detector.get_mut() = Detector::default();
        self.watched.set(false);
        *self.recorder.get_mut() = None;
        self.on_behalf_of.set(None);
        self.hooks.get_mut().clear();
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

impl Tape {
    /// Also look for the first value that is not finite, forward and backward.
    ///
    /// Costs a pass over every value; see [`anomaly`](Self::anomaly).
    #[must_use]
    pub fn detecting_anomalies(self) -> Self {
        self.inner.watch.detector.borrow_mut().switch_on();
        self
    }

    /// The first value that was not finite, if one arose while detecting.
    #[must_use]
    pub fn anomaly(&self) -> Option<Anomaly> {
        self.inner.watch.detector.borrow().found().cloned()
    }

    #[inline]
    pub(crate) fn detector(&self) -> &RefCell<Detector> {
        &self.inner.watch.detector
    }

    /// Takes over the anomaly that a tape beside this one has found.
    pub(crate) fn take_anomaly(&self, other: &Self) {
        if let Some(found) = other.detector().borrow_mut().take() {
            self.inner.watch.detector.borrow_mut().put(found);
        }
    }

    /// Whether somebody takes notes of this step.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.inner.watch.watched.get()
    }

    pub(crate) fn set_watched(&self) {
        self.inner.watch.watched.set(true);
    }

    pub(crate) fn recorder(&self) -> &RefCell<Option<Box<Recorder>>> {
        &self.inner.watch.recorder
    }

    /// Changes the hooks of a node.
    pub(crate) fn hook(&self, node: NodeId, change: impl FnOnce(&mut Hooks)) {
        let mut hooks = self.inner.watch.hooks.borrow_mut();
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
        let hooks = self.inner.watch.hooks.borrow();
        hooks
            .iter()
            .any(|hooks| hooks.node == node && hooks.retained)
    }

    /// All hooks in the order of the nodes. A copy, as hooks may set hooks.
    pub(crate) fn hooks(&self) -> Vec<Hooks> {
        self.inner.watch.hooks.borrow().clone()
    }

    /// Runs `rule`; what it records goes by the line of `node`.
    ///
    /// A derivative belongs to the operation that is differentiated, not to a line of its rule.
    pub(crate) fn on_behalf_of<V>(&self, node: &Node, rule: impl FnOnce() -> V) -> V {
        let _restore = Restore {
            before: self.inner.watch.on_behalf_of.replace(Some(node.location)),
            cell: &self.inner.watch.on_behalf_of,
        };
        rule()
    }

    /// The line that a node recorded now goes by.
    #[track_caller]
    #[inline]
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.inner
            .watch
            .on_behalf_of
            .get()
            .unwrap_or(Location::caller())
    }
}
