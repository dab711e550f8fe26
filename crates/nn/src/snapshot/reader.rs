//! Reading a snapshot by name, and what can be wrong with it.

use std::collections::BTreeSet;
use std::fmt;

use retrograd_tensor::{Shape, Tensor};

use super::{Snapshot, Value};

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
pub struct SnapshotReader<'a> {
    snapshot: &'a Snapshot,
    read: BTreeSet<String>,
}

impl<'a> SnapshotReader<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            read: BTreeSet::new(),
        }
    }

    /// The tensor of this name, rounded to the type of `like`.
    ///
    /// # Errors
    /// If it is missing or has another shape than `like`.
    pub fn tensor(&mut self, name: &str, like: &Tensor) -> Result<Tensor, SnapshotError> {
        let Some(tensor) = self.snapshot.tensors.get(name) else {
            return Err(missing(name));
        };
        if tensor.shape() != like.shape() {
            return Err(SnapshotError::Shape {
                name: name.to_owned(),
                found: Box::new(*tensor.shape()),
                expected: Box::new(*like.shape()),
            });
        }
        self.read.insert(name.to_owned());
        Ok(tensor.cast(like.dtype()))
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
    use retrograd_tensor::DType;

    #[test]
    fn what_does_not_fit_is_named() {
        let zeros = |shape: [usize; 2]| Tensor::zeros(shape, DType::F64);
        let snapshot = Snapshot::new()
            .with_tensor("w/m", zeros([2, 3]))
            .with("steps", 7_u64)
            .with("rule", "adam");
        let mut reader = snapshot.reader();
        assert_eq!(reader.count("steps"), Ok(7));
        let texts = [
            reader.tensor("w/v", &zeros([2, 3])).unwrap_err(),
            reader.tensor("w/m", &zeros([3, 2])).unwrap_err(),
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
        let narrow = zeros([2, 3]).cast(DType::F32);
        assert_eq!(snapshot.reader().tensor("w/m", &narrow), Ok(narrow));
    }
}
