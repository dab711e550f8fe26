//! Wengert's list (1964): the operations of a step in the order they were computed.
//!
//! Every node's inputs stand before it, so a walk from the end to the start meets every use of a value
//! before the value itself: no sorting is needed. The nodes of a step that is over stay behind those
//! that count, vacant, and the next step writes on them.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::rc::Rc;

use crate::live;
use crate::node::{Node, NodeId};
use crate::recycle;

/// The nodes of a step, oldest first.
#[derive(Default)]
pub(super) struct List {
    /// The nodes recorded, and after them vacant ones.
    nodes: RefCell<Vec<Rc<Node>>>,
    /// How many are recorded.
    len: Cell<usize>,
}

impl List {
    /// Number of nodes.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    /// The next node and its number, vacant and to be written at once.
    #[inline]
    pub(super) fn next(&self) -> (NodeId, RefMut<'_, Node>) {
        let (mut nodes, id) = (self.nodes.borrow_mut(), self.len());
        if id == nodes.len() {
            nodes.push(Rc::new(Node::vacant()));
        }
        self.len.set(id + 1);
        live::count_node();
        let node = RefMut::map(nodes, |nodes| {
            Rc::get_mut(&mut nodes[id]).expect("nobody looks at a vacant node")
        });
        (id, node)
    }

    /// The nodes recorded so far.
    pub(super) fn nodes(&self) -> Ref<'_, [Rc<Node>]> {
        Ref::map(self.nodes.borrow(), |nodes| &nodes[..self.len()])
    }

    /// One node, which can be looked at while others are recorded.
    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Rc<Node> {
        Rc::clone(&self.nodes.borrow()[id])
    }

    /// Lets go of the step and keeps the memory.
    pub(super) fn vacate(&mut self) {
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
    }
}
