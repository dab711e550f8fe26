//! A step as data: the nodes, and what happened in which order.

use retrograd_tensor::DType;
use serde::Serialize;

use super::recorder::Seen;
use super::residuals::{Residual, Residuals};
use super::value::{Value, number};
use crate::node::NodeId;
use crate::tape::{Mode, Tape};

/// A step as data, made by [`Tape::trace`].
///
/// Times and values are there if the tape was made with [`timing`](Tape::timing) or
/// [`tracing`](Tape::tracing); everything else is there always.
///
/// ```
/// use retrograd_autograd::{Tape, inspect::Event};
/// use retrograd_tensor::Tensor;
///
/// let tape = Tape::new().tracing();
/// let x = tape.named_leaf("x", Tensor::scalar(3.0));
/// let _ = x.square().backward();
/// let trace = tape.trace();
/// assert_eq!((trace.nodes[1].formula.as_str(), trace.nodes[1].rule.as_str()), ("y = x²", "x̄ = g·2·x"));
/// let Event::Rule { gave, .. } = &trace.events[3] else { panic!("x, square, seed, rule") };
/// assert_eq!(gave[0].total.as_ref().unwrap().elements, Some(vec![6.0]));
/// std::fs::write(std::env::temp_dir().join("tape.html"), trace.to_html("x²")).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// The type of the elements, `f32` or `f64`, of the first node.
    pub element: &'static str,
    /// `training` or `evaluation`.
    pub mode: &'static str,
    /// In the order of creation.
    pub nodes: Vec<TracedNode>,
    /// What happened, in order. Without a sweep that was watched, that every node was computed.
    pub events: Vec<Event>,
    /// What was computed of constants alone, and so is no node.
    pub constants: Vec<Work>,
}

/// A node of a [`Trace`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TracedNode {
    /// The operation; a leaf's label.
    pub name: String,
    /// Whether the value was given from outside.
    pub leaf: bool,
    /// Attributes of the operation, for people.
    pub attributes: String,
    /// What it computes.
    pub formula: String,
    /// How it passes a cotangent back.
    pub rule: String,
    /// What it was computed from.
    pub inputs: Vec<TracedInput>,
    /// Size along each axis.
    pub shape: Vec<usize>,
    /// The source line that asked for it: `src/main.rs:5:14`.
    pub source: String,
    /// The node whose rule recorded this one, for derivatives of derivatives.
    pub made_by: Option<NodeId>,
    /// Bytes of its value.
    pub bytes: usize,
    /// Floating-point operations that computed the value.
    pub flops: u64,
    /// Time that computing the value took.
    pub seconds: Option<f64>,
    /// What it kept for its rule.
    pub saved: Vec<Residual>,
    /// The value.
    pub value: Option<Value>,
}

/// An input of a [`TracedNode`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TracedInput {
    /// The node; `None` for a constant.
    pub node: Option<NodeId>,
    /// Size along each axis.
    pub shape: Vec<usize>,
    /// The value of a constant; that of a node is the node's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A node's value came to be.
    Forward {
        /// The node.
        node: NodeId,
    },
    /// A sweep started.
    Seed {
        /// The node it started from.
        node: NodeId,
        /// The cotangent it was given, 1 for the derivative of a number.
        cotangent: Option<Value>,
    },
    /// A node's rule handed its cotangent on to its inputs.
    Rule {
        /// The node.
        node: NodeId,
        /// Time that the rule took, with adding to other cotangents.
        #[serde(serialize_with = "number")]
        seconds: f64,
        /// Floating-point operations of the rule.
        flops: u64,
        /// The operations on Vars that the rule consists of; none if it is one fused pass.
        operations: Vec<Work>,
        /// What the inputs received.
        gave: Vec<Given>,
    },
    /// The cotangent of a leaf is complete: it is the gradient.
    Gradient {
        /// The leaf.
        node: NodeId,
    },
}

/// A cotangent that a rule gave to an input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Given {
    /// Which input of the operation.
    pub input: usize,
    /// The node that is the input.
    pub node: NodeId,
    /// How many cotangents this node has been given by now.
    pub uses: usize,
    /// Their sum.
    pub total: Option<Value>,
}

/// An operation that was computed and is no node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Work {
    /// The operation.
    pub name: String,
    /// Time it took.
    #[serde(serialize_with = "number")]
    pub seconds: f64,
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes of operands and result.
    pub bytes: u64,
}

impl Tape {
    /// The element type of the first node.
    fn dtype(&self) -> DType {
        self.nodes()
            .first()
            .map_or_else(DType::default, |node| node.dtype())
    }

    /// What is known of this step.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let now = self.residuals();
        let recorder = self.recorder().borrow();
        let noted = recorder.as_deref();
        let earlier = noted.map(|recorder| &recorder.residuals);
        let kept = earlier
            .filter(|earlier| earlier.list.len() > now.list.len())
            .unwrap_or(&now);
        let nodes: Vec<TracedNode> = (0..self.len())
            .map(|id| {
                let seen = noted.and_then(|recorder| recorder.nodes.get(&id));
                self.traced(id, seen, kept)
            })
            .collect();
        let computed = || {
            (0..nodes.len())
                .map(|node| Event::Forward { node })
                .collect()
        };
        Trace {
            element: self.dtype().name(),
            mode: match self.mode() {
                Mode::Training => "training",
                Mode::Evaluation => "evaluation",
            },
            events: noted.map_or_else(computed, |recorder| recorder.events.clone()),
            constants: noted.map_or_else(Vec::new, |recorder| recorder.constants.clone()),
            nodes,
        }
    }

    fn traced(&self, id: NodeId, seen: Option<&Seen>, kept: &Residuals) -> TracedNode {
        let node = &self.nodes()[id];
        let constant = |i: usize| seen?.constants.get(i)?.clone();
        let inputs = node.inputs.iter().enumerate();
        let inputs = inputs.map(|(i, input)| TracedInput {
            node: input.node,
            shape: input.shape.to_vec(),
            value: constant(i),
        });
        let saved = kept.list.iter().filter(|residual| residual.node == id);
        TracedNode {
            name: node.name(),
            leaf: node.is_leaf(),
            attributes: node.attributes(),
            formula: node.formula(),
            rule: node.rule(),
            inputs: inputs.collect(),
            shape: node.shape().to_vec(),
            source: node.location().to_string(),
            made_by: seen.and_then(|seen| seen.made_by),
            bytes: node.bytes(),
            flops: node.flops(),
            seconds: seen.and_then(|seen| seen.seconds),
            saved: saved.cloned().collect(),
            value: seen.and_then(|seen| seen.value.clone()),
        }
    }
}
