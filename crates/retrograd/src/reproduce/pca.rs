//! What no linear autoencoder can do better: the principal components of the data.
//!
//! With λ₁ ≥ λ₂ ≥ ... the eigenvalues of the covariance, a projection onto the first k eigenvectors
//! leaves Σ λᵢ over i > k of each sample's squared length on average, and no other linear map of that
//! rank leaves less (Eckart and Young 1936).

use retrograd::tensor::{MatrixError, Tensor};

/// The principal components of samples.
pub(super) struct Components {
    /// Variances in rising order, `[features]`.
    variances: Tensor<f64>,
    /// The direction of each, `[features, features]`, one a column.
    directions: Tensor<f64>,
}

/// Samples that are converted to double precision at a time.
const ROWS: usize = 2000;

impl Components {
    /// Of samples `[samples, features]`; the covariance divides by their number.
    ///
    /// # Errors
    /// If the eigenvalues are not found, as where a sample is not finite.
    pub(super) fn of(samples: &Tensor<f32>) -> Result<Self, MatrixError> {
        let [count, features] = [samples.shape()[0], samples.shape()[1]];
        let blocks = || (0..count).step_by(ROWS).map(|start| block(samples, start));
        let mut mean = Tensor::<f64>::zeros([features]);
        for block in blocks() {
            mean = &mean + &block.sum(0);
        }
        let mean = mean.map(|sum| sum / count as f64);
        let mut scatter = Tensor::<f64>::zeros([features, features]);
        for block in blocks() {
            let centred = &block - &mean;
            scatter = &scatter + &centred.t().matmul(&centred);
        }
        let covariance = scatter.map(|sum| sum / count as f64);
        let (variances, directions) = covariance.try_eigh()?;
        Ok(Self {
            variances,
            directions,
        })
    }

    /// What the first `code` components leave of the squared length, summed over the features.
    pub(super) fn residual(&self, code: usize) -> f64 {
        let beyond = self.variances.elements() - code;
        self.variances.iter().take(beyond).sum()
    }

    /// How much of the subspace of the first components the columns of `decoder`, `[features, code]`,
    /// span: ‖Vᵀ Q‖² / k with Q an orthonormal basis of theirs, the mean of cos² of the principal
    /// angles; 1 if the subspaces are one.
    pub(super) fn shared(&self, decoder: &Tensor<f32>) -> f64 {
        let decoder = double(decoder);
        let (features, code) = (decoder.shape()[0], decoder.shape()[1]);
        let first = self
            .directions
            .slice(1, (features - code) as isize..features as isize);
        let gram = decoder.t().matmul(&decoder);
        let within = first.t().matmul(&decoder);
        let within = within.t().matmul(&within);
        // Columns that depend on each other span no subspace of that size.
        let Ok(shares) = gram.try_solve(&within, false) else {
            return f64::NAN;
        };
        (0..code).map(|i| shares.at(&[i, i])).sum::<f64>() / code as f64
    }
}

/// Rows from `start` on in double precision.
fn block(samples: &Tensor<f32>, start: usize) -> Tensor<f64> {
    let end = (start + ROWS).min(samples.shape()[0]);
    double(&samples.slice(0, start as isize..end as isize))
}

fn double(single: &Tensor<f32>) -> Tensor<f64> {
    let values = single.iter().map(f64::from).collect();
    Tensor::from_vec(values, *single.shape())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_different_length_are_found() {
        // ±3 along x, ±2 along y, ±1 along z, one at a time, moved away from the origin.
        let steps = [[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
        let signed = steps
            .iter()
            .flat_map(|step| [step.map(|x: f32| 5.0 + x), step.map(|x| 5.0 - x)]);
        let samples = Tensor::from_vec(signed.flatten().collect(), [6, 3]);
        let components = Components::of(&samples).unwrap();
        assert!((components.residual(2) - 2.0 / 6.0).abs() < 1e-12);
        assert!((components.residual(1) - 10.0 / 6.0).abs() < 1e-12);
        let span = |values: Vec<f32>| components.shared(&Tensor::from_vec(values, [3, 2]));
        // Any basis of the plane of x and y; then one that leaves it by 45° in one direction.
        assert!((span(vec![1.0, 2.0, -3.0, 1.0, 0.0, 0.0]) - 1.0).abs() < 1e-12);
        assert!((span(vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0]) - 0.75).abs() < 1e-12);
    }
}
