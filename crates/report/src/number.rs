//! Numbers as people want to read them.

/// A number in about four significant digits: `0.08312`, `97.4`, `1234`, `3.1e-7`.
///
/// Trailing zeros are dropped, very large and very small numbers get an exponent, and what is not
/// finite reads `NaN`, `inf` or `-inf`, which a [`Report`](crate::Report) shows in a warning colour.
///
/// ```
/// use retrograd_report::number;
/// assert_eq!(number(0.083_119), "0.08312");
/// assert_eq!(number(40.0), "40");
/// assert_eq!(number(1.25e-7), "1.25e-7");
/// assert_eq!(number(f64::NAN), "NaN");
/// ```
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into(); // also for -0
    }
    if !value.is_finite() {
        return value.to_string();
    }
    // Rounding first: 9.99996 has the exponent of 10.
    let scientific = format!("{value:.3e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match exponent {
        -4..=3 => trimmed(&format!("{value:.*}", (3 - exponent) as usize)).into(),
        4..=6 => format!("{value:.0}"),
        _ => format!("{}e{exponent}", trimmed(mantissa)),
    }
}

/// The decimal without the zeros (and the point) that say nothing.
fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn four_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (100.0, "100"),
            (-0.5, "-0.5"),
            (9.999_96, "10"),
            (12_345.6, "12346"),
            (0.000_123_45, "0.0001234"),
            (0.000_012_5, "1.25e-5"),
            (3e20, "3e20"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
