//! How close does each part of a training step come to what the machine can do?
//!
//! A part that makes F operations and has to move B bytes takes at least
//!
//! ```text
//! floor = max(F / multiply-adds a second, B / bytes a second)
//! ```
//!
//! (Williams, Waterman and Patterson 2009). Drawn over F / B with logarithmic axes the two limits are
//! a roof, and each part is a point under it. Both limits are measured here and now: multiply-adds on
//! registers, and copies of as many bytes, since a small part's bytes may be in a cache.

use std::time::Duration;

use retrograd_autograd::inspect::{Cost, Event, Profile, Trace, TracedNode};
use retrograd_report::{Chart, Scale};

use crate::case::Run;
use crate::machine;
use crate::networks::Network;
use crate::table::{aligned, cell};
use crate::timing;

/// Steps before anything is noted.
const WARM_UP: usize = 5;
/// Steps that are watched, of which each part counts with its shortest time.
const WATCHED: usize = 30;
/// Bytes of the copies whose speed is a limit; those of [`CACHED`] and [`MEMORY`] are drawn.
const COPIES: [usize; 6] = [1 << 14, 1 << 17, CACHED, 1 << 22, 1 << 24, MEMORY];
/// A copy within an L2 cache.
const CACHED: usize = 1 << 19;
/// A copy beyond all caches.
const MEMORY: usize = 1 << 26;

/// The limits of the machine.
#[derive(Clone, Debug)]
pub struct Roof {
    /// Floating-point operations a second, in f32.
    peak: f64,
    /// Bytes a second, read and written, by the bytes of a copy.
    copies: Vec<(usize, f64)>,
}

impl Roof {
    /// Measures them for so many threads.
    #[must_use]
    pub fn measure(threads: usize) -> Self {
        let copy = |bytes| (bytes, machine::copy_bandwidth(bytes, threads));
        Self {
            peak: machine::fma_peak::<f32>(threads),
            copies: COPIES.map(copy).to_vec(),
        }
    }

    /// Bytes a second of copies that move about as many bytes as this.
    fn bandwidth(&self, bytes: u64) -> f64 {
        let moved = |size: usize| 2 * size as u64;
        let smaller = self
            .copies
            .iter()
            .rev()
            .find(|&&(size, _)| moved(size) <= bytes);
        smaller.unwrap_or(&self.copies[0]).1
    }

    /// Seconds that this takes at the least. What makes no operations counts nothing: it may be a
    /// view, which moves no bytes either.
    fn floor(&self, cost: &Cost) -> f64 {
        if cost.flops == 0 {
            return 0.0;
        }
        let bytes = cost.bytes as f64 / self.bandwidth(cost.bytes);
        bytes.max(cost.flops as f64 / self.peak)
    }
}

/// What a part of a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Product,
    Convolution,
    /// Formulas, sums, and what moves numbers about.
    Other,
    Update,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Product, Self::Convolution, Self::Other, Self::Update];

    fn of(operation: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| operation.starts_with(name));
        if is(&["affine", "matmul", "sparse"]) {
            Self::Product
        } else if is(&["conv"]) {
            Self::Convolution
        } else {
            Self::Other
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Product => "products",
            Self::Convolution => "convolutions",
            Self::Other => "formulas and others",
            Self::Update => "optimisers",
        }
    }
}

/// An operation of a step, forward or backward, or the update of all parameters.
#[derive(Clone, Debug)]
struct Part {
    name: String,
    kind: Kind,
    cost: Cost,
}

impl Part {
    fn new(operation: &str, name: String, cost: Cost) -> Self {
        Self {
            name,
            kind: Kind::of(operation),
            cost,
        }
    }
}

/// A training step, and what it is made of.
#[derive(Clone, Debug)]
pub struct Step {
    network: &'static str,
    /// The least time of a step that nobody watches.
    seconds: f64,
    parts: Vec<Part>,
}

impl Step {
    /// Trains the network for about so long.
    ///
    /// # Panics
    /// If its steps are not alike.
    #[must_use]
    pub fn measure(network: &Network, budget: Duration) -> Self {
        let mut training = (network.build)(network.batch);
        (0..WARM_UP).for_each(|_| training.step());
        let mut best: Option<Vec<Part>> = None;
        for _ in 0..WATCHED {
            let (trace, update) = training.watched();
            let mut parts = parts(&trace);
            parts.push(Part {
                name: "update".to_owned(),
                kind: Kind::Update,
                cost: update,
            });
            best = Some(match best {
                None => parts,
                Some(best) => shortest(best, parts),
            });
        }
        let mut run: Run = Box::new(move || training.step());
        Self {
            network: network.name,
            seconds: timing::measure(&mut run, budget).best,
            parts: best.unwrap_or_default(),
        }
    }

