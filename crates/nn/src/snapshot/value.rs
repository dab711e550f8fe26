//! A single value of a snapshot, and how it looks as JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A single value of a snapshot.
///
/// With `serde` it is a plain JSON value; a number that is not finite is `{"float": "inf"}`, `"-inf"`
/// or `"nan"`. Read with `serde_json`'s `float_roundtrip`, numbers come back to the bit (of NaN,
/// that it is one).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Whether something holds.
    Flag(bool),
    /// How often something happened.
    Count(u64),
    /// A number.
    Number(f64),
    /// A few numbers.
    Numbers(Vec<f64>),
    /// A word, such as the name of an update rule.
    Text(String),
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "true or false",
            Self::Count(_) => "a count",
            Self::Number(_) => "a number",
            Self::Numbers(_) => "a list of numbers",
            Self::Text(_) => "a text",
        }
    }
}

/// `value_from! { bool => Flag }` gives `impl From<bool> for Value { fn from(v) { Value::Flag(v) } }`.
macro_rules! value_from {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

value_from! { bool => Flag, u64 => Count, f64 => Number, Vec<f64> => Numbers, &str => Text, String => Text }

/// A number as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Float64 {
    Finite(f64),
    Other { float: String },
}

impl From<f64> for Float64 {
    fn from(number: f64) -> Self {
        if number.is_finite() {
            return Self::Finite(number);
        }
        let name = if number.is_nan() { "nan" } else { "inf" };
        let sign = if number < 0.0 { "-" } else { "" };
        Self::Other {
            float: format!("{sign}{name}"),
        }
    }
}

impl TryFrom<Float64> for f64 {
    type Error = String;

    fn try_from(number: Float64) -> Result<Self, String> {
        match number {
            Float64::Finite(number) => Ok(number),
            Float64::Other { float } => match float.as_str() {
                "inf" => Ok(Self::INFINITY),
                "-inf" => Ok(Self::NEG_INFINITY),
                "nan" => Ok(Self::NAN),
                _ => Err(format!("`{float}` is not inf, -inf or nan")),
            },
        }
    }
}

/// A value as JSON has it; what is tried first comes first, so that `3` is a count and `3.0` none.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Raw {
    Flag(bool),
    Count(u64),
    Number(Float64),
    Numbers(Vec<Float64>),
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = match self {
            Self::Flag(flag) => Raw::Flag(*flag),
            Self::Count(count) => Raw::Count(*count),
            Self::Number(number) => Raw::Number((*number).into()),
            Self::Numbers(numbers) => Raw::Numbers(numbers.iter().map(|&n| n.into()).collect()),
            Self::Text(text) => Raw::Text(text.clone()),
        };
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = |raw: Float64| f64::try_from(raw).map_err(serde::de::Error::custom);
        Ok(match Raw::deserialize(deserializer)? {
            Raw::Flag(flag) => Self::Flag(flag),
            Raw::Count(count) => Self::Count(count),
            Raw::Number(raw) => Self::Number(number(raw)?),
            Raw::Numbers(raw) => {
                Self::Numbers(raw.into_iter().map(number).collect::<Result<_, _>>()?)
            }
            Raw::Text(text) => Self::Text(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_json_to_the_bit() {
        let numbers = [
            0.1 + 0.2,
            -0.0,
            3.0,
            1e22,
            5e-324,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        let mut values: Vec<Value> = numbers.map(Value::Number).to_vec();
        values.extend([
            Value::Numbers(numbers.to_vec()),
            Value::Numbers(Vec::new()),
            Value::Count(u64::MAX),
            Value::Count(3),
            Value::Flag(true),
            Value::Text("inf".to_owned()),
        ]);
        let bits = |value: &Value| match value {
            Value::Number(n) => vec![n.to_bits()],
            Value::Numbers(list) => list.iter().map(|n| n.to_bits()).collect(),
            _ => Vec::new(),
        };
        for value in values {
            let json = serde_json::to_string(&value).unwrap();
            let back: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value.kind(), back.kind(), "{json}");
            assert_eq!(bits(&value), bits(&back), "{json}");
            if bits(&value).is_empty() {
                assert_eq!(value, back);
            }
        }
        let error = serde_json::from_str::<Value>("{\"float\": \"big\"}").unwrap_err();
        assert!(error.to_string().contains("`big` is not inf"), "{error}");
    }
}
