//! How much the calling thread holds, counted as it comes and goes.
//!
//! A tape, a Var or gradients that are kept too long keep nodes and buffers. A program that takes a
//! step again and again can look at these counters, which should come back to where they were.

use std::cell::Cell;

use retrograd_tensor::pool;

thread_local! {
    static TAPES: Cell<usize> = const { Cell::new(0) };
    static NODES: Cell<usize> = const { Cell::new(0) };
}

/// What the calling thread holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Tapes to which there is a handle.
    pub tapes: usize,
    /// Nodes recorded on them.
    pub nodes: usize,
    /// Bytes of tensors, on tapes or not; see [`pool::Counters::live_bytes`].
    pub bytes: i64,
}

/// What the calling thread holds now.
///
/// ```
/// use retrograd_autograd::{Tape, live};
/// use retrograd_tensor::{DType, Tensor};
///
/// let before = live();
/// let y = Tape::new().leaf(Tensor::arange(1000, DType::F32)).exp();
/// assert_eq!((live().tapes - before.tapes, live().nodes - before.nodes), (1, 2));
/// assert!(live().bytes - before.bytes >= 4000); // the rule of exp reads its output alone
/// drop(y);
/// assert_eq!(live(), before);
/// ```
#[must_use]
pub fn live() -> Live {
    Live {
        tapes: TAPES.get(),
        nodes: NODES.get(),
        bytes: pool::counters().live_bytes,
    }
}

pub(crate) fn count_tape() {
    TAPES.set(TAPES.get() + 1);
}

#[inline]
pub(crate) fn count_node() {
    NODES.set(NODES.get() + 1);
}

/// A tape with so many nodes is gone.
pub(crate) fn discount(nodes: usize) {
    TAPES.set(TAPES.get() - 1);
    NODES.set(NODES.get() - nodes);
}