    /// All of it.
    fn cost(&self) -> Cost {
        let sum = |figure: fn(&Cost) -> u64| self.parts.iter().map(|part| figure(&part.cost)).sum();
        Cost {
            seconds: self.seconds,
            flops: sum(|cost| cost.flops),
            bytes: sum(|cost| cost.bytes),
        }
    }

    /// The sum over parts of a kind.
    fn sum(&self, kind: Kind, figure: impl Fn(&Part) -> f64) -> f64 {
        let parts = self.parts.iter().filter(|part| part.kind == kind);
        parts.map(figure).fold(0.0, |sum, part| sum + part)
    }
}

/// The same parts with the shorter of two times each.
fn shortest(mut best: Vec<Part>, others: Vec<Part>) -> Vec<Part> {
    assert_eq!(best.len(), others.len(), "steps of a network are alike");
    for (part, other) in best.iter_mut().zip(others) {
        part.cost.seconds = part.cost.seconds.min(other.cost.seconds);
    }
    best
}

/// What a step is made of: values, then rules. A rule of several operations is each of those.
fn parts(trace: &Trace) -> Vec<Part> {
    let costs = Profile::of(std::slice::from_ref(trace)).nodes;
    let nodes = trace
        .nodes
        .iter()
        .zip(&costs)
        .filter(|(node, _)| !node.leaf);
    let forward = nodes.map(|(node, (cost, _))| Part::new(&node.name, described(node), *cost));
    let constants = trace.constants.iter().map(|work| {
        let cost = Cost {
            seconds: work.seconds,
            flops: work.flops,
            bytes: work.bytes,
        };
        Part::new(&work.name, work.name.clone(), cost)
    });
    let mut parts: Vec<Part> = forward.chain(constants).collect();
    for event in &trace.events {
        let Event::Rule {
            node, operations, ..
        } = event
        else {
            continue;
        };
        let of = described(&trace.nodes[*node]);
        if operations.is_empty() {
            let name = format!("{of}, backward");
            parts.push(Part::new(&trace.nodes[*node].name, name, costs[*node].1));
        }
        parts.extend(operations.iter().map(|work| {
            let cost = Cost {
                seconds: work.seconds,
                flops: work.flops,
                bytes: work.bytes,
            };
            Part::new(&work.name, format!("{of}: {}", work.name), cost)
        }));
    }
    parts
}

