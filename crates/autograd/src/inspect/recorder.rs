//! Taking notes while a step runs: times, and values if asked for.
//!
//! Off by default. A tape that nobody watches is asked one question an operation, whether to look at
//! the clock, and that is all it costs.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use retrograd_tensor::Tensor;

use super::residuals::Residuals;
use super::trace::{Event, Given, Work};
use super::value::Value;
use crate::node::{Node, NodeId};
use crate::primitive::Primitive;
use crate::tape::Tape;
use crate::var::Var;

/// What was noted of a step so far.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Whether values are noted, too.
    values: bool,
    pub(super) nodes: HashMap<NodeId, Seen>,
    pub(super) events: Vec<Event>,
    /// What was computed of constants alone, outside of rules.
    pub(super) constants: Vec<Work>,
    /// As of the last sweep's start, before it let them go.
    pub(super) residuals: Residuals,
    /// Rules that are being run, the innermost last: that of a region holds the sweep of its insides.
    rules: Vec<Rule>,
    /// Cotangents that each node was given by the sweep that is on its way.
    uses: HashMap<NodeId, usize>,
}

/// What was noted of a node.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) seconds: Option<f64>,
    pub(super) value: Option<Value>,
    /// Those of its inputs that are constants, by position.
    pub(super) constants: Vec<Option<Value>>,
    /// The node whose rule recorded this one.
    pub(super) made_by: Option<NodeId>,
}

/// A rule that is being run.
#[derive(Debug)]
struct Rule {
    node: NodeId,
    operations: Vec<Work>,
    /// The inputs that it gave a cotangent, and their nodes.
    given: Vec<(usize, NodeId)>,
}

impl Recorder {
    fn value(&self, tensor: &Tensor) -> Option<Value> {
        self.values.then(|| Value::of(tensor))
    }

    fn see(&mut self, id: NodeId, seconds: Option<f64>, inputs: &[&Var], value: &Tensor) {
        let constant = |input: &&Var| {
            let constant = (!input.is_tracked()).then(|| self.value(input.value()));
            constant.flatten()
        };
        let seen = Seen {
            seconds,
            value: self.value(value),
            constants: inputs.iter().map(constant).collect(),
            made_by: self.rules.last().map(|rule| rule.node),
        };
        self.nodes.insert(id, seen);
        self.events.push(Event::Forward { node: id });
    }
}

/// Notes of a rule that are being taken; what comes after them is not of this rule, however it ended.
pub(crate) struct RuleNotes<'t> {
    tape: &'t Tape,
    started: Instant,
    /// How many rules were being run when this one started.
    depth: usize,
}

impl Drop for RuleNotes<'_> {
    #[cold]
    fn drop(&mut self) {
        self.tape
            .note(|recorder| recorder.rules.truncate(self.depth));
    }
}

/// Bytes of operands and result.
fn bytes(inputs: &[&Var], value: &Tensor) -> u64 {
    let inputs = inputs.iter().map(|input| input.value());
    let tensors = inputs.chain([value]);
    tensors
        .map(|t| (t.elements() * t.dtype().bytes()) as u64)
        .sum()
}

impl Tape {
    /// Also note how long each operation and each rule takes; see [`trace`](Self::trace).
    #[must_use]
    pub fn timing(self) -> Self {
        self.watch(false)
    }

    /// As [`timing`](Self::timing), and note what every value and every cotangent is like.
    ///
    /// Costs some passes over each, and keeps small ones whole.
    #[must_use]
    pub fn tracing(self) -> Self {
        self.watch(true)
    }

    fn watch(self, values: bool) -> Self {
        *self.recorder().borrow_mut() = Some(Box::new(Recorder {
            values,
            ..Recorder::default()
        }));
        self.set_watched();
        self
    }

    /// The time, if anybody wants to know.
    pub(crate) fn clock(&self) -> Option<Instant> {
        self.is_watched().then(Instant::now)
    }

    fn note(&self, write: impl FnOnce(&mut Recorder)) {
        if let Some(recorder) = self.recorder().borrow_mut().as_deref_mut() {
            write(recorder);
        }
    }

    /// A leaf is there.
    pub(crate) fn note_leaf(&self, id: NodeId, value: &Tensor) {
        if self.is_watched() {
            self.note(|recorder| recorder.see(id, None, &[], value));
        }
    }

