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
//! The *adjoint* of a node is the derivative of the result with respect to it. A node's adjoint is
//! complete when the walk arrives, because all its uses stand after it; then the node hands
//! adjoint × partial to each parent. That is all of backpropagation.

use std::cell::RefCell;
use std::fmt;

use super::real::Real;
use super::rules::{Chain, operators};

/// The node that constants stand for: it collects what nobody asks for.
const GROUND: u32 = 0;

/// One operation: from which nodes, and how steep. 24 bytes over `f64`.
#[derive(Clone, Copy)]
struct Node<R> {
    partials: [R; 2],
    parents: [u32; 2],
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
    nodes: RefCell<Vec<Node<R>>>,
    /// Room for the adjoints of the next sweep.
    room: RefCell<Vec<R>>,
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
    tape: Option<&'t ScalarTape<R>>,
    node: u32,
}

/// The derivatives of one number with respect to all numbers before it.
pub struct Adjoints<'t, R: Real = f64> {
    tape: Option<&'t ScalarTape<R>>,
    by_node: Vec<R>,
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

    #[inline]
    fn record(&self, value: R, parents: [u32; 2], partials: [R; 2]) -> Scalar<'_, R> {
        let mut nodes = self.nodes.borrow_mut();
        let node = u32::try_from(nodes.len()).expect("a scalar tape holds 2³² − 1 operations");
        nodes.push(Node { partials, parents });
        Scalar {
            value,
            tape: Some(self),
            node,
        }
    }

    /// The walk: from the node `last`, whose adjoint is 1, to the start.
    fn sweep(&self, last: u32) -> Vec<R> {
        let nodes = self.nodes.borrow();
        let mut adjoints = self.room.take();
        adjoints.clear();
        adjoints.resize(last as usize + 1, 0.0.into());
        adjoints[last as usize] = 1.0.into();
        for (id, node) in nodes[..adjoints.len()].iter().enumerate().rev() {
            let adjoint = adjoints[id];
            // Nothing comes of nothing, however steep the operation: most often it is not on any
            // path to the result.
            if adjoint.is_zero() {
                continue;
            }
            for (parent, partial) in node.parents.into_iter().zip(node.partials) {
                if parent != GROUND {
                    let total = &mut adjoints[parent as usize];
                    *total = *total + adjoint * partial;
                }
            }
        }
        adjoints
    }
}

impl<'t, R: Real> Scalar<'t, R> {
    /// The number.
    #[must_use]
    pub fn value(self) -> R {
        self.value
    }

    /// The derivatives of this with respect to all numbers on its tape, inner ones too.
    ///
    /// The tape stays as it is: other numbers on it can be swept as well. Over numbers that carry
    /// derivatives, so do the results.
    #[must_use]
    pub fn backward(self) -> Adjoints<'t, R> {
        Adjoints {
            tape: self.tape,
            by_node: self
                .tape
                .map_or_else(Vec::new, |tape| tape.sweep(self.node)),
        }
    }

    #[inline]
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

    #[inline]
    fn inner(self) -> R {
        self.value
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.tape.is_none()
    }

    #[inline]
    fn unary(self, y: R, slope: R) -> Self {
        match self.tape {
            Some(tape) => tape.record(y, [self.node, GROUND], [slope, 0.0.into()]),
            None => Self { value: y, ..self },
        }
    }

    #[inline]
    fn binary(self, other: Self, y: R, slopes: [R; 2]) -> Self {
        match self.beside(other) {
            Some(tape) => tape.record(y, [self.node, other.node], slopes),
            None => Self { value: y, ..self },
        }
    }
}

