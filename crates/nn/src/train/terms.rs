//! A loss as a sum of named terms, so that each can be seen.

use std::borrow::Cow;

use retrograd_autograd::Var;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::snapshot::Value;

/// Named things, one a term; most objectives have few.
type Named<V> = SmallVec<[(Cow<'static, str>, V); 4]>;

/// The terms of an objective on a batch, each a single number; the loss is their sum.
#[derive(Clone, Debug)]
pub struct Terms(Named<Var>);

impl Terms {
    /// An objective of one term.
    #[must_use]
    pub fn new(name: &'static str, value: Var) -> Self {
        Self(smallvec![(name.into(), value)])
    }

    /// The same with another term.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Var) -> Self {
        self.0.push((name.into(), value));
        self
    }

    /// The sum of the terms.
    #[track_caller]
    #[must_use]
    pub fn total(&self) -> Var {
        let mut values = self.0.iter().map(|(_, value)| value);
        let first = values
            .next()
            .cloned()
            .unwrap_or_else(|| unreachable!("an objective has a term"));
        values.fold(first, |sum, value| sum + value)
    }

    /// The numbers.
    ///
    /// # Panics
    /// If a term is not a single number.
    #[track_caller]
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics(
            self.0
                .iter()
                .map(|(name, value)| (name.clone(), value.item()))
                .collect(),
        )
    }
}

/// The value of every term, of a batch or averaged over samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(String, Value)>", into = "Vec<(String, Value)>")]
pub struct Metrics(Named<f64>);

impl From<Metrics> for Vec<(String, Value)> {
    fn from(metrics: Metrics) -> Self {
        let named = metrics.0.into_iter();
        named
            .map(|(name, value)| (name.into_owned(), Value::Number(value)))
            .collect()
    }
}

impl TryFrom<Vec<(String, Value)>> for Metrics {
    type Error = String;

    fn try_from(named: Vec<(String, Value)>) -> Result<Self, String> {
        let number = |(name, value)| match value {
            Value::Number(number) => Ok((name, number)),
            other => Err(format!("{name} is {other:?} and not a number")),
        };
        named.into_iter().map(number).collect()
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (N, f64)>>(named: I) -> Self {
        let named = named.into_iter();
        Self(named.map(|(name, value)| (name.into(), value)).collect())
    }
}

impl Metrics {
    /// The loss: the sum of the terms.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().map(|(_, value)| value).sum()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }
}

/// Averages of terms over samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Averages {
    sums: Metrics,
    samples: usize,
}

impl Averages {
    /// Adds the metrics of a batch of `samples`.
    pub(super) fn add(&mut self, metrics: &Metrics, samples: usize) {
        if self.sums.0.is_empty() {
            let names = metrics.0.iter().map(|(name, _)| name.clone());
            self.sums = names.map(|name| (name, 0.0)).collect();
        }
        for ((_, sum), (_, value)) in self.sums.0.iter_mut().zip(metrics.iter()) {
            *sum += value * samples as f64;
        }
        self.samples += samples;
    }

    pub(super) fn metrics(&self) -> Metrics {
        let sums = self.sums.0.iter();
        sums.map(|(name, sum)| (name.clone(), sum / self.samples as f64))
            .collect()
    }

    pub(super) fn samples(&self) -> usize {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::Tensor;

    #[test]
    fn averages_weigh_batches_by_size() {
        let terms = |a: f64, b: f64| {
            Terms::new("a", Var::constant(Tensor::scalar(a)))
                .with("b", Tensor::scalar(b).into())
                .metrics()
        };
        let mut averages = Averages::default();
        averages.add(&terms(1.0, 10.0), 3);
        averages.add(&terms(5.0, 20.0), 1);
        assert_eq!(
            averages.metrics().iter().collect::<Vec<_>>(),
            [("a", 2.0), ("b", 12.5)]
        );
        assert_eq!(averages.metrics().total(), 14.5);
    }
}
