//! The backward sweep: cotangents flow from the result to everything before it.
//!
//! ```text
//! ḡ(v) = Σ ḡ(u) ∂u/∂v    over all u that are computed from v
//! ```
//!
//! One walk over the tape, from the last node to the first: when it reaches a node all its uses are
//! behind it, so its cotangent is complete, and the node's rule passes it on to its inputs.

use std::rc::Rc;

use retrograd_tensor::Tensor;

use crate::checkpoint::Region;
use crate::derivative::{Derivatives, NoDerivative};
use crate::lift;
use crate::node::{Kind, Node, NodeId, Operand};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Residuals};
use crate::recycle;
use crate::tape::Tape;
use crate::var::Var;

/// What to leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// Plain numbers; saved values are freed as the walk passes them.
    Once,
    /// Plain numbers; saved values stay for another sweep.
    Retain,
    /// Cotangents recorded on the tape like any computation, ready to be differentiated again.
    Record,
}

/// Where to start.
pub(crate) struct Start {
    /// The result.
    pub(crate) node: NodeId,
    /// Its cotangent.
    pub(crate) cotangent: Var,
    /// What other nodes have got before the sweep.
    pub(crate) before: Vec<(NodeId, Var)>,
}

/// For each node up to `last`: whether it is one of `wanted` or computed from one.
pub(crate) fn leads_to(tape: &Tape, last: NodeId, wanted: &[NodeId]) -> Vec<bool> {
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
/// the tape. Cotangents of inner nodes are let go then, unless the sweep is recorded or
/// somebody [retains](Var::retain_grad) them.
pub(crate) fn sweep(
    tape: &Tape,
    start: Start,
    mode: Sweep,
    matters: impl Fn(NodeId) -> bool,
) -> Result<Vec<Option<Var>>, NoDerivative> {
    let last = start.node;
    let mut cotangents: Vec<Option<Var>> = recycle::list();
    let others = start.before.iter().map(|(id, _)| *id);
    cotangents.resize(others.fold(last, usize::max) + 1, None);
    for (id, cotangent) in start.before {
        cotangents[id] = Some(cotangent);
    }
    accumulate(&mut cotangents[last], start.cotangent);
    if let Some(cotangent) = &cotangents[last] {
        tape.note_seed(last, cotangent.raw());
    }
    let mut hooks = tape.hooks();
    for id in (0..=last).rev() {
        let mut keep = mode == Sweep::Record;
        while let Some(own) = hooks.pop_if(|hooks| hooks.node >= id) {
            if own.node == id && matters(id) {
                cotangents[id] = cotangents[id].take().map(|g| own.pass(tape, g));
                keep |= own.retained;
            }
        }
        if cotangents[id].is_none() || !matters(id) {
            continue;
        }
        let node = tape.node(id);
        if node.is_leaf() {
            tape.note_gradient(id);
            continue;
        }
        if mode != Sweep::Record && !keep && add_in_place(tape, &node, id, &mut cotangents) {
            continue;
        }
        let notes = tape.note_rule(id);
        let (x, y) = residuals(tape, id, &node, mode, &matters);
        let g = if keep {
            cotangents[id].clone()
        } else {
            cotangents[id].take()
        };
        let Some(g) = g else { continue };
        let mut results = match &node.kind {
            Kind::Computed(primitive) => rule(tape, &node, &**primitive, (&x, &y, &g), mode),
            Kind::Region(region) => {
                through(tape, &node, region, (&x, &g), mode, &mut cotangents)?;
                Cotangents::new()
            }
            Kind::End(error) => return Err(NoDerivative::clone(error)),
            Kind::Leaf(_) => continue,
        };
        drop((x, y, g));
        if notes.is_some() {
            tape.note_results(&node, &results);
        }
        for (input, result) in node.inputs().zip(&mut results) {
            if let (Some(input), Some(result)) = (input, result.take())
                && matters(input)
            {
                accumulate(&mut cotangents[input], result);
            }
        }
        if let Some(notes) = notes {
            tape.note_cotangents(&node, &notes, &cotangents);
        }
    }
    Ok(cotangents)
}

/// Adds the cotangent of a part to that of the whole, where the whole has one already and nobody
/// watches; false if that is not how this node works.
#[inline]
fn add_in_place(tape: &Tape, node: &Node, id: NodeId, cotangents: &mut [Option<Var>]) -> bool {
    let (Kind::Computed(primitive), [input]) = (&node.kind, &node.inputs[..]) else {
        return false;
    };
    let Some(input) = input.node else {
        return false;
    };
    if tape.is_watched() || tape.detector().borrow().is_on() {
        return false;
    }
    if cotangents[id].as_ref().is_none_or(Var::is_lifted) {
        return false;
    }
    let Some(total) = cotangents[input].take_if(|total| !total.is_recorded()) else {
        return false;
    };
    let Some(g) = &cotangents[id] else {
        unreachable!("the walk passes nodes that have a cotangent")
    };
    let (on, mut value) = (total.tape().cloned(), total.into_value());
    let added = primitive.add_cotangent(g.value(), &mut value);
    cotangents[input] = Some(untracked(value, on));
    if added {
        cotangents[id] = None;
    }
    added
}

/// A constant, of a tape if there is one: a recorded gradient must be fit for another sweep.
#[inline]
fn untracked(value: Tensor, tape: Option<Tape>) -> Var {
    match tape {
        Some(tape) => Var::on_tape(value, tape),
        None => Var::constant(value),
    }
}

/// What the rule of a node gives.
#[inline]
fn rule(
    tape: &Tape,
    node: &Node,
    primitive: &dyn Primitive,
    (x, y, g): (&Inputs, &Output, &Var),
    mode: Sweep,
) -> Cotangents {
    let results = tape.on_behalf_of(node, || {
        let looks_at_values = primitive.derivatives() != Derivatives::Every;
        if looks_at_values {
            lift::refuse_to_move(node, x, y, g);
            if let Some(members) = lift::batch_of(x, y, g) {
                return lift::rule_one_by_one(primitive, (x, y, g), members);
            }
        }
        if y.has_residuals() {
            return primitive.vjp(x, y, &lift::beside(g, y));
        }
        primitive.vjp(x, y, g)
    });
    #[cfg(test)]
    let results = crate::check::mutation::spoil(node, g, results);
    check_results(node, &results);
    if tape.detector().borrow().is_on() {
        inspect_results(tape, node, x, g, &results);
    }
    if mode == Sweep::Record && primitive.derivatives() == Derivatives::First {
        end(tape, node, g, results)
    } else {
        results
    }
}

/// Takes the cotangents of a region's inputs through the region's own sweep, which adds to them.
fn through(
    tape: &Tape,
    node: &Node,
    region: &Region,
    (x, g): (&Inputs, &Var),
    mode: Sweep,
    cotangents: &mut [Option<Var>],
) -> Result<(), NoDerivative> {
    let take = |input: Option<NodeId>| cotangents[input?].take();
    let mut totals: Cotangents = node.inputs().map(take).collect();
    region.sweep(tape, x, g.clone(), mode, &mut totals)?;
    if tape.is_watched() {
        tape.note_results(node, &totals);
    }
    for (input, total) in node.inputs().zip(totals) {
        if let Some(input) = input {
            cotangents[input] = total;
        }
    }
    Ok(())
}

/// Cotangents that nobody knows the history of, as Vars that refuse to be differentiated.
fn end(tape: &Tape, node: &Node, g: &Var, results: Cotangents) -> Cotangents {
    let refuse = |result: Var| {
        let id = tape.record(|end| {
            end.kind = Kind::End(Box::new(NoDerivative {
                operation: node.name(),
                location: node.location,
                of_rule: true,
            }));
            end.shape = *result.shape();
            end.dtype = result.dtype();
            end.location = node.location;
            end.inputs.extend_from_slice(&node.inputs);
            end.inputs.push(Operand::of(g));
        });
        result.tracked_as(tape, id)
    };
    results
        .into_iter()
        .map(|result| result.map(refuse))
        .collect()
}

/// The values that the rule of a computed node reads.
#[inline]
fn residuals(
    tape: &Tape,
    id: NodeId,
    node: &Rc<Node>,
    mode: Sweep,
    matters: impl Fn(NodeId) -> bool,
) -> (Inputs, Output) {
    let mut saved = node.saved.borrow_mut();
    if saved.freed {
        refuse_again(id, node);
    }
    // Each part by itself: together they are too long to be moved in registers.
    let (mut values, output);
    let mut residuals = Residuals::default();
    if mode == Sweep::Once {
        saved.freed = true;
        values = std::mem::take(&mut saved.inputs);
        output = saved.output.take();
        if !saved.residuals.is_empty() {
            residuals = saved.residuals.drain(..).collect();
        }
    } else {
        values = saved.inputs.clone();
        output = saved.output.clone();
        if !saved.residuals.is_empty() {
            residuals = saved.residuals.iter().cloned().collect();
        }
    }
    drop(saved);
    let mut output = Output {
        value: output,
        residuals,
    };
    // A recorded sweep hands the rule the Vars of the tape, so that it is itself recorded.
    if mode == Sweep::Record {
        let both = values.iter_mut().zip(node.inputs());
        for (value, node) in both.chain([(&mut output.value, Some(id))]) {
            *value = value.take().map(|value| tape.var(value, node));
        }
        output.residuals.map(|residual| residual.constant_of(tape));
    } else if tape.is_watched() {
        for value in values.iter_mut().chain([&mut output.value]) {
            *value = value.take().map(|value| tape.rule_constant(value));
        }
        output.residuals.map(|residual| residual.constant_of(tape));
    }
    let needed = |i: usize| node.inputs[i].node.is_some_and(&matters);
    let x = Inputs {
        values,
        node: Rc::clone(node),
        needed: Needed::from_fn(node.inputs.len(), needed),
    };
    (x, output)
}

#[cold]
fn refuse_again(id: NodeId, node: &Node) -> ! {
    panic!(
        "backward: what node {id} ({} at {}) saved was freed by an earlier sweep; compute again, or make the earlier \
         sweep with backward_retaining or grad",
        node.name(),
        node.location
    )
}

/// Adds one use's cotangent to what the other uses gave. Only the sweep does this.
#[inline]
fn accumulate(total: &mut Option<Var>, term: Var) {
    *total = Some(match total.take() {
        None => term,
        Some(sum) if sum.is_recorded() || term.is_recorded() => &sum + &term,
        Some(sum) => {
            let tape = sum.tape().or(term.tape()).cloned();
            let mut value = sum.into_value();
            value.add_assign(term.value());
            untracked(value, tape)
        }
    });
}

/// Holds every rule to its contract.
#[inline]
fn check_results(node: &Node, results: &[Option<Var>]) {
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
        assert!(
            result.dtype() == input.dtype,
            "{}: the rule gave input {i}, of type {}, a cotangent of type {}",
            node.name(),
            input.dtype,
            result.dtype()
        );
    }
}

/// Looks for anomalies in what a rule gave.
#[cold]
fn inspect_results(tape: &Tape, node: &Node, x: &Inputs, g: &Var, results: &[Option<Var>]) {
    let mut known = vec![("its cotangent".to_owned(), g.raw())];
    for (i, value) in x.values.iter().enumerate() {
        let value = value
            .as_ref()
            .map(|value| (format!("input {i}"), value.raw()));
        known.extend(value);
    }
    let mut detector = tape.detector().borrow_mut();
    for (i, result) in results.iter().enumerate() {
        if let Some(result) = result {
            detector.inspect_backward(&node.name(), node.location, i, result.raw(), &known);
        }
    }
}
