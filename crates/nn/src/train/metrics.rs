//! The numbers of an objective, of a batch or averaged over samples.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::snapshot::Value;

/// A named number: a term of a loss, or a figure beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// Its value, without the weight.
    pub value: f64,
    /// What it adds to the loss; none for what is only watched.
    pub weighted: Option<f64>,
    /// The weight that it has in what is minimised; none for what is only watched.
    pub weight: Option<f64>,
}

impl Figure {
    pub(super) fn term(name: Cow<'static, str>, value: f64, weight: f64) -> Self {
        Self {
            name,
            value,
            weighted: Some(value * weight),
            weight: Some(weight),
        }
    }

    pub(super) fn watched(name: Cow<'static, str>, value: f64) -> Self {
        Self {
            name,
            value,
            weighted: None,
            weight: None,
        }
    }
}

/// The figures of an objective, in their order, each with a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Stored>", into = "Vec<Stored>")]
pub struct Metrics(SmallVec<[Figure; 4]>);

/// Terms of weight 1 from names and values.
impl<N: Into<Cow<'static, str>>> FromIterator<(N, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (N, f64)>>(named: I) -> Self {
        let named = named.into_iter();
        Self(
            named
                .map(|(name, value)| Figure::term(name.into(), value, 1.0))
                .collect(),
        )
    }
}

impl FromIterator<Figure> for Metrics {
    fn from_iter<I: IntoIterator<Item = Figure>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

impl Metrics {
    /// The name of the weighted sum of the terms, wherever figures are asked for by name.
    pub const LOSS: &'static str = "loss";

    /// The loss: the weighted sum of the terms.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().filter_map(|figure| figure.weighted).sum()
    }

    /// Whether there is anything that is minimised.
    pub(super) fn has_loss(&self) -> bool {
        self.0.iter().any(|figure| figure.weighted.is_some())
    }

    /// All figures, in order.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.0
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        let figures = self.0.iter();
        figures.map(|figure| (figure.name.as_ref(), figure.value))
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let mut figures = self.iter();
        figures
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    pub(super) fn push(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    /// Adds the figures of another player, under its name and as none of this loss.
    pub(super) fn add_player(&mut self, player: &str, other: Self) {
        let name = |own: &str| Cow::from(format!("{player}/{own}"));
        self.push(Figure::watched(name(Self::LOSS), other.total()));
        self.0.extend(other.0.into_iter().map(|figure| Figure {
            name: name(&figure.name),
            weighted: None,
            ..figure
        }));
    }
}

/// A figure as files have it: a name and a value, and if it is no term of weight 1 what it adds to the
/// loss, and its weight.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Term(String, Float),
    Figure(String, Float, Option<Float>, Option<Float>),
}

/// A number that may be infinite or NaN.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
struct Float(f64);

impl From<Float> for Value {
    fn from(Float(number): Float) -> Self {
        Self::Number(number)
    }
}

impl TryFrom<Value> for Float {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => Ok(Self(number)),
            other => Err(format!("{other:?} is not a number")),
        }
    }
}

impl From<Metrics> for Vec<Stored> {
    fn from(metrics: Metrics) -> Self {
        let stored = |figure: Figure| {
            let Figure {
                name,
                value,
                weighted,
                weight,
            } = figure;
            let same = weighted.is_some_and(|weighted| weighted.to_bits() == value.to_bits());
            if same && weight == Some(1.0) {
                Stored::Term(name.into_owned(), Float(value))
            } else {
                let (weighted, weight) = (weighted.map(Float), weight.map(Float));
                Stored::Figure(name.into_owned(), Float(value), weighted, weight)
            }
        };
        metrics.0.into_iter().map(stored).collect()
    }
}

impl From<Vec<Stored>> for Metrics {
    fn from(stored: Vec<Stored>) -> Self {
        let figure = |stored| match stored {
            Stored::Term(name, Float(value)) => Figure {
                name: name.into(),
                value,
                weighted: Some(value),
                weight: Some(1.0),
            },
            Stored::Figure(name, Float(value), weighted, weight) => Figure {
                name: name.into(),
                value,
                weighted: weighted.map(|Float(number)| number),
                weight: weight.map(|Float(number)| number),
            },
        };
        Self(stored.into_iter().map(figure).collect())
    }
}

/// Averages of figures over samples, by name.
///
/// Of a value and a weight, over the samples that had the figure; of what a term adds to the loss, over
/// all that had a loss, so that the total is the mean of the losses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Averages {
    sums: Metrics,
    samples: usize,
    /// How many samples had each figure.
    #[serde(default)]
    counts: Vec<usize>,
    /// How many samples had a loss.
    #[serde(default)]
    with_loss: usize,
}

