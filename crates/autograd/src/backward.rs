//! Asking for derivatives: of one number with respect to everything it was computed from.

use retrograd_tensor::Tensor;

use crate::derivative::{NoDerivative, OrNoDerivative};
use crate::gradients::Gradients;
use crate::node::NodeId;
use crate::recycle;
use crate::sweep::{Start, Sweep, leads_to, sweep};
use crate::tape::Tape;
use crate::var::Var;

impl Var {
    /// The derivative of this single number with respect to every leaf on its tape.
    ///
    /// Frees what the tape saved, so a second sweep needs a new computation (or
    /// [`backward_retaining`](Self::backward_retaining)).
    ///
    /// # Panics
    /// If this is not a tracked single number, saved values it needs were freed before, or an
    /// operation has no derivative.
    #[doc(alias = "gradient")]
    #[track_caller]
    #[must_use]
    pub fn backward(&self) -> Gradients {
        self.backward_with(&self.unit_cotangent(), Sweep::Once)
    }

    /// As [`backward`](Self::backward), keeping what the tape saved for another sweep.
    ///
    /// # Panics
    /// As [`backward`](Self::backward).
    #[doc(alias = "retain_graph")]
    #[track_caller]
    #[must_use]
    pub fn backward_retaining(&self) -> Gradients {
        self.backward_with(&self.unit_cotangent(), Sweep::Retain)
    }

    /// The vector-Jacobian product: the cotangent of every leaf, given this Var's.
    ///
    /// # Panics
    /// If this is not tracked, the shapes or types differ, or saved values were freed before.
    #[doc(alias = "grad_outputs")]
    #[track_caller]
    #[must_use]
    pub fn backward_from(&self, cotangent: &Tensor) -> Gradients {
        self.backward_with(cotangent, Sweep::Once)
    }

    #[track_caller]
    fn backward_with(&self, cotangent: &Tensor, mode: Sweep) -> Gradients {
        self.try_backward(cotangent, mode)
            .or_no_derivative("backward")
    }

    /// The sweep from this Var's cotangent.
    #[track_caller]
    pub(crate) fn try_backward(
        &self,
        cotangent: &Tensor,
        mode: Sweep,
    ) -> Result<Gradients, NoDerivative> {
        let (tape, node) = self.tracked_parts("backward");
        self.check_cotangent(cotangent);
        let start = Start {
            node,
            cotangent: tape.rule_constant(Var::constant(cotangent.clone())),
            before: Vec::new(),
        };
        let mut cotangents = sweep(tape, start, mode, |_| true)?;
        let (mut by_node, mut keys) = (recycle::list(), recycle::list());
        // The walk has taken those of all other nodes.
        let leaves = cotangents.iter_mut().enumerate();
        by_node.extend(leaves.filter_map(|(id, leaf)| Some((id, leaf.take()?.into_value()))));
        keys.extend_from_slice(&tape.keys());
        recycle::give_list(cotangents);
        Ok(Gradients {
            tape: tape.identity(),
            by_node,
            keys,
            others: Vec::new(),
        })
    }

    #[track_caller]
    pub(crate) fn check_cotangent(&self, cotangent: &Tensor) {
        let (shape, dtype) = (self.shape(), self.dtype());
        assert!(
            cotangent.shape() == shape,
            "backward: a cotangent of shape {} for a result of shape {}; a cotangent has the shape of its \
             value, as Tensor::ones({shape}, DType::{dtype:?}) has",
            cotangent.shape(),
            self.origin()
        );
        assert!(
            cotangent.dtype() == dtype,
            "backward: a cotangent of type {} for a result of type {dtype}, {}; a cotangent has the type of its value, \
             as g.cast(DType::{dtype:?}) has",
            cotangent.dtype(),
            self.origin()
        );
    }

    #[track_caller]
    pub(crate) fn unit_cotangent(&self) -> Tensor {
        assert!(
            self.elements() == 1,
            "backward: the result has shape {}, not a single number; reduce it (.sum(..), .mean(..)) or give a \
             cotangent with backward_from",
            self.origin()
        );
        self.raw().constant_like(self.shape(), 1.0)
    }

    #[track_caller]
    fn tracked_parts(&self, asked: &str) -> (&Tape, NodeId) {
        match (self.tape(), self.node()) {
            (Some(tape), Some(node)) => (tape, node),
            _ => panic!(
                "{asked}: {}, which does not depend on any leaf of a tape, so it has no derivative; make what it is \
                 computed from with tape.leaf(value)",
                self.origin()
            ),
        }
    }
}

