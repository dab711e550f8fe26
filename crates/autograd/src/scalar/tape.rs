//! Reverse mode: a list of operations, walked backwards.
//!
//! ```text
//! node   value          parents   partials            adjoint, from the bottom up
//!   1    x = 2                                         x̄ = ȳ·sin x + s̄·cos x
//!   2    s = sin x      1         cos x                s̄ = ȳ·x
//!   3    y = x·s        1, 2      s, x                 ȳ = 1
//! ```
//!
//! A node keeps the two things that the walk needs: which nodes it was computed from, and how fast it
//! moves with each. What the operation was, and its value, need not be kept, so a node is 24 bytes.
//! An operation of more than two numbers is several nodes in a row, two terms in each.
//! The *adjoint* of a node is the derivative of the result with respect to it. A node's adjoint is
//! complete when the walk arrives, because all its uses stand after it; then the node hands
//! adjoint × partial to each parent. That is all of backpropagation.

use std::cell::RefCell;
use std::fmt;

use super::function::Function;
use super::real::Real;
use super::rules::{Chain, scalar_operators};

/// The node that constants stand for: it collects what nobody asks for.
pub(super) const GROUND: u32 = 0;
/// In the first parent of a node: the operation goes on in the next one, which has its adjoint.
const CONTINUED: u32 = 1 << 31;

/// One operation, or two terms of a longer one: from which nodes, and how steep. 24 bytes over `f64`.
#[derive(Clone, Copy)]
pub(super) struct Node<R> {
    pub(super) partials: [R; 2],
    parents: [u32; 2],
}

impl<R> Node<R> {
    #[inline]
    pub(super) fn is_continued(&self) -> bool {
        self.parents[0] & CONTINUED != 0
    }

    #[inline]
    pub(super) fn parents(&self) -> [u32; 2] {
        [self.parents[0] & !CONTINUED, self.parents[1]]
    }
}

/// The operations of a computation in order.
///
/// A tape may be used for one computation after the other; [`clear`](Self::clear) keeps its memory.
/// The borrow checker sees to it that no number of a cleared tape is left:
///
/// ```compile_fail,E0502
/// use retrograd_autograd::scalar::ScalarTape;
///
/// let mut tape = ScalarTape::new();
/// let x = tape.variable(2.0);
/// tape.clear();
/// let y = x * x;
/// ```
pub struct ScalarTape<R: Real = f64> {
    pub(super) nodes: RefCell<Vec<Node<R>>>,
    /// Room for the adjoints of the next sweep.
    pub(super) room: RefCell<Vec<R>>,
    /// A tape for the next region that is swept by itself.
    pub(super) spare: RefCell<Option<Box<Self>>>,
}

/// A number on a tape, or a constant.
///
/// ```
/// use retrograd_autograd::scalar::{Real, ScalarTape};
///
/// let tape = ScalarTape::new();
/// let x = tape.variable(2.0);
/// let y = x * x.sin();
/// assert_eq!(y.backward().of(x), 2.0_f64.sin() + 2.0 * 2.0_f64.cos());
/// ```
#[derive(Clone, Copy)]
pub struct Scalar<'t, R: Real = f64> {
    value: R,
    /// `None` for constants.
    pub(super) tape: Option<&'t ScalarTape<R>>,
    pub(super) node: u32,
}

impl<R: Real> ScalarTape<R> {
    /// An empty tape.
    #[expect(
        clippy::new_without_default,
        reason = "a tape is a record, it has no default value"
    )]
    #[must_use]
    pub fn new() -> Self {
        let mut tape = Self {
            nodes: RefCell::default(),
            room: RefCell::default(),
            spare: RefCell::default(),
        };
        tape.clear();
        tape
    }

    /// A number to differentiate with respect to.
    #[must_use]
    pub fn variable(&self, value: R) -> Scalar<'_, R> {
        self.record(value, [GROUND; 2], [0.0.into(); 2])
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        let nodes = self.nodes.get_mut();
        nodes.clear();
        nodes.push(Node {
            partials: [0.0.into(); 2],
            parents: [GROUND; 2],
        });
    }

    /// Forgets all after the first `count` variables and operations. No number of those is used again.
    pub(super) fn rewind(&self, count: usize) {
        self.nodes.borrow_mut().truncate(count + 1);
    }

    /// Number of variables and operations on the tape.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.borrow().len() - 1
    }

    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn record(&self, value: R, parents: [u32; 2], partials: [R; 2]) -> Scalar<'_, R> {
        let mut nodes = self.nodes.borrow_mut();
        let node = nodes.len() as u32;
        assert!(node < CONTINUED, "a scalar tape holds 2³¹ − 1 operations");
        nodes.push(Node { partials, parents });
        Scalar {
            value,
            tape: Some(self),
            node,
        }
    }
}

