//! Parameters that are to be treated in a way of their own.

use super::optimizer::Entry;

/// Some of an optimiser's parameters, by name, and how they differ from the rest.
///
/// ```
/// use retrograd_nn::{Activation, AdamW, Group, Linear, Module, Optimizer, Sequential};
/// use retrograd_tensor::random;
///
/// let mut rng = random::rng(0);
/// let model = Sequential::new()
///     .with(Linear::new(4, 3, &mut rng))
///     .with(Activation::Relu)
///     .with(Linear::new(3, 4, &mut rng));
/// // Fine-tuning: the first layer moves slowly, and biases do not decay.
/// let optimizer = Optimizer::new(AdamW::default(), 1e-3, model.params())
///     .group(Group::matching("0.*").rate_factor(0.1))
///     .group(Group::matching("*.bias").weight_decay(0.0));
/// assert_eq!(optimizer.learning_rate_of("0.bias"), Some(1e-4));
/// assert_eq!(optimizer.learning_rate_of("2.bias"), Some(1e-3));
/// ```
#[doc(alias = "param_groups")]
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    members: Members,
    rate: Option<Rate>,
    weight_decay: Option<f64>,
    frozen: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
enum Members {
    Matching(String),
    Named(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rate {
    Factor(f64),
    Own(f64),
}

impl Group {
    /// The parameters whose whole name fits a pattern, in which `*` stands for any text, dots
    /// included: `encoder.*`, `*.bias`.
    #[must_use]
    pub fn matching(pattern: impl Into<String>) -> Self {
        Self::of_members(Members::Matching(pattern.into()))
    }

    /// The parameters of these names.
    #[must_use]
    pub fn named<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::of_members(Members::Named(names.into_iter().map(Into::into).collect()))
    }

    /// Their rate is `factor` times the optimiser's.
    #[must_use]
    pub fn rate_factor(self, factor: f64) -> Self {
        Self {
            rate: Some(Rate::Factor(factor)),
            ..self
        }
    }

    /// Their rate is this one where the optimiser's is what it was built with. Where a schedule
    /// changes that, theirs changes in proportion.
    #[must_use]
    pub fn learning_rate(self, rate: f64) -> Self {
        Self {
            rate: Some(Rate::Own(rate)),
            ..self
        }
    }

    /// Their weight decay is this one.
    #[must_use]
    pub fn weight_decay(self, decay: f64) -> Self {
        Self {
            weight_decay: Some(decay),
            ..self
        }
    }

    /// This optimiser leaves them alone, though others may move them and their gradients are still
    /// computed. [`Param::set_trainable`](crate::Param::set_trainable) freezes a parameter for all,
    /// and spares its gradient.
    #[must_use]
    pub fn frozen(self) -> Self {
        Self {
            frozen: Some(true),
            ..self
        }
    }

    fn of_members(members: Members) -> Self {
        Self {
            members,
            rate: None,
            weight_decay: None,
            frozen: None,
        }
    }

    /// Applies what the group says to the entries that belong to it.
    #[track_caller]
    pub(super) fn apply(&self, base: f64, entries: &mut [Entry]) {
        if let Members::Named(names) = &self.members {
            for name in names {
                assert!(
                    entries.iter().any(|entry| entry.name == *name),
                    "group: there is no parameter `{name}`; {}",
                    known(entries)
                );
            }
        }
        let mut found = false;
        for entry in entries.iter_mut().filter(|entry| self.has(&entry.name)) {
            found = true;
            self.apply_to(base, entry);
        }
        assert!(
            found,
            "group: no parameter's name fits `{}`; {}",
            match &self.members {
                Members::Matching(pattern) => pattern.clone(),
                Members::Named(names) => names.join(", "),
            },
            known(entries)
        );
    }

    #[track_caller]
    fn apply_to(&self, base: f64, entry: &mut Entry) {
        if let Some(frozen) = self.frozen {
            entry.frozen = frozen;
        }
        let Some(rule) = &mut entry.rule else {
            assert!(
                self.rate.is_none() && self.weight_decay.is_none(),
                "group: L-BFGS moves all parameters along one line, so that a group may be frozen but has no rate or \
                 decay of its own"
            );
            return;
        };
        if let Some(rate) = self.rate {
            entry.rate_factor = match rate {
                Rate::Factor(factor) => factor,
                Rate::Own(own) => {
                    assert!(
                        base > 0.0,
                        "group: a rate of its own follows the optimiser's in proportion, and that is {base}; build \
                         the optimiser with the rate that the schedule starts from"
                    );
                    own / base
                }
            };
        }
        if let Some(decay) = self.weight_decay {
            let changed = rule.with_weight_decay(decay).unwrap_or_else(|| {
                panic!(
                    "group: {} has no weight decay; use a rule that has, or a penalty in the loss",
                    rule.name()
                )
            });
            *rule = changed.into();
        }
    }

    fn has(&self, name: &str) -> bool {
        match &self.members {
            Members::Matching(pattern) => fits(pattern, name),
            Members::Named(names) => names.iter().any(|other| other == name),
        }
    }
}

/// The names there are, as many as fit a line.
fn known(entries: &[Entry]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!(
        "there are {}{more}",
        names[..names.len().min(SHOWN)].join(", ")
    )
}

/// Whether all of `name` fits `pattern`: what is between stars is found in order, as early as it can
/// be, the first part at the beginning and the last at the end.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(place) = name.find(part) else {
            return false;
        };
        name = &name[place + part.len()..];
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "0.weight"),
            ("0.weight", "0.weight"),
            ("0.*", "0.weight"),
            ("*.weight", "encoder.0.weight"),
            ("encoder.*.bias", "encoder.0.inner.bias"),
            ("*0*0*", "0.10"),
            ("a**b", "ab"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("0.weight", "10.weight"),
            ("0.*", "10.weight"),
            ("*.weight", "0.weights"),
            ("ab*bc", "abc"),
            ("*0*0*", "0.1"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
