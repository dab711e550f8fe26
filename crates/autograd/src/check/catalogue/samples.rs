//! Inputs at which differences can be trusted.

use retrograd_tensor::{Shape, Tensor, random};

/// Irregular numbers of either sign in random order, at least 0.15 from 0 and from each other: more
/// than four of the largest difference steps, 1/32, so that no step crosses a kink or a tie.
///
/// # Panics
/// If the shape has more axes than a [`Shape`] can have.
#[must_use]
pub fn sample(shape: impl Into<Shape>) -> Tensor {
    let shape = shape.into();
    let mut order =
        random::permutation(shape.elements(), &mut random::rng(shape.elements() as u64));
    let half = shape.elements() as f64 / 2.0;
    Tensor::from_fn(shape, |_| {
        let rank = order.pop().expect("one a element") as f64 + 0.5 - half;
        // 0.2 apart, irregular by up to 0.04, and away from 0.
        let value = 0.2 * rank + 0.04 * (3.0 * rank).sin().abs();
        value + 0.2_f64.copysign(value)
    })
}

/// As [`sample`], all at least 0.3.
///
/// # Panics
/// As [`sample`].
#[must_use]
pub fn positive(shape: impl Into<Shape>) -> Tensor {
    let x = sample(shape);
    x.map(|v| v.abs() + 0.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the tolerances of the catalogue rest on.
    #[test]
    fn samples_are_further_from_kinks_and_ties_than_a_step() {
        for elements in [1, 2, 3, 6, 8, 12, 14, 24] {
            let mut values = sample([elements]).to_vec();
            values.push(0.0);
            values.sort_by(f64::total_cmp);
            assert!(
                values.windows(2).all(|pair| pair[1] - pair[0] > 0.15),
                "{values:?}"
            );
        }
    }
}