    /// The value of node `id` was computed.
    #[cold]
    pub(crate) fn note_node(&self, id: NodeId, inputs: &[&Var], value: &Tensor, took: Duration) {
        let node = self.node(id);
        let seconds = took.as_secs_f64();
        self.note(|recorder| {
            recorder.see(id, Some(seconds), inputs, value);
            if let Some(rule) = recorder.rules.last_mut() {
                rule.operations.push(Work {
                    name: node.name(),
                    seconds,
                    flops: node.flops(),
                    bytes: bytes(inputs, value),
                });
            }
        });
    }

    /// `primitive` was computed of constants: in a rule, or beside the tape.
    #[cold]
    pub(crate) fn note_constant(
        &self,
        primitive: &dyn Primitive,
        inputs: &[&Var],
        value: &Tensor,
        took: Duration,
    ) {
        let shapes: Vec<_> = inputs.iter().map(|input| *input.shape()).collect();
        let work = Work {
            name: primitive.name().into_owned(),
            seconds: took.as_secs_f64(),
            flops: primitive.flops(&shapes, value.shape()),
            bytes: bytes(inputs, value),
        };
        self.note(|recorder| match recorder.rules.last_mut() {
            Some(rule) => rule.operations.push(work),
            None => recorder.constants.push(work),
        });
    }

    /// A constant for a rule: free, unless what the rule does with it is to be noted.
    pub(crate) fn rule_constant(&self, value: Var) -> Var {
        if self.is_watched() {
            value.constant_of(self)
        } else {
            value
        }
    }

    /// A sweep starts with this cotangent of node `id`.
    pub(crate) fn note_seed(&self, id: NodeId, cotangent: &Tensor) {
        if !self.is_watched() {
            return;
        }
        let residuals = self.residuals();
        self.note(|recorder| {
            if residuals.list.len() > recorder.residuals.list.len() {
                recorder.residuals = residuals;
            }
            if recorder.rules.is_empty() {
                recorder.uses.clear();
            }
            let cotangent = recorder.value(cotangent);
            recorder.events.push(Event::Seed {
                node: id,
                cotangent,
            });
        });
    }

    /// The rule of node `id` starts, if anybody wants to know.
    #[inline]
    pub(crate) fn note_rule(&self, id: NodeId) -> Option<RuleNotes<'_>> {
        self.is_watched().then(|| self.open_rule(id))
    }

    #[cold]
    fn open_rule(&self, id: NodeId) -> RuleNotes<'_> {
        let started = Instant::now();
        let mut depth = 0;
        self.note(|recorder| {
            depth = recorder.rules.len();
            recorder.rules.push(Rule {
                node: id,
                operations: Vec::new(),
                given: Vec::new(),
            });
        });
        RuleNotes {
            tape: self,
            started,
            depth,
        }
    }

    /// The rule that started last has these results.
    #[cold]
    pub(crate) fn note_results(&self, node: &Node, results: &[Option<Var>]) {
        let inputs = node.inputs().zip(results).enumerate();
        let given = inputs.filter_map(|(i, (id, result))| Some((i, result.as_ref().and(id)?)));
        self.note(|recorder| {
            if let Some(rule) = recorder.rules.last_mut() {
                rule.given.extend(given);
            }
        });
    }

    /// The results of the rule that started last are added to the other `cotangents`.
    #[cold]
    pub(crate) fn note_cotangents(
        &self,
        node: &Node,
        notes: &RuleNotes<'_>,
        cotangents: &[Option<Var>],
    ) {
        let seconds = notes.started.elapsed().as_secs_f64();
        self.note(|recorder| {
            let Some(rule) = recorder.rules.pop() else {
                return;
            };
            let mut gave = Vec::new();
            for &(input, id) in &rule.given {
                let Some(total) = &cotangents[id] else {
                    continue;
                };
                let uses = recorder.uses.entry(id).or_insert(0);
                *uses += 1;
                gave.push(Given {
                    input,
                    node: id,
                    uses: *uses,
                    total: recorder.values.then(|| Value::of(total.value())),
                });
            }
            // A rule of a recorded sweep is all operations on Vars.
            let recorded = cotangents.iter().flatten().any(Var::is_tracked);
            let own = if recorded { 0 } else { node.rule_flops() };
            recorder.events.push(Event::Rule {
                node: rule.node,
                seconds,
                flops: own + rule.operations.iter().map(|work| work.flops).sum::<u64>(),
                operations: rule.operations,
                gave,
            });
        });
    }

    /// The walk passes a leaf whose cotangent is complete.
    pub(crate) fn note_gradient(&self, id: NodeId) {
        if self.is_watched() {
            self.note(|recorder| recorder.events.push(Event::Gradient { node: id }));
        }
    }
}
