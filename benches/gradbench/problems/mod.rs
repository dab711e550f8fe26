//! The problems, a file each, and where they are found by name.

mod ba;
mod descent;
mod det;
mod gmm;
mod hello;
mod ht;
mod kmeans;
mod llsq;
mod lse;
mod lstm;
mod ode;
mod particle;
mod saddle;

use retrograd_tensor::Tensor;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::measure::Evaluation;

/// What becomes of an input, which is still text.
pub(crate) type Function = fn(&RawValue) -> Result<Evaluation, String>;

/// A problem: its name, and its functions by name.
pub(crate) struct Module {
    name: &'static str,
    functions: &'static [(&'static str, Function)],
}

const MODULES: [Module; 12] = [
    hello::MODULE,
    llsq::MODULE,
    lse::MODULE,
    ode::MODULE,
    lstm::MODULE,
    gmm::MODULE,
    det::MODULE,
    kmeans::MODULE,
    saddle::MODULE,
    particle::MODULE,
    ba::MODULE,
    ht::MODULE,
];

/// The problem of that name.
pub(crate) fn module(name: &str) -> Result<&'static Module, String> {
    let found = MODULES.iter().find(|module| module.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = MODULES.iter().map(|module| module.name).collect();
        format!("no module {name:?}; there are {}", names.join(", "))
    })
}

/// The function of that name of the problem of that name.
pub(crate) fn function(module_name: &str, name: &str) -> Result<Function, String> {
    let functions = module(module_name)?.functions;
    let found = functions.iter().find(|(function, _)| *function == name);
    found.map(|(_, run)| *run).ok_or_else(|| {
        let names: Vec<_> = functions.iter().map(|(function, _)| *function).collect();
        format!(
            "no function {name:?} in {module_name:?}; there are {}",
            names.join(", ")
        )
    })
}

/// A tensor as lists in lists.
struct Nested(Tensor);

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match **self.0.shape() {
            [] => serializer.serialize_f64(self.0.item()),
            [_] => serializer.collect_seq(self.0.iter()),
            [rows, ..] => serializer.collect_seq((0..rows).map(|i| Self(self.0.select(0, i)))),
        }
    }
}

/// A list of lists as a matrix.
fn matrix(rows: &[Vec<f64>], columns: usize) -> Tensor {
    Tensor::from_vec(rows.concat(), [rows.len(), columns])
}

/// Whether all rows of a table have this length; what the table is, for those who sent another.
fn check_rows(name: &str, rows: &[Vec<f64>], length: usize) -> Result<(), String> {
    match rows.iter().position(|row| row.len() != length) {
        Some(i) => Err(format!(
            "row {i} of {name} has {} numbers; send {length}",
            rows[i].len()
        )),
        None => Ok(()),
    }
}

/// Whether a list has this length.
fn check_length(name: &str, found: usize, wanted: usize) -> Result<(), String> {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{name} has {found} entries; send {wanted}"))
    }
}

#[cfg(test)]
mod testing {
    use serde_json::Value;

    /// The output of a function at an input.
    pub(super) fn output(module: &str, name: &str, input: &Value) -> Result<Value, String> {
        let run = super::function(module, name)?;
        let raw = serde_json::value::to_raw_value(input).expect("an input is JSON");
        let found = run(&raw)?;
        Ok(serde_json::from_str(found.output.get()).expect("an output is JSON"))
    }

    /// All numbers in a value, in order of their appearance.
    pub(super) fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::Number(number) => vec![number.as_f64().expect("a number")],
            Value::Array(values) => values.iter().flat_map(numbers).collect(),
            Value::Object(fields) => fields.values().flat_map(numbers).collect(),
            _ => Vec::new(),
        }
    }

    /// Each within `tolerance` of what is expected, relative to the larger of it and 1.
    pub(super) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len(), "{found:?}\n{expected:?}");
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let bound = tolerance * expected.abs().max(1.0);
            assert!(
                (found - expected).abs() <= bound,
                "{i}: {found} is not {expected}"
            );
        }
    }

    /// The slope of a function of a list along each of its numbers, by central differences. Their error is
    /// h²/6 of the third derivative, and ε/h: some 1e-9 for numbers about 1.
    pub(super) fn differences(f: impl Fn(&[f64]) -> f64, x: &[f64]) -> Vec<f64> {
        const H: f64 = 1e-5;
        let moved = |i: usize, by: f64| {
            let mut x = x.to_vec();
            x[i] += by;
            f(&x)
        };
        (0..x.len())
            .map(|i| (moved(i, H) - moved(i, -H)) / (2.0 * H))
            .collect()
    }

    /// Numbers between 0 and 1 without a pattern: the fractions of multiples of the golden ratio.
    pub(super) fn spread(count: usize, offset: f64) -> Vec<f64> {
        (1..=count)
            .map(|i| (i as f64 * 0.618_033_988_749_894_9 + offset).fract())
            .collect()
    }
}
