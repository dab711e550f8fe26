//! The backward sweep: cotangents flow from the result to everything before it.

use std::rc::Rc;

use retrograd_tensor::{Float, Shape, Tensor};

use crate::checkpoint::Region;
use crate::derivative::{Derivatives, NoDerivative, OrNoDerivative};
use crate::node::{Kind, Node, NodeId, Operand};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive};
use crate::recycle;
use crate::tape::{Identity, Tape};
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
pub(crate) struct Start<T: Float> {
    /// The result.
    pub(crate) node: NodeId,
    /// Its cotangent.
    pub(crate) cotangent: Var<T>,
    /// What other nodes have got before the sweep.
    pub(crate) before: Vec<(NodeId, Var<T>)>,
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
    /// Of keyed leaves that only the tapes of other gradients have, in the order of the keys.
    others: Vec<(u64, Tensor<T>)>,
}

impl<T: Float> Gradients<T> {
    /// The gradient with respect to a leaf, or to an inner value that
    /// [retains](Var::retain_grad) it; `None` if the result does not depend on it.
    ///
    /// # Panics
    /// If the leaf belongs to another tape than the result, such as that of the step before, or is
    /// an inner value whose gradient was let go.
    #[track_caller]
    #[must_use]
    pub fn of(&self, leaf: &Var<T>) -> Option<&Tensor<T>> {
        let (tape, node) = (leaf.tape()?, leaf.node()?);
        assert!(
            tape.identity() == self.tape,
            "gradients: node {node} ({}) is a leaf of another tape than the result",
            leaf.origin()
        );
        let found = self.of_node(node);
        assert!(
            found.is_some() || tape.node(node).is_leaf() || tape.retains(node),
            "gradients: node {node} ({}) is an inner value, whose gradient was let go; call retain_grad() on it before \
             the sweep, or use grad",
            leaf.origin()
        );
        found
    }

    /// The gradient with respect to the leaf of this key (see [`Tape::keyed_leaf`]).
    #[must_use]
    pub fn of_key(&self, key: u64) -> Option<&Tensor<T>> {
        let own = find(&self.keys, key).and_then(|&node| self.of_node(node));
        own.or_else(|| find(&self.others, key))
    }

    /// Adds the gradients of another sweep, in place where nobody else holds the numbers.
    ///
    /// Those of another sweep over the same tape are added leaf by leaf. Those of another step are
    /// added key by key, as the parts of a batch that is too large for one step; leaves without a key
    /// are of their own tape alone and are left out.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let weight = Tensor::scalar(2.0);
    /// let part = |x: f64| {
    ///     let tape = Tape::<f64>::new();
    ///     let w = tape.keyed_leaf(0, "weight", weight.clone());
    ///     (w * x).square().backward() // slope 2wx²
    /// };
    /// let mut total = part(1.0);
    /// total.accumulate(&part(3.0));
    /// total.scale(0.5);
    /// assert_eq!(total.of_key(0).unwrap().item(), 20.0);
    /// ```
    pub fn accumulate(&mut self, other: &Self) {
        if self.tape == other.tape {
            for (node, gradient) in &other.by_node {
                add(&mut self.by_node, *node, gradient);
            }
        } else {
            let own = other
                .keys
                .iter()
                .filter_map(|(key, node)| Some((key, other.of_node(*node)?)));
            for (key, gradient) in own {
                match find(&self.keys, *key) {
                    Some(&node) => add(&mut self.by_node, node, gradient),
                    None => add(&mut self.others, *key, gradient),
                }
            }
        }
        for (key, gradient) in &other.others {
            match find(&self.keys, *key) {
                Some(&node) => add(&mut self.by_node, node, gradient),
                None => add(&mut self.others, *key, gradient),
            }
        }
    }

