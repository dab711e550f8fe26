//! Cotangents looked at as they pass: hooks, and inner values whose gradient is kept.
//!
//! Both are a list beside the tape, which is empty for almost everybody. The sweep walks down the list
//! as it walks down the tape, so nodes that are not on it cost one comparison.

use std::fmt;
use std::rc::Rc;

use crate::node::NodeId;
use crate::tape::Tape;
use crate::var::Var;

/// Sees a cotangent, and may give another to be used in its place.
type Hook = Rc<dyn Fn(&Var) -> Option<Var>>;

/// What is to happen when the sweep reaches a node.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) node: NodeId,
    hooks: Vec<Hook>,
    /// The cotangent stays for [`Gradients`](crate::Gradients).
    pub(crate) retained: bool,
}

impl Hooks {
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            hooks: Vec::new(),
            retained: false,
        }
    }

    /// The cotangent after all hooks, in the order in which they were set.
    pub(crate) fn pass(&self, tape: &Tape, cotangent: Var) -> Var {
        let mut cotangent = cotangent;
        for hook in &self.hooks {
            if let Some(other) = hook(&cotangent) {
                let node = tape.node(self.node);
                assert!(
                    other.shape() == cotangent.shape(),
                    "on_cotangent: the hook of `{}` at {} gave a cotangent of shape {} for one of shape {}; they must \
                     be equal",
                    node.name(),
                    node.location(),
                    other.shape(),
                    cotangent.shape()
                );
                cotangent = other;
            }
        }
        cotangent
    }
}

impl Var {
    /// Has `hook` called with this Var's cotangent in every sweep that reaches it; what it gives, if
    /// anything, takes the cotangent's place.
    ///
    /// A hook is called once a sweep, when the cotangent is complete: after all uses of this Var have
    /// handed in their parts, before its own rule runs. So hooks run from the last node to the first,
    /// and those of one Var in the order in which they were set, each seeing what the one before
    /// left. A recorded sweep ([`grad`](crate::grad)) hands out recorded cotangents, and operations of
    /// the hook are recorded too. On a constant nothing happens.
    ///
    /// A hook that holds a Var of the same tape keeps that tape alive for good: hold its value.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// let h = x.square();
    /// h.on_cotangent(|g| Some(g.clamp(-1.0, 1.0)));
    /// // The cotangent of h would be 100.
    /// assert_eq!((h * 100.0).backward().of(&x).unwrap().item(), 6.0);
    /// ```
    #[doc(alias = "register_hook")]
    pub fn on_cotangent(&self, hook: impl Fn(&Self) -> Option<Self> + 'static) {
        if let (Some(tape), Some(node)) = (self.tape(), self.node()) {
            tape.hook(node, |own| own.hooks.push(Rc::new(hook)));
        }
    }

    /// Has sweeps keep this inner value's gradient, as they keep those of leaves.
    ///
    /// [`Gradients::of`](crate::Gradients::of) gives it then, as it is after all hooks. On a constant
    /// nothing happens.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// let h = x.square();
    /// h.retain_grad();
    /// assert_eq!((&h * &h).backward().of(&h).unwrap().item(), 18.0);
    /// ```
    pub fn retain_grad(&self) {
        if let (Some(tape), Some(node)) = (self.tape(), self.node()) {
            tape.hook(node, |own| own.retained = true);
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks(node {}, {} set)", self.node, self.hooks.len())
    }
}
