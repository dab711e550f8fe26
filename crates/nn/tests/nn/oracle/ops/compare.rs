//! How far two results are apart.

use std::collections::BTreeMap;

use retrograd_tensor::{Array, DType, Tensor};

use super::case::Results;

/// Worst errors, relative to the largest entry of what they belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Errors {
    pub(crate) value: f64,
    pub(crate) first: f64,
    pub(crate) second: f64,
}

impl Errors {
    pub(crate) fn include(&mut self, other: &Self) {
        self.value = self.value.max(other.value);
        self.first = self.first.max(other.first);
        self.second = self.second.max(other.second);
    }

    /// The first error beyond its bound, in words.
    pub(crate) fn beyond(&self, bounds: &Self) -> Option<String> {
        let pairs = [
            ("values", self.value, bounds.value),
            ("first order", self.first, bounds.first),
            ("second order", self.second, bounds.second),
        ];
        let (what, error, bound) = pairs.into_iter().find(|(_, error, bound)| error > bound)?;
        Some(format!("{what} off by {error:.1e}, more than {bound:.1e}"))
    }
}

/// What derivatives are made of, for those in which it cancels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The largest cotangent.
    pub(crate) first: f64,
    /// The largest cotangent times the largest weight.
    pub(crate) second: f64,
    /// A derivative whose largest entry is below this part of its terms is what rounding left of
    /// zero; its error is relative to the terms.
    pub(crate) cancelled: f64,
}

impl Terms {
    /// The part below which a derivative in f64 is zero but for rounding.
    pub(crate) const CANCELLED_DOUBLE: f64 = 1e-12;
    /// In f32 a derivative is as good as its terms are: that of a share close to 1, say, is a
    /// difference of terms many times as large.
    pub(crate) const CANCELLED_SINGLE: f64 = 1.0;

    /// What errors of a derivative are relative to.
    fn scale(&self, largest: f64, terms: f64) -> f64 {
        if largest > self.cancelled * terms {
            largest
        } else {
            terms
        }
    }
}

/// The errors of what was found, or what cannot be compared. What is expected must be there, but
/// for outputs that an operation declares absent.
pub(crate) fn errors(found: &Results, expected: &Results, terms: &Terms) -> Result<Errors, String> {
    for (name, positions) in &found.positions {
        same(name, positions, &expected.positions[name])?;
    }
    let mut values = expected.values.clone();
    values.retain(|name, _| found.values.contains_key(name));
    let value = worst(&found.values, &values, |largest| largest)?;
    let scale = |largest| terms.scale(largest, terms.first);
    let first = worst(&found.first, &expected.first, scale)?;
    let recorded = worst(&found.recorded, &expected.recorded, scale)?;
    let scale = |largest| terms.scale(largest, terms.second);
    Ok(Errors {
        value,
        first: first.max(recorded),
        second: worst(&found.second, &expected.second, scale)?,
    })
}

fn same(name: &str, found: &Array<i64>, expected: &Array<i64>) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{name}: positions {found:?}, not {expected:?}"))
    }
}

fn worst(
    found: &BTreeMap<String, Tensor>,
    expected: &BTreeMap<String, Tensor>,
    scale: impl Fn(f64) -> f64,
) -> Result<f64, String> {
    let mut worst = 0.0_f64;
    for (name, expected) in expected {
        let found = found
            .get(name)
            .ok_or_else(|| format!("{name} is missing"))?;
        if found.shape() != expected.shape() {
            let (found, expected) = (found.shape(), expected.shape());
            return Err(format!("{name} has shape {found}, not {expected}"));
        }
        worst = worst.max(relative_error(found, expected, &scale));
    }
    Ok(worst)
}

/// Largest difference, relative to the scale that belongs to the largest expected entry, or to 1 if
/// that is 0. Equal entries have none even where they are infinite or both no number; one NaN is
/// infinitely wrong.
fn relative_error(found: &Tensor, expected: &Tensor, scale: impl Fn(f64) -> f64) -> f64 {
    let finite = expected.iter().filter(|entry| entry.is_finite());
    let largest = finite.fold(0.0_f64, |max, entry| max.max(entry.abs()));
    let scale = scale(largest);
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let difference = |(f, e): (f64, f64)| {
        let equal = f == e || (f.is_nan() && e.is_nan());
        let error = if equal { 0.0 } else { (f - e).abs() / scale };
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let pairs = found.iter().zip(expected.iter());
    pairs.map(difference).fold(0.0, f64::max)
}

/// The bound of `f32` against `f64` on the same numbers: rounding errors of a sum grow as the
/// square root of its length at least and as the length at most, and no sum of a case is longer
/// than its tensors are.
pub(crate) fn single_precision(longest_sum: usize) -> f64 {
    /// Roundings of an element before and after it is summed.
    const ROUNDINGS: f64 = 32.0;
    ROUNDINGS * DType::F32.epsilon() * (longest_sum.max(1) as f64).sqrt()
}