/// Such as `affine 256x784 128x784 128`.
fn described(node: &TracedNode) -> String {
    let shapes = node.inputs.iter().map(|input| {
        let sizes: Vec<String> = input.shape.iter().map(usize::to_string).collect();
        sizes.join("x")
    });
    let words = std::iter::once(node.name.clone()).chain(shapes);
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The picture: parts as points, whole steps, and the roof. Parts of a few numbers are bookkeeping and
/// left out.
#[must_use]
pub fn chart(steps: &[Step], roof: &Roof) -> Chart {
    const FEW: u64 = 1000;
    let parts = || {
        let parts = steps.iter().flat_map(|step| &step.parts);
        parts.filter(|part| part.cost.flops >= FEW)
    };
    let places = parts().map(|part| point(&part.cost).0);
    let (low, high) = places.fold((1.0, 1.0), |(low, high): (f64, f64), x| {
        (low.min(x), high.max(x))
    });
    let under = |bytes: usize| {
        let bandwidth = roof.bandwidth(2 * bytes as u64);
        let at = |x: f64| (x, roof.peak.min(x * bandwidth) / 1e9);
        [low, roof.peak / bandwidth, high].map(at)
    };
    let chart = Chart::curves("Training steps and their parts", "FLOP a byte", "GFLOP/s")
        .x_scale(Scale::Logarithmic)
        .y_scale(Scale::Logarithmic)
        .line("multiply-adds and copies in L2", under(CACHED))
        .dashed("copies of 64 MiB", under(MEMORY));
    let chart = Kind::ALL.into_iter().fold(chart, |chart, kind| {
        let alike = parts().filter(|part| part.kind == kind);
        chart.points(kind.name(), alike.map(|part| point(&part.cost)))
    });
    chart.points("whole steps", steps.iter().map(|step| point(&step.cost())))
}

/// Where something is in the picture: operations a byte, and 10⁹ operations a second.
fn point(cost: &Cost) -> (f64, f64) {
    let flops = cost.flops as f64;
    (flops / cost.bytes as f64, flops / cost.seconds / 1e9)
}

/// Whole steps in Markdown: their time, that of their products and convolutions at the peak, that of
/// all parts at the roof, and where the time goes.
#[must_use]
pub fn steps_table(steps: &[Step], roof: &Roof) -> String {
    let mut head: Vec<String> = ["step", "ms", "arithmetic", "ratio", "roof", "share"]
        .map(str::to_owned)
        .to_vec();
    head.extend(Kind::ALL.map(|kind| kind.name().to_owned()));
    head.push("between".to_owned());
    let line = |step: &Step| {
        let flops = |kind| step.sum(kind, |part| part.cost.flops as f64);
        let arithmetic = (flops(Kind::Product) + flops(Kind::Convolution)) / roof.peak;
        let floor: f64 = step.parts.iter().map(|part| roof.floor(&part.cost)).sum();
        let shares = Kind::ALL.map(|kind| step.sum(kind, |part| part.cost.seconds) / step.seconds);
        let mut line = vec![
            step.network.to_owned(),
            cell(Some(step.seconds * 1e3), 3),
            cell(Some(arithmetic * 1e3), 3),
            cell(Some(step.seconds / arithmetic), 1),
            cell(Some(floor * 1e3), 3),
            percent(floor / step.seconds),
        ];
        line.extend(shares.map(percent));
        line.push(percent(1.0 - shares.iter().sum::<f64>()));
        line
    };
    let lines: Vec<Vec<String>> = std::iter::once(head)
        .chain(steps.iter().map(line))
        .collect();
    aligned(&lines)
}

/// The parts in Markdown that take at least this share of their step's time.
#[must_use]
pub fn parts_table(steps: &[Step], roof: &Roof, least: f64) -> String {
    let head = [
        "part",
        "µs",
        "of the step",
        "FLOP a byte",
        "GFLOP/s",
        "of the roof",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for step in steps {
        for part in &step.parts {
            let share = part.cost.seconds / step.seconds;
            if share < least || part.cost.flops == 0 {
                continue;
            }
            let (intensity, rate) = point(&part.cost);
            lines.push(vec![
                format!("{} {}", step.network, part.name),
                cell(Some(part.cost.seconds * 1e6), 2),
                percent(share),
                cell(Some(intensity), 2),
                cell(Some(rate), 1),
                percent(roof.floor(&part.cost) / part.cost.seconds),
            ]);
        }
    }
    aligned(&lines)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::NETWORKS;

    fn roof() -> Roof {
        Roof {
            peak: 100e9,
            copies: vec![(CACHED, 50e9), (MEMORY, 10e9)],
        }
    }

    #[test]
    fn a_floor_is_the_higher_of_two_and_its_bytes_are_those_of_a_copy_of_the_size() {
        let floor = |flops, bytes| {
            roof().floor(&Cost {
                seconds: 1.0,
                flops,
                bytes,
            })
        };
        assert_eq!(floor(100_000_000, 1000), 1e-3);
        assert_eq!(floor(1, 50_000_000), 1e-3);
        assert_eq!(floor(1, 1_000_000_000), 0.1);
        assert_eq!(floor(0, 1_000_000_000), 0.0);
    }

    #[test]
    fn a_step_is_made_of_its_products_their_cotangents_and_the_update() {
        let network = Network {
            batch: 4,
            ..NETWORKS[0]
        };
        let step = Step::measure(&network, Duration::ZERO);
        let flops = |kind| step.sum(kind, |part| part.cost.flops as f64);
        // Four layers forward and in the weight, three in the input; the cost of a bias is a sum.
        let sizes = [784 * 128, 128 * 32, 32 * 128, 128 * 784];
        let all: usize = sizes.iter().sum();
        assert_eq!(flops(Kind::Product), (2 * 4 * (3 * all - sizes[0])) as f64);
        assert_eq!(flops(Kind::Convolution), 0.0);
        let parameters = all + 128 + 32 + 128 + 784;
        assert_eq!(flops(Kind::Update), (13 * parameters) as f64);
        assert!(step.parts.iter().all(|part| part.cost.seconds > 0.0));
        let steps = [step];
        let table = steps_table(&steps, &roof());
        assert_eq!(table.lines().count(), 3, "{table}");
        let table = parts_table(&steps, &roof(), 0.0);
        assert!(table.contains("W1 affine 4x784 128x784 128"), "{table}");
        let svg = chart(&steps, &roof()).to_svg().expect("it can be drawn");
        assert!(svg.as_str().contains("optimisers"));
    }
}
