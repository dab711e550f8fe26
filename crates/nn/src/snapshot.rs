//! What an object must remember to go on, to the bit, as if it had never been stopped.
//!
//! An optimiser remembers running means and how many steps it made; a schedule that watches a metric
//! remembers the best one. Each shows this in a [`Snapshot`]: named tensors, and named single values.
//! Whoever writes files joins the snapshots of several objects under a prefix each
//! ([`Snapshot::nest`], [`Snapshot::part`]), puts the tensors into one file and the values, which `serde`
//! knows, into another. What an object was built with, such as a rate, is not part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use retrograd_tensor::{Float, Shape, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An object that can be stopped, and restored in another process.
///
/// ```
/// use retrograd_nn::{Module, Linear, Optimizer, Sgd, Stateful};
/// use retrograd_tensor::random;
///
/// let model = Linear::<f64>::new(2, 1, &mut random::rng(0));
/// let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
/// let optimizer = Optimizer::new(momentum, 0.1, model.params());
/// let snapshot = optimizer.snapshot();
/// assert!(snapshot.tensors.contains_key("weight/b"));
///
/// let mut other = Optimizer::new(Sgd::default(), 0.1, model.params());
/// let error = other.restore(&snapshot).unwrap_err().to_string();
/// assert_eq!(error, "it holds bias/b and weight/b, which nothing here remembers");
/// ```
pub trait Stateful<T: Float> {
    /// What it remembers.
    fn snapshot(&self) -> Snapshot<T>;

    /// Takes over what the snapshot says; nothing changes unless all of it fits.
    ///
    /// # Errors
    /// If something is missing, left over, of another shape or type, or of another kind of object.
    fn restore(&mut self, snapshot: &Snapshot<T>) -> Result<(), SnapshotError>;
}

/// Named tensors and values that together restore an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot<T: Float = f32> {
    /// What is as large as parameters are, by names such as `encoder.0.weight/m`.
    pub tensors: BTreeMap<String, Tensor<T>>,
    /// What is a single number, a few numbers or a word.
    pub values: BTreeMap<String, Value>,
}

impl<T: Float> Default for Snapshot<T> {
    fn default() -> Self {
        Self {
            tensors: BTreeMap::new(),
            values: BTreeMap::new(),
        }
    }
}

impl<T: Float> Snapshot<T> {
    /// A snapshot of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a tensor.
    #[must_use]
    pub fn with_tensor(mut self, name: impl Into<String>, tensor: Tensor<T>) -> Self {
        self.tensors.insert(name.into(), tensor);
        self
    }

    /// The same with a value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// The same with all of `other`, which has other names.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.tensors.extend(other.tensors);
        self.values.extend(other.values);
        self
    }

    /// The same with all of `inner`, under names that start with `prefix/`.
    #[must_use]
    pub fn nest(mut self, prefix: &str, inner: Self) -> Self {
        let below = |name: String| format!("{prefix}/{name}");
        let tensors = inner.tensors.into_iter().map(|(name, t)| (below(name), t));
        self.tensors.extend(tensors);
        let values = inner.values.into_iter().map(|(name, v)| (below(name), v));
        self.values.extend(values);
        self
    }

    /// What [`nest`](Self::nest) put under this prefix.
    #[must_use]
    pub fn part(&self, prefix: &str) -> Self {
        fn below<V: Clone>(map: &BTreeMap<String, V>, prefix: &str) -> BTreeMap<String, V> {
            map.iter()
                .filter_map(|(name, v)| {
                    let rest = name.strip_prefix(prefix)?.strip_prefix('/')?;
                    Some((rest.to_owned(), v.clone()))
                })
                .collect()
        }
        Self {
            tensors: below(&self.tensors, prefix),
            values: below(&self.values, prefix),
        }
    }

    /// A reader that in the end knows what nobody asked for.
    #[must_use]
    pub fn reader(&self) -> SnapshotReader<'_, T> {
        SnapshotReader {
            snapshot: self,
            read: BTreeSet::new(),
        }
    }
}

/// A single value of a snapshot.
///
/// With `serde` it is a plain JSON value; a number that is not finite is `{"float": "inf"}`, `"-inf"`
/// or `"nan"`. Read with `serde_json`'s `float_roundtrip`, numbers come back to the bit (of NaN,
/// that it is one).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Whether something holds.
    Flag(bool),
    /// How often something happened.
    Count(u64),
    /// A number.
    Number(f64),
    /// A few numbers.
    Numbers(Vec<f64>),
    /// A word, such as the name of an update rule.
    Text(String),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "true or false",
            Self::Count(_) => "a count",
            Self::Number(_) => "a number",
            Self::Numbers(_) => "a list of numbers",
            Self::Text(_) => "a text",
        }
    }
}

