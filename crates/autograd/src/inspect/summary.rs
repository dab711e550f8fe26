//! A tensor in one line.

use std::fmt;

use retrograd_tensor::{Float, Shape, Tensor};

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
    pub fn of<T: Float>(tensor: &Tensor<T>) -> Self {
        let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        let (mut finite, mut nan, mut infinite) = (0_usize, 0, 0);
        for value in tensor.iter().map(|value| value.to_f64()) {
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
            write!(
                f,
                " min {:.4e} mean {:.4e} max {:.4e}",
                self.min, self.mean, self.max
            )?;
        }
        if self.nan > 0 {
            write!(f, " {} NaN of {count}", self.nan)?;
        }
        if self.infinite > 0 {
            write!(f, " {} infinite of {count}", self.infinite)?;
        }
        Ok(())
    }
}
