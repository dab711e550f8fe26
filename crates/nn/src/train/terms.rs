//! A loss as a sum of named terms, and figures beside it, so that each can be seen.

use std::borrow::Cow;

use retrograd_autograd::Var;
use smallvec::{SmallVec, smallvec};

use super::metrics::{Figure, Metrics};

/// What an objective gives for a batch: named terms, whose weighted sum is the loss, and figures that are
/// watched and not minimised.
///
/// A term is reported as it is, without its weight: a divergence is then the same quantity under every
/// weight, and its curve says nothing of the weight's schedule.
///
/// ```
/// use retrograd_autograd::Var;
/// use retrograd_nn::Terms;
/// use retrograd_tensor::Tensor;
///
/// let number = |value: f64| Var::constant(Tensor::scalar(value));
/// let terms = Terms::new("mse", number(0.5))
///     .weighted("kl", number(3.0), 0.1)
///     .watching("perplexity", 12.0);
/// assert_eq!(terms.total().item(), 0.5 + 3.0 * 0.1);
/// assert_eq!(terms.metrics().get("kl"), Some(3.0));
/// ```
#[derive(Clone, Debug)]
pub struct Terms {
    minimised: SmallVec<[Term; 4]>,
    watched: SmallVec<[(Cow<'static, str>, Watched); 2]>,
}

#[derive(Clone, Debug)]
struct Term {
    name: Cow<'static, str>,
    value: Var,
    weight: f64,
}

/// A figure that is reported and not minimised: a number, or a `Var` of one.
#[derive(Clone, Debug)]
pub struct Watched(Source);

#[derive(Clone, Debug)]
enum Source {
    Number(f64),
    Var(Var),
}

impl From<f64> for Watched {
    fn from(number: f64) -> Self {
        Self(Source::Number(number))
    }
}

impl From<Var> for Watched {
    fn from(var: Var) -> Self {
        Self(Source::Var(var))
    }
}

impl From<&Var> for Watched {
    fn from(var: &Var) -> Self {
        Self(Source::Var(var.clone()))
    }
}

impl Watched {
    #[track_caller]
    fn value(&self) -> f64 {
        match &self.0 {
            Source::Number(number) => *number,
            Source::Var(var) => var.item(),
        }
    }
}

impl Terms {
    /// An objective of one term.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, value: Var) -> Self {
        Self {
            minimised: smallvec![Term {
                name: name.into(),
                value,
                weight: 1.0,
            }],
            watched: SmallVec::new(),
        }
    }

    /// The same with another term.
    ///
    /// # Panics
    /// If there is something of this name already.
    #[track_caller]
    #[must_use]
    pub fn with(self, name: impl Into<Cow<'static, str>>, value: Var) -> Self {
        self.weighted(name, value, 1.0)
    }

    /// The same with another term, of which `weight` times the value is minimised.
    ///
    /// # Panics
    /// If there is something of this name already.
    #[track_caller]
    #[must_use]
    pub fn weighted(mut self, name: impl Into<Cow<'static, str>>, value: Var, weight: f64) -> Self {
        let name = self.free(name.into());
        self.minimised.push(Term {
            name,
            value,
            weight,
        });
        self
    }

    /// The same with a figure that is not minimised, such as a perplexity or how many units are on.
    ///
    /// # Panics
    /// If there is something of this name already.
    #[track_caller]
    #[must_use]
    pub fn watching(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Watched>,
    ) -> Self {
        let name = self.free(name.into());
        self.watched.push((name, value.into()));
        self
    }

    /// A name that nothing has yet: averages go by it.
    #[track_caller]
    fn free(&self, name: Cow<'static, str>) -> Cow<'static, str> {
        let terms = self.minimised.iter().map(|term| &term.name);
        let mut taken = terms.chain(self.watched.iter().map(|(name, _)| name));
        assert!(
            taken.all(|other| *other != name),
            "terms: there is a `{name}` already; each needs a name of its own"
        );
        name
    }

    /// The loss: the weighted sum of the terms.
    #[track_caller]
    #[must_use]
    pub fn total(&self) -> Var {
        // Times 1 is the same bits, and a node less without it.
        let mut values = self.minimised.iter().map(|term| match term.weight {
            1.0 => term.value.clone(),
            weight => &term.value * weight,
        });
        let first = values
            .next()
            .unwrap_or_else(|| unreachable!("an objective has a term"));
        values.fold(first, |sum, value| sum + value)
    }

    /// The numbers.
    ///
    /// # Panics
    /// If a term, or what is watched, is not a single number.
    #[track_caller]
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        for Term {
            name,
            value,
            weight,
        } in &self.minimised
        {
            metrics.push(Figure::term(name.clone(), value.item(), *weight));
        }
        for (name, value) in &self.watched {
            metrics.push(Figure::watched(name.clone(), value.value()));
        }
        metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::Tensor;

    #[test]
    fn a_weight_of_one_records_nothing() {
        let tape = retrograd_autograd::Tape::new();
        let x = tape.leaf(Tensor::scalar(2.0));
        let before = tape.len();
        let _ = Terms::new("a", x.clone()).total();
        assert_eq!(tape.len(), before);
        let gradient = |weight| {
            let x = retrograd_autograd::Tape::new().leaf(Tensor::scalar(2.0));
            let terms = Terms::new("a", x.clone()).weighted("b", x.square(), weight);
            let gradients = terms.total().backward();
            gradients.of(&x).unwrap().item()
        };
        assert_eq!(
            (gradient(1.0), gradient(0.5), gradient(0.0)),
            (5.0, 3.0, 1.0)
        );
    }

    #[test]
    #[should_panic(expected = "there is a `kl` already")]
    fn a_name_is_used_once() {
        let x = Var::constant(Tensor::scalar(1.0));
        let _ = Terms::new("kl", x).watching("kl", 1.0);
    }
}