/// `value_from! { bool => Flag }` gives `impl From<bool> for Value { fn from(v) { Value::Flag(v) } }`.
macro_rules! value_from {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

value_from! { bool => Flag, u64 => Count, f64 => Number, Vec<f64> => Numbers, &str => Text, String => Text }

/// A number as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Float64 {
    Finite(f64),
    Other { float: String },
}

impl From<f64> for Float64 {
    fn from(number: f64) -> Self {
        if number.is_finite() {
            return Self::Finite(number);
        }
        let name = if number.is_nan() { "nan" } else { "inf" };
        let sign = if number < 0.0 { "-" } else { "" };
        Self::Other {
            float: format!("{sign}{name}"),
        }
    }
}

impl TryFrom<Float64> for f64 {
    type Error = String;

    fn try_from(number: Float64) -> Result<Self, String> {
        match number {
            Float64::Finite(number) => Ok(number),
            Float64::Other { float } => match float.as_str() {
                "inf" => Ok(Self::INFINITY),
                "-inf" => Ok(Self::NEG_INFINITY),
                "nan" => Ok(Self::NAN),
                _ => Err(format!("`{float}` is not inf, -inf or nan")),
            },
        }
    }
}

/// A value as JSON has it; what is tried first comes first, so that `3` is a count and `3.0` none.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Raw {
    Flag(bool),
    Count(u64),
    Number(Float64),
    Numbers(Vec<Float64>),
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = match self {
            Self::Flag(flag) => Raw::Flag(*flag),
            Self::Count(count) => Raw::Count(*count),
            Self::Number(number) => Raw::Number((*number).into()),
            Self::Numbers(numbers) => Raw::Numbers(numbers.iter().map(|&n| n.into()).collect()),
            Self::Text(text) => Raw::Text(text.clone()),
        };
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = |raw: Float64| f64::try_from(raw).map_err(serde::de::Error::custom);
        Ok(match Raw::deserialize(deserializer)? {
            Raw::Flag(flag) => Self::Flag(flag),
            Raw::Count(count) => Self::Count(count),
            Raw::Number(raw) => Self::Number(number(raw)?),
            Raw::Numbers(raw) => {
                Self::Numbers(raw.into_iter().map(number).collect::<Result<_, _>>()?)
            }
            Raw::Text(text) => Self::Text(text),
        })
    }
}

/// Why a snapshot does not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Something is not there.
    #[error("it does not hold {name}, which is needed here")]
    Missing {
        /// Its name.
        name: String,
    },
    /// Something is there for which there is no use.
    #[error("it holds {}, which nothing here remembers", listed(names))]
    Extra {
        /// The names.
        names: Vec<String>,
    },
    /// A tensor has another shape.
    #[error("{name} has shape {found} there and {expected} here")]
    Shape {
        /// Its name.
        name: String,
        /// The shape in the snapshot.
        found: Box<Shape>,
        /// The shape it should have.
        expected: Box<Shape>,
    },
    /// A value is of another type.
    #[error("{name} is {found} there and {expected} here")]
    Kind {
        /// Its name.
        name: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
}

/// The names in a line, with a count in place of those after the fifth.
fn listed(names: &[String]) -> impl fmt::Display {
    const SHOWN: usize = 5;
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => {
            let rest = names.len() - SHOWN;
            format!("{} and {rest} more", names[..SHOWN].join(", "))
        }
    }
}

/// Reads a snapshot by name.
#[derive(Debug)]
pub struct SnapshotReader<'a, T: Float> {
    snapshot: &'a Snapshot<T>,
    read: BTreeSet<String>,
}

impl<'a, T: Float> SnapshotReader<'a, T> {
    /// The tensor of this name.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn tensor(&mut self, name: &str, shape: &Shape) -> Result<Tensor<T>, SnapshotError> {
        let Some(tensor) = self.snapshot.tensors.get(name) else {
            return Err(missing(name));
        };
        if tensor.shape() != shape {
            return Err(SnapshotError::Shape {
                name: name.to_owned(),
                found: Box::new(*tensor.shape()),
                expected: Box::new(*shape),
            });
        }
        self.read.insert(name.to_owned());
        Ok(tensor.clone())
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn has_tensor(&self, name: &str) -> bool {
        self.snapshot.tensors.contains_key(name)
    }

    /// The count of this name.
    ///
    /// # Errors
    /// If it is missing or not a count.
    pub fn count(&mut self, name: &str) -> Result<u64, SnapshotError> {
        match self.value(name)? {
            Value::Count(count) => Ok(*count),
            other => Err(kind(name, other, "a count")),
        }
    }

    /// The number of this name.
    ///
    /// # Errors
    /// If it is missing or not a number.
    pub fn number(&mut self, name: &str) -> Result<f64, SnapshotError> {
        match self.value(name)? {
            Value::Number(number) => Ok(*number),
            other => Err(kind(name, other, "a number")),
        }
    }

