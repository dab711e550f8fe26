//! What there is to see of a tensor: its range, its norm, how its elements are spread.

use retrograd_tensor::{DType, Tensor};
use serde::{Serialize, Serializer};

use super::summary::Summary;

/// Bars of a histogram.
const BINS: usize = 16;

/// Largest tensor that is kept with all its elements: an 8 by 8 matrix.
const SMALL: usize = 64;

/// A tensor as it is shown: a summary, and all of it if it is small.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Value {
    /// Size along each axis.
    pub shape: Vec<usize>,
    /// Smallest finite element; infinite if there is none.
    #[serde(serialize_with = "number")]
    pub min: f64,
    /// Mean of the finite elements; NaN if there is none.
    #[serde(serialize_with = "number")]
    pub mean: f64,
    /// Largest finite element; infinite if there is none.
    #[serde(serialize_with = "number")]
    pub max: f64,
    /// The root of the sum of squares of the finite elements.
    #[serde(serialize_with = "number")]
    pub norm: f64,
    /// Number of NaNs.
    pub nan: usize,
    /// Number of infinities.
    pub infinite: usize,
    /// How many finite elements are in each of 16 equal parts of the range from `min` to `max`; all
    /// in the first if there is no range.
    pub histogram: Vec<usize>,
    /// The elements in row-major order, if there are 64 or fewer.
    #[serde(serialize_with = "numbers", skip_serializing_if = "Option::is_none")]
    pub elements: Option<Vec<f64>>,
}

impl Value {
    /// Looks at every element three times.
    #[must_use]
    pub fn of(tensor: &Tensor) -> Self {
        let summary = Summary::of(tensor);
        let Summary { min, max, .. } = summary;
        let finite = || tensor.iter().filter(|value| value.is_finite());
        let mut histogram = vec![0; BINS];
        let scale = BINS as f64 / (max - min);
        for value in finite() {
            // Without a range the scale is infinite and 0·∞ no number, which becomes bar 0.
            let bin = ((value - min) * scale) as usize;
            histogram[bin.min(BINS - 1)] += 1;
        }
        let is_small = tensor.elements() <= SMALL;
        Self {
            shape: tensor.shape().to_vec(),
            min,
            mean: summary.mean,
            max,
            norm: finite().map(|value| value * value).sum::<f64>().sqrt(),
            nan: summary.nan,
            infinite: summary.infinite,
            histogram,
            elements: is_small.then(|| {
                tensor
                    .iter()
                    .map(|value| shortest(value, tensor.dtype()))
                    .collect()
            }),
        }
    }
}

/// The number that a person would write for this one: 0.1 for the `f32` nearest to it.
fn shortest(value: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => (value as f32).to_string().parse().unwrap_or(value),
        DType::F64 | DType::I64 => value,
    }
}

/// JSON has no word for what is not finite; `"NaN"`, `"inf"` and `"-inf"` stand for it.
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.collect_str(value)
    }
}

#[derive(Serialize)]
struct Number(#[serde(serialize_with = "number")] f64);

fn numbers<S: Serializer>(values: &Option<Vec<f64>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().flatten().map(|&value| Number(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, assert_abs_diff_eq};

    #[test]
    fn small_tensors_are_kept_and_large_ones_counted() {
        let value = Value::of(&Tensor::from_vec(vec![0.1_f32, f32::NAN, -3.0, 4.0], [4]));
        assert_eq!((value.min, value.max, value.nan), (-3.0, 4.0, 1));
        assert_eq!(value.histogram.iter().sum::<usize>(), 3);
        assert_eq!((value.histogram[0], value.histogram[BINS - 1]), (1, 1));
        assert_eq!(value.elements.as_ref().map(|all| all[0]), Some(0.1));
        assert_abs_diff_eq!(value.norm, 25.01_f64.sqrt(), epsilon = 1e-6);
        let text = serde_json::to_string(&value).unwrap();
        assert!(
            text.contains(r#""elements":[0.1,"NaN",-3.0,4.0]"#),
            "{text}"
        );
        let large = Value::of(&Tensor::zeros([65], DType::F64));
        assert_eq!((large.elements, large.histogram[0]), (None, 65));
    }

    #[test]
    fn nothing_has_no_range() {
        let value = Value::of(&Tensor::zeros([0, 3], DType::F64));
        let text = serde_json::to_string(&value).unwrap();
        assert!(
            text.contains(r#""min":"inf""#) && text.contains(r#""mean":"NaN""#),
            "{text}"
        );
    }
}
