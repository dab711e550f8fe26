//! Fields of a table as numbers.

/// What a field says, as far as it can be a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field {
    Number(f64),
    /// Nothing, or a word for it.
    Missing,
    Text,
}

/// Words for a number that is missing.
const MISSING: [&[u8]; 11] = [
    b"na", b"n/a", b"#n/a", b"nan", b"null", b"none", b"nil", b"missing", b"?", b"-", b".",
];

/// What a trimmed field is, whose decimals come after the byte `decimal`.
pub(super) fn field(field: &[u8], decimal: u8) -> Field {
    match number(field, decimal) {
        Some(number) => Field::Number(number),
        None if is_missing(field) => Field::Missing,
        None => Field::Text,
    }
}

/// Whether a field is empty, or a word for it.
pub(super) fn is_missing(field: &[u8]) -> bool {
    field.is_empty() || MISSING.iter().any(|word| field.eq_ignore_ascii_case(word))
}

/// The number that a field is, if it is one that 4 bytes can hold.
pub(super) fn number(field: &[u8], decimal: u8) -> Option<f64> {
    let value: f64 = match decimal {
        b'.' => fast_float2::parse(field).ok()?,
        _ if field.contains(&b'.') => return None,
        _ => {
            let mut text = field.to_vec();
            let mark = text.iter_mut().find(|byte| **byte == decimal);
            mark.into_iter().for_each(|byte| *byte = b'.');
            fast_float2::parse(&text).ok()?
        }
    };
    (value as f32).is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for text in [
            "0",
            "-0",
            "1",
            "1.",
            ".5",
            "-.5",
            "0.1",
            "1700000000.123",
            "123456789012345",
            "1e5",
            "1234567890123456",
            "+3",
            "-2e-1",
            "0.000001",
            "1E+2",
            "99999999999999.9",
            "9007199254740993",
            "3.14159265358979323846",
        ] {
            let expected: f64 = text.parse().expect("a number");
            let found = number(text.as_bytes(), b'.').expect("a number");
            assert_eq!(found.to_bits(), expected.to_bits(), "{text}");
            let comma = text.replace('.', ",");
            assert_eq!(number(comma.as_bytes(), b','), Some(expected), "{comma}");
        }
    }

    #[test]
    fn what_is_no_number_is_missing_or_text() {
        for text in ["", "NA", "nan", "?", "-", "NULL"] {
            assert_eq!(field(text.as_bytes(), b'.'), Field::Missing, "{text}");
        }
        for text in [
            "1e99", "inf", "1,5", "1.5.2", "x", "--1", "1-", "1_000", "0x10", "+-1",
        ] {
            assert_eq!(field(text.as_bytes(), b'.'), Field::Text, "{text}");
        }
        for text in ["1.5", "1,5,2", "1.234,5"] {
            assert_eq!(field(text.as_bytes(), b','), Field::Text, "{text}");
        }
    }
}
