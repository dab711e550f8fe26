//! Scales of features, fitted on training data, applied to all, and undone.
//!
//! ```text
//! Scaling::standard   x' = (x − mean) / deviation     of each feature
//! Scaling::unit       x' = (x − min) / (max − min)    into [0, 1]
//! ```
//!
//! Both are (x − offset) / scale, so both are one type. A feature that is constant in the training
//! data has the scale 1, so that nothing is divided by 0. What the held-out data looks like must not
//! leak into how it is scaled, so it takes the scale of the training data, and may leave [0, 1].

use rand::RngExt;
use retrograd_tensor::{Element, Float, Tensor, random, typed};

/// An offset and a scale for each feature. Both have twice the digits of the samples, since what is
/// left of a large number may be its last digits.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// What is subtracted, one for each feature.
    pub offset: Vec<f64>,
    /// What is divided by, one for each feature, never 0.
    pub scale: Vec<f64>,
}

impl Scaling {
    /// Mean 0 and standard deviation 1 (dividing by n) of each feature of `samples`,
    /// `[samples, features]`.
    ///
    /// # Panics
    /// If there are no samples, or they are not rows.
    #[track_caller]
    #[must_use]
    pub fn standard(samples: &Tensor) -> Self {
        Self::fit(samples, |column| {
            let n = column.len() as f64;
            let mean = column.iter().sum::<f64>() / n;
            let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            (mean, variance.sqrt())
        })
    }

    /// The interval from 0 to 1 for each feature of `samples`, `[samples, features]`.
    ///
    /// # Panics
    /// If there are no samples, or they are not rows.
    #[track_caller]
    #[must_use]
    pub fn unit(samples: &Tensor) -> Self {
        Self::fit(samples, |column| {
            let low = column.iter().copied().fold(f64::INFINITY, f64::min);
            let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high - low)
        })
    }

    #[track_caller]
    fn fit(samples: &Tensor, of: impl Fn(&[f64]) -> (f64, f64)) -> Self {
        let shape = samples.shape();
        assert!(
            shape.rank() == 2 && shape[0] > 0,
            "scaling: {shape} are no samples in rows; flatten them to [samples, features]"
        );
        let width = shape[1];
        typed!(samples.dtype(), T => {
            let values = samples.values::<T>();
            Self::of((0..width).map(|feature| {
                let column = values[feature..].iter().step_by(width);
                of(&column.map(|x| x.to_f64()).collect::<Vec<_>>())
            }))
        })
    }

    /// The scaling with these offsets and sizes, where a size of 0 becomes a scale of 1.
    pub(crate) fn of(features: impl Iterator<Item = (f64, f64)>) -> Self {
        let (offset, scale) = features
            .map(|(offset, size)| (offset, if size > 0.0 { size } else { 1.0 }))
            .unzip();
        Self { offset, scale }
    }

    /// A value of a feature on the new scale.
    ///
    /// # Panics
    /// If there is no such feature.
    #[must_use]
    pub fn applied(&self, feature: usize, value: f64) -> f32 {
        ((value - self.offset[feature]) / self.scale[feature]) as f32
    }

    /// The samples on the new scale, `[samples, features]`.
    ///
    /// # Panics
    /// If the samples are not rows of as many features.
    #[track_caller]
    #[must_use]
    pub fn apply(&self, samples: &Tensor) -> Tensor {
        self.each(samples, |feature, value| self.applied(feature, value))
    }

    /// The samples on the scale they had, `[samples, features]`.
    ///
    /// # Panics
    /// If the samples are not rows of as many features.
    #[track_caller]
    #[must_use]
    pub fn invert(&self, samples: &Tensor) -> Tensor {
        self.each(samples, |feature, value| {
            value * self.scale[feature] + self.offset[feature]
        })
    }

    #[track_caller]
    fn each<U: Float>(&self, samples: &Tensor, of: impl Fn(usize, f64) -> U) -> Tensor {
        let (shape, width) = (samples.shape(), self.offset.len());
        assert!(
            shape.rank() == 2 && shape[1] == width,
            "scaling: {shape} are no rows of {width} features"
        );
        typed!(samples.dtype(), T => {
            let rows = samples.values::<T>();
            let values = rows.chunks(width.max(1)).flat_map(|row| {
                let row = row.iter().enumerate();
                row.map(|(feature, value)| of(feature, value.to_f64()))
            });
            Tensor::from_vec(values.collect(), *shape)
        })
    }
}

/// 1 where a value is above the threshold and 0 elsewhere, once and for all.
#[must_use]
pub fn binarize(samples: &Tensor, threshold: f32) -> Tensor {
    samples.map(|x| f64::from(u8::from(x > f64::from(threshold))))
}

