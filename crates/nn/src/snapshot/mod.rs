//! What an object must remember to go on, to the bit, as if it had never been stopped.
//!
//! An optimiser remembers running means and how many steps it made; a schedule that watches a metric
//! remembers the best one. Each shows this in a [`Snapshot`]: named tensors, and named single values.
//! Whoever writes files joins the snapshots of several objects under a prefix each
//! ([`Snapshot::nest`], [`Snapshot::part`]), puts the tensors into one file and the values, which `serde`
//! knows, into another. What an object was built with, such as a rate, is not part of it.

mod reader;
mod value;

use std::collections::BTreeMap;

use retrograd_tensor::Tensor;

pub use reader::{SnapshotError, SnapshotReader};
pub use value::Value;

/// An object that can be stopped, and restored in another process.
///
/// ```
/// use retrograd_nn::{Module, Linear, Optimizer, Sgd, Stateful};
/// use retrograd_tensor::random;
///
/// let model = Linear::new(2, 1, &mut random::rng(0));
/// let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
/// let optimizer = Optimizer::new(momentum, 0.1, model.params());
/// let snapshot = optimizer.snapshot();
/// assert!(snapshot.tensors.contains_key("weight/b"));
///
/// let mut other = Optimizer::new(Sgd::default(), 0.1, model.params());
/// let error = other.restore(&snapshot).unwrap_err().to_string();
/// assert_eq!(error, "it holds bias/b and weight/b, which nothing here remembers");
/// ```
pub trait Stateful {
    /// What it remembers.
    fn snapshot(&self) -> Snapshot;

    /// Takes over what the snapshot says; nothing changes unless all of it fits.
    ///
    /// # Errors
    /// If something is missing, left over, of another shape or type, or of another kind of object.
    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError>;
}

/// Named tensors and values that together restore an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// What is as large as parameters are, by names such as `encoder.0.weight/m`.
    pub tensors: BTreeMap<String, Tensor>,
    /// What is a single number, a few numbers or a word.
    pub values: BTreeMap<String, Value>,
}

impl Snapshot {
    /// A snapshot of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a tensor.
    #[must_use]
    pub fn with_tensor(mut self, name: impl Into<String>, tensor: Tensor) -> Self {
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
    pub fn reader(&self) -> SnapshotReader<'_> {
        SnapshotReader::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::DType;

    #[test]
    fn a_part_is_what_was_nested() {
        let inner = Snapshot::new()
            .with_tensor("w", Tensor::ones([2], DType::F64))
            .with("steps", 1_u64);
        let whole = Snapshot::new()
            .with("steps", 2_u64)
            .nest("a", inner.clone())
            .nest("ab", Snapshot::new().with("steps", 3_u64));
        assert_eq!(whole.part("a"), inner);
        assert_eq!(whole.part("ab").values["steps"], Value::Count(3));
    }
}
