//! What the tape says about itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use retrograd_autograd::check::catalogue::rows;
use retrograd_autograd::inspect::{Event, Profile, Trace};
use retrograd_autograd::{
    Cotangents, Inputs, Needed, Output, Primitive, Saves, Tape, Var, checkpoint, grad,
};
use retrograd_tensor::{DType, Tensor, random};

/// A small network, swept; its loss and gradients.
fn step(tape: &Tape) -> (f64, Vec<Tensor>) {
    let mut rng = random::rng(1);
    let x = tape.constant(Tensor::normal([8, 5], 0.0, 1.0, &mut rng, DType::F64));
    let shapes = [vec![3, 5], vec![3], vec![5, 3]];
    let weights: Vec<Var> = shapes
        .iter()
        .map(|shape| tape.leaf(Tensor::normal(&shape[..], 0.0, 1.0, &mut rng, DType::F64)))
        .collect();
    let hidden = x.affine(&weights[0], &weights[1]).tanh();
    let error = hidden.matmul_nt(&weights[2]) - &x;
    let loss = error.square().mean(..) + weights[2].square().sum(..) * 0.1;
    let gradients = loss.backward();
    let gradients = weights
        .iter()
        .map(|w| gradients.of(w).expect("a gradient").clone());
    (loss.item(), gradients.collect())
}

#[test]
fn being_watched_changes_no_bit() {
    let plain = step(&Tape::new());
    assert_eq!(step(&Tape::new().timing()), plain);
    assert_eq!(step(&Tape::new().tracing()), plain);
}

#[test]
fn events_come_in_order_and_cotangents_add_up() {
    let tape = Tape::new().tracing();
    let (_, gradients) = step(&tape);
    let Trace { nodes, events, .. } = tape.trace();
    let forward: Vec<usize> = events
        .iter()
        .map_while(|event| match event {
            Event::Forward { node } => Some(*node),
            _ => None,
        })
        .collect();
    assert_eq!(forward, (0..nodes.len()).collect::<Vec<_>>());
    assert!(matches!(&events[nodes.len()], Event::Seed { node, .. } if *node == nodes.len() - 1));
    // Every other event passes a node, from the last to the first.
    let passed: Vec<usize> = events[nodes.len() + 1..]
        .iter()
        .map(|event| match event {
            Event::Rule { node, .. } | Event::Gradient { node } => *node,
            other => panic!("{other:?} in the sweep"),
        })
        .collect();
    assert_eq!(passed, (0..nodes.len()).rev().collect::<Vec<_>>());
    // The last total a leaf was given is its gradient.
    let mut totals = BTreeMap::new();
    for event in &events {
        let Event::Rule { gave, .. } = event else {
            continue;
        };
        for given in gave {
            totals.insert(
                given.node,
                (given.uses, given.total.clone().expect("values are traced")),
            );
        }
    }
    for (leaf, gradient) in gradients.iter().enumerate() {
        let (uses, total) = &totals[&leaf];
        assert_eq!(total.elements, Some(gradient.to_vec()), "leaf {leaf}");
        assert_eq!(*uses, if leaf == 2 { 2 } else { 1 });
    }
}

#[test]
fn residuals_are_those_of_before_the_sweep() {
    let tape = Tape::new().tracing();
    let _ = step(&tape);
    let trace = tape.trace();
    assert!(
        tape.residuals().list.is_empty(),
        "the sweep has let them go"
    );
    let tanh = trace
        .nodes
        .iter()
        .position(|node| node.name == "tanh")
        .expect("there is one");
    let saved = &trace.nodes[tanh].saved;
    assert_eq!(
        (saved.len(), saved[0].role.as_str(), saved[0].bytes),
        (1, "output", 8 * 3 * 8)
    );
    assert_eq!(saved[0].rule, "x̄ = g·(1 − y²)");
    assert_eq!(saved[0].source, Some(tanh));
    // The product after it keeps the same value, which is there already.
    let product = &trace.nodes[tanh + 1];
    assert!(product.name == "matmul_nt" && product.saved[0].shared && !product.saved[1].shared);
}