    /// The list of this name.
    ///
    /// # Errors
    /// If it is missing or not a list of numbers.
    pub fn numbers(&mut self, name: &str) -> Result<Vec<f64>, SnapshotError> {
        match self.value(name)? {
            Value::Numbers(numbers) => Ok(numbers.clone()),
            other => Err(kind(name, other, "a list of numbers")),
        }
    }

    /// The flag of this name.
    ///
    /// # Errors
    /// If it is missing or not a flag.
    pub fn flag(&mut self, name: &str) -> Result<bool, SnapshotError> {
        match self.value(name)? {
            Value::Flag(flag) => Ok(*flag),
            other => Err(kind(name, other, "true or false")),
        }
    }

    /// The text of this name.
    ///
    /// # Errors
    /// If it is missing or not a text.
    pub fn text(&mut self, name: &str) -> Result<&'a str, SnapshotError> {
        match self.value(name)? {
            Value::Text(text) => Ok(text),
            other => Err(kind(name, other, "a text")),
        }
    }

    /// Asks that the text of this name is `expected`.
    ///
    /// # Errors
    /// If it is missing, not a text, or another one: the snapshot is of another kind of object.
    pub fn expect(&mut self, name: &str, expected: &str) -> Result<(), SnapshotError> {
        let found = self.text(name)?;
        if found == expected {
            return Ok(());
        }
        Err(SnapshotError::Kind {
            name: name.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        })
    }

    /// Asks that everything has been read.
    ///
    /// # Errors
    /// If something is left over.
    pub fn finish(self) -> Result<(), SnapshotError> {
        let tensors = self.snapshot.tensors.keys();
        let names: Vec<String> = tensors
            .chain(self.snapshot.values.keys())
            .filter(|name| !self.read.contains(*name))
            .cloned()
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(SnapshotError::Extra { names })
    }

    fn value(&mut self, name: &str) -> Result<&'a Value, SnapshotError> {
        let value = self
            .snapshot
            .values
            .get(name)
            .ok_or_else(|| missing(name))?;
        self.read.insert(name.to_owned());
        Ok(value)
    }
}

fn missing(name: &str) -> SnapshotError {
    SnapshotError::Missing {
        name: name.to_owned(),
    }
}

fn kind(name: &str, found: &Value, expected: &str) -> SnapshotError {
    SnapshotError::Kind {
        name: name.to_owned(),
        found: found.kind().to_owned(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_json_to_the_bit() {
        let numbers = [
            0.1 + 0.2,
            -0.0,
            3.0,
            1e22,
            5e-324,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        let mut values: Vec<Value> = numbers.map(Value::Number).to_vec();
        values.extend([
            Value::Numbers(numbers.to_vec()),
            Value::Numbers(Vec::new()),
            Value::Count(u64::MAX),
            Value::Count(3),
            Value::Flag(true),
            Value::Text("inf".to_owned()),
        ]);
        let bits = |value: &Value| match value {
            Value::Number(n) => vec![n.to_bits()],
            Value::Numbers(list) => list.iter().map(|n| n.to_bits()).collect(),
            _ => Vec::new(),
        };
        for value in values {
            let json = serde_json::to_string(&value).unwrap();
            let back: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value.kind(), back.kind(), "{json}");
            assert_eq!(bits(&value), bits(&back), "{json}");
            if bits(&value).is_empty() {
                assert_eq!(value, back);
            }
        }
        let error = serde_json::from_str::<Value>("{\"float\": \"big\"}").unwrap_err();
        assert!(error.to_string().contains("`big` is not inf"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let snapshot = Snapshot::<f64>::new()
            .with_tensor("w/m", Tensor::zeros([2, 3]))
            .with("steps", 7_u64)
            .with("rule", "adam");
        let mut reader = snapshot.reader();
        assert_eq!(reader.count("steps"), Ok(7));
        let texts = [
            reader.tensor("w/v", &[2, 3].into()).unwrap_err(),
            reader.tensor("w/m", &[3, 2].into()).unwrap_err(),
            reader.number("steps").unwrap_err(),
            reader.expect("rule", "sgd").unwrap_err(),
            reader.finish().unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(
            texts,
            [
                "it does not hold w/v, which is needed here",
                "w/m has shape [2, 3] there and [3, 2] here",
                "steps is a count there and a number here",
                "rule is adam there and sgd here",
                "it holds w/m, which nothing here remembers",
            ]
        );
    }

    #[test]
    fn a_part_is_what_was_nested() {
        let inner = Snapshot::<f64>::new()
            .with_tensor("w", Tensor::ones([2]))
            .with("steps", 1_u64);
        let whole = Snapshot::new()
            .with("steps", 2_u64)
            .nest("a", inner.clone())
            .nest("ab", Snapshot::new().with("steps", 3_u64));
        assert_eq!(whole.part("a"), inner);
        assert_eq!(whole.part("ab").values["steps"], Value::Count(3));
    }
}
