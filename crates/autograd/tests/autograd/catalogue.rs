//! Every row of the catalogue, checked against differences at orders 1 and 2, and in `f32`.
//!
//! `cargo test -p retrograd-autograd --test autograd catalogue -- --nocapture` prints the list with the
//! largest error of each. A new operation needs a row in `src/check/catalogue`: the last two tests
//! read the sources of the rules, and fail when an operation or a primitive is missing.

use std::collections::BTreeSet;
use std::path::Path;

use retrograd_autograd::check::catalogue::{Row, rows, sample};
use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq};

#[test]
fn every_operation_agrees_with_differences() {
    let mut failures = Vec::new();
    println!(
        "{:<24} {:<28} {:>8} {:>8}",
        "operation", "samples", "order 1", "order 2"
    );
    for row in rows() {
        let [first, second] = [1, 2].map(|order| match row.check(order) {
            Ok(report) => report.worst_error(),
            Err(failure) => {
                failures.push(format!("{}: {failure}", row.operation));
                f64::INFINITY
            }
        });
        let shapes: Vec<String> = row.inputs.iter().map(|x| x.shape().to_string()).collect();
        println!(
            "{:<24} {:<28} {first:>8.1e} {second:>8.1e}",
            row.operation,
            shapes.join(" ")
        );
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// The same operations checked along random directions, as large Jacobians are.
#[test]
fn directions_agree_too() {
    for row in rows() {
        for order in [1, 2] {
            let check = row.how(order).dense(0);
            if let Err(failure) = check.run(row.f, &row.inputs) {
                panic!("{}: {failure}", row.operation);
            }
        }
    }
}

/// Differences need `f64`, networks are trained in `f32`: there the same functions give numbers of
/// that type, and nearly the same ones.
#[test]
fn every_operation_keeps_to_single_precision() {
    let epsilon = DType::F32.epsilon();
    for row in rows() {
        // A few roundings; the rule of a function of a matrix is a difference, right to ε^⅔.
        let tolerance = match row.method() {
            "matrix_function" | "singular_function" => 16.0 * epsilon.cbrt().powi(2),
            _ => 64.0 * epsilon,
        };
        // Both start from numbers that are exact in both.
        let single: Vec<Tensor> = row.inputs.iter().map(|x| x.cast(DType::F32)).collect();
        let double: Vec<Tensor> = single.iter().map(|x| x.cast(DType::F64)).collect();
        let (single, double) = (jets(&row, &single), jets(&row, &double));
        assert_eq!(single.len(), double.len(), "{}", row.operation);
        for (i, (single, double)) in single.iter().zip(&double).enumerate() {
            let largest = double.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
            assert_abs_diff_eq!(
                single.cast(DType::F64),
                double,
                epsilon = tolerance * largest,
                "{}, tensor {i}",
                row.operation
            );
        }
    }
}

/// The row's value, its gradients in a plain sweep and in a recorded one, and the gradients of these,
/// all of the type of the inputs, as is whatever the tape holds.
fn jets(row: &Row, inputs: &[Tensor]) -> Vec<Tensor> {
    let tape = Tape::new();
    let x: Vec<Var> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let dtype = inputs[0].dtype();
    let weigh = |y: &Var| (y * tape.constant(sample(*y.shape()).cast(dtype))).sum(..);
    let y = (row.f)(&x);
    let total = weigh(&y);
    let plain = total.backward_retaining();
    let slopes = grad(&total, &x.iter().collect::<Vec<_>>());
    let total = slopes.iter().map(weigh).reduce(|a, b| a + b);
    let total = total.expect("a function has inputs");
    // The derivative of something linear is a constant.
    let second = total.is_tracked().then(|| total.backward());
    let mut all = vec![y.value().clone()];
    all.extend(x.iter().filter_map(|x| plain.of(x).cloned()));
    all.extend(slopes.iter().map(|slope| slope.value().clone()));
    all.extend(x.iter().filter_map(|x| second.as_ref()?.of(x).cloned()));
    let types = tape
        .nodes()
        .iter()
        .map(|node| node.dtype())
        .collect::<Vec<_>>();
    let others = types.into_iter().chain(all.iter().map(Tensor::dtype));
    assert_eq!(
        others.filter(|&other| other != dtype).count(),
        0,
        "{}",
        row.operation
    );
    all
}

/// Combinations of operations record the line that asked for them, not one of their own.
#[test]
fn nodes_go_by_the_callers_line() {
    for row in rows() {
        let tape = Tape::new();
        let x: Vec<Var> = row.inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let _ = (row.f)(&x);
        for node in tape.nodes().iter().filter(|node| !node.is_leaf()) {
            let file = node.location().file();
            let (operation, name) = (&row.operation, node.name());
            assert!(
                file.contains("catalogue"),
                "{operation}: `{name}` is recorded at {}",
                node.location()
            );
        }
    }
}

/// What differences cannot judge, as it rounds; it has a test of its own.
const ROUNDS: &str = "cast";

/// A cast is linear, and its slope is a cast back.
#[test]
fn a_cast_hands_cotangents_back_in_the_type_they_came_from() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec(vec![0.1, 2.0, -3.5], [3]));
    let y = x.cast(DType::F32);
    assert_eq!(y.value().as_slice(), Some(&[0.1_f32, 2.0, -3.5][..]));
    let slopes = grad(&(&y * &y).sum(..), &[&x]);
    let narrow = f64::from(0.1_f32);
    assert_eq!(slopes[0].dtype(), DType::F64);
    assert_eq!(slopes[0].value().to_vec(), [2.0 * narrow, 4.0, -7.0]);
    let second = grad(&slopes[0].sum(..), &[&x]);
    assert_eq!(second[0].value().to_vec(), [2.0; 3]);
    assert!(x.cast(DType::F64).node() == x.node(), "nothing to do");
}

