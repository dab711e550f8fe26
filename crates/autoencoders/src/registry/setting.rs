//! One option of a variant: its name, what it means, what it may be, and what it is by itself.

use std::fmt;
use std::ops::Bound;

use super::shape::DataShape;
use super::value::Value;

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

    /// The value as one of the range: text is read, and a whole number taken for a number. None if it
    /// is not in the range.
    #[must_use]
    pub fn read(self, value: &Value) -> Option<Value> {
        let value = match (self, value) {
            (_, Value::Text(text)) => self.parse(text.trim())?,
            (Self::Number(..), Value::Count(count)) => Value::Number(*count as f64),
            _ => value.clone(),
        };
        self.holds(&value).then_some(value)
    }

    fn holds(self, value: &Value) -> bool {
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
    fn parse(self, text: &str) -> Option<Value> {
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

/// An option of a variant, as data on its card.
///
/// ```
/// use retrograd_autoencoders::{Range, Setting};
///
/// const RHO: Setting = Setting::new("rho", "Target ρ of the mean of each unit.", Range::INSIDE, |_| 0.1.into());
/// // A child has the same with another value.
/// const LOWER: Setting = RHO.by_default(|_| 0.05.into());
/// # let _ = LOWER;
/// ```
#[derive(Clone, Copy)]
pub struct Setting {
    /// Its name on the command line (`--latent`) and in files.
    pub name: &'static str,
    /// What it decides, in one line.
    pub meaning: &'static str,
    /// What it may be.
    pub range: Range,
    default: fn(DataShape) -> Value,
    applies: fn(DataShape) -> bool,
    fitted: Change,
    small: Change,
}

/// Another value for data of a shape.
type Change = fn(DataShape, Value) -> Value;

impl Setting {
    /// An option of this name and range whose value for data of a shape is `default` unless another is
    /// chosen.
    #[must_use]
    pub const fn new(
        name: &'static str,
        meaning: &'static str,
        range: Range,
        default: fn(DataShape) -> Value,
    ) -> Self {
        Self {
            name,
            meaning,
            range,
            default,
            applies: |_| true,
            fitted: |_, value| value,
            small: |_, value| value,
        }
    }

    /// The same with another default.
    #[must_use]
    pub const fn by_default(self, default: fn(DataShape) -> Value) -> Self {
        Self { default, ..self }
    }

    /// The same by another name and with another meaning.
    #[must_use]
    pub const fn renamed(self, name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            ..self
        }
    }

    /// The same, a whole number of `least` or more.
    #[must_use]
    pub const fn at_least(self, least: usize) -> Self {
        Self {
            range: Range::Count(least),
            ..self
        }
    }

    /// The same, for data alone of which this is true.
    #[must_use]
    pub const fn only_for(self, applies: fn(DataShape) -> bool) -> Self {
        Self { applies, ..self }
    }

    /// The same with a change of the default for rows that no source has tried: a published value
    /// suits the data that it was published for.
    #[must_use]
    pub const fn fitted(self, fitted: Change) -> Self {
        Self { fitted, ..self }
    }

    /// The same with a change of the default for a model that is small enough to be looked at number
    /// by number.
    #[must_use]
    pub const fn in_miniature(self, small: Change) -> Self {
        Self { small, ..self }
    }

    /// Its value for data of this shape, which it must apply to, as its source has it.
    #[must_use]
    pub fn default(&self, data: DataShape) -> Value {
        (self.default)(data)
    }

    pub(super) fn applies(&self, data: DataShape) -> bool {
        (self.applies)(data)
    }

    pub(super) fn fitted_default(&self, data: DataShape) -> Value {
        (self.fitted)(data, self.default(data))
    }

    pub(super) fn small_default(&self, data: DataShape) -> Value {
        (self.small)(data, self.default(data))
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({}: {})", self.name, self.range)
    }
}