/// 1 with the probability that a value states and 0 otherwise, once and for all (Larochelle & Murray
/// 2011, whose binary MNIST is made in this manner); `[samples, ...]`.
///
/// A sample is a function of the seed, its position and its values, so a longer set begins with the
/// shorter one. Values below 0 count as 0, and those above 1 as 1.
#[must_use]
pub fn binarize_by_chance(samples: &Tensor, seed: u64) -> Tensor {
    let count = samples.shape().first().copied().unwrap_or(1).max(1);
    let width = (samples.elements() / count).max(1);
    let mut drawn = samples.values::<f32>().into_owned();
    for (sample, values) in drawn.chunks_mut(width).enumerate() {
        let mut rng = random::stream(seed, "binarize", &[sample as u64]);
        for value in values {
            *value = f32::from(u8::from(rng.random::<f32>() < *value));
        }
    }
    Tensor::from_vec(drawn, *samples.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, assert_abs_diff_eq};

    fn table() -> Tensor {
        // The last column is constant.
        Tensor::from_vec(
            vec![
                1.0_f32, -10.0, 7.0, 2.0, 0.0, 7.0, 3.0, 10.0, 7.0, 6.0, 40.0, 7.0,
            ],
            [4, 3],
        )
    }

    #[test]
    fn the_standard_scale_has_mean_0_and_deviation_1() {
        let scaling = Scaling::standard(&table());
        assert_eq!(scaling.offset.to_vec(), [3.0, 10.0, 7.0]);
        let scaled = scaling.apply(&table());
        for feature in 0..2 {
            let column = scaled.slice(1, feature..feature + 1);
            let column = column.values::<f32>();
            let mean = column.iter().sum::<f32>() / 4.0;
            let square = column.iter().map(|x| x * x).sum::<f32>() / 4.0;
            assert_abs_diff_eq!(mean, 0.0, epsilon = 1e-6, "{column:?}");
            assert_abs_diff_eq!(square, 1.0, epsilon = 1e-6, "{column:?}");
        }
        assert_eq!(scaled.slice(1, 2..3).to_vec(), [0.0; 4]);
    }

    #[test]
    fn the_unit_scale_ends_at_0_and_1() {
        let scaling = Scaling::unit(&table());
        let scaled = scaling.apply(&table());
        assert_eq!(*scaled.slice(1, 0..1).values::<f32>(), [0.0, 0.2, 0.4, 1.0]);
        assert_eq!(scaled.slice(1, 2..3).to_vec(), [0.0; 4]);
        // What lies outside of the training data leaves the interval.
        let outside = Tensor::from_vec(vec![11.0_f32, -60.0, 8.0], [1, 3]);
        assert_eq!(scaling.apply(&outside).to_vec(), [2.0, -1.0, 1.0]);
    }

    #[test]
    fn scales_can_be_undone() {
        for scaling in [Scaling::standard(&table()), Scaling::unit(&table())] {
            let back = scaling.invert(&scaling.apply(&table()));
            assert_abs_diff_eq!(back.cast(DType::F32), table(), epsilon = 1e-5);
        }
    }

    #[test]
    #[should_panic(expected = "no samples in rows")]
    fn nothing_cannot_be_fitted() {
        let _ = Scaling::unit(&Tensor::zeros([0, 3], DType::F32));
    }

    #[test]
    fn binary_values_follow_threshold_or_chance() {
        let shades = Tensor::from_vec(vec![0.0_f32, 0.5, 0.51, 1.0], [2, 2]);
        assert_eq!(binarize(&shades, 0.5).to_vec(), [0.0, 0.0, 1.0, 1.0]);
        let grey = Tensor::full([1000, 10], 0.3_f32);
        let drawn = binarize_by_chance(&grey, 5);
        let share = drawn.values::<f32>().iter().sum::<f32>() / 10_000.0;
        // Five standard deviations of the share.
        assert_abs_diff_eq!(
            share,
            0.3,
            epsilon = 5.0 * (0.3_f32 * 0.7 / 10_000.0).sqrt()
        );
        assert!(drawn.iter().all(|x| x == 0.0 || x == 1.0));
        assert_eq!(drawn, binarize_by_chance(&grey, 5));
        assert_ne!(drawn, binarize_by_chance(&grey, 6));
        let shorter = binarize_by_chance(&Tensor::full([10, 10], 0.3_f32), 5);
        assert_eq!(drawn.slice(0, 0..10).contiguous(), shorter);
        let sure = Tensor::from_vec(vec![0.0_f32, 1.0, -1.0, 2.0], [1, 4]);
        assert_eq!(binarize_by_chance(&sure, 1).to_vec(), [0.0, 1.0, 0.0, 1.0]);
    }
}
