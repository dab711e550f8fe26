//! Computing again instead of keeping: a part of the computation whose insides are forgotten.
//!
//! A tape keeps what its rules will read, so a network of n layers keeps n layers of values until
//! the sweep comes by. A *region* keeps its inputs alone. When the sweep reaches it, the region is
//! computed again, this time recorded, and swept at once:
//!
//! ```text
//! forward    x ──[ region, unrecorded ]──► y          kept: x
//! sweep      x ──[ region, recorded   ]──► y   ◄── ȳ  kept meanwhile: the insides of this one region
//! ```
//!
//! With √n regions of √n layers each, what is kept at any time is about 2√n layers of values, for
//! one more forward pass (Griewank 1992; Chen, Xu, Zhang and Guestrin 2016).
//!
//! The second run draws the same random numbers as the first, from a copy of the stream. And its
//! sweep starts from the cotangents that later uses of the inputs have given, so that sums are added
//! up in the order of a plain run. So gradients are the same bits as without regions.

use std::borrow::Cow;
use std::fmt;

use retrograd_tensor::Tensor;
use retrograd_tensor::random::{self, Rng};

use crate::derivative::NoDerivative;
use crate::node::{Kind, NodeId, Operand};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::sweep::{Start, Sweep, leads_to, sweep};
use crate::tape::Tape;
use crate::var::{Var, common_tape};

/// Computes `region` at `inputs` without keeping its inner values; the sweep computes them again.
///
/// The region must compute the same thing both times: from its inputs, keyed leaves (parameters) and
/// the random stream of its tape. A Var from outside that is tracked has to be among the inputs.
/// Regions may hold regions. Derivatives of every order exist; a recorded sweep ([`grad`](crate::grad))
/// records the region's insides, so it saves nothing.
///
/// What a region changes as it runs, such as running means, would change twice; such code asks
/// [`Tape::is_recomputing`].
///
/// ```
/// use retrograd_autograd::{Tape, checkpoint};
/// use retrograd_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(0.5));
/// let y = checkpoint(&[&x], |x| x[0].sin().exp().tanh());
/// assert_eq!(tape.len(), 2); // x, and one node for three operations
///
/// let plain = x.sin().exp().tanh();
/// let slope = y.backward().of(&x).unwrap().item();
/// assert_eq!(slope, plain.backward().of(&x).unwrap().item());
/// ```
///
/// # Panics
/// If the inputs belong to different tapes, or the region uses a tracked Var that is not among them.
#[track_caller]
#[must_use]
pub fn checkpoint(inputs: &[&Var], region: impl Fn(&[Var]) -> Var + 'static) -> Var {
    // A batch or a dual goes through as it is: only plain steps are computed again.
    if inputs.iter().any(|input| input.is_lifted()) {
        return region(
            &inputs
                .iter()
                .map(|&input| input.clone())
                .collect::<Vec<_>>(),
        );
    }
    let Some(tape) = common_tape(&|| "checkpoint".into(), inputs) else {
        return region(&constants(inputs));
    };
    let location = tape.location();
    let (y, operands, region) = Region::first_run("checkpoint", tape, inputs, region);
    if operands.iter().all(|operand| !operand.is_tracked()) {
        return tape.constant(y);
    }
    let id = tape.record(|node| {
        node.kind = Kind::Region(Box::new(region));
        node.shape = *y.shape();
        node.dtype = y.dtype();
        node.location = location;
        for operand in operands {
            node.inputs.push(Operand::of(&operand));
            let value = Var::constant(operand.into_value());
            node.saved.get_mut().inputs.push(Some(value));
        }
    });
    Var::tracked(y, tape.clone(), id)
}

fn constants(inputs: &[&Var]) -> Vec<Var> {
    inputs.iter().map(|input| input.stop_gradient()).collect()
}

/// A function of several Vars.
type Function = Box<dyn Fn(&[Var]) -> Var>;

/// What computes a region again.
pub(crate) struct Region {
    run: Function,
    /// The random stream as it was before the region.
    rng: Rng,
    /// Which operand of the node each argument is; the same Var twice is one operand.
    arguments: Vec<usize>,
    /// Which operand each keyed leaf is.
    keys: Vec<(u64, usize)>,
}

/// How keyed leaves are found while a region runs.
#[derive(Debug)]
pub(crate) enum Scope {
    /// The first time: as constants, and it is noted which ones.
    Noting(Vec<(u64, Var)>),
    /// Again: as what stands for them.
    Given(Vec<(u64, Var)>),
}

impl Scope {
    /// The keyed leaf, if the region has met it.
    #[track_caller]
    pub(crate) fn find(&self, key: u64, name: &str) -> Option<Var> {
        let of_key = |leaves: &[(u64, Var)]| {
            let found = leaves.iter().find(|(known, _)| *known == key);
            found.map(|(_, leaf)| leaf.clone())
        };
        match self {
            Self::Noting(leaves) => of_key(leaves).map(|leaf| leaf.stop_gradient()),
            Self::Given(leaves) => Some(of_key(leaves).unwrap_or_else(|| {
                panic!(
                    "checkpoint: in the sweep the region uses `{name}`, which it did not use the first time; a region \
                     has to compute the same thing both times"
                )
            })),
        }
    }

    /// Notes a keyed leaf that the region meets for the first time.
    pub(crate) fn note(&mut self, key: u64, leaf: Var) -> Var {
        let (Self::Noting(leaves) | Self::Given(leaves)) = self;
        leaves.push((key, leaf.clone()));
        leaf.stop_gradient()
    }

    pub(crate) fn into_leaves(self) -> Vec<(u64, Var)> {
        let (Self::Noting(leaves) | Self::Given(leaves)) = self;
        leaves
    }
}

