//! Texts for the terminal.

use retrograd::autoencoders::Variant;

/// Every variant: name, summary and equation.
pub(crate) fn list() -> String {
    let width = Variant::ALL
        .iter()
        .map(|variant| variant.name().len())
        .max()
        .unwrap_or(0);
    let entry = |variant: Variant| {
        format!(
            "{:<width$}  {}\n{:<width$}  {}\n",
            variant.name(),
            variant.summary(),
            "",
            variant.equation()
        )
    };
    Variant::ALL.into_iter().map(entry).collect()
}

/// A count for people: `931`, `109 k`, `1.2 M`.
pub(crate) fn count(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..10_000 => format!("{:.1} k", number as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} k", number as f64 / 1e3),
        _ => format!("{:.1} M", number as f64 / 1e6),
    }
}