    /// Multiplies all gradients by `factor`, such as 1 / the number of parts of a batch.
    pub fn scale(&mut self, factor: f64) {
        let own = self.by_node.iter_mut().map(|(_, gradient)| gradient);
        let others = self.others.iter_mut().map(|(_, gradient)| gradient);
        for gradient in own.chain(others) {
            *gradient = gradient.scale(factor);
        }
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

/// Adds to what stands beside `key` in a list that is in the order of its keys.
fn add<K: Ord + Copy, T: Float>(list: &mut Vec<(K, Tensor<T>)>, key: K, term: &Tensor<T>) {
    match list.binary_search_by_key(&key, |&(key, _)| key) {
        Ok(place) => list[place].1.add_assign(term),
        Err(place) => list.insert(place, (key, term.clone())),
    }
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
    /// If this is not a tracked single number, saved values it needs were freed before, or an
    /// operation has no derivative.
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
        self.backward_with(cotangent, Sweep::Once)
    }

    #[track_caller]
    fn backward_with(&self, cotangent: &Tensor<T>, mode: Sweep) -> Gradients<T> {
        self.try_backward(cotangent, mode)
            .or_no_derivative("backward")
    }

    /// The sweep from this Var's cotangent.
    #[track_caller]
    pub(crate) fn try_backward(
        &self,
        cotangent: &Tensor<T>,
        mode: Sweep,
    ) -> Result<Gradients<T>, NoDerivative> {
        let (tape, node) = self.tracked_parts("backward");
        self.check_cotangent(cotangent.shape());
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
    pub(crate) fn check_cotangent(&self, cotangent: &Shape) {
        assert!(
            cotangent == self.shape(),
            "backward: a cotangent of shape {cotangent} for a result of shape {}; a cotangent has the shape of its \
             value, as Tensor::ones({}) has",
            self.origin(),
            self.shape()
        );
    }

    #[track_caller]
    pub(crate) fn unit_cotangent(&self) -> Tensor<T> {
        assert!(
            self.elements() == 1,
            "backward: the result has shape {}, not a single number; reduce it (.sum(..), .mean(..)) or give a \
             cotangent with backward_from",
            self.origin()
        );
        Tensor::constant(self.shape(), T::ONE)
    }

    #[track_caller]
    fn tracked_parts(&self, asked: &str) -> (&Tape<T>, NodeId) {
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
/// let tape = Tape::<f64>::new();
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
pub fn grad<T: Float>(y: &Var<T>, xs: &[&Var<T>]) -> Vec<Var<T>> {
    try_grad(y, xs).or_no_derivative("grad")
}

/// As [`grad`], with an error where an operation on the way has no derivative.
///
/// # Errors
/// If an operation on the way from `xs` to `y` has no derivative, or its derivative has none. The
/// operations of this crate have derivatives of every order; those from outside say what they have,
/// see [`Primitive::derivatives`].
///
/// # Panics
/// As [`grad`] in all other cases.
#[track_caller]
pub fn try_grad<T: Float>(y: &Var<T>, xs: &[&Var<T>]) -> Result<Vec<Var<T>>, NoDerivative> {
    let Some(tape) = y.tape() else {
        panic!("grad: the result is a constant of no tape, so it has no derivative");
    };
    pull(y, tape.constant(y.unit_cotangent()), xs)
}

/// The cotangents of `xs` for that of `y`, a Var of some tape, recorded.
#[track_caller]
pub(crate) fn pull<T: Float>(
    y: &Var<T>,
    cotangent: Var<T>,
    xs: &[&Var<T>],
) -> Result<Vec<Var<T>>, NoDerivative> {
    let Some(tape) = cotangent.tape().cloned() else {
        panic!("grad: the result is a constant of no tape, so it has no derivative");
    };
    let wanted: Vec<NodeId> = xs.iter().map(|x| x.tracked_parts("grad").1).collect();
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
    // The derivative of something linear is a constant of the tape: it depends on nothing.
    let cotangents = match y.node() {
        Some(node) => {
            let leads = leads_to(&tape, node, &wanted);
            let start = Start {
                node,
                cotangent,
                before: Vec::new(),
            };
            sweep(&tape, start, Sweep::Record, |id| leads[id])?
        }
        None => Vec::new(),
    };
    let zeros = |x: &Var<T>| tape.constant(Tensor::constant(x.shape(), T::ZERO));
    let cotangent = |id: NodeId| cotangents.get(id).cloned().flatten();
    Ok(wanted
        .iter()
        .zip(xs)
        .map(|(&id, x)| cotangent(id).unwrap_or_else(|| zeros(x)))
        .collect())
}

/// For each node up to `last`: whether it is one of `wanted` or computed from one.
pub(crate) fn leads_to<T: Float>(tape: &Tape<T>, last: NodeId, wanted: &[NodeId]) -> Vec<bool> {
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
pub(crate) fn sweep<T: Float>(
    tape: &Tape<T>,
    start: Start<T>,
    mode: Sweep,
    matters: impl Fn(NodeId) -> bool,
) -> Result<Vec<Option<Var<T>>>, NoDerivative> {
    let last = start.node;
    let mut cotangents: Vec<Option<Var<T>>> = recycle::list();
    let others = start.before.iter().map(|(id, _)| *id);
    cotangents.resize(others.fold(last, usize::max) + 1, None);
    for (id, cotangent) in start.before {
        cotangents[id] = Some(cotangent);
    }
    accumulate(&mut cotangents[last], start.cotangent);
    if let Some(cotangent) = &cotangents[last] {
        tape.note_seed(last, cotangent.value());
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
        let notes = tape.note_rule(id);
        let (x, y) = residuals(tape, id, &node, mode, &matters);
        let g = if keep {
            cotangents[id].clone()
        } else {
            cotangents[id].take()
        };
        let Some(g) = g else { continue };
        let results = match &node.kind {
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
        for (input, result) in node.inputs().zip(results) {
            if let (Some(input), Some(result)) = (input, result)
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

/// What the rule of a node gives.
fn rule<T: Float>(
    tape: &Tape<T>,
    node: &Node<T>,
    primitive: &dyn Primitive<T>,
    (x, y, g): (&Inputs<T>, &Output<T>, &Var<T>),
    mode: Sweep,
) -> Cotangents<T> {
    let results = tape.on_behalf_of(node, || primitive.vjp(x, y, g));
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
fn through<T: Float>(
    tape: &Tape<T>,
    node: &Node<T>,
    region: &Region<T>,
    (x, g): (&Inputs<T>, &Var<T>),
    mode: Sweep,
    cotangents: &mut [Option<Var<T>>],
) -> Result<(), NoDerivative> {
    let take = |input: Option<NodeId>| cotangents[input?].take();
    let mut totals: Cotangents<T> = node.inputs().map(take).collect();
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
fn end<T: Float>(
    tape: &Tape<T>,
    node: &Node<T>,
    g: &Var<T>,
    results: Cotangents<T>,
) -> Cotangents<T> {
    let refuse = |result: Var<T>| {
        let id = tape.record(|end| {
            end.kind = Kind::End(Box::new(NoDerivative {
                operation: node.name(),
                location: node.location,
                of_rule: true,
            }));
            end.shape = *result.shape();
            end.location = node.location;
            end.inputs.extend_from_slice(&node.inputs);
            end.inputs.push(Operand {
                node: g.node(),
                shape: *g.shape(),
            });
        });
        Var::tracked(result.into_value(), tape.clone(), id)
    };
    results
        .into_iter()
        .map(|result| result.map(refuse))
        .collect()
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

/// Holds every rule to its contract.
fn check_results<T: Float>(node: &Node<T>, results: &[Option<Var<T>>]) {
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
    }
}

/// Looks for anomalies in what a rule gave.
#[cold]
fn inspect_results<T: Float>(
    tape: &Tape<T>,
    node: &Node<T>,
    x: &Inputs<T>,
    g: &Var<T>,
    results: &[Option<Var<T>>],
) {
    let mut known = vec![("its cotangent".to_owned(), g.value())];
    for (i, value) in x.values.iter().enumerate() {
        let value = value
            .as_ref()
            .map(|value| (format!("input {i}"), value.value()));
        known.extend(value);
    }
    let mut detector = tape.detector().borrow_mut();
    for (i, result) in results.iter().enumerate() {
        if let Some(result) = result {
            detector.inspect_backward(&node.name(), node.location, i, result.value(), &known);
        }
    }
}
