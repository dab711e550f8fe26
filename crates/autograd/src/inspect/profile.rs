//! What a step costs: time, floating-point operations and bytes, per node and per operation.

use std::fmt;

use serde::Serialize;

use super::text::{aligned, bytes};
use super::trace::{Event, Trace, TracedNode};

/// What something costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Time; 0 if the tape was not watched.
    pub seconds: f64,
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes that have to be read and written, however it is done: operands and results.
    pub bytes: u64,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.flops += other.flops;
        self.bytes += other.bytes;
    }
}

/// What all nodes of an operation cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OperationCost {
    /// The operation.
    pub name: String,
    /// Its nodes.
    pub nodes: usize,
    /// Computing the values.
    pub forward: Cost,
    /// Running the rules.
    pub backward: Cost,
    /// Bytes kept between the two.
    pub saved: u64,
}

/// The costs of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Profile {
    /// Forward and backward, by node; leaves cost nothing.
    pub nodes: Vec<(Cost, Cost)>,
    /// The same by operation, the one that takes longest first.
    pub operations: Vec<OperationCost>,
    names: Vec<(String, String)>,
}

impl Profile {
    /// The costs of a step that was traced.
    ///
    /// ```
    /// use retrograd_autograd::{Tape, inspect::Profile};
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// let tape = Tape::new().timing();
    /// let [a, b] = [[32, 64], [64, 16]].map(|shape| tape.leaf(Tensor::zeros(shape, DType::F32)));
    /// let _ = a.matmul(&b).sum(..).backward();
    /// let profile = Profile::of(&[tape.trace()]);
    /// let product = &profile.operations.iter().find(|cost| cost.name == "matmul").unwrap();
    /// assert_eq!(product.forward.flops, 2 * 32 * 64 * 16);
    /// assert_eq!(product.backward.flops, 2 * product.forward.flops);
    /// println!("{profile}");
    /// ```
    ///
    /// Of several runs of the same step each node counts with its shortest times: what is longer is
    /// the machine being busy with something else.
    ///
    /// # Panics
    /// If the steps are not alike.
    #[must_use]
    pub fn of(runs: &[Trace]) -> Self {
        let Some((first, others)) = runs.split_first() else {
            return Self::default();
        };
        let mut nodes = costs(first);
        for other in others {
            let other = costs(other);
            assert!(
                other.len() == nodes.len(),
                "profile: runs of {} and of {} nodes are not of one step",
                nodes.len(),
                other.len()
            );
            for (best, new) in nodes.iter_mut().zip(other) {
                best.0.seconds = best.0.seconds.min(new.0.seconds);
                best.1.seconds = best.1.seconds.min(new.1.seconds);
            }
        }
        let name = |node: &TracedNode| (node.name.clone(), node.source.clone());
        Self {
            operations: by_operation(first, &nodes),
            names: first.nodes.iter().map(name).collect(),
            nodes,
        }
    }

    /// The sums: forward and backward.
    #[must_use]
    pub fn total(&self) -> (Cost, Cost) {
        let mut total = (Cost::default(), Cost::default());
        for (forward, backward) in &self.nodes {
            total.0.add(*forward);
            total.1.add(*backward);
        }
        total
    }

    /// A line a node, in the order of creation; leaves are left out.
    #[must_use]
    pub fn by_node(&self) -> String {
        let mut rows = vec![heading(["node", "operation", "source"])];
        for (id, ((name, source), (forward, backward))) in
            self.names.iter().zip(&self.nodes).enumerate()
        {
            if forward.bytes > 0 {
                let first = [id.to_string(), name.clone(), source.clone()];
                rows.push(row(first, forward, backward));
            }
        }
        aligned(&rows, COSTS)
    }
}

/// Forward and backward, by node.
fn costs(trace: &Trace) -> Vec<(Cost, Cost)> {
    let size = if trace.element == "f64" { 8 } else { 4 };
    let elements = |shape: &[usize]| shape.iter().product::<usize>();
    let forward = |node: &TracedNode| {
        let read = node
            .inputs
            .iter()
            .map(|input| elements(&input.shape) * size);
        let bytes = if node.leaf {
            0
        } else {
            read.sum::<usize>() + node.bytes
        };
        Cost {
            seconds: node.seconds.unwrap_or(0.0),
            flops: node.flops,
            bytes: bytes as u64,
        }
    };
    let mut costs: Vec<(Cost, Cost)> = trace
        .nodes
        .iter()
        .map(|node| (forward(node), Cost::default()))
        .collect();
    for event in &trace.events {
        if let Event::Rule {
            node,
            seconds,
            flops,
            gave,
            ..
        } = event
        {
            let saved = trace.nodes[*node]
                .saved
                .iter()
                .map(|residual| residual.bytes);
            let given = gave.iter().map(|given| trace.nodes[given.node].bytes);
            costs[*node].1.add(Cost {
                seconds: *seconds,
                flops: *flops,
                bytes: (trace.nodes[*node].bytes + saved.sum::<usize>() + given.sum::<usize>())
                    as u64,
            });
        }
    }
    costs
}

