//! Mistakes put into every rule, to show that the checks find them.
//!
//! A check that no mistake can fail proves nothing. So while a plan is set, what one operation's rule
//! gives is spoilt, in every sweep of this thread, and the check of the operation's row of the
//! catalogue has to fail. This file is compiled for tests alone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use retrograd_tensor::{DType, Tensor};

use super::catalogue::{self, Row};
use crate::backward::grad;
use crate::node::{Node, NodeId};
use crate::primitive::Cotangents;
use crate::tape::Tape;
use crate::var::Var;

/// What is done to the cotangent of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    Dropped,
    Doubled,
    Negated,
    Quartered,
    /// Exchanged with the next one of its shape.
    Swapped,
    /// Its axes read in reverse order.
    Transposed,
    /// Ones where there is none, or zeros.
    Invented,
}

use Mistake::{Doubled, Dropped, Invented, Negated, Quartered, Swapped, Transposed};

const MISTAKES: [Mistake; 7] = [
    Dropped, Doubled, Negated, Quartered, Swapped, Transposed, Invented,
];

/// Which node: the operation, its attributes, its shape and those of its inputs, and at order 1 which
/// nodes its inputs are. If an operation is met several times on the way, mistakes in all of them could
/// make each other good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    name: String,
    attributes: String,
    shapes: Vec<Vec<usize>>,
    inputs: Vec<Option<NodeId>>,
}

impl Site {
    fn of(node: &Node) -> Self {
        let inputs = node.inputs.iter().map(|input| input.shape);
        Self {
            name: node.name(),
            attributes: node.attributes(),
            shapes: inputs
                .chain([node.shape])
                .map(|shape| shape.to_vec())
                .collect(),
            inputs: node.inputs().collect(),
        }
    }

    /// The same on whatever tape.
    fn anywhere(self) -> Self {
        Self {
            inputs: Vec::new(),
            ..self
        }
    }

    fn is(&self, node: &Node) -> bool {
        let other = Self::of(node);
        if self.inputs.is_empty() {
            *self == other.anywhere()
        } else {
            *self == other
        }
    }
}

/// Which rule to spoil, and how.
struct Plan {
    site: Site,
    input: usize,
    mistake: Mistake,
}

thread_local! {
    static PLAN: RefCell<Option<Plan>> = const { RefCell::new(None) };
}

/// What the sweep goes on with in place of what the rule gave for the cotangent `g`.
pub(crate) fn spoil(node: &Node, g: &Var, results: Cotangents) -> Cotangents {
    let planned = PLAN.with_borrow(|plan| {
        let plan = plan.as_ref().filter(|plan| plan.site.is(node))?;
        Some((plan.input, plan.mistake))
    });
    let Some((input, mistake)) = planned else {
        return results;
    };
    let mut spoilt = results.clone();
    if mistake == Swapped {
        swap(node, input, &mut spoilt);
    } else if node.inputs[input].node.is_some() {
        let shape = node.inputs[input].shape;
        spoilt[input] = match &results[input] {
            right if mistake == Invented && is_nothing(right.as_ref()) => {
                Some(Var::constant_beside(g.value().constant_like(shape, 1.0), g))
            }
            right => right.as_ref().and_then(|right| mistaken(right, mistake)),
        };
    }
    spoilt
}

fn is_nothing(cotangent: Option<&Var>) -> bool {
    cotangent.is_none_or(|g| g.value().iter().all(|v| v == 0.0))
}

/// Exchanges the cotangent with the next one that fits and goes elsewhere.
fn swap(node: &Node, i: usize, results: &mut Cotangents) {
    let (here, inputs) = (&node.inputs[i], &node.inputs);
    let fits = |&j: &usize| {
        let same_kind = inputs[j].shape == here.shape && inputs[j].dtype == here.dtype;
        same_kind && inputs[j].node != here.node
    };
    if let Some(j) = (i + 1..results.len()).find(fits) {
        results.swap(i, j);
    }
}

fn mistaken(right: &Var, mistake: Mistake) -> Option<Var> {
    match mistake {
        Dropped => None,
        Doubled => Some(right * 2.0),
        Negated => Some(-right),
        Quartered => Some(right * 0.25),
        Transposed => {
            let reversed: Vec<usize> = (0..right.rank()).rev().collect();
            Some(right.permute(&reversed).with_shape(*right.shape()))
        }
        Swapped | Invented => Some(right.clone()),
    }
}

/// The row's derivative of this order along fixed directions, as the rules have it.
fn derivative(row: &Row, order: usize) -> Vec<Tensor> {
    let tape = Tape::new();
    let x: Vec<Var> = row.inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let weigh = |y: &Var, g: &Var| (y * g).sum(..);
    let y = (row.f)(&x);
    // The gradient is a function of the cotangent too.
    let g = tape.leaf(catalogue::sample(*y.shape()));
    let mut total = weigh(&y, &g);
    for _ in 1..order {
        let slopes = grad(&total, &x.iter().collect::<Vec<_>>());
        let direction = |slope: &Var| tape.constant(catalogue::sample(*slope.shape()));
        let terms = slopes.iter().map(|slope| weigh(slope, &direction(slope)));
        total = terms.reduce(|a, b| a + b).expect("a function has inputs");
    }
    let gradients = total.is_tracked().then(|| total.backward());
    let of = |x: &Var| gradients.as_ref()?.of(x).cloned();
    let all = x.iter().chain([&g]);
    all.map(|x| of(x).unwrap_or_else(|| Tensor::zeros(*x.shape(), DType::F64)))
        .collect()
}