impl Averages {
    /// Adds the metrics of a batch of `samples`.
    pub(super) fn add(&mut self, metrics: &Metrics, samples: usize) {
        if self.counts.len() < self.sums.0.len() {
            // Of a checkpoint from before they were counted, when every sample had all figures.
            self.counts.resize(self.sums.0.len(), self.samples);
            self.with_loss = self.samples;
        }
        let times = samples as f64;
        let scaled = |value: Option<f64>| value.map(|value| value * times);
        for figure in &metrics.0 {
            let known = self.sums.0.iter().position(|sum| sum.name == figure.name);
            let place = known.unwrap_or_else(|| {
                let (weighted, weight) = (figure.weighted.map(|_| 0.0), figure.weight.map(|_| 0.0));
                self.sums.push(Figure {
                    name: figure.name.clone(),
                    value: 0.0,
                    weighted,
                    weight,
                });
                self.counts.push(0);
                self.counts.len() - 1
            });
            let sum = &mut self.sums.0[place];
            sum.value += figure.value * times;
            sum.weighted = plus(sum.weighted, scaled(figure.weighted));
            sum.weight = plus(sum.weight, scaled(figure.weight));
            self.counts[place] += samples;
        }
        self.samples += samples;
        if metrics.has_loss() {
            self.with_loss += samples;
        }
    }

    pub(super) fn metrics(&self) -> Metrics {
        let (all, with_loss) = (self.samples, self.with_loss.max(1) as f64);
        let mean = |(place, sum): (usize, &Figure)| {
            let count = self.counts.get(place).copied().unwrap_or(all) as f64;
            Figure {
                name: sum.name.clone(),
                value: sum.value / count,
                weighted: sum.weighted.map(|sum| sum / with_loss),
                weight: sum.weight.map(|sum| sum / count),
            }
        };
        Metrics(self.sums.0.iter().enumerate().map(mean).collect())
    }

    pub(super) fn samples(&self) -> usize {
        self.samples
    }
}

fn plus(sum: Option<f64>, value: Option<f64>) -> Option<f64> {
    match (sum, value) {
        (Some(sum), Some(value)) => Some(sum + value),
        (one, None) | (None, one) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terms;
    use retrograd_autograd::Var;
    use retrograd_tensor::Tensor;

    fn number(value: f64) -> Var {
        Var::constant(Tensor::scalar(value))
    }

    #[test]
    fn averages_weigh_batches_by_size() {
        let terms = |a, b| Terms::new("a", number(a)).with("b", number(b)).metrics();
        let mut averages = Averages::default();
        averages.add(&terms(1.0, 10.0), 3);
        averages.add(&terms(5.0, 20.0), 1);
        assert_eq!(
            averages.metrics().iter().collect::<Vec<_>>(),
            [("a", 2.0), ("b", 12.5)]
        );
        assert_eq!(averages.metrics().total(), 14.5);
    }

    #[test]
    fn averages_go_by_name_and_the_total_is_the_mean_loss() {
        let mut averages = Averages::default();
        let first = Terms::new("a", number(4.0)).weighted("b", number(2.0), 0.5);
        averages.add(&first.metrics(), 1);
        // Here `b` is absent, and something else is watched.
        let second = Terms::new("a", number(8.0)).watching("units", 3.0);
        averages.add(&second.metrics(), 1);
        // Here another player moves alone, and there is no loss.
        let mut third = Metrics::default();
        third.add_player("critic", Terms::new("hinge", number(7.0)).metrics());
        averages.add(&third, 2);
        let metrics = averages.metrics();
        let names_and_values = [
            ("a", 6.0),
            ("b", 2.0),
            ("units", 3.0),
            ("critic/loss", 7.0),
            ("critic/hinge", 7.0),
        ];
        assert_eq!(metrics.iter().collect::<Vec<_>>(), names_and_values);
        assert_eq!(metrics.total(), (5.0 + 8.0) / 2.0);
        let of = |name| metrics.figures().iter().find(|figure| figure.name == name);
        assert_eq!(of("b").unwrap().weight, Some(0.5));
        assert_eq!(of("units").unwrap().weighted, None);
        assert_eq!(of("critic/hinge").unwrap().weighted, None);
    }

    #[test]
    fn files_of_before_are_read_and_new_ones_come_back() {
        let old = "[[\"mse\",0.5],[\"l1\",{\"float\":\"inf\"}]]";
        let metrics: Metrics = serde_json::from_str(old).unwrap();
        assert_eq!(
            (metrics.get("mse"), metrics.total()),
            (Some(0.5), f64::INFINITY)
        );
        assert_eq!(serde_json::to_string(&metrics).unwrap(), old);
        let new = Terms::new("mse", number(0.5))
            .weighted("kl", number(3.0), 0.1)
            .watching("on", 1.0)
            .metrics();
        let text = serde_json::to_string(&new).unwrap();
        assert_eq!(
            serde_json::from_str::<Metrics>(&text).unwrap(),
            new,
            "{text}"
        );
        // An epoch that was under way.
        let old = "{\"sums\":[[\"mse\",6.0]],\"samples\":3}";
        let mut averages: Averages = serde_json::from_str(old).unwrap();
        averages.add(&Terms::new("mse", number(6.0)).metrics(), 1);
        assert_eq!(
            (averages.metrics().total(), averages.metrics().get("mse")),
            (3.0, Some(3.0))
        );
    }
}