fn by_operation(trace: &Trace, costs: &[(Cost, Cost)]) -> Vec<OperationCost> {
    let mut operations: Vec<OperationCost> = Vec::new();
    for (node, (forward, backward)) in trace.nodes.iter().zip(costs) {
        if node.leaf {
            continue;
        }
        let known = operations.iter().position(|cost| cost.name == node.name);
        let place = known.unwrap_or_else(|| {
            operations.push(OperationCost {
                name: node.name.clone(),
                ..OperationCost::default()
            });
            operations.len() - 1
        });
        let operation = &mut operations[place];
        operation.nodes += 1;
        operation.forward.add(*forward);
        operation.backward.add(*backward);
        let own = node.saved.iter().filter(|residual| !residual.shared);
        operation.saved += own.map(|residual| residual.bytes as u64).sum::<u64>();
    }
    let seconds = |cost: &OperationCost| cost.forward.seconds + cost.backward.seconds;
    operations.sort_by(|a, b| seconds(b).total_cmp(&seconds(a)));
    operations
}

/// Columns of numbers.
const COSTS: [usize; 8] = [3, 4, 5, 6, 7, 8, 9, 10];

/// The headings of a table of costs.
fn heading([a, b, c]: [&str; 3]) -> [String; 11] {
    [
        a, b, c, "forward", "flop", "bytes", "Gflop/s", "backward", "flop", "bytes", "Gflop/s",
    ]
    .map(str::to_owned)
}

fn row([a, b, c]: [String; 3], forward: &Cost, backward: &Cost) -> [String; 11] {
    let [d, e, f, g] = cells(forward);
    let [h, i, j, k] = cells(backward);
    [a, b, c, d, e, f, g, h, i, j, k]
}

fn cells(cost: &Cost) -> [String; 4] {
    let rate = cost.flops as f64 / cost.seconds / 1e9;
    [
        time(cost.seconds),
        count(cost.flops),
        bytes(cost.bytes as usize),
        if cost.flops > 0 && rate.is_finite() {
            format!("{rate:.1}")
        } else {
            "-".to_owned()
        },
    ]
}

/// `1.25 ms`, `830 ns`.
fn time(seconds: f64) -> String {
    match seconds {
        0.0 => "-".to_owned(),
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// `931`, `12.8 M`.
fn count(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{:.1} k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.1} G", number as f64 / 1e9),
    }
}

/// A line an operation and their sum.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![heading(["operation", "nodes", "kept"])];
        rows.extend(self.operations.iter().map(|cost| {
            let first = [
                cost.name.clone(),
                cost.nodes.to_string(),
                bytes(cost.saved as usize),
            ];
            row(first, &cost.forward, &cost.backward)
        }));
        let (forward, backward) = self.total();
        let nodes: usize = self.operations.iter().map(|cost| cost.nodes).sum();
        let saved: u64 = self.operations.iter().map(|cost| cost.saved).sum();
        let first = ["total".to_owned(), nodes.to_string(), bytes(saved as usize)];
        rows.push(row(first, &forward, &backward));
        f.write_str(aligned(&rows, COSTS).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;
    use retrograd_tensor::{DType, Tensor};

    fn step() -> Trace {
        let tape = Tape::new().timing();
        let x = tape.constant(Tensor::zeros([8, 5], DType::F32));
        let (w, b) = (
            tape.leaf(Tensor::zeros([3, 5], DType::F32)),
            tape.leaf(Tensor::zeros([3], DType::F32)),
        );
        let _ = x.affine(&w, &b).tanh().sum(..).backward();
        tape.trace()
    }

    #[test]
    fn a_profile_knows_the_work_of_both_directions() {
        let profile = Profile::of(&[step(), step()]);
        let cost = |name: &str| profile.operations.iter().find(|cost| cost.name == name);
        let affine = cost("affine").expect("there is one");
        assert_eq!(affine.forward.flops, 2 * 8 * 5 * 3);
        // The weight's cotangent is a product, the bias's a sum; x is no leaf.
        assert_eq!(affine.backward.flops, 2 * 8 * 5 * 3 + 8 * 3);
        assert_eq!(affine.forward.bytes, 4 * (8 * 5 + 3 * 5 + 3 + 8 * 3));
        assert_eq!(affine.saved, 4 * 8 * 5);
        let tanh = cost("tanh").expect("there is one");
        assert_eq!(
            (tanh.forward.flops, tanh.backward.flops),
            (8 * 3, 3 * 8 * 3)
        );
        assert!(affine.forward.seconds > 0.0 && affine.backward.seconds > 0.0);
        let text = profile.to_string();
        assert_eq!(text.lines().count(), 1 + 3 + 1, "{text}");
        assert_eq!(profile.by_node().lines().count(), 1 + 3);
    }

    #[test]
    fn figures_read_well() {
        assert_eq!([8.3e-7, 1.25e-3, 0.0].map(time), ["830 ns", "1.25 ms", "-"]);
        assert_eq!([931, 12_800_000].map(count), ["931", "12.8 M"]);
    }
}