impl<R: Real> Adjoints<'_, R> {
    /// The derivative with respect to `x`; 0 if the result does not depend on it.
    ///
    /// # Panics
    /// If `x` is a constant, or on another tape than the result.
    #[track_caller]
    #[must_use]
    pub fn of(&self, x: Scalar<'_, R>) -> R {
        let Some(tape) = x.tape else {
            panic!(
                "scalar tape: no derivative with respect to a constant; make it with tape.variable(value)"
            )
        };
        // The result may be a constant, which depends on nothing.
        assert!(
            self.tape.is_none_or(|own| std::ptr::eq(own, tape)),
            "scalar tape: the number belongs to another tape than the result"
        );
        self.by_node
            .get(x.node as usize)
            .copied()
            .unwrap_or_else(|| 0.0.into())
    }
}

/// The room goes back to the tape, so that the next sweep asks for none.
impl<R: Real> Drop for Adjoints<'_, R> {
    fn drop(&mut self) {
        if let Some(tape) = self.tape {
            tape.room.replace(std::mem::take(&mut self.by_node));
        }
    }
}

/// A constant.
impl<R: Real> From<f64> for Scalar<'_, R> {
    #[inline]
    fn from(value: f64) -> Self {
        Self {
            value: value.into(),
            tape: None,
            node: GROUND,
        }
    }
}