impl Region {
    /// Runs `run` once without recording it: its value, its operands and what runs it again.
    #[track_caller]
    pub(crate) fn first_run(
        asked: &str,
        tape: &Tape,
        inputs: &[&Var],
        run: impl Fn(&[Var]) -> Var + 'static,
    ) -> (Tensor, Vec<Var>, Self) {
        let rng = tape.random(|rng| random::copy(rng));
        let scope = tape.open(Scope::Noting(Vec::new()));
        let y = run(&constants(inputs));
        let keyed = scope.close();
        assert!(
            !y.is_tracked(),
            "{asked}: the region uses a tracked Var that is not among its inputs; pass it as one of them"
        );
        let (operands, region) = Self::new(run, rng, inputs, &keyed);
        (y.into_value(), operands, region)
    }

    /// The region and its operands: the arguments, then keyed leaves, no node twice.
    fn new(
        run: impl Fn(&[Var]) -> Var + 'static,
        rng: Rng,
        arguments: &[&Var],
        keyed: &[(u64, Var)],
    ) -> (Vec<Var>, Self) {
        let mut operands: Vec<Var> = Vec::new();
        let mut place = |var: &Var| {
            let same = |operand: &Var| operand.is_tracked() && operand.node() == var.node();
            operands.iter().position(same).unwrap_or_else(|| {
                operands.push(var.clone());
                operands.len() - 1
            })
        };
        let arguments = arguments.iter().map(|argument| place(argument)).collect();
        let keys = keyed
            .iter()
            .map(|(key, leaf)| (*key, place(leaf)))
            .collect();
        let run = Box::new(run);
        let region = Self {
            run,
            rng,
            arguments,
            keys,
        };
        (operands, region)
    }

    /// Adds to the cotangents of the operands, `totals`, what comes to them through the region.
    pub(crate) fn sweep(
        &self,
        tape: &Tape,
        x: &Inputs,
        g: Var,
        mode: Sweep,
        totals: &mut [Option<Var>],
    ) -> Result<(), NoDerivative> {
        if mode == Sweep::Record {
            self.sweep_recorded(tape, x, g, totals)
        } else {
            self.sweep_plain(tape, x, g, totals)
        }
    }

    /// On a tape of its own, which is gone afterwards.
    fn sweep_plain(
        &self,
        outer: &Tape,
        x: &Inputs,
        g: Var,
        totals: &mut [Option<Var>],
    ) -> Result<(), NoDerivative> {
        let tape = Tape::beside(outer, random::copy(&self.rng));
        let operand = |i: usize| {
            let value = x[i].value().clone();
            if x.needs(i) {
                tape.leaf(value)
            } else {
                tape.constant(value)
            }
        };
        let operands: Vec<Var> = (0..x.len()).map(operand).collect();
        let y = self.run_again(&tape, &operands);
        let Some(last) = y.node() else { return Ok(()) };
        drop(y);
        let start = start(last, g, &operands, totals);
        let result = sweep(&tape, start, Sweep::Once, |_| true);
        outer.take_anomaly(&tape);
        hand_back(&operands, &mut result?, totals);
        Ok(())
    }

    /// On the tape itself, so that it can be differentiated again.
    fn sweep_recorded(
        &self,
        tape: &Tape,
        x: &Inputs,
        g: Var,
        totals: &mut [Option<Var>],
    ) -> Result<(), NoDerivative> {
        // An operand may have been computed from another one. As other nodes, they are independent.
        let operand = |i: usize| {
            if x.needs(i) {
                Var::apply(Alias, &[&x[i]])
            } else {
                x[i].stop_gradient()
            }
        };
        let operands: Vec<Var> = (0..x.len()).map(operand).collect();
        let y = self.run_again(tape, &operands);
        let Some(last) = y.node() else { return Ok(()) };
        let wanted: Vec<NodeId> = operands.iter().filter_map(Var::node).collect();
        let leads = leads_to(tape, last, &wanted);
        let start = start(last, g, &operands, totals);
        let mut result = sweep(tape, start, Sweep::Record, |id| leads[id])?;
        hand_back(&operands, &mut result, totals);
        Ok(())
    }

    /// The region once more, with the noise of the first time.
    pub(crate) fn run_again(&self, tape: &Tape, operands: &[Var]) -> Var {
        let _restore = tape.rewound(random::copy(&self.rng));
        let arguments: Vec<Var> = self
            .arguments
            .iter()
            .map(|&i| operands[i].clone())
            .collect();
        let keyed = self.keys.iter().map(|&(key, i)| (key, operands[i].clone()));
        let _scope = tape.open(Scope::Given(keyed.collect()));
        (self.run)(&arguments)
    }
}

/// Where the region's sweep starts: from the result's cotangent, on top of what the operands have got
/// already.
fn start(node: NodeId, cotangent: Var, operands: &[Var], totals: &mut [Option<Var>]) -> Start {
    let pairs = operands.iter().zip(totals);
    let before = pairs.filter_map(|(operand, total)| Some((operand.node()?, total.take()?)));
    Start {
        node,
        cotangent,
        before: before.collect(),
    }
}

fn hand_back(operands: &[Var], cotangents: &mut [Option<Var>], totals: &mut [Option<Var>]) {
    for (operand, total) in operands.iter().zip(totals) {
        if let Some(node) = operand.node()
            && let Some(cotangent) = cotangents.get_mut(node)
        {
            *total = cotangent.take();
        }
    }
}

/// The value itself, as another node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias;

impl Primitive for Alias {
    fn name(&self) -> Cow<'static, str> {
        "alias".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].clone()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        Cotangents::from_iter([Some(g.clone())])
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "arguments: {}, keyed leaves: {}",
            self.arguments.len(),
            self.keys.len()
        )
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}
