//! One option: its name, what it means, what it may be.

use std::fmt;
use std::ops::Bound;

use super::settings::{SETTINGS, Settings};

/// The value of an option, whatever its type.
#[derive(Clone, Debug, PartialEq)]
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
}

/// What the value of an option may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A whole number, this or more.
    Count(usize),
    /// Any whole numbers of 1 or more, with commas between; none is `none`.
    Widths,
    /// A number between two bounds.
    Number(Bound<f64>, Bound<f64>),
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Words(&'static [&'static str]),
}

impl Range {
    /// 0 or more.
    pub const NOT_NEGATIVE: Self = Self::Number(Bound::Included(0.0), Bound::Unbounded);
    /// Above 0.
    pub const POSITIVE: Self = Self::Number(Bound::Excluded(0.0), Bound::Unbounded);
    /// Between 0 and 1, neither of them.
    pub const INSIDE: Self = Self::Number(Bound::Excluded(0.0), Bound::Excluded(1.0));

    /// Whether the value is in the range.
    #[must_use]
    pub fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Count(least), Value::Count(count)) => *count >= least,
            (Self::Widths, Value::Widths(widths)) => widths.iter().all(|&width| width >= 1),
            (Self::Number(low, high), Value::Number(number)) => {
                let above = match low {
                    Bound::Included(low) => *number >= low,
                    Bound::Excluded(low) => *number > low,
                    Bound::Unbounded => true,
                };
                let below = match high {
                    Bound::Included(high) => *number <= high,
                    Bound::Excluded(high) => *number < high,
                    Bound::Unbounded => true,
                };
                number.is_finite() && above && below
            }
            (Self::Switch, Value::Switch(_)) => true,
            (Self::Words(words), Value::Word(word)) => words.contains(word),
            _ => false,
        }
    }

    /// The value that a text stands for, if it is of the right kind; perhaps out of range.
    fn read(self, text: &str) -> Option<Value> {
        let text = text.trim();
        match self {
            Self::Count(_) => text.parse().ok().map(Value::Count),
            Self::Widths if text == "none" => Some(Value::Widths(Vec::new())),
            Self::Widths => {
                let widths = text.split(',').map(|width| width.trim().parse());
                widths.collect::<Result<_, _>>().ok().map(Value::Widths)
            }
            Self::Number(..) => text.parse().ok().map(Value::Number),
            Self::Switch => text.parse().ok().map(Value::Switch),
            Self::Words(words) => {
                let lower = text.to_lowercase();
                let word = words.iter().find(|word| **word == lower);
                word.map(|word| Value::Word(word))
            }
        }
    }
}

/// As what may stand in `it must be ...`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(least) => write!(f, "a whole number, {least} or more"),
            Self::Widths => f.write_str(
                "whole numbers of 1 or more with commas between, such as 256,64, or none",
            ),
            Self::Number(low, high) => {
                f.write_str("a number")?;
                match low {
                    Bound::Included(low) => write!(f, ", {low} or more")?,
                    Bound::Excluded(low) => write!(f, " above {low}")?,
                    Bound::Unbounded => {}
                }
                match high {
                    Bound::Included(high) => write!(f, " and {high} or less"),
                    Bound::Excluded(high) => write!(f, " and below {high}"),
                    Bound::Unbounded => Ok(()),
                }
            }
            Self::Switch => f.write_str("true or false"),
            Self::Words(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
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
        }
    }
}

/// An option that variants may have.
#[derive(Clone, Copy)]
pub struct Setting {
    /// Its name on the command line (`--latent`) and in files.
    pub name: &'static str,
    /// What it decides, in one line.
    pub meaning: &'static str,
    /// What it may be.
    pub range: Range,
    pub(super) get: fn(&Settings) -> Option<Value>,
    pub(super) set: fn(&mut Settings, Option<Value>),
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({}: {})", self.name, self.range)
    }
}

/// Why an option cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No option has this name.
    #[error("there is no option `{name}`; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The value is not one it may have.
    #[error("{name} = {value}: it must be {range}")]
    Value {
        /// The option's name.
        name: &'static str,
        /// The value as it was given.
        value: String,
        /// What it must be.
        range: String,
    },
}

impl Setting {
    /// The option of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<&'static Self, SettingError> {
        let found = SETTINGS.iter().find(|setting| setting.name == name);
        found.ok_or_else(|| SettingError::Unknown {
            name: name.to_owned(),
            known: SETTINGS.map(|setting| setting.name).join(", "),
        })
    }

    /// The value in `settings`, if one is set.
    #[must_use]
    pub fn of(&self, settings: &Settings) -> Option<Value> {
        (self.get)(settings)
    }

    /// The value that `text` stands for.
    ///
    /// # Errors
    /// If it is not one that the option may have.
    pub fn read(&self, text: &str) -> Result<Value, SettingError> {
        let value = self.range.read(text);
        let value = value.ok_or_else(|| self.wrong(text))?;
        self.check(&value)?;
        Ok(value)
    }

    pub(super) fn check(&self, value: &Value) -> Result<(), SettingError> {
        if self.range.holds(value) {
            Ok(())
        } else {
            Err(self.wrong(&value.to_string()))
        }
    }

    fn wrong(&self, value: &str) -> SettingError {
        SettingError::Value {
            name: self.name,
            value: value.to_owned(),
            range: self.range.to_string(),
        }
    }
}