/// Whether two derivatives are other numbers, by more than rounding. A mistake can come to nothing,
/// as where it changes a cotangent that is multiplied by zero further on.
fn differ(a: &Tensor, b: &Tensor) -> bool {
    let largest = |x: &Tensor| x.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let scale = largest(a).max(largest(b)).max(1e-3);
    // Also if one of them is not a number.
    let apart = |(a, b): (f64, f64)| (a - b).is_nan() || (a - b).abs() > 1e-5 * scale;
    a.iter().zip(b.iter()).any(apart)
}

/// The nodes on the tape after the row's function, with their numbers of inputs, and those that only
/// its gradient needs. A formula's derivatives, `tanh.vjp0`, come from the table and not from a rule
/// of their own.
fn sites(row: &Row) -> [BTreeSet<Site>; 2] {
    let tape = Tape::new();
    let x: Vec<Var> = row.inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let y = (row.f)(&x);
    let met = |from: usize| -> BTreeSet<Site> {
        let nodes = tape.nodes();
        let computed = nodes[from..].iter().filter(|node| !node.is_leaf());
        let sites = computed.map(|node| Site::of(node));
        sites.filter(|site| !site.name.contains(".vjp")).collect()
    };
    let first = met(0);
    let weighed = (&y * tape.leaf(catalogue::sample(*y.shape()))).sum(..);
    let recorded = tape.len();
    let _ = grad(&weighed, &x.iter().collect::<Vec<_>>());
    let second = met(recorded).into_iter().map(Site::anywhere);
    [first, second.collect()]
}

/// How often a mistake in an operation's rule made a difference, and how often it was found.
#[derive(Clone, Copy, Default)]
struct Tally {
    mattered: usize,
    found: usize,
}

/// Checks a row with a mistake in a rule.
fn attempt(row: &Row, order: usize, site: &Site, input: usize, mistake: Mistake) -> Tally {
    let right = derivative(row, order);
    let site = site.clone();
    PLAN.set(Some(Plan {
        site,
        input,
        mistake,
    }));
    let wrong = derivative(row, order);
    let matters = right
        .iter()
        .zip(&wrong)
        .any(|(right, wrong)| differ(right, wrong));
    let found = matters && row.check(order).is_err();
    PLAN.set(None);
    Tally {
        mattered: usize::from(matters),
        found: usize::from(found),
    }
}

/// Every mistake in every operation's rule, as the rows meet it.
#[test]
fn every_mistake_in_every_rule_is_found() {
    let rows = catalogue::rows();
    let met: Vec<_> = rows.iter().map(sites).collect();
    let names = |sites: &BTreeSet<Site>| sites.iter().map(|site| site.name.clone()).collect();
    let everyday: BTreeSet<String> = met
        .iter()
        .flat_map(|[first, _]| -> Vec<_> { names(first) })
        .collect();
    let mut table: BTreeMap<(String, Mistake), Tally> = BTreeMap::new();
    let mut missed = Vec::new();
    let mut try_all = |row: &Row, order: usize, site: &Site| {
        let (name, inputs) = (&site.name, site.shapes.len() - 1);
        for (mistake, input) in MISTAKES
            .iter()
            .flat_map(|&m| (0..inputs).map(move |i| (m, i)))
        {
            let tally = attempt(row, order, site, input, mistake);
            let total = table.entry((name.clone(), mistake)).or_default();
            total.mattered += tally.mattered;
            total.found += tally.found;
            if tally.mattered > tally.found {
                missed.push(format!(
                    "{name}: {mistake:?} input {input} in row {}",
                    row.operation
                ));
            }
        }
    };
    for (row, [first, second]) in rows.iter().zip(&met) {
        first.iter().for_each(|site| try_all(row, 1, site));
        // What only rules use is differentiated at order 2.
        let rare = second.iter().filter(|site| !everyday.contains(&site.name));
        rare.for_each(|site| try_all(row, 2, site));
    }
    let untouched = print(&table);
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    assert!(
        untouched.is_empty(),
        "no mistake made a difference to {untouched:?}"
    );
}

/// Prints found / made for each operation and mistake; gives those where none made a difference.
fn print(table: &BTreeMap<(String, Mistake), Tally>) -> Vec<String> {
    let names: BTreeSet<&String> = table.keys().map(|(name, _)| name).collect();
    print!("{:<28}", "operation");
    MISTAKES
        .iter()
        .for_each(|mistake| print!(" {:>10}", format!("{mistake:?}").to_lowercase()));
    println!();
    let mut untouched = Vec::new();
    let mut sum = Tally::default();
    for name in names {
        print!("{name:<28}");
        let mut touched = false;
        for mistake in MISTAKES {
            let Tally { mattered, found } = table[&(name.clone(), mistake)];
            let cell = if mattered == 0 {
                "-".to_owned()
            } else {
                format!("{found}/{mattered}")
            };
            print!(" {cell:>10}");
            touched |= mattered > 0;
            sum.mattered += mattered;
            sum.found += found;
        }
        println!();
        if !touched {
            untouched.push(name.clone());
        }
    }
    println!("{} of {} mistakes found", sum.found, sum.mattered);
    untouched
}
