//! Principal components: the directions along which samples vary most.
//!
//! ```text
//! C = (X − μ)ᵀ(X − μ) / n = V Λ Vᵀ        projection: (X − μ) V
//! ```
//!
//! Among all planes of a width, the one of the first components is nearest to the samples (Pearson
//! 1901), so it is the fairest flat picture of a space of many dimensions. Where there are fewer
//! samples than features, the small matrix (X − μ)(X − μ)ᵀ has the same eigenvalues, and its
//! eigenvectors u give the directions (X − μ)ᵀu.

use retrograd_tensor::{DType, Tensor};

/// Variances below this share of the largest are rounding: their directions mean nothing.
const NEGLIGIBLE: f64 = 1e-12;
/// Samples that are converted to double precision at a time.
const ROWS: usize = 2000;

/// The directions of largest variance of some samples, all in `f64`.
#[derive(Clone, Debug)]
pub struct PrincipalComponents {
    /// μ, `[features]`.
    pub mean: Tensor,
    /// Unit vectors at right angles, the one of largest variance first, `[components, features]`.
    pub directions: Tensor,
    /// The variance along each (dividing by n), in falling order.
    pub variances: Vec<f64>,
}

impl PrincipalComponents {
    /// Of `samples`, `[samples, features]`. There are at most as many components as features, and
    /// fewer where the samples lie in less.
    ///
    /// # Panics
    /// If there are no samples, they are not rows, or not finite.
    #[track_caller]
    #[must_use]
    pub fn of(samples: &Tensor) -> Self {
        let shape = samples.shape();
        assert!(
            shape.rank() == 2 && shape[0] > 0,
            "principal components: {shape} are no samples in rows; flatten them to [samples, features]"
        );
        let (count, width) = (shape[0], shape[1]);
        let blocks = || (0..count).step_by(ROWS).map(|start| block(samples, start));
        let sum = blocks().fold(Tensor::zeros([width], DType::F64), |sum, block| {
            &sum + &block.sum(0)
        });
        let mean = sum.scale(1.0 / count as f64);
        let inner = width <= count;
        let square = if inner {
            let squares = blocks().map(|block| {
                let centred = &block - &mean;
                centred.matmul_transposed(&centred, [true, false])
            });
            squares.fold(Tensor::zeros([width; 2], DType::F64), |sum, square| {
                &sum + &square
            })
        } else {
            let centred = &samples.cast(DType::F64) - &mean;
            centred.matmul_transposed(&centred, [false, true])
        };
        let (values, vectors) = square.scale(1.0 / count as f64).eigh();
        let vectors = vectors.t().flip(0);
        let mut variances: Vec<f64> = values.iter().map(|value| value.max(0.0)).collect();
        variances.reverse();
        let least = NEGLIGIBLE * variances.first().copied().unwrap_or(0.0);
        let kept = variances.iter().filter(|&&value| value > least).count();
        variances.truncate(kept);
        let vectors = vectors.slice(0, ..kept as isize).contiguous();
        let directions = if inner {
            vectors
        } else {
            let lengths = variances.iter().map(|value| (value * count as f64).sqrt());
            let lengths = Tensor::from_vec(lengths.collect(), [kept, 1]);
            let centred = &samples.cast(DType::F64) - &mean;
            &vectors.matmul(&centred) / &lengths
        };
        Self {
            mean,
            directions,
            variances,
        }
    }

    /// Where samples `[samples, features]` lie along the first `count` directions, or all that
    /// there are, `[samples, count]`.
    ///
    /// # Panics
    /// If the samples have another number of features.
    #[track_caller]
    #[must_use]
    pub fn project(&self, samples: &Tensor, count: usize) -> Tensor {
        let count = count.min(self.variances.len());
        let directions = self.directions.slice(0, ..count as isize).contiguous();
        let centred = &samples.cast(DType::F64) - &self.mean;
        centred.matmul_transposed(&directions, [false, true])
    }

    /// What a projection onto the first `count` components leaves of a sample's squared distance from
    /// the mean, on average: Σ λᵢ over i > count. No other linear map of that rank leaves less (Eckart
    /// and Young 1936).
    #[must_use]
    pub fn residual(&self, count: usize) -> f64 {
        self.variances.iter().skip(count).sum()
    }

    /// How much of the subspace of the first k components, or of all if there are fewer, the columns of
    /// `basis`, `[features, k]`, span: ‖Vᵀ Q‖² / k with Q an orthonormal basis of theirs, the mean of
    /// cos² of the principal angles; 1 if all of it. NaN if the columns depend on each other.
    ///
    /// # Panics
    /// If the columns have another number of features.
    #[track_caller]
    #[must_use]
    pub fn overlap(&self, basis: &Tensor) -> f64 {
        let basis = basis.cast(DType::F64);
        let columns = basis.shape()[1];
        let count = columns.min(self.variances.len());
        let first = self.directions.slice(0, ..count as isize).contiguous();
        let gram = basis.matmul_transposed(&basis, [true, false]);
        let within = first.matmul(&basis);
        let within = within.matmul_transposed(&within, [true, false]);
        let Ok(shares) = gram.try_solve(&within, false) else {
            return f64::NAN;
        };
        (0..columns).map(|i| shares.at(&[i, i])).sum::<f64>() / count as f64
    }

    /// The share of all variance that the first 1, 2, ... components hold together.
    #[must_use]
    pub fn explained(&self) -> Vec<f64> {
        let total: f64 = self.variances.iter().sum();
        let sums = self.variances.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum / total)
        });
        sums.collect()
    }
}

