//! The backward sweep: cotangents flow from the result to everything before it.

use std::rc::Rc;

use retrograd_tensor::{Float, Tensor};

use crate::node::{Kind, Node, NodeId};
use crate::primitive::{Inputs, Needed, Output};
use crate::recycle;
use crate::tape::{Identity, Tape};
use crate::var::Var;

/// What to leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    /// Plain numbers; saved values are freed as the walk passes them.
    Once,
    /// Plain numbers; saved values stay for another sweep.
    Retain,
    /// Cotangents recorded on the tape like any computation, ready to be differentiated again.
    Record,
}

/// The cotangents of the leaves after a backward sweep.
#[derive(Debug)]
pub struct Gradients<T: Float> {
    /// Whose leaves these are; node numbers mean nothing on another tape.
    tape: Identity,
    /// In the order of the nodes.
    by_node: Vec<(NodeId, Tensor<T>)>,
    /// In the order of the keys.
    keys: Vec<(u64, NodeId)>,
}

impl<T: Float> Gradients<T> {
    /// The gradient with respect to a leaf; `None` if the result does not depend on it.
    ///
    /// # Panics
    /// If the leaf belongs to another tape than the result, such as that of the step before.
    #[track_caller]
    #[must_use]
    pub fn of(&self, leaf: &Var<T>) -> Option<&Tensor<T>> {
        let node = leaf.node()?;
        assert!(
            leaf.tape().is_some_and(|tape| tape.identity() == self.tape),
            "gradients: node {node} is a leaf of another tape than the result"
        );
        self.of_node(node)
    }

    /// The gradient with respect to the leaf of this key (see [`Tape::keyed_leaf`]).
    #[must_use]
    pub fn of_key(&self, key: u64) -> Option<&Tensor<T>> {
        self.of_node(*find(&self.keys, key)?)
    }

    fn of_node(&self, node: NodeId) -> Option<&Tensor<T>> {
        find(&self.by_node, node)
    }
}

/// What stands beside `key` in a list that is in the order of its keys.
fn find<K: Ord + Copy, V>(list: &[(K, V)], key: K) -> Option<&V> {
    let place = list.binary_search_by_key(&key, |&(key, _)| key).ok()?;
    Some(&list[place].1)
}

impl<T: Float> Drop for Gradients<T> {
    fn drop(&mut self) {
        recycle::give_list(std::mem::take(&mut self.by_node));
        recycle::give_list(std::mem::take(&mut self.keys));
    }
}

impl<T: Float> Var<T> {
    /// The derivative of this single number with respect to every leaf on its tape.
    ///
    /// Frees what the tape saved, so a second sweep needs a new computation (or
    /// [`backward_retaining`](Self::backward_retaining)).
    ///
    /// # Panics
    /// If this is not a tracked single number, or saved values it needs were freed before.
    #[track_caller]
    #[must_use]
    pub fn backward(&self) -> Gradients<T> {
        self.backward_with(&self.unit_cotangent(), Sweep::Once)
    }

    /// As [`backward`](Self::backward), keeping what the tape saved for another sweep.
    ///
    /// # Panics
    /// As [`backward`](Self::backward).
    #[track_caller]
    #[must_use]
    pub fn backward_retaining(&self) -> Gradients<T> {
        self.backward_with(&self.unit_cotangent(), Sweep::Retain)
    }

    /// The vector-Jacobian product: the cotangent of every leaf, given this Var's.
    ///
    /// # Panics
    /// If this is not tracked, the shapes differ, or saved values were freed before.
    #[track_caller]
    #[must_use]
    pub fn backward_from(&self, cotangent: &Tensor<T>) -> Gradients<T> {
        assert!(
            cotangent.shape() == self.shape(),
            "backward: a cotangent of shape {} for a result of shape {}; they must be equal",
            cotangent.shape(),
            self.shape()
        );
        self.backward_with(cotangent, Sweep::Once)
    }

