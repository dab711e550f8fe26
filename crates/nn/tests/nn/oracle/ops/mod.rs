//! Every operation against PyTorch's samples of it, in f64 and in f32.
//!
//! The folder `ops` of the reference values has `cases.jsonl`, a case a line, and a file of tensors
//! an operation. In f64, values and derivatives of first and second order are compared with
//! PyTorch's. In f32 they are compared with ours in f64, from the same rounded inputs.
//!
//! `cargo test -p retrograd-nn --test nn oracle::ops -- --nocapture` prints the table. An operation of
//! the folder has a row in one of the families below, or a reason in [`LEFT_OUT`].

mod args;
mod case;
mod compare;
mod operation;

mod attention;
mod conv;
mod index;
mod loss;
mod movement;
mod normalize;
mod pointwise;
mod products;
mod reduce;

mod left_out;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use retrograd_tensor::DType;
use serde_json::Value;

use self::case::{Case, File};
use self::compare::{Errors, Terms};
use self::left_out::LEFT_OUT;
use self::operation::Operation;

/// The bound of values and first order in f64, relative to the largest entry.
const EXACT: f64 = 1e-10;
/// That of second order.
const SECOND: f64 = 1e-8;

/// All families.
fn operations() -> Vec<Operation> {
    [
        attention::table(),
        conv::table(),
        index::table(),
        loss::table(),
        movement::table(),
        normalize::table(),
        pointwise::table(),
        products::table(),
        reduce::table(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What became of the cases of one operation.
#[derive(Default)]
struct Tally {
    cases: usize,
    passed: usize,
    /// Cases that are not for our operation, by reason.
    left_out: BTreeMap<&'static str, usize>,
    double: Errors,
    single: Errors,
}

#[test]
fn operations_agree_with_pytorch() {
    let Some(folder) = crate::oracle::folder::oracle("operations_agree_with_pytorch") else {
        return;
    };
    let folder = folder.join("ops");
    let cases = cases(&folder);
    let table = table();
    let mut failures = Vec::new();
    let mut tallies: Vec<(&str, Tally)> = Vec::new();
    for (name, records) in &cases {
        if LEFT_OUT.iter().any(|(left_out, _)| left_out == name) {
            continue;
        }
        let Some(operation) = table.get(name.as_str()) else {
            failures.push(format!("{name}: neither a row nor a reason in LEFT_OUT"));
            continue;
        };
        let file = case::read(&folder.join(format!("{name}.safetensors")));
        let tally = tally(operation, records, &file, &mut failures);
        tallies.push((name, tally));
    }
    print(&cases, &table, &tallies);
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Each row and each reason has its place: no operation has two.
#[test]
fn no_operation_has_two_rows() {
    let names = operations().into_iter().map(|row| row.name);
    let names = names.chain(LEFT_OUT.map(|(name, _)| name));
    let mut met = BTreeSet::new();
    for name in names {
        assert!(met.insert(name), "{name} has two rows, or one and a reason");
    }
}

fn table() -> BTreeMap<&'static str, Operation> {
    let rows = operations().into_iter();
    rows.map(|row| (row.name, row)).collect()
}

/// The records of the index by operation, in the order of names.
fn cases(folder: &Path) -> BTreeMap<String, Vec<Value>> {
    let index = fs::read_to_string(folder.join("cases.jsonl")).expect("the folder has an index");
    let mut cases: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in index.lines() {
        let record: Value = serde_json::from_str(line).expect("a record is JSON");
        let name = record["op"].as_str().expect("a record names its operation");
        cases.entry(name.to_owned()).or_default().push(record);
    }
    cases
}

fn tally(
    operation: &Operation,
    records: &[Value],
    file: &File,
    failures: &mut Vec<String>,
) -> Tally {
    let mut tally = Tally::default();
    for record in records {
        let case = Case {
            record,
            file,
            rounded: false,
        };
        tally.cases += 1;
        let outcome = catch_unwind(AssertUnwindSafe(|| compare(operation, case)));
        match outcome.unwrap_or_else(|panic| Err(words(&*panic))) {
            Ok(Ok((double, single))) => {
                tally.double.include(&double);
                tally.single.include(&single);
                tally.passed += 1;
            }
            Ok(Err(reason)) => *tally.left_out.entry(reason).or_default() += 1,
            Err(failure) => failures.push(format!("{}: {failure}", case.id())),
        }
    }
    tally
}

/// The errors of one case in f64 and in f32, or why it is left out, or what is wrong.
fn compare(
    operation: &Operation,
    case: Case<'_>,
) -> Result<Result<(Errors, Errors), &'static str>, String> {
    let found = match case.run(operation, DType::F64) {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let bound = operation.double.map_or(EXACT, |(bound, _)| bound);
    let bounds = Errors {
        value: bound,
        first: bound,
        second: bound.max(SECOND),
    };
    let double = compare::errors(
        &found,
        &case.expected(&found),
        &case.terms(Terms::CANCELLED_DOUBLE),
    )?;
    if let Some(words) = double.beyond(&bounds) {
        return Err(format!("in f64, {words}"));
    }
    let case = Case {
        rounded: true,
        ..case
    };
    let expected = case.run(operation, DType::F64)?.rounded();
    let found = case.run(operation, DType::F32)?;
    let single = compare::errors(&found, &expected, &case.terms(Terms::CANCELLED_SINGLE))?;
    let times = operation.single.map_or(1.0, |(times, _)| times);
    let bound = times * compare::single_precision(case.elements());
    let bounds = Errors {
        value: bound,
        first: bound,
        second: bound,
    };
    match single.beyond(&bounds) {
        Some(words) => Err(format!("in f32, {words}")),
        None => Ok(Ok((double, single))),
    }
}

/// What a panic said.
fn words(panic: &dyn std::any::Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panics: {}", text.unwrap_or("without words"))
}

fn print(
    cases: &BTreeMap<String, Vec<Value>>,
    table: &BTreeMap<&str, Operation>,
    tallies: &[(&str, Tally)],
) {
    println!(
        "{:<42} {:>5} {:>6}  {:>8} {:>8} {:>8}  {:>8} {:>8} {:>8}",
        "worst relative errors",
        "run",
        "passed",
        "value",
        "order 1",
        "order 2",
        "f32",
        "order 1",
        "order 2"
    );
    let (mut run, mut passed, mut not_ours) = (0, 0, 0);
    for (name, tally) in tallies {
        let left_out: usize = tally.left_out.values().sum();
        let (d, s) = (&tally.double, &tally.single);
        println!(
            "{name:<42} {:>5} {:>6}  {:>8.1e} {:>8.1e} {:>8.1e}  {:>8.1e} {:>8.1e} {:>8.1e}",
            tally.cases - left_out,
            tally.passed,
            d.value,
            d.first,
            d.second,
            s.value,
            s.first,
            s.second
        );
        for (reason, count) in &tally.left_out {
            println!("    {count} left out: {reason}");
        }
        let operation = &table[name];
        if let Some((bound, reason)) = operation.double {
            println!("    within {bound:e}: {reason}");
        }
        if let Some((times, reason)) = operation.single {
            println!("    within {times} times the usual bound in f32: {reason}");
        }
        run += tally.cases - left_out;
        passed += tally.passed;
        not_ours += left_out;
    }
    for (name, records) in cases {
        if let Some((_, reason)) = LEFT_OUT.iter().find(|(left_out, _)| left_out == name) {
            println!("{name}: {} cases left out: {reason}", records.len());
        }
    }
    let total: usize = cases.values().map(Vec::len).sum();
    println!(
        "{} of {} operations; {run} of {total} cases run, {passed} passed, {not_ours} left out of these operations",
        tallies.len(),
        cases.len()
    );
}