/// Rows from `start` on in double precision.
fn block(samples: &Tensor, start: usize) -> Tensor {
    let end = (start + ROWS).min(samples.shape()[0]);
    samples
        .slice(0, start as isize..end as isize)
        .cast(DType::F64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    /// Samples that vary by 3, 1 and 0.1 along known directions at right angles.
    fn tilted(count: usize) -> (Tensor, [[f64; 3]; 3]) {
        let (a, b) = (0.6_f64, 0.8_f64);
        let directions = [[a, b, 0.0], [-b, a, 0.0], [0.0, 0.0, 1.0]];
        let draws = Tensor::normal([count, 3], 0.0, 1.0, &mut random::rng(1), DType::F64);
        let scale = Tensor::from_vec(vec![3.0, 1.0, 0.1], [3]);
        let basis = Tensor::from_vec(directions.concat(), [3, 3]);
        let samples = (&draws * &scale).matmul(&basis).cast(DType::F32);
        (samples.map(|x| x + 5.0), directions)
    }

    #[test]
    fn the_directions_of_largest_variance_are_found() {
        let (samples, known) = tilted(4000);
        let found = PrincipalComponents::of(&samples);
        for (row, known) in known.iter().enumerate() {
            let cosine: f64 = (0..3)
                .map(|i| found.directions.at(&[row, i]) * known[i])
                .sum();
            assert!(cosine.abs() > 0.999, "direction {row}: {cosine}");
        }
        let deviations: Vec<f64> = found.variances.iter().map(|v| v.sqrt()).collect();
        for (found, known) in deviations.iter().zip([3.0, 1.0, 0.1]) {
            // Five standard errors of a deviation of 4000 draws.
            assert_abs_diff_eq!(found / known, 1.0, epsilon = 5.0 / 8000_f64.sqrt());
        }
        let explained = found.explained();
        assert_abs_diff_eq!(explained[2], 1.0, epsilon = 1e-12);
        assert!(explained[0] > 0.88);
    }

    #[test]
    fn few_samples_of_many_features_agree_with_the_large_matrix() {
        let samples = Tensor::normal([5, 8], 0.0, 1.0, &mut random::rng(2), DType::F32);
        let found = PrincipalComponents::of(&samples);
        assert_eq!(found.directions.shape(), [4, 8], "five points span four");
        let gram = found
            .directions
            .matmul_transposed(&found.directions, [false, true]);
        assert_abs_diff_eq!(gram, Tensor::eye(4, DType::F64), epsilon = 1e-9);
        // The variance of each projection is the eigenvalue, and together they are everything.
        let projected = found.project(&samples, 9);
        assert_eq!(projected.shape(), [5, 4]);
        let squares = (&projected * &projected).mean(0).to_vec();
        for (square, variance) in squares.iter().zip(&found.variances) {
            assert_abs_diff_eq!(square, variance, epsilon = 1e-9);
        }
        let centred = &samples.cast(DType::F64) - &found.mean;
        let total = (&centred * &centred).sum(..).item() / 5.0;
        assert_abs_diff_eq!(total, found.variances.iter().sum::<f64>(), epsilon = 1e-9);
    }

    #[test]
    fn a_plane_is_compared_with_that_of_the_first_components() {
        // ±3 along x, ±2 along y, ±1 along z, one at a time, moved away from the origin.
        let steps = [[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
        let signed = steps
            .iter()
            .flat_map(|step| [step.map(|x: f32| 5.0 + x), step.map(|x| 5.0 - x)]);
        let samples = Tensor::from_vec(signed.flatten().collect(), [6, 3]);
        let found = PrincipalComponents::of(&samples);
        assert_abs_diff_eq!(found.residual(2), 2.0 / 6.0, epsilon = 1e-12);
        assert_abs_diff_eq!(found.residual(1), 10.0 / 6.0, epsilon = 1e-12);
        let overlap = |values: Vec<f32>| found.overlap(&Tensor::from_vec(values, [3, 2]));
        // Any basis of the plane of x and y; then one that leaves it by 45° in one direction.
        assert_abs_diff_eq!(
            overlap(vec![1.0, 2.0, -3.0, 1.0, 0.0, 0.0]),
            1.0,
            epsilon = 1e-12
        );
        assert_abs_diff_eq!(
            overlap(vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0]),
            0.75,
            epsilon = 1e-12
        );
        assert!(overlap(vec![1.0, 1.0, 0.0, 0.0, 0.0, 0.0]).is_nan());
        // Points of a line: any plane that has it.
        let line = PrincipalComponents::of(&samples.rows(&[0, 1]));
        let plane = Tensor::from_vec(vec![1.0_f32, 0.0, 0.0, 1.0, 0.0, 1.0], [3, 2]);
        assert_abs_diff_eq!(line.overlap(&plane), 1.0, epsilon = 1e-12);
    }

    #[test]
    fn more_samples_than_are_converted_at_a_time_give_the_same() {
        let (samples, _) = tilted(2 * ROWS + 1);
        let found = PrincipalComponents::of(&samples);
        let whole = samples.cast(DType::F64);
        let centred = &whole - &whole.mean(0);
        let total = (&centred * &centred).sum(..).item() / (2 * ROWS + 1) as f64;
        assert_abs_diff_eq!(found.residual(0) / total, 1.0, epsilon = 1e-12);
        assert_abs_diff_eq!(found.mean, whole.mean(0), epsilon = 1e-12);
    }

    #[test]
    fn samples_that_are_all_the_same_have_no_direction() {
        let found = PrincipalComponents::of(&Tensor::full([4, 3], 2.0_f32));
        assert!(found.variances.is_empty() && found.explained().is_empty());
    }
}