#[test]
fn a_recorded_sweep_shows_which_rule_made_which_node() {
    let tape = Tape::new().tracing();
    let x = tape.leaf(Tensor::scalar(0.5));
    let y = x.tanh();
    let slope = grad(&y, &[&x]).remove(0);
    let _ = grad(&slope, &[&x]);
    let trace = tape.trace();
    let made = |node: usize| trace.nodes[node].made_by;
    assert_eq!((made(1), made(2)), (None, Some(1)));
    let seeds = trace
        .events
        .iter()
        .filter(|event| matches!(event, Event::Seed { .. }));
    assert_eq!(seeds.count(), 2);
    let rule = trace
        .events
        .iter()
        .find(|event| matches!(event, Event::Rule { node: 1, .. }));
    let Some(Event::Rule {
        flops, operations, ..
    }) = rule
    else {
        panic!("tanh was swept")
    };
    assert_eq!(
        (operations.len(), *flops),
        (1, operations[0].flops),
        "counted once"
    );
    assert_eq!(
        Profile::of(std::slice::from_ref(&trace)).nodes.len(),
        trace.nodes.len()
    );
}

#[test]
fn a_region_is_one_rule_that_holds_the_sweep_of_its_insides() {
    let rules_of = |sweep: fn(&Var, &Var)| {
        let tape = Tape::new().tracing();
        let x = tape.leaf(Tensor::scalar(0.5));
        sweep(&checkpoint(&[&x], |x| x[0].sin().exp()).square(), &x);
        let rules = tape
            .trace()
            .events
            .into_iter()
            .filter_map(|event| match event {
                Event::Rule { node, gave, .. } => Some((node, gave.len())),
                _ => None,
            });
        rules.collect::<Vec<_>>()
    };
    // Plain, the region is computed again on a tape of its own: x, the region, its square.
    assert_eq!(rules_of(|y, _| drop(y.backward())), [(2, 1), (1, 1)]);
    // Recorded, its insides come by, and the region's own rule ends after them.
    let recorded = rules_of(|y, x| drop(grad(y, &[x])));
    assert_eq!((recorded[0], recorded.last()), ((2, 1), Some(&(1, 1))));
    assert!(recorded.len() >= 4, "{recorded:?}");
}

#[test]
fn a_sweep_that_stops_leaves_no_rule_open() {
    let tape = Tape::new().tracing();
    let x = tape.leaf(Tensor::scalar(0.5));
    let bad = Var::apply(Stops, &[&x]);
    let sweep = std::panic::AssertUnwindSafe(|| drop(bad.backward()));
    assert!(std::panic::catch_unwind(sweep).is_err());
    let _ = x.sin();
    let made_by = |node: usize| tape.trace().nodes[node].made_by;
    assert_eq!((tape.len(), made_by(2)), (3, None));
}

/// An operation whose rule panics.
#[derive(Debug)]
struct Stops;

impl Primitive for Stops {
    fn name(&self) -> Cow<'static, str> {
        "stops".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].clone()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, _g: &Var) -> Cotangents {
        panic!("on purpose")
    }
}

#[test]
fn what_is_computed_of_constants_is_told_apart() {
    let tape = Tape::new().timing();
    let data = tape.constant(Tensor::zeros([6], DType::F64));
    let x = tape.leaf(Tensor::zeros([6], DType::F64));
    let _ = (data.exp() * x).sum(..).backward();
    let trace = tape.trace();
    let names: Vec<&str> = trace
        .constants
        .iter()
        .map(|work| work.name.as_str())
        .collect();
    assert_eq!(names, ["exp"]);
    assert!(
        trace.nodes.iter().all(|node| node.value.is_none()),
        "only times were asked for"
    );
}

/// Formulas are for people, so this prints them: `--test autograd formulas -- --nocapture`.
#[test]
fn every_operation_states_its_formula_and_its_rule() {
    let mut seen = BTreeMap::new();
    for row in rows() {
        let tape = Tape::new();
        let x: Vec<Var> = row.inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let _ = (row.f)(&x);
        for node in tape.nodes().iter().filter(|node| !node.is_leaf()) {
            seen.insert(
                node.name(),
                (node.formula(), node.rule(), node.attributes()),
            );
        }
    }
    for (name, (formula, rule, attributes)) in &seen {
        println!("{name:<18} {formula:<44} {rule:<60} {attributes}");
        assert!(
            formula.contains(" = ") || formula.contains(" += "),
            "{name}: {formula}"
        );
        assert!(
            rule.contains(" = ") || rule.contains(" += "),
            "{name}: {rule}"
        );
    }
    let silent: Vec<&String> = seen
        .iter()
        .filter(|(_, (_, rule, _))| rule == "x̄ = g·∂y/∂x")
        .map(|(name, _)| name)
        .collect();
    assert!(
        silent.is_empty(),
        "operations whose rule has no formula: {silent:?}"
    );
}