impl<'t, R: Real> Scalar<'t, R> {
    /// A number that is on no tape.
    #[must_use]
    #[inline(always)]
    pub fn constant(value: R) -> Self {
        Self {
            value,
            tape: None,
            node: GROUND,
        }
    }

    /// The number.
    #[must_use]
    #[inline(always)]
    pub fn value(self) -> R {
        self.value
    }

    #[inline(always)]
    fn beside(self, other: Self) -> Option<&'t ScalarTape<R>> {
        match (self.tape, other.tape) {
            (Some(one), Some(two)) => {
                assert!(
                    std::ptr::eq(one, two),
                    "scalar tape: the operands belong to two tapes; take one tape for everything, or the value() of \
                     one of them"
                );
                Some(one)
            }
            (one, two) => one.or(two),
        }
    }
}

impl<R: Real> Chain for Scalar<'_, R> {
    type Inner = R;

    #[inline(always)]
    fn inner(self) -> R {
        self.value
    }

    #[inline(always)]
    fn still(value: R) -> Self {
        Self::constant(value)
    }

    #[inline(always)]
    fn is_constant(self) -> bool {
        self.tape.is_none()
    }

    #[inline(always)]
    fn unary(self, y: R, slope: R) -> Self {
        match self.tape {
            Some(tape) => tape.record(y, [self.node, GROUND], [slope, 0.0.into()]),
            None => Self { value: y, ..self },
        }
    }

    #[inline(always)]
    fn binary(self, other: Self, y: R, slopes: [R; 2]) -> Self {
        match self.beside(other) {
            Some(tape) => tape.record(y, [self.node, other.node], slopes),
            None => Self { value: y, ..self },
        }
    }

    fn preaccumulated<F: Function>(f: &F, x: &[Self]) -> Self {
        let Some(tape) = x.iter().find_map(|x| x.tape) else {
            let x: Vec<R> = x.iter().map(|x| x.value).collect();
            return Self::constant(R::region(f, &x));
        };
        tape.preaccumulate(x, |x| {
            let mut y = [Scalar::from(0.0)];
            f.eval(x, &mut y);
            y[0]
        })
    }

    #[inline(always)]
    fn nary<'a>(y: R, count: usize, term: impl Fn(usize) -> (&'a Self, R)) -> Self
    where
        Self: 'a,
    {
        let mut result = Self::constant(y);
        // A term that waits for another one: a node holds two.
        let (mut waiting, mut its_slope) = (GROUND, R::from(0.0));
        for i in 0..count {
            let (term, slope) = term(i);
            if term.is_constant() {
                continue;
            }
            result.tape = result.beside(*term);
            if waiting == GROUND {
                (waiting, its_slope) = (term.node, slope);
            } else if let Some(tape) = result.tape {
                let parents = [waiting | CONTINUED, term.node];
                result.node = tape.record(y, parents, [its_slope, slope]).node;
                waiting = GROUND;
            }
        }
        let Some(tape) = result.tape else {
            return result;
        };
        if waiting != GROUND {
            return tape.record(y, [waiting, GROUND], [its_slope, 0.0.into()]);
        }
        // The last node ends it.
        if let Some(last) = tape.nodes.borrow_mut().last_mut() {
            last.parents[0] &= !CONTINUED;
        }
        result
    }
}

/// A constant.
impl<R: Real> From<f64> for Scalar<'_, R> {
    #[inline]
    fn from(value: f64) -> Self {
        Self::constant(value.into())
    }
}

scalar_operators!(['t, R: Real] Scalar<'t, R>);

impl<R: Real> fmt::Debug for Scalar<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tape {
            Some(_) => write!(f, "Scalar(node {}, {:?})", self.node, self.value),
            None => write!(f, "Scalar(constant, {:?})", self.value),
        }
    }
}

impl<R: Real> fmt::Debug for ScalarTape<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScalarTape({} nodes)", self.len())
    }
}