    #[track_caller]
    fn backward_with(&self, cotangent: &Tensor<T>, mode: Sweep) -> Gradients<T> {
        let (tape, node) = self.tracked_parts();
        let cotangent = tape.rule_constant(Var::constant(cotangent.clone()));
        let mut cotangents = sweep(tape, node, cotangent, mode, |_| true);
        let (mut by_node, mut keys) = (recycle::list(), recycle::list());
        // The walk has taken those of all other nodes.
        let leaves = cotangents.iter_mut().enumerate();
        by_node.extend(leaves.filter_map(|(id, leaf)| Some((id, leaf.take()?.into_value()))));
        keys.extend_from_slice(&tape.keys());
        recycle::give_list(cotangents);
        Gradients {
            tape: tape.identity(),
            by_node,
            keys,
        }
    }

    #[track_caller]
    fn unit_cotangent(&self) -> Tensor<T> {
        assert!(
            self.elements() == 1,
            "backward: the result has shape {}, not a single number; reduce it (.sum(..), .mean(..)) or give a \
             cotangent with backward_from",
            self.shape()
        );
        Tensor::constant(self.shape(), T::ONE)
    }

    #[track_caller]
    fn tracked_parts(&self) -> (&Tape<T>, NodeId) {
        match (self.tape(), self.node()) {
            (Some(tape), Some(node)) => (tape, node),
            _ => panic!(
                "backward: the result does not depend on any leaf of a tape, so it has no derivative"
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
/// let tape = Tape::<f64>::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let y = &(&x * &x) * &x;
/// let first = grad(&y, &[&x]).remove(0);       // 3x²
/// let second = grad(&first, &[&x]).remove(0);  // 6x
/// assert_eq!((first.item(), second.item()), (27.0, 18.0));
/// ```
///
/// # Panics
/// If `y` is not a tracked single number, an `x` is not tracked on its tape, or saved values were
/// freed before.
#[track_caller]
#[must_use]
pub fn grad<T: Float>(y: &Var<T>, xs: &[&Var<T>]) -> Vec<Var<T>> {
    let Some(tape) = y.tape() else {
        panic!("grad: the result is a constant of no tape, so it has no derivative");
    };
    let wanted: Vec<NodeId> = xs.iter().map(|x| x.tracked_parts().1).collect();
    assert!(
        xs.iter()
            .all(|x| x.tape().is_some_and(|other| other.is(tape))),
        "grad: an input belongs to another tape than the result"
    );
    let unit = tape.constant(y.unit_cotangent());
    // The derivative of something linear is a constant of the tape: it depends on nothing.
    let cotangents = y.node().map_or_else(Vec::new, |node| {
        let leads = leads_to(tape, node, &wanted);
        sweep(tape, node, unit, Sweep::Record, |id| leads[id])
    });
    let zeros = |x: &Var<T>| tape.constant(Tensor::constant(x.shape(), T::ZERO));
    let cotangent = |id: NodeId| cotangents.get(id).cloned().flatten();
    wanted
        .iter()
        .zip(xs)
        .map(|(&id, x)| cotangent(id).unwrap_or_else(|| zeros(x)))
        .collect()
}

/// For each node up to `last`: whether it is one of `wanted` or computed from one.
fn leads_to<T: Float>(tape: &Tape<T>, last: NodeId, wanted: &[NodeId]) -> Vec<bool> {
    let nodes = tape.nodes();
    let mut leads = vec![false; last + 1];
    for id in 0..=last {
        leads[id] = wanted.contains(&id) || nodes[id].inputs().flatten().any(|input| leads[input]);
    }
    leads
}

/// The walk itself. Returns the cotangent of every node that `matters`, by node.
///
/// A node's cotangent is complete when the walk reaches it, because all its uses come later on
/// the tape. Cotangents of inner nodes are let go then, unless the sweep is recorded.
fn sweep<T: Float>(
    tape: &Tape<T>,
    last: NodeId,
    cotangent: Var<T>,
    mode: Sweep,
    matters: impl Fn(NodeId) -> bool,
) -> Vec<Option<Var<T>>> {
    let mut cotangents: Vec<Option<Var<T>>> = recycle::list();
    cotangents.resize(last + 1, None);
    tape.note_seed(last, cotangent.value());
    cotangents[last] = Some(cotangent);
    for id in (0..=last).rev() {
        if cotangents[id].is_none() || !matters(id) {
            continue;
        }
        let node = tape.node(id);
        let Kind::Computed(primitive) = &node.kind else {
            tape.note_gradient(id);
            continue;
        };
        let clock = tape.note_rule(id);
        let (x, y) = residuals(tape, id, &node, mode, &matters);
        let g = if mode == Sweep::Record {
            cotangents[id].clone()
        } else {
            cotangents[id].take()
        };
        let Some(g) = g else { continue };
        let results = tape.on_behalf_of(&node, || primitive.vjp(&x, &y, &g));
        drop((x, y, g));
        check_results(tape, &node, &results);
        if clock.is_some() {
            tape.note_results(&node, &results);
        }
        for (input, result) in node.inputs().zip(results) {
            if let (Some(input), Some(result)) = (input, result)
                && matters(input)
            {
                accumulate(&mut cotangents[input], result);
            }
        }
        if let Some(clock) = clock {
            tape.note_cotangents(&node, clock, &cotangents);
        }
    }
    cotangents
}

/// The values that the rule of a computed node reads.
fn residuals<T: Float>(
    tape: &Tape<T>,
    id: NodeId,
    node: &Rc<Node<T>>,
    mode: Sweep,
    matters: impl Fn(NodeId) -> bool,
) -> (Inputs<T>, Output<T>) {
    let saved = match mode {
        Sweep::Once => node.saved.borrow_mut().free(),
        Sweep::Retain | Sweep::Record => node.saved.borrow().clone(),
    };
    assert!(
        !saved.freed,
        "backward: what node {id} ({} at {}) saved was freed by an earlier sweep; compute again, or make the \
         earlier sweep with backward_retaining or grad",
        node.name(),
        node.location
    );
    let (mut values, mut output) = (saved.inputs, saved.output);
    // A recorded sweep hands the rule the Vars of the tape, so that it is itself recorded.
    if mode == Sweep::Record {
        let both = values.iter_mut().zip(node.inputs());
        for (value, node) in both.chain([(&mut output, Some(id))]) {
            *value = value.take().map(|value| tape.var(value, node));
        }
    } else if tape.is_watched() {
        for value in values.iter_mut().chain([&mut output]) {
            *value = value.take().map(|value| tape.rule_constant(value));
        }
    }
    let needed = |i: usize| node.inputs[i].node.is_some_and(&matters);
    let x = Inputs {
        values,
        node: Rc::clone(node),
        needed: Needed::from_fn(node.inputs.len(), needed),
    };
    (x, Output(output))
}

/// Adds one use's cotangent to what the other uses gave. Only the sweep does this.
fn accumulate<T: Float>(total: &mut Option<Var<T>>, term: Var<T>) {
    *total = Some(match total.take() {
        None => term,
        Some(sum) if sum.is_tracked() || term.is_tracked() => &sum + &term,
        Some(sum) => {
            // A constant of the tape stays one: a recorded gradient must be fit for another sweep.
            let tape = sum.tape().or(term.tape()).cloned();
            let mut value = sum.into_value();
            value.add_assign(term.value());
            match tape {
                Some(tape) => Var::on_tape(value, tape),
                None => Var::constant(value),
            }
        }
    });
}

/// Holds every rule to its contract, and looks for anomalies if asked to.
fn check_results<T: Float>(tape: &Tape<T>, node: &Node<T>, results: &[Option<Var<T>>]) {
    assert!(
        results.len() == node.inputs.len(),
        "{}: the rule gave {} cotangents for {} inputs",
        node.name(),
        results.len(),
        node.inputs.len()
    );
    for (i, (result, input)) in results.iter().zip(&node.inputs).enumerate() {
        let Some(result) = result else { continue };
        assert!(
            *result.shape() == input.shape,
            "{}: the rule gave input {i}, of shape {}, a cotangent of shape {}",
            node.name(),
            input.shape,
            result.shape()
        );
        let mut detector = tape.detector().borrow_mut();
        if detector.is_on() {
            detector.inspect_backward(&node.name(), node.location, i, result.value());
        }
    }
}
