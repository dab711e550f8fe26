//! What a backward sweep leaves: the cotangents of the leaves.

use retrograd_tensor::Tensor;

use crate::node::NodeId;
use crate::recycle;
use crate::tape::Identity;
use crate::var::Var;

/// The cotangents of the leaves after a backward sweep.
#[derive(Debug)]
pub struct Gradients {
    /// Whose leaves these are; node numbers mean nothing on another tape.
    pub(super) tape: Identity,
    /// In the order of the nodes.
    pub(super) by_node: Vec<(NodeId, Tensor)>,
    /// In the order of the keys.
    pub(super) keys: Vec<(u64, NodeId)>,
    /// Of keyed leaves that only the tapes of other gradients have, in the order of the keys.
    pub(super) others: Vec<(u64, Tensor)>,
}

impl Gradients {
    /// The gradient with respect to a leaf, or to an inner value that
    /// [retains](Var::retain_grad) it; `None` if the result does not depend on it.
    ///
    /// # Panics
    /// If the leaf belongs to another tape than the result, such as that of the step before, or is
    /// an inner value whose gradient was let go.
    #[track_caller]
    #[must_use]
    pub fn of(&self, leaf: &Var) -> Option<&Tensor> {
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

    /// The gradient with respect to the leaf of this key (see [`Tape::keyed_leaf`](crate::Tape::keyed_leaf)).
    #[must_use]
    pub fn of_key(&self, key: u64) -> Option<&Tensor> {
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
    ///     let tape = Tape::new();
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

    fn of_node(&self, node: NodeId) -> Option<&Tensor> {
        find(&self.by_node, node)
    }
}

/// What stands beside `key` in a list that is in the order of its keys.
fn find<K: Ord + Copy, V>(list: &[(K, V)], key: K) -> Option<&V> {
    let place = list.binary_search_by_key(&key, |&(key, _)| key).ok()?;
    Some(&list[place].1)
}

/// Adds to what stands beside `key` in a list that is in the order of its keys.
fn add<K: Ord + Copy>(list: &mut Vec<(K, Tensor)>, key: K, term: &Tensor) {
    match list.binary_search_by_key(&key, |&(key, _)| key) {
        Ok(place) => list[place].1.add_assign(term),
        Err(place) => list.insert(place, (key, term.clone())),
    }
}

impl Drop for Gradients {
    fn drop(&mut self) {
        recycle::give_list(std::mem::take(&mut self.by_node));
        recycle::give_list(std::mem::take(&mut self.keys));
    }
}
