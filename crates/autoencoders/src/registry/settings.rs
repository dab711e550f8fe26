//! The options of a model, by name.

use std::fmt;

use retrograd_nn::Activation;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::shape::DataShape;
use super::value::Value;
use super::word::{Nonlinearity, Word};
use crate::parts::dense::through;

/// Options of a variant and their values, in an order. What is not chosen is as in the variant's source.
///
/// Which options there are, and what they may be, says the variant's [`Card`](crate::Card), which
/// completes and checks them. They are read and written as TOML or any other format of `serde`, under the
/// names on the command line:
///
/// ```
/// use retrograd_autoencoders::{Card, DataShape, Settings};
/// use retrograd_tensor::random;
///
/// let settings: Settings = toml::from_str("latent = 2\nhidden = [64]").unwrap();
/// let (deep, data) = (Card::named("deep").unwrap(), DataShape::images([1, 28, 28]));
/// let model = deep.build(&settings, data, &mut random::rng(0)).unwrap();
/// assert_eq!(model.widths(), [784, 64, 2, 64, 784]);
///
/// // With what was left open, as a run's record keeps it: builds the same model again.
/// let whole = deep.resolve(&settings, data).unwrap();
/// assert_eq!(
///     toml::to_string(&whole).unwrap(),
///     "latent = 2\nhidden = [64]\nactivation = \"relu\"\noutput = \"probability\"\n"
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<(String, Value)>);

impl Settings {
    /// None: everything as in the variant's source.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with this option at this value; text stands for what it does on a command line.
    ///
    /// ```
    /// # use retrograd_autoencoders::Settings;
    /// let settings = Settings::new().with("hidden", "256,64").with("latent", 2);
    /// assert_eq!(settings.get("latent").unwrap().to_string(), "2");
    /// ```
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets the option `name`.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The value of this option, if one is chosen.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + '_ {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// These, and where one is not set, what `others` has.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        self.iter().fold(others.clone(), |all, (name, value)| {
            all.with(name, value.clone())
        })
    }

    /// The value of an option that is a whole number.
    ///
    /// # Panics
    /// As all that read by type, if there is no such option, or it is of another type: those of a
    /// [resolved](crate::Card::resolve) variant are there, as its card says.
    #[track_caller]
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        match self.need(name) {
            Value::Count(count) => *count,
            other => wrong(name, other, "a whole number"),
        }
    }

    /// The value of an option that is a number.
    #[track_caller]
    #[must_use]
    pub fn number(&self, name: &str) -> f64 {
        match self.need(name) {
            Value::Number(number) => *number,
            other => wrong(name, other, "a number"),
        }
    }

    /// The value of an option that is whole numbers.
    #[track_caller]
    #[must_use]
    pub fn widths(&self, name: &str) -> &[usize] {
        match self.need(name) {
            Value::Widths(widths) => widths,
            other => wrong(name, other, "whole numbers"),
        }
    }

    /// The value of an option that is yes or no.
    #[track_caller]
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        match self.need(name) {
            Value::Switch(switch) => *switch,
            other => wrong(name, other, "yes or no"),
        }
    }

    /// The value of an option that is one of a few words.
    #[track_caller]
    #[must_use]
    pub fn word<W: Word>(&self, name: &str) -> W {
        self.word_if_any(name)
            .unwrap_or_else(|| wrong(name, self.need(name), "one of its words"))
    }

    /// The value of an option that is one of a few words, if the variant has it.
    #[must_use]
    pub fn word_if_any<W: Word>(&self, name: &str) -> Option<W> {
        match self.get(name)? {
            Value::Word(word) => W::from_name(word),
            Value::Text(word) => W::from_name(word),
            _ => None,
        }
    }

    /// The widths from the input through the hidden layers, if there are any, to the code.
    pub(crate) fn down(&self, data: DataShape) -> Vec<usize> {
        let hidden = match self.get("hidden") {
            Some(Value::Widths(hidden)) => hidden.as_slice(),
            _ => &[],
        };
        through(data.features(), hidden, self.count("latent"))
    }

    /// The nonlinearity as a layer.
    #[track_caller]
    pub(crate) fn layer(&self) -> Activation {
        self.word::<Nonlinearity>("activation").layer()
    }

    #[track_caller]
    fn need(&self, name: &str) -> &Value {
        self.get(name)
            .unwrap_or_else(|| panic!("there is no option `{name}` among these: {self}"))
    }
}

#[track_caller]
fn wrong(name: &str, value: &Value, kind: &str) -> ! {
    panic!("the option `{name}` is {value}, and not {kind}; a variant's card resolves its options")
}

/// The same options with the same values, as they are written, in any order.
impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, value): (&str, &Value)| {
            let other = other.get(name);
            other.is_some_and(|other| other.to_string() == value.to_string())
        };
        self.0.len() == other.0.len() && self.iter().all(same)
    }
}

/// `latent 2, hidden 64`
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        f.write_str(&each.join(", "))
    }
}

impl FromIterator<(String, Value)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Settings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("options of a variant by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Settings, M::Error> {
                let mut settings = Settings::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    settings.set(&name, value);
                }
                Ok(settings)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings::new()
            .with("latent", 3)
            .with("hidden", [5, 4])
            .with("rho", 0.25)
            .with("clip", true)
            .with("output", "real");
        let file = toml::to_string(&settings).unwrap();
        assert!(file.starts_with("latent = 3\nhidden = [5, 4]\n"), "{file}");
        assert_eq!(toml::from_str::<Settings>(&file).unwrap(), settings);
        let odd: Settings = toml::from_str("latent = -2\nhidden = [5, -4]").unwrap();
        assert_eq!(odd.to_string(), "hidden 5,-4, latent -2");
    }

    #[test]
    fn what_is_chosen_counts_more_and_stands_where_the_others_have_it() {
        let own = Settings::new().with("latent", 3).with("beta", 2.0);
        let others = Settings::new().with("hidden", [4]).with("latent", 9);
        assert_eq!(own.or(&others).to_string(), "hidden 4, latent 3, beta 2");
    }
}
