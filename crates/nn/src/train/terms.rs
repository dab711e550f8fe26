//! A loss as a sum of named terms, so that each can be seen.

use retrograd_autograd::Var;
use retrograd_tensor::Float;
use smallvec::{SmallVec, smallvec};

/// Named things, one a term; most objectives have few.
type Named<V> = SmallVec<[(&'static str, V); 4]>;

/// The terms of an objective on a batch, each a single number; the loss is their sum.
#[derive(Clone, Debug)]
pub struct Terms<T: Float>(Named<Var<T>>);

impl<T: Float> Terms<T> {
    /// An objective of one term.
    #[must_use]
    pub fn new(name: &'static str, value: Var<T>) -> Self {
        Self(smallvec![(name, value)])
    }

    /// The same with another term.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Var<T>) -> Self {
        self.0.push((name, value));
        self
    }

    /// The sum of the terms.
    #[track_caller]
    #[must_use]
    pub fn total(&self) -> Var<T> {
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
                .map(|(name, value)| (*name, value.item().to_f64()))
                .collect(),
        )
    }
}

/// The value of every term, of a batch or averaged over samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Named<f64>);

impl Metrics {
    /// The loss: the sum of the terms.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().map(|(_, value)| value).sum()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.0.iter().copied()
    }
}

/// Averages of terms over samples.
#[derive(Debug, Default)]
pub(super) struct Averages {
    sums: Named<f64>,
    samples: usize,
}

impl Averages {
    /// Adds the metrics of a batch of `samples`.
    pub(super) fn add(&mut self, metrics: &Metrics, samples: usize) {
        if self.sums.is_empty() {
            self.sums = metrics.iter().map(|(name, _)| (name, 0.0)).collect();
        }
        for ((_, sum), (_, value)) in self.sums.iter_mut().zip(metrics.iter()) {
            *sum += value * samples as f64;
        }
        self.samples += samples;
    }

    pub(super) fn metrics(&self) -> Metrics {
        Metrics(
            self.sums
                .iter()
                .map(|(name, sum)| (*name, sum / self.samples as f64))
                .collect(),
        )
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
