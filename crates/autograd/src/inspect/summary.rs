//! A tensor in one line.

use std::fmt;

use retrograd_tensor::{Shape, Tensor};

/// The shape of a tensor, the range of its finite elements, and how many are not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Size along each axis.
    pub shape: Shape,
    /// Smallest finite element; infinite if there is none.
    pub min: f64,
    /// Mean of the finite elements; NaN if there is none.
    pub mean: f64,
    /// Largest finite element; infinite if there is none.
    pub max: f64,
    /// Number of NaNs.
    pub nan: usize,
    /// Number of infinities.
    pub infinite: usize,
}

impl Summary {
    /// Looks at every element once.
    #[must_use]
    pub fn of(tensor: &Tensor) -> Self {
        let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        let (mut finite, mut nan, mut infinite) = (0_usize, 0, 0);
        for value in tensor.iter() {
            if value.is_nan() {
                nan += 1;
            } else if value.is_infinite() {
                infinite += 1;
            } else {
                finite += 1;
                min = min.min(value);
                max = max.max(value);
                sum += value;
            }
        }
        Self {
            shape: *tensor.shape(),
            min,
            mean: sum / finite as f64,
            max,
            nan,
            infinite,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.shape.elements();
        write!(f, "{}", self.shape)?;
        if self.nan + self.infinite < count {
            let [min, mean, max] = [self.min, self.mean, self.max].map(short);
            write!(f, " min {min} mean {mean} max {max}")?;
        }
        if self.nan > 0 {
            write!(f, ", {} NaN of {count}", self.nan)?;
        }
        if self.infinite > 0 {
            write!(f, ", {} infinite of {count}", self.infinite)?;
        }
        Ok(())
    }
}

/// Four significant digits, in plain form where that is short: `-0.3133`, `4.219e31`.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&size) {
        let digits = 3 - (size.log10().floor() as i32).clamp(-3, 3);
        format!("{value:.*}", digits as usize)
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_read_well() {
        let x = Tensor::from_vec(vec![-0.31326, 2.0, f64::NAN, f64::INFINITY], [4]);
        assert_eq!(
            Summary::of(&x).to_string(),
            "[4] min -0.3133 mean 0.8434 max 2.000, 1 NaN of 4, 1 infinite of 4"
        );
        assert_eq!(
            [0.0, 12345.6, 4.2187e31, -5e-4].map(short),
            ["0", "12346", "4.219e31", "-5.000e-4"]
        );
    }
}
