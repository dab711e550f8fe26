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

/// The largest power of ten that is exact in 8 bytes, and digits that are.
const EXACT_POWER: usize = 22;
const EXACT_DIGITS: usize = 15;
const POWERS: [f64; EXACT_POWER + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
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
    let value = match plain(field, decimal) {
        Some(value) => value,
        None => any(field, decimal)?,
    };
    (value as f32).is_finite().then_some(value)
}

/// Few digits around a decimal mark: the quotient of two numbers that are exact, so rounded once
/// (Clinger 1990). Nearly all numbers in tables are such.
fn plain(field: &[u8], decimal: u8) -> Option<f64> {
    let (negative, digits) = match field {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, field),
    };
    if digits.is_empty() || digits.len() > EXACT_DIGITS + 1 {
        return None;
    }
    let (mut whole, mut point) = (0_u64, None);
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            _ if byte == decimal && point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |at| digits.len() - 1 - at);
    let count = digits.len() - usize::from(point.is_some());
    if count == 0 || count > EXACT_DIGITS {
        return None;
    }
    let value = whole as f64 / POWERS[decimals];
    Some(if negative { -value } else { value })
}

/// Any number.
fn any(field: &[u8], decimal: u8) -> Option<f64> {
    let text = std::str::from_utf8(field).ok()?;
    if decimal == b'.' {
        return text.parse().ok();
    }
    if text.contains('.') {
        return None;
    }
    text.replacen(char::from(decimal), ".", 1).parse().ok()
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
