//! The value of an option, whatever its type.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::word::Word;

/// The value of an option, whatever its type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Count(usize),
    /// Whole numbers.
    Widths(Vec<usize>),
    /// A number.
    Number(f64),
    /// Yes or no.
    Switch(bool),
    /// One of a few words.
    Word(&'static str),
    /// What somebody wrote; the option that it is of says what it stands for.
    Text(String),
}

/// As it is written on a command line.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Widths(widths) if widths.is_empty() => f.write_str("none"),
            Self::Widths(widths) => {
                let widths: Vec<String> = widths.iter().map(ToString::to_string).collect();
                f.write_str(&widths.join(","))
            }
            Self::Number(number) => write!(f, "{number}"),
            Self::Switch(switch) => write!(f, "{switch}"),
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(switch: bool) -> Self {
        Self::Switch(switch)
    }
}

impl From<Vec<usize>> for Value {
    fn from(widths: Vec<usize>) -> Self {
        Self::Widths(widths)
    }
}

impl<const N: usize> From<[usize; N]> for Value {
    fn from(widths: [usize; N]) -> Self {
        Self::Widths(widths.to_vec())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<W: Word> From<W> for Value {
    fn from(word: W) -> Self {
        Self::Word(word.name())
    }
}

/// Numbers below 0, where none can be, are kept as text, so that whoever knows the option can say so.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Found {
            Switch(bool),
            Whole(i64),
            Number(f64),
            Text(String),
            Widths(Vec<i64>),
        }
        Ok(match Found::deserialize(deserializer)? {
            Found::Switch(switch) => Self::Switch(switch),
            Found::Whole(whole) => {
                usize::try_from(whole).map_or_else(|_| Self::Text(whole.to_string()), Self::Count)
            }
            Found::Number(number) => Self::Number(number),
            Found::Text(text) => Self::Text(text),
            Found::Widths(widths) => {
                let counts = widths.iter().map(|&width| usize::try_from(width));
                counts.collect::<Result<_, _>>().map_or_else(
                    |_| {
                        let widths: Vec<String> = widths.iter().map(ToString::to_string).collect();
                        Self::Text(widths.join(","))
                    },
                    Self::Widths,
                )
            }
        })
    }
}