/// The derivatives of the single number `y` with respect to `xs`, as Vars recorded on the tape.
///
/// They can be computed with and differentiated again, to any order. An `x` that `y` does not
/// depend on gives zeros.
///
/// ```
/// use retrograd_autograd::{Tape, grad};
/// use retrograd_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let y = &(&x * &x) * &x;
/// let first = grad(&y, &[&x]).remove(0);       // 3x²
/// let second = grad(&first, &[&x]).remove(0);  // 6x
/// assert_eq!((first.item(), second.item()), (27.0, 18.0));
/// ```
///
/// # Panics
/// If `y` is not a single number of a tape, an `x` is not tracked on its tape, saved values were
/// freed before, or an operation has no derivative (see [`try_grad`]).
#[track_caller]
#[must_use]
pub fn grad(y: &Var, xs: &[&Var]) -> Vec<Var> {
    try_grad(y, xs).or_no_derivative("grad")
}

/// The derivative of `y`, a single number, with respect to one Var, recorded: [`grad`] of one.
///
/// ```
/// use retrograd_autograd::{Tape, derivative};
/// use retrograd_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let slope = derivative(&x.square(), &x);
/// assert_eq!((slope.item(), derivative(&slope, &x).item()), (6.0, 2.0));
/// ```
///
/// # Panics
/// As [`grad`].
#[track_caller]
#[must_use]
pub fn derivative(y: &Var, x: &Var) -> Var {
    grad(y, &[x]).swap_remove(0)
}

/// As [`grad`], with an error where an operation on the way has no derivative.
///
/// # Errors
/// If an operation on the way from `xs` to `y` has no derivative, or its derivative has none. The
/// operations of this crate have derivatives of every order; those from outside say what they have,
/// see [`Primitive::derivatives`](crate::Primitive::derivatives).
///
/// # Panics
/// As [`grad`] in all other cases.
#[track_caller]
pub fn try_grad(y: &Var, xs: &[&Var]) -> Result<Vec<Var>, NoDerivative> {
    let Some(tape) = y.tape() else {
        panic!("grad: the result is a constant of no tape, so it has no derivative");
    };
    pull(y, tape.constant(y.unit_cotangent()), xs)
}

/// The cotangents of `xs` for that of `y`, a Var of some tape, recorded.
#[track_caller]
pub(crate) fn pull(y: &Var, cotangent: Var, xs: &[&Var]) -> Result<Vec<Var>, NoDerivative> {
    let Some(tape) = cotangent.tape().cloned() else {
        panic!("grad: the result is a constant of no tape, so it has no derivative");
    };
    for x in xs {
        x.tracked_parts("grad");
    }
    if let Some(other) = xs
        .iter()
        .find(|x| x.tape().is_some_and(|other| !other.is(&tape)))
    {
        panic!(
            "grad: an input, {}, belongs to another tape than the result, {}",
            other.origin(),
            y.origin()
        );
    }
    let pulled = pull_from(y, cotangent, xs, Sweep::Record)?;
    let zeros = |x: &Var| tape.constant(x.raw().constant_like(x.shape(), 0.0));
    let pulled = pulled.into_iter().zip(xs);
    Ok(pulled
        .map(|(pulled, x)| pulled.unwrap_or_else(|| zeros(x)))
        .collect())
}

/// The cotangents of `xs`, as a sweep that passes only what leads to them has them; none where `y` does
/// not depend on one.
pub(crate) fn pull_from(
    y: &Var,
    cotangent: Var,
    xs: &[&Var],
    mode: Sweep,
) -> Result<Vec<Option<Var>>, NoDerivative> {
    // The derivative of something linear is a constant of the tape: it depends on nothing.
    let (Some(tape), Some(node)) = (y.tape(), y.node()) else {
        return Ok(vec![None; xs.len()]);
    };
    let wanted: Vec<Option<NodeId>> = xs.iter().map(|x| x.node()).collect();
    let asked: Vec<NodeId> = wanted.iter().copied().flatten().collect();
    let leads = leads_to(tape, node, &asked);
    let start = Start {
        node,
        cotangent,
        before: Vec::new(),
    };
    let cotangents = sweep(tape, start, mode, |id| leads[id])?;
    // The same Var may be asked for twice.
    let of = |id: &Option<NodeId>| cotangents.get((*id)?)?.clone();
    Ok(wanted.iter().map(of).collect())
}