/// The public methods of `Var` in the rules are all in the table.
#[test]
fn no_operation_is_missing() {
    let listed: BTreeSet<String> = rows().iter().map(|row| row.method().to_owned()).collect();
    let missing: Vec<String> = sources()
        .iter()
        .flat_map(|source| methods(source))
        .filter(|method| !listed.contains(method) && method != ROUNDS)
        .collect();
    assert!(
        missing.is_empty(),
        "operations without a row in the catalogue: {missing:?}"
    );
}

/// The primitives that the rules define are all met while the catalogue runs, forward or in a
/// recorded backward sweep; and all that are met, the sources define, so the reading of the
/// sources does not overlook any form of definition in use.
#[test]
fn no_primitive_is_missing() {
    let mut met = BTreeSet::new();
    for row in rows() {
        met.extend(names_met(&row));
    }
    let defined: BTreeSet<String> = sources()
        .iter()
        .flat_map(|source| primitives(source))
        .collect();
    let unmet = defined.difference(&met).filter(|name| *name != ROUNDS);
    let unmet: Vec<&String> = unmet.collect();
    assert!(
        unmet.is_empty(),
        "primitives that the catalogue never runs: {unmet:?}"
    );
    let unknown: Vec<&String> = met.difference(&defined).collect();
    assert!(
        unknown.is_empty(),
        "primitives whose definition was not recognised: {unknown:?}"
    );
}

/// Names of the primitives on the tape after the function, its gradient, and that one's gradient.
fn names_met(row: &Row) -> BTreeSet<String> {
    let tape = Tape::new();
    let x: Vec<Var> = row.inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let wanted: Vec<&Var> = x.iter().collect();
    let mut results = vec![(row.f)(&x)];
    for _ in 0..2 {
        let weigh = |y: &Var| (y * tape.leaf(sample(*y.shape()))).sum(..);
        let total = results.iter().map(weigh).reduce(|a, b| a + b);
        results = grad(&total.expect("a function has a result"), &wanted);
    }
    let nodes = tape.nodes();
    let computed = nodes.iter().filter(|node| !node.is_leaf());
    // A formula's derivatives are named after it, and come from the table of derivatives.
    let derived = |name: &String| {
        name.rsplit_once(".vjp")
            .is_some_and(|(_, i)| !i.is_empty() && i.bytes().all(|byte| byte.is_ascii_digit()))
    };
    computed
        .map(|node| summand(&node.name()))
        .filter(|name| !derived(name))
        .collect()
}

/// The formula of a sum of one, `sum(formula)`; other names as they are.
fn summand(name: &str) -> String {
    let inner = name
        .strip_prefix("sum(")
        .and_then(|name| name.strip_suffix(')'));
    inner.unwrap_or(name).to_owned()
}

/// The text of every file of rules.
fn sources() -> Vec<String> {
    fn read(path: &Path) -> Vec<String> {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).expect("the rules are here");
            let paths = entries.map(|entry| entry.expect("readable").path());
            paths.flat_map(|path| read(&path)).collect()
        } else {
            vec![std::fs::read_to_string(path).expect("a rule is text")]
        }
    }
    let sources = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules"));
    assert!(sources.len() > 4, "every family has a file");
    sources
}

/// Methods that the tables `functions!` and `pairs!` make: lines such as `exp, |x| x.exp(), "..";`.
fn tabled(source: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in source.lines() {
        if ["functions! {", "pairs! {"].contains(&line) {
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside && let Some((name, _)) = line.split_once(", |") {
            names.push(name.trim().to_owned());
        }
    }
    names
}

/// Names of the operators, `operator!(Add, add, +)`.
fn operators(source: &str) -> Vec<String> {
    let calls = source
        .lines()
        .filter_map(|line| line.strip_prefix("operator!("));
    calls
        .filter_map(|call| Some(call.split(", ").nth(1)?.to_owned()))
        .collect()
}

/// All that the sources add to `Var`.
fn methods(source: &str) -> Vec<String> {
    let declared = source
        .lines()
        .filter_map(|line| line.strip_prefix("    pub fn "));
    let declared = declared.filter_map(|line| Some(line.split(['(', '<']).next()?.to_owned()));
    declared
        .chain(tabled(source))
        .chain(operators(source))
        .collect()
}

/// All names of primitives: the tables', the formulas', and those a `fn name` spells out.
fn primitives(source: &str) -> Vec<String> {
    let mut names = tabled(source);
    names.extend(operators(source));
    let literal = |text: &str| Some(text.split('"').nth(1)?.to_owned());
    let formulas = source.split("Pointwise::new(").skip(1);
    names.extend(
        formulas
            .filter(|text| text.trim_start().starts_with('"'))
            .filter_map(literal),
    );
    for body in source.split("fn name(&self)").skip(1) {
        let body = body.split("\n    }").next().expect("split has a first");
        let spelled: Vec<String> = body
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        assert!(!spelled.is_empty(), "a name that is not spelled out:{body}");
        names.extend(spelled);
    }
    names
}