operators!(['t, R: Real] Scalar<'t, R>);

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

impl<R: Real> fmt::Debug for Adjoints<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Adjoints({} nodes)",
            self.by_node.len().saturating_sub(1)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::dual::Dual;
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, assert_relative_eq};

    /// Every operation, so that a wrong slope of any shows in the derivatives.
    fn everything<R: Real>(a: R, b: R) -> R {
        let powers = a.powi(3) - a.powf(1.5) / b + a.pow(b) * 0.25;
        let waves = (a * b).sin() + (a - b).cos() * 2.0 - (b / 3.0).tanh() + a.atan();
        let logs = a.log() * b.sqrt() + (b + 1.0).log1p() - (-a).exp() + (R::from(1.0) / b).recip();
        powers + waves.abs() * logs + a.square().max(b).min(b * 4.0) - 1.0
    }

    /// The first and second derivatives of [`everything`] by duals of duals, at (0.8, 1.7).
    fn by_duals() -> [f64; 5] {
        let (a, b) = (0.8, 1.7);
        let still = |x: f64| Dual::constant(Dual::constant(x));
        // ε moves the first number, the outer ε the second.
        let seed = |x: f64, inner: f64, outer: f64| Dual {
            value: Dual {
                value: x,
                slope: inner,
            },
            slope: Dual::constant(outer),
        };
        let aa = everything(seed(a, 1.0, 1.0), still(b)).slope;
        let ab = everything(seed(a, 1.0, 0.0), seed(b, 0.0, 1.0)).slope;
        let bb = everything(still(a), seed(b, 1.0, 1.0)).slope;
        [aa.value, bb.value, aa.slope, ab.slope, bb.slope]
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        for (found, expected) in found.iter().zip(expected) {
            assert_relative_eq!(found, expected, epsilon = 1e-13, max_relative = 1e-13);
        }
    }

    #[test]
    fn both_modes_agree_with_differences() {
        let [da, db, ..] = by_duals();
        let h = 1e-5;
        let slope_a = (everything(0.8 + h, 1.7) - everything(0.8 - h, 1.7)) / (2.0 * h);
        let slope_b = (everything(0.8, 1.7 + h) - everything(0.8, 1.7 - h)) / (2.0 * h);
        assert_abs_diff_eq!(slope_a, da, epsilon = 1e-8);
        assert_abs_diff_eq!(slope_b, db, epsilon = 1e-8);
        let tape = ScalarTape::new();
        let (a, b) = (tape.variable(0.8), tape.variable(1.7));
        let slopes = everything(a, b).backward();
        assert_close(&[slopes.of(a), slopes.of(b)], &[da, db]);
    }

    #[test]
    fn forward_over_reverse() {
        let [da, db, daa, dab, dbb] = by_duals();
        let tape = ScalarTape::new();
        let (a, b) = (
            tape.variable(Dual::variable(0.8)),
            tape.variable(1.7.into()),
        );
        let along_a = everything(a, b).backward();
        let (a, b) = (along_a.of(a), along_a.of(b));
        assert_close(&[a.value, b.value, a.slope, b.slope], &[da, db, daa, dab]);
        let (a, b) = (
            tape.variable(0.8.into()),
            tape.variable(Dual::variable(1.7)),
        );
        assert_close(&[everything(a, b).backward().of(b).slope], &[dbb]);
    }

    #[test]
    fn reverse_over_reverse() {
        let [da, db, daa, dab, dbb] = by_duals();
        let outer = ScalarTape::new();
        let (a, b) = (outer.variable(0.8), outer.variable(1.7));
        let inner = ScalarTape::new();
        let (x, y) = (inner.variable(a), inner.variable(b));
        let slopes = everything(x, y).backward();
        let (slope_a, slope_b) = (slopes.of(x), slopes.of(y));
        assert_close(&[slope_a.value(), slope_b.value()], &[da, db]);
        let second = slope_a.backward();
        assert_close(&[second.of(a), second.of(b)], &[daa, dab]);
        drop(second);
        assert_close(&[slope_b.backward().of(b)], &[dbb]);
    }

    #[test]
    fn reverse_over_forward_and_three_deep() {
        let [_, _, daa, dab, _] = by_duals();
        let tape = ScalarTape::new();
        let (a, b) = (tape.variable(0.8), tape.variable(1.7));
        let moving = Dual {
            value: a,
            slope: 1.0.into(),
        };
        let slope = everything(moving, Dual::constant(b)).slope;
        let second = slope.backward();
        assert_close(&[second.of(a), second.of(b)], &[daa, dab]);

        // The third derivative of x⁴ with a mode of its own for each order.
        let outer = ScalarTape::new();
        let x = outer.variable(Dual::variable(1.5));
        let inner = ScalarTape::new();
        let z = inner.variable(x);
        let first = (z * z * z * z).backward().of(z);
        let second = first.backward().of(x);
        assert_eq!(
            (first.value().value, second.value, second.slope),
            (13.5, 27.0, 36.0)
        );
    }

    #[test]
    fn constants_and_strangers_have_no_say() {
        let tape = ScalarTape::new();
        let (x, idle) = (tape.variable(0.0), tape.variable(0.0));
        // Steep, and not on the path: infinity times nothing.
        let _ = idle.sqrt();
        let y = x * 3.0;
        let slopes = y.backward();
        assert_eq!((slopes.of(x), slopes.of(idle)), (3.0, 0.0));
        let constant: Scalar = 2.0.into();
        assert_eq!(constant.exp().backward().of(x), 0.0);
        assert_eq!((tape.len(), constant.is_constant()), (4, true));
    }

    #[test]
    #[should_panic(expected = "belong to two tapes")]
    fn numbers_of_two_tapes_do_not_mix() {
        let (one, two) = (ScalarTape::new(), ScalarTape::new());
        let _ = one.variable(1.0) * two.variable(2.0);
    }

    #[test]
    #[should_panic(expected = "with respect to a constant")]
    fn a_constant_is_nothing_to_differentiate_by() {
        let tape = ScalarTape::new();
        let y = tape.variable(1.0).exp();
        let _ = y.backward().of(2.0.into());
    }

    #[test]
    fn nodes_are_small_and_a_cleared_tape_keeps_its_room() {
        assert_eq!(size_of::<Node<f64>>(), 24);
        let mut tape = ScalarTape::new();
        let mut rooms = Vec::new();
        for _ in 0..3 {
            tape.clear();
            let x = tape.variable(0.5);
            let y = (0..1000).fold(x, |y, _| y * x + 1.0);
            let _ = y.backward().of(x);
            rooms.push((
                tape.nodes.borrow().capacity(),
                tape.room.borrow().capacity(),
            ));
        }
        assert_eq!(tape.len(), 2001);
        assert!(rooms[1..].iter().all(|room| *room == rooms[0]), "{rooms:?}");
    }
}
